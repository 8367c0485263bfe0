// SPDX-License-Identifier: Apache-2.0
// A record is a 32-bit length and its bytes, at positions that only grow, taken modulo the length of the ring. The end
// is published after the bytes: a writer killed in the middle of a record leaves none of it, and the next process of
// that number goes on behind the last whole one.
#include "board/layout.h"

enum { RECORD_HEAD = sizeof(uint32_t) };

static struct board_ring *ring_at(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    return &board->rings->rings[inc];
}

static uint64_t copy_in(char *ring, uint64_t at, const void *data, size_t len)
{
    size_t offset = at % BOARD_RING_LEN, first = BOARD_RING_LEN - offset;
    first = first < len ? first : len;
    if (len) {
        memcpy(ring + offset, data, first);
        memcpy(ring, (const char *)data + first, len - first);
    }
    return at + len;
}

static void copy_out(const char *ring, uint64_t at, void *data, size_t len)
{
    size_t offset = at % BOARD_RING_LEN, first = BOARD_RING_LEN - offset;
    first = first < len ? first : len;
    if (len) {
        memcpy(data, ring + offset, first);
        memcpy((char *)data + first, ring, len - first);
    }
}

bool board_ring_put(struct board *board, uint32_t inc, struct slice a, struct slice b)
{
    struct board_ring *ring = ring_at(board, inc);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t used = tail - atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t room = used <= BOARD_RING_LEN ? BOARD_RING_LEN - used : 0;
    if (a.len > BOARD_RING_LEN || b.len > BOARD_RING_LEN || RECORD_HEAD + a.len + b.len > room) {
        uint64_t dropped = atomic_load_explicit(&ring->num_dropped, memory_order_relaxed);
        atomic_store_explicit(&ring->num_dropped, dropped + 1, memory_order_relaxed);
        return false;
    }
    uint32_t len = (uint32_t)(a.len + b.len);
    tail = copy_in(board->rings->data[inc], tail, &len, RECORD_HEAD);
    tail = copy_in(board->rings->data[inc], tail, a.ptr, a.len);
    tail = copy_in(board->rings->data[inc], tail, b.ptr, b.len);
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
    return true;
}

// The number must not be given to a process meanwhile: it is held as if it were being given.
static void ring_tidy(struct board *board, uint32_t inc, uint64_t head)
{
    struct board_ring *ring = ring_at(board, inc);
    _Atomic uint32_t *state = &board->incarnations->records[inc].state;
    uint32_t is = BOARD_STATE_FREE;
    if (!atomic_compare_exchange_strong(state, &is, BOARD_STATE_TAKING | board->self << 8)) {
        return;
    }
    if (atomic_load(&ring->tail) == head) {
        board_memory_clear(board->rings->data[inc], BOARD_RING_LEN, 0, 1);
        atomic_store_explicit(&ring->tidied, head, memory_order_relaxed);
    }
    atomic_store(state, BOARD_STATE_FREE);
}

int board_ring_get(struct board *board, uint32_t inc, void *data, size_t cap)
{
    struct board_ring *ring = ring_at(board, inc);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&ring->tail, memory_order_acquire) - head;
    if (used == 0) {
        if (UNLIKELY(atomic_load_explicit(&ring->tidied, memory_order_relaxed) != head)) {
            ring_tidy(board, inc, head);
        }
        return -1;
    }
    uint32_t len = UINT32_MAX;
    if (used >= RECORD_HEAD && used <= BOARD_RING_LEN) {
        copy_out(board->rings->data[inc], head, &len, RECORD_HEAD);
    }
    // What makes no sense is given up: the reader must not be led out of the ring by what another process wrote.
    if (len > used - RECORD_HEAD) {
        atomic_store_explicit(&ring->head, head + used, memory_order_release);
        return -1;
    }
    size_t part = len < cap ? len : cap;
    copy_out(board->rings->data[inc], head + RECORD_HEAD, data, part);
    atomic_store_explicit(&ring->head, head + RECORD_HEAD + len, memory_order_release);
    return (int)part;
}

uint64_t board_ring_dropped(struct board *board, uint32_t inc)
{
    return atomic_load_explicit(&ring_at(board, inc)->num_dropped, memory_order_relaxed);
}
