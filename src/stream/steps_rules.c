// SPDX-License-Identifier: Apache-2.0
// Rules on their way: which lists a stream runs when, what becomes of a verdict, and what a rule waits for.
#include "expr/var.h"
#include "rule/rule.h"
#include "stream/act.h"
#include "stream/cookie.h"
#include "proxy/stats_conf.h"
#include "stream/service.h"
#include "stream/stats.h"
#include "stream/stick.h"
#include "stream/track.h"

void stream_rule_wait(struct stream *stream, uint64_t due_us, bool on_data)
{
    stream->rule_waits = true;
    stream->rule_due_us = due_us;
    stream->rule_on_data = on_data;
}

struct http_head *stream_head_change(struct expr_subject *subject)
{
    struct stream *stream = stream_of(subject);
    struct http_head *head = stream_head_of(subject);
    if (!head || head->store)
        return head;
    struct buf *store = head == &stream->response ? &stream->response_store : &stream->request_store;
    if (!buf_reserve(store, stream->ctx->mux->bufs))
        return NULL;
    http_head_store(head, store->mem, store->cap);
    return head;
}

void stream_rule_fail(struct stream *stream, uint16_t status, enum stream_end end)
{
    stream->fail_status = status;
    stream->fail_end = (uint8_t)end;
}

static void rule_over(struct stream *stream)
{
    stream->rule = NULL;
    stream->rule_waits = stream->rule_on_data = false;
    stream->rule_due_us = 0;
}

// Runs `list`, or goes on in it where one of its rules waits.
static enum rule_verdict run_list(struct stream *stream, const struct rule *list, uint32_t when, bool final)
{
    struct expr_subject *subject = &stream->subject;
    const struct rule *at = stream->rule;
    enum rule_verdict verdict = RULE_NEXT;
    subject->when = when;
    subject->final = final;
    if (at) {
        bool is_due = stream->rule_due_us && stream->rule_due_us <= stream->ctx->loop->now_us;
        if (subject->acted && !stream->rule_on_data && !is_due)
            return RULE_WAIT;
        stream->fail_status = 0;
        verdict = rule_resume(at, subject);
        list = at->next;
        if (verdict == RULE_ERROR || (verdict == RULE_ANSWERED && stream->fail_status))
            stream->waited_at = at;
        if (verdict != RULE_WAIT)
            rule_over(stream);
    }
    if (verdict == RULE_NEXT)
        verdict = rule_run_list(list, subject, &at);
    stream->stopped_at = at;
    if (verdict == RULE_WAIT)
        stream->rule = at;
    return verdict;
}

static bool is_denial(const struct stream *stream)
{
    return stream->stopped_at && stream->stopped_at->action->flags & RULE_DENIES;
}

static void count_denied(struct stream *stream, enum proxy_counter which)
{
    proxy_session_count(stream->session, which, 1);
    if (stream->backend)
        backend_count(stream->backend->counters, which, 1);
    if (stream->server && which == PROXY_COUNT_DENIED_RESP)
        backend_count(stream->server->counters, which, 1);
}

static enum stream_verdict answered(struct stream *stream, enum proxy_counter which)
{
    uint16_t status = stream->fail_status;
    stream->fail_status = 0;
    // In the log an answer that did not go on did not come.
    if (which == PROXY_COUNT_DENIED_RESP)
        stream->times.answer_us = 0;
    if (status && which == PROXY_COUNT_DENIED_REQ)
        proxy_session_count_error(stream->session, stream->fail_end == STREAM_END_CLIENT_TIMEOUT ? PROXY_COUNT_REQ_LATE
                                                   : stream->fail_end == STREAM_END_CLIENT       ? PROXY_COUNT_REQ_CUT
                                                                                                 : PROXY_COUNT_REQ_BAD);
    if (status)
        return stream_refuse(stream, status, (enum stream_end)stream->fail_end, true);
    bool denied = is_denial(stream);
    if (which == PROXY_COUNT_DENIED_REQ && stream->stopped_at && stream->stopped_at->action->flags & RULE_ERRS)
        stream_track_error(stream);
    if (denied)
        count_denied(stream, which);
    else if (!stream->backend)
        backend_count(stream->session->counters, PROXY_COUNT_INTERCEPTED, 1);
    if (stream->answer)
        return stream_answer_with(stream, stream->answer, denied ? STREAM_END_PROXY : STREAM_END_LOCAL);
    // A service, or an errorfile that says to close without an answer.
    if (stream->service)
        return stream_serve(stream, stream->service, NULL);
    return stream_finish(stream, denied ? STREAM_END_PROXY : STREAM_END_LOCAL, STREAM_NEXT_CLOSE);
}

