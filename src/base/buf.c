// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/buf.h"

void buf_pool_init(struct buf_pool *pool, size_t chunk_len, uint32_t max_free)
{
    must(chunk_len >= sizeof(void *) && chunk_len <= UINT32_MAX);
    *pool = (struct buf_pool){ .chunk_len = chunk_len, .max_free = max_free };
}

void buf_pool_fini(struct buf_pool *pool)
{
    must(pool->num_lent == 0);
    while (pool->free_chunks) {
        void *next = *(void **)pool->free_chunks;
        free(pool->free_chunks);
        pool->free_chunks = next;
    }
    pool->num_free = 0;
}

char *buf_pool_take(struct buf_pool *pool)
{
    void *chunk = pool->free_chunks;
    if (chunk) {
        pool->free_chunks = *(void **)chunk;
        pool->num_free--;
    } else {
        chunk = malloc(pool->chunk_len);
        if (!chunk) {
            pool->num_refused++;
            return NULL;
        }
    }
    pool->num_lent++;
    return chunk;
}

void buf_pool_give(struct buf_pool *pool, char *chunk)
{
    must(pool->num_lent > 0);
    pool->num_lent--;
    if (pool->num_free >= pool->max_free) {
        free(chunk);
        return;
    }
    *(void **)chunk = pool->free_chunks;
    pool->free_chunks = chunk;
    pool->num_free++;
}

void buf_compact(struct buf *buf)
{
    if (!buf->head)
        return;
    size_t len = buf_len(buf);
    memmove(buf->mem, buf->mem + buf->head, len);
    buf->head = 0;
    buf->tail = (uint32_t)len;
}
