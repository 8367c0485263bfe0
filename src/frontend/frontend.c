// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "frontend/session.h"
#include "os/identity.h"
#include "stream/on_server.h"
#include "transport/tls.h"

enum { MAX_FREE_BUFS = 256, HEAD_ROOM_MIN = 512, SPARE_FILES = 8 };

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
    list_init(&frontends->walks);
    event_timer_init(&frontends->meet, frontend_sessions_meet);
    event_timer_init(&frontends->resume, frontend_listeners_resume);
    buf_pool_init(&frontends->bufs, global->bufsize, MAX_FREE_BUFS);
    transport_pipe_pool_init(&frontends->pipes, global->no_splice ? 0 : global->maxpipes,
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
    backend_ctx_host(&frontends->backends, &stream_guests);
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
    event_timer_del(frontends->loop, &frontends->meet);
    transport_pipe_pool_fini(&frontends->pipes);
    buf_pool_fini(&frontends->bufs);
    transport_tls_ctx_free(frontends->mux.tls);
    free(frontends->mux.trailers);
}

// Idle connections stay: whatever closes one here may cross the client's next request on the way.
void frontends_soft_stop(struct frontends *frontends)
{
    if (frontends->streams.stopping)
        return;
    backend_ctx_stop(&frontends->backends);
    stream_ctx_stop(&frontends->streams);
}

// What the last requests left idle in the pool says goodbye before the process ends: servers count it.
bool frontends_is_idle(struct frontends *frontends)
{
    if (frontends->num_sessions)
        return false;
    backend_ctx_stop(&frontends->backends);
    return frontends->backends.num_closing == 0;
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
