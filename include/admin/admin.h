// SPDX-License-Identifier: Apache-2.0
// The admin side of one generation: sockets that speak the language of HAProxy's management guide (section 9.3) and its
// master CLI (9.4). Owned by the controller, which lends it the listening sockets; it runs on the controller's loop,
// reads what all workers and generations count on the board, never blocks and never touches traffic. What only
// processes can do (reload) is behind struct admin_ops.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admin;
struct os_listen;
struct board;
struct event_loop;
struct program_conf;
struct stats_socket_conf;
struct text;

struct admin_ops {
    // reload asks for a new generation (`hard`: the one before then ends at once); the answer comes through
    // admin_reloaded with the same `id`. False where that cannot be asked for.
    bool (*reload)(void *owner, uint64_t id, bool hard);
    // sockets asks for all listening sockets of the program; the answer comes through admin_socket with the same `id`.
    // False where that cannot be asked for. May be NULL.
    bool (*sockets)(void *owner, uint64_t id);
    // place asks that the place of bind number `bind` be released, or taken again (`open`); how it stands comes through
    // admin_placed with the same `id`. False where that cannot be asked for. May be NULL.
    bool (*place)(void *owner, uint64_t id, uint32_t bind, bool open);
    // put_answer appends what process `inc`, whose silence was noticed, said it is at: lines after `indent`, none where
    // nothing is known. May be NULL.
    void (*put_answer)(void *owner, struct text *out, uint32_t inc, const char *indent);
};

struct admin_start {
    struct event_loop *loop;
    const struct program_conf *conf; // its stats sockets say levels and limits
    struct board *board;
    uint32_t inc; // of the process this runs in
    uint32_t generation;
    const char *version;          // "0.1.0"
    const char *release_date;     // "2026/11/21"
    const char *startup_messages; // of reading this generation's configuration, "" for none
    uint64_t memory_mb;           // limit of the command line, 0 for none
    uint32_t num_master_sockets;  // so many of the configuration's last stats sockets are the master's (-S): they take
                                  // the master's commands too, and never close after a line
    const struct admin_ops *ops;  // NULL: nothing of it can be done
    void *owner;                  // for `ops`
};

// admin_new prepares the admin side; everything `start` points to outlives it. NULL where memory is out.
struct admin *admin_new(const struct admin_start *start);

// admin_free sends what can be sent at once, closes all connections and frees `admin`. Listening sockets stay open.
void admin_free(struct admin *admin);

// admin_listen accepts on `fd`, the listening socket of stats socket number `socket` of the configuration. The
// descriptor is lent until admin_unlisten. False with errno where that fails.
bool admin_listen(struct admin *admin, uint32_t socket, int fd);

// admin_unlisten takes `fd` out of the loop; the caller closes it. Connections that came through it stay.
void admin_unlisten(struct admin *admin, int fd);

// admin_leave prepares the end: answers that were asked for go out whole, connections end after them, and those that
// were never asked anything wait for a question for a while. Listening sockets were taken out before.
void admin_leave(struct admin *admin);

// admin_woken is called when another process woke this one: commands that wait go on.
void admin_woken(struct admin *admin);

// admin_is_idle says whether all connections have ended.
bool admin_is_idle(const struct admin *admin);

// admin_socket_text appends the address of `socket` with its kind, as HAProxy writes it: "unix@/run/x",
// "ipv4@127.0.0.1:99".
void admin_socket_text(struct text *out, const struct stats_socket_conf *socket);

// admin_socket_is_master says whether `socket` is one of the last `num_masters` of the configuration's stats sockets,
// which are the master's.
bool admin_socket_is_master(const struct stats_socket_conf *socket, uint32_t num_masters);

// admin_reloaded answers the session whose reload had this `id`: whether the new generation serves. The messages of
// reading its configuration came through admin_latest.
void admin_reloaded(struct admin *admin, uint64_t id, bool done);

// A listening socket for a program that takes over.
struct admin_socket {
    const struct os_listen *listen;
    uint32_t slot;
    int32_t number;    // in the kernel's group of sockets of this place, -1 where that is not known
    uint32_t num_left; // calls that follow
};

// admin_socket passes a socket on to the session that asked with `id`; the descriptor is -1 where there is none to
// give.
void admin_socket(struct admin *admin, uint64_t id, const struct admin_socket *socket, int take_fd);

// How the place of a bind stands: none of the three while it is on its way.
struct admin_place {
    uint32_t bind;
    bool is_open;
    bool is_closed;
    bool has_failed;
    const char *error; // why
};

// admin_placed tells the command that asked with `id` how the place stands.
void admin_placed(struct admin *admin, uint64_t id, const struct admin_place *place);

// admin_latest records how the latest attempt to start a generation went: how many reloads there were, how many of them
// in a row failed, this one included, and `len` bytes of messages (copied), which continue those of the call before
// where `is_more`.
void admin_latest(struct admin *admin, uint32_t num_reloads, uint32_t num_failed, bool is_more, const char *text,
                  size_t len);
