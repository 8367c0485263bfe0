// SPDX-License-Identifier: Apache-2.0
// Words that both sides of a proxy have.
#include <string.h>
#include "expr/cond.h"
#include "expr/fetch.h"
#include "log/log.h"
#include "proxy/words.h"

static bool parse_mode(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    static const char *const modes[] = { [PROXY_MODE_TCP] = "tcp", [PROXY_MODE_HTTP] = "http",
                                         [PROXY_MODE_LOG] = "log" };
    static const char *const refused[] = { "spop", "haterm", "health" };
    struct proxy_conf *proxy = object;
    const char *mode = config_arg_at(line, 0)->str;
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(modes); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            proxy->mode = (uint8_t)i;
            return true;
        }
    }
    for (size_t i = 0; i < NUM_ITEMS(refused); i++) {
        if (strcmp(mode, refused[i]) == 0)
            return config_error(config, line, 0, "mode '%s' is not supported, only 'http', 'tcp' and 'log' are", mode);
    }
    return config_error_unknown(config, line, 0, "mode", modes, NUM_ITEMS(modes));
}

static bool parse_log(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    (void)word;
    if (line->negated) {
        proxy->logs = NULL;
        proxy->log_global = false;
        return true;
    }
    if (line->reset)
        return proxy_word_error(config, line, "'log' cannot be preceded by 'default'; 'no log' removes all targets");
    if (line->num_args - line->first == 1 && strcmp(config_arg_at(line, 0)->str, "global") == 0) {
        proxy->log_global = true;
        return true;
    }
    struct log_target **last = &proxy->logs;
    while (*last)
        last = &(*last)->next;
    *last = log_target_parse(config, line, 0);
    return *last != NULL;
}

static bool parse_acl(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    if (!proxy_word_is_named(config, proxy, word, line))
        return false;
    return expr_acl_parse(config, &proxy->acls, line, 0) != NULL;
}

static bool parse_disabled(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct proxy_conf *)object)->disabled = word->value;
    return true;
}

static bool parse_description(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    const char *all = "";
    (void)word;
    for (uint32_t i = line->first; i < line->num_args; i++)
        all = arena_printf(config->arena, "%s%s%s", all, i > line->first ? " " : "", line->args[i].str);
    ((struct proxy_conf *)object)->description = all;
    return true;
}

static bool parse_id(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    uint64_t id;
    (void)word;
    if (!config_parse_u64(config, &id, line, 0, 1, INT32_MAX))
        return false;
    for (const struct proxy_conf *it = proxy_program(config)->proxies; it; it = it->next) {
        if (it != proxy && it->id == id)
            return config_error(config, line, 0, "the id %u is taken by %s '%s' at line %u of %s", (unsigned)id,
                                proxy_kind(it), it->name, it->place.line, it->place.file);
    }
    proxy->id = (uint32_t)id;
    return true;
}

#define INTO(member) .into = offsetof(struct proxy_conf, member)

static const struct config_word words[] = {
    { .name = "mode",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_mode,
      .args = "{ http | tcp | log }",
      .help = "What the proxy understands of its traffic: HTTP requests, or just bytes. The default is tcp. With 'log' a "
              "backend takes log lines, which 'log backend@<name>' sends to it, and its servers are syslog servers that "
              "share them by 'balance roundrobin', 'random', 'sticky' or 'log-hash'; it has no rules and no stickiness.",
      .good = "mode http",
      .bad = "mode htp",
      .bad_says = "did you mean 'http'?" },
    { .name = "log",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .flags = CONFIG_MAY_NEGATE | CONFIG_ANY_ARGS,
      .parse = parse_log,
      .args = "{ global | <address> [len <length>] [format <format>] [sample <ranges>:<size>] [profile <name>] "
              "<facility> [<level> [<minlevel>]] }",
      .help =
          "Adds a target for the proxy's log lines; may be given several times. 'log global' adds those of the global "
          "section, 'no log' removes all that came before, those of the defaults included. backend@<name> is a backend in "
          "mode log, whose servers share the lines.",
      .good = "log global;log 127.0.0.1:514 local0 notice;no log",
      .bad = "log 127.0.0.1:514 local9",
      .bad_says = "unknown" },
    { .name = "log-tag",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      INTO(log_tag),
      .args = "<string>",
      .help = "The tag of syslog lines; the default is that of the global section, or 'fairlead'.",
      .good = "log-tag www",
      .bad = "log-tag",
      .bad_says = "is incomplete" },
    { .name = "acl",
      .in = CONFIG_IN_PROXY,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_acl,
      .args = "<name> <fetch> [<flags>] [<operator>] [<value>...]",
      .help = "Adds a line to the access list <name>, which conditions may then name. Not in anonymous defaults.",
      .good = "acl static path_beg /img /css",
      .bad = "acl static",
      .bad_says = "is incomplete" },
    { .name = "disabled",
      .in = CONFIG_IN_PROXY,
      .parse = parse_disabled,
      .value = true,
      .args = "",
      .help = "The proxy is read and checked but serves nothing.",
      .good = "disabled",
      .bad = "disabled yes",
      .bad_says = "takes no argument" },
    { .name = "enabled",
      .in = CONFIG_IN_PROXY,
      .parse = parse_disabled,
      .value = false,
      .args = "",
      .help = "Takes a 'disabled' of the defaults back.",
      .good = "enabled",
      .bad = "enabled yes",
      .bad_says = "takes no argument" },
    { .name = "description",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_description,
      .args = "<text>...",
      .help = "A text for statistics.",
      .good = "description our shop",
      .bad = "description",
      .bad_says = "is incomplete" },
    { .name = "id",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_id,
      .args = "<number>",
      .help = "The proxy's number in statistics; proxies without one are numbered from 1 in the order of the file.",
      .good = "id 12",
      .bad = "id 0",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
