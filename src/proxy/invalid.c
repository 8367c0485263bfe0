// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <string.h>
#include "base/check.h"
#include "board/board.h"
#include "proxy/invalid.h"

enum { INVALID_VERSION = 1, INVALID_ALIGN = 64 };

// A place whose writer died in the middle is free: what it held is not whole.
struct invalid_place {
    uint32_t is_used;
    uint32_t is_written;
    struct proxy_invalid what;
    char data[];
};

struct invalid_table {
    struct board_lock lock;
    _Atomic uint64_t total;
    uint64_t pad[6];
    char places[];
};

static struct {
    struct invalid_table *table;
    uint32_t max_len;
} invalid;

static size_t place_size(void)
{
    return (sizeof(struct invalid_place) + invalid.max_len + INVALID_ALIGN - 1) / INVALID_ALIGN * INVALID_ALIGN;
}

static struct invalid_place *place_at(uint32_t i)
{
    return (struct invalid_place *)(void *)(invalid.table->places + i * place_size());
}

bool proxy_invalid_prepare(struct board *board, uint32_t max_len)
{
    bool fresh;
    invalid.max_len = max_len;
    // Places of another size stand elsewhere.
    invalid.table = board_section(board, &fresh, PROXY_INVALID_SECTION, INVALID_VERSION << 28 | max_len,
                                  sizeof(struct invalid_table) + PROXY_INVALID_PLACES * place_size());
    return invalid.table != NULL;
}

static void lock(struct board *board)
{
    if (!board_lock_enter(board, &invalid.table->lock))
        return;
    for (uint32_t i = 0; i < PROXY_INVALID_PLACES && place_at(i)->is_used; i++)
        if (place_at(i)->is_written)
            place_at(i)->what = (struct proxy_invalid){ 0 };
}

static bool is_of(const struct proxy_invalid *what, const char *proxy, uint32_t id, bool is_response)
{
    return what->proxy_id == id && what->is_response == is_response &&
           strncmp(what->proxy, proxy, sizeof(what->proxy) - 1) == 0;
}

// The proxy's place; else, with `claims`, a free one, or that of the oldest. Places are taken in their order.
static struct invalid_place *place_find(const char *proxy, uint32_t id, bool is_response, bool claims)
{
    struct invalid_place *oldest = NULL;
    for (uint32_t i = 0; i < PROXY_INVALID_PLACES; i++) {
        struct invalid_place *place = place_at(i);
        if (!place->is_used)
            return claims ? place : NULL;
        if (is_of(&place->what, proxy, id, is_response))
            return place;
        if (!oldest || place->what.event < oldest->what.event)
            oldest = place;
    }
    return claims ? oldest : NULL;
}

void proxy_invalid_keep(struct board *board, struct proxy_invalid *what, struct slice bytes)
{
    if (!invalid.table)
        return;
    what->len = bytes.len < invalid.max_len ? (uint32_t)bytes.len : invalid.max_len;
    lock(board);
    what->event = atomic_fetch_add(&invalid.table->total, 1);
    struct invalid_place *place = place_find(what->proxy, what->proxy_id, what->is_response, true);
    place->is_written = 1;
    atomic_signal_fence(memory_order_seq_cst);
    place->is_used = 1;
    place->what = *what;
    if (what->len)
        memcpy(place->data, bytes.ptr, what->len);
    atomic_signal_fence(memory_order_seq_cst);
    place->is_written = 0;
    board_lock_leave(board, &invalid.table->lock);
}

bool proxy_invalid_get(struct board *board, struct proxy_invalid *out, char *data, const char *proxy, uint32_t id,
                       bool is_response)
{
    if (!invalid.table)
        return false;
    lock(board);
    const struct invalid_place *place = place_find(proxy, id, is_response, false);
    if (place) {
        *out = place->what;
        out->len = out->len < invalid.max_len ? out->len : invalid.max_len;
        memcpy(data, place->data, out->len);
    }
    board_lock_leave(board, &invalid.table->lock);
    return place && out->proxy[0];
}

uint32_t proxy_invalid_max(void)
{
    return invalid.max_len;
}

uint64_t proxy_invalid_total(void)
{
    return invalid.table ? atomic_load(&invalid.table->total) : 0;
}
