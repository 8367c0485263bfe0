// SPDX-License-Identifier: Apache-2.0
// The %aliases of dates and times. A request's clock begins when its connection was accepted, or, for all but the first
// of a connection, when the one before had ended.
#include <stdio.h>
#include <time.h>
#include "stream/aliases.h"

#define ALIAS(name)                                                                                                    \
    static bool name(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)

static bool put_num(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

// A second as text. Many lines share it, so the last two of each kind are kept: those of accept and of request.
struct date {
    time_t second;
    char text[40];
    uint8_t len;
    uint8_t zone_at; // where " +0000" begins
};

static const struct date *date_of(uint64_t wall_us, bool local)
{
    static struct date dates[2][2];
    static uint8_t oldest[2];
    time_t second = (time_t)(wall_us / 1000000);
    for (int i = 0; i < 2; i++)
        if (dates[local][i].len && dates[local][i].second == second)
            return &dates[local][i];
    struct date *date = &dates[local][oldest[local] ^= 1];
    struct tm tm = { 0 };
    if (local ? !localtime_r(&second, &tm) : !gmtime_r(&second, &tm))
        tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
    // Not strftime's month: the locale's language must not reach a log.
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    char rest[24];
    (void)strftime(rest, sizeof(rest), "/%Y:%H:%M:%S", &tm);
    date->zone_at = (uint8_t)snprintf(date->text, sizeof(date->text), "%02d/%s%s", tm.tm_mday, months[tm.tm_mon], rest);
    date->len =
        (uint8_t)(date->zone_at + strftime(date->text + date->zone_at, sizeof(date->text) - date->zone_at, " %z", &tm));
    date->second = second;
    return date;
}

static bool put_date(struct expr_sample *out, uint64_t wall_us, bool local)
{
    const struct date *date = date_of(wall_us, local);
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(date->text, date->len) };
    return true;
}

// "21/Nov/2026:13:52:46.655"
static bool put_date_ms(struct expr_sample *out, uint64_t wall_us)
{
    static char text[48];
    const struct date *date = date_of(wall_us, true);
    unsigned ms = (unsigned)(wall_us / 1000 % 1000);
    memcpy(text, date->text, date->zone_at);
    char *at = text + date->zone_at;
    at[0] = '.';
    at[1] = (char)('0' + ms / 100);
    at[2] = (char)('0' + ms / 10 % 10);
    at[3] = (char)('0' + ms % 10);
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, date->zone_at + 4u) };
    return true;
}

static uint64_t start_us(const struct stream_log *log)
{
    return log->is_first || !log->times.idle_us ? log->session->accept_us : log->times.idle_us;
}

static uint64_t start_wall_us(const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    if (log->is_first || !times->first_us)
        return log->session->accept_wall_us;
    return times->wall_us - (times->first_us - times->idle_us);
}

static uint64_t request_wall_us(const struct stream_log *log)
{
    return log->times.first_us ? log->times.wall_us : log->session->accept_wall_us;
}

static int64_t ms_between(uint64_t from_us, uint64_t to_us)
{
    if (!from_us || !to_us)
        return -1;
    return to_us > from_us ? (int64_t)((to_us - from_us) / 1000) : 0;
}

// The time a request waited for its first byte, once that came.
static int64_t idle_us(const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    return times->first_us > times->idle_us && times->idle_us ? (int64_t)(times->first_us - times->idle_us) : 0;
}

static uint64_t end_since_request(const struct stream_log *log)
{
    return log->times.first_us ? log->times.first_us : log->times.idle_us;
}

#define DATE(function, put)                                                                                            \
    ALIAS(function)                                                                                                    \
    {                                                                                                                  \
        struct stream_log own;                                                                                         \
        const struct stream_log *log = stream_alias_log(subject, &own);                                                \
        (void)item;                                                                                                    \
        return put;                                                                                                    \
    }

