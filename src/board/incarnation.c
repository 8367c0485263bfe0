// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "board/layout.h"

static uint32_t self_of(const struct board *board)
{
    return board->self ? board->self : (uint32_t)BOARD_OUTSIDER;
}

uint32_t board_mark(struct board *board, uint32_t inc)
{
    uint32_t life = inc < BOARD_MAX_INCARNATIONS ? atomic_load(&board->incarnations->records[inc].life) : 0;
    return inc | life << 16;
}

// Whether the owner named in a lock word is known to be dead, or was and its number lives again.
bool board_mark_is_gone(struct board *board, uint32_t mark)
{
    uint32_t inc = mark & 0xffff;
    if (inc == 0 || inc >= BOARD_MAX_INCARNATIONS) {
        return false;
    }
    return atomic_load(&board->incarnations->records[inc].state) != BOARD_STATE_LIVE || board_mark(board, inc) != mark;
}

static void pause_for(unsigned tries)
{
    if (tries < 64) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    } else if (tries < 1024) {
        sched_yield();
    } else {
        usleep(50);
    }
}

// 0 where another one has it, 1 where it was free, 2 where it was taken over.
static int lock_once(struct board *board, struct board_lock *lock, uint32_t mark)
{
    uint32_t owner = 0;
    if (atomic_compare_exchange_strong_explicit(&lock->owner, &owner, mark, memory_order_seq_cst,
                                                memory_order_seq_cst)) {
        return 1;
    }
    bool taken =
        owner > 0 && board_mark_is_gone(board, owner) &&
        atomic_compare_exchange_strong_explicit(&lock->owner, &owner, mark, memory_order_seq_cst, memory_order_seq_cst);
    return taken ? 2 : 0;
}

// Critical sections are some hundred instructions, so the owner either is about to leave, or was preempted, or is dead.
// A dead owner is known as such only once its parent has waited for it: until then there is nothing to do but let
// others run.
static bool lock_wait(struct board *board, struct board_lock *lock, uint32_t mark)
{
    int got = 0;
    for (unsigned tries = 0; (got = lock_once(board, lock, mark)) == 0; tries++) {
        pause_for(tries);
    }
    return got == 2;
}

bool board_lock_take(struct board *board, struct board_lock *lock, uint32_t number)
{
    uint32_t self = self_of(board);
    if (number) {
        atomic_store_explicit(&board->incarnations->estates[self].lock, number, memory_order_seq_cst);
    }
    return lock_wait(board, lock, board_mark(board, self));
}

void board_lock_give(struct board *board, struct board_lock *lock)
{
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
    atomic_store_explicit(&board->incarnations->estates[self_of(board)].lock, 0, memory_order_release);
}

// Noted once it is held: who waits does not block others.
static void section_note(struct board *board, uint32_t number)
{
    atomic_store_explicit(&board->incarnations->estates[self_of(board)].lock, number, memory_order_release);
}

bool board_lock_enter(struct board *board, struct board_lock *lock)
{
    bool taken = lock_wait(board, lock, board_mark(board, self_of(board)));
    section_note(board, BOARD_LOCK_SECTION);
    return taken;
}

int board_lock_try(struct board *board, struct board_lock *lock)
{
    int got = lock_once(board, lock, board_mark(board, self_of(board)));
    if (got) {
        section_note(board, BOARD_LOCK_SECTION);
    }
    return got;
}

