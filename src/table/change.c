// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "board/board.h"
#include "table/change.h"

// An entry of the journal: this, the name of the list, the key, the value.
struct wire {
    uint32_t op;
    uint32_t version;
    uint32_t generation;
    uint16_t list_len;
    uint16_t key_len;
    uint16_t value_len;
    uint16_t zero;
};

// The journal as this process sees it.
static struct {
    struct board *board;
    uint32_t inc;
    struct table_change_counts counts;
} changes;

void table_changes_enter(struct board *board, uint32_t inc)
{
    changes.board = board;
    changes.inc = inc;
    changes.counts = (struct table_change_counts){ 0 };
}

const struct table_change_counts *table_changes_counts(void)
{
    return &changes.counts;
}

static uint32_t generation_own(void)
{
    return changes.board ? board_incarnation_at(changes.board, changes.inc)->generation : 0;
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
                                  .list = slice_of(text, wire.list_len),
                                  .key = slice_of(text + wire.list_len, wire.key_len),
                                  .value = slice_of(text + wire.list_len + wire.key_len, wire.value_len) };
    return true;
}

// The length of the entry in `data`, which has room for BOARD_JOURNAL_ENTRY_MAX bytes; 0 where it does not fit.
static size_t change_write(char *data, const struct table_change *change)
{
    size_t len = sizeof(struct wire);
    const struct slice parts[] = { change->list, change->key, change->value };
    for (size_t i = 0; i < NUM_ITEMS(parts); i++)
        if (parts[i].len > BOARD_JOURNAL_ENTRY_MAX || (len += parts[i].len) > BOARD_JOURNAL_ENTRY_MAX)
            return 0;
    struct wire wire = { .op = change->op,
                         .version = change->version,
                         .generation = generation_own(),
                         .list_len = (uint16_t)change->list.len,
                         .key_len = (uint16_t)change->key.len,
                         .value_len = (uint16_t)change->value.len };
    memcpy(data, &wire, sizeof(wire));
    len = sizeof(wire);
    for (size_t i = 0; i < NUM_ITEMS(parts); i++) {
        if (parts[i].len)
            memcpy(data + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return len;
}

// What is wrong with it was told to who published it, or concerns another generation's list.
static void change_apply(const struct table_change *change)
{
    struct expr_list *list = expr_list_find(change->list);
    if (!list)
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
        expr_list_set(list, change->version, change->key, change->value);
        return;
    case TABLE_CHANGE_DEL:
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

static void entry_apply(uint32_t type, const char *data, size_t len)
{
    struct table_change change;
    uint32_t generation;
    if (type != TABLE_CHANGE_LIST)
        return;
    must(table_change_read(&change, &generation, data, len));
    bool of_version = change.version || change.op == TABLE_CHANGE_PREPARE;
    if (!of_version || generation == generation_own())
        change_apply(&change);
}

void table_changes_apply(void)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    uint32_t type;
    uint64_t number;
    size_t len;
    while (changes.board && (number = board_journal_next(changes.board, &type, data, &len, changes.inc)) != 0) {
        entry_apply(type, data, len);
        board_journal_applied(changes.board, changes.inc, number);
    }
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
    if (!is_needed(list, change))
        return TABLE_CHANGE_NOTHING;
    if (change->op <= TABLE_CHANGE_SET)
        *wrong = expr_list_check(list, change->key, change->value);
    if (*wrong)
        return TABLE_CHANGE_WRONG;
    size_t len = change_write(data, change);
    if (!len)
        return TABLE_CHANGE_TOO_LONG;
    if (!changes.board) {
        change_apply(change);
        return TABLE_CHANGE_DONE;
    }
    *number = board_journal_append(changes.board, TABLE_CHANGE_LIST, data, len);
    if (!*number)
        return TABLE_CHANGE_FULL;
    // All before it, then itself: our copy is never one that the order does not know.
    table_changes_apply();
    return TABLE_CHANGE_DONE;
}

enum table_change_result table_change_publish(const struct table_change *change, const char **wrong, uint64_t *number)
{
    const char *reason = NULL;
    uint64_t entry = 0;
    table_changes_apply();
    enum table_change_result result = publish(change, &reason, &entry);
    changes.counts.num_wrong += result == TABLE_CHANGE_WRONG;
    changes.counts.num_too_long += result == TABLE_CHANGE_TOO_LONG;
    changes.counts.num_full += result == TABLE_CHANGE_FULL;
    if (wrong)
        *wrong = reason;
    if (number)
        *number = entry;
    return result;
}
