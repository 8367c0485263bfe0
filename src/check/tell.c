// SPDX-License-Identifier: Apache-2.0
// What is told of a check: where it stopped, and why. The words are HAProxy's, for whoever greps its logs.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "check/expect.h"
#include "expr/format.h"
#include "transport/tls.h"

static void add(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *text, const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, CHECK_TEXT_LEN - len, format, args);
    va_end(args);
}

static bool is_implicit(const struct check_step *step)
{
    return step->action == CHECK_CONNECT && step->connect.implicit;
}

static void add_expect(char *text, const struct check_expect *expect)
{
    switch (expect->match) {
    case CHECK_MATCH_BYTES:
        if (expect->is_hex)
            add(text, " (expect binary '");
        else
            add(text, " (expect string '%.*s')", (int)expect->data.len, expect->data.ptr);
        break;
    case CHECK_MATCH_REGEX:
        add(text, " (expect regex)");
        break;
    case CHECK_MATCH_HEX:
    case CHECK_MATCH_FORMAT:
        add(text, " (expect log-format string)");
        break;
    case CHECK_MATCH_RBINARY:
        add(text, " (expect binary regex)");
        break;
    case CHECK_MATCH_STATUS:
        add(text, " (expect HTTP status codes)");
        break;
    case CHECK_MATCH_RSTATUS:
        add(text, " (expect HTTP status regex)");
        break;
    case CHECK_MATCH_FIELD:
        add(text, " (expect HTTP header pattern)");
        break;
    case CHECK_MATCH_BODY:
        add(text, " (expect HTTP body content '%.*s')", (int)expect->data.len, expect->data.ptr);
        break;
    case CHECK_MATCH_BODY_REGEX:
        add(text, " (expect HTTP body regex)");
        break;
    case CHECK_MATCH_BODY_FORMAT:
        add(text, " (expect log-format HTTP body)");
        break;
    default:
        add(text, " (expect custom function)");
    }
}

static void add_where(const struct check_run *run, char *text)
{
    const struct check_step *step = run->step;
    if (is_implicit(step)) {
        add(text, " at initial connection step of tcp-check");
        return;
    }
    add(text, " at step %u of tcp-check", step->number);
    if (step->action == CHECK_CONNECT && (step->connect.port || step->connect.port_expr))
        add(text, " (connect port %u)", run->port);
    else if (step->action == CHECK_CONNECT)
        add(text, " (connect)");
    else if (step->action == CHECK_SEND)
        add(text, " (send)");
    else
        add_expect(text, &step->expect);
    if (step->comment)
        add(text, " comment: '%s'", step->comment);
}

static bool tells_steps(const struct check_run *run)
{
    return run->check->proxy->be.check.protocol == CHECK_PROTOCOL_TCP;
}

// While the connection is being made its layer tells what failed; afterwards it is what was waited for.
static enum check_status status_of(const struct check_run *run, bool out)
{
    const struct check_step *step = run->step;
    bool connected = transport_conn_is_open(&run->conn) && !run->conn.connecting;
    const struct tls_conn *tls = transport_tls_of(&run->conn);
    if (step->action == CHECK_CONNECT && !connected)
        return out ? CHECK_L4TOUT : CHECK_L4CON;
    if (step->action == CHECK_CONNECT && (!tls || !tls->facts.done))
        return out ? CHECK_L6TOUT : tls ? CHECK_L6RSP : CHECK_L4CON;
    if (!out)
        return CHECK_SOCKERR;
    return step->action == CHECK_EXPECT && step->expect.tout_status ? step->expect.tout_status : CHECK_L7TOUT;
}

void check_run_failed(struct check_run *run, int error, bool out)
{
    char text[CHECK_TEXT_LEN] = "";
    enum check_status status = status_of(run, out);
    const struct tls_conn *tls = transport_tls_of(&run->conn);
    if (status == CHECK_L4CON && run->conn.connecting == false && !transport_conn_is_open(&run->conn))
        status = error == ECONNREFUSED || error == ENOENT ? CHECK_L4CON : CHECK_SOCKERR;
    if (status == CHECK_L6RSP && tls)
        add(text, "%s", tls_conn_reason(tls));
    else if (error && !out)
        add(text, "%s", strerror(error));
    if (tells_steps(run))
        add_where(run, text);
    check_run_end(run, status, 0, text);
}

static void add_format(struct check_run *run, char *text, const struct expr_format *format)
{
    size_t len = strlen(text);
    bool cut;
    check_run_look(run);
    len += expr_format_write(format, &run->subject, text + len, CHECK_TEXT_LEN - len - 1, &cut);
    text[len] = '\0';
}

static void take_code(struct check_run *run, const struct expr *expr, uint16_t *code)
{
    struct expr_sample sample;
    int64_t num;
    check_run_look(run);
    if (!expr || !expr_eval(expr, &run->subject, &sample))
        return;
    // Bytes of an answer are read as the number they spell.
    if (sample.type == EXPR_BIN)
        sample.type = EXPR_STR;
    if (expr_sample_int(&sample, &num))
        *code = (uint16_t)num;
}

void check_run_success_text(struct check_run *run, const struct check_step *last, char *text, uint16_t *code)
{
    const struct check_expect *expect = &last->expect;
    text[0] = '\0';
    if (expect->on_success)
        add_format(run, text, expect->on_success);
    else if (!run->answer.fields)
        add(text, "(tcp-check)");
    take_code(run, expect->status_code, code);
}

// What was expected of raw bytes and did not come, or came and should not have.
static void add_mismatch(const struct check_run *run, const struct check_reading *reading, char *text)
{
    const struct check_expect *expect = &run->step->expect;
    bool empty = reading->last && !reading->data.len;
    if (empty) {
        add(text, "TCPCHK got an empty response at step %u", run->step->number);
        return;
    }
    add(text, "TCPCHK %s", expect->negated ? "matched unwanted content" : "did not match content");
    if (expect->match == CHECK_MATCH_BYTES && expect->is_hex)
        add(text, " (binary)");
    else if (expect->match == CHECK_MATCH_BYTES)
        add(text, " '%.*s'", (int)expect->data.len, expect->data.ptr);
    else if (expect->match == CHECK_MATCH_REGEX)
        add(text, " (regex)");
    else if (expect->match == CHECK_MATCH_RBINARY)
        add(text, " (binary regex)");
    else
        add(text, " (log-format %s)", expect->match == CHECK_MATCH_HEX ? "binary" : "string");
    add(text, " at step %u", run->step->number);
}

void check_run_failure_text(struct check_run *run, const struct check_reading *reading, char *text, uint16_t *code)
{
    const struct check_step *step = run->step;
    const struct check_expect *expect = &step->expect;
    text[0] = '\0';
    if (expect->on_error)
        add_format(run, text, expect->on_error);
    else if (reading->text[0])
        add(text, "%s", reading->text);
    else if (expect->match < CHECK_MATCH_STATUS)
        add_mismatch(run, reading, text);
    if (step->comment)
        add(text, " comment: %s", step->comment);
    take_code(run, expect->status_code, code);
}
