// SPDX-License-Identifier: Apache-2.0
// The PROXY header that a connection to a server begins with: whom it is for.
#include "stream/act.h"
#include "stream/steps.h"
#include "transport/proxy_protocol.h"

bool stream_proxy_header(struct stream *stream, struct backend_conn *back)
{
    const struct server_conf *conf = stream->server->conf;
    struct sockaddr_storage src;
    struct sockaddr_storage dst;
    char header[TRANSPORT_PROXY_V1_MAX + 600];
    struct transport_proxy_write what = {
        .version = conf->send_proxy == PROXY_SEND_PROXY_V1 ? 1 : 2,
        .crc32c = (conf->proxy_v2_options & PROXY_V2_CRC32C) != 0,
    };
    if (transport_address_to_sockaddr(stream_src(stream), &src))
        what.src = (union transport_proxy_address *)&src;
    if (transport_address_to_sockaddr(stream_dst(stream), &dst))
        what.dst = (union transport_proxy_address *)&dst;
    int host = stream->head_valid ? http_head_find(&stream->request, HTTP_FIELD_HOST, 0) : -1;
    if (conf->proxy_v2_options & PROXY_V2_AUTHORITY && host >= 0)
        what.authority = http_field_value(&stream->request, (unsigned)host);
    size_t len = transport_proxy_build(header, sizeof(header), &what);
    return len && mux_h1_write(&back->h1, slice_of(header, len));
}
