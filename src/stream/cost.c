// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/clock.h"
#include "board/trace.h"
#include "event/loop.h"
#include "stream/act.h"
#include "stream/put.h"

// Set while the configuration is read, before any worker is forked.
static bool cost_wanted;

bool stream_cost_is_wanted(void)
{
    return cost_wanted;
}

void stream_cost_begin(struct stream_cost *cost, const struct event_loop *loop)
{
    if (cost->began_ns)
        return;
    uint64_t turn_ns = loop->now_us * 1000;
    cost->began_ns = clock_mono_ns();
    cost->calls++;
    cost->wait_ns += cost->began_ns > turn_ns ? cost->began_ns - turn_ns : 0;
}

void stream_cost_end(struct stream_cost *cost)
{
    cost->cpu_ns += clock_mono_ns() - cost->began_ns;
    cost->began_ns = 0;
}

// ---- of all streams, by step

static __attribute__((noinline, cold)) void profile_change(struct stream_ctx *ctx)
{
    if (trace_profiles)
        memset(ctx->profile, 0, sizeof(ctx->profile));
    ctx->profiles = trace_profiles;
    ctx->measures = ctx->profiles || stream_cost_is_wanted();
}

void stream_profile_turn(struct stream_ctx *ctx)
{
    if (UNLIKELY(trace_profiles != ctx->profiles))
        profile_change(ctx);
}

void stream_profile_begin(struct stream_ctx *ctx, const struct stream *stream)
{
    struct stream_profile *profile = &ctx->profile[stream->step];
    uint64_t turn_ns = ctx->loop->now_us * 1000;
    if (!ctx->profiles || ctx->profile_ns)
        return;
    ctx->profile_ns = clock_mono_ns();
    ctx->profile_step = stream->step;
    profile->calls++;
    profile->wait_ns += ctx->profile_ns > turn_ns ? ctx->profile_ns - turn_ns : 0;
}

void stream_profile_end(struct stream_ctx *ctx)
{
    if (!ctx->profile_ns)
        return;
    ctx->profile[ctx->profile_step].cpu_ns += clock_mono_ns() - ctx->profile_ns;
    ctx->profile_ns = 0;
}

static const char *prepare_cost(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)args, (void)num;
    cost_wanted = true;
    return NULL;
}

// With the time of the call in which it is asked for.
static uint64_t cpu_ns(const struct stream_cost *cost)
{
    return cost->cpu_ns + (cost->began_ns ? clock_mono_ns() - cost->began_ns : 0);
}

#define COST_FETCH(name, value)                                                                                        \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        const struct stream *stream = subject->stream;                                                                 \
        const struct stream_cost *cost = stream ? &stream->cost : NULL;                                                \
        (void)args, (void)walk;                                                                                        \
        return cost && put_int(out, (int64_t)(value));                                                                 \
    }

COST_FETCH(cpu_calls, cost->calls)
COST_FETCH(cpu_ns_tot, cpu_ns(cost))
COST_FETCH(cpu_ns_avg, cost->calls ? cpu_ns(cost) / cost->calls : 0)
COST_FETCH(lat_ns_tot, cost->wait_ns)
COST_FETCH(lat_ns_avg, cost->calls ? cost->wait_ns / cost->calls : 0)

#define COST_ROW(row, fn, text)                                                                                        \
    {                                                                                                                  \
        .name = row, .out = EXPR_INT, .when = EXPR_FROM_CONNECT, .prepare = prepare_cost, .fetch = fn, .help = text,   \
        .good = row " gt 0"                                                                                            \
    }

static const struct expr_fetch fetches[] = {
    COST_ROW("cpu_calls", fetch_cpu_calls, "How often the stream ran so far; other requests of its connection apart."),
    COST_ROW("cpu_ns_tot", fetch_cpu_ns_tot, "The nanoseconds that it ran in all these calls."),
    COST_ROW("cpu_ns_avg", fetch_cpu_ns_avg, "The nanoseconds that it ran per call: cpu_ns_tot divided by cpu_calls."),
    COST_ROW("lat_ns_tot", fetch_lat_ns_tot,
             "The nanoseconds that what it ran for had waited for the worker, in all these calls."),
    COST_ROW("lat_ns_avg", fetch_lat_ns_avg, "The nanoseconds of waiting per call: lat_ns_tot divided by cpu_calls."),
};
EXPR_FETCHES(fetches);
