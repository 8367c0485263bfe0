// SPDX-License-Identifier: Apache-2.0
// `stats socket`, `stats timeout` and `stats maxconn` of the global section. Configuration manual, section 3.1.
#include "admin/command.h"
#include "base/check.h"
#include "config/word.h"
#include "proxy/address.h"
#include "proxy/conf.h"

static bool check_options(struct config *config, const struct stats_socket_conf *socket, const struct config_line *line)
{
    if (socket->bind.accept_proxy)
        return config_error(config, line, 0, "'accept-proxy' is not supported on a stats socket");
    if (socket->bind.maxconn)
        return config_error(config, line, 0, "'maxconn' is not supported on a stats socket, use 'stats maxconn'");
    return true;
}

static bool parse_socket(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word;
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct stats_socket_conf **end = &global->stats_sockets;
    struct stats_socket_conf *socket = arena_alloc(config->arena, sizeof(*socket));
    uint16_t first;
    uint16_t last;
    *socket = (struct stats_socket_conf){ .level = ADMIN_LEVEL_OPERATOR, .bind = { .place = line->place } };
    socket->bind.listen.fd = -1;
    if (!proxy_address_listen(config, &socket->bind.listen, &first, &last, line, 0, slice_of(arg->str, arg->len)) ||
        !config_parse_options(config, &socket->bind, line, 1, CONFIG_IN_BIND | CONFIG_IN_SOCKET) ||
        !check_options(config, socket, line))
        return false;
    if (first != last)
        return config_error(config, line, 0, "a stats socket has one port");
    while (*end)
        end = &(*end)->next;
    *end = socket;
    return true;
}

static bool option_level(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word;
    static const char *const levels[] = { "user", "operator", "admin" };
    struct stats_socket_conf *socket = CONTAINER_OF(object, struct stats_socket_conf, bind);
    for (size_t i = 0; i < NUM_ITEMS(levels); i++) {
        if (strcmp(config_arg_at(line, 0)->str, levels[i]) == 0) {
            socket->level = (uint8_t)(ADMIN_LEVEL_USER + i);
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "level", levels, NUM_ITEMS(levels));
}

static bool option_expose_fd(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    (void)word;
    struct stats_socket_conf *socket = CONTAINER_OF(object, struct stats_socket_conf, bind);
    static const char *const what[] = { "listeners" };
    if (strcmp(config_arg_at(line, 0)->str, what[0]) != 0)
        return config_error_unknown(config, line, 0, "word", what, NUM_ITEMS(what));
    socket->expose_fds = true;
    return config_warning(config, line, 0, "'expose-fd listeners' is not needed: the master keeps all sockets open");
}

static const struct config_word words[] = {
    { .name = "stats socket", .in = CONFIG_IN_GLOBAL, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = parse_socket,
      .args = "<address> [<option>...]",
      .help = "A socket to ask and command the running service at: a path, unix@, abns@, an IP address and port, fd@N. "
              "Options are those of a bind line that concern the socket, and level.",
      .good = "stats socket /run/fairlead.sock mode 600 level admin;stats socket 127.0.0.1:9999 level user",
      .bad = "stats socket /run/fairlead.sock level root", .bad_says = "unknown level 'root'" },
    { .name = "stats timeout", .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_time,
      .into = offsetof(struct global_conf, stats_timeout), .value = 1000, .min = 1, .max = UINT64_MAX, .args = "<time>",
      .help = "How long a session on a stats socket may be idle; 10 seconds by default.", .good = "stats timeout 2m",
      .bad = "stats timeout long", .bad_says = "is no time" },
    { .name = "stats maxconn", .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_u32,
      .into = offsetof(struct global_conf, stats_maxconn), .min = 1, .max = INT32_MAX, .args = "<number>",
      .help = "Most sessions on stats sockets at once; 10 by default. More wait.", .good = "stats maxconn 20",
      .bad = "stats maxconn 0", .bad_says = "out of range" },
    { .name = "level", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_level, .args = "{ user | operator | admin }",
      .help = "What sessions on the socket may do: read what is not sensitive, read everything (the default), or change "
              "things.",
      .good = "level admin", .bad = "level root", .bad_says = "unknown level 'root'" },
    { .name = "expose-fd", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_expose_fd, .args = "listeners",
      .help = "Has no meaning here: a reload keeps all sockets open by itself.", .good = "expose-fd listeners",
      .bad = "expose-fd all", .bad_says = "unknown word 'all'" },
};
CONFIG_WORDS(words);
