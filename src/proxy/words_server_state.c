// SPDX-License-Identifier: Apache-2.0
// Words about what servers are doing: how they start, where their states are found, what happens when all are down.
#include <string.h>
#include "proxy/words.h"

static bool parse_load(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    static const char *const known[] = { "none", "global", "local" };
    struct proxy_conf *proxy = object;
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    for (uint8_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            proxy->be.state_from = i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "place of states", known, NUM_ITEMS(known));
}

static bool parse_file_name(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    proxy->be.state_file = !arg || strcmp(arg->str, "use-backend-name") == 0 ? NULL : arg->str;
    return true;
}

static bool parse_fail_open(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    proxy_word_needs(config, object, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_flag(config, object, word, line);
}

enum { IN_BACK = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN };

static const struct config_word words[] = {
    { .name = "slowstart",
      .in = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER,
      .min_args = 1,
      .parse = config_word_time,
      .into = offsetof(struct server_conf, slowstart_us),
      .value = 1000,
      .args = "<time>",
      .help = "How long a server that was down or in maintenance takes to get its whole weight and maxconn, which grow "
              "from a hundredth to all of it. It goes on over a reload. A server is at full speed when the program "
              "starts.",
      .good = "slowstart 30s",
      .bad = "slowstart x",
      .bad_says = "is no time" },
    { .name = "server-state-file",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = proxy_word_path,
      .into = offsetof(struct global_conf, state_file),
      .args = "<file>",
      .help = "A file that 'show servers state' was written to: states that servers begin with, for backends with "
              "'load-server-state-from-file global'. At a reload servers keep the states they have, without a file: "
              "it counts where the program starts, and for servers that are new.",
      .good = "server-state-file /var/lib/fairlead/states",
      .bad = "server-state-file ''",
      .bad_says = "the name is empty" },
    { .name = "server-state-base",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = proxy_word_path,
      .into = offsetof(struct global_conf, state_base),
      .args = "<directory>",
      .help = "The directory of state files whose names do not begin with '/'.",
      .good = "server-state-base /var/lib/fairlead",
      .bad = "server-state-base ''",
      .bad_says = "the name is empty" },
    { .name = "load-server-state-from-file",
      .in = IN_BACK,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_load,
      .args = "{ global | local | none }",
      .help = "Where servers begin from: the file of 'server-state-file', the backend's own "
              "('server-state-file-name'), or none, the default.",
      .good = "load-server-state-from-file global",
      .bad = "load-server-state-from-file all",
      .bad_says = "unknown place of states" },
    { .name = "server-state-file-name",
      .in = IN_BACK,
      .max_args = 1,
      .parse = parse_file_name,
      .args = "[use-backend-name | <file>]",
      .help = "The backend's own state file, for 'load-server-state-from-file local'; the default is its name.",
      .good = "server-state-file-name app.state",
      .bad = "server-state-file-name a b",
      .bad_says = "unexpected argument" },
    { .name = "option fail-open",
      .in = IN_BACK,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_fail_open,
      .into = offsetof(struct proxy_conf, options),
      .value = PROXY_OPT_FAIL_OPEN,
      .help = "When no server of the backend can be chosen, backups included, requests go to all servers that are not "
              "in maintenance, in turn, as if checks had said nothing: better a server that may fail than a 503. The "
              "log tells when that begins and ends. Ours.",
      .good = "option fail-open",
      .bad = "option fail-open yes",
      .bad_says = "takes no argument" },
};
CONFIG_WORDS(words);
