// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "board/layout.h"

// Numbers that only the objects named like a kind alone may take, so that a full table can still be swept.
enum { KIND_NUMBERS = 16, ORDINARY_LIMIT = BOARD_MAX_OBJECTS - KIND_NUMBERS };

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// Names that do not fit are told apart by their hash at the end.
static void name_fit(char *out, const char *name)
{
    size_t len = strlen(name);
    memset(out, 0, BOARD_NAME_MAX);
    if (len < BOARD_NAME_MAX) {
        memcpy(out, name, len);
        return;
    }
    int prefix = BOARD_NAME_MAX - 18;
    snprintf(out, BOARD_NAME_MAX, "%.*s#%016llx", prefix, name, (unsigned long long)hash_of(name));
}

static uint32_t state_of(const struct board_object_record *record)
{
    return atomic_load_explicit(&record->state, memory_order_acquire);
}

static uint32_t num_slots(const struct board_objects *objects)
{
    uint32_t num = objects->num_slots;
    return num >= BOARD_HASH_SLOTS_MIN && num <= BOARD_HASH_SLOTS ? num : BOARD_HASH_SLOTS_MIN;
}

// Any entry may be of a record that is free again, or was given another name since: only what the record says counts.
static uint32_t lookup(const struct board_objects *objects, uint32_t *slot, const char *fitted, uint32_t hash)
{
    uint32_t mask = num_slots(objects) - 1, at = hash & mask;
    for (uint32_t tries = 0; tries <= mask; at = (at + 1) & mask, tries++) {
        uint32_t object = objects->slots[at];
        if (object == 0 || object >= BOARD_MAX_OBJECTS) {
            break;
        }
        const struct board_object_record *record = &objects->records[object];
        if (record->hash == hash && state_of(record) == BOARD_OBJECT_USED &&
            memcmp(record->name, fitted, BOARD_NAME_MAX) == 0) {
            return object;
        }
    }
    *slot = at;
    return 0;
}

// Anew, from the records, for twice as many objects as there are.
static void index_rebuild(struct board_objects *objects)
{
    uint32_t num = 0, num_used = 0, limit = atomic_load_explicit(&objects->num, memory_order_relaxed) + 1;
    limit = limit < BOARD_MAX_OBJECTS ? limit : BOARD_MAX_OBJECTS;
    for (uint32_t object = 1; object < limit; object++) {
        uint32_t state = state_of(&objects->records[object]);
        num = state != BOARD_OBJECT_FREE ? object : num;
        num_used += state == BOARD_OBJECT_USED;
    }
    board_memory_clear(objects->slots, sizeof(objects->slots), 0, 1);
    objects->hint = 1;
    objects->num_used = num_used;
    objects->num_slots = BOARD_HASH_SLOTS_MIN;
    while (objects->num_slots < BOARD_HASH_SLOTS && objects->num_slots < num_used * 4) {
        objects->num_slots *= 2;
    }
    uint32_t mask = num_slots(objects) - 1;
    for (uint32_t object = 1; object <= num; object++) {
        const struct board_object_record *record = &objects->records[object];
        if (state_of(record) == BOARD_OBJECT_USED) {
            uint32_t at = record->hash & mask;
            while (objects->slots[at]) {
                at = (at + 1) & mask;
            }
            objects->slots[at] = object;
        }
    }
    atomic_store_explicit(&objects->num, num, memory_order_release);
}

// What a dead process left is a record that does not count yet, or an index that is not right.
static void lock(struct board *board)
{
    if (board_lock_take(board, &board->objects->lock, BOARD_LOCK_OBJECTS)) {
        index_rebuild(board->objects);
    }
}

static void unlock(struct board *board)
{
    board_lock_give(board, &board->objects->lock);
}

void board_objects_repair(struct board *board)
{
    lock(board);
    unlock(board);
}

static uint32_t generation_own(struct board *board)
{
    return board->self ? board->incarnations->records[board->self].generation : 0;
}

