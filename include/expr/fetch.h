// SPDX-License-Identifier: Apache-2.0
// Fetches: the words that name a fact ("src", "path", "hdr(host)"). Each is a row of a table that stands beside the
// code that has the fact, on whatever floor; the linker gathers the tables, boot sorts them and refuses duplicates.
// This area never looks into a subject's facts: it hands it through to the fetch. Rows and the index are const after
// boot.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/config.h"
#include "expr/rows.h"
#include "expr/sample.h"
#include "expr/subject.h"

// Ways to compare a sample with patterns (HAProxy manual section 7.1).
enum expr_match {
    EXPR_MATCH_DEFAULT, // what the type implies
    EXPR_MATCH_FOUND,
    EXPR_MATCH_BOOL,
    EXPR_MATCH_INT,
    EXPR_MATCH_IP,
    EXPR_MATCH_BIN,
    EXPR_MATCH_LEN,
    EXPR_MATCH_STR,
    EXPR_MATCH_BEG,
    EXPR_MATCH_END,
    EXPR_MATCH_SUB,
    EXPR_MATCH_DIR,
    EXPR_MATCH_DOM,
    EXPR_MATCH_REG,
    EXPR_MATCH_VERSION, // of some fetches' names alone, no word of -m: "3.1" stands for 3 * 65536 + 1
    EXPR_NUM_MATCHES
};

// One argument between the parentheses. A fetch is given its row's max_args of them; absent ones have str.ptr NULL.
struct expr_arg {
    struct slice str; // as written, quotes and escapes resolved, NUL-terminated
    int64_t num;      // free for the row's prepare function
    void *data;       // likewise
};

// Where a walk over the values of one fetch stands.
struct expr_walk {
    uint32_t nth;   // 0 for the first value, then 1, ...
    bool one;       // only one value is wanted: the last, where the manual says so of the fetch
    bool is_last;   // out: no further value comes; a fetch may leave it out, and is then asked in vain
    uint64_t at[2]; // the fetch's own place, zero before the first: so that long lists are read once
};

// expr_fetch_fn puts the value number `walk->nth` of the fetch into `out` (type and value), and returns false where
// there is no (further) one. Only rows with EXPR_MANY are asked for more than the first.
typedef bool expr_fetch_fn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk);

// expr_prepare_fn checks the `num` given arguments at boot and may fill num and data of all max_args; memory comes from
// config->arena. It returns NULL, or what is wrong (the word itself is reported with it).
typedef const char *expr_prepare_fn(struct config *config, struct expr_arg *args, uint32_t num);

enum {
    EXPR_MANY = 1 << 0,       // the fetch may have several values, and all are tried
    EXPR_OF_BACKEND = 1 << 1, // it asks for the backend: not for requests of a section that is but a frontend
};

// A fetch, or, with `of`, another name for one that may imply a match: { .name = "path_beg", .of = "path",
// .match = EXPR_MATCH_BEG }. Of such a row name, of, match and help are used; the rest comes from `of`, and the match
// too where it names none.
struct expr_fetch {
    const char *name;
    const char *of;
    enum expr_match match;
    const char *args; // as the manual shows them: "[<name>[,<occ>]]"
    uint8_t min_args;
    uint8_t max_args;
    uint8_t flags;            // EXPR_MANY, EXPR_OF_BACKEND
    enum expr_type out;       // the type of its samples
    uint32_t when;            // EXPR_AT_* bits
    expr_prepare_fn *prepare; // or NULL
    // note_value takes note of a value that an ACL compares the samples with (not of those in files), at argument
    // `index` of `line`; or NULL.
    void (*note_value)(struct config *config, const struct expr_arg *args, const struct config_line *line,
                       uint32_t index);
    expr_fetch_fn *fetch;
    const char *help;
    const char *good; // an ACL's words that must be accepted: "path_beg /img /css"
    const char *bad;  // a fetch that must be refused, for rows that take arguments: "int(x)"
    const char *bad_says;
};

// EXPR_FETCHES registers the array `table` of struct expr_fetch. One per file.
#define EXPR_FETCHES(table) EXPR_TABLE(expr_fetches, struct expr_fetch, table)

// expr_fetches_boot gathers all tables; to be called once before a configuration is read. Duplicates, an alias without
// its fetch and incomplete rows are bugs of ours: must().
void expr_fetches_boot(void);

// expr_fetch_find gives the row named `name`, or NULL.
const struct expr_fetch *expr_fetch_find(struct slice name);

// expr_fetch_real gives the row that `row` is another name of, or `row` itself.
const struct expr_fetch *expr_fetch_real(const struct expr_fetch *row);

// expr_fetch_nearest gives the name of the fetch nearest to `name`, or NULL.
const char *expr_fetch_nearest(struct config *config, const char *name);

// expr_fetches_each calls `visit` with every row in the order of names; for the manual and its tests.
void expr_fetches_each(void (*visit)(const struct expr_fetch *row, void *arg), void *arg);

// expr_fetch_refused says whether HAProxy 3.2 has a fetch or ACL keyword `name` that is not supported here.
bool expr_fetch_refused(struct slice name);
