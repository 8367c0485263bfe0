// SPDX-License-Identifier: Apache-2.0
// Actions that change header fields.
#include "base/check.h"
#include "stream/rewrite.h"

enum { IN_HTTP = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE };

struct field_args {
    struct slice name;
    enum http_field_id id;
    struct stream_text value;
};

static bool parse_field(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next)
{
    struct field_args *args = arena_alloc(config->arena, sizeof(*args));
    rule->data = args;
    *next = index + 2;
    args->name = stream_name_parse(config, line, index, rule->action->name);
    args->id = http_field_id_of(args->name);
    return args->name.ptr && stream_text_parse(config, &args->value, rule, line, index + 1, STREAM_TEXT_VALUE);
}

// Two Host fields would be read in two ways: the new one takes the place of what is there, and of the authority in an
// absolute target, which would count more (RFC 9112 section 3.2).
bool stream_host_set(struct http_head *head, struct slice value, struct expr_scratch *scratch)
{
    int at = http_head_find(head, HTTP_FIELD_HOST, 0);
    if (!http_host_is_valid(value))
        return false;
    if (head->flags & HTTP_HEAD_ABSOLUTE) {
        struct slice target = http_head_target(head), authority = http_head_authority(head);
        size_t before = (size_t)(authority.ptr - target.ptr), after = target.len - before - authority.len;
        char *made = expr_scratch_take(scratch, before + value.len + after);
        if (!made)
            return false;
        memcpy(made, target.ptr, before);
        memcpy(made + before, value.ptr, value.len);
        memcpy(made + before + value.len, authority.ptr + authority.len, after);
        if (!http_head_set_target(head, slice_of(made, before + value.len + after)))
            return false;
    }
    return at >= 0 ? http_head_set(head, (unsigned)at, value) : http_head_add(head, SLICE("host"), value);
}

static bool add_field(struct expr_subject *subject, const struct rule *rule, bool first_drop)
{
    const struct field_args *args = rule->data;
    struct slice value = stream_text_make(&args->value, subject);
    struct http_head *head = value.ptr ? stream_head_change(subject) : NULL;
    if (!head)
        return false;
    if (UNLIKELY(args->id == HTTP_FIELD_HOST) && !head->is_response)
        return stream_host_set(head, value, &subject->process->scratch);
    // The sender writes this field itself, as the connection needs it; the wish to close is granted.
    if (UNLIKELY(args->id == HTTP_FIELD_CONNECTION) && http_list_has(value, SLICE("close"))) {
        if (head->is_response)
            stream_of(subject)->front->keep_alive = false;
        else
            stream_of(subject)->wishes.close_server = true;
    }
    return first_drop ? http_head_put(head, args->name, args->id, value) : http_head_add(head, args->name, value);
}

static enum rule_verdict run_add(struct expr_subject *subject, const struct rule *rule)
{
    return stream_rewrite_verdict(subject, rule, add_field(subject, rule, false));
}

static enum rule_verdict run_set(struct expr_subject *subject, const struct rule *rule)
{
    return stream_rewrite_verdict(subject, rule, add_field(subject, rule, true));
}

static const struct rule_action actions[] = {
    { .name = "add-header",
      .in = IN_HTTP,
      .parse = parse_field,
      .run = run_add,
      .args = "<name> <fmt>",
      .help = "Appends a header field with the value that the format gives. Later rules see it.",
      .good = "http-request add-header X-Client %[src]",
      .bad = "http-request add-header X:Client a",
      .bad_says = "cannot stand in the name" },
    { .name = "set-header",
      .in = IN_HTTP,
      .parse = parse_field,
      .run = run_set,
      .args = "<name> <fmt>",
      .help = "Removes all header fields of that name and appends one with the value that the format gives; the value "
              "is made first, so it may be built from the old one.",
      .good = "http-request set-header X-Proto http",
      .bad = "http-response set-header X-Proto",
      .bad_says = "needs a format" },
};
RULE_ACTIONS(actions);
