// SPDX-License-Identifier: Apache-2.0
// Words of the global section about processes: how many, under which rights, where their pid stands.
#include <string.h>
#include <sys/stat.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "os/identity.h"
#include "process/program.h"
#include "proxy/conf.h"

// The argument as an id of a user or group, by number; `into` is an int64_t.
static bool parse_id(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    uint64_t id = 0;
    if (!config_parse_u64(config, &id, line, 0, 0, UINT32_MAX - 1))
        return false;
    *(int64_t *)((char *)object + word->into) = (int64_t)id;
    return true;
}

// Whoever gives up root's user does not mean to keep root's group.
static void group_follow(struct global_conf *global, bool known, int64_t main_group)
{
    if (!known || (global->gid >= 0 && !global->gid_is_optional))
        return;
    global->gid = main_group;
    global->gid_is_optional = true;
}

static bool parse_uid(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct global_conf *global = object;
    int64_t main_group = -1;
    if (!parse_id(config, object, word, line))
        return false;
    bool known = os_identity_user_group(&main_group, global->uid);
    group_follow(global, known, main_group);
    return true;
}

static bool parse_gid(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    ((struct global_conf *)object)->gid_is_optional = false;
    return parse_id(config, object, word, line);
}

static bool parse_user(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct global_conf *global = object;
    const char *name = config_arg_at(line, 0)->str;
    int64_t main_group;
    (void)word;
    if (!os_identity_user(&global->uid, &main_group, name))
        return config_error(config, line, 0, "there is no user '%s'", name);
    group_follow(global, true, main_group);
    return true;
}

static bool parse_group(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct global_conf *global = object;
    const char *name = config_arg_at(line, 0)->str;
    (void)word;
    if (!os_identity_group(&global->gid, name))
        return config_error(config, line, 0, "there is no group '%s'", name);
    global->gid_is_optional = false;
    return true;
}

static bool parse_workers(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct global_conf *global = object;
    uint64_t num;
    if (!config_parse_u64(config, &num, line, 0, word->min, word->max))
        return false;
    *(uint32_t *)((char *)object + word->into) = (uint32_t)num;
    uint64_t total = (uint64_t)(global->nbproc ? global->nbproc : 1) * (global->nbthread ? global->nbthread : 1);
    if (total > PROCESS_MAX_WORKERS)
        return config_error(config, line, 0, "nbproc times nbthread makes %llu workers; %d are supported",
                            (unsigned long long)total, PROCESS_MAX_WORKERS);
    return true;
}

static bool parse_chroot(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct stat st;
    const char *path = config_arg_at(line, 0)->str;
    if (path[0] != '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return config_error(config, line, 0, "'%s' is no directory by its full path", path);
    return config_word_str(config, object, word, line);
}

static bool parse_master_worker(struct config *config, void *object, const struct config_word *word,
                                const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (arg && strcmp(arg->str, "no-exit-on-failure") != 0)
        return config_error(config, line, 0, "unexpected '%s'; only 'no-exit-on-failure' may follow", arg->str);
    global->master_worker = !line->negated;
    global->go_on_alone = arg && !line->negated;
    return true;
}

// The rest of the line, as of a proxy's description.
static bool parse_description(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct global_conf *global = object;
    (void)word;
    global->description = config_arg_at(line, 0)->str;
    for (uint32_t i = 1; config_arg_at(line, i); i++)
        global->description = arena_printf(config->arena, "%s %s", global->description, config_arg_at(line, i)->str);
    return true;
}

#define INTO(member) .into = offsetof(struct global_conf, member)

static const struct config_word words[] = {
    { .name = "daemon",
      .in = CONFIG_IN_GLOBAL,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_bool,
      INTO(daemon),
      .args = "",
      .help = "Goes to the background once it serves, unless started with -db or -d. Same as -D.",
      .good = "daemon;no daemon",
      .bad = "daemon yes",
      .bad_says = "takes no argument" },
    { .name = "master-worker",
      .in = CONFIG_IN_GLOBAL,
      .max_args = 1,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_master_worker,
      .args = "[no-exit-on-failure]",
      .help = "Same as -W. There is always a master, which replaces processes that die and never exits on their "
              "failure; this chooses the exit status after SIGINT and SIGTERM, as with HAProxy. Where it is the master "
              "that fails, its processes finish what is open and end; with no-exit-on-failure they go on to serve, and "
              "their keeper obeys SIGUSR1 and SIGTERM in its place.",
      .good = "master-worker;master-worker no-exit-on-failure",
      .bad = "master-worker maybe",
      .bad_says = "only 'no-exit-on-failure' may follow" },
    { .name = "nbproc",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_workers,
      INTO(nbproc),
      .min = 1,
      .max = PROCESS_MAX_WORKERS,
      .args = "<number>",
      .help = "With nbthread, the number of workers: the product of both. A worker is a process of one thread.",
      .good = "nbproc 2",
      .bad = "nbproc 0",
      .bad_says = "out of range" },
    { .name = "nbthread",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_workers,
      INTO(nbthread),
      .min = 1,
      .max = PROCESS_MAX_WORKERS,
      .args = "<number>",
      .help = "The number of workers, each a process of one thread. The default is one per usable processor.",
      .good = "nbthread 4",
      .bad = "nbthread 0",
      .bad_says = "out of range" },
    { .name = "pidfile",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      INTO(pidfile),
      .args = "<path>",
      .help = "The file that gets the master's pid once it serves. Same as -p, which comes first.",
      .good = "pidfile /run/fairlead.pid",
      .bad = "pidfile",
      .bad_says = "is incomplete" },
    { .name = "user",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_user,
      .args = "<user>",
      .help = "All processes but the master run as this user, and in its main group unless 'group' names another.",
      .good = "user nobody",
      .bad = "user no-such-user",
      .bad_says = "there is no user" },
    { .name = "group",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_group,
      .args = "<group>",
      .help = "All processes but the master run in this group.",
      .good = "group nogroup",
      .bad = "group no-such-group",
      .bad_says = "there is no group" },
    { .name = "uid",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_uid,
      INTO(uid),
      .args = "<number>",
      .help = "As user, by number.",
      .good = "uid 65534",
      .bad = "uid nobody",
      .bad_says = "is no number" },
    { .name = "gid",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_gid,
      INTO(gid),
      .args = "<number>",
      .help = "As group, by number.",
      .good = "gid 65534",
      .bad = "gid nogroup",
      .bad_says = "is no number" },
    { .name = "chroot",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_chroot,
      INTO(chroot),
      .args = "<directory>",
      .help = "All processes but the master are shut into this directory, which should be empty and not writable.",
      .good = "chroot /",
      .bad = "chroot /no/such/directory",
      .bad_says = "is no directory" },
    { .name = "hard-stop-after",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      INTO(hard_stop_after),
      .value = 1000,
      .args = "<time>",
      .help =
          "A generation that is to stop softly (SIGUSR1, or a reload) and has not after this time ends at once: what "
          "is open then is logged as killed (K), and the log says how many sessions that were.",
      .good = "hard-stop-after 30s",
      .bad = "hard-stop-after soon",
      .bad_says = "is no time" },
    { .name = "description",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_description,
      .args = "<text>...",
      .help = "A text for statistics.",
      .good = "description the west side",
      .bad = "description",
      .bad_says = "is incomplete" },
    { .name = "node",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      INTO(node),
      .args = "<name>",
      .help = "The name of this machine in statistics.",
      .good = "node lb1",
      .bad = "node",
      .bad_says = "is incomplete" },
};
CONFIG_WORDS(words);
