// SPDX-License-Identifier: Apache-2.0
// `stats socket` and its options, and what else the global section says about the admin side.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "os/identity.h"
#include "proxy/address.h"
#include "proxy/conf.h"

static const char *const levels[] = { "user", "operator", "admin" };

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
    bool ok = config_parse_options(config, socket, line, 1, CONFIG_IN_SOCKET);
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
    for (uint8_t i = 0; i < NUM_ITEMS(levels); i++) {
        if (strcmp(config_arg_at(line, 0)->str, levels[i]) == 0) {
            ((struct stats_socket_conf *)object)->level = (uint8_t)(i + 1);
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "level", levels, NUM_ITEMS(levels));
}

static bool option_expose(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    static const char *const known[] = { "listeners" };
    (void)word;
    if (strcmp(config_arg_at(line, 0)->str, known[0]) != 0)
        return config_error_unknown(config, line, 0, "kind of descriptors", known, NUM_ITEMS(known));
    ((struct stats_socket_conf *)object)->expose_fds = true;
    return config_warning(config, line, 0, "no effect: the master keeps all listening sockets over a reload");
}

static bool option_mode(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct os_listen *listen = &((struct stats_socket_conf *)object)->bind.listen;
    const char *text = config_arg_at(line, 0)->str;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    (void)word;
    if (text[0] < '0' || text[0] > '7' || *end || mode > 0777)
        return config_error(config, line, 0, "'%s' is no file mode, expected three octal digits", text);
    listen->mode = (uint32_t)mode;
    listen->flags |= OS_LISTEN_HAS_MODE;
    return true;
}

static bool owner_set(struct os_listen *listen, const struct config_word *word, int64_t id)
{
    *(word->value == OS_LISTEN_HAS_UID ? &listen->uid : &listen->gid) = (uint32_t)id;
    listen->flags |= (uint32_t)word->value;
    return true;
}

static bool option_owner(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    uint64_t id;
    return config_parse_u64(config, &id, line, 0, 0, UINT32_MAX - 1) &&
           owner_set(&((struct stats_socket_conf *)object)->bind.listen, word, (int64_t)id);
}

static bool option_owner_name(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    bool is_user = word->value == OS_LISTEN_HAS_UID;
    const char *name = config_arg_at(line, 0)->str;
    int64_t id, main_group;
    if (!(is_user ? os_identity_user(&id, &main_group, name) : os_identity_group(&id, name)))
        return config_error(config, line, 0, "there is no %s '%s'", is_user ? "user" : "group", name);
    return owner_set(&((struct stats_socket_conf *)object)->bind.listen, word, id);
}

#define INTO(member) .into = offsetof(struct global_conf, member)

static const struct config_word words[] = {
    { .name = "stats socket", .in = CONFIG_IN_GLOBAL, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = parse_socket,
      .args = "<address> [<option>...]",
      .help = "Opens an admin socket: a path, abns@name, fd@N or an IP address with its port.",
      .good = "stats socket /run/fairlead.sock mode 600 level admin;stats socket ipv4@127.0.0.1:9999 level user",
      .bad = "stats socket /run/fairlead.sock level king", .bad_says = "king" },
    { .name = "stats timeout", .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_time,
      INTO(stats_timeout), .value = 1000, .args = "<time>",
      .help = "An admin connection that says nothing for so long is closed; the default is 10s.",
      .good = "stats timeout 2m", .bad = "stats timeout never", .bad_says = "is no time" },
    { .name = "stats maxconn", .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_u32,
      INTO(stats_maxconn), .min = 1, .max = 10000, .args = "<number>",
      .help = "Most admin connections at once; the default is 10.", .good = "stats maxconn 20", .bad = "stats maxconn 0",
      .bad_says = "out of range" },
    { .name = "level", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_level, .args = "{ user | operator | admin }",
      .help = "What may be asked for by this socket: to look (user), also at what is sensitive (operator, the default), or "
              "to change things (admin).",
      .good = "level admin", .bad = "level king", .bad_says = "king" },
    { .name = "expose-fd", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_expose, .args = "listeners",
      .help = "No effect: the master keeps all listening sockets over a reload, so that nobody need ask for them.", .good = "expose-fd listeners",
      .bad = "expose-fd all", .bad_says = "all" },
    { .name = "mode", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_mode, .args = "<mode>",
      .help = "Permissions of the socket's file, in octal.", .good = "mode 660", .bad = "mode 999",
      .bad_says = "is no file mode" },
    { .name = "uid", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_owner, .value = OS_LISTEN_HAS_UID,
      .args = "<uid>", .help = "Owner of the socket's file, by number.", .good = "uid 0", .bad = "uid root",
      .bad_says = "is no number" },
    { .name = "gid", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_owner, .value = OS_LISTEN_HAS_GID,
      .args = "<gid>", .help = "Group of the socket's file, by number.", .good = "gid 0", .bad = "gid root",
      .bad_says = "is no number" },
    { .name = "user", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_owner_name, .value = OS_LISTEN_HAS_UID,
      .args = "<user>", .help = "Owner of the socket's file, by name.", .good = "user root", .bad = "user no-such-user",
      .bad_says = "there is no user" },
    { .name = "group", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_owner_name, .value = OS_LISTEN_HAS_GID,
      .args = "<group>", .help = "Group of the socket's file, by name.", .good = "group root",
      .bad = "group no-such-group", .bad_says = "there is no group" },
};
CONFIG_WORDS(words);
