// SPDX-License-Identifier: Apache-2.0
// The environment that a configuration sees: the process's own when reading began, HAProxy's predefined variables
// (manual section 2.3), and what setenv, presetenv, unsetenv and resetenv made of it, at once for the lines that
// follow. It is a copy, so that a configuration which turns out wrong leaves the process as it was. Owned by struct
// config.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/slice.h"

struct config_env {
    char **entries; // "NAME=value" each
    size_t num;
    size_t cap;
    bool is_private; // never exported: for fuzzing, and for checks that must leave no trace
};

// config_env_new copies the process's environment and adds the predefined variables that it lacks. Never NULL.
struct config_env *config_env_new(void);

// config_env_free frees `env`.
void config_env_free(struct config_env *env);

// config_env_get gives the value of `name`, or NULL where it is not set; valid until `env` changes.
const char *config_env_get(const struct config_env *env, struct slice name);

// config_env_set sets `name` to `value`; where it is set already, only if `overwrite`.
void config_env_set(struct config_env *env, const char *name, const char *value, bool overwrite);

// config_env_unset removes `name`, if it is there.
void config_env_unset(struct config_env *env, const char *name);

// config_env_name_is_valid says whether `name` may name a variable: letters, digits and '_', no digit first.
bool config_env_name_is_valid(struct slice name);

// config_env_export makes the process's environment the same as `env`, unless that is private.
void config_env_export(const struct config_env *env);
