// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "board/board.h"
#include "board/change.h"
#include "table/change.h"

// An entry of the journal: this, the name of the list, the key, the value.
struct wire {
    uint32_t op;
    uint32_t version;
    uint32_t generation; // that it is for, 0: all
    uint16_t list_len;
    uint16_t key_len;
    uint16_t value_len;
    uint16_t kind; // whether it is a map, and twice `nth`
};

// What one turn does at most: traffic waits for it.
enum { TURN_APPLY = 512, TURN_TIDY = 128 };

static struct table_change_counts counts; // of this process

void table_changes_enter(struct board *board, uint32_t inc)
{
    board_changes_enter(board, inc);
    counts = (struct table_change_counts){ 0 };
}

const struct table_change_counts *table_changes_counts(void)
{
    return &counts;
}

bool table_change_read(struct table_change *out, uint32_t *generation, const void *data, size_t len)
{
    struct wire wire;
    if (len < sizeof(wire))
        return false;
    memcpy(&wire, data, sizeof(wire));
    const char *text = (const char *)data + sizeof(wire);
    if (wire.op >= TABLE_CHANGE_NUM_OPS ||
        len != sizeof(wire) + (size_t)wire.list_len + (size_t)wire.key_len + (size_t)wire.value_len)
        return false;
    *generation = wire.generation;
    *out = (struct table_change){ .op = (enum table_change_op)wire.op,
                                  .version = wire.version,
                                  .is_map = wire.kind & 1,
                                  .nth = wire.kind >> 1,
                                  .list = slice_of(text, wire.list_len),
                                  .key = slice_of(text + wire.list_len, wire.key_len),
                                  .value = slice_of(text + wire.list_len + wire.key_len, wire.value_len) };
    return true;
}

// Prepared versions, and lists without a name, are this generation's alone: the same number means something else to
// another.
static bool is_for_all(const struct table_change *change, const struct expr_list *list)
{
    return !change->version && change->op != TABLE_CHANGE_PREPARE && expr_list_is_named(list);
}

_Static_assert(TABLE_CHANGE_ROOM == BOARD_JOURNAL_ENTRY_MAX - sizeof(struct wire), "what is left of an entry");

bool table_change_fits(const struct table_change *change)
{
    const struct slice parts[] = { change->list, change->key, change->value };
    size_t len = 0;
    for (size_t i = 0; i < NUM_ITEMS(parts); i++)
        if (parts[i].len > TABLE_CHANGE_ROOM || (len += parts[i].len) > TABLE_CHANGE_ROOM)
            return false;
    return change->nth <= TABLE_CHANGE_NTH;
}

