// SPDX-License-Identifier: Apache-2.0
// Kernel pipes for splice(2), pooled: a pipe is lent while bytes are on their way through it and given back empty. One
// pool per worker. It holds at most `max_free` unused pipes, so that idle traffic costs no descriptors.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport_pipe {
    struct transport_pipe *next;
    int read_fd;
    int write_fd;
    size_t has; // bytes inside
    size_t cap; // what the kernel granted
};

struct transport_pipe_pool {
    struct transport_pipe *free;
    uint32_t num_free;
    uint32_t max_free;
    uint32_t num_lent;
    uint32_t max_lent; // 0: splicing is off
    size_t wanted_len; // bytes a pipe is asked to hold
};

// transport_pipe_pool_init makes an empty pool; `max_lent` 0 turns splicing off.
void transport_pipe_pool_init(struct transport_pipe_pool *pool, uint32_t max_lent, size_t wanted_len);

// transport_pipe_pool_fini closes the unused pipes.
void transport_pipe_pool_fini(struct transport_pipe_pool *pool);

// transport_pipe_take lends an empty pipe, or NULL where none can be had: the caller then copies.
struct transport_pipe *transport_pipe_take(struct transport_pipe_pool *pool);

// transport_pipe_give takes `pipe` back; one that still holds bytes is closed. NULL is accepted.
void transport_pipe_give(struct transport_pipe_pool *pool, struct transport_pipe *pipe);
