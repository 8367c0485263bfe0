// SPDX-License-Identifier: Apache-2.0
// What all workers say of the same things, side by side: each answers an inquiry with lines of a name and numbers; the
// columns of one name stand together here. Private to the area.
#pragma once

#include "admin/inquire.h"

enum { SPREAD_ANSWER = 4096, SPREAD_NUMBERS = 4, SPREAD_NAME = 32 };

struct spread_worker {
    uint32_t inc;
    uint32_t slot;
    uint32_t generation;
    int32_t pid;
    uint32_t len;
    char answer[SPREAD_ANSWER];
};

// One block of memory, so that it may be the state of a command.
struct spread {
    uint32_t num;
    uint32_t cap;
    struct spread_worker workers[];
};

// spread_gather is called each time the command runs until it gives ADMIN_DONE; call->state is then a struct spread (or
// NULL where memory is out). Verdicts are those of admin_inquire; nothing but what that says of workers that do not
// answer goes to call->out.
enum admin_verdict spread_gather(struct admin_call *call, enum board_inquiry_type type);

// spread_line walks over the lines of the answer of `worker`, from `*at` (0 at first): the name goes to `name` (room
// SPREAD_NAME), its numbers, those that are missing being 0, to `numbers`. False at the end.
bool spread_line(const struct spread_worker *worker, uint32_t *at, char *name, uint64_t numbers[SPREAD_NUMBERS]);

// spread_find gives the numbers that `worker` has for `name`, 0 for those it does not.
void spread_find(const struct spread_worker *worker, const char *name, uint64_t numbers[SPREAD_NUMBERS]);
