// SPDX-License-Identifier: Apache-2.0
// `bind` lines and their options.
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "os/identity.h"
#include "proxy/address.h"
#include "proxy/words.h"

// Adds one listener made from `made`, whose ports go up from `first`.
static void add_ports(struct config *config, struct proxy_conf *proxy, const struct bind_conf *made, uint16_t first,
                      uint16_t last)
{
    struct bind_conf **end = &proxy->fe.binds;
    while (*end)
        end = &(*end)->next;
    for (uint32_t port = first; port <= last; port++) {
        struct bind_conf *bind = arena_alloc(config->arena, sizeof(*bind));
        *bind = *made;
        if (bind->listen.kind == OS_LISTEN_TCP) {
            // The port stands at the same place in both families.
            ((struct sockaddr_in *)&bind->listen.address)->sin_port = htons((uint16_t)port);
        }
        // A range shares the line's options but not its number.
        if (port > first)
            bind->id = 0;
        *end = bind;
        end = &bind->next;
    }
}

static bool parse_bind(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct bind_conf made = { .proxy = proxy, .place = line->place };
    bool counts = proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL);
    made.place.column = arg->column;
    made.place.length = arg->width;
    made.listen.fd = -1;
    bool ok = config_parse_options(config, &made, line, 1, CONFIG_IN_BIND);
    struct slice rest = slice_of(arg->str, arg->len);
    if (rest.len == 0)
        return config_error(config, line, 0, "an address is missing");
    while (rest.len > 0) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        struct bind_conf bind = made;
        uint16_t first, last;
        rest = slice_from(rest, one.len + 1);
        if (!proxy_address_listen(config, &bind.listen, &first, &last, line, 0, one))
            ok = false;
        else if (bind.listen.kind == OS_LISTEN_UNIX && !proxy_unix_bind(config, &bind.listen, line))
            ok = false;
        else if (ok && counts)
            add_ports(config, proxy, &bind, first, last);
        made.id = 0;
    }
    return ok;
}

static bool option_string(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct bind_conf *bind = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (arg->len == 0 || arg->len >= sizeof(bind->listen.interface))
        return config_error(config, line, 0, "the name of an interface has 1 to %zu bytes",
                            sizeof(bind->listen.interface) - 1);
    memcpy(bind->listen.interface, arg->str, arg->len + 1);
    return true;
}

static bool option_flag(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct bind_conf *)object)->listen.flags |= (uint32_t)word->value;
    return true;
}

// `v4v6` and `v6only` exclude each other: the later one counts.
static bool option_family(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    ((struct bind_conf *)object)->listen.flags &= ~(uint32_t)(OS_LISTEN_V4V6 | OS_LISTEN_V6ONLY);
    return option_flag(config, object, word, line);
}

static bool option_owner(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct os_listen *listen = &((struct bind_conf *)object)->listen;
    bool is_user = word->value == OS_LISTEN_HAS_UID;
    uint64_t id;
    if (!config_parse_u64(config, &id, line, 0, 0, UINT32_MAX - 1))
        return false;
    *(is_user ? &listen->uid : &listen->gid) = (uint32_t)id;
    listen->flags |= (uint32_t)word->value;
    return true;
}

static bool option_owner_name(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct os_listen *listen = &((struct bind_conf *)object)->listen;
    bool is_user = word->value == OS_LISTEN_HAS_UID;
    const char *name = config_arg_at(line, 0)->str;
    int64_t id, main_group;
    if (!(is_user ? os_identity_user(&id, &main_group, name) : os_identity_group(&id, name)))
        return config_error(config, line, 0, "there is no %s '%s'", is_user ? "user" : "group", name);
    *(is_user ? &listen->uid : &listen->gid) = (uint32_t)id;
    listen->flags |= (uint32_t)word->value;
    return true;
}

static bool option_mode(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct os_listen *listen = &((struct bind_conf *)object)->listen;
    const char *text = config_arg_at(line, 0)->str;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    (void)word;
    if (text[0] < '0' || text[0] > '7' || *end || mode > 0777)
        return config_error(config, line, 0, "'%s' is no file mode, expected three octal digits", text);
    listen->mode = (uint32_t)mode;
    listen->flags |= OS_LISTEN_HAS_MODE;
    return true;
}

#define INTO(member) .into = offsetof(struct bind_conf, member)
#define SWITCH(function, bit, word, text)                                                                              \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET, .parse = function, .value = bit, .args = "",            \
        .help = text, .good = word, .bad = word " yes", .bad_says = "unknown option 'yes'"                             \
    }

