// SPDX-License-Identifier: Apache-2.0
// What the board's sections look like inside. Only the files of src/board include this; everybody else goes through
// board/board.h. All of it lives in shared memory and may be read by a process that was killed in the middle of a
// change a moment ago: what follows says who writes each part and how it is put right.
#pragma once

#include <stdatomic.h>
#include "base/check.h"
#include "board/board.h"

// Of all core sections together; they refer to each other. Tests build a program that differs.
#ifndef BOARD_LAYOUT
#define BOARD_LAYOUT 3
#endif

enum {
    BOARD_LAYOUT_VERSION = BOARD_LAYOUT,
    BOARD_MAX_SECTIONS = 64,
    BOARD_CHUNKS = 1024, // groups of 64 waiters that one process owns at a time
    BOARD_CHUNK_WAITERS = 64,
    BOARD_WAITERS = BOARD_CHUNKS * BOARD_CHUNK_WAITERS,
    BOARD_BITMAP_WORDS = BOARD_MAX_OBJECTS / 64,
    BOARD_HASH_SLOTS = BOARD_MAX_OBJECTS * 2,
    BOARD_JOURNAL_SLOTS = 32768,
    BOARD_JOURNAL_LEN = 1 << 22,             // bytes of the entries' data
    BOARD_OUTSIDER = BOARD_MAX_INCARNATIONS, // lock owner of a process that has not said who it is
};

enum { BOARD_STATE_FREE, BOARD_STATE_LIVE, BOARD_STATE_DEAD, BOARD_STATE_TAKING };

#define BOARD_LINE __attribute__((aligned(128)))

// A lock word: the incarnation number of the owner, 0 when free. At most one such lock is held by a process at a time
// (the reaper's is apart), and its number stands in board_estate.lock before it is taken: so whoever cleans up after a
// process finds the lock it died with.
struct board_lock {
    _Atomic uint32_t owner;
};

// Numbers of locks in board_estate.lock; those from 1 to BOARD_MAX_OBJECTS are the queue of that object.
enum { BOARD_LOCK_OBJECTS = BOARD_MAX_OBJECTS + 1, BOARD_LOCK_JOURNAL };

// What a process leaves behind when it dies. Written by the process itself, but for the `granted` words.
struct board_estate {
    _Atomic uint32_t lock;      // number of the lock it takes or holds, 0 none
    _Atomic uint32_t freed;     // object of which it may have made a unit free without telling the queue
    _Atomic uint32_t num_freed; // how many, where more than one
    _Atomic uint32_t waking;    // incarnation it granted to and has not woken yet
    uint32_t chunk;             // 1 + first of its chunks that have room, 0 none
    uint32_t chunk_hint;        // where to look for a chunk
    _Atomic uint32_t granted;   // 1 where some waiter of it may have been granted
    _Atomic uint64_t granted_chunks[BOARD_CHUNKS / 64] BOARD_LINE; // which chunks hold such waiters
} BOARD_LINE;

struct board_incarnations {
    _Atomic uint32_t limit; // one more than the highest number ever taken
    struct board_lock reaper;
    struct board_incarnation records[BOARD_MAX_INCARNATIONS];
    struct board_estate estates[BOARD_MAX_INCARNATIONS + 1];
};

struct board_object_record {
    char name[BOARD_NAME_MAX];
    _Atomic uint32_t parent; // of a server: its backend, as soon as that is known
    uint32_t hash;
    uint32_t reserved[2];
};

struct board_objects {
    struct board_lock lock;
    _Atomic uint32_t num;
    uint32_t slots[BOARD_HASH_SLOTS];
    struct board_object_record records[BOARD_MAX_OBJECTS];
    _Atomic uint64_t gauges[BOARD_MAX_OBJECTS][BOARD_GAUGES];
};

