// SPDX-License-Identifier: Apache-2.0
// Messages between processes of the program, over a pair of SOCK_SEQPACKET sockets. Each end declares which messages it
// takes from this peer, with their sizes and numbers of descriptors, and ends the conversation at the first that
// differs, that another process sent, or that its handler refuses as out of turn: a process that is no longer itself
// cannot talk others into anything. Nor can it keep them busy: a loop's turn takes a few messages, the rest the next.
// Sending never blocks: what does not fit waits. Owned by the process that talks; used on its loop, or for a while
// without one (messages_wait, at boot).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/list.h"
#include "event/loop.h"
#include "os/pass.h"

enum { MESSAGES_MAX_LEN = 8192 }; // of one message, its type included

struct messages;

struct messages_event {
    uint32_t type;
    const void *data; // aligned for any type
    size_t len;
    int *fds; // what the handler keeps it replaces by -1; the others are closed after it
    size_t num_fds;
};

// messages_fn handles one message that passed its declaration. It may call messages_fini.
typedef void messages_fn(struct messages *messages, const struct messages_event *event);

// One message that this end takes.
struct messages_kind {
    uint32_t type;
    size_t min_len; // of the data, type not included
    size_t max_len;
    size_t num_fds;    // exactly
    bool fds_optional; // or none
    messages_fn *take;
};

struct messages {
    struct event_source source; // source.fd is -1 once the conversation ended
    struct event_task more;     // takes what the turn left
    struct event_loop *loop;    // NULL while none is used
    struct list unsent;
    const struct messages_kind *kinds;
    size_t num_kinds;
    bool ended;       // lost was called or is due
    const char *peer;      // for messages: "the master", "worker 2"
    pid_t peer_pid;        // who sends; 0 until the first message says so
    const char *violation; // how the peer broke the rules, such as "sent a message of a wrong size"; NULL: not
    void *owner;
    void (*lost)(struct messages *messages); // the peer is gone or broke the rules; called once; may call messages_fini
};

// messages_init makes `messages` talk over `take_fd`, an end from os_pass_pair.
void messages_init(struct messages *messages, const char *peer, const struct messages_kind *kinds, size_t num_kinds,
                   void *owner, void (*lost)(struct messages *messages), int take_fd);

// messages_refuse is called by a handler that finds the message it was given out of turn, or its content impossible:
// the conversation ends after it, with `why` (a literal) for its violation.
void messages_refuse(struct messages *messages, const char *why);

// messages_attach serves `messages` from `loop` from now on; false with errno.
bool messages_attach(struct messages *messages, struct event_loop *loop);

// messages_fini closes the conversation and drops what was not sent. Calling it again is harmless.
void messages_fini(struct messages *messages);

// messages_send sends `len` bytes at `data` as a message of `type` with duplicates of `num_fds` descriptors. What the
// peer has no room for yet is kept and sent later, in order. False where the peer is gone (lost will be called by the
// loop, or was) or memory is out.
bool messages_send(struct messages *messages, uint32_t type, const void *data, size_t len, const int *fds,
                   size_t num_fds);

// messages_wait serves `messages` without a loop until `*done` or `timeout_ms` (monotonic) is over; what waits is sent
// too. True where `*done` was set.
bool messages_wait(struct messages *messages, const bool *done, int timeout_ms);

// messages_flush sends what waits without a loop, for at most `timeout_ms`; true where nothing waits any more.
bool messages_flush(struct messages *messages, int timeout_ms);

// messages_unsent_each calls `fn` with `arg` and each message that waits to be sent, oldest first: for a process that
// hands the conversation over.
void messages_unsent_each(const struct messages *messages,
                          void (*fn)(void *arg, uint32_t type, const void *data, size_t len, const int *fds,
                                     size_t num_fds),
                          void *arg);
