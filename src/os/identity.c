// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/check.h"
#include "os/identity.h"

bool os_identity_user(int64_t *uid, int64_t *gid, const char *name)
{
    const struct passwd *user = getpwnam(name);
    if (!user)
        return false;
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return true;
}

bool os_identity_user_group(int64_t *gid, int64_t uid)
{
    const struct passwd *user = getpwuid((uid_t)uid);
    if (!user)
        return false;
    *gid = user->pw_gid;
    return true;
}

bool os_identity_group(int64_t *gid, const char *name)
{
    const struct group *group = getgrnam(name);
    if (!group)
        return false;
    *gid = group->gr_gid;
    return true;
}

// A process without CAP_SETPCAP cannot change its bounding set, and need not: it has nothing to lose there.
static void bounding_set_shrink(uint64_t kept)
{
    for (cap_value_t value = 0; value <= CAP_LAST_CAP; value++)
        if (!(kept >> value & 1))
            cap_drop_bound(value);
}

// That user 0 gets all rights back by starting a program is over, and that rights pass on to one. Likewise only for who
// has CAP_SETPCAP; the others have nothing to pass on.
static void root_disarm(void)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    prctl(PR_SET_SECUREBITS, (unsigned long)(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS |
                                             SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED));
}

// Takes those of `wanted` that are permitted, drops the others, and gives those that are not.
static bool capabilities_take(uint64_t *missing, uint64_t wanted)
{
    cap_t now = cap_get_proc();
    cap_t then = cap_init();
    bool done = now && then;
    *missing = 0;
    for (cap_value_t value = 0; done && value <= CAP_LAST_CAP; value++) {
        cap_flag_value_t has = CAP_CLEAR;
        if (!(wanted >> value & 1))
            continue;
        cap_get_flag(now, value, CAP_PERMITTED, &has);
        if (has != CAP_SET)
            *missing |= (uint64_t)1 << value;
        else
            done = cap_set_flag(then, CAP_PERMITTED, 1, &value, CAP_SET) == 0 &&
                   cap_set_flag(then, CAP_EFFECTIVE, 1, &value, CAP_SET) == 0;
    }
    done = done && cap_set_proc(then) == 0;
    int saved = errno;
    cap_free(now);
    cap_free(then);
    errno = saved;
    return done;
}

static bool group_take(const struct os_identity *identity)
{
    gid_t gid = (gid_t)identity->gid;
    if (identity->gid < 0 || setresgid(gid, gid, gid) == 0)
        return true;
    return identity->gid_is_optional && (identity->uid < 0 || (uid_t)identity->uid == geteuid());
}

static bool ids_take(const char **what, const struct os_identity *identity)
{
    bool user_changes = identity->uid >= 0 && (uid_t)identity->uid != geteuid();
    bool group_changes = identity->gid >= 0 && (gid_t)identity->gid != getegid() && !identity->gid_is_optional;
    // Who may not do this may not do what follows either, which is better told.
    bool left = (!user_changes && !group_changes) || setgroups(0, NULL) == 0;
    *what = "change the group";
    if (!group_take(identity))
        return false;
    *what = "keep capabilities over the change of user";
    if (identity->capabilities && user_changes && prctl(PR_SET_KEEPCAPS, 1L) < 0)
        return false;
    *what = "change the user";
    uid_t uid = (uid_t)identity->uid;
    if (user_changes && setresuid(uid, uid, uid) < 0)
        return false;
    *what = "leave the supplementary groups";
    return left;
}

// Which mappings a core file holds, by a number that children inherit; core(5). Bit 2: those of files, for program and
// libraries. Never bit 1, shared memory: it is gigabytes of mostly nothing, and who died holds its share of everything
// until the last byte is written, or the watchdog ends it.
static void dump_filter(enum os_dump dump)
{
    const char *filter = dump == OS_DUMP_LIBS ? "0x35" : "0x31";
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, filter, strlen(filter));
    (void)ignored;
    close(fd);
}

// After the change of user, which is what takes the permission away.
static bool dump_set(enum os_dump dump)
{
    struct rlimit limit = { 0, 0 };
    if (dump == OS_DUMP_OFF) {
        (void)setrlimit(RLIMIT_CORE, &limit);
        return prctl(PR_SET_DUMPABLE, 0L) == 0;
    }
    limit = (struct rlimit){ .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    if (setrlimit(RLIMIT_CORE, &limit) < 0 && getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    limit = (struct rlimit){ .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    return prctl(PR_SET_DUMPABLE, 1L) == 0;
}

bool os_identity_become(const char **what, uint64_t *missing, const struct os_identity *identity)
{
    // While /proc can be reached, and root may raise limits.
    if (identity->dump != OS_DUMP_OFF)
        dump_filter(identity->dump);
    *what = "allow or forbid core files";
    if (!dump_set(identity->dump))
        return false;
    *what = "change the root directory";
    if (identity->chroot && (chroot(identity->chroot) < 0 || chdir("/") < 0))
        return false;
    *what = "give up gaining rights";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
        return false;
    root_disarm();
    bounding_set_shrink(identity->capabilities);
    if (!ids_take(what, identity))
        return false;
    *what = "drop capabilities";
    if (!capabilities_take(missing, identity->capabilities))
        return false;
    *what = "allow or forbid core files";
    return dump_set(identity->dump);
}
