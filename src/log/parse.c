// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/check.h"
#include "config/config.h"
#include "log/log.h"

static const char *const formats[] = {
    [LOG_FORMAT_LOCAL] = "local",       [LOG_FORMAT_RFC3164] = "rfc3164", [LOG_FORMAT_RFC5424] = "rfc5424",
    [LOG_FORMAT_PRIORITY] = "priority", [LOG_FORMAT_SHORT] = "short",     [LOG_FORMAT_TIMED] = "timed",
    [LOG_FORMAT_ISO] = "iso",           [LOG_FORMAT_RAW] = "raw",
};

static const char *const facilities[] = {
    "kern", "user",  "mail",  "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",   "auth2",  "ftp",
    "ntp",  "audit", "alert", "cron2",  "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
};

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

// Reads the argument `index`, one of `words`, as its place among them.
static bool parse_word(struct config *config, uint8_t *out, const struct config_line *line, uint32_t index,
                       const char *what, const char *const *words, size_t num)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "a %s is missing", what);
    for (size_t i = 0; i < num; i++) {
        if (is(arg, words[i])) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return config_error_unknown(config, line, index, what, words, num);
}

bool log_format_parse(struct config *config, uint8_t *out, const struct config_line *line, uint32_t index)
{
    return parse_word(config, out, line, index, "log format", formats, NUM_ITEMS(formats));
}

// "1,3-5:10": ranges, and how many messages they are counted in.
static const struct log_sample *parse_sample(struct config *config, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg) {
        config_error(config, line, index, "ranges and the size of a sample are missing: 1,3-5:10");
        return NULL;
    }
    struct slice text = slice_of(arg->str, arg->len);
    size_t colon = slice_find(text, ':');
    uint64_t size, low, high;
    if (colon == text.len || !slice_to_u64(slice_from(text, colon + 1), &size) || !size || size > UINT32_MAX) {
        config_error(config, line, index, "the size of the sample is missing or wrong in '%s': as in 1,3-5:10",
                     arg->str);
        return NULL;
    }
    struct log_sample *sample = arena_alloc(config->arena, sizeof(*sample) + (colon + 1) * sizeof(sample->ranges[0]));
    sample->size = (uint32_t)size;
    for (struct slice rest = slice_of(text.ptr, colon);;) {
        size_t len = slice_find(rest, ',');
        struct slice range = slice_of(rest.ptr, len);
        size_t dash = slice_find(range, '-');
        if (!slice_to_u64(slice_of(range.ptr, dash), &low) ||
            (dash < range.len && !slice_to_u64(slice_from(range, dash + 1), &high))) {
            config_error(config, line, index, "'%.*s' is no range of a sample", (int)range.len, range.ptr);
            return NULL;
        }
        high = dash < range.len ? high : low;
        if (!low || high < low || high > size) {
            config_error(config, line, index, "the ranges of a sample must lie between 1 and its size, %u",
                         sample->size);
            return NULL;
        }
        for (uint32_t i = 0; i < sample->num_ranges; i++) {
            if (low <= sample->ranges[i].high && high >= sample->ranges[i].low) {
                config_error(config, line, index, "the ranges of the sample overlap at '%.*s'", (int)range.len,
                             range.ptr);
                return NULL;
            }
        }
        sample->ranges[sample->num_ranges].low = (uint32_t)low;
        sample->ranges[sample->num_ranges++].high = (uint32_t)high;
        if (len == rest.len)
            return sample;
        rest = slice_from(rest, len + 1);
    }
}

// The options between address and facility, which stand in this order.
static bool parse_options(struct config *config, struct log_target *target, const struct config_line *line,
                          uint32_t *index)
{
    if (is(config_arg_at(line, *index), "len")) {
        uint64_t len;
        if (!config_parse_u64(config, &len, line, *index + 1, 80, 65535))
            return false;
        target->max_len = (uint32_t)len;
        *index += 2;
    }
    if (is(config_arg_at(line, *index), "format")) {
        if (!parse_word(config, &target->format, line, *index + 1, "log format", formats, NUM_ITEMS(formats)))
            return false;
        *index += 2;
    }
    if (is(config_arg_at(line, *index), "sample")) {
        target->sample = parse_sample(config, line, *index + 1);
        if (!target->sample)
            return false;
        *index += 2;
    }
    if (is(config_arg_at(line, *index), "profile")) {
        const struct config_arg *name = config_arg_at(line, *index + 1);
        if (!name)
            return config_error(config, line, *index + 1, "the name of a log-profile is missing");
        target->profile_name = name->str;
        *index += 2;
    }
    const struct config_arg *arg = config_arg_at(line, *index);
    if (is(arg, "len") || is(arg, "format"))
        return config_error(config, line, *index,
                            "'%s' is out of place: the order is address, len, format, facility, level", arg->str);
    return true;
}

static bool parse_target(struct config *config, struct log_target *target, const struct config_line *line,
                         uint32_t index)
{
    char error[LOG_ADDRESS_ERROR_MAX];
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "an address and a facility are missing");
    target->place = line->place;
    target->place.column = arg->column;
    target->place.length = arg->width;
    if (strncmp(arg->str, "ring@", 5) == 0)
        target->ring_name = arg->str + 5;
    else if (strncmp(arg->str, "backend@", 8) == 0)
        target->backend_name = arg->str + 8;
    else if (!log_address_parse(&target->to, error, arg->str, config->numeric_hosts))
        return config_error(config, line, index, "%s", error);
    if (!target->ring_name && !target->backend_name && target->to.kind == LOG_ADDRESS_STREAM)
        target->stream =
            (struct log_stream_conf){ .cap = LOG_STREAM_DEFAULT, .connect_us = 1000000, .server_us = 5000000 };
    target->address = arg->str;
    index++;
    if (!parse_options(config, target, line, &index) ||
        !parse_word(config, &target->facility, line, index++, "log facility", facilities, NUM_ITEMS(facilities)))
        return false;
    if (config_arg_at(line, index) &&
        !parse_word(config, &target->max_level, line, index++, "log level", levels, NUM_ITEMS(levels)))
        return false;
    if (config_arg_at(line, index) &&
        !parse_word(config, &target->min_level, line, index++, "log level", levels, NUM_ITEMS(levels)))
        return false;
    if (config_arg_at(line, index))
        return config_error(config, line, index, "unexpected argument '%s'", config_arg_at(line, index)->str);
    return true;
}

struct log_target *log_target_parse(struct config *config, const struct config_line *line, uint32_t index)
{
    struct log_target *target = arena_alloc(config->arena, sizeof(*target));
    target->max_len = 1024;
    target->format = LOG_FORMAT_UNSET;
    target->max_level = LOG_LEVEL_DEBUG;
    target->min_level = LOG_LEVEL_EMERG;
    return parse_target(config, target, line, index) ? target : NULL;
}
