// SPDX-License-Identifier: Apache-2.0
// The board: memory shared by all processes of all generations, where lives whatever one worker knows and another
// needs. One memfd per section, found through a directory section; everything on it is addressed by offsets, and every
// offset is checked by its reader. The master owns it; keepers, controllers and workers map it. A new generation adopts
// a section whose name, version and shape match and starts a fresh one otherwise.
//
// Incarnations: each live process has a number (struct board_incarnation), given by its parent before the fork and
// returned after its death. What only one process writes is indexed by it: plain counters, lanes, heartbeat, log ring.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/slice.h"

enum {
    BOARD_MAX_INCARNATIONS = 256, // processes alive at once, over all generations
    BOARD_MAX_OBJECTS = 65536,    // proxies, servers and listeners of all generations that live
    BOARD_COUNTERS = 192,         // plain counters of one object
    BOARD_LEVELS = 188,           // from here on they are levels: what a process has now, and that ends with it
    BOARD_LEVEL = 191,            // the last of them
    BOARD_NAME_MAX = 128,
    BOARD_MAX_SECTIONS = 1024,
    BOARD_MAX_DESCRIPTORS = BOARD_MAX_SECTIONS + BOARD_MAX_INCARNATIONS,
    BOARD_NO_INCARNATION = 0, // incarnation numbers start at 1
};

enum board_role { BOARD_ROLE_FREE, BOARD_ROLE_MASTER, BOARD_ROLE_KEEPER, BOARD_ROLE_CONTROLLER, BOARD_ROLE_WORKER };

struct board;
struct text;

// board_new makes an empty board (in the master, before any fork). NULL with errno on failure.
struct board *board_new(void);

// board_free unmaps and closes everything; the memory goes with its last user.
void board_free(struct board *board);

// board_keep lets all descriptors of the board survive an exec (`keep`), or none again, and gives the one that
// board_adopt takes in the new image; -1 with errno on failure. Master only.
int board_keep(struct board *board, bool keep);

// board_adopt takes the board over in the new image of the master: sections that match are used, others start fresh. It
// takes the descriptor that board_keep gave, in any case. `*fresh` says that the core (incarnations, objects, counters,
// lanes, queues, journal, rings) has another layout and started fresh, as a whole: no number of a process means
// anything on it, and sections whose name begins with "board/" are dropped with it. Otherwise the caller enters its
// incarnation again (board_incarnation_enter). NULL with errno where it is no board.
struct board *board_adopt(bool *fresh, int take_directory_fd);

// board_inspect appends to `afresh`, a line each, the core sections that board_adopt would start fresh, with their
// versions; nothing is changed. False where `directory_fd` is no directory of a board that this program knows.
bool board_inspect(struct text *afresh, int directory_fd);

// board_descriptors copies the descriptors of all sections and eventfds, but not that of the directory, to `fds` (room
// BOARD_MAX_DESCRIPTORS) and gives their number: for a new image to close that cannot read where they stand.
uint32_t board_descriptors(struct board *board, int *fds);

// board_section gives the address of the section `name`, at least `len` bytes, making it when it is not there or when
// its `version` differs (`*fresh` says so, and the bytes are then zero; callers put what else decides the shape into
// the version or the name). One that is too short grows, which moves it: earlier addresses are void. Only before
// workers are forked, by the keeper or the master; processes forked later inherit the mapping. NULL with errno on
// failure. The memory is sparse: untouched pages cost nothing.
void *board_section(struct board *board, bool *fresh, const char *name, uint32_t version, size_t len);

// What board_section, or board_adopt, found unusable and started afresh.
struct board_news {
    char name[BOARD_NAME_MAX];
    uint32_t had_version;
    uint32_t version;
    bool is_damaged; // the version is the same, but what the directory promised was not there
};

// board_news_next gives, one at a time, the sections that were there and began afresh all the same, for the caller to
// log; false when there are no more.
bool board_news_next(struct board *board, struct board_news *news);

