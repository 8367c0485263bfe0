// SPDX-License-Identifier: Apache-2.0
// What an agent answers (`agent-check`): one line of words. Pure: it reads bytes and changes nothing. Runs in the
// controller. HAProxy manual, "agent-check".
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum agent_op { AGENT_OP_NONE, AGENT_OP_UP, AGENT_OP_DOWN };

enum agent_admin { AGENT_ADMIN_NONE, AGENT_ADMIN_READY, AGENT_ADMIN_DRAIN, AGENT_ADMIN_MAINT };

enum { AGENT_MAX_WEIGHT = 256 };

// Slices point into the line.
struct agent_answer {
    enum agent_op op;       // of several words that say so the last counts
    enum agent_admin admin; // likewise
    bool has_weight;
    bool is_percent; // `weight` is a share of the configured weight
    bool has_maxconn;
    uint32_t weight; // 0 to AGENT_MAX_WEIGHT, or a percentage of any size
    uint32_t maxconn;
    struct slice word;   // that said `op`, as it was written, without its reason
    struct slice reason; // what stood behind '#', trimmed
    struct slice wrong;  // the first word that means nothing
};

// agent_answer_line finds the line in `got`, all that came so far: it ends before the first CR or LF. False where it
// has not ended yet.
bool agent_answer_line(struct slice *line, struct slice got);

// agent_answer_read takes `line` apart. What it does not know it notes in `wrong`, and goes on.
void agent_answer_read(struct agent_answer *answer, struct slice line);

// agent_answer_weight gives what the weight of a server becomes whose configured weight is `configured`; at most
// AGENT_MAX_WEIGHT.
uint32_t agent_answer_weight(const struct agent_answer *answer, uint32_t configured);