static enum stream_verdict closed(struct stream *stream, enum proxy_counter which)
{
    const struct mux_h1 *front = stream->front;
    bool silent = stream->session->silent;
    bool unread = front->conn.can_read || buf_len(&front->in) || (stream->head_valid && !front->stream.rx_done);
    // Letters and counters as HAProxy has them: a silent end is a denied request even where an answer caused it.
    count_denied(stream, silent ? PROXY_COUNT_DENIED_REQ : which);
    stream_note_end(stream, STREAM_END_PROXY);
    if (silent)
        stream->end_phase = 'R';
    else if (which == PROXY_COUNT_DENIED_RESP)
        stream->end_phase = 'D';
    // The log does not tell what the client sent before the rules let it pass.
    if (stream->step == STREAM_CONTENT_RULES || stream->step == STREAM_REQUEST_RULES) {
        stream->head_valid = stream->head_valid && stream->step == STREAM_REQUEST_RULES;
        stream->times.head_us = 0;
    }
    stream->status = 0;
    return stream_finish(stream, STREAM_END_PROXY,
                         silent   ? STREAM_NEXT_RESET
                         : unread ? STREAM_NEXT_LINGER
                                  : STREAM_NEXT_CLOSE);
}

// What a verdict other than RULE_NEXT and RULE_STOP means for a request.
static enum stream_verdict request_verdict(struct stream *stream, enum rule_verdict verdict, uint64_t until_us)
{
    switch (verdict) {
    case RULE_WAIT:
        if (stream_client_left(stream) || stream_request_cut(stream)) {
            proxy_session_count_error(stream->session, PROXY_COUNT_REQ_CUT);
            return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
        }
        stream->deadline_us = stream->subject.acted ? stream->rule_due_us : until_us;
        return STREAM_WAIT;
    case RULE_ANSWERED:
        return answered(stream, PROXY_COUNT_DENIED_REQ);
    case RULE_CLOSE:
        return closed(stream, PROXY_COUNT_DENIED_REQ);
    default:
        stream_count_all(stream, PROXY_COUNT_INTERNAL_ERRORS);
        return stream_refuse(stream, 500, STREAM_END_PROXY, false);
    }
}

static bool goes_on(enum rule_verdict verdict)
{
    return verdict == RULE_NEXT || verdict == RULE_STOP;
}

// Bytes that come behind the head in mode http, or first of all in mode tcp. False: no more will, or can.
static bool may_come(struct stream *stream)
{
    struct mux_h1 *front = stream->front;
    if (stream->head_valid && front->stream.rx_done)
        return false;
    return stream->head_valid ? mux_h1_body_fill(front) : mux_h1_raw_fill(front);
}

void stream_looks_at_bytes(struct stream *stream)
{
    struct buf *in = &stream->front->in;
    enum http_bad bad;
    if (stream->session->conf->mode == PROXY_MODE_HTTP || !buf_len(in))
        return;
    http_head_init(&stream->request, stream->request_fields, stream->ctx->mux->max_fields);
    stream->request.base = buf_data(in);
    enum http_parse result = http_head_parse_request(&stream->request, &bad, buf_len(in));
    stream->head_valid = result == HTTP_PARSE_DONE;
    stream->not_http = result != HTTP_PARSE_DONE && result != HTTP_PARSE_MORE;
}

void stream_looked(struct stream *stream)
{
    if (stream->session->conf->mode != PROXY_MODE_HTTP)
        stream->head_valid = false;
}

// True: the rules let the bytes pass. False: `*verdict` says how it goes on.
static bool content_rules(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict)
{
    uint64_t now_us = stream->ctx->loop->now_us, delay_us = conf->timeouts.inspect_request;
    const struct rule *list = conf->rules[PROXY_RULES_TCP_CONTENT];
    if (!list)
        return true;
    if (!stream->inspect_us)
        stream->inspect_us = now_us;
    bool more = may_come(stream);
    bool final = !delay_us || stream->inspect_us + delay_us <= now_us || !more;
    stream_looks_at_bytes(stream);
    enum rule_verdict said = run_list(stream, list, EXPR_AT_REQUEST_CONTENT, final);
    stream_looked(stream);
    if (goes_on(said)) {
        stream->inspect_us = stream->deadline_us = 0;
        return true;
    }
    *verdict = request_verdict(stream, said, stream->inspect_us + delay_us);
    return false;
}

enum stream_verdict stream_content_rules(struct stream *stream)
{
    enum stream_verdict verdict;
    if (!content_rules(stream, stream->session->conf, &verdict))
        return verdict;
    if (stream->head_valid) {
        stream_count_request(stream);
        stream_track_request(stream);
    }
    stream_step_set(stream, stream->head_valid ? STREAM_REQUEST_RULES : STREAM_PICK_BACKEND);
    return STREAM_GO;
}