// board_section_get0 lends the descriptor of the section `name` and gives its version; -1 when there is none. A keeper
// sends it to the master for every section it made, so that the next generation's keeper finds it.
int board_section_get0(struct board *board, uint32_t *version, const char *name);

// board_section_take enters a section that the keeper of `generation` uses, in the master, in place of one of the same
// name. It takes the descriptor in any case; false where that is no memory file that cannot shrink, the directory is
// full, or the master itself has another one under that name in use.
bool board_section_take(struct board *board, const char *name, uint32_t version, uint32_t generation, int take_fd);

// board_sections_sweep drops, in the master, the sections that only generations before `generation` named. Called when
// none of those lives any more.
void board_sections_sweep(struct board *board, uint32_t generation);

// ---- incarnations -------------------------------------------------------------------------------------------------

enum { BOARD_VERSION_LEN = 24 };

struct board_incarnation {
    _Atomic uint32_t state; // 0 free, 1 live, 2 dead and being cleaned, other values: being filled in
    _Atomic uint32_t role;  // enum board_role
    _Atomic int32_t pid;
    uint32_t slot; // worker slot, from 0
    uint32_t generation;
    uint64_t started_wall_us;
    _Atomic uint64_t beat_us;        // monotonic time of its last loop turn
    _Atomic uint64_t beat_asked;     // for those who watch it (master)
    _Atomic uint32_t ready;          // 1 once it serves, 2 while it stops softly
    _Atomic uint32_t asleep;         // the master says so (board_queue_pass_over)
    _Atomic uint32_t sessions;       // open sessions, for `show proc`
    _Atomic uint64_t applied;        // number of the last journal entry it applied
    _Atomic uint64_t let_go;         // it refers to nothing that was dropped up to this entry (board_object_drop)
    _Atomic uint32_t told;           // it was woken for the journal and has not looked since
    _Atomic uint32_t life;           // how often the number was given
    uint32_t parent;                 // the incarnation that took it
    int wake_fd;                     // eventfd, open under this number in every process forked after it was made; -1
    char version[BOARD_VERSION_LEN]; // of the program it runs, "" where that is not known
} __attribute__((aligned(128)));

// board_program_version says which version this program has, for the records of the processes it forks and, in a new
// image of a process, its own (board_incarnation_enter). Before anything else of this part.
void board_program_version(const char *version);

// board_incarnation_take reserves a number for a process about to be forked; 0 where all are in use. Where the fork
// fails, board_incarnation_dead gives it back. The new process starts from the journal entry the calling process has
// applied, or, forked by the master, from the newest.
uint32_t board_incarnation_take(struct board *board, enum board_role role, uint32_t slot, uint32_t generation);

// board_incarnation_enter says that the calling process is `inc` and stores its pid. First thing after the fork, before
// any other call: locks it takes carry that number, and without it they cannot be taken over when it dies. False where
// the number was taken back meanwhile, because the parent died: the process must end.
bool board_incarnation_enter(struct board *board, uint32_t inc);

// board_incarnation_blocks says whether `inc` holds a lock that others need, which is never for longer than a few
// microseconds of its running.
bool board_incarnation_blocks(struct board *board, uint32_t inc);

// board_incarnation_self gives the number the process entered with, 0 before.
uint32_t board_incarnation_self(const struct board *board);

// board_incarnation_at gives the record of `inc`, which must be from 1 to BOARD_MAX_INCARNATIONS - 1.
struct board_incarnation *board_incarnation_at(struct board *board, uint32_t inc);

// board_generations_live says whether any process of the generations from `first` to `last` lives.
bool board_generations_live(struct board *board, uint32_t first, uint32_t last);

// board_incarnation_limit gives one more than the highest number ever in use: loops over incarnations go that far. The
// lowest free number is always taken, so that it stays near the number of processes alive at once.
uint32_t board_incarnation_limit(struct board *board);

// board_num_wakers gives how many processes there may be at once, and with that how many descriptors the board takes in
// each of them: fewer than BOARD_MAX_INCARNATIONS where the limit of descriptors was low when it was made.
uint32_t board_num_wakers(struct board *board);

