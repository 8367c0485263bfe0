// SPDX-License-Identifier: Apache-2.0
// Arguments of converters that are a constant or the name of a variable. Prepared while the configuration is read,
// looked up for each sample; nothing here allocates at run time.
#pragma once

#include "expr/fetch.h"

// expr_operand_read reads `arg` as an integer, or else as a variable's name. NULL, or what is wrong.
const char *expr_operand_read(struct config *config, struct expr_arg *arg);

// expr_operand_prepare does so with args[0].
expr_prepare_fn expr_operand_prepare;

// expr_operand_variable reads `arg` as a variable's name. NULL, or what is wrong.
const char *expr_operand_variable(struct config *config, struct expr_arg *arg);

// expr_operand_int puts the integer into `*out`; false where the variable has none.
bool expr_operand_int(struct expr_subject *subject, int64_t *out, const struct expr_arg *arg);

// expr_operand_text gives the text of the variable `arg`, in the scratch where it must be made; false where it has no
// value.
bool expr_operand_text(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg);
