// SPDX-License-Identifier: Apache-2.0
// Converters that write a date: as strftime(3) does, with the "%N" of date(1), and as HTTP does.
#include <stdio.h>
#include <time.h>
#include "base/check.h"
#include "expr/bytes.h"

// A part of a format: what strftime writes, then so many digits of the second's fraction. The format ends in a dot that
// is cut off again: strftime gives 0 both for no text and for too much.
struct part {
    struct part *next;
    const char *format;
    uint32_t digits;
};

// Finds the next "%N" or "%3N" at or after `at`; its end in `*end`. Other conversions are passed as a whole.
static size_t find_fraction(struct slice format, size_t at, size_t *end, uint32_t *digits)
{
    for (; at < format.len; at++) {
        if (format.ptr[at] != '%')
            continue;
        size_t i = at + 1;
        bool width = i < format.len && format.ptr[i] >= '1' && format.ptr[i] <= '9';
        if (i + width < format.len && format.ptr[i + width] == 'N') {
            *digits = width ? (uint32_t)(format.ptr[i] - '0') : 9;
            *end = i + width + 1;
            return at;
        }
        at += at + 1 < format.len && format.ptr[at + 1] == '%';
    }
    *end = format.len;
    *digits = 0;
    return format.len;
}

static const char *prepare_format(struct config *config, struct expr_arg *args, uint32_t num, bool fractions)
{
    struct slice format = args[0].str;
    struct part *first = NULL, **last = &first;
    if (format.len == 0)
        return "a format of strftime(3) is expected";
    if (num == 2 && !slice_to_i64(args[1].str, &args[1].num))
        return "its offset is an integer";
    for (size_t at = 0; at < format.len;) {
        uint32_t digits = 0;
        size_t end = format.len, cut = end;
        if (fractions)
            cut = find_fraction(format, at, &end, &digits);
        struct part *part = arena_alloc(config->arena, sizeof(*part));
        part->format = arena_printf(config->arena, "%.*s.", (int)(cut - at), format.ptr + at);
        part->digits = digits;
        *last = part;
        last = &part->next;
        at = end;
    }
    args[0].data = first;
    tzset(); // reads the zone's file while it can be reached
    return NULL;
}

static const char *prepare_seconds(struct config *config, struct expr_arg *args, uint32_t num)
{
    return prepare_format(config, args, num, false);
}

static const char *prepare_fractions(struct config *config, struct expr_arg *args, uint32_t num)
{
    return prepare_format(config, args, num, true);
}

// Splits `value` plus `offset`, of which there are `units` in a second, into the date and the nanoseconds.
static bool split_time(struct tm *tm, uint32_t *ns, int64_t value, int64_t offset, int64_t units, bool local)
{
    if (__builtin_add_overflow(value, offset, &value))
        return false;
    int64_t rest = value % units;
    time_t second = (time_t)(value / units - (rest < 0));
    rest += rest < 0 ? units : 0;
    *ns = (uint32_t)(rest * (1000000000 / units));
    return local ? localtime_r(&second, tm) : gmtime_r(&second, tm);
}

static bool write_time(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args,
                       int64_t units, bool local)
{
    struct tm tm;
    uint32_t ns;
    if (!split_time(&tm, &ns, sample->num, args[1].num, units, local))
        return false;
    size_t room, len = 0;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    for (const struct part *part = args[0].data; part; part = part->next) {
        // strftime's dot and terminator are overwritten by what follows.
        size_t num = strftime(out + len, room - len, part->format, &tm);
        if (num == 0)
            return false;
        len += num - 1;
        if (part->digits == 0)
            continue;
        char digits[16];
        (void)snprintf(digits, sizeof(digits), "%09u", ns);
        if (room - len < part->digits)
            return false;
        memcpy(out + len, digits, part->digits);
        len += part->digits;
    }
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, len);
}

static bool conv_ltime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1, true);
}

static bool conv_utime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1, false);
}

static bool conv_ms_ltime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1000, true);
}

static bool conv_ms_utime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1000, false);
}

