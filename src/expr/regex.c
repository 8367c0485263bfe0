// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/bytes.h"
#include "expr/regex.h"

enum { REGEX_STACK_START = 32 * 1024, REGEX_STACK_MAX = 256 * 1024 };

struct expr_regex {
    pcre2_code *code;
    uint32_t min_len; // no shorter text can match
    bool compiled;    // to machine code; otherwise PCRE2 interprets, and wants memory of its own for each match
};

// What all expressions share while they match, made with the first of them and freed with the last.
static struct {
    uint64_t num_users;
    pcre2_match_context *limits;
    pcre2_match_data *result;
    pcre2_jit_stack *stack;
} regex_shared;

static void shared_take(void)
{
    if (regex_shared.num_users++)
        return;
    regex_shared.limits = pcre2_match_context_create(NULL);
    regex_shared.result = pcre2_match_data_create(EXPR_MAX_GROUPS, NULL);
    if (!regex_shared.limits || !regex_shared.result)
        check_out_of_memory(EXPR_MAX_GROUPS * 2 * sizeof(PCRE2_SIZE));
    pcre2_set_match_limit(regex_shared.limits, EXPR_REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(regex_shared.limits, EXPR_REGEX_DEPTH_LIMIT);
    pcre2_set_heap_limit(regex_shared.limits, EXPR_REGEX_HEAP_LIMIT_KIB);
    regex_shared.stack = pcre2_jit_stack_create(REGEX_STACK_START, REGEX_STACK_MAX, NULL);
    if (regex_shared.stack)
        pcre2_jit_stack_assign(regex_shared.limits, NULL, regex_shared.stack);
}

static void shared_give(void)
{
    if (--regex_shared.num_users)
        return;
    pcre2_match_data_free(regex_shared.result);
    pcre2_match_context_free(regex_shared.limits);
    pcre2_jit_stack_free(regex_shared.stack);
}

struct expr_regex *expr_regex_new(struct arena *errors, const char **error, struct slice text, bool nocase)
{
    int number;
    PCRE2_SIZE at;
    PCRE2_SPTR pattern = (PCRE2_SPTR)(text.len ? text.ptr : "");
    pcre2_code *code = pcre2_compile(pattern, text.len, nocase ? PCRE2_CASELESS : 0, &number, &at, NULL);
    if (!code) {
        unsigned char message[160];
        pcre2_get_error_message(number, message, sizeof(message));
        *error = arena_printf(errors, "invalid regular expression, at its byte %zu: %s", at, (const char *)message);
        return NULL;
    }
    struct expr_regex *regex = calloc(1, sizeof(*regex));
    if (!regex)
        check_out_of_memory(sizeof(*regex));
    shared_take();
    regex->code = code;
    (void)pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &regex->min_len);
    // A pattern may ask for no machine code, "(*NO_JIT)", which is no failure: its size tells.
    size_t size = 0;
    regex->compiled = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 &&
                      pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
    return regex;
}

static void regex_drop(void *regex)
{
    expr_regex_free(regex);
}

struct expr_regex *expr_regex_in(struct arena *arena, const char **error, struct slice text, bool nocase)
{
    struct expr_regex *regex = expr_regex_new(arena, error, text, nocase);
    if (regex)
        arena_defer(arena, regex_drop, regex);
    return regex;
}

void expr_regex_free(struct expr_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->code);
    free(regex);
    shared_give();
}

static void groups_set(struct expr_groups *groups, struct slice subject, uint32_t num)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex_shared.result);
    groups->num = num;
    for (uint32_t i = 0; i < num; i++) {
        // Older PCRE2 let \K within a lookahead put the start behind the end.
        PCRE2_SIZE start = ends[2 * i], end = ends[2 * i + 1];
        bool is_set = start != PCRE2_UNSET && end != PCRE2_UNSET && start <= end;
        groups->group[i] = is_set ? slice_of(subject.ptr + start, end - start) : slice_of(NULL, 0);
    }
}

bool expr_regex_exec_from(const struct expr_regex *regex, struct slice subject, size_t from, struct expr_groups *groups)
{
    if (!subject.ptr)
        subject.ptr = "";
    must(from <= subject.len);
    if (subject.len < regex->min_len)
        return false;
    PCRE2_SPTR ptr = (PCRE2_SPTR)subject.ptr;
    int num = regex->compiled
                  ? pcre2_jit_match(regex->code, ptr, subject.len, from, 0, regex_shared.result, regex_shared.limits)
                  : pcre2_match(regex->code, ptr, subject.len, from, 0, regex_shared.result, regex_shared.limits);
    if (num < 0)
        return false;
    // 0: there are more groups than fit.
    if (groups)
        groups_set(groups, subject, num ? (uint32_t)num : EXPR_MAX_GROUPS);
    return true;
}

bool expr_regex_exec(const struct expr_regex *regex, struct slice subject, struct expr_groups *groups)
{
    return expr_regex_exec_from(regex, subject, 0, groups);
}

// The bytes that the escape at `*at` (a backslash) stands for; `*at` moves past it.
static struct slice escape_read(struct slice format, size_t *at, char *byte, const struct expr_groups *groups)
{
    const char *ptr = format.ptr + *at;
    size_t left = format.len - *at;
    if (left < 2) {
        (*at)++;
        return slice_of(ptr, 1);
    }
    *at += 2;
    if (ptr[1] >= '0' && ptr[1] <= '9') {
        uint32_t n = (uint32_t)(ptr[1] - '0');
        return n < groups->num && groups->group[n].ptr ? groups->group[n] : slice_of("", 0);
    }
    if (ptr[1] == 'x' && left >= 4 && slice_hex_digit(ptr[2]) >= 0 && slice_hex_digit(ptr[3]) >= 0) {
        *at += 2;
        *byte = (char)(slice_hex_digit(ptr[2]) << 4 | slice_hex_digit(ptr[3]));
        return slice_of(byte, 1);
    }
    return slice_of(ptr + 1, 1);
}

size_t expr_regex_expand(char *dst, size_t cap, struct slice format, const struct expr_groups *groups)
{
    size_t len = 0;
    for (size_t at = 0; at < format.len;) {
        struct slice rest = slice_from(format, at), part = slice_of(rest.ptr, slice_find(rest, '\\'));
        char byte;
        if (part.len)
            at += part.len;
        else
            part = escape_read(format, &at, &byte, groups);
        if (part.len > cap - len)
            return SIZE_MAX;
        if (part.len)
            memcpy(dst + len, part.ptr, part.len);
        len += part.len;
    }
    return len;
}
