// SPDX-License-Identifier: Apache-2.0
// What the board's sections look like inside. Only the files of src/board include this; everybody else goes through
// board/board.h. All of it lives in shared memory and may be read by a process that was killed in the middle of a
// change a moment ago: what follows says who writes each part and how it is put right.
#pragma once

#include <stdatomic.h>
#include "base/check.h"
#include "board/board.h"
#include "board/inquiry.h"
#include "board/payload.h"

// Of all core sections together; they refer to each other. Tests build a program that differs.
#ifndef BOARD_LAYOUT
#define BOARD_LAYOUT 6
#endif

enum {
    BOARD_LAYOUT_VERSION = BOARD_LAYOUT,
    BOARD_MAX_NEWS = 64,
    BOARD_CHUNKS = 1024, // groups of 64 waiters that one process owns at a time
    BOARD_CHUNK_WAITERS = 64,
    BOARD_WAITERS = BOARD_CHUNKS * BOARD_CHUNK_WAITERS,
    BOARD_BITMAP_WORDS = BOARD_MAX_OBJECTS / 64,
    BOARD_HASH_SLOTS = BOARD_MAX_OBJECTS * 2, // at most
    BOARD_HASH_SLOTS_MIN = 1024,
    BOARD_JOURNAL_SLOTS = 32768,
    BOARD_JOURNAL_LEN = 1 << 22,             // bytes of the entries' data
    BOARD_OUTSIDER = BOARD_MAX_INCARNATIONS, // lock owner of a process that has not said who it is
};

// States of an incarnation. With BOARD_STATE_TAKING stands, from bit 8 on, the number of the process that fills the
// record in, so that it is not lost where that one dies meanwhile.
enum { BOARD_STATE_FREE, BOARD_STATE_LIVE, BOARD_STATE_DEAD, BOARD_STATE_TAKING };

enum { BOARD_PID_VOID = -1 }; // nobody may enter as this incarnation any more

#define BOARD_LINE __attribute__((aligned(128)))
#define BOARD_PAGE __attribute__((aligned(4096)))

// Numbers of locks in board_estate.lock; those from 1 to BOARD_MAX_OBJECTS are the queue of that object. At most one
// such lock is held by a process at a time (the reaper's is apart, and taken before any other), and its number stands
// in board_estate.lock before it is taken: so whoever cleans up after a process finds the lock it died with. The last
// stands for those in sections of others (board_lock_enter), which their next taker repairs.
enum { BOARD_LOCK_OBJECTS = BOARD_MAX_OBJECTS + 1, BOARD_LOCK_JOURNAL, BOARD_LOCK_SECTION };

// What a process leaves behind when it dies. Written by the process itself, but for the `granted` words.
struct board_estate {
    _Atomic uint32_t lock;        // number of the lock it takes or holds, 0 none
    _Atomic uint32_t freed;       // object of which it may have made a unit free without telling the queue
    _Atomic uint32_t num_freed;   // how many, where more than one
    _Atomic uint32_t waking;      // incarnation it granted to and has not woken yet
    _Atomic uint32_t has_chunks;  // it may own some
    _Atomic uint32_t has_touched; // bits of it may be set in the bitmaps of objects
    uint32_t chunk;               // 1 + first of its chunks that have room, 0 none
    uint32_t chunk_hint;          // where to look for a chunk
    _Atomic uint32_t granted;     // 1 where some waiter of it may have been granted
    _Atomic uint64_t granted_chunks[BOARD_CHUNKS / 64] BOARD_LINE; // which chunks hold such waiters
} BOARD_LINE;

struct board_incarnations {
    _Atomic uint32_t limit; // one more than the highest number ever taken
    struct board_lock reaper;
    struct board_incarnation records[BOARD_MAX_INCARNATIONS];
    struct board_estate estates[BOARD_MAX_INCARNATIONS + 1];
};

