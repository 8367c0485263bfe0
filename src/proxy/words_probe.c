// SPDX-License-Identifier: Apache-2.0
// Options of server lines about being watched: by traffic (`observe`), by an agent, through another server (`track`),
// and what follows from a change of state.
#include <string.h>
#include "proxy/address.h"
#include "proxy/words.h"

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER };

struct choice {
    const char *name;
    uint8_t value;
};

static bool choose(struct config *config, uint8_t *out, const struct config_line *line, const char *what,
                   const struct choice *choices, size_t num)
{
    const char *known[8];
    must(num <= NUM_ITEMS(known));
    for (size_t i = 0; i < num; i++) {
        known[i] = choices[i].name;
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            *out = choices[i].value;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, what, known, num);
}

static bool option_observe(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static const struct choice choices[] = {
        { "none", PROBE_OBSERVE_NONE },
        { "layer4", PROBE_OBSERVE_LAYER4 },
        { "layer7", PROBE_OBSERVE_LAYER7 },
    };
    (void)word;
    return choose(config, &((struct server_conf *)object)->probe.observe, line, "observe mode", choices,
                  NUM_ITEMS(choices));
}

static bool option_on_error(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    static const struct choice choices[] = {
        { "fastinter", PROBE_ON_ERROR_FASTINTER },
        { "fail-check", PROBE_ON_ERROR_FAIL_CHECK },
        { "sudden-death", PROBE_ON_ERROR_SUDDEN_DEATH },
        { "mark-down", PROBE_ON_ERROR_MARK_DOWN },
    };
    (void)word;
    return choose(config, &((struct server_conf *)object)->probe.on_error, line, "on-error mode", choices,
                  NUM_ITEMS(choices));
}

static bool option_init_state(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    static const struct choice choices[] = {
        { "fully-up", PROBE_INIT_FULLY_UP },     { "up", PROBE_INIT_UP },     { "down", PROBE_INIT_DOWN },
        { "fully-down", PROBE_INIT_FULLY_DOWN }, { "none", PROBE_INIT_NONE },
    };
    (void)word;
    return choose(config, &((struct server_conf *)object)->probe.init_state, line, "init-state", choices,
                  NUM_ITEMS(choices));
}

static bool option_marked(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct server_conf *server = object;
    bool is_down = strcmp(word->name, "on-marked-down") == 0;
    uint8_t found;
    const struct choice choice = { is_down ? "shutdown-sessions" : "shutdown-backup-sessions", 1 };
    if (!choose(config, &found, line, is_down ? "on-marked-down action" : "on-marked-up action", &choice, 1))
        return false;
    *(is_down ? &server->down_kills : &server->up_kills_backups) = true;
    return true;
}

static bool option_share(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    uint32_t number = 0;
    size_t len = 0;
    (void)word;
    while (len < 2 && len < arg->len && arg->str[len] >= '0' && arg->str[len] <= '9')
        number = number * 10 + (uint32_t)(arg->str[len++] - '0');
    if (number == 0 || len + 1 != arg->len || arg->str[len] != '%')
        return config_error(config, line, 0, "'%s' is no share, expected 1%% to 99%%", arg->str);
    ((struct server_conf *)object)->probe.share = (uint8_t)number;
    return true;
}

static bool option_agent(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct server_conf *)object)->probe.agent = word->value;
    return true;
}

static bool option_agent_port(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    uint64_t port = 0;
    (void)word;
    if (!config_parse_u64(config, &port, line, 0, 0, 65535))
        return false;
    ((struct server_conf *)object)->probe.agent_port = (uint16_t)port;
    return true;
}

static bool option_agent_addr(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct probe_conf *probe = &((struct server_conf *)object)->probe;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct proxy_address address;
    (void)word;
    if (!proxy_address_parse(config, &address, line, 0, slice_of(arg->str, arg->len)))
        return false;
    if (address.is_fd || address.addr.family == AF_UNIX || address.is_any || address.port_kind != PROXY_PORT_NONE)
        return config_error(config, line, 0, "'%s' is no address of an agent; 'agent-port' has its port", arg->str);
    probe->agent_addr = address.addr;
    probe->agent_host = address.host;
    probe->agent_host_family = address.want;
    return true;
}