// board_incarnation_dead cleans up after the process `inc`, which is known to be dead: folds its counters into the
// base, zeroes its lanes, takes its waiters off the queues, repairs locks it held, wakes who waited for what it held,
// takes back the numbers it had reserved for children that it did not fork, and frees the number. Called by its parent
// after wait; calling it twice is harmless, unless the number was taken again between. A process killed while it does
// this leaves the job to the next call for any process. The ring stays to be read.
void board_incarnation_dead(struct board *board, uint32_t inc);

// board_wake wakes the process `inc` out of its wait (one write to its eventfd). Edge-triggered there, never read.
void board_wake(struct board *board, uint32_t inc);

// ---- locks --------------------------------------------------------------------------------------------------------

// A lock word: the incarnation number of the owner and, from bit 16 on, the life of that number (struct
// board_incarnation), so that a dead owner is not taken for a living one with its number; 0 when free.
struct board_lock {
    _Atomic uint32_t owner;
};

// board_lock_enter takes a lock that stands in a section; true where it was taken over from a dead process, so that the
// caller must first put right what it protects. A process holds at most one such lock, and none of the board's own
// (board_queue_..., board_object), but for one who takes all of an array in their order; and none for longer than some
// hundred instructions. A process that stands still with one is killed by the master (board_incarnation_blocks).
bool board_lock_enter(struct board *board, struct board_lock *lock);

// board_lock_try is board_lock_enter where the lock is free or its owner dead, and gives 0 otherwise, without waiting;
// 1 where it was free, 2 where it was taken over.
int board_lock_try(struct board *board, struct board_lock *lock);

// board_lock_leave gives it back.
void board_lock_leave(struct board *board, struct board_lock *lock);

// board_mark gives what names the live process `inc` on the board, as in a lock word: its number and life.
uint32_t board_mark(struct board *board, uint32_t inc);

// board_mark_is_gone says whether the process that `mark` names has ended.
bool board_mark_is_gone(struct board *board, uint32_t mark);

// ---- objects and their plain counters ---------------------------------------------------------------------------

// Objects come and go with the configurations that name them. An object belongs to the generations that asked for it
// with board_object; its number, and what was counted under it, stays the same from one to the next, and is given up
// once no process of any of them lives (board_objects_sweep). A name of another kind is another object: the kind is
// what stands before the first slash.

// board_object gives the number (from 1) of the object `name`, such as "f/www", "b/app" or "s/app/web1", giving it one
// on first sight, and notes that the caller's generation uses it. By keepers, and by controllers for servers that are
// added. 0 where the table is full.
uint32_t board_object(struct board *board, const char *name);

// board_object_drop says that the caller's generation has no use for `object` from the journal's entry `number` on: it
// is freed by the first sweep after each process of the generation has let go of it, unless another generation has it,
// or board_object gave it once more. By controllers, for servers that are deleted.
void board_object_drop(struct board *board, uint32_t object, uint64_t number);

// board_objects_let_go says that the process `inc` neither refers to, nor will count for, what its generation dropped
// up to the journal's entry `number`, which it has applied.
void board_objects_let_go(struct board *board, uint32_t inc, uint64_t number);

// board_objects_sweep frees the objects that no live process can refer to, and gives their number. Their counters,
// gauges, lanes and queues start at zero for the next owner of the number; the plain counters are added to those of the
// object that is named like the kind alone ("f/" for "f/www"), so that totals never decrease (board_counter_total).
// Called by the master when a generation has ended, and by board_object where the table is full. Killed half-way, the
// next call goes on.
uint32_t board_objects_sweep(struct board *board);

// board_object_find gives the number of the object `name` without giving it one; 0 where it has none.
uint32_t board_object_find(struct board *board, const char *name);

// board_object_name gives the name of an object (the end of a very long one is replaced by a hash), "" where there is
// none of that number.
const char *board_object_name(struct board *board, uint32_t object);

// board_object_limit gives one more than the highest number in use.
uint32_t board_object_limit(struct board *board);

