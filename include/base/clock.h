// SPDX-License-Identifier: Apache-2.0
// Units of time. The loop reads the clock once a turn (event/loop.h) and everything else takes that reading; these are
// only the conversions and the direct reading for boot and tests.
#pragma once

#include <stdint.h>
#include <time.h>

// clock_mono_us gives the monotonic clock in microseconds (CLOCK_MONOTONIC).
static inline uint64_t clock_mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

// clock_mono_ns gives it in nanoseconds.
static inline uint64_t clock_mono_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

// clock_wall_us gives the time of day in microseconds since 1970 (CLOCK_REALTIME).
static inline uint64_t clock_wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}
