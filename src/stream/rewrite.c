// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "stream/rewrite.h"
#include "stream/steps.h"

const struct config_arg *stream_arg_need(struct config *config, const struct config_line *line, uint32_t index,
                                         const char *action, const char *what)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (!arg)
        config_error(config, line, index, "'%s' needs %s", action, what);
    return arg;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 32 && c != '\t') || c == 127;
}

static bool may_stand(struct slice text, enum stream_text_use use)
{
    for (size_t i = 0; i < text.len && use != STREAM_TEXT_BODY; i++)
        if (is_control(text.ptr[i]) || (use == STREAM_TEXT_TARGET && (text.ptr[i] == ' ' || text.ptr[i] == '\t')))
            return false;
    return true;
}

bool stream_text_parse(struct config *config, struct stream_text *out, const struct rule *rule,
                       const struct config_line *line, uint32_t index, enum stream_text_use use)
{
    *out = (struct stream_text){ 0 };
    if (!stream_arg_need(config, line, index, rule->action->name, "a format"))
        return false;
    const struct expr_format *format = expr_format_parse(config, line, index, EXPR_FORMAT_TEXT, rule->when);
    if (!format)
        return false;
    out->constant = expr_format_const(format);
    if (!out->constant.ptr)
        out->format = format;
    else if (!may_stand(out->constant, use))
        return config_error(config, line, index, "a %s cannot hold %s",
                            use == STREAM_TEXT_TARGET ? "request target" : "header field",
                            use == STREAM_TEXT_TARGET ? "spaces or control characters" : "control characters");
    return true;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

struct slice stream_name_parse(struct config *config, const struct config_line *line, uint32_t index,
                               const char *action)
{
    const struct config_arg *arg = stream_arg_need(config, line, index, action, "the name of a header field");
    if (!arg)
        return (struct slice){ 0 };
    char *name = arena_copy(config->arena, arg->str, arg->len);
    for (uint32_t i = 0; i < arg->len; i++) {
        name[i] = slice_lower(name[i]);
        if (!is_token_char(name[i])) {
            config_error(config, line, index, "the character '%c' cannot stand in the name of a header field", name[i]);
            return (struct slice){ 0 };
        }
    }
    if (arg->len == 0 || arg->len > UINT16_MAX) {
        config_error(config, line, index, "the name of a header field cannot be %s", arg->len ? "so long" : "empty");
        return (struct slice){ 0 };
    }
    return slice_of(name, arg->len);
}

const struct expr *stream_expr_parse(struct config *config, const struct rule *rule, const struct config_line *line,
                                     uint32_t index, enum expr_type type)
{
    const struct config_arg *arg = stream_arg_need(config, line, index, rule->action->name, "an expression");
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    if (!arg || !expr_parse(config, expr, line, index) || !expr_check_when(config, line, index, expr, rule->when))
        return NULL;
    if (!expr_cast_exists(expr->out, type)) {
        config_error(config, line, index, "'%s' gives a value of type %s, which cannot become one of type %s", arg->str,
                     expr_type_name(expr->out), expr_type_name(type));
        return NULL;
    }
    return expr;
}

enum rule_verdict stream_rewrite_verdict(const struct expr_subject *subject, const struct rule *rule, bool done)
{
    if (LIKELY(done))
        return RULE_NEXT;
    stream_count_all(stream_of(subject), PROXY_COUNT_REWRITES_FAILED);
    // The mode ends with its list: it holds for a rule only where that stands behind the one that set it.
    for (const struct rule *at = stream_of(subject)->wishes.lax; at; at = at->next)
        if (at == rule)
            return RULE_NEXT;
    return RULE_ERROR;
}

bool stream_replace_parse(struct config *config, struct stream_replace *out, const struct rule *rule,
                          const struct config_line *line, uint32_t index)
{
    const char *error = NULL;
    const struct config_arg *arg = stream_arg_need(config, line, index, rule->action->name, "a regular expression");
    if (!arg)
        return false;
    out->regex = expr_regex_in(config->arena, &error, slice_of(arg->str, arg->len), false);
    if (!out->regex)
        return config_error(config, line, index, "'%s' is no regular expression: %s", arg->str, error);
    return stream_text_parse(config, &out->text, rule, line, index + 1, STREAM_TEXT_BODY);
}

enum stream_replaced stream_replace_run(const struct stream_replace *replace, struct slice *out,
                                        struct slice subject_text, struct slice format, struct expr_scratch *scratch)
{
    struct expr_groups groups;
    size_t cap;
    if (!expr_regex_exec(replace->regex, subject_text, &groups))
        return STREAM_REPLACE_NO;
    char *room = expr_scratch_rest(scratch, &cap);
    size_t len = expr_regex_expand(room, cap, format, &groups);
    if (len == SIZE_MAX || !expr_scratch_take(scratch, len))
        return STREAM_REPLACE_FULL;
    *out = slice_of(room, len);
    return STREAM_REPLACE_DONE;
}
