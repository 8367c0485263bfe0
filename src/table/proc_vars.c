// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include "board/board.h"
#include "table/proc_vars.h"

enum {
    PROC_VERSION = 1,
    PROC_READ_TRIES = 64,
    PROC_LOCK_TRIES = 200, // the owner may have to run first
};

struct proc_value {
    uint32_t is_set;
    uint32_t type; // enum expr_type
    uint32_t len;
    union {
        int64_t num;
        struct expr_addr addr;
    };
    char text[TABLE_PROC_VAR_TEXT];
};

struct proc_entry {
    _Atomic uint64_t id;      // 0: free
    _Atomic uint64_t owner;   // of the lock: incarnation and the time it began; 0: nobody
    _Atomic uint64_t version; // values[version & 1] is in use, the other one is written
    char name[TABLE_PROC_VAR_NAME];
    struct proc_value values[2];
};

struct table_proc_table {
    struct proc_entry entries[TABLE_PROC_VARS];
};

// The number of an incarnation is given again after its death; the time it began tells them apart.
static uint64_t owner_of(struct board *board, uint32_t inc)
{
    return inc | board_incarnation_at(board, inc)->started_wall_us << 8;
}

static bool owner_lives(struct board *board, uint64_t owner)
{
    uint32_t inc = owner & 0xff;
    if (inc == BOARD_NO_INCARNATION)
        return false;
    enum { LIVE = 1 };
    return atomic_load(&board_incarnation_at(board, inc)->state) == LIVE && owner_of(board, inc) == owner;
}

static bool entry_lock(struct board *board, struct proc_entry *entry)
{
    uint32_t self = board_incarnation_self(board);
    // Who has no number is alone: a keeper before its first fork, a test.
    uint64_t mine = self ? owner_of(board, self) : UINT64_MAX << 8;
    for (int i = 0; i < PROC_LOCK_TRIES; i++) {
        uint64_t owner = atomic_load_explicit(&entry->owner, memory_order_relaxed);
        if ((owner == 0 || owner == mine || !owner_lives(board, owner)) &&
            atomic_compare_exchange_strong_explicit(&entry->owner, &owner, mine, memory_order_acquire,
                                                    memory_order_relaxed))
            return true;
        sched_yield();
    }
    return false;
}

static void entry_unlock(struct proc_entry *entry)
{
    atomic_store_explicit(&entry->owner, 0, memory_order_release);
}

// The entry of `id`, with `claim` a free one where it has none; NULL where there is no more room.
static struct proc_entry *entry_find(struct table_proc_table *table, uint64_t id, bool claim)
{
    id = id ? id : 1;
    for (uint32_t i = 0; i < TABLE_PROC_VARS; i++) {
        struct proc_entry *entry = &table->entries[(id + i) % TABLE_PROC_VARS];
        uint64_t held = atomic_load_explicit(&entry->id, memory_order_acquire);
        if (held == 0 && claim && atomic_compare_exchange_strong(&entry->id, &held, id))
            return entry;
        if (held == id)
            return entry;
        if (held == 0)
            return NULL;
    }
    return NULL;
}

static bool value_is_text(uint32_t type)
{
    return type == EXPR_STR || type == EXPR_BIN || type == EXPR_METHOD;
}

// Copies what `value` says without trusting it: it may be written meanwhile. False where there is no room for it.
static bool value_read(const struct proc_value *value, struct expr_sample *out, struct expr_scratch *scratch, bool *set)
{
    uint32_t type = value->type, len = value->len;
    *set = value->is_set && type < EXPR_NUM_TYPES;
    if (!*set)
        return true;
    *out = (struct expr_sample){ .type = (enum expr_type)type };
    if (!value_is_text(type)) {
        if (type == EXPR_ADDR)
            out->addr = value->addr;
        else if (type == EXPR_BOOL)
            out->boolean = value->num != 0;
        else
            out->num = value->num;
        return true;
    }
    len = len < TABLE_PROC_VAR_TEXT ? len : TABLE_PROC_VAR_TEXT;
    char *text = expr_scratch_take(scratch, len);
    if (!text)
        return false;
    memcpy(text, value->text, len);
    out->str = slice_of(text, len);
    return true;
}

