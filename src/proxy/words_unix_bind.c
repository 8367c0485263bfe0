// SPDX-License-Identifier: Apache-2.0
// `unix-bind`: what holds for the unix sockets of all `bind` lines that do not say otherwise themselves.
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "os/identity.h"
#include "proxy/words.h"

static bool take_prefix(struct config *config, struct global_conf *global, const struct config_line *line,
                        uint32_t index)
{
    const char *path = config_arg_at(line, index)->str;
    if (path[0] != '/')
        return config_error(config, line, index, "'%s' is no path from the root", path);
    global->unix_prefix = path;
    return true;
}

static bool take_mode(struct config *config, struct global_conf *global, const struct config_line *line, uint32_t index)
{
    const char *text = config_arg_at(line, index)->str;
    char *end;
    unsigned long mode = strtoul(text, &end, 8);
    if (text[0] < '0' || text[0] > '7' || *end || mode > 0777)
        return config_error(config, line, index, "'%s' is no file mode, expected three octal digits", text);
    global->unix_bind.mode = (uint32_t)mode;
    global->unix_bind.flags |= OS_LISTEN_HAS_MODE;
    return true;
}

static bool take_user(struct config *config, struct global_conf *global, const struct config_line *line, uint32_t index)
{
    const char *name = config_arg_at(line, index)->str;
    int64_t uid, main_group;
    if (!os_identity_user(&uid, &main_group, name))
        return config_error(config, line, index, "there is no user '%s'", name);
    global->unix_bind.uid = (uint32_t)uid;
    global->unix_bind.flags |= OS_LISTEN_HAS_UID;
    return true;
}

static bool take_group(struct config *config, struct global_conf *global, const struct config_line *line,
                       uint32_t index)
{
    const char *name = config_arg_at(line, index)->str;
    int64_t gid;
    if (!os_identity_group(&gid, name))
        return config_error(config, line, index, "there is no group '%s'", name);
    global->unix_bind.gid = (uint32_t)gid;
    global->unix_bind.flags |= OS_LISTEN_HAS_GID;
    return true;
}

static bool take_uid(struct config *config, struct global_conf *global, const struct config_line *line, uint32_t index)
{
    uint64_t id;
    if (!config_parse_u64(config, &id, line, index, 0, UINT32_MAX - 1))
        return false;
    global->unix_bind.uid = (uint32_t)id;
    global->unix_bind.flags |= OS_LISTEN_HAS_UID;
    return true;
}

static bool take_gid(struct config *config, struct global_conf *global, const struct config_line *line, uint32_t index)
{
    uint64_t id;
    if (!config_parse_u64(config, &id, line, index, 0, UINT32_MAX - 1))
        return false;
    global->unix_bind.gid = (uint32_t)id;
    global->unix_bind.flags |= OS_LISTEN_HAS_GID;
    return true;
}

static const char *const option_names[] = { "prefix", "mode", "user", "uid", "group", "gid" };
static bool (*const option_takes[])(struct config *config, struct global_conf *global, const struct config_line *line,
                                    uint32_t index) = { take_prefix, take_mode,  take_user,
                                                        take_uid,    take_group, take_gid };

static bool parse_unix_bind(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    bool ok = true;
    (void)word;
    for (uint32_t index = 0; config_arg_at(line, index); index += 2) {
        const char *name = config_arg_at(line, index)->str;
        size_t i = 0;
        while (i < NUM_ITEMS(option_names) && strcmp(option_names[i], name) != 0)
            i++;
        if (i == NUM_ITEMS(option_names))
            return config_error_unknown(config, line, index, "setting", option_names, NUM_ITEMS(option_names));
        if (!config_arg_at(line, index + 1))
            return config_error(config, line, index, "'%s' is incomplete: a value is missing", name);
        ok = option_takes[i](config, object, line, index + 1) && ok;
    }
    return ok;
}

bool proxy_unix_bind(struct config *config, struct os_listen *listen, const struct config_line *line)
{
    const struct global_conf *global = &proxy_program(config)->global;
    uint32_t missing = global->unix_bind.flags & ~listen->flags;
    struct sockaddr_un *un = (struct sockaddr_un *)&listen->address;
    if (missing & OS_LISTEN_HAS_MODE)
        listen->mode = global->unix_bind.mode;
    if (missing & OS_LISTEN_HAS_UID)
        listen->uid = global->unix_bind.uid;
    if (missing & OS_LISTEN_HAS_GID)
        listen->gid = global->unix_bind.gid;
    listen->flags |= missing;
    if (!global->unix_prefix)
        return true;
    // The room behind it is for the name that a socket's file is made under first (os/listen.h).
    size_t prefix_len = strlen(global->unix_prefix), path_len = strlen(un->sun_path);
    if (prefix_len + path_len > sizeof(un->sun_path) - 12)
        return config_error(config, line, 0,
                            "with the prefix of 'unix-bind' the socket's name is too long: %zu bytes, "
                            "of at most %zu",
                            prefix_len + path_len, sizeof(un->sun_path) - 12);
    memmove(un->sun_path + prefix_len, un->sun_path, path_len + 1);
    memcpy(un->sun_path, global->unix_prefix, prefix_len);
    listen->address_len += (uint32_t)prefix_len;
    return true;
}

static const struct config_word words[] = {
    { .name = "unix-bind",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_unix_bind,
      .args = "[prefix <path>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
      .help =
          "For the unix sockets of all 'bind' lines that follow: a path to put before theirs, and mode and owner of "
          "their files, unless a line names its own.",
      .good = "unix-bind prefix /tmp mode 660;unix-bind user nobody gid 65534",
      .bad = "unix-bind mode rw",
      .bad_says = "is no file mode" },
};
CONFIG_WORDS(words);
