// SPDX-License-Identifier: Apache-2.0
// The step that expects something, of what came since the last bytes were sent.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "check/expect.h"
#include "expr/format.h"
#include "expr/regex.h"

// Reads what there is. False: nothing came, and the peer's end was not seen.
static bool fill(struct check_run *run)
{
    bool any = false;
    if (!buf_reserve(&run->in, &checks.bufs)) {
        run->read = run->ended = true;
        return true;
    }
    while (!run->ended && buf_room(&run->in)) {
        size_t len;
        enum io io = transport_conn_recv(&run->conn, &len, buf_end(&run->in), buf_room(&run->in));
        buf_added(&run->in, len);
        any |= len > 0;
        if (io == IO_AGAIN)
            break;
        run->ended = io != IO_OK;
    }
    run->read |= any || run->ended;
    return any || run->ended;
}

bool check_find(struct slice data, struct slice part)
{
    return !part.len || (data.len && memmem(data.ptr, data.len, part.ptr, part.len));
}

// Bytes as hexadecimal digits in upper case, for regular expressions on what is no text.
static struct slice hex_of(struct slice data)
{
    static const char digits[] = "0123456789ABCDEF";
    char *hex = expr_scratch_take(&checks.expr.scratch, data.len * 2);
    if (!hex)
        return slice_of(NULL, 0);
    for (size_t i = 0; i < data.len; i++) {
        hex[2 * i] = digits[(uint8_t)data.ptr[i] >> 4];
        hex[2 * i + 1] = digits[(uint8_t)data.ptr[i] & 15];
    }
    return slice_of(hex, data.len * 2);
}

// Digits that a format gives may be none.
static bool format_is_hex(struct check_run *run, const struct check_expect *expect)
{
    struct expr_scratch *scratch = &checks.expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice text = expr_format_make(expect->format, &run->subject);
    char *bytes = text.ptr ? expr_scratch_take(scratch, text.len / 2 + 1) : NULL;
    bool ok = bytes && check_unhex(bytes, text.len / 2 + 1, text) != SIZE_MAX;
    expr_scratch_release(scratch, mark);
    return ok;
}

static bool has_format(struct check_run *run, const struct check_expect *expect, struct slice data, bool is_hex)
{
    struct slice text = expr_format_make(expect->format, &run->subject);
    if (!text.ptr)
        return false;
    if (!is_hex)
        return check_find(data, text);
    char *bytes = expr_scratch_take(&checks.expr.scratch, text.len / 2 + 1);
    size_t len = bytes ? check_unhex(bytes, text.len / 2 + 1, text) : SIZE_MAX;
    return len != SIZE_MAX && check_find(data, slice_of(bytes, len));
}

bool check_expect_matches(struct check_run *run, const struct check_expect *expect, struct slice data)
{
    struct expr_scratch *scratch = &checks.expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    bool match;
    switch (expect->match) {
    case CHECK_MATCH_BYTES:
    case CHECK_MATCH_BODY:
        match = check_find(data, expect->data);
        break;
    case CHECK_MATCH_REGEX:
    case CHECK_MATCH_BODY_REGEX:
        match = expr_regex_exec(expect->regex, data, NULL);
        break;
    case CHECK_MATCH_RBINARY:
        match = expr_regex_exec(expect->regex, hex_of(data), NULL);
        break;
    default:
        match = has_format(run, expect, data, expect->match == CHECK_MATCH_HEX);
    }
    expr_scratch_release(scratch, mark);
    return match;
}

bool check_expect_wants_more(const struct check_expect *expect, struct slice data, bool last)
{
    bool is_exact = expect->match == CHECK_MATCH_BYTES || expect->match == CHECK_MATCH_BODY;
    return !last &&
           ((is_exact && data.len < expect->data.len) || (expect->min_recv > 0 && data.len < (size_t)expect->min_recv));
}

static enum check_verdict judge_bytes(struct check_run *run, struct check_reading *reading)
{
    const struct check_expect *expect = &run->step->expect;
    if (check_expect_wants_more(expect, reading->data, reading->last))
        return CHECK_MORE;
    if (expect->match == CHECK_MATCH_HEX && !format_is_hex(run, expect)) {
        snprintf(reading->text, sizeof(reading->text),
                 "Failed to parse hexastring resulting of eval of a log-format string");
        return CHECK_FAIL;
    }
    bool match = check_expect_matches(run, expect, reading->data);
    // Where the least that has to come is given, what is not in it is not there.
    if (!match && !reading->last && expect->min_recv == -1)
        return CHECK_MORE;
    return match != expect->negated ? CHECK_NEXT : CHECK_FAIL;
}

static enum check_verdict read_answer(struct check_run *run, struct check_reading *reading)
{
    const struct check_step *step = run->step;
    const struct check_expect *expect = &step->expect;
    if (expect->match < CHECK_MATCH_STATUS)
        return judge_bytes(run, reading);
    if (expect->match == CHECK_MATCH_READ) {
        enum check_verdict verdict = expect->read(reading, step);
        if (verdict != CHECK_MORE || !reading->last)
            return verdict;
        return CHECK_FAIL;
    }
    return check_http_judge(run, reading);
}

static void fail(struct check_run *run, struct check_reading *reading)
{
    const struct check_expect *expect = &run->step->expect;
    char text[CHECK_TEXT_LEN];
    uint16_t code = reading->code;
    enum check_status status = reading->status        ? reading->status
                               : expect->error_status ? expect->error_status
                                                      : CHECK_L7RSP;
    check_run_failure_text(run, reading, text, &code);
    check_run_end(run, status, code, text);
}

bool check_run_expect(struct check_run *run)
{
    if ((!run->read || run->waits) && !fill(run))
        return false;
    if (run->conn.failed && !buf_len(&run->in)) {
        check_run_failed(run, run->conn.error, false);
        return false;
    }
    struct check_reading reading = {
        .check = run->check,
        .data = slice_of(buf_data(&run->in), buf_len(&run->in)),
        .last = run->ended || (run->in.mem && !buf_room(&run->in)),
    };
    run->waits = false;
    check_run_look(run);
    enum check_verdict verdict = read_answer(run, &reading);
    switch (verdict) {
    case CHECK_MORE:
        run->waits = true;
        run->step = run->step->expect.head;
        return false;
    case CHECK_NEXT:
        buf_consume(&run->in, reading.used);
        return true;
    case CHECK_PASS:
        check_run_end(run, reading.status, reading.code, reading.text);
        return false;
    default:
        fail(run, &reading);
        return false;
    }
}
