// SPDX-License-Identifier: Apache-2.0
// A whole worker's traffic in the process of the test: a real board, a real loop, one proxy with up to three servers
// that are sockets of the test. The test plays client and origin and turns the loop in between, so that everything
// happens in an order it chose. Every wait is bounded; a test that waits in vain fails with what it saw.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "frontend/frontend.h"

enum { RIG_MAX_SERVERS = 3, RIG_TEXT_MAX = 1 << 18 };

struct rig {
    struct arena arena;
    struct board *board;
    uint32_t inc;
    struct event_loop loop;
    struct event_source wake;
    struct program_conf program;
    struct proxy_conf proxy;
    struct bind_conf bind;
    struct bind_conf *binds[1];
    struct server_conf servers[RIG_MAX_SERVERS];
    struct frontends traffic;
    int listen_fd;
    int origin_fd[RIG_MAX_SERVERS];
    struct sockaddr_in address;
    bool started;
    char text[RIG_TEXT_MAX]; // what rig_read gave last
};

// rig_new makes a rig with `num_servers` servers, mode http and no timeout; settings may be changed until rig_start.
struct rig *rig_new(unsigned num_servers);

// rig_start begins to accept.
void rig_start(struct rig *rig);

// rig_free ends everything and checks that no buffer, slot, place or stream was left behind.
void rig_free(struct rig *rig);

// rig_turn turns the loop `num` times, waiting at most a millisecond each time.
void rig_turn(struct rig *rig, unsigned num);

// rig_client connects a client; its receive buffer has `rcvbuf` bytes where that is not 0.
int rig_client(struct rig *rig, int rcvbuf);

// rig_origin accepts the next connection to server `index`.
int rig_origin(struct rig *rig, unsigned index);

// rig_no_origin checks that no connection to server `index` waits.
void rig_no_origin(struct rig *rig, unsigned index);

// rig_send sends all of `len` bytes, turning the loop while the way is full.
void rig_send(struct rig *rig, int fd, const char *data, size_t len);

// rig_say is rig_send for a string.
void rig_say(struct rig *rig, int fd, const char *text);

// rig_drip sends a string byte by byte with turns of the loop in between.
void rig_drip(struct rig *rig, int fd, const char *text);

// rig_read reads until `until` was seen, at most `max` bytes a time, and gives all that came, as a string.
const char *rig_read(struct rig *rig, int fd, const char *until, size_t max);

// rig_expect reads exactly as many bytes as `text` has and checks them.
void rig_expect(struct rig *rig, int fd, const char *text);

// rig_expect_end checks that the end of the connection comes next; `reset` where it is to be a RST.
void rig_expect_end(struct rig *rig, int fd, bool reset);

// rig_expect_silence checks that nothing comes for some turns.
void rig_expect_silence(struct rig *rig, int fd);

// rig_reset closes `fd` with a RST.
void rig_reset(int fd);

// rig_until turns the loop until `*value` is `want`.
void rig_until(struct rig *rig, const uint32_t *value, uint32_t want);

// rig_count gives a counter of the worker for the object `object`.
uint64_t rig_count(struct rig *rig, uint32_t object, enum proxy_counter which);
