// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/check.h"

enum { ARENA_BLOCK_LEN_MIN = 2048, ARENA_BLOCK_LEN_MAX = 64 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t len;
    size_t used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

struct arena_deferred {
    struct arena_deferred *next;
    void (*drop)(void *arg);
    void *arg;
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){ 0 };
}

void arena_fini(struct arena *arena)
{
    while (arena->deferred) {
        struct arena_deferred *deferred = arena->deferred;
        arena->deferred = deferred->next;
        deferred->drop(deferred->arg);
    }
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t len)
{
    len = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->len - block->used < len) {
        // They grow with the arena: one for a single server, of which hundreds come and go, stays small.
        size_t block_len = arena->used < ARENA_BLOCK_LEN_MIN ? ARENA_BLOCK_LEN_MIN : arena->used;
        if (block_len > ARENA_BLOCK_LEN_MAX)
            block_len = ARENA_BLOCK_LEN_MAX;
        if (block_len < len)
            block_len = len;
        block = calloc(1, sizeof(*block) + block_len);
        if (!block)
            check_out_of_memory(block_len);
        block->len = block_len;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *out = block->bytes + block->used;
    block->used += len;
    arena->used += len;
    return out;
}

char *arena_copy(struct arena *arena, const char *data, size_t len)
{
    char *out = arena_alloc(arena, len + 1);
    if (len)
        memcpy(out, data, len);
    return out;
}

char *arena_str(struct arena *arena, const char *str)
{
    return str ? arena_copy(arena, str, strlen(str)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    char *out = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(out, (size_t)len + 1, format, args);
    va_end(args);
    return out;
}

void arena_defer(struct arena *arena, void (*drop)(void *arg), void *arg)
{
    struct arena_deferred *deferred = arena_alloc(arena, sizeof(*deferred));
    *deferred = (struct arena_deferred){ .next = arena->deferred, .drop = drop, .arg = arg };
    arena->deferred = deferred;
}
