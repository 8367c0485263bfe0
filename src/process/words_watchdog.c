// SPDX-License-Identifier: Apache-2.0
// Words about processes that hang: when the log says so, and when they are ended.
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "proxy/conf.h"

enum {
    WATCHDOG_WARN_MIN_US = 100000, // an idle process beats every 40 ms, and the master looks every 25
    WATCHDOG_KILL_MIN_US = 500000,
    WATCHDOG_MAX_US = 600000000,
    WATCHDOG_BLOCKED_MAX_US = 1000000,
};

static bool order_check(struct config *config, const struct global_conf *global, const struct config_line *line)
{
    if (!global->silent_warn || !global->silent_kill || global->silent_kill > global->silent_warn)
        return true;
    return config_error(config, line, 0,
                        "a process that hangs cannot be ended after %llu ms, before or when the log "
                        "tells of it (%llu ms); give both: watchdog warn <time> kill <time>",
                        (unsigned long long)global->silent_kill / 1000, (unsigned long long)global->silent_warn / 1000);
}

// The time or "off" at `index`.
static bool limit_parse(struct config *config, uint64_t *out_us, const struct config_line *line, uint32_t index,
                        uint64_t min_us)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        return config_error(config, line, index, "'watchdog' is incomplete, expected a time or 'off'");
    if (strcmp(arg->str, "off") == 0 || strcmp(arg->str, "0") == 0) {
        *out_us = 0;
        return true;
    }
    if (!config_parse_time(config, out_us, line, index, 1000))
        return false;
    if (*out_us && (*out_us < min_us || *out_us > WATCHDOG_MAX_US))
        return config_error(config, line, index, "the time '%s' is out of range, expected %llums to %ds, or off",
                            arg->str, (unsigned long long)min_us / 1000, WATCHDOG_MAX_US / 1000000);
    return true;
}

static bool parse_watchdog(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static const char *const known[] = { "warn", "kill", "off" };
    struct global_conf *global = object;
    (void)word;
    if (strcmp(config_arg_at(line, 0)->str, "off") == 0) {
        global->silent_warn = global->silent_kill = 0;
        return !config_arg_at(line, 1) || config_error(config, line, 1, "nothing may follow 'watchdog off'");
    }
    for (uint32_t i = 0; config_arg_at(line, i); i += 2) {
        const char *name = config_arg_at(line, i)->str;
        bool ok;
        if (strcmp(name, known[0]) == 0)
            ok = limit_parse(config, &global->silent_warn, line, i + 1, WATCHDOG_WARN_MIN_US);
        else if (strcmp(name, known[1]) == 0)
            ok = limit_parse(config, &global->silent_kill, line, i + 1, WATCHDOG_KILL_MIN_US);
        else
            ok = config_error_unknown(config, line, i, "limit of the watchdog", known, NUM_ITEMS(known));
        if (!ok)
            return false;
    }
    return order_check(config, global, line);
}

static bool parse_blocked(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct global_conf *global = object;
    uint64_t time_us = 0;
    (void)word;
    if (!config_parse_time(config, &time_us, line, 0, 1000))
        return false;
    if (time_us < 1000 || time_us > WATCHDOG_BLOCKED_MAX_US)
        return config_error(config, line, 0, "the time '%s' is out of range, expected 1ms to 1000ms",
                            config_arg_at(line, 0)->str);
    global->silent_warn = time_us < WATCHDOG_WARN_MIN_US ? WATCHDOG_WARN_MIN_US : time_us;
    if (!order_check(config, global, line))
        return false;
    return time_us >= WATCHDOG_WARN_MIN_US ||
           config_warning(config, line, 0, "workers are looked at every %d ms: less is taken for that",
                          WATCHDOG_WARN_MIN_US / 1000);
}

static const struct config_word words[] = {
    { .name = "watchdog",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 4,
      .parse = parse_watchdog,
      .args = "[warn { <time> | off }] [kill { <time> | off }] | off",
      .help = "What the master does about a process that hangs. One whose event loop has not turned for the first time "
              "(default 2s) is told of in the log, with what it is at and its backtrace; after the second (default 5s) "
              "it is ended by SIGABRT, and a second later by SIGKILL, and replaced. Time in which the master itself "
              "got no processor does not count.",
      .good = "watchdog warn 500ms kill 3s;watchdog kill off;watchdog warn off kill 1s;watchdog off",
      .bad = "watchdog warn 3s kill 1s",
      .bad_says = "cannot be ended after 1000 ms" },
    { .name = "warn-blocked-traffic-after",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_blocked,
      .args = "<time>",
      .help = "A worker whose event loop has not turned for so long (1ms to 1000ms) is told of in the log, with what "
              "it is at: the same as 'watchdog warn'. Less than 100ms is taken for 100ms.",
      .good = "warn-blocked-traffic-after 100ms",
      .bad = "warn-blocked-traffic-after 2s",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