// The length of the entry in `data`, which has room for BOARD_JOURNAL_ENTRY_MAX bytes; 0 where it does not fit.
static size_t change_write(char *data, const struct table_change *change, const struct expr_list *list)
{
    struct slice name = slice_str(expr_list_name(list));
    const struct slice parts[] = { name, change->key, change->value };
    struct table_change named = *change;
    named.list = name;
    if (!table_change_fits(&named))
        return 0;
    struct wire wire = { .op = change->op,
                         .version = change->version,
                         .generation = is_for_all(change, list) ? 0 : board_changes_generation(),
                         .list_len = (uint16_t)name.len,
                         .key_len = (uint16_t)change->key.len,
                         .value_len = (uint16_t)change->value.len,
                         .kind = (uint16_t)(change->nth * 2 + expr_list_is_map(list)) };
    memcpy(data, &wire, sizeof(wire));
    size_t len = sizeof(wire);
    for (size_t i = 0; i < NUM_ITEMS(parts); i++) {
        if (parts[i].len)
            memcpy(data + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return len;
}

// What is wrong with it was told to who published it, or comes from another generation, where the name is that of a
// list of another kind.
static void change_apply(const struct table_change *change)
{
    struct expr_list *list = expr_list_find(change->list);
    if (!list || expr_list_is_map(list) != change->is_map)
        return;
    switch (change->op) {
    case TABLE_CHANGE_ENSURE:
        if (!expr_list_set(list, change->version, change->key, change->value))
            expr_list_add(list, change->version, change->key, change->value);
        return;
    case TABLE_CHANGE_ADD:
        expr_list_add(list, change->version, change->key, change->value);
        return;
    case TABLE_CHANGE_SET:
        if (change->nth)
            expr_list_set_one(list, change->version, change->nth, change->key, change->value);
        else
            expr_list_set(list, change->version, change->key, change->value);
        return;
    case TABLE_CHANGE_DEL:
        if (change->nth)
            expr_list_del_one(list, change->version, change->nth, change->key);
        else
            expr_list_del(list, change->version, change->key);
        return;
    case TABLE_CHANGE_CLEAR:
        expr_list_clear(list, change->version);
        return;
    case TABLE_CHANGE_PREPARE:
        expr_list_prepare(list);
        return;
    case TABLE_CHANGE_COMMIT:
        expr_list_commit(list, change->version);
        return;
    default:
        return;
    }
}

static void entry_apply(const struct board_change *entry)
{
    struct table_change change;
    uint32_t generation;
    // One that cannot be read comes from another version of this program, in another generation.
    if (table_change_read(&change, &generation, entry->data, entry->len) &&
        (!generation || generation == board_changes_generation()))
        change_apply(&change);
}

static const struct board_change_kind lists = { .type = BOARD_CHANGE_LIST, .apply = entry_apply };
BOARD_CHANGES(lists);

bool table_changes_apply(void)
{
    bool more = board_changes_apply(TURN_APPLY) == TURN_APPLY;
    more = expr_lists_tidy(TURN_TIDY) || more;
    if (more)
        board_changes_wake();
    return more;
}

// Whether it would change anything: most of what rules do, they did for the request before.
static bool is_needed(const struct expr_list *list, const struct table_change *change)
{
    struct slice value;
    if (change->version)
        return true;
    if (change->op == TABLE_CHANGE_ENSURE)
        return !expr_list_get(list, change->key, &value) || !slice_equal(value, change->value);
    if (change->op == TABLE_CHANGE_DEL || change->op == TABLE_CHANGE_SET)
        return expr_list_get(list, change->key, &value);
    return true;
}

static enum table_change_result publish(const struct table_change *change, const char **wrong, uint64_t *number)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    struct expr_list *list = expr_list_find(change->list);
    *wrong = list ? NULL : "there is no such list";
    if (!list)
        return TABLE_CHANGE_WRONG;
    if (change->version && !expr_list_has_version(list, change->version)) {
        *wrong = "there is no such version";
        return TABLE_CHANGE_WRONG;
    }
    if (!is_needed(list, change))
        return TABLE_CHANGE_NOTHING;
    if (change->op <= TABLE_CHANGE_SET)
        *wrong = expr_list_check(list, change->key, change->value);
    if (*wrong)
        return TABLE_CHANGE_WRONG;
    size_t len = change_write(data, change, list);
    if (!len)
        return TABLE_CHANGE_TOO_LONG;
    if (!board_changes_board()) {
        struct table_change own = *change;
        own.is_map = expr_list_is_map(list);
        change_apply(&own);
        return TABLE_CHANGE_DONE;
    }
    *number = board_change_publish(BOARD_CHANGE_LIST, data, len);
    if (!*number)
        return TABLE_CHANGE_FULL;
    return TABLE_CHANGE_DONE;
}

enum table_change_result table_change_publish(const struct table_change *change, const char **wrong, uint64_t *number)
{
    const char *reason = NULL;
    uint64_t entry = 0;
    board_changes_apply(UINT32_MAX);
    enum table_change_result result = publish(change, &reason, &entry);
    counts.num_wrong += result == TABLE_CHANGE_WRONG;
    counts.num_too_long += result == TABLE_CHANGE_TOO_LONG;
    counts.num_full += result == TABLE_CHANGE_FULL;
    if (wrong)
        *wrong = reason;
    if (number)
        *number = entry;
    return result;
}