// board_counters gives the BOARD_COUNTERS counters that process `inc` alone writes for `object`. Plain stores: 64-bit
// aligned, single writer, read by others with relaxed loads. Not for reading those of others: board_counter_sum does
// that.
uint64_t *board_counters(struct board *board, uint32_t inc, uint32_t object);

// board_counter_sum adds up one counter over all incarnations and the base left by those that exited. Consistent with
// concurrent folding: no count is seen twice or lost. Those that exited leave nothing
// of the levels.
uint64_t board_counter_sum(struct board *board, uint32_t object, uint32_t counter);

// board_counters_sum does so for the `num` counters from `first` on at once, all seen between the same two foldings,
// and stores them at `sums`.
void board_counters_sum(struct board *board, uint64_t *sums, uint32_t object, uint32_t first, uint32_t num);

// board_counters_clear lets the counters of `object` from `first` up to `end` (no levels) start at zero for
// board_counter_sum, whoever goes on counting. Totals of a kind, and what a process says of itself, go on.
void board_counters_clear(struct board *board, uint32_t object, uint32_t first, uint32_t end);

// board_counter_own gives one counter as the live process `inc` has it; 0 where it never counted for `object`.
uint64_t board_counter_own(struct board *board, uint32_t object, uint32_t counter, uint32_t inc);
// board_counter_total adds up one counter over all objects of a kind ("f/"), those included that were swept. Consistent
// with folding and sweeping, so that it never decreases.
uint64_t board_counter_total(struct board *board, const char *kind, uint32_t counter);

// board_counter_count does `counter += add` for a single-writer counter in a way that readers elsewhere may load.
static inline void board_counter_count(uint64_t *counter, uint64_t add)
{
#if defined(__x86_64__)
    // One instruction, which no compiler makes of a load and a store that others may see; nothing is locked.
    __asm__("addq %1, %0" : "+m"(*counter) : "er"(add) : "cc");
#else
    __atomic_store_n(counter, *counter + add, __ATOMIC_RELAXED);
#endif
}

// Shared gauges of one object: values that have a maximum, and rates, need one truth.
enum { BOARD_GAUGES = 32 };

// board_gauges gives the BOARD_GAUGES shared atomic 64-bit cells of `object`: for rotation positions, maxima and rates.
_Atomic uint64_t *board_gauges(struct board *board, uint32_t object);

// board_rate_add counts `add` events now in a rate gauge made of the three cells at `cells` (each a second and the
// count in it; zero at first) and returns the rate per second over the sliding last second: what came in this second
// and, of the one before, the share that is less than a second old. `now_us` is monotonic. Lock-free, no event is lost.
uint32_t board_rate_add(_Atomic uint64_t *cells, uint64_t now_us, uint32_t add);

// board_rate_read gives the rate without counting.
uint32_t board_rate_read(_Atomic uint64_t *cells, uint64_t now_us);

// ---- lanes: limits shared by processes
// --------------------------------------------------------------------------------

// Each object has a line of lanes, one per incarnation, written only by its owner: the number of units (connections) it
// holds. The sum is the truth.

// board_lane_acquire takes one unit of `object` for `inc` unless that would exceed `limit` (0: no limit); false then,
// and nothing is held. Mark the attempt in the lane, full fence, sum all lanes, attempts included; over the limit: undo
// and look again, until it passes or the others alone reach the limit. Two that race never both pass, and never both
// fail for each other's sake. Units that were granted to waiters count as held. A caller that queued must try once more
// after queueing (see board_queue_wait).
bool board_lane_acquire(struct board *board, uint32_t object, uint32_t inc, uint32_t limit);

// board_lane_try keeps a place for one unit as board_lane_acquire does (`limit` is not 0), for a caller who does not
// know yet whether it needs it: for the limit it is held, in no sum that is told. One attempt at a time for each lane,
// until board_lane_take_tried or board_lane_leave_tried.
bool board_lane_try(struct board *board, uint32_t object, uint32_t inc, uint32_t limit);

// board_lane_take_tried makes what board_lane_try kept a unit that is held.
void board_lane_take_tried(struct board *board, uint32_t object, uint32_t inc);

