// SPDX-License-Identifier: Apache-2.0
// Who is on a server, for the time when they must leave it: sessions are ended, and those who only wait for it go
// elsewhere. And what is said of a request that no server can take.
#include <stdio.h>
#include "base/clock.h"
#include "log/log.h"
#include "stream/on_server.h"
#include "stream/steps.h"

void stream_server_join(struct stream *stream, struct server *server)
{
    list_remove(&stream->on_server);
    list_append(&server->streams, &stream->on_server);
    stream->server = server;
}

void stream_server_part(struct stream *stream)
{
    list_remove(&stream->on_server);
}

// Who has no answer yet gets one, as from other proxies.
static void end_stream(struct stream *stream, enum stream_end end)
{
    struct stream_ctx *ctx = stream->ctx;
    uint16_t status = stream->step <= STREAM_CONNECT ? 503 : 502;
    enum stream_verdict verdict;
    stream->deadline_us = 0;
    stream->running = true;
    ctx->at = stream;
    verdict = stream->answer_head || stream->step >= STREAM_ANSWER || !stream->head_valid
                  ? stream_finish(stream, end, STREAM_NEXT_CLOSE)
                  : stream_refuse(stream, status, end, true);
    ctx->at = NULL;
    if (verdict == STREAM_OVER)
        return;
    stream->running = false;
    stream_run(stream);
}

static void end_one(struct server *server, enum stream_end end)
{
    struct backend_leave *leave = &server->leave;
    if (!list_is_empty(&leave->streams)) {
        struct stream *stream = LIST_FIRST(&leave->streams, struct stream, on_server);
        list_remove(&stream->on_server);
        // A slot that one of these gave back may have a new owner already.
        if (stream->has_slot && !stream->running && stream->times.queued_us <= leave->since_us)
            end_stream(stream, end);
        else
            list_append(&server->streams, &stream->on_server);
    } else if (!list_is_empty(&leave->tunnels)) {
        struct stream_tunnel *tunnel = LIST_FIRST(&leave->tunnels, struct stream_tunnel, on_server);
        list_remove(&tunnel->on_server);
        stream_tunnel_end(tunnel, end);
    }
}

// Thousands may be on one server, and the traffic of others goes on meanwhile.
static void leave_run(struct event_task *task)
{
    enum { TURN_US = 500 };
    static const enum stream_end ends[] = { [BACKEND_KILL_COMMAND] = STREAM_END_KILLED,
                                            [BACKEND_KILL_DOWN] = STREAM_END_DOWN,
                                            [BACKEND_KILL_UP] = STREAM_END_UP };
    struct server *server = CONTAINER_OF(task, struct server, leave.task);
    struct backend_leave *leave = &server->leave;
    uint64_t due_us = clock_mono_us() + TURN_US;
    do {
        end_one(server, ends[leave->why]);
        if (list_is_empty(&leave->streams) && list_is_empty(&leave->tunnels))
            return;
    } while (clock_mono_us() < due_us);
    event_task_wake(server->backend->ctx->loop, task);
}

// What begins while others end (a client's next request) is not among those that were meant.
static void kill_all(struct server *server, enum backend_kill why)
{
    struct backend_leave *leave = &server->leave;
    list_move(&leave->streams, &server->streams);
    list_move(&leave->tunnels, &server->tunnels);
    leave->since_us = atomic_load_explicit(&server->state->kill_us, memory_order_relaxed);
    leave->why = (uint8_t)why;
    leave->task.run = leave_run;
    leave_run(&leave->task);
}

void stream_shutdown(struct stream *stream)
{
    end_stream(stream, STREAM_END_KILLED);
}

// Those who wait for this very server look for another, unless they may have no other.
static void requeue_list(struct list *list)
{
    struct list streams;
    list_init(&streams);
    list_move(&streams, list);
    while (!list_is_empty(&streams)) {
        struct stream *stream = LIST_FIRST(&streams, struct stream, on_server);
        list_remove(&stream->on_server);
        if (stream->step != STREAM_QUEUE || !stream->waiter || stream->force_persist) {
            list_append(list, &stream->on_server);
            continue;
        }
        uint32_t waiter = stream->waiter;
        stream->waiter = 0;
        board_queue_leave(stream->ctx->board, waiter, stream->ctx->inc);
        stream->redispatched = true;
        if (stream->cookie_seen == 'V')
            stream->cookie_seen = 'D';
        stream->sticky = false;
        stream->server = NULL;
        stream->deadline_us = 0;
        stream_step_set(stream, STREAM_PICK_SERVER);
        stream_run(stream);
    }
}

static void requeue_all(struct server *server)
{
    requeue_list(&server->leave.streams);
    requeue_list(&server->streams);
}

const struct backend_guests stream_guests = { .kill = kill_all, .requeue = requeue_all };

const char *stream_no_server_reason(const struct backend *backend)
{
    uint32_t num_maint = 0, num_down = 0, num_drain = 0;
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        uint32_t status = backend_state_status(backend->servers[i]->state);
        if (backend_state_admin(status) & BACKEND_ADMIN_ANY_MAINT)
            num_maint++;
        else if (!backend_status_is_up(status))
            num_down++;
        else
            num_drain++;
    }
    if (!backend->num_servers)
        return "there is none";
    if (num_down == backend->num_servers)
        return "all are down";
    if (num_maint == backend->num_servers)
        return "all are in maintenance";
    if (num_drain == backend->num_servers)
        return "all are draining or have no weight";
    return num_down && num_maint
               ? num_drain ? "all are down, in maintenance or draining" : "all are down or in maintenance"
           : num_down ? "all are down or draining"
                      : "all are in maintenance or draining";
}

void stream_no_server(struct stream *stream)
{
    enum { PAUSE_US = 10000000 };
    struct backend *backend = stream->backend;
    struct stream_ctx *ctx = stream->ctx;
    const struct proxy_conf *conf = backend->conf;
    uint64_t now_us = ctx->loop->now_us;
    char text[512], more[64] = "";
    stream->no_server = stream_no_server_reason(backend);
    backend_count(backend->counters, PROXY_COUNT_NO_SERVER, 1);
    if (backend->no_server == stream->no_server && now_us - backend->no_server_us < PAUSE_US) {
        backend->num_unsaid++;
        return;
    }
    if (backend->num_unsaid)
        snprintf(more, sizeof(more), " (%u requests since the last such line)", backend->num_unsaid);
    int len = snprintf(text, sizeof(text), "%s %s has no server available for a request: %s%s",
                       conf->has_frontend ? "proxy" : "backend", conf->name, stream->no_server, more);
    backend->no_server = stream->no_server;
    backend->no_server_us = now_us;
    backend->num_unsaid = 0;
    log_send(ctx->board, ctx->inc, conf->logs, LOG_LEVEL_WARNING, ctx->loop->wall_us,
             slice_of(text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1));
}
