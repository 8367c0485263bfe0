// SPDX-License-Identifier: Apache-2.0
// Actions that hold a request or an answer: for a time, or until its body has come.
#include <string.h>
#include "expr/cond.h"
#include "expr/expr.h"
#include "rule/rule.h"
#include "stream/act.h"
#include "stream/steps.h"
#include "transport/tls.h"

struct pause {
    uint64_t us; // where there is no expression
    const struct expr *expr;
};

static bool is_time(const char *text)
{
    return *text >= '0' && *text <= '9';
}

static bool parse_pause(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next)
{
    struct pause *pause = arena_alloc(config->arena, sizeof(*pause));
    const struct config_arg *arg = config_arg_at(line, index);
    rule->data = pause;
    *next = index + 1;
    if (!arg)
        return config_error(config, line, index, "'pause' wants a time, or an expression that gives milliseconds");
    if (is_time(arg->str))
        return config_parse_time(config, &pause->us, line, index, 1000);
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    pause->expr = expr;
    uint32_t when = rule->ruleset == RULE_HTTP_REQUEST ? EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY
                                                       : EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY;
    return expr_parse(config, expr, line, index) && expr_check_when(config, line, index, expr, when);
}

static enum rule_verdict run_pause(struct expr_subject *subject, const struct rule *rule)
{
    const struct pause *pause = rule->data;
    struct stream *stream = stream_of(subject);
    struct expr_sample sample;
    uint64_t us = pause->us;
    if (stream->rule_waits)
        return RULE_NEXT;
    if (pause->expr) {
        if (!expr_eval(pause->expr, subject, &sample) || !expr_cast(&sample, EXPR_INT, &subject->process->scratch) ||
            sample.num <= 0)
            return RULE_NEXT;
        us = sample.num > UINT32_MAX ? UINT32_MAX * UINT64_C(1000) : (uint64_t)sample.num * 1000;
    }
    if (!us)
        return RULE_NEXT;
    stream_rule_wait(stream, *subject->process->now_us + us, false);
    return RULE_WAIT;
}

struct body_wait {
    uint64_t us;
    uint64_t at_least; // 0: all
};

static bool parse_body(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    struct body_wait *wait = arena_alloc(config->arena, sizeof(*wait));
    bool has_time = false;
    rule->data = wait;
    for (; config_arg_at(line, index) && !expr_is_cond(line, index); index += 2) {
        const char *word = config_arg_at(line, index)->str;
        bool is_time_word = strcmp(word, "time") == 0;
        if (!is_time_word && strcmp(word, "at-least") != 0)
            return config_error(config, line, index, "unexpected '%s', expected 'time' or 'at-least'", word);
        if (!config_arg_at(line, index + 1))
            return config_error(config, line, index + 1, "'%s' needs a value", word);
        if (!(is_time_word ? config_parse_time(config, &wait->us, line, index + 1, 1000)
                           : config_parse_size(config, &wait->at_least, line, index + 1)))
            return false;
        has_time |= is_time_word;
    }
    *next = index;
    return has_time || config_error(config, line, index, "'wait-for-body' wants 'time' and how long");
}

// The client waits for a word before it sends; the server, which will get the whole, needs none.
void stream_invite_body(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    if (!(stream->request.flags & HTTP_HEAD_EXPECT_100) || front->peer_is_10 || front->stream.rx_done ||
        buf_len(&front->in) || !stream->request.first[HTTP_FIELD_EXPECT])
        return;
    if (!mux_h1_write(front, SLICE("HTTP/1.1 100 Continue\r\n\r\n")))
        return;
    mux_stream_flush(&front->stream);
    http_head_drop_name(&stream->request, SLICE("expect"));
}

bool stream_body_waited(struct stream *stream, uint64_t at_least)
{
    bool is_request = !stream->response_valid, whole;
    struct mux_h1 *h1 = is_request ? stream->front : &stream->back->h1;
    if (is_request)
        stream_invite_body(stream);
    bool more = mux_h1_body_fill(h1);
    size_t len = mux_h1_body_len(h1, &whole);
    return whole || (at_least && len >= at_least) || !more;
}

