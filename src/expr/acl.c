// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/acl.h"
#include "expr/list.h"

static bool is_operator(struct slice word)
{
    return word.len == 2 &&
           (slice_equal(word, SLICE("eq")) || slice_equal(word, SLICE("ge")) || slice_equal(word, SLICE("gt")) ||
            slice_equal(word, SLICE("le")) || slice_equal(word, SLICE("lt")));
}

static bool add_list(struct config *config, struct expr_test *test, const struct config_line *line, uint32_t index,
                     bool nocase, bool is_map)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct expr_list *list;
    const char *wrong = expr_list_load(&list, config, slice_of(arg->str, arg->len), is_map);
    if (wrong)
        return config_error(config, line, index, "%s", wrong);
    const struct expr_patterns *patterns = expr_list_index(list, &wrong, config, test->match, nocase);
    if (!patterns)
        return config_error(config, line, index, "%s", wrong);
    expr_list_used(list, is_map, line->place);
    expr_list_serve_acl(list);
    expr_patterns_join(test->patterns, patterns);
    return true;
}

// -m comes before whatever fills the patterns, for it says how they are read.
static bool set_match(struct config *config, struct expr_test *test, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    enum expr_match match = arg ? expr_match_find(slice_of(arg->str, arg->len)) : EXPR_MATCH_DEFAULT;
    if (match == EXPR_MATCH_DEFAULT) {
        const char *known[EXPR_MATCH_VERSION] = { NULL };
        for (int i = EXPR_MATCH_FOUND; i < EXPR_MATCH_VERSION; i++)
            known[i] = expr_match_name((enum expr_match)i);
        return config_error_unknown(config, line, index, "matching method", known, NUM_ITEMS(known));
    }
    if (test->patterns)
        return config_error(config, line, index, "-m comes before -f and all values");
    test->match = match;
    return true;
}

// What the samples of the test come from, for messages.
static const char *source_of(struct config *config, const struct expr_test *test)
{
    const struct expr *expr = &test->expr;
    return expr->num_steps ? arena_printf(config->arena, "converter '%s'", expr->steps[expr->num_steps - 1].conv->name)
                           : arena_printf(config->arena, "fetch '%s'", expr->fetch->name);
}

static bool make_patterns(struct config *config, struct expr_test *test, const struct config_line *line, uint32_t index)
{
    if (test->patterns)
        return true;
    enum expr_type type = test->expr.out;
    if (test->match == EXPR_MATCH_DEFAULT)
        return config_error(config, line, index, "%s gives %s: -m must say how to match them", source_of(config, test),
                            type == EXPR_ANY ? "samples of any type"
                                             : arena_printf(config->arena, "%s samples", expr_type_name(type)));
    if (type != EXPR_ANY && !expr_match_allows(test->match, type))
        return config_error(config, line, index, "%s gives %s samples, which -m %s cannot match",
                            source_of(config, test), expr_type_name(type), expr_match_name(test->match));
    test->patterns = expr_patterns_new(config->arena, test->match);
    return true;
}

struct flags {
    bool nocase;
    bool is_map;    // -M: the lists of -f have values, which do not matter here
    bool loaded;    // a file gave values, or none: an empty file is an honest empty list
    uint32_t id_at; // the argument of -u, 0: none
    uint32_t id;    // of the list that the values of the line are
};

static bool set_id(struct config *config, struct flags *flags, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    uint64_t id;
    if (!slice_to_u64(slice_of(arg->str, arg->len), &id) || id > INT32_MAX)
        return config_error(config, line, index, "-u wants an id from 0 to %d", INT32_MAX);
    flags->id = (uint32_t)id;
    flags->id_at = index;
    return true;
}