// States of an object. One that is being freed may hold remains of its counters; whoever takes the lock over from a
// dead process finishes that.
enum { BOARD_OBJECT_FREE, BOARD_OBJECT_USED, BOARD_OBJECT_FREEING };

struct board_object_record {
    char name[BOARD_NAME_MAX];
    _Atomic uint32_t parent; // of a server: its backend, as soon as that is known
    _Atomic uint32_t state;
    uint32_t hash;
    uint32_t first; // generations that named it: none before this one
    uint32_t last;  // and none after this one
    uint32_t dropper; // the generation that has no use for it since the change `dropped`
    uint64_t dropped; // 0: none said so
};

// All of it changes under the lock, and is read under it, but for state, name and parent of an object one uses. The
// states of the records are the truth; the index can always be built from them.
struct board_objects {
    struct board_lock lock;
    _Atomic uint32_t num; // the highest number in use
    uint32_t hint;        // no lower number is free
    uint32_t num_used;
    uint32_t num_slots; // of the index; it grows with what is in it, so that few objects take few pages
    uint32_t slots[BOARD_HASH_SLOTS] BOARD_PAGE;
    struct board_object_record records[BOARD_MAX_OBJECTS];
    _Atomic uint64_t gauges[BOARD_MAX_OBJECTS][BOARD_GAUGES] BOARD_PAGE;
};

// The base, where counters of exited processes are kept, and the move in progress: `sums` are the new values of
// `object`, to which the counters of a process or of another object are added. The stage says that they are complete;
// whoever finds it there copies them again, which is harmless any number of times.
enum { BOARD_STAGE_NONE, BOARD_STAGE_PROCESS, BOARD_STAGE_OBJECT };

struct board_base {
    _Atomic uint32_t sequence; // odd while counters move
    _Atomic uint32_t stage;
    uint32_t inc;  // the process they come from
    uint32_t from; // or the object
    uint32_t object;
    uint64_t sums[BOARD_COUNTERS];
    uint64_t counters[BOARD_MAX_OBJECTS][BOARD_COUNTERS] BOARD_PAGE;
    uint64_t cleared[BOARD_MAX_OBJECTS][BOARD_COUNTERS] BOARD_PAGE; // what they were when they were cleared last
    _Atomic uint64_t is_cleared[BOARD_BITMAP_WORDS]; // objects that ever were: reading a hole would fill it
    _Atomic uint64_t touched[BOARD_MAX_INCARNATIONS][BOARD_BITMAP_WORDS] BOARD_PAGE; // objects counted by each process
};

struct board_lanes {
    _Atomic uint64_t touched[BOARD_MAX_INCARNATIONS][BOARD_BITMAP_WORDS]; // objects each process ever held
    // Lane 0 counts units that were granted to a waiter who has not fetched them yet; under the lock of the queue.
    _Atomic uint32_t units[BOARD_MAX_OBJECTS][BOARD_MAX_INCARNATIONS] BOARD_PAGE;
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
    uint32_t server; // the server the owner of the lock is working on; of no meaning while it is free
    uint32_t head;
    uint32_t tail;
    _Atomic uint32_t
        num; // of a backend: all its waiters, granted ones that have not noticed included; of a server: its own
    _Atomic uint32_t num_any; // of a backend: those that take any server
    _Atomic uint32_t closed;  // of a server: 1 while only those that insist on it get its units
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
    uint64_t tidied;                  // number of the newest entry when the data's memory was last given back
    _Atomic uint64_t last BOARD_LINE; // number of the newest entry
    struct board_entry entries[BOARD_JOURNAL_SLOTS] BOARD_LINE;
    char data[BOARD_JOURNAL_LEN] BOARD_PAGE;
};

struct board_ring {
    _Atomic uint64_t tail BOARD_LINE; // bytes ever written (the process)
    _Atomic uint64_t num_dropped;
    _Atomic uint64_t head BOARD_LINE; // bytes ever read (the controller)
    _Atomic uint64_t tidied;          // where both were when its memory was last given back
};

