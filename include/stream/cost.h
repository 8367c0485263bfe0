// SPDX-License-Identifier: Apache-2.0
// What a stream costs its worker: how often it ran, for how long, and how long its events waited for that. Measured
// only in processes whose configuration asks for it by a fetch (cpu_calls and its kin): others read no clock. Runs in
// workers.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event_loop;

struct stream_cost {
    uint64_t calls;
    uint64_t cpu_ns;   // of the calls that are over
    uint64_t wait_ns;  // from the turn of the loop that brought what it ran for until it ran
    uint64_t began_ns; // of the call under way (monotonic), 0: none
};

struct stream;
struct stream_ctx;

// What the runs cost that began at one step, of all streams of a worker.
struct stream_profile {
    uint64_t calls;
    uint64_t cpu_ns;
    uint64_t wait_ns;
};

// stream_profile_turn is called once each turn of the loop: it follows whether runs are to be measured.
void stream_profile_turn(struct stream_ctx *ctx);

// stream_profile_end adds the run of a stream under way, which may be gone, to what its step costs.
void stream_profile_end(struct stream_ctx *ctx);

// stream_cost_is_wanted says whether an expression of the configuration asks for costs.
bool stream_cost_is_wanted(void);

// stream_cost_begin notes that a call begins; one within another is the same call.
void stream_cost_begin(struct stream_cost *cost, const struct event_loop *loop);

// stream_profile_begin notes that a run of `stream` begins, behind stream_cost_begin.
void stream_profile_begin(struct stream_ctx *ctx, const struct stream *stream);

// stream_cost_end notes that it is over.
void stream_cost_end(struct stream_cost *cost);
