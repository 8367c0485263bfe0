// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "stream/rewrite.h"

uint32_t stream_rule_when(const struct rule *rule)
{
    switch (rule->ruleset) {
    case RULE_TCP_CONNECTION:
        return EXPR_AT_CONNECT;
    case RULE_TCP_SESSION:
        return EXPR_AT_SESSION;
    case RULE_TCP_CONTENT:
        return EXPR_AT_REQUEST_CONTENT | EXPR_FROM_REQUEST_HEAD;
    case RULE_TCP_RESPONSE:
        return EXPR_AT_RESPONSE_CONTENT | EXPR_AT_RESPONSE_HEAD;
    case RULE_HTTP_REQUEST:
        return EXPR_FROM_REQUEST_HEAD;
    default:
        return EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY;
    }
}

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
    const struct expr_format *format = expr_format_parse(config, line, index, EXPR_FORMAT_TEXT, stream_rule_when(rule));
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

struct slice stream_text_clean(struct slice text, struct expr_scratch *scratch)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t num = 0;
    for (size_t i = 0; i < text.len; i++)
        num += is_control(text.ptr[i]);
    if (LIKELY(!num))
        return text;
    char *out = expr_scratch_take(scratch, text.len + 2 * num);
    size_t len = 0;
    if (!out)
        return (struct slice){ 0 };
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_control(c)) {
            out[len++] = c;
            continue;
        }
        out[len++] = '%';
        out[len++] = hex[(unsigned char)c >> 4];
        out[len++] = hex[c & 15];
    }
    return slice_of(out, len);
}

struct slice stream_text_make(const struct stream_text *text, struct expr_subject *subject)
{
    if (text->constant.ptr)
        return text->constant;
    struct slice made = expr_format_make(text->format, subject);
    return made.ptr ? stream_text_clean(made, &subject->process->scratch) : made;
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
    if (!arg || !expr_parse(config, expr, line, index) ||
        !expr_check_when(config, line, index, expr, stream_rule_when(rule)))
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
    // The mode ends with its list: it holds for a rule only where that stands behind the one that set it.
    for (const struct rule *at = stream_of(subject)->wishes.lax; at; at = at->next)
        if (at == rule)
            return RULE_NEXT;
    return RULE_ERROR;
}
