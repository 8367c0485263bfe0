// SPDX-License-Identifier: Apache-2.0
// External checks (`option external-check`): programs that say how servers are. The controller, which can start none,
// asks a helper over a socket; the keeper forked that with its rights given up, and forks it again when it dies. The
// helper knows the configuration and starts what stands there, never what it is told: a question only names a server
// and says how that is now. It also looks up names (check/lookup.h), in children, as resolvers make others wait. What
// both say to each other, and the helper's life. HAProxy manual, "external-check".
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "transport/address.h"

struct program_conf;

enum { EXTERNAL_NAME_MAX = 256 };
#define EXTERNAL_LOOKUP UINT32_MAX // in the place of a server's object: `name` is to be looked up

// One datagram each.
struct external_ask {
    uint64_t id;
    uint64_t limit_us;             // the program is ended after this time
    uint32_t object;               // the server's
    uint32_t backend;              // that of its backend
    uint32_t server_id;
    uint32_t has_tls;
    uint32_t num_conns;            // open to it now, of all workers
    uint32_t maxconn;              // that holds now
    struct transport_address addr; // that holds now; of a lookup the family that is wanted
    char name[EXTERNAL_NAME_MAX];  // the server's, or what is to be looked up
};

enum external_end {
    EXTERNAL_EXITED,     // value: its exit status
    EXTERNAL_KILLED,     // value: the signal that ended it
    EXTERNAL_TIMED_OUT,  // it and what it started were killed
    EXTERNAL_NOT_RUN,    // value: errno
    EXTERNAL_FOUND,      // addr: that of the name
    EXTERNAL_UNKNOWN,    // value: of EAI_*, 0: it has an address of no family that could be used
    EXTERNAL_BEGUN_ANEW, // the helper has just started: what it was asked before is lost
};

struct external_answer {
    uint64_t id;
    uint32_t end; // enum external_end
    int32_t value;
    struct transport_address addr;
};

// external_is_wanted says whether any server of `conf` is checked by a program, or has a name that a command could
// change.
bool external_is_wanted(const struct program_conf *conf);

// external_serve is the life of the helper: it answers what comes over `fd` until that ends or SIGTERM comes, and then
// kills what it still runs. SIGCHLD and SIGTERM are its own; all other descriptors but the first three are closed.
_Noreturn void external_serve(const struct program_conf *conf, int fd);
