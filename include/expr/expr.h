// SPDX-License-Identifier: Apache-2.0
// Expressions: a fetch with its arguments and the converters behind it, compiled while the configuration is read. They
// live in the configuration's arena and are const afterwards; evaluating one allocates nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "expr/conv.h"
#include "expr/fetch.h"

// One converter of a chain.
struct expr_step {
    const struct expr_conv *conv; // never an alias
    const struct expr_arg *args;
};

struct expr {
    const struct expr_fetch *fetch; // never an alias
    enum expr_match match;          // what the name it was called by implies; EXPR_MATCH_DEFAULT for none
    struct expr_arg *args;          // fetch->max_args of them
    const struct expr_step *steps;
    uint32_t num_steps;
    enum expr_type out; // of its samples; EXPR_ANY where it is known only then
    uint32_t when;      // EXPR_AT_* bits at which all of it is available
    const char *text;   // as written
};

// expr_parse compiles argument `index` of `line`, such as "hdr(host),lower", into `out`. False after reporting an
// error, the caret on the wrong part: an unknown name (with the nearest), one that HAProxy has and we do not, wrong
// arguments, types that do not meet.
bool expr_parse(struct config *config, struct expr *out, const struct config_line *line, uint32_t index);

// expr_parse_text compiles `text`, which stands at byte `at` within argument `index` of `line` (a format string's
// "%[...]"), likewise. With `rest` it ends at the first byte that cannot belong to it, given in `*rest`; else it must
// reach the end of `text`.
bool expr_parse_text(struct config *config, struct expr *out, const struct config_line *line, uint32_t index,
                     struct slice text, size_t at, size_t *rest);

// expr_check_when reports at argument `index` that `expr` is not available at the moments `when`, unless it is at one
// of them.
bool expr_check_when(struct config *config, const struct config_line *line, uint32_t index, const struct expr *expr,
                     uint32_t when);

// expr_parse_steps compiles argument `index`, converters with commas between them ("field(2,:),lower"), for samples of
// the type `in`, likewise. What it makes has no fetch: expr_convert is all that can be done with it.
bool expr_parse_steps(struct config *config, struct expr *out, const struct config_line *line, uint32_t index,
                      enum expr_type in);

// expr_convert applies the converters of `expr` to `sample`, which has the type they were compiled for; false where
// there is no result.
bool expr_convert(const struct expr *expr, struct expr_subject *subject, struct expr_sample *sample);

// expr_next puts the value number walk->nth of `expr` for `subject` into `out`, converted; false where there is none.
// It counts walk->nth up. `*more`: there may be another.
bool expr_next(const struct expr *expr, struct expr_subject *subject, struct expr_sample *out, struct expr_walk *walk,
               bool *more);

// expr_eval puts the first value of `expr` for `subject` into `out`; false where there is none. What it made stands in
// the scratch until the caller releases it.
bool expr_eval(const struct expr *expr, struct expr_subject *subject, struct expr_sample *out);

// expr_sample_place puts "file:line" of `place` into `out`, its text in the scratch; false where there is no room.
bool expr_sample_place(struct expr_subject *subject, struct expr_sample *out, const struct config_place *place);

// expr_eval_str gives that value cast to a string; ptr NULL where there is none.
struct slice expr_eval_str(const struct expr *expr, struct expr_subject *subject);