void board_lock_leave(struct board *board, struct board_lock *lock)
{
    section_note(board, 0);
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

// Of the program, thus of this process for life.
static char program_version[BOARD_VERSION_LEN];

void board_program_version(const char *version)
{
    snprintf(program_version, sizeof(program_version), "%s", version);
}

uint32_t board_incarnation_take(struct board *board, enum board_role role, uint32_t slot, uint32_t generation)
{
    struct board_incarnations *all = board->incarnations;
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        struct board_incarnation *record = &all->records[inc];
        uint32_t state = BOARD_STATE_FREE;
        if (record->wake_fd < 0) {
            break;
        }
        if (!atomic_compare_exchange_strong(&record->state, &state, BOARD_STATE_TAKING | board->self << 8)) {
            continue;
        }
        board->lives[inc] = atomic_fetch_add(&record->life, 1) + 1;
        atomic_store(&record->pid, 0);
        record->parent = board->self;
        record->slot = slot;
        record->generation = generation;
        record->started_wall_us = clock_wall_us();
        memcpy(record->version, program_version, sizeof(record->version));
        atomic_store(&record->asleep, 0);
        atomic_store(&record->told, 0);
        atomic_store(&record->role, role);
        atomic_store(&record->beat_us, clock_mono_us());
        // A process goes on from what its parent has applied, for it inherits the state this led to. The master applies
        // nothing: what it forks starts from a configuration, not from changes to an older one.
        struct board_incarnation *parent = &all->records[board->self];
        bool inherits = board->self && atomic_load(&parent->role) != BOARD_ROLE_MASTER;
        atomic_store(&record->applied, inherits ? atomic_load(&parent->applied) : atomic_load(&board->journal->last));
        atomic_store(&record->let_go, inherits ? atomic_load(&parent->let_go) : atomic_load(&board->journal->last));
        uint32_t limit = atomic_load(&all->limit);
        while (limit <= inc && !atomic_compare_exchange_weak(&all->limit, &limit, inc + 1)) {
        }
        atomic_store(&record->state, BOARD_STATE_LIVE);
        return inc;
    }
    return BOARD_NO_INCARNATION;
}

static bool is_as_taken(struct board *board, uint32_t inc)
{
    return atomic_load(&board->incarnations->records[inc].life) == board->lives[inc];
}

bool board_incarnation_enter(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    struct board_incarnation *record = &board->incarnations->records[inc];
    int32_t self = getpid(), pid = 0;
    board->self = inc;
    if (atomic_load(&record->pid) == self) { // in a new image
        memcpy(record->version, program_version, sizeof(record->version));
        return true;
    }
    if (!is_as_taken(board, inc) || !atomic_compare_exchange_strong(&record->pid, &pid, self)) {
        return false;
    }
    // Taken back and given again meanwhile: the place is another's.
    if (!is_as_taken(board, inc)) {
        atomic_compare_exchange_strong(&record->pid, &self, 0);
        return false;
    }
    return true;
}

uint32_t board_incarnation_self(const struct board *board)
{
    return board->self;
}

struct board_incarnation *board_incarnation_at(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    return &board->incarnations->records[inc];
}

uint32_t board_incarnation_limit(struct board *board)
{
    uint32_t limit = atomic_load_explicit(&board->incarnations->limit, memory_order_relaxed);
    return limit < BOARD_MAX_INCARNATIONS ? limit : (uint32_t)BOARD_MAX_INCARNATIONS;
}

uint32_t board_num_wakers(struct board *board)
{
    uint32_t num = 0;
    while (num + 1 < BOARD_MAX_INCARNATIONS && board->incarnations->records[num + 1].wake_fd >= 0) {
        num++;
    }
    return num;
}

bool board_generations_live(struct board *board, uint32_t first, uint32_t last)
{
    for (uint32_t inc = 1; inc < board_incarnation_limit(board); inc++) {
        struct board_incarnation *record = &board->incarnations->records[inc];
        if (atomic_load(&record->state) != BOARD_STATE_FREE && record->generation >= first &&
            record->generation <= last) {
            return true;
        }
    }
    return false;
}

// The lock of that number (struct board_estate); NULL for 0, which stands for none and for the reaper's.
static struct board_lock *lock_of(struct board *board, uint32_t number)
{
    if (number == BOARD_LOCK_OBJECTS)
        return &board->objects->lock;
    if (number == BOARD_LOCK_JOURNAL)
        return &board->journal->lock;
    return number > 0 && number < BOARD_MAX_OBJECTS ? &board->queues->queues[number].lock : NULL;
}

bool board_incarnation_blocks(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    uint32_t number = atomic_load(&board->incarnations->estates[inc].lock);
    struct board_lock *lock = lock_of(board, number);
    return number == BOARD_LOCK_SECTION || (lock && board_lock_holder(lock) == inc);
}

