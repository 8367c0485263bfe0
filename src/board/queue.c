// SPDX-License-Identifier: Apache-2.0
// The fair queue. The states of the waiters are the truth and change in one store each; lists, lengths and reserved
// units follow from them, so that whoever takes the lock over from a dead process builds them anew.
#include "base/clock.h"
#include "board/layout.h"

static void rebuild(struct board *board, uint32_t backend);

static struct board_queue *queue_at(struct board *board, uint32_t object)
{
    board_check_object(object);
    return &board->queues->queues[object];
}

static void queue_lock(struct board *board, uint32_t backend, uint32_t server)
{
    struct board_queue *queue = queue_at(board, backend);
    if (board_lock_take(board, &queue->lock, backend)) {
        rebuild(board, backend);
    }
    queue->server = server;
    atomic_signal_fence(memory_order_seq_cst); // in place before anything of that server changes
}

// The number of the server may come to mean another one.
static void queue_unlock(struct board *board, uint32_t backend)
{
    queue_at(board, backend)->server = 0;
    board_lock_give(board, &queue_at(board, backend)->lock);
}

static uint32_t state_of(const struct board_waiter *record)
{
    return atomic_load_explicit(&record->state, memory_order_relaxed);
}

static void count(_Atomic uint32_t *num, int add)
{
    uint32_t now = atomic_load_explicit(num, memory_order_relaxed);
    atomic_store_explicit(num, now + (uint32_t)add, memory_order_relaxed);
}

static void count_waiter(struct board *board, const struct board_waiter *record, uint32_t backend, int add)
{
    struct board_queue *queue = queue_at(board, backend);
    count(&queue->num, add);
    count(record->server ? &queue_at(board, record->server)->num : &queue->num_any, add);
}

static void reserve(struct board *board, uint32_t server, int add)
{
    count(&board->lanes->units[server][0], add);
}

static struct board_queue *list_of(struct board *board, const struct board_waiter *record)
{
    return queue_at(board, record->server ? record->server : atomic_load(&record->backend));
}

// In the order of tickets. Those that come last mostly belong there: the search begins at the end.
static void list_insert(struct board *board, struct board_queue *list, uint32_t waiter)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    uint32_t next = 0, prev = list->tail;
    if (list->head && board_waiter_at(board, list->head)->ticket > record->ticket) {
        next = list->head;
        prev = 0;
    }
    while (prev && board_waiter_at(board, prev)->ticket > record->ticket) {
        next = prev;
        prev = board_waiter_at(board, prev)->prev;
    }
    record->next = next;
    record->prev = prev;
    *(prev ? &board_waiter_at(board, prev)->next : &list->head) = waiter;
    *(next ? &board_waiter_at(board, next)->prev : &list->tail) = waiter;
}

static void list_remove(struct board *board, struct board_queue *list, uint32_t waiter)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    if (record->prev) {
        board_waiter_at(board, record->prev)->next = record->next;
    } else {
        list->head = record->next;
    }
    if (record->next) {
        board_waiter_at(board, record->next)->prev = record->prev;
    } else {
        list->tail = record->prev;
    }
    record->next = record->prev = 0;
}

// Tells the waiter's process where to look. Setting it twice is harmless and so is a mark without a grant.
static void mark_granted(struct board *board, uint32_t waiter)
{
    uint32_t chunk = (waiter - 1) / BOARD_CHUNK_WAITERS;
    struct board_estate *estate = &board->incarnations->estates[board_waiter_at(board, waiter)->inc];
    atomic_fetch_or(&board->queues->chunks[chunk].granted, UINT64_C(1) << ((waiter - 1) % BOARD_CHUNK_WAITERS));
    atomic_fetch_or(&estate->granted_chunks[chunk / 64], UINT64_C(1) << (chunk % 64));
    atomic_store(&estate->granted, 1);
}

// Tickets are times, so that a rank's offset can be one; never the same twice.
static int64_t next_ticket(struct board_queue *queue)
{
    int64_t now_us = (int64_t)clock_mono_us();
    queue->high = now_us > queue->high ? now_us : queue->high + 1;
    return queue->high;
}