static bool parse_flags(struct config *config, struct expr_test *test, struct flags *flags,
                        const struct config_line *line, uint32_t fetch_at, uint32_t *index, uint32_t end)
{
    for (; *index < end; (*index)++) {
        const char *flag = config_arg_at(line, *index)->str;
        if (flag[0] != '-' || flag[1] == '\0' || (flag[2] != '\0'))
            return true;
        uint32_t value = *index + 1;
        switch (flag[1]) {
        case '-':
            (*index)++;
            return true;
        case 'i':
            flags->nocase = true;
            break;
        case 'n':
            break; // host names are never resolved in patterns: that is what it asks for
        case 'm':
        case 'f':
        case 'u':
            if (value >= end)
                return config_error(config, line, *index, "%s wants a value", flag);
            if ((flag[1] == 'm' && !set_match(config, test, line, value)) ||
                (flag[1] == 'u' && !set_id(config, flags, line, value)) ||
                (flag[1] == 'f' && (!make_patterns(config, test, line, fetch_at) ||
                                    !add_list(config, test, line, value, flags->nocase, flags->is_map))))
                return false;
            flags->loaded |= flag[1] == 'f';
            (*index)++;
            break;
        case 'M':
            flags->is_map = true;
            break;
        default:
            // A negative number, or a value that looks like a flag: HAProxy takes it for a value too.
            return true;
        }
    }
    return true;
}

static bool add_values(struct config *config, struct expr_test *test, bool nocase, const struct config_line *line,
                       uint32_t index, uint32_t end)
{
    if (test->match == EXPR_MATCH_FOUND || test->match == EXPR_MATCH_BOOL) {
        if (index < end)
            config_warning(config, line, index, "-m %s takes no values: they are ignored",
                           expr_match_name(test->match));
        return true;
    }
    struct slice op = SLICE("eq");
    bool ok = true;
    for (; index < end; index++) {
        const struct config_arg *arg = config_arg_at(line, index);
        struct slice text = slice_of(arg->str, arg->len);
        if (expr_match_is_number(test->match) && is_operator(text)) {
            op = text;
            if (index + 1 == end)
                return config_error(config, line, index, "'%s' wants a number after it", arg->str);
            continue;
        }
        const char *wrong = expr_match_is_number(test->match) ? expr_patterns_add_op(test->patterns, op, text)
                                                              : expr_patterns_add(test->patterns, text, nocase);
        if (wrong)
            ok = config_error(config, line, index, "invalid value '%s': %s", arg->str, wrong);
        if (test->expr.fetch && test->expr.fetch->note_value && !test->expr.num_steps)
            test->expr.fetch->note_value(config, test->expr.args, line, index);
    }
    return ok;
}

struct expr_test *expr_test_parse(struct config *config, const struct config_line *line, uint32_t index, uint32_t end)
{
    struct expr_test *test = arena_alloc(config->arena, sizeof(*test));
    uint32_t fetch_at = index++;
    if (!expr_parse(config, &test->expr, line, fetch_at))
        return NULL;
    // What the name of the fetch implies does not hold for what converters make of its samples (section 7.1).
    test->match = test->expr.num_steps == 0 ? test->expr.match : EXPR_MATCH_DEFAULT;
    if (test->match == EXPR_MATCH_DEFAULT && test->expr.out != EXPR_ANY)
        test->match = expr_match_default(test->expr.out);
    struct flags flags = { 0 };
    if (!parse_flags(config, test, &flags, line, fetch_at, &index, end) ||
        !make_patterns(config, test, line, fetch_at) || !add_values(config, test, flags.nocase, line, index, end))
        return NULL;
    const char *fetch = config_arg_at(line, fetch_at)->str;
    const char *wrong =
        expr_list_from_line(config, test->patterns, test->match, flags.nocase, slice_of(fetch, strcspn(fetch, "(,")),
                            line->place, flags.id_at ? &flags.id : NULL);
    if (wrong) {
        config_error(config, line, flags.id_at, "%s", wrong);
        return NULL;
    }
    bool wants_values = test->match != EXPR_MATCH_FOUND && test->match != EXPR_MATCH_BOOL;
    if (wants_values && index == end && !flags.loaded)
        config_warning(config, line, fetch_at, "this never matches: it has no values (-m found asks for presence)");
    return test;
}

