// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>
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

bool os_identity_group(int64_t *gid, const char *name)
{
    const struct group *group = getgrnam(name);
    if (!group)
        return false;
    *gid = group->gr_gid;
    return true;
}

// A process without CAP_SETPCAP cannot change its bounding set, and need not: it has nothing to lose there.
static void bounding_set_drop(const cap_value_t *kept, int num_kept)
{
    for (cap_value_t value = 0; value <= CAP_LAST_CAP; value++) {
        bool keep = false;
        for (int i = 0; i < num_kept; i++)
            keep = keep || kept[i] == value;
        if (!keep)
            cap_drop_bound(value);
    }
}

static bool capabilities_keep(const cap_value_t *wanted, int num_wanted)
{
    cap_t now = cap_get_proc();
    cap_t then = cap_init();
    bool done = now && then;
    for (int i = 0; done && i < num_wanted; i++) {
        cap_flag_value_t has = CAP_CLEAR;
        cap_get_flag(now, wanted[i], CAP_PERMITTED, &has);
        if (has == CAP_SET)
            done = cap_set_flag(then, CAP_PERMITTED, 1, &wanted[i], CAP_SET) == 0 &&
                   cap_set_flag(then, CAP_EFFECTIVE, 1, &wanted[i], CAP_SET) == 0;
    }
    done = done && cap_set_proc(then) == 0;
    int saved = errno;
    cap_free(now);
    cap_free(then);
    errno = saved;
    return done;
}

static bool ids_take(const char **what, const struct os_identity *identity)
{
    bool user_changes = identity->uid >= 0 && (uid_t)identity->uid != geteuid();
    bool group_changes = identity->gid >= 0 && (gid_t)identity->gid != getegid();
    *what = "leave the supplementary groups";
    if ((user_changes || group_changes) && setgroups(0, NULL) < 0)
        return false;
    *what = "change the group";
    if (identity->gid >= 0 && setresgid((gid_t)identity->gid, (gid_t)identity->gid, (gid_t)identity->gid) < 0)
        return false;
    *what = "keep capabilities over the change of user";
    if ((identity->any_source || identity->net_admin) && prctl(PR_SET_KEEPCAPS, 1L) < 0)
        return false;
    *what = "change the user";
    return identity->uid < 0 || setresuid((uid_t)identity->uid, (uid_t)identity->uid, (uid_t)identity->uid) == 0;
}

bool os_identity_become(const char **what, const struct os_identity *identity)
{
    static const cap_value_t any_source[] = { CAP_NET_ADMIN, CAP_NET_RAW };
    // Root without these could not read files of others; it is root that was asked for, by not naming a user.
    static const cap_value_t of_root[] = { CAP_DAC_OVERRIDE, CAP_NET_ADMIN, CAP_NET_RAW };
    *what = "change the root directory";
    if (identity->chroot && (chroot(identity->chroot) < 0 || chdir("/") < 0))
        return false;
    bool stays_root = identity->uid < 0 ? geteuid() == 0 : identity->uid == 0;
    const cap_value_t *kept = stays_root ? of_root : any_source;
    int num_kept = (stays_root ? 1 : 0) + (identity->any_source ? 2 : identity->net_admin ? 1 : 0);
    bounding_set_drop(kept, num_kept);
    if (!ids_take(what, identity))
        return false;
    *what = "drop capabilities";
    return capabilities_keep(kept, num_kept);
}