static const struct config_word words[] = {
    { .name = "bind",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_bind,
      .args = "<address>[,...] [<option>...]",
      .help = "Listens on one or more addresses: `:80`, `192.0.2.1:80`, `[2001:db8::1]:80`, `*:8000-8010`, `ipv6@:80`, "
              "`unix@/run/www`, `/run/www`, `abns@www`, `fd@3`.",
      .good = "bind 127.0.0.1:8080,[::1]:8080 name www;bind /tmp/www mode 600;bind abns@www;bind fd@3",
      .bad = "bind 127.0.0.1",
      .bad_says = "the port is missing" },
    { .name = "name",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = config_word_str,
      INTO(name),
      .args = "<name>",
      .help = "A name for statistics, and in the log of changes that an admin socket was told to make.",
      .good = "name www",
      .bad = "name ''",
      .bad_says = "not empty" },
    { .name = "id",
      .in = CONFIG_IN_BIND,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(id),
      .min = 1,
      .max = INT32_MAX,
      .args = "<number>",
      .help = "A number for statistics, the only one in its proxy.",
      .good = "id 7",
      .bad = "id 0",
      .bad_says = "out of range" },
    { .name = "maxconn",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(maxconn),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections served at once that came by this address. 0: no limit of its own.",
      .good = "maxconn 100",
      .bad = "maxconn x",
      .bad_says = "is no number" },
    { .name = "backlog",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(listen.backlog),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Connections that may wait for accept; the default is the proxy's 'backlog'.",
      .good = "backlog 100",
      .bad = "backlog x",
      .bad_says = "is no number" },
    { .name = "mss",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(listen.mss),
      .min = 1,
      .max = 65535,
      .args = "<bytes>",
      .help = "The largest TCP segment announced to clients.",
      .good = "mss 1400",
      .bad = "mss 0",
      .bad_says = "out of range" },
    { .name = "interface",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_string,
      .args = "<name>",
      .help = "Accepts only what arrives by this network interface. It takes a privilege.",
      .good = "interface lo",
      .bad = "interface an-interface-with-a-long-name",
      .bad_says = "1 to 15 bytes" },
    { .name = "accept-proxy",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .parse = config_word_bool,
      INTO(accept_proxy),
      .args = "",
      .help = "Each connection begins with a PROXY protocol header, version 1 or 2, which says who the client is. A "
              "connection without one is closed.",
      .good = "accept-proxy",
      .bad = "accept-proxy yes",
      .bad_says = "unknown option 'yes'" },
    SWITCH(option_family, OS_LISTEN_V4V6, "v4v6",
           "An IPv6 wildcard takes IPv4 clients too, whatever the system's default is."),
    SWITCH(option_family, OS_LISTEN_V6ONLY, "v6only", "An IPv6 wildcard takes IPv6 clients alone."),
    SWITCH(option_flag, OS_LISTEN_TFO, "tfo", "TCP Fast Open: a client's first bytes may come with its SYN."),
    SWITCH(option_flag, OS_LISTEN_DEFER_ACCEPT, "defer-accept",
           "Connections are accepted once their first bytes are here."),
    SWITCH(option_flag, OS_LISTEN_TRANSPARENT, "transparent",
           "The address need not be this machine's. It takes a privilege."),
    { .name = "mode",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_mode,
      .args = "<mode>",
      .help = "Permissions of a unix socket's file, in octal.",
      .good = "mode 660",
      .bad = "mode 999",
      .bad_says = "is no file mode" },
    { .name = "uid",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_owner,
      .value = OS_LISTEN_HAS_UID,
      .args = "<uid>",
      .help = "Owner of a unix socket's file, by number.",
      .good = "uid 0",
      .bad = "uid root",
      .bad_says = "is no number" },
    { .name = "gid",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_owner,
      .value = OS_LISTEN_HAS_GID,
      .args = "<gid>",
      .help = "Group of a unix socket's file, by number.",
      .good = "gid 0",
      .bad = "gid root",
      .bad_says = "is no number" },
    { .name = "user",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_owner_name,
      .value = OS_LISTEN_HAS_UID,
      .args = "<user>",
      .help = "Owner of a unix socket's file, by name.",
      .good = "user root",
      .bad = "user no-such-user",
      .bad_says = "there is no user" },
    { .name = "group",
      .in = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_owner_name,
      .value = OS_LISTEN_HAS_GID,
      .args = "<group>",
      .help = "Group of a unix socket's file, by name.",
      .good = "group root",
      .bad = "group no-such-group",
      .bad_says = "there is no group" },
};
CONFIG_WORDS(words);
