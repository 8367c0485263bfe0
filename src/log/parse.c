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
    if (is(config_arg_at(line, *index), "sample"))
        return config_error(config, line, *index, "'sample' is not supported yet: a log line gets all messages");
    if (is(config_arg_at(line, *index), "profile")) {
        const struct config_arg *name = config_arg_at(line, *index + 1);
        if (!name)
            return config_error(config, line, *index + 1, "the name of a log-profile is missing");
        target->profile_name = name->str;
        target->place = line->place;
        target->place.column = name->column;
        target->place.length = name->width;
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
    if (!log_address_parse(&target->to, error, arg->str, config->numeric_hosts))
        return config_error(config, line, index, "%s", error);
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
