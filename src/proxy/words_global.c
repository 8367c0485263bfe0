// SPDX-License-Identifier: Apache-2.0
// Words of the global section that concern traffic. Those about processes stand in src/process.
#include <string.h>
#include "base/host.h"
#include "log/log.h"
#include "proxy/words.h"

static bool parse_log(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct global_conf *global = object;
    (void)word;
    if (line->negated) {
        global->logs = NULL;
        return true;
    }
    if (line->reset)
        return proxy_word_error(config, line, "'log' cannot be preceded by 'default'; 'no log' removes all targets");
    if (strcmp(config_arg_at(line, 0)->str, "global") == 0)
        return config_error(config, line, 0, "'log global' is for proxies: it means the targets of this section");
    struct log_target **last = &global->logs;
    while (*last)
        last = &(*last)->next;
    *last = log_target_parse(config, line, 0);
    return *last != NULL;
}

static bool parse_tag(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    if (config_arg_at(line, 0)->len > LOG_TAG_MAX)
        return config_error(config, line, 0, "a tag has at most %d bytes", LOG_TAG_MAX);
    return config_word_str(config, object, word, line);
}

static bool parse_hostname(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (arg && (arg->len == 0 || arg->len > LOG_HOSTNAME_MAX))
        return config_error(config, line, 0, "a host name has 1 to %d bytes", LOG_HOSTNAME_MAX);
    if (!arg && !*host_name())
        return proxy_word_error(config, line, "the name of this machine is not known");
    global->log_send_hostname = arg ? arg->str : arena_str(config->arena, host_name());
    return true;
}

// -1 is no limit.
static bool parse_maxaccept(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    uint64_t most = UINT32_MAX;
    if (strcmp(config_arg_at(line, 0)->str, "-1") != 0 &&
        !config_parse_u64(config, &most, line, 0, word->min, word->max))
        return false;
    ((struct global_conf *)object)->maxaccept = (uint32_t)most;
    return true;
}

// "infinite" is no window: what is open is not asked to close at all.
static bool parse_close_spread(struct config *config, void *object, const struct config_word *word,
                               const struct config_line *line)
{
    struct global_conf *global = object;
    global->close_never = strcmp(config_arg_at(line, 0)->str, "infinite") == 0;
    global->close_spread_time = 0;
    return global->close_never || config_word_time(config, object, word, line);
}

static bool parse_vars_reqres(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    uint64_t size;
    (void)word;
    if (!config_parse_size(config, &size, line, 0))
        return false;
    uint64_t *scope = ((struct global_conf *)object)->var_limits.scope;
    scope[EXPR_SCOPE_REQ] = scope[EXPR_SCOPE_RES] = scope[EXPR_SCOPE_CHECK] = size;
    return true;
}

#define INTO(member) .into = offsetof(struct global_conf, member)
#define SIZE(word, member, least, most, example, text)                                                                 \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_size, INTO(member),   \
        .min = least, .max = most, .args = "<size>", .help = text, .good = word " " example, .bad = word " 1x",        \
        .bad_says = "unexpected 'x'"                                                                                   \
    }

// They hold for the values of texts and what a variable takes beside (64 bytes).
#define VARS(word, limit, text)                                                                                        \
    SIZE(word, var_limits.limit, 0, INT64_MAX, "64k",                                                                  \
         "Most bytes of " text ", 0, the default, is no limit. A variable counts for 64 bytes beside its text, and "   \
         "setting one that has no room does nothing.")

