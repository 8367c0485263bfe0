// SPDX-License-Identifier: Apache-2.0
// Numbers among the arguments of fetches and converters. Boot only.
#pragma once

#include "expr/fetch.h"

// expr_prepare_numbers is the prepare function of rows whose arguments are all decimal integers: it puts them into
// `num`, 0 for those that are left out or empty.
const char *expr_prepare_numbers(struct config *config, struct expr_arg *args, uint32_t num);

// expr_arg_number reads `arg` as a decimal integer between `min` and `max` into its `num`; NULL, or what is wrong.
const char *expr_arg_number(struct config *config, struct expr_arg *arg, int64_t min, int64_t max);
