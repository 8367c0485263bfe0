// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include "base/check.h"
#include "base/text.h"
#include "config/env.h"
#include "proxy/address.h"

// What may stand before an address.
enum prefix_kind { PREFIX_IP, PREFIX_PATH, PREFIX_ABSTRACT, PREFIX_EXACT, PREFIX_FD, PREFIX_REFUSED };

static const struct prefix {
    struct slice name;
    enum prefix_kind kind;
    uint16_t want;
    const char *reason;
} prefixes[] = {
    { SLICE("ipv4@"), PREFIX_IP, AF_INET, NULL },
    { SLICE("ipv6@"), PREFIX_IP, AF_INET6, NULL },
    { SLICE("tcp@"), PREFIX_IP, AF_UNSPEC, NULL },
    { SLICE("tcp4@"), PREFIX_IP, AF_INET, NULL },
    { SLICE("tcp6@"), PREFIX_IP, AF_INET6, NULL },
    { SLICE("stream+ipv4@"), PREFIX_IP, AF_INET, NULL },
    { SLICE("stream+ipv6@"), PREFIX_IP, AF_INET6, NULL },
    { SLICE("unix@"), PREFIX_PATH, AF_UNIX, NULL },
    { SLICE("uxst@"), PREFIX_PATH, AF_UNIX, NULL },
    { SLICE("stream+unix@"), PREFIX_PATH, AF_UNIX, NULL },
    { SLICE("abns@"), PREFIX_ABSTRACT, AF_UNIX, NULL },
    { SLICE("stream+abns@"), PREFIX_ABSTRACT, AF_UNIX, NULL },
    { SLICE("abnsz@"), PREFIX_EXACT, AF_UNIX, NULL },
    { SLICE("fd@"), PREFIX_FD, AF_UNSPEC, NULL },
    { SLICE("udp@"), PREFIX_REFUSED, 0, "is of datagrams; only stream addresses are possible here" },
    { SLICE("udp4@"), PREFIX_REFUSED, 0, "is of datagrams; only stream addresses are possible here" },
    { SLICE("udp6@"), PREFIX_REFUSED, 0, "is of datagrams; only stream addresses are possible here" },
    { SLICE("uxdg@"), PREFIX_REFUSED, 0, "is of datagrams; only stream addresses are possible here" },
    { SLICE("dgram+"), PREFIX_REFUSED, 0, "is of datagrams; only stream addresses are possible here" },
    { SLICE("quic4@"), PREFIX_REFUSED, 0, "needs QUIC, which fairlead does not have" },
    { SLICE("quic6@"), PREFIX_REFUSED, 0, "needs QUIC, which fairlead does not have" },
    { SLICE("mptcp@"), PREFIX_REFUSED, 0, "needs multipath TCP, which fairlead does not support" },
    { SLICE("mptcp4@"), PREFIX_REFUSED, 0, "needs multipath TCP, which fairlead does not support" },
    { SLICE("mptcp6@"), PREFIX_REFUSED, 0, "needs multipath TCP, which fairlead does not support" },
    { SLICE("rhttp@"), PREFIX_REFUSED, 0, "needs reverse HTTP, which fairlead does not support" },
    { SLICE("sockpair@"), PREFIX_REFUSED, 0, "is for HAProxy's own processes" },
};

static const struct prefix *find_prefix(struct slice text)
{
    for (size_t i = 0; i < NUM_ITEMS(prefixes); i++) {
        if (slice_begins(text, prefixes[i].name))
            return &prefixes[i];
    }
    return NULL;
}

// HAProxy expands variables in addresses even where no quotes stand around them: "fd@${NAME}" is the usual form.
static struct slice expand(struct config *config, struct slice text)
{
    if (slice_find(text, '$') == text.len)
        return slice_of(arena_copy(config->arena, text.ptr, text.len), text.len);
    struct text out;
    text_init(&out);
    text_add(&out, "", 0);
    for (size_t i = 0; i < text.len;) {
        struct slice rest = slice_from(text, i);
        size_t end = slice_begins(rest, SLICE("${")) ? slice_find(rest, '}') : rest.len;
        struct slice name = slice_of(rest.ptr + 2, end - 2);
        if (end == rest.len || !config_env_name_is_valid(name)) {
            text_add(&out, rest.ptr, 1);
            i++;
            continue;
        }
        const char *value = config_env_get(config->env, name);
        text_add_slice(&out, slice_str(value));
        i += end + 1;
    }
    struct slice result = slice_of(arena_copy(config->arena, out.ptr ? out.ptr : "", out.len), out.len);
    text_fini(&out);
    return result;
}