static uint32_t enqueue(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie,
                        int64_t bias, bool first)
{
    board_check_incarnation(inc);
    must(server < BOARD_MAX_OBJECTS);
    uint32_t waiter = board_waiter_take(board, inc);
    if (!waiter) {
        return 0;
    }
    struct board_queue *queue = queue_at(board, backend);
    struct board_waiter *record = board_waiter_at(board, waiter);
    queue_lock(board, backend, server);
    record->server = server;
    record->granted = 0;
    record->inc = inc;
    record->cookie = cookie;
    record->bias = bias;
    record->ticket = (first ? queue->low-- : next_ticket(queue)) + bias;
    atomic_store_explicit(&record->backend, backend, memory_order_relaxed);
    atomic_store_explicit(&record->state, BOARD_WAITER_WAITING, memory_order_release);
    list_insert(board, list_of(board, record), waiter);
    count_waiter(board, record, backend, 1);
    queue_unlock(board, backend);
    // The caller tries the lane now: that must not be seen before the waiter is (see lane.c).
    atomic_thread_fence(memory_order_seq_cst);
    return waiter;
}

uint32_t board_queue_wait(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie)
{
    return enqueue(board, backend, server, inc, cookie, 0, false);
}

uint32_t board_queue_wait_ranked(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie,
                                 int32_t rank, int32_t offset_ms)
{
    // No uptime reaches 2^50 us, which are 35 years.
    int64_t bias = rank * (INT64_C(1) << 50) + offset_ms * INT64_C(1000);
    return enqueue(board, backend, server, inc, cookie, bias, false);
}

uint32_t board_queue_wait_first(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie)
{
    return enqueue(board, backend, server, inc, cookie, 0, true);
}

// Takes a waiter off, under the lock. The state goes first: killed afterwards, a rebuild sees it gone.
static void take_off(struct board *board, uint32_t waiter, uint32_t backend)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    uint32_t state = state_of(record);
    atomic_store_explicit(&record->state, BOARD_WAITER_FREE, memory_order_release);
    if (state == BOARD_WAITER_WAITING) {
        list_remove(board, list_of(board, record), waiter);
    } else {
        reserve(board, record->granted, -1);
    }
    count_waiter(board, record, backend, -1);
}

bool board_queue_leave(struct board *board, uint32_t waiter, uint32_t inc)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    must(record->inc == inc && state_of(record) != BOARD_WAITER_FREE);
    uint32_t backend = atomic_load_explicit(&record->backend, memory_order_relaxed);
    queue_lock(board, backend, record->server);
    uint32_t granted = state_of(record) == BOARD_WAITER_GRANTED ? record->granted : 0;
    if (granted) {
        queue_at(board, backend)->server = granted;
        board_freed_note(board, inc, granted);
    }
    take_off(board, waiter, backend);
    queue_unlock(board, backend);
    board_waiter_give(board, waiter, inc);
    if (granted) {
        board_queue_slot_freed(board, backend, granted);
    }
    return granted != 0;
}

static bool is_asleep(const struct board *board, uint32_t inc)
{
    return atomic_load_explicit(&board->incarnations->records[inc].asleep, memory_order_seq_cst) != 0;
}

static uint32_t first_awake(struct board *board, const struct board_queue *list)
{
    uint32_t waiter = list->head;
    while (waiter && is_asleep(board, board_waiter_at(board, waiter)->inc)) {
        waiter = board_waiter_at(board, waiter)->next;
    }
    return waiter;
}

// Who came first of those that take any server and those that insist on this one; 0 where there is none.
static uint32_t first_for(struct board *board, uint32_t backend, uint32_t server)
{
    bool closed = atomic_load_explicit(&queue_at(board, server)->closed, memory_order_relaxed);
    uint32_t any = closed ? 0 : first_awake(board, queue_at(board, backend));
    uint32_t own = server != backend ? first_awake(board, queue_at(board, server)) : 0;
    if (any && own) {
        return board_waiter_at(board, any)->ticket < board_waiter_at(board, own)->ticket ? any : own;
    }
    return any ? any : own;
}

void board_queue_close(struct board *board, uint32_t server, bool closed)
{
    atomic_store_explicit(&queue_at(board, server)->closed, closed, memory_order_relaxed);
}

