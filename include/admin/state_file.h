// SPDX-License-Identifier: Apache-2.0
// State files: what servers were doing, written by `show servers state` and read when a configuration is loaded, in the
// format of HAProxy's management guide (version 1). What the board knows of a server counts for more: a file says how a
// server begins of which the board knows nothing, at a start of the whole program or where it is new. Written in the
// controller, read in the keeper.
#pragma once

#include "base/text.h"
#include "proxy/conf.h"

// admin_state_file_head appends the version and the names of the fields.
void admin_state_file_head(struct text *out);

// admin_state_file_rows appends a line for each server of `proxy`.
void admin_state_file_rows(struct text *out, const struct proxy_conf *proxy);

// admin_state_files_load reads the files that `program` names and gives the servers that began with this generation
// (backend_states_adopt) the states found there. What is wrong with a file is a warning in `messages`.
void admin_state_files_load(struct text *messages, const struct program_conf *program);