static uint32_t number_free(struct board_objects *objects, uint32_t limit)
{
    uint32_t object = objects->hint ? objects->hint : 1;
    while (object < limit && state_of(&objects->records[object]) != BOARD_OBJECT_FREE) {
        object++;
    }
    if (limit == ORDINARY_LIMIT || object < ORDINARY_LIMIT) {
        objects->hint = object;
    }
    return object < limit ? object : 0;
}

// The name that an object's kind has, up to the slash; false where it has none, or is one.
static bool kind_of(char *kind, const char *name)
{
    const char *end = memchr(name, '/', BOARD_NAME_MAX - 1);
    if (!end || !end[1]) {
        return false;
    }
    memset(kind, 0, BOARD_NAME_MAX);
    memcpy(kind, name, (size_t)(end + 1 - name));
    return true;
}

// Under the lock. 0 where the table is full.
static uint32_t find_or_make(struct board *board, const char *fitted, uint32_t generation, uint32_t limit)
{
    struct board_objects *objects = board->objects;
    uint32_t slot, hash = (uint32_t)hash_of(fitted);
    uint32_t object = lookup(objects, &slot, fitted, hash);
    if (object) {
        struct board_object_record *record = &objects->records[object];
        record->first = generation < record->first ? generation : record->first;
        record->last = generation > record->last ? generation : record->last;
        record->dropped = generation == record->dropper ? 0 : record->dropped;
        return object;
    }
    object = number_free(objects, limit);
    if (!object) {
        return 0;
    }
    if (++objects->num_used * 2 > num_slots(objects)) {
        index_rebuild(objects);
        objects->num_used++;
        lookup(objects, &slot, fitted, hash);
    }
    struct board_object_record *record = &objects->records[object];
    memcpy(record->name, fitted, BOARD_NAME_MAX);
    record->hash = hash;
    record->first = record->last = generation;
    record->dropped = 0;
    atomic_store_explicit(&record->parent, 0, memory_order_relaxed);
    objects->slots[slot] = object;
    if (object > atomic_load_explicit(&objects->num, memory_order_relaxed)) {
        atomic_store_explicit(&objects->num, object, memory_order_release);
    }
    atomic_store_explicit(&record->state, BOARD_OBJECT_USED, memory_order_release);
    return object;
}

uint32_t board_object_find(struct board *board, const char *name)
{
    char fitted[BOARD_NAME_MAX];
    uint32_t slot;
    name_fit(fitted, name);
    lock(board);
    uint32_t object = lookup(board->objects, &slot, fitted, (uint32_t)hash_of(fitted));
    unlock(board);
    return object;
}

// The kind's own object comes first, while there are low numbers.
uint32_t board_object(struct board *board, const char *name)
{
    char fitted[BOARD_NAME_MAX], kind[BOARD_NAME_MAX];
    name_fit(fitted, name);
    bool has_kind = kind_of(kind, fitted);
    for (bool swept = false;; swept = true) {
        lock(board);
        if (has_kind) {
            find_or_make(board, kind, 0, BOARD_MAX_OBJECTS);
        }
        uint32_t object = find_or_make(board, fitted, generation_own(board), ORDINARY_LIMIT);
        unlock(board);
        if (object || swept || board_objects_sweep(board) == 0) {
            return object;
        }
    }
}

void board_object_drop(struct board *board, uint32_t object, uint64_t number)
{
    board_check_object(object);
    struct board_object_record *record = &board->objects->records[object];
    lock(board);
    record->dropper = generation_own(board);
    record->dropped = number;
    unlock(board);
}

void board_objects_let_go(struct board *board, uint32_t inc, uint64_t number)
{
    board_check_incarnation(inc);
    atomic_store_explicit(&board->incarnations->records[inc].let_go, number, memory_order_release);
}

const char *board_object_name(struct board *board, uint32_t object)
{
    board_check_object(object);
    const struct board_object_record *record = &board->objects->records[object];
    return state_of(record) == BOARD_OBJECT_USED ? record->name : "";
}

uint32_t board_object_limit(struct board *board)
{
    return atomic_load_explicit(&board->objects->num, memory_order_acquire) + 1;
}