void board_queue_slot_freed(struct board *board, uint32_t backend, uint32_t server)
{
    struct board_queue *queue = queue_at(board, backend);
    board_check_object(server);
    // Between the store of the lane and the load of the length (see lane.c).
    atomic_thread_fence(memory_order_seq_cst);
    if (LIKELY(atomic_load_explicit(&queue->num, memory_order_relaxed) == 0)) {
        return;
    }
    _Atomic uint32_t *parent = &board->objects->records[server].parent;
    if (atomic_load_explicit(parent, memory_order_relaxed) != backend) {
        atomic_store_explicit(parent, backend, memory_order_relaxed);
    }
    queue_lock(board, backend, server);
    uint32_t waiter = first_for(board, backend, server), inc = 0;
    _Atomic uint32_t *waking = &board->incarnations->estates[board->self ? board->self : BOARD_OUTSIDER].waking;
    if (waiter) {
        struct board_waiter *record = board_waiter_at(board, waiter);
        inc = record->inc;
        record->granted = server;
        atomic_store_explicit(waking, inc, memory_order_release);
        atomic_store_explicit(&record->state, BOARD_WAITER_GRANTED, memory_order_release);
        list_remove(board, list_of(board, record), waiter);
        // Nobody overtakes: the unit counts as held until the waiter fetches it.
        reserve(board, server, 1);
        mark_granted(board, waiter);
    }
    queue_unlock(board, backend);
    if (waiter) {
        board_wake(board, inc);
        atomic_store_explicit(waking, 0, memory_order_release);
    }
}

bool board_queue_offer(struct board *board, uint32_t backend, uint32_t server, uint32_t limit)
{
    // The same order as in board_lane_acquire: the waiter stands in the queue before the lanes are read.
    atomic_thread_fence(memory_order_seq_cst);
    if (limit && board_lane_sum_reserved(board, server) >= limit) {
        return false;
    }
    board_queue_slot_freed(board, backend, server);
    return true;
}

// Finds a marked waiter of `inc` and takes its mark away; 0 where there is none. Marks are set from the waiter up to
// the process and cleared from the process down, so that none is lost.
static uint32_t next_marked(struct board *board, uint32_t inc)
{
    struct board_estate *estate = &board->incarnations->estates[inc];
    if (atomic_load(&estate->granted) == 0) {
        return 0;
    }
    atomic_store(&estate->granted, 0);
    for (uint32_t i = 0; i < NUM_ITEMS(estate->granted_chunks); i++) {
        uint64_t word;
        while ((word = atomic_load(&estate->granted_chunks[i])) != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(word);
            struct board_chunk *chunk = &board->queues->chunks[i * 64 + bit];
            bool own = atomic_load(&chunk->owner) == inc; // given back since: its marks are another's
            uint64_t marks = own ? atomic_load(&chunk->granted) : 0;
            if (marks == 0) {
                atomic_fetch_and(&estate->granted_chunks[i], ~(UINT64_C(1) << bit));
                if (own && atomic_load(&chunk->granted) != 0) {
                    atomic_fetch_or(&estate->granted_chunks[i], UINT64_C(1) << bit);
                }
                continue;
            }
            uint32_t at = (uint32_t)__builtin_ctzll(marks);
            atomic_fetch_and(&chunk->granted, ~(UINT64_C(1) << at));
            atomic_store(&estate->granted, 1);
            return (i * 64 + bit) * BOARD_CHUNK_WAITERS + at + 1;
        }
    }
    return 0;
}

bool board_queue_granted(struct board *board, uint32_t *waiter, uint64_t *cookie, uint32_t *server, uint32_t inc)
{
    board_check_incarnation(inc);
    uint32_t marked;
    while ((marked = next_marked(board, inc)) != 0) {
        // A mark may be stale. Only its owner frees or reuses a waiter, and that is us; but a grant may be taken back
        // until we have the lock (board_queue_pass_over).
        struct board_waiter *record = board_waiter_at(board, marked);
        if (record->inc != inc || atomic_load_explicit(&record->state, memory_order_acquire) != BOARD_WAITER_GRANTED) {
            continue;
        }
        uint32_t backend = atomic_load_explicit(&record->backend, memory_order_relaxed);
        queue_lock(board, backend, record->server);
        if (state_of(record) != BOARD_WAITER_GRANTED) {
            queue_unlock(board, backend);
            continue;
        }
        queue_at(board, backend)->server = record->granted;
        *waiter = marked;
        *cookie = record->cookie;
        *server = record->granted;
        board_freed_note(board, inc, record->granted);
        take_off(board, marked, backend);
        queue_unlock(board, backend);
        board_waiter_give(board, marked, inc);
        return true;
    }
    return false;
}

