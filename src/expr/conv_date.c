// SPDX-License-Identifier: Apache-2.0
// Reading the date of an HTTP header, in any of its three forms (RFC 9110 section 5.6.7).
#include "expr/bytes.h"

// Reads the text piece by piece; once one is not as it must be, `ok` stays false.
struct reader {
    struct slice rest;
    bool ok;
};

static void read_text(struct reader *reader, const char *text)
{
    struct slice want = slice_str(text);
    reader->ok &= slice_begins(reader->rest, want);
    reader->rest = slice_from(reader->rest, want.len);
}

static int64_t read_digits(struct reader *reader, size_t num)
{
    uint64_t value = 0;
    reader->ok &= reader->rest.len >= num && slice_to_u64(slice_of(reader->rest.ptr, num), &value);
    reader->rest = slice_from(reader->rest, num);
    return (int64_t)value;
}

// One of the names that stand in `names`, each `len` bytes; its number.
static int64_t read_name(struct reader *reader, const char *names, size_t len)
{
    for (size_t i = 0; names[i]; i += len)
        if (slice_begins(reader->rest, slice_of(names + i, len))) {
            reader->rest = slice_from(reader->rest, len);
            return (int64_t)(i / len);
        }
    reader->ok = false;
    return 0;
}

struct date {
    int64_t year, month, day, hour, minute, second; // month from 0
};

static void read_time(struct reader *reader, struct date *date)
{
    date->hour = read_digits(reader, 2);
    read_text(reader, ":");
    date->minute = read_digits(reader, 2);
    read_text(reader, ":");
    date->second = read_digits(reader, 2);
}

static const char day_names[] = "SunMonTueWedThuFriSat", month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

// "Sun, 06 Nov 1994 08:49:37 GMT"
static bool read_imf(struct date *date, struct slice text)
{
    struct reader reader = { .rest = text, .ok = true };
    read_name(&reader, day_names, 3);
    read_text(&reader, ", ");
    date->day = read_digits(&reader, 2);
    read_text(&reader, " ");
    date->month = read_name(&reader, month_names, 3);
    read_text(&reader, " ");
    date->year = read_digits(&reader, 4);
    read_text(&reader, " ");
    read_time(&reader, date);
    read_text(&reader, " GMT");
    return reader.ok && reader.rest.len == 0;
}

// "Sunday, 06-Nov-94 08:49:37 GMT": a year that would be more than fifty years ahead is of the century before.
static bool read_rfc850(struct date *date, struct slice text, int64_t this_year)
{
    static const char *const ends[] = { "day, ", "day, ", "sday, ", "nesday, ", "rsday, ", "day, ", "urday, " };
    struct reader reader = { .rest = text, .ok = true };
    read_text(&reader, ends[read_name(&reader, day_names, 3)]);
    date->day = read_digits(&reader, 2);
    read_text(&reader, "-");
    date->month = read_name(&reader, month_names, 3);
    read_text(&reader, "-");
    date->year = this_year - this_year % 100 + read_digits(&reader, 2);
    if (date->year > this_year + 50)
        date->year -= 100;
    read_text(&reader, " ");
    read_time(&reader, date);
    read_text(&reader, " GMT");
    return reader.ok && reader.rest.len == 0;
}

// "Sun Nov  6 08:49:37 1994"
static bool read_asctime(struct date *date, struct slice text)
{
    struct reader reader = { .rest = text, .ok = true };
    read_name(&reader, day_names, 3);
    read_text(&reader, " ");
    date->month = read_name(&reader, month_names, 3);
    read_text(&reader, " ");
    bool one_digit = slice_begins(reader.rest, SLICE(" "));
    reader.rest = slice_from(reader.rest, one_digit);
    date->day = read_digits(&reader, one_digit ? 1 : 2);
    read_text(&reader, " ");
    read_time(&reader, date);
    read_text(&reader, " ");
    date->year = read_digits(&reader, 4);
    return reader.ok && reader.rest.len == 0;
}

// Days from 1970-01-01 to the first of `month`, counted from March so that a leap day is the last of its year, and from
// 400 years before the year 0, which saves negative ones.
static int64_t days_before(int64_t year, int64_t month)
{
    int64_t from_march = (month + 10) % 12;
    year += 400 - (month < 2);
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 - 719468 - 146097;
}

// A leap second counts as the one that follows it.
static bool to_seconds(int64_t *out, const struct date *date)
{
    int64_t first = days_before(date->year, date->month);
    int64_t next = date->month == 11 ? days_before(date->year + 1, 0) : days_before(date->year, date->month + 1);
    if (date->day < 1 || date->day > next - first || date->hour > 23 || date->minute > 59 || date->second > 60)
        return false;
    *out = (first + date->day - 1) * 86400 + date->hour * 3600 + date->minute * 60 + date->second;
    return true;
}

static bool conv_date(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct date date = { 0 };
    (void)args;
    int64_t this_year = 1970 + (int64_t)(*subject->process->wall_us / 1000000) / 31556952;
    int64_t seconds;
    if (!read_imf(&date, sample->str) && !read_rfc850(&date, sample->str, this_year) &&
        !read_asctime(&date, sample->str))
        return false;
    if (!to_seconds(&seconds, &date))
        return false;
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = seconds };
    return true;
}

static const struct expr_conv rows[] = {
    { .name = "date",
      .in = EXPR_STR,
      .out = EXPR_INT,
      .convert = conv_date,
      .help = "The seconds since 1970 of a date from an HTTP header: IMF-fixdate, RFC 850 or asctime.",
      .good = "str(Sun%2C%2006%20Nov%201994%2008:49:37%20GMT),url_dec,date",
      .gives = "784111777",
      .bad = "str(a),date(1)",
      .bad_says = "takes no arguments" },
};
EXPR_CONVERTERS(rows);
