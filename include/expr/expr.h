// SPDX-License-Identifier: Apache-2.0
// Expressions: a fetch with its arguments, compiled while the configuration is read. They live in the configuration's
// arena and are const afterwards; evaluating one allocates nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"
#include "expr/fetch.h"

struct expr {
    const struct expr_fetch *fetch; // never an alias
    enum expr_match match;          // what the name it was called by implies; EXPR_MATCH_DEFAULT for none
    struct expr_arg *args;          // fetch->max_args of them
};

// expr_parse compiles argument `index` of `line`, such as "hdr(host)", into `out`. False after reporting an error: an
// unknown name (with the nearest), one that HAProxy has and we do not, wrong arguments, a converter.
bool expr_parse(struct config *config, struct expr *out, const struct config_line *line, uint32_t index);

// expr_check_when reports at argument `index` that `expr` is not available at the moments `when`, unless it is at one
// of them.
bool expr_check_when(struct config *config, const struct config_line *line, uint32_t index, const struct expr *expr,
                     uint32_t when);

// expr_first puts the first value of `expr` for `subject` into `out`; false where there is none.
static inline bool expr_first(const struct expr *expr, void *subject, struct expr_sample *out)
{
    struct expr_walk walk = { 0 };
    return expr->fetch->fetch(subject, out, expr->args, &walk);
}
