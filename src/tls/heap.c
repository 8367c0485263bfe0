// SPDX-License-Identifier: Apache-2.0
// Blocks are cut from spans of 64 KiB, one size each. A span stands at a multiple of its length, so a block finds it by
// its own address and needs no header; what is over at the end of a span is never touched and costs nothing. Blocks
// larger than a third of a span are mapped by themselves.
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/check.h"
#include "base/sanitized.h"
#include "tls/heap.h"

// The library declares its hooks nowhere but where it looks for them (crypto/mem.c); each comment there is a contract.
void *OPENSSL_memory_alloc(size_t len);
void OPENSSL_memory_free(void *ptr);
size_t OPENSSL_memory_get_size(void *ptr);

// The compiler may not leave a wipe out for nobody reading what it wrote.
static inline void wipe(void *ptr, size_t len)
{
    memset(ptr, 0, len);
    __asm__ volatile("" : : "r"(ptr) : "memory");
}

static size_t used_len;
static size_t held_len;

size_t tls_heap_used(size_t *held)
{
    *held = held_len;
    return used_len;
}

#if BASE_SANITIZED
// Overruns and leaks are found by the sanitizer's own heap.
#include <malloc.h>

void *OPENSSL_memory_alloc(size_t len)
{
    void *ptr = malloc(len ? len : 1);
    used_len += ptr ? malloc_usable_size(ptr) : 0;
    held_len = used_len > held_len ? used_len : held_len;
    return ptr;
}

void OPENSSL_memory_free(void *ptr)
{
    size_t len = malloc_usable_size(ptr);
    used_len -= len;
    wipe(ptr, len);
    free(ptr);
}

size_t OPENSSL_memory_get_size(void *ptr)
{
    return malloc_usable_size(ptr);
}

#else

enum {
    SPAN_LEN = 64 * 1024,
    CHUNK_SPANS = 16, // asked of the kernel at once
    WARM_SPANS = 16,  // empty ones that keep their memory
    STEP = 16,        // between sizes up to FINE_MAX; above, eight sizes to each power of two
    FINE_MAX = 1024,
    FINE_BITS = 10,
    SMALL_MAX = 20 * 1024, // of which a span holds three
    NUM_CLASSES = FINE_MAX / STEP + 1 + 4 * 8 + 2,
};

struct span {
    struct span *next; // of those of the class that have room, or of the empty ones
    struct span *prev;
    void *free;         // linked through their first word; wiped but for that
    uint32_t fresh;     // offset of the first byte that was never handed out
    uint32_t block_len; // 0: a single large block
    uint32_t num_used;
    uint32_t num_max;
    uint32_t class;
    size_t map_len; // of a single large block
} __attribute__((aligned(64)));

// A process is single-threaded, and after a fork each has its own copy.
static struct span *with_room[NUM_CLASSES];
static struct span *warm; // empty, with memory
static struct span *cold; // empty, their memory given back but for the page that links them
static uint32_t num_warm;
static char *chunk_at, *chunk_end; // spans of the last chunk that were never used

static inline struct span *span_of(void *ptr)
{
    return (struct span *)((uintptr_t)ptr & ~(uintptr_t)(SPAN_LEN - 1));
}

static inline uint32_t class_of(size_t len)
{
    if (len <= FINE_MAX)
        return (uint32_t)((len + STEP - 1) / STEP);
    uint32_t bits = 31u - (uint32_t)__builtin_clz((uint32_t)len - 1);
    return FINE_MAX / STEP + 1 + (bits - FINE_BITS) * 8 + ((uint32_t)(len - 1) >> (bits - 3) & 7);
}

static uint32_t class_len(uint32_t class)
{
    if (class <= FINE_MAX / STEP)
        return class ? class * STEP : STEP;
    uint32_t above = class - FINE_MAX / STEP - 1;
    return (above % 8 + 9) << (above / 8 + FINE_BITS - 3);
}

