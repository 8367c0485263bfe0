// SPDX-License-Identifier: Apache-2.0
// A stream that has its server and a slot waits for a connection: for one of this worker to come back, or for a place
// among the open connections to the server, which an idle one of another worker may hold.
#include "backend/pool.h"
#include "stream/steps.h"

enum { ASK_AGAIN_US = 10000 };

static void came_back(struct backend_wait *wait)
{
    struct stream *stream = CONTAINER_OF(wait, struct stream, conn_wait);
    event_task_wake(stream->ctx->loop, &stream->task);
}

static void hear_of_returns(struct stream *stream)
{
    if (list_is_empty(&stream->conn_wait.link))
        backend_wait_begin(stream->server, &stream->conn_wait);
    stream->conn_wait.ready = came_back;
}

// Waits in the queue of the server's places.
static void queue_up(struct stream *stream, bool first)
{
    struct stream_ctx *ctx = stream->ctx;
    uint32_t object = stream->server->conf->pool_object;
    uint64_t cookie = (uint64_t)(uintptr_t)stream;
    stream->waiter = first ? board_queue_wait_first(ctx->board, object, 0, ctx->inc, cookie)
                           : board_queue_wait(ctx->board, object, 0, ctx->inc, cookie);
    hear_of_returns(stream);
    if (!stream->waiter)
        return;
    // One may have come free between our look and our place in the queue.
    if (!backend_room_is_shut(stream->server))
        board_queue_offer(ctx->board, object, object, backend_server_maxconn(stream->server));
}

static void set_deadline(struct stream *stream)
{
    uint64_t next_us = stream->ctx->loop->now_us + ASK_AGAIN_US;
    stream->deadline_us = stream->room_due_us && stream->room_due_us < next_us ? stream->room_due_us : next_us;
}

bool stream_room_take(struct stream *stream, enum stream_verdict *verdict)
{
    struct stream_ctx *ctx = stream->ctx;
    struct server *server = stream->server;
    uint64_t limit_us = stream->backend->conf->timeouts.connect;
    uint64_t patience_us = 0;
    *verdict = STREAM_WAIT;
    if (stream->has_room)
        return true;
    if (stream->waiter || stream->room_due_us)
        return false;
    if (!stream->was_patient && !stream->no_pool && stream->head_valid)
        patience_us = backend_pool_patience(server);
    if (UNLIKELY(patience_us)) {
        if (!stream->patient) {
            stream->patient = true;
            stream->deadline_us = ctx->loop->now_us + patience_us;
        }
        hear_of_returns(stream);
        return false;
    }
    stream->patient = false;
    if (backend_room_take(server, false))
        return stream->has_room = true;
    backend_pool_count(server, BACKEND_POOL_ROOM_WAITS);
    stream->room_due_us = limit_us ? ctx->loop->now_us + limit_us : 0;
    queue_up(stream, false);
    if (!stream->waiter) {
        *verdict = stream_refuse(stream, 503, STREAM_END_RESOURCE, false);
        return false;
    }
    set_deadline(stream);
    backend_spare_ask(server, false);
    return false;
}

void stream_room_granted(struct stream *stream)
{
    stream->waiter = 0;
    if (backend_room_take(stream->server, true)) {
        stream->has_room = true;
        stream->deadline_us = 0;
    } else {
        queue_up(stream, true);
        set_deadline(stream);
    }
    stream_run(stream);
}

bool stream_room_late(struct stream *stream)
{
    if (stream->patient) {
        stream->patient = false;
        stream->was_patient = true;
        return true;
    }
    if (!stream->waiter || (stream->room_due_us && stream->room_due_us <= stream->ctx->loop->now_us))
        return false;
    // Whoever was asked may stand still.
    backend_room_offer(stream->server);
    backend_spare_ask(stream->server, true);
    set_deadline(stream);
    return true;
}

void stream_room_end(struct stream *stream)
{
    backend_wait_end(stream->server, &stream->conn_wait);
    if (stream->waiter) {
        uint32_t waiter = stream->waiter;
        stream->waiter = 0;
        board_queue_leave(stream->ctx->board, waiter, stream->ctx->inc);
    }
    if (stream->has_room) {
        stream->has_room = false;
        backend_room_give(stream->server);
    }
    stream->room_due_us = 0;
    stream->patient = false;
}
