// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "log/format.h"

static struct log_sink_entry entry(enum log_format format, const char *hostname)
{
    struct log_sink_entry e = { .max_len = 1024, .format = format, .facility = 19, .tag = "mytag" };
    strcpy(e.hostname, hostname);
    return e;
}

static void expect(const struct log_sink_entry *e, const struct log_record *record, struct slice message,
                   const char *line)
{
    static char out[LOG_LINE_MAX];
    struct log_dates dates = { 0 };
    size_t len = log_format_line(&dates, out, e, record, message);
    assert_int_equal(len, strlen(line));
    assert_memory_equal(out, line, len);
}

// As HAProxy 2.6 wrote them for `log 127.0.0.1:PORT format F local3`, log-tag mytag, at level info.
static void formats(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    static const struct {
        enum log_format format;
        const char *hostname, *line;
    } cases[] = {
        { LOG_FORMAT_LOCAL, "", "<158>Nov 21 21:41:04 mytag[14735]: msg here\n" },
        { LOG_FORMAT_LOCAL, "myhost", "<158>Nov 21 21:41:04 mytag[14735]: msg here\n" },
        { LOG_FORMAT_RFC3164, "", "<158>Nov 21 21:41:04 localhost mytag[14735]: msg here\n" },
        { LOG_FORMAT_RFC3164, "vm", "<158>Nov 21 21:41:04 vm mytag[14735]: msg here\n" },
        { LOG_FORMAT_RFC5424, "", "<158>1 2026-11-21T21:41:04.052781+00:00 - mytag 14735 - - msg here\n" },
        { LOG_FORMAT_RFC5424, "vm", "<158>1 2026-11-21T21:41:04.052781+00:00 vm mytag 14735 - - msg here\n" },
        { LOG_FORMAT_PRIORITY, "vm", "<158>msg here\n" },
        { LOG_FORMAT_SHORT, "vm", "<6>msg here\n" },
        { LOG_FORMAT_TIMED, "vm", "<6>2026-11-21T21:41:04.052781+00:00 msg here\n" },
        { LOG_FORMAT_ISO, "vm", "2026-11-21T21:41:04.052781+00:00 msg here\n" },
        { LOG_FORMAT_RAW, "vm", "msg here\n" },
    };
    struct log_record record = { .wall_us = 1795297264052781, .pid = 14735, .level = LOG_LEVEL_INFO };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct log_sink_entry e = entry(cases[i].format, cases[i].hostname);
        expect(&e, &record, SLICE("msg here"), cases[i].line);
        expect(&e, &record, SLICE("msg here\n\n"), cases[i].line);
    }
}

static void time_zone(void **state)
{
    (void)state;
    struct log_record record = { .wall_us = 1793835600000001, .pid = 1, .level = LOG_LEVEL_EMERG };
    struct log_sink_entry iso = entry(LOG_FORMAT_ISO, ""), local = entry(LOG_FORMAT_LOCAL, "");
    setenv("TZ", "XXX-05:45", 1);
    tzset();
    expect(&iso, &record, SLICE("m"), "2026-11-05T05:25:00.000001+05:45 m\n");
    expect(&local, &record, SLICE("m"), "<152>Nov  5 05:25:00 mytag[1]: m\n");
    setenv("TZ", "XXX03:30", 1);
    tzset();
    expect(&iso, &record, SLICE("m"), "2026-11-04T20:10:00.000001-03:30 m\n");
}

// Dates are kept for a second; microseconds are each message's own.
static void dates_are_kept(void **state)
{
    (void)state;
    char out[LOG_LINE_MAX];
    struct log_dates dates = { 0 };
    struct log_sink_entry e = entry(LOG_FORMAT_ISO, "");
    setenv("TZ", "UTC", 1);
    tzset();
    struct log_record record = { .wall_us = 1 };
    log_format_line(&dates, out, &e, &record, SLICE(""));
    assert_memory_equal(out, "1970-01-01T00:00:00.000001+00:00 \n", 34);
    record.wall_us = 999999;
    log_format_line(&dates, out, &e, &record, SLICE(""));
    assert_memory_equal(out, "1970-01-01T00:00:00.999999+00:00 \n", 34);
    record.wall_us = 1000000;
    log_format_line(&dates, out, &e, &record, SLICE(""));
    assert_memory_equal(out, "1970-01-01T00:00:01.000000+00:00 \n", 34);
    record.wall_us = UINT64_MAX;
    log_format_line(&dates, out, &e, &record, SLICE(""));
    assert_memory_equal(out, "1970-01-01T00:00:00.551615+00:00 \n", 34);
}

// HAProxy counts the line feed of a descriptor's line, not that of a datagram.
static void length(void **state)
{
    (void)state;
    static char out[LOG_LINE_MAX], message[70000];
    struct log_dates dates = { 0 };
    struct log_record record = { .pid = 12345, .level = LOG_LEVEL_INFO };
    struct log_sink_entry e = entry(LOG_FORMAT_RFC5424, "myhost");
    memset(message, 'x', sizeof(message));
    e.max_len = 80;
    size_t len = log_format_line(&dates, out, &e, &record, slice_of(message, 200));
    assert_int_equal(len, 81);
    assert_int_equal(out[79], 'x');
    assert_int_equal(out[80], '\n');
    e.to.kind = LOG_ADDRESS_FD;
    len = log_format_line(&dates, out, &e, &record, slice_of(message, 200));
    assert_int_equal(len, 80);
    assert_int_equal(out[79], '\n');
    // A head longer than the line is cut as well.
    memset(e.hostname, 'h', LOG_HOSTNAME_MAX);
    len = log_format_line(&dates, out, &e, &record, slice_of(message, 200));
    assert_int_equal(len, 80);
    assert_int_equal(out[78], 'h');
    e = entry(LOG_FORMAT_RAW, "");
    e.max_len = 65535;
    len = log_format_line(&dates, out, &e, &record, slice_of(message, sizeof(message)));
    assert_int_equal(len, LOG_LINE_MAX);
    // What only a damaged board holds.
    e.max_len = UINT32_MAX;
    assert_int_equal(log_format_line(&dates, out, &e, &record, slice_of(message, sizeof(message))), LOG_LINE_MAX);
    e.format = 99;
    e.max_len = 0;
    assert_int_equal(log_format_line(&dates, out, &e, &record, SLICE("x")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(time_zone),
        cmocka_unit_test(dates_are_kept),
        cmocka_unit_test(length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