// A request for the status page has rules of its own, and is answered here. False: it is none.
static bool status_page(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict)
{
    const struct stats_conf *stats = conf->stats;
    if (!stream_stats_asked(stream, stats))
        return false;
    enum rule_verdict said = run_list(stream, stats->rules, EXPR_AT_REQUEST_HEAD, true);
    if (goes_on(said) && stats->users && !stream_stats_known(stream, stats))
        said = run_list(stream, stats->challenge, EXPR_AT_REQUEST_HEAD, true);
    if (goes_on(said)) {
        backend_count(stream->session->counters, PROXY_COUNT_INTERCEPTED, !stream->backend);
        *verdict = stream_serve(stream, stats->service->vtable, conf);
    } else {
        *verdict = request_verdict(stream, said, 0);
    }
    return true;
}

// Likewise for rules of http-request, and what is left of those of `redirect` behind them.
static bool http_rules(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict)
{
    const struct rule *list = conf->rules[PROXY_RULES_HTTP_REQUEST], *last = conf->rules[PROXY_RULES_REDIRECT];
    enum rule_verdict said = RULE_NEXT;
    if (list)
        said = run_list(stream, list, EXPR_AT_REQUEST_HEAD, true);
    if (UNLIKELY(conf->stats != NULL) && goes_on(said) && status_page(stream, conf, verdict))
        return false;
    if (last && goes_on(said))
        said = run_list(stream, last, EXPR_AT_REQUEST_HEAD, true);
    // The hint that was to send those before it may not have been reached after all.
    if (UNLIKELY(stream->answer != NULL) && (goes_on(said) || said == RULE_WAIT))
        stream_hints_flush(stream);
    if (goes_on(said)) {
        stream->deadline_us = 0;
        return stream_names_pass(stream, conf, verdict);
    }
    *verdict = request_verdict(stream, said, 0);
    return false;
}

enum stream_verdict stream_request_rules(struct stream *stream)
{
    const struct proxy_conf *conf = stream->session->conf;
    enum stream_verdict verdict;
    if (stream_monitored(stream, &verdict) || !stream_ready_for_rules(stream, conf, &verdict) ||
        !http_rules(stream, conf, &verdict))
        return verdict;
    stream_step_set(stream, STREAM_PICK_BACKEND);
    return STREAM_GO;
}

enum stream_verdict stream_enter_backend(struct stream *stream)
{
    if (stream->wishes.has_retries)
        stream->retries_left = stream->wishes.retries;
    stream_step_set(stream, STREAM_PICK_SERVER);
    return STREAM_GO;
}

enum stream_verdict stream_backend_content(struct stream *stream)
{
    enum stream_verdict verdict;
    if (!content_rules(stream, stream->backend->conf, &verdict))
        return verdict;
    if (!stream->head_valid)
        return stream_enter_backend(stream);
    stream_track_late(stream);
    stream_step_set(stream, STREAM_BACKEND_RULES);
    return STREAM_GO;
}

enum stream_verdict stream_backend_rules(struct stream *stream)
{
    const struct proxy_conf *conf = stream->backend->conf;
    enum stream_verdict verdict;
    if (!stream_ready_for_rules(stream, conf, &verdict) || !http_rules(stream, conf, &verdict))
        return verdict;
    return stream_enter_backend(stream);
}

// Rules of an answer's head in their order; the frontend's come last.
enum { PHASE_CONTENT, PHASE_BACKEND, PHASE_FRONTEND, PHASE_AFTER, PHASE_OVER };

static const struct rule *phase_list(const struct stream *stream)
{
    const struct proxy_conf *back = stream->backend->conf, *front = stream->session->conf;
    switch (stream->response_phase) {
    case PHASE_CONTENT:
        return back->rules[PROXY_RULES_TCP_RESPONSE];
    case PHASE_BACKEND:
        return back->rules[PROXY_RULES_HTTP_RESPONSE];
    default:
        return front != back ? front->rules[PROXY_RULES_HTTP_RESPONSE] : NULL;
    }
}

