// SPDX-License-Identifier: Apache-2.0
// How one running program hands its listening sockets to another, over a unix stream socket: a head, then a record with
// one descriptor for each socket. The admin side of the old program sends, the master of the new one receives; both are
// of this machine, but not of one version: what does not look as it should is refused. Keeps no state.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/io.h"
#include "os/listen.h"

enum { OS_HANDOVER_VERSION = 1, OS_HANDOVER_MAX = 1 << 16 };

struct os_handover_head {
    char magic[8];
    uint32_t version;
    uint32_t record_len;
    uint32_t num;
    uint32_t zero;
};

struct os_handover_record {
    struct os_listen listen;
    uint32_t slot;
    int32_t number; // in the kernel's group of sockets of this place (os/steer.h), -1 where that is not known
};

// os_handover_head_send says that `num` records follow. IO_AGAIN where there is no room yet: nothing was sent then.
enum io os_handover_head_send(int fd, uint32_t num);

// os_handover_send sends one record and a duplicate of `socket`. IO_AGAIN as above.
enum io os_handover_send(int fd, const struct os_handover_record *record, int socket);

// os_handover_head_receive waits for the head until `end_us` (monotonic) and gives the number of records. False with a
// message in `error` (room OS_LISTEN_ERROR_LEN), which quotes what came where it was something else.
bool os_handover_head_receive(int fd, uint32_t *num, char *error, uint64_t end_us);

// os_handover_receive waits for one record and its socket, which is the caller's from now on: close-on-exec, and
// checked to listen at the place that the record says. False with a message in `error`.
bool os_handover_receive(int fd, struct os_handover_record *record, int *socket, char *error, uint64_t end_us);