struct board_rings {
    struct board_ring rings[BOARD_MAX_INCARNATIONS];
    char data[BOARD_MAX_INCARNATIONS][BOARD_RING_LEN] BOARD_PAGE;
};

// An id of 0: the place is free. All of it changes under the lock, but for the bytes, which are its owner's until the
// change that names them is published.
struct board_payload {
    uint64_t id;
    uint64_t number; // of the change that names it last, 0: not published yet
    uint64_t at;     // multiples of a page
    uint64_t len;
    uint64_t room;
    uint32_t owner; // board_mark of who put it down
    uint32_t reserved;
};

struct board_payloads {
    struct board_lock lock;
    _Atomic uint32_t any; // there may be some
    uint64_t last_id;
    struct board_payload entries[BOARD_PAYLOADS];
    char data[BOARD_PAYLOADS_LEN] BOARD_PAGE;
};

// A question and how far its answer is. The asker claims the place, fills it in and then sets `asked`; from then on
// `tail` and what `asked` says belong to the one asked, `head` and `stopped` to the asker. A place is claimed anew only
// once its asker wants no more and the one asked has answered, or is dead: each reads the other's half only while that
// holds.
struct board_ask {
    _Atomic uint64_t claim;   // board_mark of the asker, and above it how often the place was taken; 0: never
    _Atomic uint64_t asked;   // board_mark of the one asked, and above it 0 nobody yet, 1 asked, 2 answered
    _Atomic uint32_t stopped; // how often the place was taken when an asker wanted no more
    _Atomic uint32_t is_full; // the one asked waits for room
    _Atomic uint64_t head;    // bytes read
    _Atomic uint64_t tail;    // bytes written
    uint32_t type;
    uint32_t question_len;
    char question[BOARD_INQUIRY_QUESTION];
} BOARD_LINE;

struct board_inquiries {
    _Atomic uint32_t limit;                           // places that were ever taken
    _Atomic uint64_t waiting[BOARD_MAX_INCARNATIONS]; // a bit for each that its process should look at
    struct board_ask asks[BOARD_INQUIRIES];
    char rooms[BOARD_INQUIRIES][BOARD_INQUIRY_ROOM] BOARD_PAGE;
};

struct board_counters {
    uint64_t cells[BOARD_MAX_INCARNATIONS][BOARD_MAX_OBJECTS][BOARD_COUNTERS];
};

// The directory names the sections and the descriptors the owner has for them: what a new image of the master starts
// from.
struct board_directory {
    uint64_t magic;
    int32_t wake_fds[BOARD_MAX_INCARNATIONS]; // 0: not made yet
    _Atomic uint32_t num;
    struct {
        char name[BOARD_NAME_MAX];
        uint32_t version;
        int32_t fd;
        uint64_t len;
        uint32_t used;
        uint32_t reserved;
    } entries[BOARD_MAX_SECTIONS];
};

// A section as this process knows it.
struct board_map {
    char name[BOARD_NAME_MAX];
    uint32_t version;
    int fd;
    size_t len;
    void *addr;    // NULL while it is not mapped here
    uint32_t used; // the last generation that named it, UINT32_MAX for the board's own
};