// Numbers that the dead process `inc` was about to give, or had given to a child that it did not live to fork. A child
// that was forked and has not entered finds that it may not.
static void unborn_clear(struct board *board, uint32_t inc)
{
    for (uint32_t other = 1; other < BOARD_MAX_INCARNATIONS; other++) {
        struct board_incarnation *record = &board->incarnations->records[other];
        uint32_t state = BOARD_STATE_TAKING | inc << 8;
        if (atomic_compare_exchange_strong(&record->state, &state, BOARD_STATE_FREE)) {
            continue;
        }
        int32_t pid = 0;
        if (state == BOARD_STATE_LIVE && record->parent == inc &&
            atomic_compare_exchange_strong(&record->pid, &pid, BOARD_PID_VOID)) {
            atomic_store(&record->state, BOARD_STATE_DEAD);
        }
    }
}

// Each step leaves the board so that the whole can be done again from the start, for the process that does it may be
// killed too. The number comes free last.
static void clean(struct board *board, uint32_t inc)
{
    struct board_incarnation *record = &board->incarnations->records[inc];
    struct board_estate *estate = &board->incarnations->estates[inc];
    uint32_t lock = atomic_load(&estate->lock);
    if (lock == BOARD_LOCK_OBJECTS || lock == BOARD_LOCK_JOURNAL) {
        struct board_lock *held = lock_of(board, lock);
        if (board_lock_holder(held) == inc) {
            if (lock == BOARD_LOCK_OBJECTS) {
                board_objects_repair(board);
            } else {
                board_lock_take(board, held, lock);
                board_lock_give(board, held);
            }
        }
    } else if (lock && lock != BOARD_LOCK_SECTION) {
        board_queue_repair(board, lock, inc);
    }
    unborn_clear(board, inc);
    uint32_t waking = atomic_load(&estate->waking);
    if (waking > 0 && waking < BOARD_MAX_INCARNATIONS) {
        board_wake(board, waking);
    }
    bool has_touched = atomic_load(&estate->has_touched) != 0;
    if (has_touched || atomic_load(&estate->freed)) {
        board_lanes_clear(board, inc);
    }
    board_waiters_clear(board, inc);
    board_inquiries_forget(board, inc);
    board_journal_tell_again(board);
    if (has_touched) {
        board_counters_fold(board, inc);
    }
    atomic_store(&estate->has_touched, 0);
    atomic_store(&estate->lock, 0);
    atomic_store(&estate->freed, 0);
    atomic_store(&estate->num_freed, 0);
    atomic_store(&estate->waking, 0);
    estate->chunk = 0;
    atomic_store(&estate->granted, 0);
    for (size_t i = 0; i < NUM_ITEMS(estate->granted_chunks); i++) {
        atomic_store(&estate->granted_chunks[i], 0);
    }
    atomic_store(&record->role, BOARD_ROLE_FREE);
    atomic_store(&record->pid, 0);
    atomic_store(&record->ready, 0);
    atomic_store(&record->sessions, 0);
    atomic_store(&record->beat_us, 0);
    atomic_store(&record->beat_asked, 0);
    atomic_store(&record->applied, 0);
    atomic_store(&record->let_go, 0);
    atomic_store(&record->state, BOARD_STATE_FREE);
}

// The mark comes first, so that those who wait for a lock of the dead can take it over while we wait for the reaper's
// lock. Another cleaner may finish our job meanwhile, and the number may even live again: so only state DEAD is
// cleaned.
void board_incarnation_dead(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    struct board_incarnations *all = board->incarnations;
    uint32_t state = BOARD_STATE_LIVE;
    if (!atomic_compare_exchange_strong(&all->records[inc].state, &state, BOARD_STATE_DEAD) &&
        state != BOARD_STATE_DEAD) {
        return;
    }
    if (board_lock_take(board, &all->reaper, 0)) {
        board_counters_recover(board);
    }
    // Who is dead but not cleaned yet was left by a cleaner that died, or is waited for by one that will find it done.
    // One that is cleaned may leave more of them.
    for (bool again = true; again;) {
        again = false;
        for (uint32_t other = 1; other < atomic_load(&all->limit); other++) {
            if (atomic_load(&all->records[other].state) == BOARD_STATE_DEAD) {
                clean(board, other);
                again = true;
            }
        }
    }
    atomic_store_explicit(&all->reaper.owner, 0, memory_order_release);
}

void board_wake(struct board *board, uint32_t inc)
{
    board_check_incarnation(inc);
    uint64_t one = 1;
    // By this process's own record: a number that another wrote might be any descriptor of ours.
    ssize_t done = write(board->wake_fds[inc], &one, sizeof(one));
    (void)done; // the counter is full after 2^64 wakes: it is awake then
}
