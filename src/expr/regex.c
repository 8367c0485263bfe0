// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "base/check.h"
#include "expr/pattern.h"
#include "expr/regex.h"

enum { REGEX_STACK_START = 32 * 1024, REGEX_STACK_MAX = 256 * 1024 };

struct regex {
    struct regex *next;
    pcre2_code *code;
    bool compiled; // to machine code; otherwise PCRE2 interprets, and wants memory of its own for each match
};

struct expr_regexes {
    struct arena *arena;
    struct regex *first;
    struct regex **last;
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_match_data *result;
    bool sealed;
};

static void *regex_malloc(size_t len, void *data)
{
    return arena_alloc(data, len);
}

// The arena gives nothing back before its end.
static void regex_free(void *ptr, void *data)
{
    (void)ptr, (void)data;
}

struct expr_regexes *expr_regexes_new(struct arena *arena)
{
    struct expr_regexes *list = arena_alloc(arena, sizeof(*list));
    list->arena = arena;
    list->last = &list->first;
    list->memory = pcre2_general_context_create(regex_malloc, regex_free, arena);
    must(list->memory);
    list->limits = pcre2_match_context_create(list->memory);
    list->result = pcre2_match_data_create(1, list->memory);
    must(list->limits && list->result);
    pcre2_set_match_limit(list->limits, EXPR_REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(list->limits, EXPR_REGEX_DEPTH_LIMIT);
    pcre2_set_heap_limit(list->limits, EXPR_REGEX_HEAP_LIMIT_KIB);
    return list;
}

const char *expr_regexes_add(struct expr_regexes *list, struct slice text, bool nocase)
{
    must(!list->sealed);
    int error;
    PCRE2_SIZE at;
    pcre2_compile_context *context = pcre2_compile_context_create(list->memory);
    must(context);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, nocase ? PCRE2_CASELESS : 0, &error, &at, context);
    if (!code) {
        unsigned char message[160];
        pcre2_get_error_message(error, message, sizeof(message));
        return arena_printf(list->arena, "invalid regular expression, at its byte %zu: %s", at, (const char *)message);
    }
    struct regex *regex = arena_alloc(list->arena, sizeof(*regex));
    regex->code = code;
    regex->compiled = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
    *list->last = regex;
    list->last = &regex->next;
    return NULL;
}

void expr_regexes_seal(struct expr_regexes *list)
{
    if (list->first) {
        pcre2_jit_stack *stack = pcre2_jit_stack_create(REGEX_STACK_START, REGEX_STACK_MAX, list->memory);
        if (stack)
            pcre2_jit_stack_assign(list->limits, NULL, stack);
    }
    list->sealed = true;
}

static bool interpret(const struct expr_regexes *list, const struct regex *regex, PCRE2_SPTR subject, size_t len)
{
    pcre2_match_data *result = pcre2_match_data_create(1, NULL);
    if (!result)
        return false;
    bool match = pcre2_match(regex->code, subject, len, 0, 0, result, list->limits) >= 0;
    pcre2_match_data_free(result);
    return match;
}

bool expr_regexes_match(const struct expr_regexes *list, struct slice str)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(str.len ? str.ptr : "");
    for (const struct regex *regex = list->first; regex; regex = regex->next) {
        if (!regex->compiled) {
            if (interpret(list, regex, subject, str.len))
                return true;
        } else if (pcre2_match(regex->code, subject, str.len, 0, 0, list->result, list->limits) >= 0) {
            return true;
        }
    }
    return false;
}
