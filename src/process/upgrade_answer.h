// SPDX-License-Identifier: Apache-2.0
// What the process that checks another program tells the master, beside its exit status and what it printed: that it is
// this program at all, its version, and what of the board it cannot read. One record in a memory file that the master
// made; the layout never changes, so that older and newer images understand each other: what differs gets another
// magic.
#pragma once

#include <stdint.h>

#define UPGRADE_ANSWER_MAGIC UINT64_C(0x3173657964656c66)

enum { UPGRADE_NOT_EXECUTED = 126 }; // exit status: the file cannot be executed

struct upgrade_answer {
    uint64_t magic;
    char version[64];
    char afresh[1984]; // names of sections, with commas between them; "" for none
};
