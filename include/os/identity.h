// SPDX-License-Identifier: Apache-2.0
// Who a process is: the ids it runs under, the directory it is shut in, the capabilities it keeps, the descriptors it
// may open and the name it shows. The keeper gives up what its generation does not need before it forks; nothing here
// can be taken back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// What to become. Ids of -1 stay as they are.
struct os_identity {
    int64_t uid;
    int64_t gid;
    const char *chroot; // a directory, or NULL
    bool any_source;    // keep CAP_NET_ADMIN and CAP_NET_RAW: sources and destinations that are not this machine's
    bool net_admin;     // keep CAP_NET_ADMIN: marks of packets, connections that disappear
};

// os_identity_user gives the id of user `name` and that of its main group; false where there is none.
bool os_identity_user(int64_t *uid, int64_t *gid, const char *name);

// os_identity_group gives the id of group `name`; false where there is none.
bool os_identity_group(int64_t *gid, const char *name);

// os_identity_become shuts the process into the directory, leaves all supplementary groups where the group or user
// changes, takes group and user, and drops all capabilities but those asked for, from the bounding set too where that
// is allowed. A process that stays root keeps root's rights to files but no other. False with what failed in `*what`
// and errno.
bool os_identity_become(const char **what, const struct os_identity *identity);

// os_limit_files makes `wanted` descriptors possible (the hard limit is raised where that is allowed), or, with 0, as
// many as the hard limit says. It gives the limit that holds afterwards.
uint64_t os_limit_files(uint64_t wanted);

// os_limit_files_left gives how many descriptors this process may still open, taking those that are open for the lowest
// numbers. UINT64_MAX without a limit.
uint64_t os_limit_files_left(void);

// os_limit_memory bounds the memory that this process and each of its children may allocate to `bytes`; what they share
// does not count. False with errno.
bool os_limit_memory(uint64_t bytes);

// os_cpus_usable gives the number of processors this process may run on, at least 1.
uint32_t os_cpus_usable(void);

// os_title_init remembers where the arguments and the environment of the program stand, so that os_title_set can write
// over them; the environment is copied away. Once, first thing in main.
void os_title_init(int argc, char **argv);

// os_title_set makes the process list show what printf would write for `format`; comm stays.
void os_title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