static bool run_phase(struct stream *stream, const struct rule *list, enum stream_verdict *verdict)
{
    uint64_t now_us = stream->ctx->loop->now_us, until_us = 0;
    uint32_t when = EXPR_AT_RESPONSE_HEAD;
    bool final = true;
    if (stream->response_phase == PHASE_CONTENT) {
        uint64_t delay_us = stream->backend->conf->timeouts.inspect_response;
        stream->inspect_us = stream->inspect_us ? stream->inspect_us : now_us;
        until_us = stream->inspect_us + delay_us;
        struct mux_h1 *back = &stream->back->h1;
        final = !delay_us || until_us <= now_us || back->stream.rx_done || !mux_h1_body_fill(back);
        when = EXPR_AT_RESPONSE_CONTENT;
    }
    enum rule_verdict said = run_list(stream, list, when, final);
    switch (said) {
    case RULE_NEXT:
    case RULE_STOP:
        stream->inspect_us = 0;
        return true;
    case RULE_WAIT:
        if (!stream->subject.acted)
            stream->rule_due_us = until_us;
        *verdict = STREAM_WAIT;
        return false;
    case RULE_ANSWERED:
        *verdict = answered(stream, PROXY_COUNT_DENIED_RESP);
        return false;
    case RULE_CLOSE:
        *verdict = closed(stream, PROXY_COUNT_DENIED_RESP);
        return false;
    default:
        stream_count_all(stream, PROXY_COUNT_INTERNAL_ERRORS);
        stream->times.answer_us = 0;
        *verdict = stream_refuse(stream, 500, STREAM_END_PROXY, false);
        return false;
    }
}

bool stream_response_rules(struct stream *stream, enum stream_verdict *verdict)
{
    expr_vars_end(&stream->subject, EXPR_SCOPE_REQ);
    for (; stream->response_phase < PHASE_AFTER; stream->response_phase++) {
        const struct rule *list = phase_list(stream);
        if (stream->response_phase == PHASE_BACKEND)
            stream_stick_learn(stream, EXPR_AT_RESPONSE_HEAD);
        if (list && !run_phase(stream, list, verdict))
            return false;
    }
    stream->response_phase = PHASE_OVER;
    bool has_cookie = stream->backend->conf->be.cookie.name != NULL;
    if ((!has_cookie || stream_cookie_answer(stream)) &&
        (!stream_has_after_rules(stream) || stream_after_rules(stream)))
        return true;
    stream_count_all(stream, PROXY_COUNT_INTERNAL_ERRORS);
    stream->times.answer_us = 0;
    *verdict = stream_refuse(stream, 500, STREAM_END_PROXY, false);
    return false;
}

static const struct rule *after_list(const struct proxy_conf *conf)
{
    return conf ? conf->rules[PROXY_RULES_HTTP_AFTER_RESPONSE] : NULL;
}

bool stream_has_after_rules(const struct stream *stream)
{
    return after_list(stream->backend ? stream->backend->conf : NULL) || after_list(stream->session->conf);
}

bool stream_after_rules(struct stream *stream)
{
    const struct proxy_conf *front = stream->session->conf;
    const struct proxy_conf *back = stream->backend ? stream->backend->conf : NULL;
    const struct rule *lists[] = { after_list(back), back != front ? after_list(front) : NULL };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++) {
        if (!lists[i])
            continue;
        rule_over(stream);
        if (!goes_on(run_list(stream, lists[i], EXPR_AT_RESPONSE_HEAD, true))) {
            rule_over(stream);
            return false;
        }
    }
    return true;
}

// The client goes on meanwhile: many protocols have the server speak second.
enum stream_verdict stream_raw_response(struct stream *stream)
{
    struct mux_h1 *back = &stream->back->h1;
    const struct proxy_conf *conf = stream->backend->conf;
    uint64_t now_us = stream->ctx->loop->now_us, delay_us = conf->timeouts.inspect_response, moved = 0;
    enum stream_relay_state up = stream_relay_run(&stream->up, &moved);
    if (up == STREAM_RELAY_PAUSED)
        event_task_wake(stream->ctx->loop, &stream->task);
    if (up == STREAM_RELAY_DONE)
        transport_conn_shutdown(&back->conn);
    if (up == STREAM_RELAY_SRC_FAILED)
        return stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_RESET);
    stream->inspect_us = stream->inspect_us ? stream->inspect_us : now_us;
    bool more = mux_h1_raw_fill(back);
    bool final = !delay_us || stream->inspect_us + delay_us <= now_us || !more;
    enum rule_verdict said = run_list(stream, conf->rules[PROXY_RULES_TCP_RESPONSE], EXPR_AT_RESPONSE_CONTENT, final);
    if (goes_on(said)) {
        stream->inspect_us = stream->deadline_us = 0;
        stream_stick_learn(stream, EXPR_AT_RESPONSE_CONTENT);
        return stream_to_tunnel(stream);
    }
    if (said != RULE_WAIT)
        return closed(stream, PROXY_COUNT_DENIED_RESP);
    stream->deadline_us = stream->subject.acted ? stream->rule_due_us : stream->inspect_us + delay_us;
    return STREAM_WAIT;
}
