// SPDX-License-Identifier: Apache-2.0
// Changes of lists at run time, by rules and by the admin socket: a kind of change of the board's journal
// (board/change.h), applied by every process to its own copy. A generation reads its files afresh and knows no change
// that is older. No process waits for another here.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "expr/list.h"

struct board;

enum table_change_op {
    TABLE_CHANGE_ENSURE, // all entries of the key get the value; where there is none, one is added (rules)
    TABLE_CHANGE_ADD,    // an entry more (admin socket)
    TABLE_CHANGE_SET,    // all entries of the key get the value
    TABLE_CHANGE_DEL,    // all entries of the key go
    TABLE_CHANGE_CLEAR,
    TABLE_CHANGE_PREPARE,
    TABLE_CHANGE_COMMIT,
    TABLE_CHANGE_NUM_OPS
};

enum { TABLE_CHANGE_NTH = 32767, TABLE_CHANGE_ROOM = 3980 }; // most bytes of list, key and value together

// Prepared versions belong to the generation that prepared them, lists without a name to the one that has them; what
// changes the entries in use of a named list is for all.
struct table_change {
    enum table_change_op op;
    uint32_t version;   // of expr_list_prepare, 0: the one in use
    uint32_t nth;       // SET and DEL: of the entries of the key this one alone, from 1; 0: all
    bool is_map;        // what the list is to who published it; table_change_publish sees to it
    struct slice list;  // as expr_list_find takes it
    struct slice key;   // "" where there is none
    struct slice value; // likewise
};

enum table_change_result {
    TABLE_CHANGE_DONE,     // published, and applied here
    TABLE_CHANGE_NOTHING,  // there was nothing to change
    TABLE_CHANGE_WRONG,    // no such list or version, or the key or value is none of its kind
    TABLE_CHANGE_TOO_LONG, // list, key and value do not fit an entry of the journal, or `nth` is beyond
                           // TABLE_CHANGE_NTH
    TABLE_CHANGE_FULL,     // a process has not applied older changes for so long that the journal has no room
};

// How many changes this process could not publish.
struct table_change_counts {
    uint64_t num_wrong;
    uint64_t num_too_long;
    uint64_t num_full;
};

// table_changes_enter says which board changes of this process go through, and which incarnation it is; once, first
// thing after a fork. Before it there is no journal, and table_change_publish changes the own copy alone.
void table_changes_enter(struct board *board, uint32_t inc);

// table_changes_apply applies what the journal has for this process, of whatever kind, and frees what changes of lists
// left behind: of both as much as a turn may take, and says whether there is more. Then it wakes
// the process for another turn. Cheap where there is nothing. To be called once a turn.
bool table_changes_apply(void);

// table_change_publish publishes `change` and applies it here, after all that were published before it. `*wrong` (may
// be NULL) gets the reason of TABLE_CHANGE_WRONG, until the next call, and the number of the entry goes to `*number`
// (may be NULL): board_journal_laggard says who has not applied it yet. What it fails in is counted, but for the admin
// socket to tell.
enum table_change_result table_change_publish(const struct table_change *change, const char **wrong, uint64_t *number);

// table_change_fits says whether an entry of the journal has room for it: that it is not TABLE_CHANGE_TOO_LONG.
bool table_change_fits(const struct table_change *change);

// table_changes_counts gives the counts of this process.
const struct table_change_counts *table_changes_counts(void);

// table_change_read reads an entry of the journal into `*out`, whose slices point into `data`, and for which generation
// it is, 0 for all; false where it is malformed.
bool table_change_read(struct table_change *out, uint32_t *generation, const void *data, size_t len);
