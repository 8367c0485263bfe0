// SPDX-License-Identifier: Apache-2.0
// Captures by rules, and what was captured as fetches and converters.
#include "base/check.h"
#include "config/word.h"
#include "expr/conv.h"
#include "expr/expr.h"
#include "proxy/capture.h"
#include "stream/capture.h"
#include "stream/http_fetch.h"
#include "stream/log.h"

struct capture_args {
    struct expr expr;
    const struct proxy_conf *owner; // "len": the slot is of this frontend, others have not got it
    uint32_t slot;
};

static bool is_of_answer(const struct rule *rule)
{
    return rule->ruleset & (RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE);
}

static uint32_t moment(uint32_t ruleset)
{
    switch (ruleset) {
    case RULE_TCP_CONTENT:
        return EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD;
    case RULE_HTTP_REQUEST:
        return EXPR_AT_REQUEST_HEAD;
    default:
        return EXPR_AT_RESPONSE_HEAD;
    }
}

static bool parse_new_slot(struct config *config, struct capture_args *args, const struct rule *rule,
                           const struct config_line *line, uint32_t index)
{
    struct proxy_conf *proxy = config->object;
    uint64_t len;
    if (is_of_answer(rule))
        return config_error(config, line, index,
                            "'len' makes a slot of requests: for answers use 'declare capture "
                            "response' and 'id'");
    if (!proxy->has_frontend)
        return config_error(config, line, index,
                            "%s '%s' has no frontend: use 'declare capture request' there, and "
                            "'id' here",
                            proxy->in == CONFIG_IN_DEFAULTS ? "defaults" : "backend", proxy->name ? proxy->name : "");
    if (!config_parse_u64(config, &len, line, index + 1, 1, PROXY_CAPTURE_LEN_MAX))
        return false;
    args->owner = proxy;
    args->slot = proxy_capture_add(config->arena, proxy, STREAM_CAPTURE_REQUEST, NULL, (uint32_t)len);
    return true;
}

static bool parse_capture(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    struct capture_args *args = arena_alloc(config->arena, sizeof(*args));
    uint64_t id = 0;
    if (!expr_parse(config, &args->expr, line, index) ||
        !expr_check_when(config, line, index, &args->expr, moment(rule->ruleset)))
        return false;
    if (!expr_cast_exists(args->expr.out, EXPR_STR))
        return config_error(config, line, index, "a %s sample cannot be captured", expr_type_name(args->expr.out));
    const struct config_arg *how = config_arg_at(line, ++index);
    if (how && strcmp(how->str, "len") == 0) {
        if (!parse_new_slot(config, args, rule, line, index))
            return false;
    } else if (how && strcmp(how->str, "id") == 0) {
        if (!config_parse_u64(config, &id, line, index + 1, 0, UINT16_MAX))
            return false;
        args->slot = (uint32_t)id;
        const struct proxy_conf *proxy = config->object;
        unsigned side = is_of_answer(rule);
        if (proxy->in == CONFIG_IN_FRONTEND && id >= proxy->fe.num_captures[side])
            return config_error(config, line, index + 1, "there is no capture slot %u here yet", args->slot);
    } else {
        return config_error(config, line, index,
                            how ? "unexpected '%s', expected 'len' or 'id'" : "'len' or 'id' is missing%s",
                            how ? how->str : "");
    }
    rule->data = args;
    *next = index + 2;
    return true;
}

static enum rule_verdict run_capture(struct expr_subject *subject, const struct rule *rule)
{
    const struct capture_args *args = rule->data;
    struct stream *stream = subject->stream;
    if (args->owner && args->owner != stream->session->conf)
        return RULE_NEXT;
    subject->may_change = false;
    struct slice text = expr_eval_str(&args->expr, subject);
    // Bytes that may still come are waited for as a condition waits for them: as long as inspect-delay says.
    if (!text.ptr && rule->ruleset == RULE_TCP_CONTENT && subject->may_change && !subject->final) {
        subject->acted = false;
        return RULE_WAIT;
    }
    if (text.ptr)
        stream_capture_set(stream, is_of_answer(rule) ? STREAM_CAPTURE_RESPONSE : STREAM_CAPTURE_REQUEST, args->slot,
                           text);
    return RULE_NEXT;
}

static const struct rule_action actions[] = {
    { .name = "capture",
      .in = RULE_TCP_CONTENT | RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE,
      .parse = parse_capture,
      .run = run_capture,
      .args = "<sample> { len <length> | id <slot> }",
      .help =
          "Keeps the sample, as text, in a capture slot: in a new one of at most <length> bytes (requests only), or "
          "in the one numbered <slot>. A slot that the frontend has not got is passed over.",
      .good = "http-request capture req.hdr(host) len 20",
      .bad = "http-request capture req.hdr(host) size 20",
      .bad_says = "expected 'len' or 'id'" },
};
RULE_ACTIONS(actions);

// A log line may outlive its stream, and has what it captured.
static const struct stream_captures *captures_of(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct stream_log *log = subject->log;
    return stream ? stream->captures : log ? log->captures : NULL;
}

static const char *prepare_slot(struct config *config, struct expr_arg *args, uint32_t num)
{
    uint64_t slot;
    (void)config, (void)num;
    if (!slice_to_u64(args[0].str, &slot) || slot > UINT16_MAX)
        return "the number of a capture slot is expected";
    args[0].num = (int64_t)slot;
    return NULL;
}

