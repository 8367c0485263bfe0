// SPDX-License-Identifier: Apache-2.0
// Checks in HTTP: what is asked, and what is made of the answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/expect.h"
#include "check/state.h"
#include "expr/format.h"
#include "expr/regex.h"

static bool put(struct check_run *run, struct slice text)
{
    if (text.len > buf_room(&run->out))
        return false;
    if (text.len)
        memcpy(buf_end(&run->out), text.ptr, text.len);
    buf_added(&run->out, text.len);
    return true;
}

static bool put_str(struct check_run *run, const char *text)
{
    return put(run, slice_str(text));
}

static bool put_made(struct check_run *run, const struct expr_format *format)
{
    uint32_t mark = expr_scratch_mark(&checks.expr.scratch);
    struct slice text = expr_format_make(format, &run->subject);
    bool ok = text.ptr && put(run, text);
    expr_scratch_release(&checks.expr.scratch, mark);
    return ok;
}

static bool put_name(struct check_run *run, struct slice name)
{
    char *to = buf_end(&run->out);
    if (!put(run, name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        to[i] = slice_lower(to[i]);
    return put_str(run, ": ");
}

static bool is_named(const struct check_field *field, struct slice name)
{
    return slice_equal_nocase(field->name, name);
}

// Where the target names a host and there is a Host field, that one counts for both. HAProxy manual, `http-check send`.
static bool put_target(struct check_run *run, const struct check_request *request)
{
    struct slice target = slice_str(request->uri ? request->uri : "/");
    const struct check_field *host = request->fields;
    if (request->uri_format) {
        target = expr_format_make(request->uri_format, &run->subject);
        if (!target.ptr)
            return false;
    }
    const char *scheme = target.len ? memmem(target.ptr, target.len, "://", 3) : NULL;
    while (host && !is_named(host, SLICE("host")))
        host = host->next;
    if (!scheme || !host || target.ptr[0] == '/')
        return put(run, target);
    size_t at = (size_t)(scheme - target.ptr) + 3;
    struct slice rest = slice_from(target, at);
    return put(run, slice_of(target.ptr, at)) && put_made(run, host->value) &&
           put(run, slice_from(rest, slice_find(rest, '/')));
}

static bool put_line(struct check_run *run, const struct check_request *request)
{
    uint32_t mark = expr_scratch_mark(&checks.expr.scratch);
    bool ok = put_str(run, request->method ? request->method : "OPTIONS") && put_str(run, " ") &&
              put_target(run, request) && put_str(run, " ") &&
              put_str(run, request->version ? request->version : "HTTP/1.0") && put_str(run, "\r\n");
    expr_scratch_release(&checks.expr.scratch, mark);
    return ok;
}

// Methods whose requests usually have a body say so when they have none (RFC 9110 section 8.6).
static bool wants_length(const struct check_request *request)
{
    return request->method && (strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                               strcmp(request->method, "PATCH") == 0);
}

static bool put_fields(struct check_run *run, const struct check_request *request, struct slice body)
{
    bool says_connection = false, ok = true;
    char length[40];
    for (const struct check_field *field = request->fields; ok && field; field = field->next) {
        says_connection |= is_named(field, SLICE("connection"));
        ok = put_name(run, field->name) && put_made(run, field->value) && put_str(run, "\r\n");
    }
    if (ok && request->send_state)
        ok = check_state_field(run->check, &run->out);
    if (ok && (body.ptr || wants_length(request))) {
        snprintf(length, sizeof(length), "content-length: %zu\r\n", body.len);
        ok = put_str(run, length);
    }
    bool closes = request->version && strcmp(request->version, "HTTP/1.0") != 0;
    return ok && (says_connection || !closes || put_str(run, "connection: close\r\n"));
}

bool check_request_write(struct check_run *run, const struct check_request *request)
{
    uint32_t mark = expr_scratch_mark(&checks.expr.scratch);
    struct slice body = request->body;
    bool ok = true;
    if (request->body_format) {
        body = expr_format_make(request->body_format, &run->subject);
        ok = body.ptr != NULL;
    }
    ok = ok && put_line(run, request) && put_fields(run, request, body) && put_str(run, "\r\n") && put(run, body);
    expr_scratch_release(&checks.expr.scratch, mark);
    return ok;
}

static bool in_ranges(const struct check_range *range, uint16_t status)
{
    while (range && (status < range->low || status > range->high))
        range = range->next;
    return range != NULL;
}

static bool pattern_is_set(const struct check_pattern *pattern)
{
    return pattern->text.ptr || pattern->format || pattern->regex;
}

static bool compare(enum check_compare how, struct slice text, struct slice with, bool nocase)
{
    bool (*equal)(struct slice a, struct slice b) = nocase ? slice_equal_nocase : slice_equal;
    if (how != CHECK_IS && with.len > text.len)
        return false;
    switch (how) {
    case CHECK_BEGINS:
        return equal(slice_of(text.ptr, with.len), with);
    case CHECK_ENDS:
        return equal(slice_from(text, text.len - with.len), with);
    case CHECK_HOLDS:
        for (size_t at = 0; at + with.len <= text.len; at++)
            if (equal(slice_of(text.ptr + at, with.len), with))
                return true;
        return false;
    default:
        return equal(text, with);
    }
}

static bool fits(struct check_run *run, const struct check_pattern *pattern, struct slice text, bool nocase)
{
    if (pattern->regex)
        return expr_regex_exec(pattern->regex, text, NULL);
    if (!pattern->format)
        return compare(pattern->how, text, pattern->text, nocase);
    uint32_t mark = expr_scratch_mark(&checks.expr.scratch);
    struct slice with = expr_format_make(pattern->format, &run->subject);
    bool match = with.len && compare(pattern->how, text, with, nocase);
    expr_scratch_release(&checks.expr.scratch, mark);
    return match;
}

// The next element of a list of values: a comma within quotes separates nothing (RFC 9110 section 5.6.1).
static struct slice next_element(struct slice *rest)
{
    size_t at = 0;
    bool quoted = false;
    for (; at < rest->len && (quoted || rest->ptr[at] != ','); at++) {
        if (quoted && rest->ptr[at] == '\\' && at + 1 < rest->len)
            at++;
        else if (rest->ptr[at] == '"')
            quoted = !quoted;
    }
    struct slice element = slice_trim(slice_of(rest->ptr, at));
    *rest = slice_from(*rest, at < rest->len ? at + 1 : at);
    return element;
}

static bool value_fits(struct check_run *run, const struct check_expect *expect, struct slice value)
{
    if (!pattern_is_set(&expect->value))
        return true;
    if (expect->whole_value)
        return fits(run, &expect->value, value, false);
    do {
        if (fits(run, &expect->value, next_element(&value), false))
            return true;
    } while (value.len);
    return false;
}

static bool field_matches(struct check_run *run, const struct check_expect *expect)
{
    const struct http_head *head = &run->answer.head;
    for (unsigned i = 0; i < head->num_fields; i++)
        if (fits(run, &expect->name, http_field_name_at(head, i), true) &&
            value_fits(run, expect, http_field_value(head, i)))
            return true;
    return false;
}

static void say(struct check_reading *reading, enum check_status status, const char *text)
{
    reading->status = status;
    snprintf(reading->text, sizeof(reading->text), "%s", text);
}

static enum check_verdict judge_head(struct check_run *run, struct check_reading *reading)
{
    const struct check_expect *expect = &run->step->expect;
    const struct http_head *head = &run->answer.head;
    char digits[16];
    bool match;
    if (expect->match == CHECK_MATCH_FIELD) {
        match = field_matches(run, expect);
    } else if (expect->match == CHECK_MATCH_STATUS) {
        match = in_ranges(expect->ranges, head->status);
    } else {
        snprintf(digits, sizeof(digits), "%u", head->status);
        match = expr_regex_exec(expect->regex, slice_str(digits), NULL);
    }
    if (match != expect->negated)
        return CHECK_NEXT;
    enum check_status status = expect->error_status ? expect->error_status : CHECK_L7STS;
    struct slice reason = http_head_reason(head);
    reading->status = status;
    snprintf(reading->text, sizeof(reading->text), "%.*s", (int)reason.len, reason.ptr);
    return CHECK_FAIL;
}

static enum check_verdict judge_body(struct check_run *run, struct check_reading *reading, bool complete)
{
    const struct check_expect *expect = &run->step->expect;
    struct slice body = check_answer_body(&run->answer, reading->data);
    bool last = complete || reading->last;
    enum check_status status = expect->error_status ? expect->error_status : CHECK_L7RSP;
    if (!body.len) {
        if (!last)
            return CHECK_MORE;
        say(reading, status, "HTTP content check could not find a response body");
        return CHECK_FAIL;
    }
    if (check_expect_wants_more(expect, body, last))
        return CHECK_MORE;
    bool match = check_expect_matches(run, expect, body);
    if (!match && !last && expect->min_recv == -1)
        return CHECK_MORE;
    if (match != expect->negated)
        return CHECK_NEXT;
    say(reading, status, expect->negated ? "HTTP check matched unwanted content" : "HTTP content check did not match");
    return CHECK_FAIL;
}

enum check_verdict check_http_judge(struct check_run *run, struct check_reading *reading)
{
    const struct check_expect *expect = &run->step->expect;
    const struct check *check = run->check;
    enum check_answer_step step = check_answer_read(&run->answer, &run->in, reading->last);
    reading->data = slice_of(buf_data(&run->in), buf_len(&run->in));
    if (step == CHECK_ANSWER_BAD || (step == CHECK_ANSWER_HEAD && reading->last)) {
        reading->status = CHECK_L7RSP;
        return CHECK_FAIL;
    }
    if (step == CHECK_ANSWER_HEAD)
        return CHECK_MORE;
    run->code = reading->code = run->answer.head.status;
    // It comes before all other expectations, for a server that is in service.
    if (run->code == 404 && check->proxy->be.check.disable_on_404 &&
        backend_state_op(backend_state_status(check->state)) != BACKEND_OP_STOPPED) {
        reading->status = CHECK_L7OKC;
        return CHECK_PASS;
    }
    if (expect->match < CHECK_MATCH_BODY)
        return judge_head(run, reading);
    return judge_body(run, reading, step == CHECK_ANSWER_WHOLE);
}
