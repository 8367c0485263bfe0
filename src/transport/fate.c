// SPDX-License-Identifier: Apache-2.0
// Apart from conn.c because of the kernel's own struct tcp_info: that of the C library ends before what is needed here.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include "transport/conn.h"

enum { STATE_CLOSED = 7 }; // TCP_CLOSE, whose name the C library's header has

enum transport_fate transport_conn_fate(const struct transport_conn *conn, uint64_t mark)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    if (conn->wire_sent == mark)
        return TRANSPORT_FATE_LOST;
    if (!transport_conn_is_open(conn) || getsockopt(conn->source.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
        return TRANSPORT_FATE_ARRIVED;
    // The SYN counts as one byte.
    if (info.tcpi_bytes_acked > mark + 1)
        return TRANSPORT_FATE_ARRIVED;
    return info.tcpi_state == STATE_CLOSED ? TRANSPORT_FATE_LOST : TRANSPORT_FATE_OPEN;
}