static bool port_number(int32_t *out, struct slice text)
{
    uint64_t number;
    if (!slice_to_u64(text, &number) || number > 65535)
        return false;
    *out = (int32_t)number;
    return true;
}

static bool parse_port(struct config *config, struct proxy_address *out, const struct config_line *line, uint32_t index,
                       struct slice port)
{
    size_t dash = slice_find(port, '-');
    bool ok = true;
    if (port.len == 0)
        return true;
    if (port.ptr[0] == '+' || port.ptr[0] == '-') {
        out->port_kind = PROXY_PORT_OFFSET;
        ok = port_number(&out->port, slice_from(port, 1));
        out->port = port.ptr[0] == '-' ? -out->port : out->port;
    } else if (dash < port.len) {
        out->port_kind = PROXY_PORT_RANGE;
        ok = port_number(&out->port, slice_of(port.ptr, dash)) &&
             port_number(&out->last_port, slice_from(port, dash + 1)) && out->port > 0 && out->port <= out->last_port;
    } else {
        out->port_kind = PROXY_PORT_ONE;
        ok = port_number(&out->port, port);
        out->last_port = out->port;
    }
    return ok || config_error(config, line, index, "invalid port%s '%.*s'",
                              out->port_kind == PROXY_PORT_RANGE ? " range" : "", (int)port.len, port.ptr);
}

// Sets the address where `host` is one in numbers; a name otherwise.
static void parse_host(struct config *config, struct proxy_address *out, struct slice host)
{
    static const uint8_t zero[16];
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    if (host.len == 0 || slice_equal(host, SLICE("*"))) {
        out->is_any = true;
        return;
    }
    out->host = arena_copy(config->arena, host.ptr, host.len);
    struct transport_address addr;
    if (!transport_address_parse_ip(&addr, out->host) || (out->want != AF_UNSPEC && out->want != addr.family))
        return;
    out->host = NULL;
    out->addr = addr;
    out->want = addr.family;
    out->is_any = memcmp(addr.ip, zero, sizeof(zero)) == 0;
}

static bool parse_ip(struct config *config, struct proxy_address *out, const struct config_line *line, uint32_t index,
                     struct slice text)
{
    // The port follows the last colon, unless that stands within brackets. "80" alone is no port but a host.
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != ':' && text.ptr[at - 1] != ']')
        at--;
    struct slice host = text, port = { 0 };
    if (at > 0 && text.ptr[at - 1] == ':') {
        host.len = at - 1;
        port = slice_from(text, at);
    }
    parse_host(config, out, host);
    if (!parse_port(config, out, line, index, port))
        return false;
    out->addr.port = out->port_kind == PROXY_PORT_ONE ? (uint16_t)out->port : 0;
    return true;
}

static bool parse_path(struct config *config, struct proxy_address *out, const struct config_line *line, uint32_t index,
                       struct slice path, enum prefix_kind kind)
{
    // A socket's file is made under a longer name first (os/listen.h).
    size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - (kind == PREFIX_PATH ? 12 : 1);
    if (path.len == 0)
        return config_error(config, line, index, "the name of the socket is missing");
    if (path.len > most)
        return config_error(config, line, index, "'%.*s' is too long for a socket's name, which has at most %zu bytes",
                            (int)path.len, path.ptr, most);
    out->is_abstract = kind != PREFIX_PATH;
    out->is_exact = kind == PREFIX_EXACT;
    out->addr.family = AF_UNIX;
    out->want = AF_UNIX;
    out->addr.path = arena_printf(config->arena, "%s%.*s", out->is_abstract ? "@" : "", (int)path.len, path.ptr);
    return true;
}

bool proxy_address_parse(struct config *config, struct proxy_address *out, const struct config_line *line,
                         uint32_t index, struct slice text)
{
    *out = (struct proxy_address){ .fd = -1 };
    text = expand(config, text);
    if (text.len == 0)
        return config_error(config, line, index, "an address is missing");
    const struct prefix *prefix = find_prefix(text);
    if (prefix && prefix->kind == PREFIX_REFUSED)
        return config_error(config, line, index, "the address '%.*s' %s", (int)text.len, text.ptr, prefix->reason);
    struct slice rest = prefix ? slice_from(text, prefix->name.len) : text;
    if (prefix && prefix->kind == PREFIX_FD) {
        uint64_t fd;
        if (!slice_to_u64(rest, &fd) || fd > INT32_MAX)
            return config_error(config, line, index, "'%.*s' is no number of a file descriptor", (int)rest.len,
                                rest.ptr);
        out->is_fd = true;
        out->fd = (int32_t)fd;
        return true;
    }
    if (prefix && prefix->kind != PREFIX_IP)
        return parse_path(config, out, line, index, rest, prefix->kind);
    if (!prefix && text.ptr[0] == '/')
        return parse_path(config, out, line, index, text, PREFIX_PATH);
    out->want = prefix ? prefix->want : AF_UNSPEC;
    size_t at = slice_find(text, '@');
    if (!prefix && at < text.len)
        return config_error(config, line, index, "unknown address family '%.*s'", (int)at, text.ptr);
    return parse_ip(config, out, line, index, rest);
}

