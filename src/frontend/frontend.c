// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "frontend/session.h"

enum { IDLE_GRACE_US = 500000, MAX_FREE_BUFS = 256, HEAD_ROOM_MIN = 512 };

static void hurry_fired(struct event_timer *timer);

// A head stays in its buffer while its body comes in behind it, and what is added to it must fit too: some room is
// always kept, and never more than half as HAProxy has it.
static uint32_t head_max(const struct global_conf *global)
{
    uint64_t most = global->bufsize / 2;
    uint64_t least = most < HEAD_ROOM_MIN ? most : HEAD_ROOM_MIN;
    uint64_t room = global->maxrewrite < least ? least : global->maxrewrite;
    return (uint32_t)(global->bufsize - (room < most ? room : most));
}

void frontends_init(struct frontends *frontends, const struct program_conf *program, struct event_loop *loop,
                    struct board *board, uint32_t inc, uint32_t num_workers)
{
    const struct global_conf *global = &program->global;
    *frontends = (struct frontends){ .loop = loop, .board = board, .inc = inc, .program = program };
    list_init(&frontends->listeners);
    list_init(&frontends->sessions);
    event_timer_init(&frontends->resume, frontend_listeners_resume);
    event_timer_init(&frontends->hurry, hurry_fired);
    buf_pool_init(&frontends->bufs, global->bufsize, MAX_FREE_BUFS);
    transport_pipe_pool_init(&frontends->pipes, global->no_splice ? 0 : 1024,
                             global->pipesize ? global->pipesize : 256 * 1024);
    frontends->mux = (struct mux_ctx){
        .loop = loop,
        .bufs = &frontends->bufs,
        .pipes = &frontends->pipes,
        .head_max = head_max(global),
        .max_fields = (uint16_t)global->max_headers,
        .trailers = calloc(global->max_headers, sizeof(struct http_field)),
    };
    if (!frontends->mux.trailers)
        check_out_of_memory(global->max_headers * sizeof(struct http_field));
    backend_ctx_init(&frontends->backends, program, loop, board, inc, &frontends->mux, num_workers);
    stream_ctx_init(&frontends->streams, program, loop, board, inc, &frontends->mux, &frontends->backends);
}

void frontends_hard_stop(struct frontends *frontends)
{
    LIST_EACH(session, &frontends->sessions, struct frontend_session, link)
    {
        frontend_session_kill(session, STREAM_END_KILLED);
    }
}

void frontends_fini(struct frontends *frontends)
{
    frontend_listeners_free(frontends);
    frontends_hard_stop(frontends);
    backend_ctx_fini(&frontends->backends);
    stream_ctx_fini(&frontends->streams);
    event_timer_del(frontends->loop, &frontends->resume);
    event_timer_del(frontends->loop, &frontends->hurry);
    transport_pipe_pool_fini(&frontends->pipes);
    buf_pool_fini(&frontends->bufs);
    free(frontends->mux.trailers);
}

// Idle connections go a part at a time, so that their clients do not come back all at once; one on which a request
// arrives meanwhile is served, and told to close.
static void hurry_fired(struct event_timer *timer)
{
    struct frontends *frontends = CONTAINER_OF(timer, struct frontends, hurry);
    LIST_EACH(session, &frontends->sessions, struct frontend_session, link)
    {
        frontend_session_close_idle(session);
    }
    if (frontends->num_sessions)
        event_timer_set(frontends->loop, timer, frontends->loop->now_us + IDLE_GRACE_US);
}

void frontends_soft_stop(struct frontends *frontends)
{
    if (frontends->stopping)
        return;
    frontends->stopping = true;
    frontends->streams.stopping = true;
    backend_ctx_stop(&frontends->backends);
    event_timer_set(frontends->loop, &frontends->hurry, frontends->loop->now_us + IDLE_GRACE_US);
}

bool frontends_is_idle(const struct frontends *frontends)
{
    return frontends->num_sessions == 0;
}

void frontends_woken(struct frontends *frontends)
{
    stream_queue_granted(&frontends->streams);
}
