// SPDX-License-Identifier: Apache-2.0
#include "proxy/histogram.h"

const uint32_t proxy_histogram_bounds[PROXY_HIST_BOUNDS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

// Between two powers of two stands one bound at most, so that one comparison is enough.
const struct proxy_histogram_range proxy_histogram_ranges[26] = {
    { 500, 0 },      { 500, 0 },      { 500, 0 },      { 500, 0 },       { 500, 0 },    { 500, 0 },    { 500, 0 },
    { 500, 0 },      { 500, 0 },      { 500, 0 },      { 1000, 1 },      { 2500, 2 },   { 2500, 2 },   { 5000, 3 },
    { 10000, 4 },    { 25000, 5 },    { 50000, 6 },    { 100000, 7 },    { 250000, 8 }, { 500000, 9 }, { 1000000, 10 },
    { 2500000, 11 }, { 2500000, 11 }, { 5000000, 12 }, { 10000000, 13 }, { 0, 13 },
};

void proxy_histogram_read(struct proxy_histogram_sums *sums, const uint64_t *counters, enum proxy_histogram which)
{
    const uint64_t *own = &counters[proxy_histogram_cell(which)], *whole = &counters[PROXY_HIST_WHOLE];
    bool is_wait = which == PROXY_HIST_QUEUE || which == PROXY_HIST_CONNECT;
    bool is_time = which == PROXY_HIST_RESPONSE || which == PROXY_HIST_TOTAL;
    *sums = (struct proxy_histogram_sums){ .sum_us = own[PROXY_HIST_SUM] };
    for (unsigned i = 0; i < PROXY_HIST_BUCKETS; i++) {
        sums->buckets[i] += own[PROXY_HIST_BUCKET + i];
        sums->count += own[PROXY_HIST_BUCKET + i];
        if (is_wait || is_time) {
            sums->buckets[is_time ? i : 0] += whole[PROXY_HIST_BUCKET + i];
            sums->count += whole[PROXY_HIST_BUCKET + i];
        }
    }
    if (is_time)
        sums->sum_us += whole[PROXY_HIST_SUM];
    if (is_wait) {
        sums->buckets[0] += counters[PROXY_HIST_AT_ONCE];
        sums->count += counters[PROXY_HIST_AT_ONCE];
    }
}

void proxy_histogram_sum(struct board *board, struct proxy_histogram_sums *sums, uint32_t object,
                         enum proxy_histogram which)
{
    // At once, so that all that they say is of the same moment.
    uint64_t counters[PROXY_HIST_END] = { 0 };
    board_counters_sum(board, counters + PROXY_HIST_FIRST, object, PROXY_HIST_FIRST, PROXY_HIST_END - PROXY_HIST_FIRST);
    proxy_histogram_read(sums, counters, which);
}

// What the weights of `num` samples add up to: 1024 times 1 - (1 - 1/1024)^num.
static double weight(uint64_t num)
{
    enum { ALL = 1 << PROXY_AVERAGE_SHIFT };
    double left = 1, base = 1.0 - 1.0 / ALL;
    if (num >= 16 * (uint64_t)ALL)
        return ALL;
    for (; num; num >>= 1, base *= base)
        left *= num & 1 ? base : 1;
    return ALL * (1 - left);
}

uint64_t proxy_average_us(_Atomic uint64_t *gauge, uint64_t num)
{
    uint64_t sum = atomic_load_explicit(gauge, memory_order_relaxed);
    return num ? (uint64_t)((double)sum / weight(num) + 0.5) : 0;
}
