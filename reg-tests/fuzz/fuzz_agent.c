// SPDX-License-Identifier: Apache-2.0
// Answers of agents: whatever comes, what is read stays within the line and its bounds, more bytes behind the line
// change nothing, and gaps in front of it mean nothing.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "check/agent_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_within(struct slice part, struct slice line)
{
    must(!part.len || (part.ptr >= line.ptr && part.ptr + part.len <= line.ptr + line.len));
}

static void check_answer(const struct agent_answer *answer, struct slice line)
{
    check_within(answer->word, line);
    check_within(answer->reason, line);
    check_within(answer->wrong, line);
    must((answer->op == AGENT_OP_NONE) == (answer->word.len == 0));
    must(!answer->has_weight || answer->is_percent || answer->weight <= AGENT_MAX_WEIGHT);
    for (uint32_t weight = 0; answer->has_weight && weight <= AGENT_MAX_WEIGHT; weight += 64)
        must(agent_answer_weight(answer, weight) <= AGENT_MAX_WEIGHT);
}

static void check_same(const struct agent_answer *a, const struct agent_answer *b)
{
    must(a->op == b->op && a->admin == b->admin && a->has_weight == b->has_weight && a->weight == b->weight &&
         a->is_percent == b->is_percent && a->has_maxconn == b->has_maxconn && a->maxconn == b->maxconn);
    must(slice_equal(a->word, b->word) && slice_equal(a->reason, b->reason) && slice_equal(a->wrong, b->wrong));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum { INPUT_MAX = 4096 };
    struct agent_answer answer, again;
    struct slice line;
    if (len > INPUT_MAX)
        return 0;
    // Exactly as long as what came, and later with something in front.
    char *exact = malloc(len ? len : 1), *shifted = malloc(len + 3);
    must(exact && shifted);
    memcpy(exact, data, len);
    memcpy(shifted, " ,\t", 3);
    memcpy(shifted + 3, data, len);
    bool whole = agent_answer_line(&line, slice_of(exact, len));
    must(line.len <= len && whole == (line.len < len));
    agent_answer_read(&answer, line);
    check_answer(&answer, line);
    agent_answer_read(&again, slice_of(shifted, line.len + 3));
    check_same(&answer, &again);
    free(exact);
    free(shifted);
    return 0;
}