static bool name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = slice_lower(name.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("-_.:", c))
            return false;
    }
    return name.len > 0;
}

struct expr_acl *expr_acl_new(struct config *config, const char *name, struct config_place place)
{
    struct expr_acl *acl = arena_alloc(config->arena, sizeof(*acl));
    *acl = (struct expr_acl){ .name = name, .last = &acl->first, .place = place };
    return acl;
}

struct expr_acl *expr_acl_find(struct expr_acl *list, const char *name)
{
    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    return list;
}

void expr_acl_append(struct expr_acl *acl, struct expr_test *test)
{
    *acl->last = test;
    acl->last = &test->next;
}

// A line that comes after a condition which names the ACL is evaluated there as well.
static bool check_late(struct config *config, const struct config_line *line, uint32_t index,
                       const struct expr_acl *acl, const struct expr_test *test)
{
    for (uint32_t left = acl->used_at; left; left &= left - 1)
        if (!expr_check_when(config, line, index, &test->expr, left & -left))
            return false;
    return true;
}

struct expr_acl *expr_acl_parse(struct config *config, struct expr_acl **list, const struct config_line *line,
                                uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg || !config_arg_at(line, index + 1)) {
        config_error(config, line, arg ? index + 1 : index, arg ? "a fetch is expected" : "a name is expected");
        return NULL;
    }
    bool reserved = strcmp(arg->str, "or") == 0;
    if (reserved || !name_is_valid(slice_of(arg->str, arg->len))) {
        config_error(config, line, index,
                     reserved ? "'%s' is an operator and cannot name an ACL"
                              : "'%s' cannot name an ACL: letters, digits, '-', '_', '.' and ':' can",
                     arg->str);
        return NULL;
    }
    struct expr_acl *acl = expr_acl_find(*list, arg->str);
    struct expr_test *test = expr_test_parse(config, line, index + 1, line->num_args - line->first);
    if (!acl) {
        // Also where its test is wrong, so that the conditions which name it are not reported on top.
        acl = expr_acl_new(config, arg->str, line->place);
        while (*list)
            list = &(*list)->next;
        *list = acl;
    }
    if (!test || !check_late(config, line, index + 1, acl, test))
        return NULL;
    expr_acl_append(acl, test);
    return acl;
}

enum expr_truth expr_test_run(const struct expr_test *test, struct expr_subject *subject)
{
    struct expr_scratch *scratch = &subject->process->scratch;
    struct expr_walk walk = { 0 };
    struct expr_sample sample;
    bool more, found = false;
    subject->may_change = false;
    do {
        uint32_t mark = expr_scratch_mark(scratch);
        found = expr_next(&test->expr, subject, &sample, &walk, &more) && expr_patterns_match(test->patterns, &sample);
        expr_scratch_release(scratch, mark);
    } while (!found && more);
    if (found)
        return EXPR_YES;
    return subject->may_change && !subject->final ? EXPR_WAIT : EXPR_NO;
}

enum expr_truth expr_acl_test(const struct expr_acl *acl, struct expr_subject *subject)
{
    enum expr_truth best = EXPR_NO;
    for (const struct expr_test *test = acl->first; test && best != EXPR_YES; test = test->next)
        best = expr_truth_or(best, expr_test_run(test, subject));
    return best;
}

enum expr_truth expr_acl_test_depth(const struct expr_acl *acl, struct expr_subject *subject)
{
    enum { MAX_DEPTH = 8 };
    enum expr_truth best = EXPR_NO;
    if (subject->depth == MAX_DEPTH)
        return EXPR_NO;
    bool may_change = subject->may_change;
    subject->depth++;
    for (const struct expr_test *test = acl->first; test && best != EXPR_YES; test = test->next)
        if (test->expr.when & subject->when)
            best = expr_truth_or(best, expr_test_run(test, subject));
    subject->depth--;
    subject->may_change = may_change;
    return best;
}
