// SPDX-License-Identifier: Apache-2.0
// The step that sends.
#include <errno.h>
#include <string.h>
#include "check/expect.h"
#include "expr/format.h"

static bool put(struct check_run *run, struct slice data)
{
    if (data.len > buf_room(&run->out))
        return false;
    memcpy(buf_end(&run->out), data.ptr, data.len);
    buf_added(&run->out, data.len);
    return true;
}

size_t check_unhex(char *dst, size_t cap, struct slice text)
{
    size_t len = 0;
    if (text.len % 2 || text.len / 2 > cap)
        return SIZE_MAX;
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = slice_hex_digit(text.ptr[i]), low = slice_hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return SIZE_MAX;
        dst[len++] = (char)(high << 4 | low);
    }
    return len;
}

static bool put_format(struct check_run *run, const struct check_send *send)
{
    struct expr_scratch *scratch = &checks.expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    struct slice text = expr_format_make(send->hex ? send->hex : send->format, &run->subject);
    bool ok = text.ptr != NULL;
    if (ok && send->hex) {
        size_t len = check_unhex(buf_end(&run->out), buf_room(&run->out), text);
        ok = len != SIZE_MAX;
        if (ok)
            buf_added(&run->out, len);
    } else if (ok) {
        ok = put(run, text);
    }
    expr_scratch_release(scratch, mark);
    return ok;
}

// What was said before this question is no answer to it.
static bool make(struct check_run *run)
{
    check_run_look(run);
    const struct check_send *send = &run->step->send;
    run->sent = true;
    run->read = false;
    buf_release(&run->in, &checks.bufs);
    check_answer_fini(&run->answer);
    if (!buf_reserve(&run->out, &checks.bufs))
        return false;
    if (send->request)
        return check_request_write(run, send->request) &&
               check_answer_begin(&run->answer, (uint16_t)checks.conf->global.max_headers, send->request->is_head);
    if (send->format || send->hex)
        return put_format(run, send);
    return put(run, send->data);
}

bool check_run_send(struct check_run *run)
{
    if (!run->sent && !make(run)) {
        check_run_failed(run, ENOMEM, false);
        return false;
    }
    enum io io = check_run_flush(run);
    if (io == IO_OK)
        return true;
    // What the peer said before it left may be what is expected.
    if (io == IO_FAIL && run->step->next && run->step->next->action == CHECK_EXPECT && run->conn.can_read) {
        buf_release(&run->out, &checks.bufs);
        return true;
    }
    if (io != IO_AGAIN)
        check_run_failed(run, run->conn.error, false);
    return false;
}
