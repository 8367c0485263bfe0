// SPDX-License-Identifier: Apache-2.0
// What the commands about maps and ACLs share: which list, and which version of it, a command means. Private to the
// area; used in the controller.
#pragma once

#include "admin/command.h"
#include "expr/list.h"

struct admin_list_args {
    struct expr_list *list;
    bool is_map;      // what the command is about
    bool has_version; // "@<ver>" was given
    uint32_t version; // as given, 0 without
    uint32_t next;    // the argument that follows
};

// admin_list_is_map says whether the command is about maps; else it is about ACLs.
bool admin_list_is_map(const struct admin_call *call);

// admin_list_what gives "map" or "ACL", as HAProxy's messages have it.
const char *admin_list_what(bool is_map);

// admin_list_read reads "[@<ver>] <list>" from the start of the arguments. False after refusing.
bool admin_list_read(struct admin_call *call, struct admin_list_args *args);

// admin_list_is_there says whether the version that was asked for can be looked at: one that was committed over, or was
// never prepared, holds nothing.
bool admin_list_is_there(const struct admin_list_args *args);
