// SPDX-License-Identifier: Apache-2.0
// An arena hands out memory that is freed all at once. Configuration lives in one for the life of its generation.
// Boot only: being out of memory exits (check_out_of_memory). Not shared between processes.
#pragma once

#include <stddef.h>
#include "base/slice.h"

struct arena_block;
struct arena_deferred;

struct arena {
    struct arena_block *blocks;
    struct arena_deferred *deferred;
    size_t used; // bytes handed out, for reports
};

// arena_init makes `arena` empty.
void arena_init(struct arena *arena);

// arena_fini makes the calls that were deferred, the last one first, and frees everything that `arena` handed out.
void arena_fini(struct arena *arena);

// arena_alloc gives `len` zeroed bytes, aligned for any type, that live as long as `arena`. Never NULL.
void *arena_alloc(struct arena *arena, size_t len);

// arena_copy gives a copy of the `len` bytes at `data`, followed by a NUL.
char *arena_copy(struct arena *arena, const char *data, size_t len);

// arena_str gives a copy of the string `str`; NULL stays NULL.
char *arena_str(struct arena *arena, const char *str);

// arena_printf gives the text that printf would write for `format`.
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

// arena_defer has arena_fini call `drop` with `arg`: for what something in the arena holds outside of it.
void arena_defer(struct arena *arena, void (*drop)(void *arg), void *arg);
