// SPDX-License-Identifier: Apache-2.0
// Who a process is: the ids it runs under, the directory it is shut in, the capabilities it keeps, what its crash
// leaves, the descriptors it may open and the name it shows. The keeper gives up what its generation does not need
// before it forks; nothing here can be taken back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Capabilities that have a use here, as bits of a set; capabilities(7).
enum os_capability {
    OS_CAP_DAC_OVERRIDE = 1 << 1,      // to connect to any socket's file
    OS_CAP_NET_BIND_SERVICE = 1 << 10, // ports below 1024
    OS_CAP_NET_ADMIN = 1 << 12,        // marks of packets, connections that disappear; also what the next one is for
    OS_CAP_NET_RAW = 1 << 13,          // addresses that are not this machine's, interfaces
    OS_CAP_SYS_ADMIN = 1 << 21,        // network namespaces
};

// What a crash leaves.
enum os_dump {
    OS_DUMP_OFF,  // nothing; nor can other processes of the user look into this one
    OS_DUMP_ON,   // a core file
    OS_DUMP_LIBS, // one with the text of program and libraries
};

// What to become. Ids of -1 stay as they are.
struct os_identity {
    int64_t uid;
    int64_t gid;
    bool gid_is_optional;  // where the group cannot be changed it stays
    const char *chroot;    // a directory, or NULL
    uint64_t capabilities; // to keep, bits of OS_CAP_...
    enum os_dump dump;
};

// os_identity_user gives the id of user `name` and that of its main group; false where there is none.
bool os_identity_user(int64_t *uid, int64_t *gid, const char *name);

// os_identity_user_group gives the main group of the user `uid`; false where that has no name.
bool os_identity_user_group(int64_t *gid, int64_t uid);

// os_identity_group gives the id of group `name`; false where there is none.
bool os_identity_group(int64_t *gid, const char *name);

// os_identity_become shuts the process into the directory, leaves all supplementary groups where the group or user
// changes, and takes group and user. Of its capabilities it keeps those asked for, permitted and effective, and none
// to inherit; the bounding set shrinks to the same where that is allowed. Nothing that it might start gets more rights
// than it has (no_new_privs). `*missing` gets what was asked for and it has not. False with what failed in `*what` and
// errno.
bool os_identity_become(const char **what, uint64_t *missing, const struct os_identity *identity);

// os_capability_parse gives the bit of a capability by its name, such as "cap_net_raw"; 0 for those that have no use
// here.
uint64_t os_capability_parse(const char *name);

enum { OS_CAPABILITY_TEXT_LEN = 96 };

// os_capability_text writes the names of `capabilities` with ", " between them to `text`, room OS_CAPABILITY_TEXT_LEN.
void os_capability_text(char *text, uint64_t capabilities);

// os_capability_raise makes those of `capabilities` effective that this process may have (capabilities of its file, for
// one that is not root's).
void os_capability_raise(uint64_t capabilities);

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