bool proxy_address_lookup(const struct config *config, struct transport_address *addr, const char **error,
                          const char *name, uint16_t want)
{
    struct addrinfo hints = { .ai_family = want, .ai_socktype = SOCK_STREAM }, *list = NULL;
    *error = "names are not looked up, with -dG";
    if (config->numeric_hosts)
        return false;
    int failed = getaddrinfo(name, NULL, &hints, &list);
    *error = failed ? gai_strerror(failed) : "it has no IPv4 or IPv6 address";
    bool found = false;
    for (const struct addrinfo *it = failed ? NULL : list; it && !found; it = it->ai_next) {
        if (it->ai_family != AF_INET && it->ai_family != AF_INET6)
            continue;
        uint16_t port = addr->port;
        transport_address_from_sockaddr(addr, it->ai_addr, it->ai_addrlen);
        addr->port = port;
        found = true;
    }
    if (!failed)
        freeaddrinfo(list);
    return found;
}

bool proxy_address_source(struct config *config, struct transport_address *addr, uint16_t *last_port,
                          const struct config_line *line, uint32_t index)
{
    struct proxy_address parsed;
    const char *error;
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "an address to connect from is missing");
    if (!proxy_address_parse(config, &parsed, line, index, slice_of(arg->str, arg->len)))
        return false;
    if (parsed.is_fd || parsed.addr.family == AF_UNIX)
        return config_error(config, line, index, "only an IPv4 or IPv6 address can be a source");
    if (parsed.port_kind == PROXY_PORT_OFFSET)
        return config_error(config, line, index, "a source has no offset of a port");
    if (parsed.port_kind == PROXY_PORT_RANGE && !last_port)
        return config_error(config, line, index, "a range of ports is for the source of a 'server' line");
    if (last_port)
        *last_port = 0;
    if (parsed.port_kind == PROXY_PORT_RANGE) {
        *last_port = (uint16_t)parsed.last_port;
        parsed.addr.port = (uint16_t)parsed.port;
    }
    if (parsed.host && !proxy_address_lookup(config, &parsed.addr, &error, parsed.host, parsed.want))
        return config_error(config, line, index, "cannot resolve '%s': %s", parsed.host, error);
    *addr = parsed.addr;
    if (addr->family == AF_UNSPEC)
        addr->family = parsed.want == AF_INET6 ? AF_INET6 : AF_INET;
    return true;
}

static bool mask_len(uint64_t *len, const char *text)
{
    struct transport_address mask;
    if (!transport_address_parse_ip(&mask, text) || mask.family != AF_INET)
        return false;
    uint32_t bits = (uint32_t)mask.ip[0] << 24 | (uint32_t)mask.ip[1] << 16 | (uint32_t)mask.ip[2] << 8 | mask.ip[3];
    *len = bits == UINT32_MAX ? 32 : (uint64_t)__builtin_clz(~bits);
    // Ones, then zeros.
    return *len == 32 || bits << *len == 0;
}

const char *proxy_network_parse(struct transport_network *net, const char *text)
{
    struct transport_address addr;
    char host[TRANSPORT_ADDRESS_TEXT_MAX];
    size_t len = strcspn(text, "/");
    if (len >= sizeof(host))
        return "is no network";
    memcpy(host, text, len);
    host[len] = '\0';
    if (!transport_address_parse_ip(&addr, host))
        return "is no network; expected an address such as 10.0.0.0/8";
    uint64_t most = addr.family == AF_INET ? 32 : 128, prefix = most;
    if (text[len] == '/' && (!slice_to_u64(slice_str(text + len + 1), &prefix) || prefix > most) &&
        (addr.family != AF_INET || !mask_len(&prefix, text + len + 1)))
        return "has no valid mask";
    *net = (struct transport_network){ .family = addr.family, .prefix_len = (uint8_t)prefix };
    memcpy(net->ip, addr.ip, sizeof(net->ip));
    return NULL;
}