DATE(alias_T, put_date(out, start_wall_us(log), false))
DATE(alias_Tl, put_date(out, start_wall_us(log), true))
DATE(alias_t, put_date_ms(out, start_wall_us(log)))
DATE(alias_Ts, put_num(out, (int64_t)(start_wall_us(log) / 1000000)))
DATE(alias_ms, put_num(out, (int64_t)(start_wall_us(log) / 1000 % 1000)))
DATE(alias_tr, put_date_ms(out, request_wall_us(log)))
DATE(alias_trg, put_date(out, request_wall_us(log), false))
DATE(alias_trl, put_date(out, request_wall_us(log), true))

DATE(alias_Th, put_num(out, log->is_first ? ms_between(log->session->accept_us, log->times.idle_us) : 0))
DATE(alias_Ti, put_num(out, idle_us(log) / 1000))
DATE(alias_Tq, put_num(out, log->times.head_us ? ms_between(start_us(log), log->times.head_us) : -1))
DATE(alias_TR, put_num(out, ms_between(log->times.first_us, log->times.head_us)))
DATE(alias_Tw, put_num(out, log->queue_us < 0 ? -1 : log->queue_us / 1000))
DATE(alias_Tc, put_num(out, ms_between(log->times.queued_us, log->times.connected_us)))
DATE(alias_Tr, put_num(out, ms_between(log->times.connected_us, log->times.answer_us)))
DATE(alias_Td, put_num(out, ms_between(log->is_http ? log->times.answer_us : log->times.connected_us, log->end_us)))

#define TOTAL(function, ms)                                                                                            \
    ALIAS(function)                                                                                                    \
    {                                                                                                                  \
        struct stream_log own;                                                                                         \
        const struct stream_log *log = stream_alias_log(subject, &own);                                                \
        item->plus = log->asap;                                                                                        \
        return put_num(out, ms);                                                                                       \
    }

TOTAL(alias_Ta, ms_between(end_since_request(log), log->end_us))
TOTAL(alias_Tt, ms_between(start_us(log), log->end_us))
TOTAL(alias_Tu, ms_between(start_us(log) + (uint64_t)idle_us(log), log->end_us))

#define ROW(text, type, function, ...)                                                                                 \
    {                                                                                                                  \
        .name = text, .out = EXPR_##type, .when = EXPR_FROM_CONNECT, .get = function, __VA_ARGS__                      \
    }

static const struct expr_alias aliases[] = {
    ROW("T", STR, alias_T, .bare = true, .help = "date of acceptance in UTC, with zone"),
    ROW("Tl", STR, alias_Tl, .bare = true, .help = "date of acceptance in local time, with zone"),
    ROW("Ts", INT, alias_Ts, .hex = 4, .help = "date of acceptance in seconds since 1970"),
    ROW("t", STR, alias_t, .bare = true, .help = "date of acceptance in local time, with milliseconds"),
    ROW("ms", INT, alias_ms, .hex = 2, .help = "milliseconds of the date of acceptance"),
    ROW("tr", STR, alias_tr, .http = true, .bare = true,
        .help = "date of the request in local time, with milliseconds"),
    ROW("trg", STR, alias_trg, .http = true, .bare = true, .help = "date of the request in UTC, with zone"),
    ROW("trl", STR, alias_trl, .http = true, .bare = true, .help = "date of the request in local time, with zone"),
    ROW("Ta", INT, alias_Ta, .http = true, .help = "ms from the request's first byte to the end"),
    ROW("Tc", INT, alias_Tc, .help = "ms for the connection to the server"),
    ROW("Td", INT, alias_Td, .help = "ms for the answer's body"),
    ROW("Th", INT, alias_Th, .help = "ms for handshakes of the client's connection"),
    ROW("Ti", INT, alias_Ti, .http = true, .help = "ms without a byte before the request"),
    ROW("Tq", INT, alias_Tq, .http = true, .help = "ms until the request's head was complete"),
    ROW("TR", INT, alias_TR, .http = true, .help = "ms from the request's first byte to its complete head"),
    ROW("Tr", INT, alias_Tr, .http = true, .help = "ms until the server had answered with a head"),
    ROW("Tt", INT, alias_Tt, .help = "ms from acceptance to the end"),
    ROW("Tu", INT, alias_Tu, .help = "ms as the user sees them: without the idle time"),
    ROW("Tw", INT, alias_Tw, .help = "ms in the queue"),
};
EXPR_ALIASES(aliases);