// Learnt where a unit of the server was freed through its queue, and else from the names: "s/app/web1" is of "b/app".
uint32_t board_object_parent(struct board *board, uint32_t object)
{
    const struct board_object_record *record = &board->objects->records[object];
    uint32_t parent = atomic_load_explicit(&record->parent, memory_order_relaxed);
    if (parent || record->name[0] != 's' || record->name[1] != '/') {
        return parent;
    }
    char name[BOARD_NAME_MAX];
    memcpy(name, record->name, BOARD_NAME_MAX);
    char *end = strchr(name + 2, '/');
    if (!end) {
        return 0;
    }
    *end = '\0';
    name[0] = 'b';
    return board_object_find(board, name);
}

_Atomic uint64_t *board_gauges(struct board *board, uint32_t object)
{
    board_check_object(object);
    return board->objects->gauges[object];
}

// ---- sweeping
// ------------------------------------------------------------------------------------------------------------

// Who lives, and what they have touched.
struct census {
    uint32_t num_generations;
    uint32_t generations[BOARD_MAX_INCARNATIONS];
    uint64_t touched[BOARD_BITMAP_WORDS];
};

static void generation_note(struct census *census, uint32_t generation)
{
    for (uint32_t i = 0; i < census->num_generations; i++) {
        if (census->generations[i] == generation) {
            return;
        }
    }
    census->generations[census->num_generations++] = generation;
}

// A number that is just being given is one of a generation that has its keeper, or has named nothing yet: a keeper
// names its objects under the lock that we hold.
static void census_take(struct board *board, struct census *census)
{
    uint32_t limit = board_incarnation_limit(board), words = board_bitmap_words(board);
    memset(census, 0, sizeof(*census));
    for (uint32_t inc = 1; inc < limit; inc++) {
        struct board_incarnation *record = &board->incarnations->records[inc];
        if (atomic_load(&record->state) == BOARD_STATE_FREE) {
            continue;
        }
        generation_note(census, record->generation);
        if (!atomic_load(&board->incarnations->estates[inc].has_touched)) {
            continue;
        }
        for (uint32_t i = 0; i < words; i++) {
            census->touched[i] |= atomic_load_explicit(&board->base->touched[inc][i], memory_order_relaxed) |
                                  atomic_load_explicit(&board->lanes->touched[inc][i], memory_order_relaxed);
        }
    }
}

static bool has_touched(struct board *board, uint32_t inc, uint32_t object)
{
    if (!atomic_load(&board->incarnations->estates[inc].has_touched)) {
        return false;
    }
    uint64_t word =
        atomic_load(&board->base->touched[inc][object >> 6]) | atomic_load(&board->lanes->touched[inc][object >> 6]);
    return word >> (object & 63) & 1;
}

// Whether each process that could come to the object is of the generation that dropped it, and has let go. One that is
// just being made, or has died, is waited for.
static bool is_let_go(struct board *board, const struct board_object_record *record, uint32_t object)
{
    uint32_t limit = board_incarnation_limit(board);
    for (uint32_t inc = 1; inc < limit; inc++) {
        const struct board_incarnation *process = &board->incarnations->records[inc];
        uint32_t state = atomic_load(&process->state);
        bool is_outside = process->generation < record->first || process->generation > record->last;
        if (state == BOARD_STATE_FREE ||
            (state == BOARD_STATE_LIVE && is_outside && !has_touched(board, inc, object))) {
            continue;
        }
        if (state != BOARD_STATE_LIVE || process->generation != record->dropper ||
            atomic_load(&process->let_go) < record->dropped) {
            return false;
        }
    }
    return board_lane_sum_reserved(board, object) == 0;
}