// Takes back what the waiter was granted and passes it on. A lock whose holder sleeps too is left alone: the master
// does not wait for who may never come back.
static void waiter_recall(struct board *board, uint32_t waiter, uint32_t inc)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    uint32_t backend = atomic_load(&record->backend);
    struct board_queue *queue = queue_at(board, backend);
    uint32_t holder = board_lock_holder(&queue->lock);
    if (holder > 0 && holder < BOARD_MAX_INCARNATIONS && is_asleep(board, holder)) {
        return;
    }
    queue_lock(board, backend, record->server);
    // It may have woken up meanwhile and have used the waiter for another queue: that one's lock we do not hold.
    bool same = record->inc == inc && atomic_load(&record->backend) == backend;
    uint32_t granted = same && state_of(record) == BOARD_WAITER_GRANTED ? record->granted : 0;
    if (granted) {
        queue->server = granted;
        atomic_store_explicit(&record->state, BOARD_WAITER_WAITING, memory_order_release);
        reserve(board, granted, -1);
        list_insert(board, list_of(board, record), waiter);
    }
    queue_unlock(board, backend);
    if (granted) {
        board_queue_slot_freed(board, backend, granted);
    }
}

void board_queue_pass_over(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    atomic_store(&board->incarnations->records[inc].asleep, 1);
    for (uint32_t chunk = 0; chunk < BOARD_CHUNKS; chunk++) {
        if (atomic_load(&board->queues->chunks[chunk].owner) != inc) {
            continue;
        }
        for (uint32_t i = 1; i <= BOARD_CHUNK_WAITERS; i++) {
            uint32_t waiter = chunk * BOARD_CHUNK_WAITERS + i;
            if (atomic_load(&board_waiter_at(board, waiter)->state) == BOARD_WAITER_GRANTED) {
                waiter_recall(board, waiter, inc);
            }
        }
    }
}

bool board_queue_awake(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    _Atomic uint32_t *asleep = &board->incarnations->records[inc].asleep;
    return UNLIKELY(atomic_load_explicit(asleep, memory_order_relaxed) != 0) && atomic_exchange(asleep, 0) != 0;
}

uint32_t board_queue_len(struct board *board, uint32_t backend, uint32_t server)
{
    return atomic_load_explicit(&queue_at(board, server ? server : backend)->num, memory_order_relaxed);
}

uint32_t board_queue_ahead(struct board *board, uint32_t backend, uint32_t server)
{
    uint32_t any = atomic_load_explicit(&queue_at(board, backend)->num_any, memory_order_relaxed);
    return any + (server ? atomic_load_explicit(&queue_at(board, server)->num, memory_order_relaxed) : 0);
}

// ---- after a crash
// ------------------------------------------------------------------------------------------------------

// Merges two chains linked by `next` in the order of tickets.
static uint32_t merge(struct board *board, uint32_t a, uint32_t b)
{
    uint32_t head = 0, *end = &head;
    while (a && b) {
        bool first = board_waiter_at(board, a)->ticket <= board_waiter_at(board, b)->ticket;
        uint32_t *from = first ? &a : &b;
        *end = *from;
        end = &board_waiter_at(board, *from)->next;
        *from = *end;
    }
    *end = a ? a : b;
    return head;
}

// Visits every waiter of `backend` that is on its queue or granted. Under the lock no other waiter can become one of
// it.
static void each_waiter(struct board *board, uint32_t backend, void (*visit)(struct board *, uint32_t, void *),
                        void *with)
{
    for (uint32_t chunk = 0; chunk < BOARD_CHUNKS; chunk++) {
        if (atomic_load(&board->queues->chunks[chunk].owner) == 0) {
            continue;
        }
        for (uint32_t i = 1; i <= BOARD_CHUNK_WAITERS; i++) {
            uint32_t waiter = chunk * BOARD_CHUNK_WAITERS + i;
            struct board_waiter *record = board_waiter_at(board, waiter);
            if (atomic_load(&record->state) != BOARD_WAITER_FREE && atomic_load(&record->backend) == backend) {
                visit(board, waiter, with);
            }
        }
    }
}

static void server_reset(struct board *board, uint32_t server)
{
    struct board_queue *list = queue_at(board, server);
    list->head = list->tail = 0;
    atomic_store_explicit(&list->num, 0, memory_order_relaxed);
    atomic_store_explicit(&board->lanes->units[server][0], 0, memory_order_relaxed);
}

static void visit_reset(struct board *board, uint32_t waiter, void *with)
{
    (void)with;
    struct board_waiter *record = board_waiter_at(board, waiter);
    uint32_t server = record->server ? record->server : record->granted;
    if (server) {
        server_reset(board, server);
    }
}

struct census {
    uint32_t num, num_any;
    uint32_t runs[17]; // sorted chains of 1, 2, 4, ... waiters
    int64_t high, low;
};

