// SPDX-License-Identifier: Apache-2.0
// A buf is a flat buffer with a read end and a write end, and a pool lends the memory behind it. A buf without bytes
// holds no memory: an idle connection costs no buffer. One pool per process, used by one thread. Memory that cannot be
// had in traffic makes buf_reserve return false, which costs one connection.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/check.h"
#include "base/shelf.h"

struct buf_pool {
    struct shelf unused; // what it holds no room for is given back to libc
    size_t chunk_len;    // bytes in one chunk (tune.bufsize)
    uint32_t num_lent;
    uint64_t num_refused; // asked for when there was no memory
};

struct buf {
    char *mem;     // NULL while the buf holds no memory
    uint32_t head; // offset of the first unread byte
    uint32_t tail; // offset after the last byte
    uint32_t cap;  // bytes of `mem`; pool->chunk_len where it is lent by a pool
};

// buf_pool_init makes `pool` lend chunks of `chunk_len` bytes and keep at most `max_free` unused ones. At boot: exits
// where there is no memory.
void buf_pool_init(struct buf_pool *pool, size_t chunk_len, uint32_t max_free);

// buf_pool_fini frees the unused chunks; all lent ones must be back.
void buf_pool_fini(struct buf_pool *pool);

// buf_pool_take lends one chunk, or gives NULL where memory is exhausted.
char *buf_pool_take(struct buf_pool *pool);

// buf_pool_give takes back `chunk`, which buf_pool_take lent.
void buf_pool_give(struct buf_pool *pool, char *chunk);

// buf_pool_rest is called now and then: chunks that nobody wanted since the last time cost no memory (shelf_rest).
static inline void buf_pool_rest(struct buf_pool *pool)
{
    shelf_rest(&pool->unused);
}

// buf_len gives the number of bytes waiting in `buf`.
static inline size_t buf_len(const struct buf *buf)
{
    return buf->tail - buf->head;
}

// buf_data gives the first waiting byte of `buf`.
static inline char *buf_data(const struct buf *buf)
{
    return buf->mem + buf->head;
}

// buf_room gives the number of bytes that fit behind the last one without moving anything.
static inline size_t buf_room(const struct buf *buf)
{
    return buf->cap - buf->tail;
}

// buf_end gives the place where the next byte goes.
static inline char *buf_end(const struct buf *buf)
{
    return buf->mem + buf->tail;
}

// buf_reserve gives `buf` memory of `pool` if it has none; false where memory is exhausted.
static inline bool buf_reserve(struct buf *buf, struct buf_pool *pool)
{
    if (buf->mem)
        return true;
    buf->mem = buf_pool_take(pool);
    buf->head = buf->tail = 0;
    buf->cap = buf->mem ? (uint32_t)pool->chunk_len : 0;
    return buf->mem != NULL;
}

// buf_release gives the memory of `buf` back to `pool`; what it held is lost.
static inline void buf_release(struct buf *buf, struct buf_pool *pool)
{
    if (buf->mem)
        buf_pool_give(pool, buf->mem);
    *buf = (struct buf){ 0 };
}

// buf_release_if_empty gives the memory of `buf` back to `pool` where no byte waits in it.
static inline void buf_release_if_empty(struct buf *buf, struct buf_pool *pool)
{
    if (buf->mem && buf->head == buf->tail)
        buf_release(buf, pool);
}

// buf_added counts `len` bytes that were written at buf_end.
static inline void buf_added(struct buf *buf, size_t len)
{
    must(len <= buf_room(buf));
    buf->tail += (uint32_t)len;
}

// buf_consume drops the first `len` bytes.
static inline void buf_consume(struct buf *buf, size_t len)
{
    must(len <= buf_len(buf));
    buf->head += (uint32_t)len;
    if (buf->head == buf->tail)
        buf->head = buf->tail = 0;
}

// buf_compact moves what waits to the start, so that all the free room is behind it.
void buf_compact(struct buf *buf);
