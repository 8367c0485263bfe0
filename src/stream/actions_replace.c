// SPDX-License-Identifier: Apache-2.0
// Actions that edit or remove header fields by what they hold or are called.
#include "base/check.h"
#include "expr/pattern.h"
#include "stream/rewrite.h"

enum { IN_HTTP = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE };

struct delete_args {
    struct slice name; // lower case, but for a regular expression
    enum expr_match match;
    const struct expr_regex *regex;
};

static bool parse_match(struct config *config, struct delete_args *args, const struct config_line *line, uint32_t index)
{
    static const char *const known[] = { "str", "beg", "end", "sub", "reg" };
    const struct config_arg *arg = stream_arg_need(config, line, index, "-m", "a matching method");
    if (!arg)
        return false;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(arg->str, known[i]) == 0) {
            args->match = expr_match_find(slice_of(arg->str, arg->len));
            return true;
        }
    }
    return config_error_unknown(config, line, index, "matching method for names", known, NUM_ITEMS(known));
}

static bool parse_delete(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    struct delete_args *args = arena_alloc(config->arena, sizeof(*args));
    const struct config_arg *name = stream_arg_need(config, line, index, "del-header", "the name of a header field");
    const struct config_arg *option = config_arg_at(line, index + 1);
    const char *error = NULL;
    rule->data = args;
    args->match = EXPR_MATCH_STR;
    *next = index + 1;
    if (name && option && strcmp(option->str, "-m") == 0) {
        *next = index + 3;
        if (!parse_match(config, args, line, index + 2))
            return false;
    }
    if (!name || args->match != EXPR_MATCH_REG) {
        args->name = name ? stream_name_parse(config, line, index, "del-header") : (struct slice){ 0 };
        return args->name.ptr != NULL;
    }
    args->regex = expr_regex_in(config->arena, &error, slice_of(name->str, name->len), false);
    return args->regex || config_error(config, line, index, "'%s' is no regular expression: %s", name->str, error);
}

static bool name_has(struct slice name, struct slice part)
{
    for (size_t i = 0; i + part.len <= name.len; i++)
        if (slice_equal(slice_of(name.ptr + i, part.len), part))
            return true;
    return false;
}

// Names are compared in lower case, as they travel in HTTP/2.
static bool name_matches(const struct delete_args *args, struct slice name, struct expr_scratch *scratch)
{
    uint32_t mark = expr_scratch_mark(scratch);
    char *lower = expr_scratch_take(scratch, name.len);
    if (!lower)
        return false;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = slice_lower(name.ptr[i]);
    name.ptr = lower;
    bool matches = args->match == EXPR_MATCH_BEG   ? slice_begins(name, args->name)
                   : args->match == EXPR_MATCH_END ? slice_ends(name, args->name)
                   : args->match == EXPR_MATCH_SUB ? name_has(name, args->name)
                                                   : expr_regex_exec(args->regex, name, NULL);
    expr_scratch_release(scratch, mark);
    return matches;
}

static enum rule_verdict run_delete(struct expr_subject *subject, const struct rule *rule)
{
    const struct delete_args *args = rule->data;
    struct http_head *head = stream_head_change(subject);
    if (!head)
        return stream_rewrite_verdict(subject, rule, false);
    if (args->match == EXPR_MATCH_STR) {
        http_head_drop_name(head, args->name);
        return RULE_NEXT;
    }
    for (unsigned i = 0; i < head->num_fields; i++)
        if (!http_field_is_dropped(head, i) &&
            name_matches(args, http_field_name_at(head, i), &subject->process->scratch))
            http_head_drop(head, i);
    return RULE_NEXT;
}

struct replace_args {
    struct slice name;
    struct stream_replace replace;
};

static bool parse_replace(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    struct replace_args *args = arena_alloc(config->arena, sizeof(*args));
    rule->data = args;
    *next = index + 3;
    args->name = stream_name_parse(config, line, index, rule->action->name);
    return args->name.ptr && stream_replace_parse(config, &args->replace, rule, line, index + 1);
}

// Gives one field's value what `edit` makes of it.
typedef enum stream_replaced edit_fn(const struct stream_replace *replace, struct slice *out, struct slice value,
                                     struct slice format, struct expr_scratch *scratch);

