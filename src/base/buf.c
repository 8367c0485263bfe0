// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/buf.h"

void buf_pool_init(struct buf_pool *pool, size_t chunk_len, uint32_t max_free)
{
    must(chunk_len && chunk_len <= UINT32_MAX);
    *pool = (struct buf_pool){ .chunk_len = chunk_len };
    shelf_init(&pool->unused, chunk_len, max_free);
}

void buf_pool_fini(struct buf_pool *pool)
{
    must(pool->num_lent == 0);
    shelf_fini(&pool->unused);
}

// Apart, as it is rare.
static __attribute__((noinline, cold)) void *chunk_new(struct buf_pool *pool)
{
    void *chunk = shelf_new(&pool->unused);
    pool->num_refused += !chunk;
    return chunk;
}

char *buf_pool_take(struct buf_pool *pool)
{
    void *chunk = shelf_take(&pool->unused);
    if (UNLIKELY(!chunk) && !(chunk = chunk_new(pool)))
        return NULL;
    pool->num_lent++;
    return chunk;
}

void buf_pool_give(struct buf_pool *pool, char *chunk)
{
    must(pool->num_lent > 0);
    pool->num_lent--;
    if (UNLIKELY(!shelf_put(&pool->unused, chunk)))
        free(chunk);
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
