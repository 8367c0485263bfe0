// SPDX-License-Identifier: Apache-2.0
// What the log tells of tunnels while they live.
#include "proxy/words.h"

static bool parse_interval(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    if (!line->negated && !line->reset && !config_arg_at(line, 0))
        return config_error(config, line, 0, "'%s' needs a time", word->name);
    if (!proxy_word_needs(config, object, word, line, PROXY_SIDE_FRONT, NULL))
        return true;
    return config_word_time(config, object, word, line);
}

static const struct config_word words[] = {
    { .name = "option log-tunnel-interval",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN,
      .flags = CONFIG_MAY_NEGATE,
      .max_args = 1,
      .parse = parse_interval,
      .into = offsetof(struct proxy_conf, log_tunnel_us),
      .value = 1000,
      .min = 10000,
      .args = "<time>",
      .help = "A log line every <time>, at least 10ms, for each tunnel to a server (tcp mode, WebSocket and other "
              "upgrades, "
              "CONNECT) while it lives, beside the line of its end: how long it has been open, and the bytes of both "
              "directions so far. With log-format the line is that format, with a '+' before times and sizes, as with "
              "'option logasap'; a log-profile gives it its own by 'on tunnel'. Ours.",
      .good = "option log-tunnel-interval 1m;no option log-tunnel-interval",
      .bad = "option log-tunnel-interval 1ms",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