HTTP_FETCH_FN(fetch_req_hdr)
{
    (void)walk;
    struct slice text = stream_captures_slot(captures_of(subject), STREAM_CAPTURE_REQUEST, (unsigned)args[0].num);
    return text.ptr && put_str(out, text);
}

HTTP_FETCH_FN(fetch_res_hdr)
{
    (void)walk;
    struct slice text = stream_captures_slot(captures_of(subject), STREAM_CAPTURE_RESPONSE, (unsigned)args[0].num);
    return text.ptr && put_str(out, text);
}

// request_line gives the request's line as it came, whatever rules made of it since.
static struct slice request_line(struct expr_subject *subject)
{
    const struct stream_log *log = subject->log;
    const struct http_head *head = http_fetch_request(subject);
    if (log && log->request_line.len)
        return log->request_line;
    if (!head)
        return slice_of(NULL, 0);
    struct slice rest = slice_of(head->base + head->line, head->len - head->line);
    return slice_of(rest.ptr, slice_find(rest, '\r'));
}

HTTP_FETCH_FN(fetch_req_method)
{
    struct slice line = request_line(subject);
    (void)args, (void)walk;
    return line.len && put_str(out, slice_of(line.ptr, slice_find(line, ' ')));
}

HTTP_FETCH_FN(fetch_req_uri)
{
    struct slice line = request_line(subject);
    (void)args, (void)walk;
    struct slice target = slice_from(line, slice_find(line, ' ') + 1);
    target.len = slice_find(target, ' ');
    size_t skip = 0;
    for (; skip < target.len && target.ptr[0] != '/'; skip++)
        if (skip > 2 && memcmp(target.ptr + skip - 3, "://", 3) == 0)
            break;
    target = slice_from(target, skip);
    target = slice_from(target, slice_find(target, '/'));
    return target.len && put_str(out, target);
}

HTTP_FETCH_FN(fetch_req_ver)
{
    struct slice line = request_line(subject);
    (void)args, (void)walk;
    return line.len >= 8 && put_str(out, slice_from(line, line.len - 8));
}

HTTP_FETCH_FN(fetch_res_ver)
{
    const struct http_head *head = http_fetch_response(subject);
    (void)args, (void)walk;
    return head && put_str(out, head->flags & HTTP_HEAD_VERSION_10 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1"));
}

#define SLOT .args = "<idx>", .min_args = 1, .max_args = 1, .prepare = prepare_slot, .bad_says = "number of a capture"

static const struct expr_fetch fetches[] = {
    { .name = "capture.req.hdr",
      SLOT,
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_req_hdr,
      .help = "What was captured in the request's slot <idx>, the first being 0.",
      .good = "capture.req.hdr(0) -m found",
      .bad = "capture.req.hdr(host)" },
    { .name = "capture.res.hdr",
      SLOT,
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT_RESPONSE,
      .fetch = fetch_res_hdr,
      .help = "What was captured in the answer's slot <idx>, the first being 0.",
      .good = "capture.res.hdr(0) -m found",
      .bad = "capture.res.hdr(server)" },
    { .name = "capture.req.method",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_req_method,
      .help = "The request's method as it came; known in answers and logs too.",
      .good = "capture.req.method POST" },
    { .name = "capture.req.uri",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_req_uri,
      .help = "Path and query of the request as it came; known in answers and logs too.",
      .good = "capture.req.uri -m beg /img/" },
    { .name = "capture.req.ver",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_req_ver,
      .help = "The request's version, HTTP/1.0 or HTTP/1.1; known in answers and logs too.",
      .good = "capture.req.ver HTTP/1.0" },
    { .name = "capture.res.ver",
      .out = EXPR_STR,
      .when = HTTP_FETCH_KEPT,
      .fetch = fetch_res_ver,
      .help = "The answer's version, HTTP/1.0 or HTTP/1.1; known in logs too.",
      .good = "capture.res.ver HTTP/1.0" },
};
EXPR_FETCHES(fetches);

static bool convert(struct expr_subject *subject, const struct expr_sample *sample, const struct expr_arg *args,
                    enum stream_capture_side side)
{
    return subject->stream && stream_capture_set(subject->stream, side, (unsigned)args[0].num, sample->str);
}

static bool convert_req(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return convert(subject, sample, args, STREAM_CAPTURE_REQUEST);
}

static bool convert_res(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    return convert(subject, sample, args, STREAM_CAPTURE_RESPONSE);
}

static const struct expr_conv convs[] = {
    { .name = "capture-req",
      .args = "<id>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_slot,
      .convert = convert_req,
      .help =
          "Captures the text in the request's slot <id> and gives it as it is; nothing where there is no such slot.",
      .good = "str(abc),capture-req(0)",
      .bad = "str(abc),capture-req(a)",
      .bad_says = "number of a capture" },
    { .name = "capture-res",
      .args = "<id>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_slot,
      .convert = convert_res,
      .help = "Captures the text in the answer's slot <id> and gives it as it is; nothing where there is no such slot.",
      .good = "str(abc),capture-res(0)",
      .bad = "str(abc),capture-res(a)",
      .bad_says = "number of a capture" },
};
EXPR_CONVERTERS(convs);
