// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/socket.h>
#include "transport/socks4.h"

enum { VERSION = 4, COMMAND_CONNECT = 1, GRANTED = 90 };

static const uint8_t *ipv4_of(const struct transport_address *to)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (to->family == AF_INET)
        return to->ip;
    return to->family == AF_INET6 && memcmp(to->ip, mapped, sizeof(mapped)) == 0 ? to->ip + sizeof(mapped) : NULL;
}

size_t transport_socks4_request(uint8_t out[TRANSPORT_SOCKS4_REQUEST_MAX], const struct transport_address *to)
{
    static const char user[] = "fairlead";
    const uint8_t *ip = ipv4_of(to);
    if (!ip)
        return 0;
    out[0] = VERSION;
    out[1] = COMMAND_CONNECT;
    out[2] = (uint8_t)(to->port >> 8);
    out[3] = (uint8_t)to->port;
    memcpy(out + 4, ip, 4);
    memcpy(out + 8, user, sizeof(user));
    return 8 + sizeof(user);
}

bool transport_socks4_granted(const uint8_t reply[TRANSPORT_SOCKS4_REPLY_LEN])
{
    return reply[0] == 0 && reply[1] == GRANTED;
}

enum io transport_socks4_run(struct transport_conn *conn, struct transport_socks4 *state,
                             const struct transport_address *to)
{
    uint8_t request[TRANSPORT_SOCKS4_REQUEST_MAX];
    size_t len = transport_socks4_request(request, to), moved;
    enum io io = len ? IO_OK : IO_FAIL;
    while (io == IO_OK && state->sent < len) {
        io = transport_conn_send(conn, &moved, (const char *)request + state->sent, len - state->sent);
        state->sent = (uint8_t)(state->sent + moved);
    }
    // Not a byte more than the reply: what follows is the server's.
    while (io == IO_OK && state->got < TRANSPORT_SOCKS4_REPLY_LEN) {
        io = transport_conn_recv(conn, &moved, (char *)state->reply + state->got,
                                 TRANSPORT_SOCKS4_REPLY_LEN - state->got);
        state->got = (uint8_t)(state->got + moved);
    }
    if (io != IO_OK)
        return io == IO_AGAIN ? IO_AGAIN : IO_FAIL;
    return transport_socks4_granted(state->reply) ? IO_OK : IO_FAIL;
}
