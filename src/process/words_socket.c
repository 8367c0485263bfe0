// SPDX-License-Identifier: Apache-2.0
// `stats socket` and its options, and what else the global section says about the admin side.
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "proxy/address.h"
#include "proxy/conf.h"

static const char *const levels[] = { "user", "operator", "admin" };

// Options of a bind line that an admin socket shares (src/proxy/words_bind.c) want the bind: so all get that.
static struct stats_socket_conf *socket_of(void *object)
{
    return CONTAINER_OF((struct bind_conf *)object, struct stats_socket_conf, bind);
}

static bool parse_socket(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct global_conf *global = object;
    struct stats_socket_conf *socket = arena_alloc(config->arena, sizeof(*socket));
    const struct config_arg *arg = config_arg_at(line, 0);
    uint16_t first, last;
    (void)word;
    socket->bind.listen.fd = -1;
    socket->bind.place = line->place;
    socket->level = 2;
    if (arg->len == 0)
        return config_error(config, line, 0, "an address is missing");
    bool ok = config_parse_options(config, &socket->bind, line, 1, CONFIG_IN_SOCKET);
    if (!proxy_address_listen(config, &socket->bind.listen, &first, &last, line, 0, slice_of(arg->str, arg->len)))
        return false;
    if (first != last)
        return config_error(config, line, 0, "an admin socket has one port");
    struct stats_socket_conf **end = &global->stats_sockets;
    while (*end)
        end = &(*end)->next;
    *end = socket;
    return ok;
}

static bool option_level(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(levels); i++) {
        if (strcmp(config_arg_at(line, 0)->str, levels[i]) == 0) {
            socket_of(object)->level = (uint8_t)(i + 1);
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "level", levels, NUM_ITEMS(levels));
}

static bool option_severity(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    static const char *const known[] = { "none", "number", "string" };
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            socket_of(object)->severity = (uint8_t)i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "severity output", known, NUM_ITEMS(known));
}

static bool option_expose(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    static const char *const known[] = { "listeners" };
    (void)word;
    if (strcmp(config_arg_at(line, 0)->str, known[0]) != 0)
        return config_error_unknown(config, line, 0, "kind of descriptors", known, NUM_ITEMS(known));
    socket_of(object)->exposes = true;
    return true;
}

#define INTO(member) .into = offsetof(struct global_conf, member)
#define NO_EFFECT    "No effect: one process, the controller, serves all admin sockets, beside the traffic."

static const struct config_word words[] = {
    { .name = "stats socket",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_socket,
      .args = "<address> [<option>...]",
      .help = "Opens an admin socket: a path, abns@name, fd@N or an IP address with its port.",
      .good = "stats socket /run/fairlead.sock mode 600 level admin;stats socket ipv4@127.0.0.1:9999 level user",
      .bad = "stats socket /run/fairlead.sock level king",
      .bad_says = "king" },
    { .name = "stats timeout",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      INTO(stats_timeout),
      .value = 1000,
      .min = 1,
      .max = (uint64_t)INT32_MAX * 1000,
      .args = "<time>",
      .help = "An admin connection that says nothing for so long is closed; the default is 10s.",
      .good = "stats timeout 2m",
      .bad = "stats timeout 0",
      .bad_says = "out of range" },
    { .name = "stats maxconn",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(stats_maxconn),
      .min = 1,
      .max = 10000,
      .args = "<number>",
      .help = "Most admin connections at once; the default is 10.",
      .good = "stats maxconn 20",
      .bad = "stats maxconn 0",
      .bad_says = "out of range" },
    { .name = "level",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_level,
      .args = "{ user | operator | admin }",
      .help =
          "What may be asked for by this socket: to look (user), also at what is sensitive (operator, the default), or "
          "to change things (admin).",
      .good = "level admin",
      .bad = "level king",
      .bad_says = "king" },
    { .name = "severity-output",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_severity,
      .args = "{ none | number | string }",
      .help =
          "How messages that answer commands begin: with nothing, with their severity as syslog numbers it ([3]: ), "
          "or with its name ([err]: ). The command 'set severity-output' changes it for one session.",
      .good = "severity-output number",
      .bad = "severity-output colour",
      .bad_says = "colour" },
    { .name = "nice",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_tuning,
      .args = "<nice>",
      .help = NO_EFFECT,
      .good = "nice 10",
      .bad = "nice",
      .bad_says = "nice" },
    { .name = "id",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_tuning,
      .args = "<number>",
      .help = "No effect: admin sockets are not in the statistics.",
      .good = "id 7",
      .bad = "id",
      .bad_says = "id" },
    { .name = "shards",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_tuning,
      .args = "{ <number> | by-thread | by-group }",
      .help = NO_EFFECT,
      .good = "shards 2",
      .bad = "shards",
      .bad_says = "shards" },
    { .name = "thread",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_tuning,
      .args = "[<group>/]<threads>[,...]",
      .help = NO_EFFECT,
      .good = "thread 1/all",
      .bad = "thread",
      .bad_says = "thread" },
    { .name = "expose-fd",
      .in = CONFIG_IN_SOCKET,
      .min_args = 1,
      .parse = option_expose,
      .args = "listeners",
      .help =
          "Lets a second instance that is started with -x and this socket take the listening sockets over, where the "
          "level is admin. Not needed for a reload: the master keeps all listening sockets over it.",
      .good = "expose-fd listeners",
      .bad = "expose-fd all",
      .bad_says = "all" },
};
CONFIG_WORDS(words);
