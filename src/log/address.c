// SPDX-License-Identifier: Apache-2.0
#include "log/address.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/slice.h"

static bool refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, LOG_ADDRESS_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

static bool parse_fd(struct log_address *address, char *error, const char *text)
{
    uint64_t fd;
    if (!slice_to_u64(slice_str(text), &fd) || fd > INT32_MAX)
        return refuse(error, "'%s' is not the number of a file descriptor", text);
    address->kind = LOG_ADDRESS_FD;
    address->fd = (int32_t)fd;
    return true;
}

static bool parse_path(struct log_address *address, char *error, const char *path)
{
    struct sockaddr_un *un = &address->socket.un;
    size_t len = strlen(path);
    if (len == 0)
        return refuse(error, "the socket's path is missing");
    if (len >= sizeof(un->sun_path))
        return refuse(error, "the socket's path is longer than %zu bytes", sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    address->socket_len = sizeof(*un);
    return true;
}

// An abns@ name is padded with zeros to the end of the address, an abnsz@ name ends with its last character: two
// different names to the kernel, and programs exist that expect either.
static bool parse_abstract(struct log_address *address, char *error, const char *name, bool padded)
{
    struct sockaddr_un *un = &address->socket.un;
    size_t len = strlen(name);
    if (len == 0)
        return refuse(error, "the socket's name is missing");
    if (len >= sizeof(un->sun_path))
        return refuse(error, "the socket's name is longer than %zu bytes", sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + 1, name, len);
    address->socket_len = (uint32_t)(padded ? sizeof(*un) : offsetof(struct sockaddr_un, sun_path) + 1 + len);
    return true;
}

// Splits "host:port", "[host]:port" or either without a port: the last colon outside of brackets is the port's.
static bool split_port(char *host, size_t cap, uint16_t *port, char *error, const char *text)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(bracket ? bracket : text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    uint64_t number = 0;
    if (colon && colon[1] && (!slice_to_u64(slice_str(colon + 1), &number) || number > 65535))
        return refuse(error, "invalid port '%s'", colon + 1);
    *port = number ? (uint16_t)number : LOG_ADDRESS_PORT;
    if (text[0] == '[') {
        if (!bracket || bracket + 1 != text + len)
            return refuse(error, "brackets in '%s' do not match", text);
        text++;
        len -= 2;
    }
    if (len >= cap)
        return refuse(error, "the host name is longer than %zu bytes", cap - 1);
    memcpy(host, text, len);
    host[len] = '\0';
    return true;
}

static void set_any(struct log_address *address, int family)
{
    if (family == AF_INET6) {
        address->socket.in6.sin6_family = AF_INET6;
        address->socket_len = sizeof(struct sockaddr_in6);
    } else {
        address->socket.in4.sin_family = AF_INET;
        address->socket_len = sizeof(struct sockaddr_in);
    }
}

static bool resolve(struct log_address *address, char *error, const char *host, int family, const char *text,
                    bool numeric)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found;
    int wrong = getaddrinfo(host, NULL, &hints, &found);
    if (wrong) {
        hints.ai_flags = 0;
        wrong = numeric || strchr(host, ':') ? wrong : getaddrinfo(host, NULL, &hints, &found);
    }
    if (wrong && strchr(host, ':') && text[0] != '[')
        return refuse(error, "invalid address '%s' in '%s': the last colon of an IPv6 address is the port's", host,
                      text);
    if (wrong)
        return refuse(error, "invalid address '%s' in '%s': %s", host, text, gai_strerror(wrong));
    must(found->ai_addrlen <= sizeof(address->socket));
    memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
    address->socket_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool parse_host(struct log_address *address, char *error, const char *text, int family, bool numeric)
{
    char host[256];
    uint16_t port = 0;
    if (!split_port(host, sizeof(host), &port, error, text))
        return false;
    if (host[0] == '\0' || strcmp(host, "*") == 0)
        set_any(address, family);
    else if (!resolve(address, error, host, family, text, numeric))
        return false;
    if (address->socket.sa.sa_family == AF_INET6)
        address->socket.in6.sin6_port = htons(port);
    else
        address->socket.in4.sin_port = htons(port);
    return true;
}

// What HAProxy has and we do not, so that it is refused as such and not as a host's name.
static const char *unsupported(const char *text)
{
    static const struct {
        const char *prefix, *why;
    } known[] = {
        { "sockpair@", "sockpair@ addresses are not supported for logs; use fd@" },
        { "quic", "logs cannot be sent over QUIC" },
        { "rhttp@", "logs cannot be sent over reverse HTTP" },
        { "mptcp", "logs cannot be sent over MPTCP" },
    };
    for (size_t i = 0; i < NUM_ITEMS(known); i++)
        if (strchr(text, '@') && strncmp(text, known[i].prefix, strlen(known[i].prefix)) == 0)
            return known[i].why;
    return NULL;
}

// Gives what follows `prefix` in `text`, or NULL.
static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

bool log_address_parse(struct log_address *address, char *error, const char *text, bool numeric)
{
    const char *rest;
    memset(address, 0, sizeof(*address));
    address->kind = LOG_ADDRESS_DATAGRAM;
    if (text[0] == '\0')
        return refuse(error, "the address is empty");
    if (unsupported(text))
        return refuse(error, "%s", unsupported(text));
    if ((rest = after(text, "tcp@")) || (rest = after(text, "tcp4@")) || (rest = after(text, "tcp6@"))) {
        address->kind = LOG_ADDRESS_STREAM;
        int family = text[3] == '4' ? AF_INET : text[3] == '6' ? AF_INET6 : AF_UNSPEC;
        return parse_host(address, error, rest, family, numeric);
    }
    if ((rest = after(text, "uxst@"))) {
        address->kind = LOG_ADDRESS_STREAM;
        return parse_path(address, error, rest);
    }
    if (strcmp(text, "stdout") == 0)
        return parse_fd(address, error, "1");
    if (strcmp(text, "stderr") == 0)
        return parse_fd(address, error, "2");
    if ((rest = after(text, "fd@")))
        return parse_fd(address, error, rest);
    if (text[0] == '/')
        return parse_path(address, error, text);
    if ((rest = after(text, "unix@")) || (rest = after(text, "uxdg@")))
        return parse_path(address, error, rest);
    if ((rest = after(text, "abns@")))
        return parse_abstract(address, error, rest, true);
    if ((rest = after(text, "abnsz@")))
        return parse_abstract(address, error, rest, false);
    if ((rest = after(text, "udp4@")) || (rest = after(text, "ipv4@")))
        return parse_host(address, error, rest, AF_INET, numeric);
    if ((rest = after(text, "udp6@")) || (rest = after(text, "ipv6@")))
        return parse_host(address, error, rest, AF_INET6, numeric);
    rest = after(text, "udp@");
    return parse_host(address, error, rest ? rest : text, AF_UNSPEC, numeric);
}
