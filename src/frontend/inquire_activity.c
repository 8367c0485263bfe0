// SPDX-License-Identifier: Apache-2.0
// What a worker is asked for by show activity, show pools, show tasks, show profiling and show threads: lines of a name
// and numbers, which the controller puts beside those of other workers.
#include "board/inquiry.h"
#include "frontend/frontend.h"
#include "frontend/session.h"
#include "stream/steps.h"
#include "stream/tunnel.h"
#include "tls/heap.h"

static void put(struct text *out, const char *name, uint64_t value)
{
    text_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

static uint64_t queued(const struct event_loop *loop)
{
    uint64_t num = 0;
    for (const struct list *at = loop->run_queue.next; at != &loop->run_queue; at = at->next)
        num++;
    return num;
}

static bool run_activity(struct board_inquiry *inquiry)
{
    const struct frontends *frontends = inquiry->owner;
    const struct event_loop *loop = frontends->loop;
    const struct stream_ctx *streams = &frontends->streams;
    struct text *out = &inquiry->out;
    uint64_t started_us = streams->expr.start_us;
    uint64_t up_us = loop->now_us > started_us ? loop->now_us - started_us : 1;
    uint64_t busy_us = up_us > loop->idle_us ? up_us - loop->idle_us : 0;
    put(out, "loops", loop->turns);
    put(out, "poll_io", loop->num_events);
    put(out, "wake_tasks", loop->num_tasks);
    put(out, "poll_exp", loop->num_fired);
    put(out, "stream_calls", streams->num_runs);
    put(out, "pool_fail", frontends->bufs.num_refused);
    put(out, "avg_loop_us", loop->turns ? busy_us / loop->turns : 0);
    put(out, "max_loop_us", loop->longest_us);
    put(out, "max_loop_recent_us", event_loop_recent_us(loop));
    put(out, "late_loops", loop->num_late);
    put(out, "busy_ms", busy_us / 1000);
    put(out, "idle_ms", loop->idle_us / 1000);
    put(out, "accepted", streams->last_session);
    put(out, "sessions", frontends->num_sessions);
    put(out, "streams", streams->num_streams);
    put(out, "streams_tot", streams->last_number);
    put(out, "tunnels", streams->num_tunnels);
    put(out, "run_queue", queued(loop));
    put(out, "timers", loop->num_timers);
    put(out, "changes", atomic_load(&board_incarnation_at(inquiry->board, inquiry->inc)->applied));
    put(out, "log_drops", board_ring_dropped(inquiry->board, inquiry->inc));
    return false;
}

static const struct board_inquiry_kind activity_kind = { .type = BOARD_INQUIRY_ACTIVITY, .run = run_activity };
static const struct board_inquiry_kind *const activity_ptr __attribute__((used, section("board_inquiries"))) =
    &activity_kind;

// The name, the size of one, how many there are, how many of them are in use, how many could not be had.
static void put_pool(struct text *out, const char *name, uint64_t size, uint64_t allocated, uint64_t used,
                     uint64_t failed)
{
    text_printf(out, "%s %llu %llu %llu %llu\n", name, (unsigned long long)size, (unsigned long long)allocated,
                (unsigned long long)used, (unsigned long long)failed);
}

static void put_server_conns(struct text *out, const struct backend_ctx *backends)
{
    uint64_t used = 0, spare = 0, closing = 0;
    for (uint32_t i = 0; i < backends->num_backends; i++) {
        const struct backend *backend = backends->backends[i];
        for (uint32_t j = 0; backend && j < backend->num_servers; j++) {
            used += backend->servers[j]->num_used;
            spare += backend->servers[j]->num_spare;
            closing += backend->servers[j]->num_closing;
        }
    }
    put_pool(out, "server_conn", sizeof(struct backend_conn), used + spare + closing, used + closing, 0);
}

static bool run_pools(struct board_inquiry *inquiry)
{
    const struct frontends *frontends = inquiry->owner;
    const struct stream_ctx *streams = &frontends->streams;
    const struct buf_pool *bufs = &frontends->bufs;
    const struct transport_pipe_pool *pipes = &frontends->pipes;
    struct text *out = &inquiry->out;
    size_t held, stream_size = sizeof(struct stream) + 2 * frontends->mux.max_fields * sizeof(struct http_field);
    uint64_t tls_used = tls_heap_used(&held);
    put_pool(out, "session", sizeof(struct frontend_session), frontends->num_sessions, frontends->num_sessions, 0);
    put_pool(out, "stream", stream_size, streams->num_streams + streams->unused.num, streams->num_streams, 0);
    put_pool(out, "tunnel", sizeof(struct stream_tunnel), streams->num_tunnels, streams->num_tunnels, 0);
    put_server_conns(out, &frontends->backends);
    put_pool(out, "buffer", bufs->chunk_len, bufs->num_lent + bufs->unused.num, bufs->num_lent, bufs->num_refused);
    put_pool(out, "pipe", pipes->wanted_len, pipes->num_lent + pipes->num_free, pipes->num_lent, 0);
    put_pool(out, "scratch", 1, streams->expr.scratch.cap, streams->expr.scratch.cap, 0);
    put_pool(out, "timer", sizeof(void *), frontends->loop->cap_timers, frontends->loop->num_timers, 0);
    put_pool(out, "tls_heap", 1, held, tls_used, 0);
    return false;
}

static const struct board_inquiry_kind pools_kind = { .type = BOARD_INQUIRY_POOLS, .run = run_pools };
static const struct board_inquiry_kind *const pools_ptr __attribute__((used, section("board_inquiries"))) = &pools_kind;

// What runs cost by step; names with a space have none here.
static bool run_tasks(struct board_inquiry *inquiry)
{
    const struct frontends *frontends = inquiry->owner;
    const struct stream_ctx *streams = &frontends->streams;
    put(&inquiry->out, "run_queue", queued(frontends->loop));
    put(&inquiry->out, "timers", frontends->loop->num_timers);
    put(&inquiry->out, "profiles", streams->profiles != 0);
    for (int i = 0; i < STREAM_NUM_STEPS; i++) {
        const struct stream_profile *profile = &streams->profile[i];
        const char *name = stream_step_name((enum stream_step)i);
        text_printf(&inquiry->out, "step:");
        for (; *name; name++)
            text_add(&inquiry->out, *name == ' ' ? "_" : name, 1);
        text_printf(&inquiry->out, " %llu %llu %llu\n", (unsigned long long)profile->calls,
                    (unsigned long long)profile->cpu_ns, (unsigned long long)profile->wait_ns);
    }
    return false;
}

static const struct board_inquiry_kind tasks_kind = { .type = BOARD_INQUIRY_TASKS, .run = run_tasks };
BOARD_INQUIRY(tasks_kind);
