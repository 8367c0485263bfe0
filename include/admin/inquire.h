// SPDX-License-Identifier: Apache-2.0
// What only workers know, for a command: the same question goes to all workers of all generations, one after the other,
// or to the one the command was sent to, and their answers come out behind each other. Private to the area.
#pragma once

#include "admin/command.h"
#include "board/inquiry.h"

// admin_inquire is called each time the command runs, with the same question, until it gives ADMIN_DONE; it appends
// what has come to `out`, and gives ADMIN_MORE where the session shall send that and come back, or ADMIN_WAIT. A worker
// that says nothing for a second, or dies before it has answered, is passed over, with a line of its own in call->out
// that begins with "# ".
enum admin_verdict admin_inquire(struct admin_call *call, enum board_inquiry_type type, const void *question,
                                 size_t len, struct text *out);

// admin_inquire_one does so with the worker `inc` alone; it must be one that the command may ask.
enum admin_verdict admin_inquire_one(struct admin_call *call, uint32_t inc, enum board_inquiry_type type,
                                     const void *question, size_t len, struct text *out);

// admin_inquire_inc gives the worker that is being asked, 0 before the first.
uint32_t admin_inquire_inc(const struct admin_call *call);

// admin_inquire_end gives up what is under way; nothing where there is nothing.
void admin_inquire_end(struct admin_call *call);

// admin_inquire_lives says whether `inc` is a live worker, which can be asked.
bool admin_inquire_lives(const struct admin *admin, uint32_t inc);
