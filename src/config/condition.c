// SPDX-License-Identifier: Apache-2.0
// The condition language of manual section 2.4. Operands have no effects, so that all of them are evaluated and a
// malformed one is found wherever it stands.
#include <string.h>
#include "config/line.h"

enum { CONDITION_DEPTH = 64 };

struct condition {
    struct config *config;
    const char *text;
    size_t pos;
    const char *error;
    size_t error_at;
    unsigned depth;
};

static bool condition_or(struct condition *cond, bool *result);

static bool condition_fail(struct condition *cond, size_t at, const char *error)
{
    cond->error = error;
    cond->error_at = at;
    return false;
}

static char condition_peek(struct condition *cond)
{
    while (cond->text[cond->pos] == ' ' || cond->text[cond->pos] == '\t')
        cond->pos++;
    return cond->text[cond->pos];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void condition_integer(struct condition *cond, bool *result)
{
    *result = false;
    if (!is_digit(cond->text[cond->pos]))
        cond->pos++;
    for (; is_digit(cond->text[cond->pos]); cond->pos++)
        *result |= cond->text[cond->pos] != '0';
}

static bool condition_parentheses(struct condition *cond, bool *result)
{
    size_t open = cond->pos++;
    if (!condition_or(cond, result))
        return false;
    if (condition_peek(cond) != ')')
        return condition_fail(cond, open, "this parenthesis is not closed by a matching ')'");
    cond->pos++;
    return true;
}

static bool condition_term(struct condition *cond, bool *result)
{
    bool negated = false;
    char c;
    for (; (c = condition_peek(cond)) == '!'; cond->pos++)
        negated = !negated;
    size_t at = cond->pos;
    char lower = slice_lower(c);
    if (c == '(') {
        if (cond->depth == CONDITION_DEPTH)
            return condition_fail(cond, at, "too many nested parentheses");
        cond->depth++;
        if (!condition_parentheses(cond, result))
            return false;
        cond->depth--;
    } else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(cond->text[at + 1]))) {
        condition_integer(cond, result);
    } else if (lower >= 'a' && lower <= 'z') {
        if (!config_predicate_eval(cond->config, result, &cond->error, &cond->error_at, cond->text, &cond->pos))
            return false;
    } else {
        return condition_fail(cond, at, "expected an integer, a predicate, '!' or '('");
    }
    *result ^= negated;
    return true;
}

static bool condition_take(struct condition *cond, const char *operator)
{
    condition_peek(cond);
    bool here = strncmp(cond->text + cond->pos, operator, 2) == 0;
    cond->pos += here ? 2 : 0;
    return here;
}

static bool condition_and(struct condition *cond, bool *result)
{
    if (!condition_term(cond, result))
        return false;
    while (condition_take(cond, "&&")) {
        bool right;
        if (!condition_term(cond, &right))
            return false;
        *result &= right;
    }
    return true;
}

static bool condition_or(struct condition *cond, bool *result)
{
    if (!condition_and(cond, result))
        return false;
    while (condition_take(cond, "||")) {
        bool right;
        if (!condition_and(cond, &right))
            return false;
        *result |= right;
    }
    return true;
}

bool config_condition_eval(struct config *config, bool *result, const char **error, size_t *error_at, const char *text)
{
    struct condition cond = { .config = config, .text = text };
    *result = false;
    if (condition_peek(&cond) == '\0')
        return true;
    bool ok = condition_or(&cond, result);
    if (ok && condition_peek(&cond) != '\0')
        ok = condition_fail(&cond, cond.pos, "unexpected text after the end of the condition");
    *error = cond.error;
    *error_at = cond.error_at;
    *result &= ok;
    return ok;
}

// Splitting reports to the diagnostics; here its first message is the answer.
bool config_condition(struct config *config, bool *result, const char **error, const char *text)
{
    struct config_diag *own = arena_alloc(config->arena, sizeof(*own)), *outer = config->diag;
    config_diag_init(own, config->arena);
    config->diag = own;
    struct config_line line;
    struct config_place place = { .file = "", .text = arena_str(config->arena, text) };
    bool ok = config_line_split(config, &line, place, strlen(text));
    config->diag = outer;
    *result = false;
    *error = NULL;
    if (!ok) {
        *error = own->first->text;
        return false;
    }
    size_t error_at;
    const char *joined = config_args_join(config, line.args, line.num_args);
    ok = config_condition_eval(config, result, error, &error_at, joined);
    if (!ok)
        *error = arena_printf(config->arena, "%s at '%s'", *error, joined + error_at);
    return ok;
}
