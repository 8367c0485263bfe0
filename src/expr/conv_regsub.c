// SPDX-License-Identifier: Apache-2.0
// Replacing what a regular expression matches, as "s/regex/subst/" of sed does.
#include "expr/bytes.h"
#include "expr/regex.h"

// args[0].data is the expression, args[2].num says whether all matches are replaced.
static const char *prepare_regsub(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *error;
    bool nocase = false;
    if (args[0].str.len == 0)
        return "a regular expression is expected";
    for (size_t i = 0; num == 3 && i < args[2].str.len; i++) {
        if (args[2].str.ptr[i] != 'i' && args[2].str.ptr[i] != 'g')
            return "its flags are 'i' and 'g'";
        nocase |= args[2].str.ptr[i] == 'i';
        args[2].num |= args[2].str.ptr[i] == 'g';
    }
    args[0].data = expr_regex_in(config->arena, &error, args[0].str, nocase);
    return args[0].data ? NULL : error;
}

// A result that grows in the scratch.
struct output {
    char *ptr;
    size_t room;
    size_t len;
};

static bool add(struct output *out, const char *from, size_t len)
{
    if (out->room - out->len < len)
        return false;
    if (len)
        memcpy(out->ptr + out->len, from, len);
    out->len += len;
    return true;
}

static bool conv_regsub(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice in = sample->str.ptr ? sample->str : SLICE("");
    struct expr_groups groups;
    size_t at = 0;
    if (!expr_regex_exec(args[0].data, in, &groups))
        return true;
    struct output out = { 0 };
    out.ptr = expr_scratch_rest(&subject->process->scratch, &out.room);
    do {
        size_t start = (size_t)(groups.group[0].ptr - in.ptr), end = start + groups.group[0].len;
        if (!add(&out, in.ptr + at, start - at))
            return false;
        size_t len = expr_regex_expand(out.ptr + out.len, out.room - out.len, args[1].str, &groups);
        if (len == SIZE_MAX)
            return false;
        out.len += len;
        // A match of nothing is passed by one byte, but only from where the search for it began: as with HAProxy, one
        // that was found further on is found once more.
        bool stuck = end == at;
        at = end;
        if (stuck && at < in.len && !add(&out, in.ptr + at, 1))
            return false;
        at += stuck;
    } while (args[2].num && at <= in.len && expr_regex_exec_from(args[0].data, in, at, &groups));
    if (at < in.len && !add(&out, in.ptr + at, in.len - at))
        return false;
    return expr_sample_take(sample, &subject->process->scratch, EXPR_STR, out.len);
}

static const struct expr_conv rows[] = {
    { .name = "regsub",
      .args = "<regex>,<subst>[,<flags>]",
      .min_args = 2,
      .max_args = 3,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_regsub,
      .convert = conv_regsub,
      .help =
          "The text with the first match of a regular expression replaced, or all of them with the flag 'g'; 'i' "
          "ignores the case of letters. \"\\1\" in the replacement stands for the first group, \"\\0\" for the match.",
      .good = "str(/a///b//c),regsub(/+,/,g)",
      .gives = "/a/b/c",
      .bad = "str(a),regsub(a,b,x)",
      .bad_says = "its flags are 'i' and 'g'" },
};
EXPR_CONVERTERS(rows);
