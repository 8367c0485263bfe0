// SPDX-License-Identifier: Apache-2.0
// Numbers, times and sizes: manual sections 2.5 and 2.6.
#include <inttypes.h>
#include <string.h>
#include "base/check.h"
#include "config/config.h"

// HAProxy counts time in signed 32-bit milliseconds; a longer one would mean something else there.
#define NUMBER_TIME_MAX_US (UINT64_C(2147483647) * 1000)

// Reads the digits that `*rest` begins with and moves it behind them. False where there are none or they exceed 64
// bits; `*too_large` tells which.
static bool number_digits(uint64_t *out, bool *too_large, struct slice *rest)
{
    *out = 0;
    *too_large = false;
    size_t len = 0;
    for (; len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9'; len++) {
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(rest->ptr[len] - '0'), out))
            *too_large = true;
    }
    *rest = slice_from(*rest, len);
    return len > 0 && !*too_large;
}

static bool number_arg(struct config *config, struct slice *out, const struct config_line *line, uint32_t index,
                       const char *what)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "missing %s", what);
    *out = slice_of(arg->str, arg->len);
    return true;
}

bool config_parse_time(struct config *config, uint64_t *out_us, const struct config_line *line, uint32_t index,
                       uint64_t default_unit_us)
{
    static const struct {
        struct slice suffix;
        uint64_t us;
    } units[] = {
        { SLICE("us"), 1 },
        { SLICE("ms"), 1000 },
        { SLICE("s"), 1000000 },
        { SLICE("m"), UINT64_C(60) * 1000000 },
        { SLICE("h"), UINT64_C(3600) * 1000000 },
        { SLICE("d"), UINT64_C(86400) * 1000000 },
    };
    struct slice rest = { 0 };
    if (!number_arg(config, &rest, line, index, "time, such as 500ms or 10s"))
        return false;
    const char *word = rest.ptr;
    uint64_t number, unit_us = rest.len ? 0 : default_unit_us;
    bool too_large;
    if (!number_digits(&number, &too_large, &rest) && !too_large)
        return config_error(config, line, index, "'%s' is no time; expected a number with a unit, such as 500ms or 10s",
                            word);
    if (rest.len == 0)
        unit_us = default_unit_us;
    for (size_t i = 0; i < NUM_ITEMS(units); i++) {
        if (slice_equal(rest, units[i].suffix))
            unit_us = units[i].us;
    }
    if (unit_us == 0)
        return config_error(config, line, index, "unexpected '%s' in the time '%s'; units are us, ms, s, m, h and d",
                            rest.ptr, word);
    if (too_large || number > NUMBER_TIME_MAX_US / unit_us)
        return config_error(config, line, index, "the time '%s' is too long; the longest is 2147483647ms, 24.8 days",
                            word);
    *out_us = number * unit_us;
    return true;
}

bool config_parse_size(struct config *config, uint64_t *out, const struct config_line *line, uint32_t index)
{
    struct slice rest = { 0 };
    if (!number_arg(config, &rest, line, index, "size, such as 16384 or 16k"))
        return false;
    const char *word = rest.ptr;
    uint64_t number;
    bool too_large;
    if (!number_digits(&number, &too_large, &rest) && !too_large)
        return config_error(config, line, index, "'%s' is no size; expected a number, such as 16384 or 16k", word);
    char unit = rest.len == 1 ? slice_lower(rest.ptr[0]) : '\0';
    unsigned shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    if (rest.len > 0 && shift == 0)
        return config_error(config, line, index, "unexpected '%s' in the size '%s'; units are k, m and g", rest.ptr,
                            word);
    if (too_large || number > UINT64_MAX >> shift)
        return config_error(config, line, index, "the size '%s' is too large", word);
    *out = number << shift;
    return true;
}

bool config_parse_u64(struct config *config, uint64_t *out, const struct config_line *line, uint32_t index,
                      uint64_t min, uint64_t max)
{
    struct slice rest = { 0 };
    if (!number_arg(config, &rest, line, index, "number"))
        return false;
    const char *word = rest.ptr;
    uint64_t number;
    bool too_large;
    if ((!number_digits(&number, &too_large, &rest) && !too_large) || rest.len > 0)
        return config_error(config, line, index, "'%s' is no number", word);
    if (too_large || number < min || number > max)
        return config_error(config, line, index, "%s is out of range, expected %" PRIu64 " to %" PRIu64, word, min,
                            max);
    *out = number;
    return true;
}
