// SPDX-License-Identifier: Apache-2.0
#include "log/format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"

static void dates_make(struct log_dates *dates, uint64_t second)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t when = (time_t)second;
    struct tm tm;
    // A time that no calendar holds can only come from a damaged record.
    if (!localtime_r(&when, &tm) || tm.tm_year > 9999 - 1900) {
        when = 0;
        must(gmtime_r(&when, &tm));
    }
    // Not strftime's month: the locale's language must not reach a syslog server.
    snprintf(dates->syslog, sizeof(dates->syslog), "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec);
    strftime(dates->iso, sizeof(dates->iso), "%Y-%m-%dT%H:%M:%S", &tm);
    long minutes = tm.tm_gmtoff / 60;
    char sign = minutes < 0 ? '-' : '+';
    unsigned offset = (unsigned)(minutes < 0 ? -minutes : minutes) % (100 * 60);
    snprintf(dates->zone, sizeof(dates->zone), "%c%02u:%02u", sign, offset / 60, offset % 60);
    dates->second = second;
    dates->valid = true;
}

// What stands before the message. HAProxy's names for a host that has none to send: "localhost" in RFC 3164's header,
// the nil value in RFC 5424's.
static size_t head_make(struct log_dates *dates, char *head, size_t cap, bool *takes_sd,
                        const struct log_sink_entry *entry, const struct log_record *record)
{
    unsigned level = record->level & 7, priority = (entry->facility & 31) * 8 + level;
    unsigned micro = (unsigned)(record->wall_us % 1000000);
    uint64_t second = record->wall_us / 1000000;
    if (!dates->valid || dates->second != second)
        dates_make(dates, second);
    int len = 0;
    switch ((enum log_format)entry->format) {
    case LOG_FORMAT_LOCAL:
        len = snprintf(head, cap, "<%u>%s %s[%d]: ", priority, dates->syslog, entry->tag, record->pid);
        break;
    case LOG_FORMAT_RFC3164:
        len = snprintf(head, cap, "<%u>%s %s %s[%d]: ", priority, dates->syslog,
                       entry->hostname[0] ? entry->hostname : "localhost", entry->tag, record->pid);
        break;
    case LOG_FORMAT_RFC5424:
        len = snprintf(head, cap, "<%u>1 %s.%06u%s %s %s %d - ", priority, dates->iso, micro, dates->zone,
                       entry->hostname[0] ? entry->hostname : "-", entry->tag, record->pid);
        *takes_sd = true;
        break;
    case LOG_FORMAT_PRIORITY:
        len = snprintf(head, cap, "<%u>", priority);
        break;
    case LOG_FORMAT_SHORT:
        len = snprintf(head, cap, "<%u>", level);
        break;
    case LOG_FORMAT_TIMED:
        len = snprintf(head, cap, "<%u>%s.%06u%s ", level, dates->iso, micro, dates->zone);
        break;
    case LOG_FORMAT_ISO:
        len = snprintf(head, cap, "%s.%06u%s ", dates->iso, micro, dates->zone);
        break;
    case LOG_FORMAT_RAW:
    case LOG_FORMAT_UNSET:
        break;
    }
    must(len >= 0 && (size_t)len < cap);
    return (size_t)len;
}

size_t log_format_line(struct log_dates *dates, char *dst, const struct log_sink_entry *entry,
                       const struct log_record *record, struct slice message)
{
    char head[LOG_TAG_MAX + LOG_HOSTNAME_MAX + 128];
    bool takes_sd = false;
    struct slice parts[4];
    unsigned num = 0;
    parts[num++] = slice_of(head, head_make(dates, head, sizeof(head), &takes_sd, entry, record));
    size_t room = entry->max_len < LOG_LINE_MAX ? entry->max_len : LOG_LINE_MAX - 1;
    if (entry->to.kind == LOG_ADDRESS_FD && room > 0)
        room--;
    while (message.len > 0 && message.ptr[message.len - 1] == '\n')
        message.len--;
    size_t sd_len = record->sd_len < message.len ? record->sd_len : message.len;
    if (takes_sd) {
        parts[num++] = sd_len ? slice_of(message.ptr, sd_len) : SLICE("-");
        parts[num++] = SLICE(" ");
    }
    parts[num++] = slice_from(message, sd_len);
    size_t len = 0;
    for (unsigned i = 0; i < num; i++) {
        size_t part_len = parts[i].len < room - len ? parts[i].len : room - len;
        if (part_len)
            memcpy(dst + len, parts[i].ptr, part_len);
        len += part_len;
    }
    dst[len] = '\n';
    return len + 1;
}
