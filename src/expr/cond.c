// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/acl.h"

// One ACL of a condition. Terms follow each other; one with `or_before` begins the next alternative.
struct term {
    const struct expr_acl *acl;
    bool negated;
    bool or_before;
};

struct expr_cond {
    bool unless;
    const struct expr_test *lone; // what `{ }` alone holds, as most conditions are; NULL: another condition
    uint32_t num_terms;
    struct term terms[];
};

struct parser {
    struct config *config;
    const struct config_line *line;
    struct expr_acl *scope;
    uint32_t when;
    uint32_t at; // the argument to read next
};

static bool is_word(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

bool expr_is_cond(const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    return is_word(arg, "if") || is_word(arg, "unless");
}

static bool is_or(const struct config_arg *arg)
{
    return is_word(arg, "or") || is_word(arg, "||");
}

static bool report_unknown(struct parser *parser, uint32_t index, const char *name)
{
    size_t num = 0;
    while (expr_predefined_name(num))
        num++;
    for (const struct expr_acl *acl = parser->scope; acl; acl = acl->next)
        num++;
    const char **known = arena_alloc(parser->config->arena, num * sizeof(*known));
    num = 0;
    for (const char *word; (word = expr_predefined_name(num));)
        known[num++] = word;
    for (const struct expr_acl *acl = parser->scope; acl; acl = acl->next)
        known[num++] = acl->name;
    const char *nearest = config_nearest(name, known, num);
    return config_error(parser->config, parser->line, index, "unknown ACL '%s'%s%s%s", name,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static bool check_tests(struct parser *parser, uint32_t index, const struct expr_acl *acl)
{
    for (const struct expr_test *test = acl->first; test; test = test->next) {
        if (!acl->name && !expr_check_when(parser->config, parser->line, index, &test->expr, parser->when))
            return false;
        if (test->expr.when & parser->when)
            continue;
        return config_error(parser->config, parser->line, index,
                            "ACL '%s' cannot be used here: its fetch '%s' is not available", acl->name,
                            test->expr.fetch->name);
    }
    return true;
}

static const struct expr_acl *parse_named(struct parser *parser, const char *name)
{
    uint32_t index = parser->at++;
    struct expr_acl *acl = expr_acl_find(parser->scope, name);
    if (!acl) {
        bool found;
        acl = expr_predefined_parse(parser->config, &found, parser->line, index, name);
        if (!found)
            report_unknown(parser, index, name);
    }
    if (!acl || !check_tests(parser, index, acl))
        return NULL;
    acl->used_at |= parser->when;
    return acl;
}

// What stands between `{` and `}` as words of their own.
static const struct expr_acl *parse_anonymous(struct parser *parser)
{
    uint32_t open = parser->at++, end = parser->at;
    const struct config_arg *arg;
    while ((arg = config_arg_at(parser->line, end)) && !is_word(arg, "}"))
        end++;
    if (!arg || end == parser->at) {
        config_error(parser->config, parser->line, open, arg ? "'{ }' holds no fetch" : "'{' without its '}'");
        parser->at = arg ? end + 1 : end;
        return NULL;
    }
    uint32_t fetch_at = parser->at;
    parser->at = end + 1;
    struct expr_test *test = expr_test_parse(parser->config, parser->line, fetch_at, end);
    if (!test)
        return NULL;
    struct expr_acl *acl = expr_acl_new(parser->config, NULL, parser->line->place);
    expr_acl_append(acl, test);
    return check_tests(parser, fetch_at, acl) ? acl : NULL;
}

static bool parse_term(struct parser *parser, struct term *term)
{
    const struct config_arg *arg = config_arg_at(parser->line, parser->at);
    const char *name = arg->str;
    // `!` may stand alone or before its ACL, and any number of times.
    while (*name == '!') {
        term->negated = !term->negated;
        if (*++name != '\0')
            continue;
        arg = config_arg_at(parser->line, ++parser->at);
        if (!arg || is_or(arg))
            return config_error(parser->config, parser->line, parser->at, "an ACL is expected after '!'");
        name = arg->str;
    }
    term->acl = strcmp(name, "{") == 0 ? parse_anonymous(parser) : parse_named(parser, name);
    return term->acl != NULL;
}

const struct expr_cond *expr_cond_parse(struct config *config, const struct config_line *line, uint32_t index,
                                        struct expr_acl *const *scope, uint32_t when)
{
    must(expr_is_cond(line, index));
    uint32_t end = line->num_args - line->first;
    struct expr_cond *cond = arena_alloc(config->arena, sizeof(*cond) + (end - index) * sizeof(cond->terms[0]));
    cond->unless = is_word(config_arg_at(line, index), "unless");
    struct parser parser = { .config = config, .line = line, .scope = scope ? *scope : NULL, .when = when };
    parser.at = index + 1;
    bool ok = true, after_or = false;
    while (parser.at < end) {
        const struct config_arg *arg = config_arg_at(line, parser.at);
        if (is_or(arg)) {
            if (cond->num_terms == 0 || after_or) {
                config_error(config, line, parser.at, "an ACL is expected before '%s'", arg->str);
                return NULL;
            }
            after_or = true;
            parser.at++;
            continue;
        }
        struct term *term = &cond->terms[cond->num_terms++];
        term->or_before = after_or;
        after_or = false;
        // On to the next term after an error, so that one reading reports all.
        ok = parse_term(&parser, term) && ok;
    }
    if (cond->num_terms == 0 || after_or)
        ok = config_error(config, line, end, "an ACL is expected at the end of the condition");
    // One with a name may still get further lines.
    if (ok && cond->num_terms == 1 && !cond->terms[0].negated && !cond->terms[0].acl->name)
        cond->lone = cond->terms[0].acl->first;
    return ok ? cond : NULL;
}

// HAProxy's rule: a term that cannot be decided yet leaves its alternative open unless another term of it fails, and
// an alternative that holds settles all.
static enum expr_truth eval_terms(const struct expr_cond *cond, struct expr_subject *subject)
{
    enum expr_truth holds = EXPR_YES, best = EXPR_NO;
    for (uint32_t i = 0; i < cond->num_terms; i++) {
        const struct term *term = &cond->terms[i];
        if (term->or_before) {
            if (holds == EXPR_YES)
                break;
            best = expr_truth_or(best, holds);
            holds = EXPR_YES;
        }
        if (holds == EXPR_NO)
            continue;
        enum expr_truth truth = expr_acl_test(term->acl, subject);
        if (term->negated)
            truth = expr_truth_not(truth);
        holds = truth == EXPR_YES ? holds : truth;
    }
    return expr_truth_or(best, holds);
}

static inline enum expr_truth eval(const struct expr_cond *cond, struct expr_subject *subject)
{
    enum expr_truth truth = cond->lone ? expr_test_run(cond->lone, subject) : eval_terms(cond, subject);
    return cond->unless ? expr_truth_not(truth) : truth;
}

bool expr_cond_true(const struct expr_cond *cond, struct expr_subject *subject)
{
    if (!cond)
        return true;
    bool final = subject->final;
    subject->final = true;
    enum expr_truth truth = eval(cond, subject);
    subject->final = final;
    return truth == EXPR_YES;
}

enum expr_truth expr_cond_test(const struct expr_cond *cond, struct expr_subject *subject)
{
    return cond ? eval(cond, subject) : EXPR_YES;
}
