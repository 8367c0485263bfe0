// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include "base/check.h"
#include "proxy/address.h"

static void listen_unix(struct os_listen *spec, const struct proxy_address *address)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&spec->address;
    size_t len = strlen(address->addr.path);
    must(len < sizeof(un->sun_path));
    spec->kind = address->is_abstract ? OS_LISTEN_ABNS : OS_LISTEN_UNIX;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, address->addr.path, len);
    if (address->is_abstract)
        un->sun_path[0] = '\0';
    // abns@ names fill all of sun_path with zeros, abnsz@ names end with their last byte (manual section 11.1).
    spec->address_len = address->is_abstract && !address->is_exact
                            ? (uint32_t)sizeof(*un)
                            : (uint32_t)(offsetof(struct sockaddr_un, sun_path) + len + !address->is_abstract);
}

bool proxy_address_listen(struct config *config, struct os_listen *spec, uint16_t *first, uint16_t *last,
                          const struct config_line *line, uint32_t index, struct slice text)
{
    struct proxy_address address;
    const char *error;
    *first = *last = 0;
    if (!proxy_address_parse(config, &address, line, index, text))
        return false;
    if (address.is_fd) {
        spec->kind = OS_LISTEN_FD;
        spec->fd = address.fd;
        return true;
    }
    if (address.addr.family == AF_UNIX) {
        listen_unix(spec, &address);
        return true;
    }
    if (address.port_kind == PROXY_PORT_OFFSET)
        return config_error(config, line, index, "'%.*s' has a port offset, which is for servers", (int)text.len,
                            text.ptr);
    if (address.port_kind == PROXY_PORT_NONE)
        return config_error(config, line, index, "the port is missing in '%.*s'", (int)text.len, text.ptr);
    if (address.port == 0)
        return config_error(config, line, index, "invalid port '0'");
    if (address.host && !proxy_address_lookup(config, &address.addr, &error, address.host, address.want))
        return config_error(config, line, index, "cannot resolve '%s': %s", address.host, error);
    if (address.addr.family == AF_UNSPEC)
        address.addr.family = address.want == AF_INET6 ? AF_INET6 : AF_INET;
    spec->kind = OS_LISTEN_TCP;
    *first = (uint16_t)address.port;
    *last = (uint16_t)address.last_port;
    address.addr.port = *first;
    spec->address_len = transport_address_to_sockaddr(&address.addr, &spec->address);
    return true;
}