// The base, where counters of exited processes are kept, and the fold in progress: `sums` are the new values of
// `object`. Stage 1 says that they are complete; whoever finds it there copies them again, which is harmless any number
// of times.
struct board_base {
    _Atomic uint32_t sequence; // odd while an object moves from a process to the base
    _Atomic uint32_t stage;
    uint32_t inc;
    uint32_t object;
    uint64_t sums[BOARD_COUNTERS];
    uint64_t counters[BOARD_MAX_OBJECTS][BOARD_COUNTERS];
    _Atomic uint64_t touched[BOARD_MAX_INCARNATIONS][BOARD_BITMAP_WORDS]; // objects counted by each process
};

struct board_lanes {
    _Atomic uint64_t touched[BOARD_MAX_INCARNATIONS][BOARD_BITMAP_WORDS]; // objects each process ever held
    // Lane 0 counts units that were granted to a waiter who has not fetched them yet; under the lock of the queue.
    _Atomic uint32_t units[BOARD_MAX_OBJECTS][BOARD_MAX_INCARNATIONS] BOARD_LINE;
};

enum { BOARD_WAITER_FREE, BOARD_WAITER_WAITING, BOARD_WAITER_GRANTED };

// A waiter's state, backend and ticket are the truth about a queue: lists and lengths can always be built from them.
// All of it changes under the lock of the backend's queue.
struct board_waiter {
    _Atomic uint32_t state;
    _Atomic uint32_t backend;
    uint32_t server;  // the one it insists on, or 0
    uint32_t granted; // the one it was granted
    uint32_t next;    // in its list; 0 none
    uint32_t prev;
    uint32_t inc;
    int64_t ticket; // lower ones first: when it came in us, or less at the head of the queue, and its bias
    int64_t bias;   // what priority adds
    uint64_t cookie;
} __attribute__((aligned(64)));

// 64 waiters. Owned by one process, which alone gives them out: no lock, and nothing to repair but this record.
struct board_chunk {
    _Atomic uint32_t owner;
    uint32_t next; // 1 + chunk of the same owner with room
    uint32_t prev;
    uint64_t used;
    _Atomic uint64_t granted; // waiters that may have been granted; a hint, the state decides
};

// The queue of a backend: waiters that take any of its servers stand in its own list, those that insist on a server in
// the list of that server's record; both under the lock of the backend, both in the order of tickets.
struct board_queue {
    struct board_lock lock;
    uint32_t server; // the server the owner of the lock is working on
    uint32_t head;
    uint32_t tail;
    _Atomic uint32_t
        num; // of a backend: all its waiters, granted ones that have not noticed included; of a server: its own
    _Atomic uint32_t num_any; // of a backend: those that take any server
    int64_t high;             // the last ticket given at the end, without its bias,
    int64_t low;              // and the next to be given at the head
} __attribute__((aligned(64)));

struct board_queues {
    struct board_queue queues[BOARD_MAX_OBJECTS];
    struct board_chunk chunks[BOARD_CHUNKS];
    struct board_waiter waiters[BOARD_WAITERS];
};

struct board_entry {
    _Atomic uint64_t number; // 0 while it is written
    uint64_t at;             // of its data, in bytes since the first entry; it does not cross the end of the ring
    uint32_t type;
    uint32_t len;
};

struct board_journal {
    struct board_lock lock;
    _Atomic uint64_t last BOARD_LINE; // number of the newest entry
    struct board_entry entries[BOARD_JOURNAL_SLOTS] BOARD_LINE;
    char data[BOARD_JOURNAL_LEN] __attribute__((aligned(4096)));
};

struct board_ring {
    _Atomic uint64_t tail BOARD_LINE; // bytes ever written (the process)
    _Atomic uint64_t num_dropped;
    _Atomic uint64_t head BOARD_LINE; // bytes ever read (the controller)
    char data[BOARD_RING_LEN] __attribute__((aligned(4096)));
};

struct board_counters {
    uint64_t cells[BOARD_MAX_INCARNATIONS][BOARD_MAX_OBJECTS][BOARD_COUNTERS];
};

// The directory names the sections and the descriptors the owner has for them: what a new image of the master starts
// from.
struct board_directory {
    uint64_t magic;
    _Atomic uint32_t num;
    struct {
        char name[BOARD_NAME_MAX];
        uint32_t version;
        int32_t fd;
        uint64_t len;
    } entries[BOARD_MAX_SECTIONS];
};

