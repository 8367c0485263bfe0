// SPDX-License-Identifier: Apache-2.0
// The sockets towards servers, as their lines want them.
#include "backend/backend.h"

void backend_link(struct transport_connect *how, const struct server *server)
{
    const struct server_conf *conf = server->conf;
    const struct proxy_conf *proxy = server->backend->conf;
    const struct proxy_keepalive *keepalive = &proxy->keepalive[1];
    struct backend_ctx *ctx = server->backend->ctx;
    how->source = conf->source.family != AF_UNSPEC       ? &conf->source
                  : proxy->be.source.family != AF_UNSPEC ? &proxy->be.source
                                                         : NULL;
    how->interface = conf->source_interface ? conf->source_interface : proxy->be.source_interface;
    if (how->source == &conf->source && conf->source_last_port) {
        how->last_port = conf->source_last_port;
        how->next_port = &board_gauges(ctx->board, conf->object)[PROXY_GAUGE_SOURCE_PORT];
    }
    how->tcp_keepalive = (proxy->options & PROXY_OPT_SERVER_KEEPALIVE) != 0;
    how->keepalive_count = keepalive->count;
    how->keepalive_idle_s = (uint32_t)((keepalive->idle_us + 999999) / 1000000);
    how->keepalive_interval_s = (uint32_t)((keepalive->interval_us + 999999) / 1000000);
    how->user_timeout_ms = (uint32_t)(conf->user_timeout_us / 1000);
    how->fast_open = conf->tfo;
    how->rcvbuf = ctx->global->rcvbuf_server;
    how->sndbuf = ctx->global->sndbuf_server;
    if (conf->socks4.family != AF_UNSPEC)
        how->to = &conf->socks4;
}