static const struct config_word words[] = {
    { .name = "maxconn",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(maxconn),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections of clients that all workers together serve at once. 0 or none: what the limit on open "
              "files allows.",
      .good = "maxconn 20000",
      .bad = "maxconn many",
      .bad_says = "is no number" },
    SIZE("tune.bufsize", bufsize, 1024, 16 << 20, "32k",
         "Bytes of a buffer: with tune.maxrewrite less, the longest request or response head. The default is 16384."),
    SIZE("tune.maxrewrite", maxrewrite, 0, 8 << 20, "2k",
         "Bytes that a head may grow by on its way; the default is 1024. At most half of tune.bufsize counts."),
    { .name = "tune.http.maxhdr",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(max_headers),
      .min = 1,
      .max = 32767,
      .args = "<number>",
      .help = "Most fields of a head; the default is 101. A request with more is answered with 431.",
      .good = "tune.http.maxhdr 200",
      .bad = "tune.http.maxhdr 0",
      .bad_says = "out of range" },
    { .name = "tune.http.logurilen",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(log_uri_len),
      .min = 1,
      .max = 65535,
      .args = "<number>",
      .help = "Bytes of a request line that a log line shows; the default is 1024.",
      .good = "tune.http.logurilen 4096",
      .bad = "tune.http.logurilen 0",
      .bad_says = "out of range" },
    SIZE("tune.rcvbuf.client", rcvbuf_client, 0, INT32_MAX, "64k",
         "The kernel's receive buffer of connections with clients. 0, the default: the kernel decides."),
    SIZE("tune.rcvbuf.server", rcvbuf_server, 0, INT32_MAX, "64k",
         "The kernel's receive buffer of connections with servers. 0, the default: the kernel decides."),
    SIZE("tune.sndbuf.client", sndbuf_client, 0, INT32_MAX, "64k",
         "The kernel's send buffer of connections with clients. 0, the default: the kernel decides."),
    SIZE("tune.sndbuf.server", sndbuf_server, 0, INT32_MAX, "64k",
         "The kernel's send buffer of connections with servers. 0, the default: the kernel decides."),
    SIZE("tune.pipesize", pipesize, 4096, INT32_MAX, "64k",
         "Bytes that a pipe for spliced bodies is asked to hold; the default is 256k. The system has a maximum of its "
         "own "
         "for programs that do not run as root."),
    VARS("tune.vars.global-max-size", total, "all variables of one process"),
    VARS("tune.vars.proc-max-size", scope[EXPR_SCOPE_PROC], "all variables of one process, which proc includes"),
    VARS("tune.vars.sess-max-size", scope[EXPR_SCOPE_SESS], "a connection's variables, those of txn, req and res too"),
    VARS("tune.vars.txn-max-size", scope[EXPR_SCOPE_TXN], "an exchange's variables, those of req and res too"),
    { .name = "tune.vars.reqres-max-size",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_vars_reqres,
      .max = INT64_MAX,
      .args = "<size>",
      .help =
          "Most bytes of a request's variables, of an answer's and of a health check's, each; 0, the default, is no "
          "limit. A variable counts for 64 bytes beside its text, and setting one that has no room does nothing.",
      .good = "tune.vars.reqres-max-size 4k",
      .bad = "tune.vars.reqres-max-size 1x",
      .bad_says = "unexpected 'x'" },
    { .name = "tune.maxaccept",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_maxaccept,
      .min = 1,
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections that a worker accepts in a row from one listening socket before it looks after others; "
              "the default is 64, -1 is no limit.",
      .good = "tune.maxaccept 16;tune.maxaccept -1",
      .bad = "tune.maxaccept 0",
      .bad_says = "out of range" },
    { .name = "nosplice",
      .in = CONFIG_IN_GLOBAL,
      .parse = config_word_bool,
      INTO(no_splice),
      .args = "",
      .help = "Long bodies are copied rather than spliced through the kernel.",
      .good = "nosplice",
      .bad = "nosplice yes",
      .bad_says = "takes no argument" },
    { .name = "close-spread-time",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_close_spread,
      INTO(close_spread_time),
      .value = 1000,
      .args = "{ <time> | infinite }",
      .help =
          "At a soft stop clients are asked to close (Connection: close, in the answer to their next request) spread "
          "over this time, each connection from a moment of its own; without it all are asked at once. 'infinite' "
          "asks none: they end by their timeouts. An idle connection is closed in no case before its next request.",
      .good = "close-spread-time 10s",
      .bad = "close-spread-time soon",
      .bad_says = "is no time" },
    { .name = "log",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_MAY_NEGATE | CONFIG_ANY_ARGS,
      .parse = parse_log,
      .args = "<address> [len <length>] [format <format>] <facility> [<level> [<minlevel>]]",
      .help =
          "Adds a target for log lines: the program's own, and those of proxies that say 'log global'. <address> is "
          "IPv4, IPv6 or a name with an optional port (UDP), a unix datagram socket's path, stdout, stderr, fd@N, or "
          "backend@<name> for a backend in mode log, whose servers share the lines.",
      .good = "log 127.0.0.1:514 local0 notice;log /dev/log daemon;log stdout format raw local0",
      .bad = "log 127.0.0.1:514 local9",
      .bad_says = "unknown" },
    { .name = "log-tag",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_tag,
      INTO(log_tag),
      .args = "<string>",
      .help = "The tag of syslog lines; the default is 'fairlead'.",
      .good = "log-tag lb",
      .bad = "log-tag",
      .bad_says = "is incomplete" },
    { .name = "log-send-hostname",
      .in = CONFIG_IN_GLOBAL,
      .max_args = 1,
      .parse = parse_hostname,
      .args = "[<name>]",
      .help = "Syslog headers name this machine, or <name>.",
      .good = "log-send-hostname lb1",
      .bad = "log-send-hostname a b",
      .bad_says = "unexpected argument" },
};
CONFIG_WORDS(words);
