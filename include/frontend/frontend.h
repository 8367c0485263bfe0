// SPDX-License-Identifier: Apache-2.0
// Frontends at run time, in one worker: listeners that accept, and sessions, one per client connection. A session reads
// the PROXY header where one is due, waits between requests, and lends its connection to the stream or tunnel of the
// moment. Owned by the worker, used by its only thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "stream/stream.h"

struct frontend_session;

// One listening socket in this worker. It is added when the master sends the descriptor and taken out before it is
// closed.
struct frontend_listener {
    struct event_source source;
    struct event_task more; // a shared socket is not empty yet
    struct list link;
    struct frontends *owner;
    const struct bind_conf *bind;
    uint32_t burst; // connections accepted in one go, grows with the load
    bool is_shared; // other workers hold the same socket: edge-triggered, accepted until it is empty
    bool is_paused; // out of the loop while a limit holds
};

// All of a worker's traffic.
struct frontends {
    struct event_loop *loop;
    struct board *board;
    uint32_t inc;
    const struct program_conf *program;
    uint64_t looked_us; // when it was last looked after what was not used for a while
    struct buf_pool bufs;
    struct transport_pipe_pool pipes;
    struct mux_ctx mux;
    struct backend_ctx backends;
    struct stream_ctx streams;
    struct list listeners;
    struct list sessions;      // all, newest last
    struct list walks;         // struct frontend_walk: those who look at the sessions
    struct list fresh;         // those whose connection the loop does not know yet, oldest first
    struct event_timer meet;   // registers what stayed fresh for too long
    struct event_timer resume; // tries paused listeners again
    uint32_t num_sessions;
    uint32_t max_sessions; // what the limit of descriptors allows, each with a connection to a server
    uint64_t want_told_us; // when it was last told that something ran out; 0: never
    uint64_t refused_told; // buffers that could not be had, as told last
    uint64_t refused_told_us;
};

// frontends_init prepares a worker to carry the traffic of `program`.
void frontends_init(struct frontends *frontends, const struct program_conf *program, struct event_loop *loop,
                    struct board *board, uint32_t inc);

// frontends_fini resets what is still open and frees all.
void frontends_fini(struct frontends *frontends);

// frontends_turn is called once each turn of the loop: it says what ran out meanwhile.
void frontends_turn(struct frontends *frontends);

// frontends_listen starts accepting on `fd`, a listening socket of program->binds[bind], which stays open until after
// frontends_unlisten. False with errno where that fails.
bool frontends_listen(struct frontends *frontends, uint32_t bind, int fd);

// frontends_unlisten accepts what waits on `fd`, within the limits, and takes it out of the loop; the caller closes it.
void frontends_unlisten(struct frontends *frontends, int fd);

// frontends_soft_stop lets what is open end, once the listeners are gone: answers say close, at once or as
// close-spread-time says. An idle connection stays until its client sends one more request or closes it, or its timeout
// strikes: no other end is safe from crossing a request on its way.
void frontends_soft_stop(struct frontends *frontends);

// frontends_hard_stop resets every connection, and logs what it ends so as killed.
void frontends_hard_stop(struct frontends *frontends);

// frontends_is_idle says whether, after a soft stop, no client connection is left, nor any to a server that counts them
// (maxconn): those are closed once the last client is gone, and have a second to see it.
bool frontends_is_idle(struct frontends *frontends);

// frontends_awake is called after this worker was held for silent: it looks after the queues (backend_ctx_offer).
void frontends_awake(struct frontends *frontends);

// frontends_woken serves what another process woke this worker for: slots of the queue.
void frontends_woken(struct frontends *frontends);
