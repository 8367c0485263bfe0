// SPDX-License-Identifier: Apache-2.0
// A record is a 32-bit length and its bytes, at positions that only grow, taken modulo the length of the ring. The end
// is published after the bytes: a writer killed in the middle of a record leaves none of it, and the next process of
// that number goes on behind the last whole one.
#include "board/layout.h"

enum { RECORD_HEAD = sizeof(uint32_t) };

// In the length: the record is done, though one that stands before it is not. The reader marks it in place, for all
// between head and tail is its own until the head moves.
#define RECORD_DONE UINT32_C(0x80000000)

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

// The head of the record at `at`, of which `used` bytes are there; false where what is there makes no sense.
static bool record_head(struct board *board, uint32_t inc, uint64_t at, uint64_t used, uint32_t *head)
{
    if (used < RECORD_HEAD || used > BOARD_RING_LEN)
        return false;
    copy_out(board->rings->data[inc], at, head, RECORD_HEAD);
    return (*head & ~RECORD_DONE) <= used - RECORD_HEAD;
}

int board_ring_next(struct board *board, uint32_t inc, uint64_t *next, uint64_t *at, void *data, size_t cap)
{
    struct board_ring *ring = ring_at(board, inc);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (*next - head > tail - head)
        *next = head;
    while (*next != tail) {
        uint32_t len = 0;
        // What makes no sense is given up: the reader must not be led out of the ring by what another process wrote.
        if (!record_head(board, inc, *next, tail - *next, &len)) {
            atomic_store_explicit(&ring->head, tail, memory_order_release);
            *next = tail;
            return -1;
        }
        *at = *next;
        *next += RECORD_HEAD + (len & ~RECORD_DONE);
        if (len & RECORD_DONE)
            continue;
        size_t part = len < cap ? len : cap;
        copy_out(board->rings->data[inc], *at + RECORD_HEAD, data, part);
        return (int)part;
    }
    if (UNLIKELY(head == tail && atomic_load_explicit(&ring->tidied, memory_order_relaxed) != head))
        ring_tidy(board, inc, head);
    return -1;
}

void board_ring_done(struct board *board, uint32_t inc, uint64_t at)
{
    struct board_ring *ring = ring_at(board, inc);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t len;
    if (at - head >= tail - head || !record_head(board, inc, at, tail - at, &len))
        return;
    len |= RECORD_DONE;
    copy_in(board->rings->data[inc], at, &len, RECORD_HEAD);
}

bool board_ring_commit(struct board *board, uint32_t inc, uint64_t next, bool all)
{
    struct board_ring *ring = ring_at(board, inc);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed), at = all ? next : head;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (next - head > tail - head)
        return true;
    while (at != next) {
        uint32_t len;
        if (!record_head(board, inc, at, next - at, &len) || !(len & RECORD_DONE))
            break;
        at += RECORD_HEAD + (len & ~RECORD_DONE);
    }
    if (at != head)
        atomic_store_explicit(&ring->head, at, memory_order_release);
    return at == next || tail - at <= BOARD_RING_LEN / 2;
}

uint64_t board_ring_dropped(struct board *board, uint32_t inc)
{
    return atomic_load_explicit(&ring_at(board, inc)->num_dropped, memory_order_relaxed);
}
