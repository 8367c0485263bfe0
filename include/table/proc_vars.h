// SPDX-License-Identifier: Apache-2.0
// Variables of the whole service (scope "proc"): a table on the board, seen by all processes of all generations. A
// variable gets its place on first use and keeps it. Each has two values, one in use and one that its next writer
// fills: readers never wait, and a writer that dies leaves what was there. Writers of one variable take its lock, which
// holds the incarnation of its owner and is taken over from the dead. Any process may use it; nothing here allocates or
// waits for more than a moment.
#pragma once

#include "expr/sample.h"
#include "expr/subject.h"

struct board;
struct table_proc_table;

enum {
    TABLE_PROC_VARS = 1024,     // variables
    TABLE_PROC_VAR_TEXT = 4096, // most bytes of a value
    TABLE_PROC_VAR_NAME = 128,  // of a name with its scope, terminator included; longer ones are shown cut
};

// The board section, for those who pass it on to the next generation.
#define TABLE_PROC_VARS_SECTION "proc-vars"

// What a process keeps of it; `vars` is for struct expr_process.
struct table_proc_vars {
    struct table_proc_table *table;
    struct board *board;
    struct expr_proc_vars vars;
};

// table_proc_vars_init finds the table on `board`, or makes it (keeper, before it forks). False with errno where that
// fails.
bool table_proc_vars_init(struct table_proc_vars *vars, struct board *board);

// table_proc_vars_each visits all variables that have a value, in no order; texts are in `scratch` for the time of the
// call.
void table_proc_vars_each(struct table_proc_vars *vars, struct expr_scratch *scratch,
                          void (*visit)(void *arg, const char *name, const struct expr_sample *value), void *arg);
