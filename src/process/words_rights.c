// SPDX-License-Identifier: Apache-2.0
// Words of the global section about what the processes may do.
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "os/identity.h"
#include "proxy/conf.h"

static const char *const switches[] = { "on", "off" };
static const char *const dumps[] = { "off", "on", "libs" };
static const char *const capability_names[] = { "cap_net_admin", "cap_net_raw", "cap_net_bind_service",
                                                "cap_sys_admin" };

// The list of names is said whole: they are few, and the kernel's others have no use here.
static bool parse_setcap(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct slice rest = slice_of(arg->str, arg->len);
    (void)word;
    for (bool more = true; more;) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        uint64_t bit = 0;
        for (size_t i = 0; i < NUM_ITEMS(capability_names); i++)
            if (slice_equal(one, slice_str(capability_names[i])))
                bit = os_capability_parse(capability_names[i]);
        if (!bit)
            return config_error(config, line, 0,
                                "'%.*s' is no capability that has a use here; those are cap_net_admin, cap_net_raw, "
                                "cap_net_bind_service and cap_sys_admin",
                                (int)one.len, one.ptr ? one.ptr : "");
        global->capabilities |= bit;
        more = one.len < rest.len;
        rest = slice_from(rest, one.len + 1);
    }
    return true;
}

static bool parse_dumpable(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct global_conf *global = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (line->negated || !arg) {
        global->dump = line->negated ? OS_DUMP_OFF : OS_DUMP_ON;
        return true;
    }
    for (size_t i = 0; i < NUM_ITEMS(dumps); i++) {
        if (strcmp(arg->str, dumps[i]) == 0) {
            global->dump = (uint8_t)i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "setting", dumps, NUM_ITEMS(dumps));
}

static bool parse_seccomp(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    const char *text = config_arg_at(line, 0)->str;
    (void)word;
    for (size_t i = 0; i < NUM_ITEMS(switches); i++) {
        if (strcmp(text, switches[i]) == 0) {
            ((struct global_conf *)object)->sandbox = i == 0;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "setting", switches, NUM_ITEMS(switches));
}

static const struct config_word words[] = {
    { .name = "seccomp",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_seccomp,
      .args = "{ on | off }",
      .help = "Whether workers and the controller may make only the system calls they need; on by default. A call that "
              "is not among them fails and is logged.",
      .good = "seccomp on;seccomp off",
      .bad = "seccomp maybe",
      .bad_says = "maybe" },
    { .name = "setcap",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_setcap,
      .args = "<name>[,<name>...]",
      .help = "Capabilities that all processes keep when they change to another user: cap_net_admin, cap_net_raw, "
              "cap_net_bind_service, cap_sys_admin. Where they are started by another user than root, those that the "
              "program's file has. What the configuration itself shows to be needed (a transparent bind, a source's "
              "interface or low port, marks, silent-drop) is kept without this.",
      .good = "setcap cap_net_raw;setcap cap_net_bind_service,cap_net_admin",
      .bad = "setcap cap_chown",
      .bad_says = "cap_net_bind_service" },
    { .name = "set-dumpable",
      .in = CONFIG_IN_GLOBAL,
      .max_args = 1,
      .flags = CONFIG_MAY_NEGATE,
      .parse = parse_dumpable,
      .args = "[on | off | libs]",
      .help = "Whether a crash may leave a core file; off by default, since these processes hold keys. With libs the "
              "text of program and libraries is in it, too. The memory of the TLS library, where the keys are, is left "
              "out of it in any case.",
      .good = "set-dumpable;set-dumpable libs;no set-dumpable",
      .bad = "set-dumpable maybe",
      .bad_says = "maybe" },
};
CONFIG_WORDS(words);
