// SPDX-License-Identifier: Apache-2.0
// Converters: words behind a fetch that make one value of another (",lower", ",map(file)"). Each is a row of a table
// beside its code; the linker gathers them as it does fetches. A chain is checked while the configuration is read: what
// one gives must be castable to what the next takes (manual section 7.3.1). At run time a sample is changed in place;
// what does not fit a slice of it is made in the subject's scratch. Const after boot.
#pragma once

#include "expr/fetch.h"

// expr_conv_fn changes `sample`, which has the row's `in` type (any, where that is EXPR_ANY), and says whether there is
// a result. `args` are max_args, as for fetches.
typedef bool expr_conv_fn(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args);

struct expr_conv {
    const char *name;
    const char *of; // another name for that row; then only name, of and help count
    const char *args;
    uint8_t min_args;
    uint8_t max_args;
    enum expr_type in;        // EXPR_ANY: whatever comes, uncast
    enum expr_type out;       // EXPR_SAME: the type it was given
    uint32_t when;            // EXPR_AT_* bits, 0: whenever its fetch is
    expr_prepare_fn *prepare; // or NULL
    expr_conv_fn *convert;
    const char *help;
    const char *good;     // a whole expression that must be accepted: "str(abc),upper"
    const char *gives;    // its value as text, "-" for none; NULL where it depends on the moment
    const char *bad;      // an expression that must be refused; may be NULL for rows without arguments
    const char *bad_says; // a part of the message it gets
};

// EXPR_CONVERTERS registers the array `table` of struct expr_conv. One per file.
#define EXPR_CONVERTERS(table) EXPR_TABLE(expr_convs, struct expr_conv, table)

// expr_convs_boot gathers all tables, once, before a configuration is read. Duplicates and incomplete rows: must().
void expr_convs_boot(void);

// expr_conv_find gives the row named `name`, never an alias, or NULL.
const struct expr_conv *expr_conv_find(struct slice name);

// expr_conv_nearest gives the name of the converter nearest to `name`, or NULL.
const char *expr_conv_nearest(struct config *config, const char *name);

// expr_convs_each calls `visit` with every row, aliases too, in the order of names.
void expr_convs_each(void (*visit)(const struct expr_conv *row, void *arg), void *arg);

// expr_cast_exists says whether samples of type `from` may become `to` (manual section 7.3.1); EXPR_ANY may be either.
bool expr_cast_exists(enum expr_type from, enum expr_type to);

// expr_cast changes `sample` to the type `to`, its text in `scratch` where it needs some. False where its value has no
// such form, or there is no room.
bool expr_cast(struct expr_sample *sample, enum expr_type to, struct expr_scratch *scratch);