// A section as this process knows it.
struct board_map {
    char name[BOARD_NAME_MAX];
    uint32_t version;
    int fd;
    size_t len;
    void *addr; // NULL while it is not mapped here
};

struct board {
    uint32_t self;
    pid_t owner; // the process that writes the directory
    int directory_fd;
    struct board_directory *directory;
    uint32_t num_maps;
    struct board_map maps[BOARD_MAX_SECTIONS];
    struct board_incarnations *incarnations;
    struct board_objects *objects;
    struct board_base *base;
    struct board_counters *counters;
    struct board_lanes *lanes;
    struct board_queues *queues;
    struct board_journal *journal;
    struct board_ring *rings;
};

// board_check_object ends the process where `object` is not a number that board_object gives.
static inline void board_check_object(uint32_t object)
{
    must(object > 0 && object < BOARD_MAX_OBJECTS);
}

// board_check_incarnation ends the process where `inc` is not a number that board_incarnation_take gives.
static inline void board_check_incarnation(uint32_t inc)
{
    must(inc > BOARD_NO_INCARNATION && inc < BOARD_MAX_INCARNATIONS);
}

// board_bit_set sets bit `bit` of a bitmap; one load where it is set already.
static inline void board_bit_set(_Atomic uint64_t *words, uint32_t bit)
{
    uint64_t mask = UINT64_C(1) << (bit & 63);
    if (UNLIKELY((atomic_load_explicit(&words[bit >> 6], memory_order_relaxed) & mask) == 0)) {
        atomic_fetch_or_explicit(&words[bit >> 6], mask, memory_order_seq_cst);
    }
}

// board_freed_note remembers that `inc` is about to make a unit of `object` free, or may have kept others from one:
// should it die before it has seen to the queue, board_incarnation_dead does. One note is enough: a process does one
// thing at a time, and a note that has served its purpose costs one waiter a vain attempt.
static inline void board_freed_note(struct board *board, uint32_t inc, uint32_t object)
{
    atomic_store_explicit(&board->incarnations->estates[inc].freed, object, memory_order_release);
}

// board_lock_take takes the lock `lock`, whose number is `number` (0 for the reaper's); true where it was taken over
// from a dead process, so that the caller must repair what it protects.
bool board_lock_take(struct board *board, struct board_lock *lock, uint32_t number);

// board_lock_give gives it back.
void board_lock_give(struct board *board, struct board_lock *lock);

// board_counters_fold moves the counters of the dead process `inc` to the base. Under the reaper's lock.
void board_counters_fold(struct board *board, uint32_t inc);

// board_counters_recover finishes a fold that a dead process left half done. Under the reaper's lock.
void board_counters_recover(struct board *board);

// board_object_parent gives the backend of the server `object`, 0 when it is not known.
uint32_t board_object_parent(struct board *board, uint32_t object);

// board_lanes_clear gives back all units that the dead process `inc` held and passes them on to waiters.
void board_lanes_clear(struct board *board, uint32_t inc);

// board_lane_sum_reserved gives the units held by all and those granted to waiters that have not fetched them.
uint32_t board_lane_sum_reserved(struct board *board, uint32_t object);

// board_queue_repair looks at the lock that the dead process `inc` may have held, if it is that of a queue, and takes
// it over.
void board_queue_repair(struct board *board, uint32_t number, uint32_t inc);

// board_waiters_clear takes all waiters of the dead process `inc` off their queues, passes on what they had been
// granted and gives its chunks back.
void board_waiters_clear(struct board *board, uint32_t inc);

// board_waiter_take gives a free waiter of `inc`, 0 where there is none.
uint32_t board_waiter_take(struct board *board, uint32_t inc);

// board_waiter_give gives the waiter back.
void board_waiter_give(struct board *board, uint32_t waiter, uint32_t inc);

// board_waiter_at gives the record of a waiter by its number.
static inline struct board_waiter *board_waiter_at(struct board *board, uint32_t waiter)
{
    must(waiter > 0 && waiter <= BOARD_WAITERS);
    return &board->queues->waiters[waiter - 1];
}
