// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <stddef.h>
#include <sys/un.h>
#include "transport/address.h"

void transport_address_from_sockaddr(struct transport_address *addr, const struct sockaddr *sa, socklen_t len)
{
    *addr = (struct transport_address){ .family = AF_UNSPEC };
    if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)sa;
        addr->family = AF_INET;
        addr->port = ntohs(in4->sin_port);
        memcpy(addr->ip, &in4->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        addr->port = ntohs(in6->sin6_port);
        // A v4v6 listener sees IPv4 clients in mapped form; everyone else wants to see what they are.
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            addr->family = AF_INET;
            memcpy(addr->ip, in6->sin6_addr.s6_addr + 12, 4);
        } else {
            addr->family = AF_INET6;
            memcpy(addr->ip, &in6->sin6_addr, 16);
        }
    } else if (sa->sa_family == AF_UNIX) {
        addr->family = AF_UNIX;
    }
}

socklen_t transport_address_to_sockaddr(const struct transport_address *addr, struct sockaddr_storage *storage)
{
    memset(storage, 0, sizeof(*storage));
    if (addr->family == AF_INET) {
        struct sockaddr_in *in4 = (struct sockaddr_in *)storage;
        in4->sin_family = AF_INET;
        in4->sin_port = htons(addr->port);
        memcpy(&in4->sin_addr, addr->ip, 4);
        return sizeof(*in4);
    }
    if (addr->family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        memcpy(&in6->sin6_addr, addr->ip, 16);
        return sizeof(*in6);
    }
    if (addr->family == AF_UNIX && addr->path) {
        struct sockaddr_un *un = (struct sockaddr_un *)storage;
        size_t len = strlen(addr->path);
        if (len >= sizeof(un->sun_path))
            return 0;
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, addr->path, len);
        bool is_abstract = addr->path[0] == '@';
        if (is_abstract)
            un->sun_path[0] = '\0';
        // HAProxy's abns@ names are filled up with zeros, and so must be those that reach them.
        return is_abstract ? (socklen_t)sizeof(*un) : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    }
    return 0;
}

size_t transport_address_ip_text(const struct transport_address *addr, char *out)
{
    if (addr->family == AF_INET) {
        // Written by hand: it stands in every X-Forwarded-For.
        char *pos = out;
        for (int i = 0; i < 4; i++) {
            unsigned byte = addr->ip[i];
            if (byte >= 100)
                *pos++ = (char)('0' + byte / 100);
            if (byte >= 10)
                *pos++ = (char)('0' + byte / 10 % 10);
            *pos++ = (char)('0' + byte % 10);
            *pos++ = '.';
        }
        *--pos = '\0';
        return (size_t)(pos - out);
    }
    if (addr->family == AF_INET6)
        inet_ntop(AF_INET6, addr->ip, out, TRANSPORT_ADDRESS_TEXT_MAX);
    else
        strcpy(out, addr->family == AF_UNIX ? "unix" : "-");
    return strlen(out);
}

size_t transport_address_text(const struct transport_address *addr, char *out)
{
    size_t len = transport_address_ip_text(addr, out);
    return len + (size_t)snprintf(out + len, TRANSPORT_ADDRESS_TEXT_MAX - len, ":%u", addr->port);
}

bool transport_address_parse_ip(struct transport_address *addr, const char *text)
{
    *addr = (struct transport_address){ .family = AF_INET };
    if (inet_pton(AF_INET, text, addr->ip) == 1)
        return true;
    addr->family = AF_INET6;
    return inet_pton(AF_INET6, text, addr->ip) == 1;
}

bool transport_network_has(const struct transport_network *network, const struct transport_address *addr)
{
    if (network->family != addr->family)
        return false;
    unsigned whole = network->prefix_len / 8;
    unsigned rest = network->prefix_len % 8;
    if (memcmp(network->ip, addr->ip, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00 >> rest);
    return !rest || ((network->ip[whole] ^ addr->ip[whole]) & mask) == 0;
}
