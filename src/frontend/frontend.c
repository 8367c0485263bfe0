// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "frontend/session.h"
#include "os/identity.h"
#include "transport/tls.h"

enum { IDLE_GRACE_US = 500000, SPREAD_STEP_US = 10000, MAX_FREE_BUFS = 256, HEAD_ROOM_MIN = 512, SPARE_FILES = 8 };

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

// A session that cannot reach a server is worse off than one that still waits in the kernel's queue: half of the
// descriptors stay for the way to the servers.
static uint32_t max_sessions(const struct program_conf *program)
{
    uint64_t left = os_limit_files_left(), other = SPARE_FILES + program->num_binds;
    uint64_t max = left > other ? (left - other) / 2 : 0;
    return max < 1 ? 1 : max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
}

void frontends_init(struct frontends *frontends, const struct program_conf *program, struct event_loop *loop,
                    struct board *board, uint32_t inc)
{
    const struct global_conf *global = &program->global;
    *frontends = (struct frontends){ .loop = loop, .board = board, .inc = inc, .program = program };
    list_init(&frontends->listeners);
    list_init(&frontends->sessions);
    list_init(&frontends->fresh);
    event_timer_init(&frontends->meet, frontend_sessions_meet);
    event_timer_init(&frontends->resume, frontend_listeners_resume);
    event_timer_init(&frontends->hurry, hurry_fired);
    buf_pool_init(&frontends->bufs, global->bufsize, MAX_FREE_BUFS);
    transport_pipe_pool_init(&frontends->pipes, global->no_splice ? 0 : 1024,
                             global->pipesize ? global->pipesize : 256 * 1024);
    frontends->mux = (struct mux_ctx){
        .loop = loop,
        .bufs = &frontends->bufs,
        .pipes = &frontends->pipes,
        .tls = transport_tls_ctx_new(loop, &global->tls, board, inc, program->tls_object),
        .head_max = head_max(global),
        .max_fields = (uint16_t)global->max_headers,
        .trailers = calloc(global->max_headers, sizeof(struct http_field)),
    };
    if (!frontends->mux.trailers)
        check_out_of_memory(global->max_headers * sizeof(struct http_field));
    frontends->max_sessions = max_sessions(program);
    backend_ctx_init(&frontends->backends, program, loop, board, inc, &frontends->mux);
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
    event_timer_del(frontends->loop, &frontends->meet);
    transport_pipe_pool_fini(&frontends->pipes);
    buf_pool_fini(&frontends->bufs);
    transport_tls_ctx_free(frontends->mux.tls);
    free(frontends->mux.trailers);
}

// Closes `num` sessions that are idle since `since_us` at least, the oldest first.
static void close_idle(struct frontends *frontends, uint32_t num, uint64_t since_us)
{
    LIST_EACH(session, &frontends->sessions, struct frontend_session, link)
    {
        if (!num)
            break;
        if (session->facts.idle_us <= since_us)
            num -= frontend_session_close_idle(session);
    }
}

static uint32_t count_idle(struct frontends *frontends)
{
    uint32_t num = 0;
    LIST_EACH(session, &frontends->sessions, struct frontend_session, link)
    {
        num += frontend_session_is_idle(session);
    }
    return num;
}

// With close-spread-time idle connections go a part at a time, so that their clients do not come back all at once.
static void spread_step(struct frontends *frontends, uint64_t left_us)
{
    uint64_t now_us = frontends->loop->now_us;
    uint64_t step_us = now_us - frontends->spread_at_us;
    uint32_t num = count_idle(frontends);
    uint32_t keep = (uint32_t)(num * left_us / (left_us + step_us));
    close_idle(frontends, num - keep, now_us);
    uint64_t pause_us = left_us / (keep + 1);
    pause_us = pause_us < SPREAD_STEP_US ? SPREAD_STEP_US : pause_us;
    frontends->spread_at_us = now_us;
    event_timer_set(frontends->loop, &frontends->hurry, now_us + (pause_us < left_us ? pause_us : left_us));
}

// A connection on which a request arrives meanwhile is served, and told to close.
static void hurry_fired(struct event_timer *timer)
{
    struct frontends *frontends = CONTAINER_OF(timer, struct frontends, hurry);
    uint64_t now_us = frontends->loop->now_us;
    uint64_t end_us = frontends->streams.close_from_us + frontends->streams.close_spread_us;
    if (now_us < end_us) {
        spread_step(frontends, end_us - now_us);
        return;
    }
    frontends->streams.stopping = true;
    // Each gets the grace since its own last answer: its next request may be on its way.
    close_idle(frontends, UINT32_MAX, now_us - IDLE_GRACE_US);
    if (frontends->num_sessions || !list_is_empty(&frontends->listeners))
        event_timer_set(frontends->loop, timer, now_us + IDLE_GRACE_US / 4);
}

void frontends_soft_stop(struct frontends *frontends)
{
    if (frontends->stopping)
        return;
    frontends->stopping = true;
    backend_ctx_stop(&frontends->backends);
    const struct global_conf *global = &frontends->program->global;
    uint64_t now_us = frontends->loop->now_us;
    if (global->close_never)
        return;
    if (!global->close_spread_time) {
        frontends->streams.stopping = true;
        event_timer_set(frontends->loop, &frontends->hurry, now_us + IDLE_GRACE_US);
        return;
    }
    frontends->streams.close_from_us = frontends->spread_at_us = now_us;
    frontends->streams.close_spread_us = global->close_spread_time;
    spread_step(frontends, global->close_spread_time);
}

bool frontends_is_idle(const struct frontends *frontends)
{
    return frontends->num_sessions == 0;
}

void frontends_awake(struct frontends *frontends)
{
    backend_ctx_offer(&frontends->backends);
    stream_queue_granted(&frontends->streams);
}

void frontends_woken(struct frontends *frontends)
{
    stream_queue_granted(&frontends->streams);
}