static bool conv_us_ltime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1000000, true);
}

static bool conv_us_utime(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return write_time(subject, sample, args, 1000000, false);
}

// args[1].num is how many units a second has.
static const char *prepare_http_date(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    if (num > 0 && !slice_to_i64(args[0].str, &args[0].num))
        return "its offset is an integer";
    args[1].num = 1;
    if (num < 2 || slice_equal(args[1].str, SLICE("s")))
        return NULL;
    args[1].num = slice_equal(args[1].str, SLICE("ms")) ? 1000 : 1000000;
    return args[1].num == 1000 || slice_equal(args[1].str, SLICE("us")) ? NULL : "its unit is 's', 'ms' or 'us'";
}

static bool conv_http_date(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    uint32_t ns;
    char fraction[16] = "";
    int64_t units = args[1].num;
    if (!split_time(&tm, &ns, sample->num, args[0].num, units, false))
        return false;
    // HAProxy writes the fraction without leading zeros.
    if (units > 1)
        (void)snprintf(fraction, sizeof(fraction), ".%u", (uint32_t)(ns / (1000000000 / units)));
    size_t room;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    int len =
        snprintf(out, room, "%.3s, %02d %.3s %04lld %02d:%02d:%02d%s GMT", days + 3 * (size_t)tm.tm_wday, tm.tm_mday,
                 months + 3 * (size_t)tm.tm_mon, 1900LL + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
    must(len > 0);
    return (size_t)len < room && expr_sample_take(sample, &subject->process->scratch, EXPR_STR, (size_t)len);
}

#define TIME_ROW(row_name, prepare_fn, what, good_expr, good_value)                                                    \
    {                                                                                                                  \
        .name = #row_name, .args = "<format>[,<offset>]", .min_args = 1, .max_args = 2, .in = EXPR_INT,                \
        .out = EXPR_STR, .prepare = prepare_fn, .convert = conv_##row_name, .help = what, .good = good_expr,           \
        .gives = good_value, .bad = "int(0)," #row_name "(%H,x)", .bad_says = "its offset is an integer"               \
    }

static const struct expr_conv rows[] = {
    TIME_ROW(ltime, prepare_seconds,
             "A date in seconds since 1970, plus an offset in seconds, as local time in a format of strftime(3).",
             "int(0),ltime(%%)", "%"),
    TIME_ROW(utime, prepare_seconds, "Like ltime, but in UTC.", "int(1404995030),utime(%Y%m%d%H%M%S)",
             "20140710122350"),
    TIME_ROW(ms_ltime, prepare_fractions,
             "Like ltime, for milliseconds; %N stands for nine digits of the second's fraction, %3N for three.",
             "int(1500),ms_ltime(%3N)", "500"),
    TIME_ROW(ms_utime, prepare_fractions, "Like ms_ltime, but in UTC.", "int(1500),ms_utime(%H:%M:%S.%3N,250)",
             "00:00:01.750"),
    TIME_ROW(us_ltime, prepare_fractions,
             "Like ltime, for microseconds; %N stands for nine digits of the second's fraction, %6N for six.",
             "int(1000005),us_ltime(%6N)", "000005"),
    TIME_ROW(us_utime, prepare_fractions, "Like us_ltime, but in UTC.", "int(1000005),us_utime(%S.%N)", "01.000005000"),
    { .name = "http_date",
      .args = "[<offset>[,<unit>]]",
      .max_args = 2,
      .in = EXPR_INT,
      .out = EXPR_STR,
      .prepare = prepare_http_date,
      .convert = conv_http_date,
      .help = "A date since 1970, plus an offset, in the form of HTTP's headers (RFC 9110 section 5.6.7); both in "
              "seconds (s), milliseconds (ms) or microseconds (us), of which the last two write the fraction as well.",
      .good = "int(1404995030),http_date(-30)",
      .gives = "Thu, 10 Jul 2014 12:23:20 GMT",
      .bad = "int(0),http_date(0,h)",
      .bad_says = "its unit is 's', 'ms' or 'us'" },
};
EXPR_CONVERTERS(rows);
