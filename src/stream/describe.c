// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/brief.h"
#include "stream/steps.h"

enum { DESCRIBE_TARGET_MAX = 96, DESCRIBE_METHOD_MAX = 16 };

static void address_put(struct brief *brief, const struct transport_address *addr)
{
    if (addr->family == AF_INET) {
        for (int i = 0; i < 4; i++) {
            brief_str(brief, i ? "." : "");
            brief_u64(brief, addr->ip[i], 10);
        }
    } else if (addr->family == AF_INET6) {
        brief_str(brief, "[");
        for (int i = 0; i < 16; i += 2) {
            brief_str(brief, i ? ":" : "");
            brief_u64(brief, (uint64_t)addr->ip[i] << 8 | addr->ip[i + 1], 16);
        }
        brief_str(brief, "]");
    } else {
        brief_str(brief, "unix");
        return;
    }
    brief_str(brief, ":");
    brief_u64(brief, addr->port, 10);
}

static void where_put(struct brief *brief, const struct proxy_session *session, const struct backend *backend,
                      const struct server *server)
{
    brief_str(brief, "client ");
    address_put(brief, &session->src);
    brief_str(brief, ", frontend ");
    brief_str(brief, session->conf->name);
    if (backend) {
        brief_str(brief, ", backend ");
        brief_str(brief, backend->conf->name);
    }
    if (server) {
        brief_str(brief, ", server ");
        brief_str(brief, server->conf->name);
    }
}

static void request_put(struct brief *brief, const struct stream *stream)
{
    struct slice method = http_head_method(&stream->request);
    struct slice target = http_head_text(&stream->request, stream->request.target, stream->request.target_len);
    brief_str(brief, ", request \"");
    brief_add(brief, method.ptr, method.len < DESCRIBE_METHOD_MAX ? method.len : DESCRIBE_METHOD_MAX);
    brief_str(brief, " ");
    brief_add(brief, target.ptr, target.len < DESCRIBE_TARGET_MAX ? target.len : DESCRIBE_TARGET_MAX);
    brief_str(brief, target.len > DESCRIBE_TARGET_MAX ? "...\"" : "\"");
}

static void stream_put(struct brief *brief, const struct stream *stream)
{
    where_put(brief, stream->session, stream->backend, stream->server);
    brief_str(brief, ", step ");
    brief_str(brief, stream_step_name((enum stream_step)stream->step));
    brief_str(brief, ", stream ");
    brief_u64(brief, stream->id, 10);
    if (stream->unique_id.ptr) {
        brief_str(brief, ", id ");
        brief_add(brief, stream->unique_id.ptr, stream->unique_id.len);
    }
    // Last, for it is the longest, and the likeliest to be damaged.
    if (stream->head_valid)
        request_put(brief, stream);
}

void stream_describe(const struct stream_ctx *ctx, char *room, size_t cap)
{
    struct brief brief;
    const struct stream_tunnel *tunnel = ctx->at_tunnel;
    brief_init(&brief, room, cap);
    if (tunnel) {
        where_put(&brief, tunnel->session, tunnel->backend, tunnel->server);
        brief_str(&brief, ", step tunnel");
    } else if (ctx->at) {
        stream_put(&brief, ctx->at);
    }
}