// Maps `len` bytes at a multiple of a span's length.
static void *map(size_t len)
{
    size_t more = len + SPAN_LEN;
    if (more < len)
        return NULL;
    char *ptr = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ptr == MAP_FAILED)
        return NULL;
    char *start = (char *)(((uintptr_t)ptr + SPAN_LEN - 1) & ~(uintptr_t)(SPAN_LEN - 1));
    if (start > ptr)
        munmap(ptr, (size_t)(start - ptr));
    if (ptr + more > start + len)
        munmap(start + len, (size_t)(ptr + more - start - len));
    // Memory that would show in a core dump is not to be used at all.
    if (madvise(start, len, MADV_DONTDUMP) != 0) {
        munmap(start, len);
        return NULL;
    }
    held_len += len;
    return start;
}

static void push(struct span **list, struct span *span)
{
    span->prev = NULL;
    span->next = *list;
    if (*list)
        (*list)->prev = span;
    *list = span;
}

static void take_off(struct span **list, struct span *span)
{
    if (span->prev)
        span->prev->next = span->next;
    else
        *list = span->next;
    if (span->next)
        span->next->prev = span->prev;
}

static struct span *span_take(void)
{
    if (warm || cold) {
        struct span **list = warm ? &warm : &cold;
        struct span *span = *list;
        num_warm -= list == &warm;
        take_off(list, span);
        return span;
    }
    // The spans of a chunk are touched one by one, when they are needed.
    if (chunk_at == chunk_end) {
        chunk_at = map((size_t)CHUNK_SPANS * SPAN_LEN);
        chunk_end = chunk_at ? chunk_at + (size_t)CHUNK_SPANS * SPAN_LEN : NULL;
        if (!chunk_at)
            return NULL;
    }
    struct span *span = (struct span *)chunk_at;
    chunk_at += SPAN_LEN;
    return span;
}

static void span_give(struct span *span)
{
    if (num_warm < WARM_SPANS) {
        num_warm++;
        push(&warm, span);
        return;
    }
    size_t page = 4096;
    madvise((char *)span + page, SPAN_LEN - page, MADV_DONTNEED);
    push(&cold, span);
}

static struct span *class_grow(uint32_t class)
{
    struct span *span = span_take();
    if (!span)
        return NULL;
    uint32_t len = class_len(class);
    *span = (struct span){
        .fresh = sizeof(*span),
        .block_len = len,
        .num_max = (SPAN_LEN - (uint32_t)sizeof(*span)) / len,
        .class = class,
    };
    push(&with_room[class], span);
    return span;
}

static void *large_alloc(size_t len)
{
    size_t map_len = (len + sizeof(struct span) + 4095) & ~(size_t)4095;
    struct span *span = map_len > len ? map(map_len) : NULL;
    if (!span)
        return NULL;
    span->map_len = map_len;
    used_len += map_len;
    return span + 1;
}

static void large_free(struct span *span)
{
    // What the kernel takes back it clears before anybody else has it.
    used_len -= span->map_len;
    held_len -= span->map_len;
    munmap(span, span->map_len);
}

void *OPENSSL_memory_alloc(size_t len)
{
    if (UNLIKELY(len > SMALL_MAX))
        return large_alloc(len);
    uint32_t class = class_of(len);
    struct span *span = with_room[class];
    if (UNLIKELY(!span) && !(span = class_grow(class)))
        return NULL;
    void *ptr = span->free;
    if (ptr) {
        memcpy(&span->free, ptr, sizeof(span->free));
    } else {
        ptr = (char *)span + span->fresh;
        span->fresh += span->block_len;
    }
    used_len += span->block_len;
    if (++span->num_used == span->num_max)
        take_off(&with_room[class], span);
    return ptr;
}

void OPENSSL_memory_free(void *ptr)
{
    struct span *span = span_of(ptr);
    if (UNLIKELY(!span->block_len)) {
        large_free(span);
        return;
    }
    must(span->num_used > 0);
    used_len -= span->block_len;
    wipe(ptr, span->block_len);
    memcpy(ptr, &span->free, sizeof(span->free));
    span->free = ptr;
    struct span **list = &with_room[span->class];
    if (span->num_used-- == span->num_max)
        push(list, span);
    // The last one of its class stays, or each block of a size that is rare would cost a span.
    if (span->num_used == 0 && (span->next || span->prev)) {
        take_off(list, span);
        span_give(span);
    }
}

size_t OPENSSL_memory_get_size(void *ptr)
{
    const struct span *span = span_of(ptr);
    return span->block_len ? span->block_len : span->map_len - sizeof(*span);
}
#endif
