// SPDX-License-Identifier: Apache-2.0
// What happens to a request before its http-request rules: monitoring, a body to wait for, names to be strict about.
#include "expr/cond.h"
#include "stream/act.h"
#include "stream/steps.h"

bool stream_is_probe(struct stream *stream)
{
    if (!stream_is_idle(stream) || !(stream->session->conf->options & PROXY_OPT_IGNORE_PROBES))
        return false;
    stream->logged = true;
    return true;
}

// A path is compared with the path, whatever the form of the target; anything else with the target as it stands.
static bool is_monitor(const struct stream *stream, const char *uri)
{
    const struct http_head *head = &stream->request;
    return slice_equal(*uri == '/' ? http_head_pathq(head) : http_head_target(head), slice_str(uri));
}

bool stream_monitored(struct stream *stream, enum stream_verdict *verdict)
{
    const struct frontend_conf *conf = &stream->session->conf->fe;
    if (LIKELY(!conf->monitor_uri) || stream->rule || !is_monitor(stream, conf->monitor_uri))
        return false;
    const struct monitor_conf *fail = conf->monitor_fails;
    stream->subject.when = EXPR_AT_REQUEST_HEAD;
    stream->subject.final = true;
    while (fail && !expr_cond_true(fail->cond, &stream->subject))
        fail = fail->next;
    stream->logged = true;
    backend_count(stream->session->counters, PROXY_COUNT_INTERCEPTED, 1);
    *verdict = stream_refuse(stream, fail ? 503 : 200, STREAM_END_LOCAL, false);
    return true;
}

static bool is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '-')
            return false;
    }
    return true;
}

// False: a name is not plain and that is not wanted.
static bool restrict_names(struct stream *stream, uint8_t policy)
{
    struct http_head *head = &stream->request;
    for (unsigned i = 0; i < head->num_fields; i++) {
        if (is_plain_name(http_field_name_at(head, i)))
            continue;
        if (policy == PROXY_NAMES_REJECT)
            return false;
        http_head_drop(head, i);
    }
    return true;
}

bool stream_names_pass(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict)
{
    if (!conf->header_names || restrict_names(stream, conf->header_names))
        return true;
    proxy_session_count(stream->session, PROXY_COUNT_DENIED_REQ, 1);
    if (stream->backend)
        backend_count(stream->backend->counters, PROXY_COUNT_DENIED_REQ, 1);
    *verdict = stream_refuse(stream, 403, STREAM_END_PROXY, true);
    return false;
}

bool stream_ready_for_rules(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict)
{
    // Its rules have begun, and wait.
    return stream->rule || !(conf->options & PROXY_OPT_BUFFER_REQUEST) || stream_wait_for_body(stream, verdict);
}

bool stream_wait_for_body(struct stream *stream, enum stream_verdict *verdict)
{
    if (stream_body_waited(stream, 0))
        return true;
    const struct proxy_timeouts *timeouts = &stream->session->conf->timeouts;
    uint64_t limit_us = timeouts->http_request ? timeouts->http_request : timeouts->client;
    uint64_t due_us = limit_us ? stream->times.first_us + limit_us : 0;
    if (stream_client_left(stream)) {
        proxy_session_count_error(stream->session, PROXY_COUNT_REQ_CUT);
        *verdict = stream_finish(stream, STREAM_END_CLIENT, STREAM_NEXT_CLOSE);
    } else if (due_us && due_us <= stream->ctx->loop->now_us) {
        proxy_session_count_error(stream->session, PROXY_COUNT_REQ_LATE);
        *verdict = stream_refuse(stream, 408, STREAM_END_CLIENT_TIMEOUT, true);
    } else {
        stream->deadline_us = due_us;
        *verdict = STREAM_WAIT;
    }
    return false;
}