// board_lane_leave_tried gives back what board_lane_try kept, as board_lane_release does.
void board_lane_leave_tried(struct board *board, uint32_t object, uint32_t inc);

// board_lane_release gives one unit back. Where a queue may wait for it, board_queue_slot_freed follows at once, before
// any other call for a lane or a queue: should the process die between the two, only the last unit is remembered.
void board_lane_release(struct board *board, uint32_t object, uint32_t inc);

// board_lane_sum gives the units held by all, without attempts.
uint32_t board_lane_sum(struct board *board, uint32_t object);

// board_lane_own gives the units `inc` holds.
uint32_t board_lane_own(struct board *board, uint32_t object, uint32_t inc);

// ---- the fair queue -------------------------------------------------------------------------------------------------

// One first-come-first-served queue per backend, on the board, for requests that wait for a server's slot in any
// worker. A waiter waits for one server (stickiness) or for any server of the backend. Its lock word holds the owner's
// incarnation number, so that a survivor can take over a dead process's lock and repair the list.

struct board_waiter; // on the board; referred to by its number

// board_queue_wait puts a waiter of process `inc` at the end of the queue of `backend` and gives its number, or 0 where
// the table is full. `server` is the object it waits for, 0 for any of the backend. `cookie` comes back in
// board_queue_granted. After it the caller tries board_lane_acquire once more, for each server it could use (it may
// have missed the last release), and leaves the queue with board_queue_leave on success. Whoever raises a limit or
// brings a server up calls board_queue_slot_freed for each slot gained.
uint32_t board_queue_wait(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie);

// board_queue_wait_ranked does so before all waiters of a higher `rank` and behind those of a lower one (-2047 to 2047,
// 0 for board_queue_wait's), and within its rank as if it had come `offset_ms` later (-524287 to 524287).
uint32_t board_queue_wait_ranked(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie,
                                 int32_t rank, int32_t offset_ms);

// board_queue_leave takes the waiter off its queue (served, timed out or gone). True where it had been granted a slot
// that it has not fetched: that is passed on to the next waiter here, for only the board knows of which server it was.
bool board_queue_leave(struct board *board, uint32_t waiter, uint32_t inc);

// board_queue_slot_freed is called after board_lane_release of `server` (of `backend`): marks the first waiter that can
// use it as granted for `server` and wakes its process. The unit counts as held until the waiter fetches it, so that
// nobody overtakes. Cheap when nobody waits: a fence and a load.
void board_queue_slot_freed(struct board *board, uint32_t backend, uint32_t server);

// board_queue_close says that `server` is not for waiters that take any server, only for those that insist on it: it is
// down, or drains. A server is open at first; who opens it offers its free units (board_queue_offer).
void board_queue_close(struct board *board, uint32_t server, bool closed);

// board_queue_offer passes a free unit of `server` to the waiter whose turn it is, if the units held and granted do not
// reach `limit` (0: no limit); true where there was a free one. After board_queue_wait this may stand in place of
// trying the lane oneself, for each server one could use, and keeps the order among those that queued at the same time:
// the unit then comes through board_queue_granted, to this process or another.
bool board_queue_offer(struct board *board, uint32_t backend, uint32_t server, uint32_t limit);

// board_queue_granted fetches the next waiter of process `inc` that was granted: its number, cookie and the server;
// false when there is none (one load). Called by a worker after a wake-up until it says false. The waiter is off the
// queue then, its number void. The worker at once acquires the lane with the server's limit, or passes it on with
// board_queue_slot_freed; should the lane fail (a race), it waits again, at the head (board_queue_wait_first), and
// tries once more as after board_queue_wait.
bool board_queue_granted(struct board *board, uint32_t *waiter, uint64_t *cookie, uint32_t *server, uint32_t inc);

// board_queue_wait_first is board_queue_wait at the head of the queue.
uint32_t board_queue_wait_first(struct board *board, uint32_t backend, uint32_t server, uint32_t inc, uint64_t cookie);

