// SPDX-License-Identifier: Apache-2.0
// Words of the global section that concern processes and the admin socket.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/check.h"
#include "config/word.h"
#include "os/identity.h"
#include "process/program.h"
#include "proxy/address.h"
#include "proxy/conf.h"

static bool parse_user(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct global_conf *global = object;
    int64_t gid;
    global->user = config_arg_at(line, 0)->str;
    (void)word;
    if (!os_identity_user(&global->uid, &gid, global->user))
        return config_error(config, line, 0, "there is no user '%s' on this machine", global->user);
    // As HAProxy: the user's main group, unless `group` says otherwise.
    if (global->gid < 0)
        global->gid = gid;
    return true;
}

static bool parse_group(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct global_conf *global = object;
    (void)word;
    global->group = config_arg_at(line, 0)->str;
    return os_identity_group(&global->gid, global->group) ||
           config_error(config, line, 0, "there is no group '%s' on this machine", global->group);
}

static bool parse_id(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    uint64_t id;
    if (!config_parse_u64(config, &id, line, 0, 0, UINT32_MAX - 1))
        return false;
    *(int64_t *)((char *)object + word->into) = (int64_t)id;
    return true;
}

static bool parse_chroot(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const char *path = config_arg_at(line, 0)->str;
    struct stat stat_buf;
    (void)word;
    if (stat(path, &stat_buf) != 0 || !S_ISDIR(stat_buf.st_mode))
        return config_error(config, line, 0, "'%s' is no directory", path);
    ((struct global_conf *)object)->chroot = path;
    return true;
}

static bool parse_workers(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct global_conf *global = object;
    uint64_t num;
    if (!config_parse_u64(config, &num, line, 0, 1, PROCESS_MAX_WORKERS))
        return false;
    *(uint32_t *)((char *)object + word->into) = (uint32_t)num;
    uint64_t total = (uint64_t)(global->nbproc ? global->nbproc : 1) * (global->nbthread ? global->nbthread : 1);
    if (total > PROCESS_MAX_WORKERS)
        return config_error(config, line, 0, "nbproc times nbthread makes %llu workers, at most %d are supported",
                            (unsigned long long)total, PROCESS_MAX_WORKERS);
    return true;
}

static bool parse_master_worker(struct config *config, void *object, const struct config_word *word,
                                const struct config_line *line)
{
    static const char *const known[] = { "no-exit-on-failure" };
    (void)word;
    if (config_arg_at(line, 0) && strcmp(config_arg_at(line, 0)->str, known[0]) != 0)
        return config_error_unknown(config, line, 0, "argument", known, NUM_ITEMS(known));
    ((struct global_conf *)object)->master_worker = !line->negated && !line->reset;
    return true;
}

static bool parse_description(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    const char *joined = config_arg_at(line, 0)->str;
    const struct config_arg *arg;
    (void)word;
    for (uint32_t i = 1; (arg = config_arg_at(line, i)); i++)
        joined = arena_printf(config->arena, "%s %s", joined, arg->str);
    ((struct global_conf *)object)->description = joined;
    return true;
}

static bool parse_socket(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct stats_socket_conf *socket = arena_alloc(config->arena, sizeof(*socket));
    uint16_t first = 0, last = 0;
    (void)word;
    socket->level = 2;
    socket->bind.place = line->place;
    if (!proxy_address_listen(config, &socket->bind.listen, &first, &last, line, 0, slice_of(arg->str, arg->len)))
        return false;
    if (first != last)
        return config_error(config, line, 0, "an admin socket has one port, not a range");
    if (!config_parse_options(config, &socket->bind, line, 1, CONFIG_IN_SOCKET))
        return false;
    struct stats_socket_conf **end = &global->stats_sockets;
    while (*end)
        end = &(*end)->next;
    *end = socket;
    return true;
}