static bool entry_get(struct proc_entry *entry, struct expr_sample *out, struct expr_scratch *scratch)
{
    for (int i = 0; i < PROC_READ_TRIES; i++) {
        uint64_t version = atomic_load_explicit(&entry->version, memory_order_acquire);
        uint32_t mark = expr_scratch_mark(scratch);
        bool set, fits = value_read(&entry->values[version & 1], out, scratch, &set);
        atomic_thread_fence(memory_order_acquire);
        // The value read is written again only once the other one is in use.
        if (atomic_load_explicit(&entry->version, memory_order_relaxed) == version)
            return fits && set;
        expr_scratch_release(scratch, mark);
    }
    return false;
}

static bool proc_get(void *arg, struct expr_sample *out, uint64_t id, struct expr_scratch *scratch)
{
    struct table_proc_vars *vars = arg;
    struct proc_entry *entry = entry_find(vars->table, id, false);
    return entry && entry_get(entry, out, scratch);
}

static void value_write(struct proc_value *value, const struct expr_sample *sample)
{
    value->is_set = sample != NULL;
    if (!sample)
        return;
    value->type = sample->type;
    if (value_is_text(sample->type)) {
        value->len = (uint32_t)sample->str.len;
        if (value->len)
            memcpy(value->text, sample->str.ptr, value->len);
    } else if (sample->type == EXPR_ADDR) {
        value->addr = sample->addr;
    } else {
        value->num = sample->type == EXPR_BOOL ? sample->boolean : sample->num;
    }
}

// Writes `sample` (NULL: no value) beside the value in use and changes over to it.
static bool entry_put(struct board *board, struct proc_entry *entry, struct slice name,
                      const struct expr_sample *sample)
{
    if (!entry_lock(board, entry))
        return false;
    size_t len = name.len < TABLE_PROC_VAR_NAME - 1 ? name.len : TABLE_PROC_VAR_NAME - 1;
    if (entry->name[0] == '\0' && len)
        memcpy(entry->name, name.ptr, len);
    uint64_t version = atomic_load_explicit(&entry->version, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    value_write(&entry->values[(version + 1) & 1], sample);
    atomic_store_explicit(&entry->version, version + 1, memory_order_release);
    entry_unlock(entry);
    return true;
}

static bool proc_set(void *arg, uint64_t id, struct slice name, const struct expr_sample *value)
{
    struct table_proc_vars *vars = arg;
    if (value_is_text(value->type) && value->str.len > TABLE_PROC_VAR_TEXT)
        return false;
    struct proc_entry *entry = entry_find(vars->table, id, true);
    return entry && entry_put(vars->board, entry, name, value);
}

static bool proc_unset(void *arg, uint64_t id)
{
    struct table_proc_vars *vars = arg;
    struct proc_entry *entry = entry_find(vars->table, id, false);
    return !entry || entry_put(vars->board, entry, (struct slice){ 0 }, NULL);
}

bool table_proc_vars_init(struct table_proc_vars *vars, struct board *board)
{
    bool fresh;
    *vars = (struct table_proc_vars){ .board = board };
    vars->table = board_section(board, &fresh, TABLE_PROC_VARS_SECTION, PROC_VERSION, sizeof(struct table_proc_table));
    vars->vars = (struct expr_proc_vars){ .get = proc_get, .set = proc_set, .unset = proc_unset, .arg = vars };
    return vars->table != NULL;
}

void table_proc_vars_each(struct table_proc_vars *vars, struct expr_scratch *scratch,
                          void (*visit)(void *arg, const char *name, const struct expr_sample *value), void *arg)
{
    for (uint32_t i = 0; i < TABLE_PROC_VARS; i++) {
        struct proc_entry *entry = &vars->table->entries[i];
        struct expr_sample sample;
        uint32_t mark = expr_scratch_mark(scratch);
        char name[TABLE_PROC_VAR_NAME];
        if (atomic_load_explicit(&entry->id, memory_order_acquire) && entry_get(entry, &sample, scratch)) {
            memcpy(name, entry->name, sizeof(name));
            name[sizeof(name) - 1] = '\0';
            visit(arg, name, &sample);
        }
        expr_scratch_release(scratch, mark);
    }
}
