// SPDX-License-Identifier: Apache-2.0
// Histograms of durations, and averages over the last requests, of frontends, backends and servers. Buckets and sums
// are plain counters of the object on the board (PROXY_HIST_FIRST and on), so that they add up over workers and
// generations and never decrease; averages and maxima are shared gauges. Written by workers, read by whoever reports.
// Nothing here takes a lock or an atomic exchange, but for a maximum that rises.
#pragma once

#include "proxy/counters.h"

enum proxy_histogram {
    PROXY_HIST_QUEUE,    // until a server had a slot
    PROXY_HIST_CONNECT,  // from there until a connection stood, its TLS included; next to nothing for one of the pool
    PROXY_HIST_RESPONSE, // from there until the answer's head was complete
    PROXY_HIST_TOTAL,    // from the request's first byte to the answer's last; of a tunnel, until it was opened
    PROXY_HIST_TLS,      // handshakes: of servers' connections, or, of frontends, with clients
    PROXY_NUM_HISTS,
};

enum {
    PROXY_HIST_BOUNDS = 14,                     // finite bounds of buckets
    PROXY_HIST_BUCKETS = PROXY_HIST_BOUNDS + 1, // the last is for what is longer
    PROXY_HIST_SUM = 0,                         // the first cell: the sum, in microseconds, on one cache line with
    PROXY_HIST_BUCKET,                          // the first buckets
    PROXY_HIST_CELLS = PROXY_HIST_BUCKET + PROXY_HIST_BUCKETS,
    PROXY_HIST_FIRST = 80, // the first cell of the first histogram
    // As most requests are: they waited neither in the queue nor to connect, so that each counts in the first bucket of
    // those two, and their answers came whole, so that the time here is that of the response and the total.
    PROXY_HIST_WHOLE = PROXY_HIST_FIRST + PROXY_NUM_HISTS * PROXY_HIST_CELLS,
    // Likewise, but the end of the answer came later: of queue and connect alone.
    PROXY_HIST_AT_ONCE = PROXY_HIST_WHOLE + PROXY_HIST_CELLS,
    PROXY_HIST_TUNNELS,    // tunnels that ended
    PROXY_HIST_TUNNELS_US, // and how long they were open, all together
    PROXY_HIST_END,
};

_Static_assert((int)PROXY_HIST_FIRST >= (int)PROXY_NUM_COUNTERS, "counters and histograms share the cells");
_Static_assert((int)PROXY_HIST_END <= (int)BOARD_LEVELS, "there is room for all histograms");
_Static_assert(PROXY_HIST_FIRST % 8 == 0 && PROXY_HIST_CELLS % 8 == 0, "each histogram begins with a cache line");

// The bounds, in microseconds: a bucket holds what is not longer, and longer than the bound before.
extern const uint32_t proxy_histogram_bounds[PROXY_HIST_BOUNDS];

// By the number of bits of a duration: the bucket it is in, or, where it is longer than `bound`, the one behind that.
struct proxy_histogram_range {
    uint32_t bound;
    uint32_t bucket;
};

extern const struct proxy_histogram_range proxy_histogram_ranges[26];

// proxy_histogram_bucket gives the bucket of a duration of `us` microseconds, without a branch.
static inline uint32_t proxy_histogram_bucket(uint64_t us)
{
    uint64_t most = us < (1U << 25) - 1 ? us : (1U << 25) - 1;
    const struct proxy_histogram_range *range = &proxy_histogram_ranges[63 ^ __builtin_clzll(most << 1 | 1)];
    return range->bucket + (most > range->bound);
}

// proxy_histogram_cell gives the first cell of a histogram.
static inline uint32_t proxy_histogram_cell(enum proxy_histogram which)
{
    return (uint32_t)PROXY_HIST_FIRST + (uint32_t)which * (uint32_t)PROXY_HIST_CELLS;
}

// proxy_histogram_add counts a duration of `us`, which belongs in `bucket`, in the histogram that begins at `cells`.
static inline void proxy_histogram_add(uint64_t *cells, uint32_t bucket, uint64_t us)
{
    board_counter_count(&cells[PROXY_HIST_BUCKET + bucket], 1);
    board_counter_count(&cells[PROXY_HIST_SUM], us);
}

// proxy_histogram_count counts one in the histogram `which` of `counters`, whatever its bucket is.
static inline void proxy_histogram_count(uint64_t *counters, enum proxy_histogram which, uint64_t us)
{
    proxy_histogram_add(&counters[proxy_histogram_cell(which)], proxy_histogram_bucket(us), us);
}

// What a histogram says, added up over all processes.
struct proxy_histogram_sums {
    uint64_t buckets[PROXY_HIST_BUCKETS]; // each alone, not those below it
    uint64_t count;
    uint64_t sum_us;
};

// proxy_histogram_read makes the histogram `which` of an object of all its counters, from the first on.
void proxy_histogram_read(struct proxy_histogram_sums *sums, const uint64_t *counters, enum proxy_histogram which);

// proxy_histogram_sum adds up the histogram `which` of `object`.
void proxy_histogram_sum(struct board *board, struct proxy_histogram_sums *sums, uint32_t object,
                         enum proxy_histogram which);

// ---- averages of the last 1,024 requests ----------------------------------------------------------------------

enum { PROXY_AVERAGE_SHIFT = 10 };

// proxy_average_add lets one more duration into the average in `gauge`, which holds the sum of the last ones, each
// weighing 1/1024 less than the next. Two processes that do so at the same moment may lose one of the two samples,
// which biases nothing; an exchange would cost every request a locked instruction.
static inline void proxy_average_add(_Atomic uint64_t *gauge, uint64_t us)
{
    uint64_t sum = atomic_load_explicit(gauge, memory_order_relaxed);
    uint64_t gone = (sum + (1U << PROXY_AVERAGE_SHIFT) - 1) >> PROXY_AVERAGE_SHIFT;
    atomic_store_explicit(gauge, sum - gone + us, memory_order_relaxed);
}

// proxy_average_add_none does so for a duration of zero: one load where all of late were.
static inline void proxy_average_add_none(_Atomic uint64_t *gauge)
{
    if (__builtin_expect(atomic_load_explicit(gauge, memory_order_relaxed) != 0, 0))
        proxy_average_add(gauge, 0);
}

// proxy_average_us gives the average in microseconds of `gauge`, into which `num` durations have gone so far: the
// first are weighed as what they are, all there is.
uint64_t proxy_average_us(_Atomic uint64_t *gauge, uint64_t num);