static bool option_level(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    static const char *const levels[] = { "user", "operator", "admin" };
    struct stats_socket_conf *socket = CONTAINER_OF((struct bind_conf *)object, struct stats_socket_conf, bind);
    (void)word;
    for (uint8_t i = 0; i < NUM_ITEMS(levels); i++) {
        if (!strcmp(config_arg_at(line, 0)->str, levels[i])) {
            socket->level = i + 1;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "level", levels, NUM_ITEMS(levels));
}

static bool option_expose(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    static const char *const known[] = { "listeners" };
    struct stats_socket_conf *socket = CONTAINER_OF((struct bind_conf *)object, struct stats_socket_conf, bind);
    (void)word;
    if (strcmp(config_arg_at(line, 0)->str, "listeners"))
        return config_error_unknown(config, line, 0, "kind of descriptors", known, 1);
    socket->expose_fds = true;
    return config_warning(config, line, 0, "'expose-fd listeners' is not needed: a reload keeps all sockets, and a "
                                           "second instance shares the ports by itself");
}

#define GLOBAL .in = CONFIG_IN_GLOBAL
#define INTO(member) .into = offsetof(struct global_conf, member)

static const struct config_word words[] = {
    { .name = "daemon", GLOBAL, .flags = CONFIG_MAY_NEGATE, .parse = config_word_bool, INTO(daemon),
      .help = "Go to the background once the service is ready, as the flag -D does.", .good = "daemon",
      .bad = "daemon yes", .bad_says = "yes" },
    { .name = "master-worker", GLOBAL, .max_args = 1, .flags = CONFIG_MAY_NEGATE, .parse = parse_master_worker,
      .args = "[no-exit-on-failure]",
      .help = "A master always supervises workers here. As with -W, its exit status after SIGTERM is then 0, and 130 after "
              "SIGINT. A worker that dies never ends the others, which is what no-exit-on-failure asks for.",
      .good = "master-worker;master-worker no-exit-on-failure", .bad = "master-worker yes",
      .bad_says = "unknown argument" },
    { .name = "pidfile", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_str, INTO(pidfile),
      .args = "<path>", .help = "Write the master's process number there. The flag -p takes precedence.",
      .good = "pidfile /run/fairlead.pid", .bad = "pidfile", .bad_says = "is incomplete" },
    { .name = "nbproc", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_workers, INTO(nbproc), .args = "<number>",
      .help = "Workers. It multiplies with nbthread: a thread of HAProxy is a worker process here.", .good = "nbproc 2",
      .bad = "nbproc 0", .bad_says = "expected 1 to 100" },
    { .name = "nbthread", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_workers, INTO(nbthread),
      .args = "<number>",
      .help = "Workers, each a process with one thread. Without it there is one for each usable processor.",
      .good = "nbthread 4", .bad = "nbthread many", .bad_says = "many" },
    { .name = "user", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_user, .args = "<name>",
      .help = "All processes but the master run as this user.", .good = "user root", .bad = "user no-such-user",
      .bad_says = "there is no user" },
    { .name = "group", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_group, .args = "<name>",
      .help = "All processes but the master run in this group.", .good = "group root", .bad = "group no-such-group",
      .bad_says = "there is no group" },
    { .name = "uid", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_id, INTO(uid), .args = "<number>",
      .help = "As user, by number.", .good = "uid 65534", .bad = "uid nobody", .bad_says = "nobody" },
    { .name = "gid", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_id, INTO(gid), .args = "<number>",
      .help = "As group, by number.", .good = "gid 65534", .bad = "gid nogroup", .bad_says = "nogroup" },
    { .name = "chroot", GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_chroot, .args = "<directory>",
      .help = "All processes but the master are shut in this directory, which should be empty.",
      .good = "chroot /", .bad = "chroot /no/such/directory", .bad_says = "is no directory" },
    { .name = "ulimit-n", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_u64, INTO(ulimit_n),
      .min = 64, .max = 1u << 30, .args = "<number>",
      .help = "Descriptors each process may open. Without it, as many as the system's hard limit allows.",
      .good = "ulimit-n 10000", .bad = "ulimit-n 3", .bad_says = "64" },
    { .name = "hard-stop-after", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_time,
      INTO(hard_stop_after), .value = 1000, .args = "<time>",
      .help = "A soft stop that takes longer than this ends at once, with what is still open.",
      .good = "hard-stop-after 30s", .bad = "hard-stop-after soon", .bad_says = "soon" },
    { .name = "node", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_str, INTO(node), .args = "<name>",
      .help = "This machine's name, for 'show info'.", .good = "node lb1", .bad = "node", .bad_says = "is incomplete" },
    { .name = "description", GLOBAL, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = parse_description,
      .args = "<text>...", .help = "A text for 'show info'.", .good = "description the first of two",
      .bad = "description", .bad_says = "is incomplete" },
    { .name = "stats socket", GLOBAL, .min_args = 1, .max_args = 32, .parse = parse_socket,
      .args = "<address> [mode <mode>] [user|uid <owner>] [group|gid <owner>] [level <level>]",
      .help = "An admin socket: see the management guide for its language. Several may be given.",
      .good = "stats socket /run/fairlead.sock mode 660 level admin",
      .bad = "stats socket /run/fairlead.sock level root", .bad_says = "operator" },
    { .name = "stats timeout", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_time, INTO(stats_timeout),
      .value = 1000, .args = "<time>", .help = "How long a connection to an admin socket may be silent (default 10s).",
      .good = "stats timeout 1m", .bad = "stats timeout x", .bad_says = "x" },
    { .name = "stats maxconn", GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_u32, INTO(stats_maxconn),
      .min = 1, .max = 10000, .args = "<number>", .help = "Connections to admin sockets at once (default 10).",
      .good = "stats maxconn 20", .bad = "stats maxconn 0", .bad_says = "1" },
    { .name = "level", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_level,
      .args = "{ user | operator | admin }",
      .help = "What a connection may do: look (user), also at what is sensitive (operator, the default), or change.",
      .good = "level admin", .bad = "level root", .bad_says = "operator" },
    { .name = "expose-fd", .in = CONFIG_IN_SOCKET, .min_args = 1, .parse = option_expose, .args = "listeners",
      .help = "Accepted with a warning: sockets need not be fetched from here.", .good = "expose-fd listeners",
      .bad = "expose-fd all", .bad_says = "listeners" },
};
CONFIG_WORDS(words);
