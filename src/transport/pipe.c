// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "transport/pipe.h"

void transport_pipe_pool_init(struct transport_pipe_pool *pool, uint32_t max_lent, size_t wanted_len)
{
    *pool = (struct transport_pipe_pool){ .max_lent = max_lent, .max_free = 64, .wanted_len = wanted_len };
}

static void pipe_close(struct transport_pipe *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
    free(pipe);
}

void transport_pipe_pool_fini(struct transport_pipe_pool *pool)
{
    while (pool->free) {
        struct transport_pipe *pipe = pool->free;
        pool->free = pipe->next;
        pipe_close(pipe);
    }
    pool->num_free = 0;
}

struct transport_pipe *transport_pipe_take(struct transport_pipe_pool *pool)
{
    struct transport_pipe *pipe = pool->free;
    int fds[2];
    if (pool->num_lent >= pool->max_lent)
        return NULL;
    if (pipe) {
        pool->free = pipe->next;
        pool->num_free--;
        pool->num_lent++;
        return pipe;
    }
    pipe = calloc(1, sizeof(*pipe));
    if (!pipe)
        return NULL;
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(pipe);
        return NULL;
    }
    pipe->read_fd = fds[0];
    pipe->write_fd = fds[1];
    int cap = fcntl(fds[1], F_SETPIPE_SZ, (int)pool->wanted_len);
    if (cap <= 0)
        cap = fcntl(fds[1], F_GETPIPE_SZ);
    pipe->cap = cap > 0 ? (size_t)cap : 65536;
    pool->num_lent++;
    return pipe;
}

void transport_pipe_give(struct transport_pipe_pool *pool, struct transport_pipe *pipe)
{
    if (!pipe)
        return;
    pool->num_lent--;
    if (pipe->has || pool->num_free >= pool->max_free) {
        pipe_close(pipe);
        return;
    }
    pipe->next = pool->free;
    pool->free = pipe;
    pool->num_free++;
}
