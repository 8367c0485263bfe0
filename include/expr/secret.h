// SPDX-License-Identifier: Apache-2.0
// Keys, nonces and tags among the arguments of converters: base64 as the HAProxy manual wants it, either written in the
// configuration and decoded at boot, or in a variable and decoded when it is used. Private to this area.
#pragma once

#include "expr/conv.h"
#include "expr/var.h"

// expr_secret_prepare reads `arg` as a variable's name or as base64. NULL, or what is wrong with it.
const char *expr_secret_prepare(struct config *config, struct expr_arg *arg);

// expr_secret_get gives the bytes of `arg`, decoded into the scratch where they come from a variable. False where the
// variable is not set or holds no base64, or there is no room.
bool expr_secret_get(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg);

// expr_arg_variable gives the variable that `arg` names, made in the configuration's arena, or NULL where it is not the
// name of one.
struct expr_var_ref *expr_arg_variable(struct config *config, const struct expr_arg *arg);

// expr_arg_text gives what `arg` says, or, where arg->data is a variable, that one's text. False where it has none.
bool expr_arg_text(struct expr_subject *subject, struct slice *out, const struct expr_arg *arg);
