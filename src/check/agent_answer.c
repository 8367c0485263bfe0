// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "check/agent_answer.h"

bool agent_answer_line(struct slice *line, struct slice got)
{
    size_t cr = slice_find(got, '\r'), lf = slice_find(got, '\n');
    *line = slice_of(got.ptr, cr < lf ? cr : lf);
    return line->len < got.len;
}

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

// Words end at gaps, and before a '#'.
static struct slice next_word(struct slice *rest)
{
    while (rest->len && is_gap(*rest->ptr))
        *rest = slice_from(*rest, 1);
    size_t len = 0;
    while (len < rest->len && !is_gap(rest->ptr[len]) && rest->ptr[len] != '#')
        len++;
    struct slice word = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return word;
}

static bool begins_with(struct slice *value, struct slice word, struct slice prefix)
{
    if (word.len < prefix.len || !slice_equal_nocase(slice_of(word.ptr, prefix.len), prefix))
        return false;
    *value = slice_from(word, prefix.len);
    return true;
}

static bool read_number(uint32_t *out, struct slice text)
{
    uint64_t number;
    if (!text.len || *text.ptr < '0' || *text.ptr > '9' || !slice_to_u64(text, &number) || number > INT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool read_weight(struct agent_answer *answer, struct slice text, bool may_be_absolute)
{
    bool is_percent = text.len && text.ptr[text.len - 1] == '%';
    uint32_t weight;
    if ((!is_percent && !may_be_absolute) || !read_number(&weight, slice_of(text.ptr, text.len - is_percent)) ||
        (!is_percent && weight > AGENT_MAX_WEIGHT))
        return false;
    answer->has_weight = true;
    answer->is_percent = is_percent;
    answer->weight = weight;
    return true;
}

static const struct {
    struct slice name;
    enum agent_op op;
    enum agent_admin admin;
    bool takes_reason;
} names[] = {
    { SLICE("up"), AGENT_OP_UP, AGENT_ADMIN_NONE, false },
    { SLICE("down"), AGENT_OP_DOWN, AGENT_ADMIN_NONE, true },
    { SLICE("fail"), AGENT_OP_DOWN, AGENT_ADMIN_NONE, true },
    { SLICE("stopped"), AGENT_OP_DOWN, AGENT_ADMIN_NONE, true },
    { SLICE("ready"), AGENT_OP_NONE, AGENT_ADMIN_READY, false },
    { SLICE("drain"), AGENT_OP_NONE, AGENT_ADMIN_DRAIN, false },
    { SLICE("maint"), AGENT_OP_NONE, AGENT_ADMIN_MAINT, false },
};

// `glued`: a '#' follows without a gap, which only a word with a reason may have.
static bool read_name(struct agent_answer *answer, struct slice word, bool glued)
{
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        if (!slice_equal_nocase(word, names[i].name) || (glued && !names[i].takes_reason))
            continue;
        if (names[i].op != AGENT_OP_NONE) {
            answer->op = names[i].op;
            answer->word = word;
        } else {
            answer->admin = names[i].admin;
        }
        return true;
    }
    return false;
}

static bool read_word(struct agent_answer *answer, struct slice word, bool glued)
{
    struct slice value;
    if (read_name(answer, word, glued))
        return true;
    if (glued)
        return false;
    if (begins_with(&value, word, SLICE("weight:")))
        return read_weight(answer, value, true);
    if (!begins_with(&value, word, SLICE("maxconn:")))
        return read_weight(answer, word, false);
    if (!read_number(&answer->maxconn, value))
        return false;
    answer->has_maxconn = true;
    return true;
}

void agent_answer_read(struct agent_answer *answer, struct slice line)
{
    *answer = (struct agent_answer){ 0 };
    while (line.len) {
        struct slice word = next_word(&line);
        bool has_reason = line.len && *line.ptr == '#';
        if (word.len && !read_word(answer, word, has_reason) && !answer->wrong.len)
            answer->wrong = word;
        // The rest of the line is for people, whatever it holds.
        if (has_reason) {
            answer->reason = slice_trim(slice_from(line, 1));
            return;
        }
    }
}

uint32_t agent_answer_weight(const struct agent_answer *answer, uint32_t configured)
{
    uint64_t weight = answer->is_percent ? (uint64_t)configured * answer->weight / 100 : answer->weight;
    return weight < AGENT_MAX_WEIGHT ? (uint32_t)weight : AGENT_MAX_WEIGHT;
}