// board_queue_pass_over says that `inc` does not answer: its waiters keep their places, but units go to those of
// others, those it was granted and has not fetched too. The master calls it again and again while that holds, as a
// grant may be under way.
void board_queue_pass_over(struct board *board, uint32_t inc);

// board_queue_awake ends that, in the process itself (one load where there is nothing to end). True: units may have
// stayed free for want of anybody awake, and it must call board_queue_offer for every server with a queue.
bool board_queue_awake(struct board *board, uint32_t inc);

// board_queue_len gives the number of waiters of `backend` (those that insist on `server` alone when it is not 0),
// granted ones that have not noticed included.
uint32_t board_queue_len(struct board *board, uint32_t backend, uint32_t server);

// board_queue_ahead gives the number of waiters that would take a slot of `server`: those that insist on it and those
// that take any. A newcomer must not overtake: it tries the lane of a server only when this is 0.
uint32_t board_queue_ahead(struct board *board, uint32_t backend, uint32_t server);

// ---- the journal --------------------------------------------------------------------------------------------------

enum { BOARD_JOURNAL_ENTRY_MAX = 4000 };

// board_journal_append publishes one change (`len` bytes, at most BOARD_JOURNAL_ENTRY_MAX) and returns its number, from
// 1, or 0 where the ring would overwrite an entry that a live process has not applied (the master, which applies none,
// apart). Any process that has entered may call it: the numbers are the one order of all changes. All others are woken;
// the caller itself counts as one that applies.
uint64_t board_journal_append(struct board *board, uint32_t type, const void *data, size_t len);

// board_journal_next copies the entry after the one `inc` applied last into `data` (room BOARD_JOURNAL_ENTRY_MAX) and
// gives its number, type and length; 0 when it has applied all. Cheap then: one load.
uint64_t board_journal_next(struct board *board, uint32_t *type, void *data, size_t *len, uint32_t inc);

// board_journal_applied says that `inc` has applied the entry `number`.
void board_journal_applied(struct board *board, uint32_t inc, uint64_t number);

// board_journal_laggard gives a live incarnation that has not applied `number` yet, or 0 when all but the master have.
uint32_t board_journal_laggard(struct board *board, uint64_t number);

// board_journal_is_busy says whether what some process has not applied yet takes more than a quarter of the journal:
// who has many changes to publish waits a moment then, and leaves the room to others.
bool board_journal_is_busy(struct board *board);

// board_journal_tidy gives the memory of the entries back to the system where all processes have applied them. Now and
// then, by the master.
void board_journal_tidy(struct board *board);

// ---- byte rings -----------------------------------------------------------------------------------------------------

enum { BOARD_RING_LEN = 1 << 20 };

// board_ring_put appends a record to the ring of process `inc`: two parts, written as one. False, and counted as
// dropped, where it does not fit; never waits. Single writer (inc), single reader (the controller).
bool board_ring_put(struct board *board, uint32_t inc, struct slice a, struct slice b);

// board_ring_next copies the record of `inc`'s ring at `*next` to `data` (room `cap`) and moves `*next`, a position the
// reader keeps, behind it; `*at` is where it stands. It gives its length, or -1 where there is none. The record stays
// in the ring for who reads it after this reader's death; those that are done are passed over, and a `*next` that is
// not in the ring (0 at first) becomes that of the oldest. A record longer than `cap` is cut. The memory of an empty
// ring goes back to the system where its process is gone.
int board_ring_next(struct board *board, uint32_t inc, uint64_t *next, uint64_t *at, void *data, size_t cap);

// board_ring_done says that nobody needs to read the record at `at` any more, whatever comes of those before it. One
// that is not in the ring any more is left alone.
void board_ring_done(struct board *board, uint32_t inc, uint64_t at);

// board_ring_commit gives the room of the oldest records of `inc`'s ring back to its writer, as far as they are done,
// or of all before `next`. False where the first that is not done keeps more than half of the ring.
bool board_ring_commit(struct board *board, uint32_t inc, uint64_t next, bool all);

// board_ring_dropped gives how many records did not fit so far.
uint64_t board_ring_dropped(struct board *board, uint32_t inc);