struct board {
    uint32_t self;
    int wake_fds[BOARD_MAX_INCARNATIONS];   // as the records have them, where no other process can change them
    uint32_t lives[BOARD_MAX_INCARNATIONS]; // of the numbers that this process, or one it was forked by, has taken
    pid_t owner;                            // the process that writes the directory
    int directory_fd;
    struct board_directory *directory;
    uint32_t num_maps;
    struct board_map maps[BOARD_MAX_SECTIONS];
    uint32_t num_news;
    struct board_news news[BOARD_MAX_NEWS];
    struct board_incarnations *incarnations;
    struct board_objects *objects;
    struct board_base *base;
    struct board_counters *counters;
    struct board_lanes *lanes;
    struct board_queues *queues;
    struct board_journal *journal;
    struct board_rings *rings;
    struct board_payloads *payloads;
    struct board_inquiries *inquiries;
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

// board_touch notes in the bitmap `words` that `inc` touched `object`; one load where that is known.
static inline void board_touch(struct board *board, uint32_t inc, uint32_t object, _Atomic uint64_t *words)
{
    uint64_t mask = UINT64_C(1) << (object & 63);
    if (UNLIKELY((atomic_load_explicit(&words[object >> 6], memory_order_relaxed) & mask) == 0)) {
        atomic_store(&board->incarnations->estates[inc].has_touched, 1);
        atomic_fetch_or_explicit(&words[object >> 6], mask, memory_order_seq_cst);
    }
}

// board_bitmap_words gives how many words of a bitmap of objects may have a bit set: reading a hole of a memory file
// would fill it.
static inline uint32_t board_bitmap_words(struct board *board)
{
    return atomic_load_explicit(&board->objects->num, memory_order_acquire) / 64 + 1;
}

// board_freed_note remembers that `inc` is about to make a unit of `object` free, or may have kept others from one:
// should it die before it has seen to the queue, board_incarnation_dead does. One note is enough: a process does one
// thing at a time, and a note that has served its purpose costs one waiter a vain attempt.
static inline void board_freed_note(struct board *board, uint32_t inc, uint32_t object)
{
    atomic_store_explicit(&board->incarnations->estates[inc].freed, object, memory_order_release);
}

// board_lock_holder gives the incarnation that holds `lock`, 0 where it is free.
static inline uint32_t board_lock_holder(struct board_lock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_seq_cst) & 0xffff;
}

// board_lock_take takes the lock `lock`, whose number is `number` (0 for the reaper's); true where it was taken over
// from a dead process, so that the caller must repair what it protects.
bool board_lock_take(struct board *board, struct board_lock *lock, uint32_t number);

// board_lock_give gives it back.
void board_lock_give(struct board *board, struct board_lock *lock);

// board_counters_fold moves the counters of the dead process `inc` to the base. Under the reaper's lock.
void board_counters_fold(struct board *board, uint32_t inc);

// board_counters_fold_one moves those of the live process `inc` for `object`, of which it counts nothing any more.
// Under the reaper's lock.
void board_counters_fold_one(struct board *board, uint32_t inc, uint32_t object);

// board_counters_uncleared forgets that `object` was ever cleared.
void board_counters_uncleared(struct board *board, uint32_t object);

// board_counters_recover finishes a fold that a dead process left half done. Under the reaper's lock.
void board_counters_recover(struct board *board);

// board_counters_move adds the counters of the object `from` to those of `to`, and empties them. Under the reaper's
// lock. Nobody counts for `from`; to a reader of board_counter_total both are one.
void board_counters_move(struct board *board, uint32_t to, uint32_t from);

// board_journal_tell_again wakes whoever has not applied all changes: a process that died may have published one, or
// said that it tells of one, and not have lived to wake the others.
void board_journal_tell_again(struct board *board);

// board_memory_clear zeroes the items from `first` up to `end`, of `item_len` bytes each, of the array at `items` on
// the board; whole pages are given back to the system.
void board_memory_clear(void *items, size_t item_len, size_t first, size_t end);

// board_objects_repair takes the objects' lock over from a dead process and puts right what it left.
void board_objects_repair(struct board *board);

// board_object_parent gives the backend of the server `object`, 0 when it is not known.
uint32_t board_object_parent(struct board *board, uint32_t object);

// board_lanes_clear gives back all units that the dead process `inc` held and passes them on to waiters.
void board_lanes_clear(struct board *board, uint32_t inc);

// board_lane_sum_reserved gives the units held by all, those granted to waiters that have not fetched them, and those
// that are tried for: what a limit counts.
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
