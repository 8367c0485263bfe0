// SPDX-License-Identifier: Apache-2.0
// Userlists (manual section 12.2): who may log in, with which password, and in which groups. Read by the keeper, const
// afterwards. Hashed passwords are slow to check by design, and a worker has one thread: each worker remembers the
// results of its last checks, keyed by a hash whose secret key lives and dies with the worker, never the password; and
// what is not remembered may take only a share of the worker's time, beyond which it is refused unchecked.
#pragma once

#include <stdint.h>
#include "config/config.h"

struct userlist_user {
    struct userlist_user *next;
    struct slice name;
    const char *password; // NULL: this user cannot log in
    bool insecure;        // the password stands there as it is; else it is a hash of crypt(3)
    const char **groups;  // names, ended by NULL
    uint32_t num_groups;
};

struct userlist {
    struct userlist *next;
    const char *name;
    bool defined;              // its section was read; else it was only named
    struct config_place place; // of its section, or of the one that named it first
    struct userlist_user *users;
    struct userlist_user **sorted; // by name
    uint32_t num_users;
    const struct userlist_group *group_lines; // as written, while the configuration is read
    struct userlist_want *wants;              // likewise: groups that conditions name
};

// Results of one process's checks.
struct userlist_checks;

// userlist_named gives the list called `name`, which may be defined later: userlists_finish reports those that never
// were. The name is copied.
struct userlist *userlist_named(struct config *config, struct slice name);

// userlist_want_group notes that argument `index` of `line` names a group of `list`.
void userlist_want_group(struct config *config, struct userlist *list, const struct config_line *line, uint32_t index);

// userlists_finish reports the lists, and groups of them, that were named and are not there; false then.
bool userlists_finish(struct config *config);

// userlist_checks_new makes an empty memory of results; NULL where there is no memory.
struct userlist_checks *userlist_checks_new(void);

// userlist_checks_free forgets everything.
void userlist_checks_free(struct userlist_checks *checks);

// userlist_check gives the user of `list` called `name` whose password is `password`, or NULL. `now_us` is monotonic.
const struct userlist_user *userlist_check(struct userlist_checks *checks, const struct userlist *list,
                                           struct slice name, struct slice password, uint64_t now_us);
