// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "board/layout.h"

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

// A slot may name a record that its writer did not live to publish: it counts as empty and is used again.
static uint32_t lookup(struct board_objects *objects, uint32_t *slot, const char *fitted, uint32_t hash)
{
    uint32_t num = atomic_load_explicit(&objects->num, memory_order_acquire);
    for (uint32_t i = hash % BOARD_HASH_SLOTS, tries = 0; tries < BOARD_HASH_SLOTS;
         i = (i + 1) % BOARD_HASH_SLOTS, tries++) {
        uint32_t object = __atomic_load_n(&objects->slots[i], __ATOMIC_RELAXED);
        if (object == 0 || object > num) {
            *slot = i;
            return 0;
        }
        if (objects->records[object].hash == hash &&
            memcmp(objects->records[object].name, fitted, BOARD_NAME_MAX) == 0) {
            return object;
        }
    }
    *slot = BOARD_HASH_SLOTS;
    return 0;
}

uint32_t board_object_find(struct board *board, const char *name)
{
    char fitted[BOARD_NAME_MAX];
    uint32_t slot;
    name_fit(fitted, name);
    return lookup(board->objects, &slot, fitted, (uint32_t)hash_of(fitted));
}

uint32_t board_object(struct board *board, const char *name)
{
    struct board_objects *objects = board->objects;
    char fitted[BOARD_NAME_MAX];
    uint32_t slot;
    name_fit(fitted, name);
    uint32_t hash = (uint32_t)hash_of(fitted);
    // Nothing to repair after a take-over: a record counts from the moment `num` covers it.
    board_lock_take(board, &objects->lock, BOARD_LOCK_OBJECTS);
    uint32_t object = lookup(objects, &slot, fitted, hash);
    uint32_t num = atomic_load_explicit(&objects->num, memory_order_relaxed);
    if (object == 0 && num + 1 < BOARD_MAX_OBJECTS && slot < BOARD_HASH_SLOTS) {
        object = num + 1;
        struct board_object_record *record = &objects->records[object];
        memcpy(record->name, fitted, BOARD_NAME_MAX);
        record->hash = hash;
        atomic_store_explicit(&record->parent, 0, memory_order_relaxed);
        __atomic_store_n(&objects->slots[slot], object, __ATOMIC_RELEASE);
        atomic_store_explicit(&objects->num, object, memory_order_release);
    }
    board_lock_give(board, &objects->lock);
    return object;
}

const char *board_object_name(struct board *board, uint32_t object)
{
    board_check_object(object);
    return board->objects->records[object].name;
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