static enum rule_verdict replace_in(struct expr_subject *subject, const struct rule *rule, edit_fn *edit)
{
    const struct replace_args *args = rule->data;
    struct expr_scratch *scratch = &subject->process->scratch;
    struct http_head *head = stream_head_of(subject);
    if (!head || http_head_find_name(head, args->name, 0) < 0)
        return RULE_NEXT;
    struct slice format = stream_text_make(&args->replace.text, subject);
    head = format.ptr ? stream_head_change(subject) : NULL;
    if (!head)
        return stream_rewrite_verdict(subject, rule, false);
    bool is_host = !head->is_response && http_field_id_of(args->name) == HTTP_FIELD_HOST;
    for (int i = -1; (i = http_head_find_name(head, args->name, (unsigned)(i + 1))) >= 0;) {
        uint32_t mark = expr_scratch_mark(scratch);
        struct slice value;
        enum stream_replaced done = edit(&args->replace, &value, http_field_value(head, (unsigned)i), format, scratch);
        bool ok = done != STREAM_REPLACE_FULL;
        if (done == STREAM_REPLACE_DONE && is_host)
            ok = stream_host_set(head, value, scratch);
        else if (done == STREAM_REPLACE_DONE)
            ok = http_head_set(head, (unsigned)i, value);
        expr_scratch_release(scratch, mark);
        if (!ok)
            return stream_rewrite_verdict(subject, rule, false);
    }
    return RULE_NEXT;
}

// The element of the comma-separated list `value` that begins at `start`: a comma in quotes ends none (RFC 9110
// section 5.6.1).
static size_t element_end(struct slice value, size_t start)
{
    bool quoted = false;
    size_t i = start;
    for (; i < value.len && (quoted || value.ptr[i] != ','); i++) {
        if (value.ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && value.ptr[i] == '\\')
            i += i + 1 < value.len;
    }
    return i;
}

// edit_elements makes a new value, piece by piece, of the elements that match and of what stands around them.
static enum stream_replaced edit_elements(const struct stream_replace *replace, struct slice *out, struct slice value,
                                          struct slice format, struct expr_scratch *scratch)
{
    enum { MAX_VALUE = 64 * 1024 };
    char *made = expr_scratch_take(scratch, MAX_VALUE);
    enum stream_replaced result = STREAM_REPLACE_NO;
    size_t len = 0;
    for (size_t start = 0; made && start <= value.len;) {
        size_t end = element_end(value, start);
        struct slice element = slice_trim(slice_of(value.ptr + start, end - start)), piece = element;
        uint32_t mark = expr_scratch_mark(scratch);
        enum stream_replaced done = stream_replace_run(replace, &piece, element, format, scratch);
        size_t before = (size_t)(element.ptr - value.ptr) - start, after = end - start - before - element.len;
        if (done == STREAM_REPLACE_FULL || before + piece.len + after + 1 > MAX_VALUE - len)
            return STREAM_REPLACE_FULL;
        memcpy(made + len, value.ptr + start, before);
        memcpy(made + len + before, piece.ptr, piece.len);
        len += before + piece.len;
        memcpy(made + len, element.ptr + element.len, after);
        len += after;
        if (end < value.len)
            made[len++] = ',';
        expr_scratch_release(scratch, mark);
        result = done == STREAM_REPLACE_DONE ? done : result;
        start = end + 1;
    }
    *out = slice_of(made, len);
    return made ? result : STREAM_REPLACE_FULL;
}

static enum rule_verdict run_replace_header(struct expr_subject *subject, const struct rule *rule)
{
    return replace_in(subject, rule, stream_replace_run);
}

static enum rule_verdict run_replace_value(struct expr_subject *subject, const struct rule *rule)
{
    return replace_in(subject, rule, edit_elements);
}

static const struct rule_action actions[] = {
    { .name = "del-header",
      .in = IN_HTTP,
      .parse = parse_delete,
      .run = run_delete,
      .args = "<name> [ -m { str | beg | end | sub | reg } ]",
      .help = "Removes all header fields of that name or, with -m, those whose names begin with it, end with it, hold "
              "it or match it as a regular expression. Names are compared in lower case.",
      .good = "http-request del-header x-internal- -m beg",
      .bad = "http-request del-header x-internal- -m dom",
      .bad_says = "unknown matching method" },
    { .name = "replace-header",
      .in = IN_HTTP,
      .parse = parse_replace,
      .run = run_replace_header,
      .args = "<name> <match-regex> <replace-fmt>",
      .help = "Matches the whole value of each header field of that name; one that matches is replaced as a whole by "
              "the format, in which \\1 to \\9 stand for what the parentheses took.",
      .good = "http-request replace-header Referer ^http://(.*) https://\\1",
      .bad = "http-request replace-header Cookie foo=(.* foo=\\1",
      .bad_says = "is no regular expression" },
    { .name = "replace-value",
      .in = IN_HTTP,
      .parse = parse_replace,
      .run = run_replace_value,
      .args = "<name> <match-regex> <replace-fmt>",
      .help = "As replace-header, for each element of values that are comma-separated lists.",
      .good = "http-request replace-value X-Forwarded-For ^192\\.168\\.(.*)$ 172.16.\\1",
      .bad = "http-request replace-value X-Forwarded-For .*",
      .bad_says = "needs a format" },
};
RULE_ACTIONS(actions);
