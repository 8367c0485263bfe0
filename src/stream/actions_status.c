// SPDX-License-Identifier: Apache-2.0
// Actions on the status of an answer, and answers that go ahead of it.
#include "expr/cond.h"
#include "stream/rewrite.h"

struct status_args {
    uint16_t status;
    struct slice reason; // ptr NULL: the standard one
};

static bool parse_status(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    struct status_args *args = arena_alloc(config->arena, sizeof(*args));
    const struct config_arg *word = config_arg_at(line, index + 1), *reason;
    uint64_t status;
    rule->data = args;
    *next = index + 1;
    if (!stream_arg_need(config, line, index, "set-status", "a status") ||
        !config_parse_u64(config, &status, line, index, 100, 999))
        return false;
    // A client would wait for the final answer behind it (RFC 9110 section 15.2).
    if (status < 200)
        return config_error(config, line, index, "the status of a final answer cannot be %u", (unsigned)status);
    args->status = (uint16_t)status;
    if (!word || strcmp(word->str, "reason") != 0)
        return true;
    *next = index + 3;
    reason = stream_arg_need(config, line, index + 2, "reason", "a text");
    if (!reason)
        return false;
    for (uint32_t i = 0; i < reason->len; i++)
        if ((unsigned char)reason->str[i] < 32 || reason->str[i] == 127)
            return config_error(config, line, index + 2, "a reason cannot hold control characters");
    args->reason = slice_of(reason->str, reason->len);
    return true;
}

static enum rule_verdict run_status(struct expr_subject *subject, const struct rule *rule)
{
    const struct status_args *args = rule->data;
    struct http_head *head = stream_head_change(subject);
    // What switches protocols is no message any more: both sides have to know. Likewise what opens a tunnel (RFC 9110
    // section 9.3.6).
    bool switches = head && (head->status == 101 || (stream_of(subject)->client_method == HTTP_METHOD_CONNECT &&
                                                     head->status / 100 != args->status / 100 &&
                                                     (head->status / 100 == 2 || args->status / 100 == 2)));
    bool done = head && !switches && http_head_set_status(head, args->status, args->reason);
    return stream_rewrite_verdict(subject, rule, done);
}

struct hint_args {
    const struct proxy_answer *base; // a 103 without fields
    struct slice name;
    struct stream_text value;
};

static bool parse_hint(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    struct hint_args *args = arena_alloc(config->arena, sizeof(*args));
    bool ok;
    rule->data = args;
    *next = index + 2;
    args->base = proxy_answer_new(config->arena, &ok, 103, NULL, NULL, SLICE(""));
    args->name = stream_name_parse(config, line, index, "early-hint");
    return args->name.ptr && stream_text_parse(config, &args->value, rule, line, index + 1, STREAM_TEXT_VALUE);
}

static enum rule_verdict run_hint(struct expr_subject *subject, const struct rule *rule);

// Hints that follow each other are one answer: a later one of the row will send it.
static const struct rule *next_hint(const struct rule *rule, struct expr_subject *subject)
{
    for (rule = rule->next; rule && rule->action->run == run_hint; rule = rule->next)
        if (expr_cond_true(rule->cond, subject))
            return rule;
    return NULL;
}

static bool send_hints(struct stream *stream)
{
    struct mux_stream *front = &stream->front->stream;
    http_edits_init(&stream->edits, stream->edit_arena, sizeof(stream->edit_arena));
    bool sent = mux_stream_start(front, &stream->answer->head, &stream->edits, MUX_BODY_NONE, 0);
    // What the client does not take now goes out ahead of the answer.
    if (sent)
        mux_stream_flush(front);
    return sent;
}

void stream_hints_flush(struct stream *stream)
{
    if (!stream->answer || stream->answer->head.status != 103)
        return;
    send_hints(stream);
    stream->answer = NULL;
}

static enum rule_verdict run_hint(struct expr_subject *subject, const struct rule *rule)
{
    const struct hint_args *args = rule->data;
    struct stream *stream = stream_of(subject);
    // An HTTP/1.0 client would take an interim answer for the final one (RFC 9110 section 15.2).
    if (stream->front->peer_is_10)
        return RULE_NEXT;
    struct slice value = stream_text_make(&args->value, subject);
    struct proxy_answer *hints = (struct proxy_answer *)stream->answer;
    if (!hints)
        hints = stream_reply_copy(stream, args->base);
    bool done = value.ptr && hints && http_head_add(&hints->head, args->name, value);
    if (done && next_hint(rule, subject))
        return RULE_NEXT;
    done = done && send_hints(stream);
    stream->answer = NULL;
    return stream_rewrite_verdict(subject, rule, done);
}

static const struct rule_action actions[] = {
    { .name = "set-status",
      .in = RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE,
      .parse = parse_status,
      .run = run_status,
      .args = "<status> [reason <str>]",
      .help = "Replaces the status of the answer, and its reason by the one given or the standard one. A status that "
              "rules a body out (204, 304) drops it. The answer that switches protocols (101) cannot be changed, nor "
              "whether one to "
              "CONNECT opens a tunnel (2xx).",
      .good = "http-response set-status 503 reason 'Slow Down'",
      .bad = "http-response set-status 101",
      .bad_says = "cannot be 101" },
    { .name = "early-hint",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_hint,
      .run = run_hint,
      .args = "<name> <fmt>",
      .help =
          "Sends the client an answer of status 103 with that header field ahead of the final one (RFC 8297); rules "
          "of this kind that follow each other make one. Clients of HTTP/1.0 get none.",
      .good = "http-request early-hint Link </style.css>",
      .bad = "http-request early-hint Link",
      .bad_says = "needs a format" },
};
RULE_ACTIONS(actions);