bool stream_request_cut(const struct stream *stream)
{
    const struct mux_h1 *front = stream->front;
    bool whole = true;
    if (stream->head_valid)
        (void)mux_h1_body_len(front, &whole);
    return !whole && (front->conn.read_closed || front->conn.failed);
}

static enum rule_verdict run_body(struct expr_subject *subject, const struct rule *rule)
{
    const struct body_wait *wait = rule->data;
    struct stream *stream = stream_of(subject);
    bool is_request = !stream->response_valid;
    uint64_t now_us = *subject->process->now_us;
    uint64_t due_us = stream->rule_waits ? stream->rule_due_us : now_us + wait->us;
    if (stream_body_waited(stream, wait->at_least) && !(is_request && stream_request_cut(stream)))
        return RULE_NEXT;
    if (due_us <= now_us) {
        stream_rule_fail(stream, is_request ? 408 : 504,
                         is_request ? STREAM_END_CLIENT_TIMEOUT : STREAM_END_SERVER_TIMEOUT);
        return RULE_ANSWERED;
    }
    stream_rule_wait(stream, due_us, true);
    return RULE_WAIT;
}

// What the handshake still wants of the client is read behind the early data, of which the request's body may be part.
static enum rule_verdict run_handshake(struct expr_subject *subject, const struct rule *rule)
{
    struct stream *stream = stream_of(subject);
    struct mux_h1 *front = stream->front;
    const struct tls_conn *tls = stream->session->tls;
    const struct proxy_timeouts *timeouts = &stream->session->conf->timeouts;
    uint64_t now_us = *subject->process->now_us;
    uint64_t limit_us = timeouts->http_request ? timeouts->http_request : timeouts->client;
    (void)rule;
    if (!tls || !tls->facts.early_pending)
        return RULE_NEXT;
    mux_h1_body_fill(front);
    enum io io = transport_tls_settle(&front->conn);
    if (!tls->facts.early_pending)
        return RULE_NEXT;
    uint64_t due_us = stream->rule_waits ? stream->rule_due_us : limit_us ? now_us + limit_us : 0;
    if ((due_us && due_us <= now_us) || io == IO_FAIL || io == IO_EOF) {
        stream_rule_fail(stream, 408, io == IO_AGAIN ? STREAM_END_CLIENT_TIMEOUT : STREAM_END_CLIENT);
        return RULE_ANSWERED;
    }
    stream_rule_wait(stream, due_us, true);
    return RULE_WAIT;
}

static const struct rule_action actions[] = {
    { .name = "pause",
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_pause,
      .run = run_pause,
      .args = "{ <time> | <expression> }",
      .help = "Holds the request or answer for that time; an expression gives milliseconds, and where it gives nothing "
              "nothing is held.",
      .good = "http-request pause 10ms",
      .bad = "http-request pause 10y",
      .bad_says = "unexpected 'y'" },
    { .name = "wait-for-body",
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_body,
      .run = run_body,
      .args = "time <time> [at-least <bytes>]",
      .help = "Waits until the whole body has come, or as many bytes of it, or as many as a buffer (tune.bufsize) "
              "holds. Where that takes longer than <time> the client is answered 408, for an answer's body 504.",
      .good = "http-request wait-for-body time 1s at-least 1k if METH_POST",
      .bad = "http-request wait-for-body at-least 1k",
      .bad_says = "wants 'time'" },
    { .name = "wait-for-handshake",
      .in = RULE_HTTP_REQUEST,
      .run = run_handshake,
      .args = "",
      .help =
          "Waits for the end of the TLS handshake where the request came as early data (allow-0rtt), which may be a "
          "replay until then. Where that takes longer than timeout http-request, or client, the client is answered "
          "408.",
      .good = "http-request wait-for-handshake",
      .bad = "http-request wait-for-handshake now",
      .bad_says = "unexpected 'now'" },
};
RULE_ACTIONS(actions);