// What the master or nobody in particular named is for ever. That nothing of it is in use follows from the generations'
// end; an object of which that is not so is left alone.
static bool is_left(struct board *board, const struct census *census, uint32_t object)
{
    const struct board_object_record *record = &board->objects->records[object];
    struct board_queue *queue = &board->queues->queues[object];
    if (record->first == 0 || board_lock_holder(&queue->lock) != 0 || atomic_load(&queue->num) != 0 || queue->head) {
        return false;
    }
    if (record->dropped && is_let_go(board, record, object)) {
        return true;
    }
    if (census->touched[object >> 6] >> (object & 63) & 1) {
        return false;
    }
    for (uint32_t i = 0; i < census->num_generations; i++) {
        if (census->generations[i] >= record->first && census->generations[i] <= record->last) {
            return false;
        }
    }
    return true;
}

// Processes that let go of it may live: what they counted is not theirs any more.
static void leave_processes(struct board *board, uint32_t object)
{
    uint32_t limit = board_incarnation_limit(board);
    uint64_t others = ~(UINT64_C(1) << (object & 63));
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (has_touched(board, inc, object)) {
            board_counters_fold_one(board, inc, object);
            atomic_fetch_and(&board->lanes->touched[inc][object >> 6], others);
        }
    }
}

// The totals of its kind keep what was counted for it.
static void counters_leave(struct board *board, uint32_t object)
{
    char kind[BOARD_NAME_MAX];
    if (kind_of(kind, board->objects->records[object].name)) {
        uint32_t rest = find_or_make(board, kind, 0, BOARD_MAX_OBJECTS);
        if (rest) {
            board_counters_move(board, rest, object);
        }
    }
}

// All that stands under the numbers from `first` up to `end`, none of which is used.
static void range_clear(struct board *board, uint32_t first, uint32_t end)
{
    board_memory_clear(board->base->counters, sizeof(board->base->counters[0]), first, end);
    board_memory_clear(board->objects->gauges, sizeof(board->objects->gauges[0]), first, end);
    board_memory_clear(board->lanes->units, sizeof(board->lanes->units[0]), first, end);
    board_memory_clear(board->queues->queues, sizeof(board->queues->queues[0]), first, end);
    for (uint32_t object = first; object < end; object++) {
        board_counters_uncleared(board, object);
        atomic_store_explicit(&board->objects->records[object].parent, 0, memory_order_relaxed);
        atomic_store_explicit(&board->objects->records[object].state, BOARD_OBJECT_FREE, memory_order_release);
    }
}

static uint32_t all_clear(struct board *board)
{
    struct board_object_record *records = board->objects->records;
    uint32_t num = 0, end = board_object_limit(board);
    for (uint32_t object = 1, next; object < end; object = next) {
        bool any = false;
        for (next = object; next < end && state_of(&records[next]) != BOARD_OBJECT_USED; next++) {
            bool leaves = state_of(&records[next]) == BOARD_OBJECT_FREEING;
            any = any || leaves;
            num += leaves;
        }
        if (any) {
            range_clear(board, object, next);
        }
        next += next == object;
    }
    return num;
}

// The counters leave first, then the object, and its memory last: killed anywhere between, the next sweep goes on.
uint32_t board_objects_sweep(struct board *board)
{
    struct board_lock *reaper = &board->incarnations->reaper;
    struct census census;
    if (board_lock_take(board, reaper, 0)) {
        board_counters_recover(board);
    }
    lock(board);
    census_take(board, &census);
    uint32_t limit = board_object_limit(board);
    for (uint32_t object = 1; object < limit; object++) {
        struct board_object_record *record = &board->objects->records[object];
        // One whose last process granted a unit to a later generation's waiter goes once that one has fetched it, or
        // is cleaned up after: both take it off the lane.
        bool is_granted = atomic_load(&board->lanes->units[object][0]) != 0;
        if (state_of(record) == BOARD_OBJECT_USED && !is_granted && is_left(board, &census, object)) {
            leave_processes(board, object);
            counters_leave(board, object);
            atomic_store_explicit(&record->state, BOARD_OBJECT_FREEING, memory_order_release);
        }
    }
    uint32_t num = all_clear(board);
    if (num) {
        index_rebuild(board->objects);
    }
    unlock(board);
    atomic_store_explicit(&reaper->owner, 0, memory_order_release);
    return num;
}