static void visit_count(struct board *board, uint32_t waiter, void *with)
{
    struct census *census = with;
    struct board_waiter *record = board_waiter_at(board, waiter);
    census->num++;
    census->num_any += record->server == 0;
    int64_t ticket = record->ticket - record->bias;
    census->high = ticket > census->high ? ticket : census->high;
    census->low = ticket <= census->low ? ticket - 1 : census->low;
    if (record->server) {
        count(&queue_at(board, record->server)->num, 1);
    }
    if (state_of(record) == BOARD_WAITER_GRANTED) {
        reserve(board, record->granted, 1);
        mark_granted(board, waiter);
        board_wake(board, record->inc);
        return;
    }
    record->next = 0;
    uint32_t run = waiter, i = 0;
    for (; i < NUM_ITEMS(census->runs) - 1 && census->runs[i]; i++) {
        run = merge(board, census->runs[i], run);
        census->runs[i] = 0;
    }
    census->runs[i] = merge(board, census->runs[i], run);
}

// Builds the queue of `backend` from its waiters. The dead owner had changed nothing of any server but the one it had
// named, so that only that one and those that have waiters are made anew. The backend's length is stored once, when it
// is right: whoever frees a slot meanwhile must not find it 0.
static void rebuild(struct board *board, uint32_t backend)
{
    struct board_queue *queue = queue_at(board, backend);
    struct census census = { .high = queue->high, .low = queue->low };
    if (queue->server > 0 && queue->server < BOARD_MAX_OBJECTS && queue->server != backend) {
        server_reset(board, queue->server);
    }
    each_waiter(board, backend, visit_reset, NULL);
    each_waiter(board, backend, visit_count, &census);
    uint32_t all = 0;
    for (size_t i = 0; i < NUM_ITEMS(census.runs); i++) {
        all = merge(board, census.runs[i], all);
    }
    queue->head = queue->tail = 0;
    while (all) {
        uint32_t next = board_waiter_at(board, all)->next;
        list_insert(board, list_of(board, board_waiter_at(board, all)), all);
        all = next;
    }
    queue->high = census.high;
    queue->low = census.low;
    atomic_store_explicit(&queue->num_any, census.num_any, memory_order_relaxed);
    atomic_store_explicit(&queue->num, census.num, memory_order_release);
}

void board_queue_repair(struct board *board, uint32_t number, uint32_t inc)
{
    if (number < BOARD_MAX_OBJECTS && board_lock_holder(&queue_at(board, number)->lock) == inc) {
        queue_lock(board, number, 0);
        queue_unlock(board, number);
    }
}

// A waiter that had been granted passes the unit on, noted first like a lane (board_lanes_clear).
static void waiter_clear(struct board *board, uint32_t waiter, uint32_t inc)
{
    struct board_waiter *record = board_waiter_at(board, waiter);
    struct board_estate *estate = &board->incarnations->estates[inc];
    uint32_t backend = atomic_load(&record->backend);
    queue_lock(board, backend, record->server);
    uint32_t granted = state_of(record) == BOARD_WAITER_GRANTED ? record->granted : 0;
    if (granted) {
        queue_at(board, backend)->server = granted;
        atomic_store(&board->objects->records[granted].parent, backend);
        atomic_store(&estate->freed, granted);
    }
    take_off(board, waiter, backend);
    queue_unlock(board, backend);
    if (granted) {
        board_queue_slot_freed(board, backend, granted);
    }
}

void board_waiters_clear(struct board *board, uint32_t inc)
{
    struct board_estate *estate = &board->incarnations->estates[inc];
    if (!atomic_load(&estate->has_chunks)) {
        return;
    }
    for (uint32_t chunk = 0; chunk < BOARD_CHUNKS; chunk++) {
        struct board_chunk *record = &board->queues->chunks[chunk];
        if (atomic_load(&record->owner) != inc) {
            continue;
        }
        for (uint32_t i = 1; i <= BOARD_CHUNK_WAITERS; i++) {
            uint32_t waiter = chunk * BOARD_CHUNK_WAITERS + i;
            if (state_of(board_waiter_at(board, waiter)) != BOARD_WAITER_FREE) {
                waiter_clear(board, waiter, inc);
            }
        }
        record->used = 0;
        record->next = record->prev = 0;
        atomic_store(&record->granted, 0);
        atomic_store(&record->owner, 0);
    }
    atomic_store(&estate->has_chunks, 0);
}