static bool option_agent_inter(struct config *config, void *object, const struct config_word *word,
                               const struct config_line *line)
{
    uint64_t inter_us;
    (void)word;
    if (!config_parse_time(config, &inter_us, line, 0, 1000))
        return false;
    if (inter_us == 0)
        return config_error(config, line, 0, "an agent cannot be asked all the time: 'agent-inter' is at least 1ms");
    ((struct server_conf *)object)->probe.agent_inter_us = inter_us;
    return true;
}

static bool option_agent_send(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct probe_conf *probe = &((struct server_conf *)object)->probe;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)config;
    (void)word;
    probe->agent_send = arg->len ? arg->str : NULL;
    probe->agent_send_len = arg->len;
    return true;
}

static bool option_track(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    const char *slash = strrchr(arg->str, '/');
    (void)word;
    if (!arg->len || (slash && (slash == arg->str || !slash[1])))
        return config_error(config, line, 0, "'%s' names no server, expected [<backend>/]<server>", arg->str);
    ((struct server_conf *)object)->probe.track_text = arg->str;
    return true;
}

#define INTO(member) .into = offsetof(struct server_conf, probe.member)

static const struct config_word words[] = {
    { .name = "observe",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_observe,
      .args = "{ layer4 | layer7 | none }",
      .help = "Traffic tells of the server's health, too. With 'layer4' a connection that cannot be made is an error; "
              "with 'layer7', in mode http only, so is an answer that is no HTTP, does not come in time, breaks off "
              "before its head is complete, or has a status other than 100 to 499, 501 or 505. 'error-limit' errors in "
              "a row, counted by all workers together, mean what 'on-error' says.",
      .good = "observe layer7",
      .bad = "observe layer5",
      .bad_says = "unknown observe mode" },
    { .name = "error-limit",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(error_limit),
      .min = 1,
      .max = INT32_MAX,
      .args = "<count>",
      .help = "Errors in a row, as 'observe' counts them, that mean what 'on-error' says. The default is 10.",
      .good = "error-limit 5",
      .bad = "error-limit 0",
      .bad_says = "out of range" },
    { .name = "on-error",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_on_error,
      .args = "{ fastinter | fail-check | sudden-death | mark-down }",
      .help = "What follows from errors that 'observe' saw: the next check comes after 'fastinter'; or, besides, one "
              "failed check is counted (the default); or so many that one more takes the server down; or it is down at "
              "once. See 'eject-time' for a server without checks.",
      .good = "on-error mark-down",
      .bad = "on-error panic",
      .bad_says = "unknown on-error mode" },
    { .name = "share",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_share,
      .args = "<percent>%",
      .help = "With 'observe': the server is an outlier when more than this share of its answers (connections, with "
              "layer4) failed within 'share-window', and 'on-error' follows. It takes at least three servers of the "
              "backend with traffic to tell, and never more than half of a backend's servers are out for that.",
      .good = "observe layer7 share 50%",
      .bad = "share 100",
      .bad_says = "is no share" },
    { .name = "share-min",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(share_min),
      .min = 1,
      .max = 1000000,
      .args = "<count>",
      .help = "Answers within 'share-window' below which 'share' says nothing. The default is 20.",
      .good = "share-min 100",
      .bad = "share-min 0",
      .bad_says = "out of range" },
    { .name = "share-window",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_time,
      INTO(share_window_us),
      .value = 1000,
      .min = 100000,
      .max = 3600000000,
      .args = "<time>",
      .help = "The time over which 'share' is taken, 100ms to 1h; it slides. The default is 10s.",
      .good = "share-window 30s",
      .bad = "share-window x",
      .bad_says = "is no time" },
    { .name = "eject-time",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_time,
      INTO(eject_us),
      .value = 1000,
      .min = 1000,
      .max = 86400000000,
      .args = "<time>",
      .help = "A server without checks that 'observe' finds failing is taken out of service, and comes back after this "
              "time, more or less a random tenth. Each time that follows soon doubles it, up to 16 times. With 'share' "
              "the default is 30s; without, such a server stays in service where this is not said. A server with "
              "checks comes back through these.",
      .good = "eject-time 5s",
      .bad = "eject-time x",
      .bad_says = "is no time" },
    { .name = "on-marked-down",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_marked,
      .args = "shutdown-sessions",
      .help = "When the server goes down all sessions on it end; their log lines have the code 'D'.",
      .good = "on-marked-down shutdown-sessions",
      .bad = "on-marked-down now",
      .bad_says = "unknown on-marked-down action" },
    { .name = "on-marked-up",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_marked,
      .args = "shutdown-backup-sessions",
      .help = "When the server, which is no backup and has a weight, comes up all sessions on the backend's backup "
              "servers end; their log lines have the code 'U'.",
      .good = "on-marked-up shutdown-backup-sessions",
      .bad = "on-marked-up now",
      .bad_says = "unknown on-marked-up action" },
    { .name = "init-state",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_init_state,
      .args = "{ fully-up | up | down | fully-down | none }",
      .help = "What the server is taken for before its first check, at a start or when it leaves maintenance: up until "
              "all of 'fall' checks failed, up until one fails, down until one succeeds, or down until all of 'rise' "
              "did. The default, 'none', is up until one fails at a start, and down until one succeeds after "
              "maintenance.",
      .good = "init-state fully-down",
      .bad = "init-state maybe",
      .bad_says = "unknown init-state" },
    { .name = "track",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_track,
      .args = "[<backend>/]<server>",
      .help = "The server is up or down, in maintenance or drained as the named one is, which may track another in "
              "turn; the last one has 'check' or 'agent-check'. Without a backend's name it is one of this backend.",
      .good = "track other/s1",
      .bad = "track other/",
      .bad_says = "names no server" },
    { .name = "agent-check",
      .in = IN_BOTH,
      .parse = option_agent,
      .value = true,
      .args = "",
      .help = "An agent is asked about the server, besides any health check: a connection to 'agent-port' is answered "
              "with one line of words, which change its weight ('75%', 'weight:10'), its 'maxconn:<n>', what it is "
              "('up', 'down', 'fail', 'stopped', with '#<reason>') or what it is to do ('ready', 'drain', 'maint'). An "
              "agent that is not there changes nothing.",
      .good = "agent-check agent-port 5000",
      .bad = "agent-check yes",
      .bad_says = "unknown option 'yes'" },
    { .name = "no-agent-check",
      .in = IN_BOTH,
      .parse = option_agent,
      .value = false,
      .args = "",
      .help = "Undoes 'agent-check'.",
      .good = "no-agent-check",
      .bad = "no-agent-check yes",
      .bad_says = "unknown option 'yes'" },
    { .name = "agent-port",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_agent_port,
      .args = "<port>",
      .help = "The TCP port of the agent.",
      .good = "agent-port 5000",
      .bad = "agent-port 65536",
      .bad_says = "out of range" },
    { .name = "agent-addr",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_agent_addr,
      .args = "<address>",
      .help = "The address of the agent, where it is not the server's, or a host name, which is resolved at the start.",
      .good = "agent-addr 192.0.2.9",
      .bad = "agent-addr /run/agent.sock",
      .bad_says = "is no address of an agent" },
    { .name = "agent-inter",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_agent_inter,
      .args = "<time>",
      .help = "The time from one question to the next, and how long an answer may take where 'timeout check' does not "
              "say. The default is 2s.",
      .good = "agent-inter 500ms",
      .bad = "agent-inter 0",
      .bad_says = "at least 1ms" },
    { .name = "agent-send",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_agent_send,
      .args = "<string>",
      .help = "What is sent to the agent when the connection stands, as it is: end it with \\n where the agent wants a "
              "line.",
      .good = "agent-send \"www\\n\"",
      .bad = "agent-send",
      .bad_says = "'agent-send' is incomplete" },
};
CONFIG_WORDS(words);
