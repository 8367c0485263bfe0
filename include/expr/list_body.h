// SPDX-License-Identifier: Apache-2.0
// The inside of lists: what one holds, and the versions of its entries. Private to this area; see expr/list.h for what
// others use. A version that is no longer wanted is not freed at once, for a hundred thousand entries take longer than
// traffic should wait: it is put aside and goes in steps.
#pragma once

#include "expr/index.h"
#include "expr/list.h"
#include "expr/set.h"

struct expr_version {
    struct expr_version *next; // older
    uint32_t number;
    uint32_t num;
    struct expr_entry *first;
    struct expr_entry *last;
    struct expr_set keys; // by their text, whole
    struct expr_index *index[EXPR_NUM_MATCHES][2];
};

struct expr_list {
    struct expr_list *next;       // in the order they were read
    struct expr_list *next_named; // of those that have a name
    struct expr_registry *registry;
    char *name;    // "#id" where it has none of its own
    char *path;    // of its file, for messages; NULL for a virtual one
    char *used_by; // for its description
    bool is_named; // by a file, or as a virtual one
    bool is_map;
    bool serves_acl;      // a map whose keys an ACL matches with, too
    bool is_forced;       // the configuration says the id
    uint32_t id;          // see lists_number
    uint32_t value_types; // 1 << EXPR_INT, 1 << EXPR_ADDR: what all values must be read as
    uint32_t last_number;
    uint64_t order; // of the next entry, of whatever version: an entry's is never given again
    struct expr_version *current;
    struct expr_version *prepared; // those that hold, or held, an entry; the latest first
    struct expr_patterns *handles[EXPR_NUM_MATCHES][2];
};

// expr_version_new makes an empty version of `list`, with an index for each way in which it is matched.
struct expr_version *expr_version_new(const struct expr_list *list, uint32_t number);

// expr_version_append adds `entry`, which its indexes have, behind all others.
void expr_version_append(struct expr_version *version, struct expr_entry *entry);

// expr_version_show puts the current version behind the handles of `list`.
void expr_version_show(const struct expr_list *list);

// expr_version_drop gives up `version`, which nothing shows any more: expr_lists_tidy frees it.
void expr_version_drop(struct expr_version *version);

// expr_list_value_wrong says what is wrong with `value` where the bits of `types` (1 << EXPR_INT, 1 << EXPR_ADDR) tell
// what it must be, NULL for nothing.
const char *expr_list_value_wrong(uint32_t types, struct slice value);
