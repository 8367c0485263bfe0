// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors over a pair of sockets (SOCK_SEQPACKET): a message arrives whole or not at all, in order.
// One call is one system call; nothing is kept. See event/messages.h for what checks types, sizes and senders.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/io.h"

enum { OS_PASS_MAX_FDS = 4 };

// os_pass_pair makes two connected ends, close-on-exec and non-blocking. False with errno.
bool os_pass_pair(int fds[2]);

// os_pass_send sends `len` (at least 1) bytes and duplicates of the `num_fds` descriptors, which stay the caller's.
// IO_AGAIN where the peer's queue is full, IO_FAIL with errno where it is gone.
enum io os_pass_send(int fd, const void *data, size_t len, const int *fds, size_t num_fds);

// os_pass_receive takes one message: `*len` bytes into `data` (room `cap`) and `*num_fds` descriptors, close-on-exec
// and the caller's from now on, into `fds` (room OS_PASS_MAX_FDS). A message that is longer, or has more descriptors,
// is IO_FAIL with EMSGSIZE, and what came with it is closed; likewise with EMFILE where this process may not open what
// came. IO_EOF when the peer is gone.
enum io os_pass_receive(int fd, void *data, size_t *len, int *fds, size_t *num_fds, size_t cap);

// os_pass_identify has the kernel say of each message that `fd` receives from now on which process sent it. False with
// errno.
bool os_pass_identify(int fd);

// os_pass_receive_from is os_pass_receive; `*sender` is the process that sent the message, as the kernel says, or 0
// where it does not (os_pass_identify). Only where it does is a message without a byte told from the peer's end.
enum io os_pass_receive_from(int fd, void *data, size_t *len, int *fds, size_t *num_fds, pid_t *sender, size_t cap);
