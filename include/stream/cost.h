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

// stream_cost_is_wanted says whether an expression of the configuration asks for costs.
bool stream_cost_is_wanted(void);

// stream_cost_begin notes that a call begins; one within another is the same call.
void stream_cost_begin(struct stream_cost *cost, const struct event_loop *loop);

// stream_cost_end notes that it is over.
void stream_cost_end(struct stream_cost *cost);
