// SPDX-License-Identifier: Apache-2.0
// Fetches that look at the bytes that wait in a buffer, before anything was passed on: plain runs of them.
#include "expr/number.h"
#include "stream/act.h"
#include "stream/content.h"
#include "stream/put.h"

static const struct mux_h1 *side_of(const struct expr_subject *subject, bool response)
{
    const struct stream *stream = subject->stream;
    if (!stream || !response)
        return stream ? stream->front : NULL;
    return stream->back ? &stream->back->h1 : NULL;
}

bool stream_content_raw(struct slice *out, const struct expr_subject *subject, bool response)
{
    const struct proxy_session *session = subject->session;
    const struct check_facts *check = subject->check;
    const struct mux_h1 *h1 = side_of(subject, response);
    if (check) {
        *out = check->data;
        return true;
    }
    if (session->conf->mode != PROXY_MODE_TCP || !h1)
        return false;
    *out = h1->in.mem ? slice_of(buf_data(&h1->in), buf_len(&h1->in)) : slice_of("", 0);
    return true;
}

bool stream_content_more(struct expr_subject *subject)
{
    subject->may_change |= !subject->final;
    return false;
}

static bool is_response(const struct expr_subject *subject)
{
    return subject->when & (EXPR_AT_RESPONSE_CONTENT | EXPR_FROM_RESPONSE_HEAD);
}

// In http mode the head counts, as it came, and what is here of the body.
static bool put_len(struct expr_subject *subject, struct expr_sample *out, bool response)
{
    const struct mux_h1 *h1 = side_of(subject, response);
    const struct check_facts *check = subject->check;
    if (check)
        return put_int(out, (int64_t)check->data.len);
    if (!h1)
        return false;
    subject->may_change |= !subject->final;
    return put_int(out, h1->pin ? (int64_t)h1->in.tail : (int64_t)buf_len(&h1->in));
}

static bool fetch_req_len(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_len(subject, out, false);
}

static bool fetch_res_len(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_len(subject, out, true);
}

// More than this will never be in a buffer.
static size_t buffer_len(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct check_facts *check = subject->check;
    return check ? check->room : stream->ctx->mux->bufs->chunk_len;
}

// The run of `len` bytes (0: all) at `offset`; it waits for them where they can still come.
static bool put_run(struct expr_subject *subject, struct expr_sample *out, struct slice data, size_t offset, size_t len)
{
    size_t room = buffer_len(subject);
    if (offset > room || len > room - offset)
        return false;
    if (data.len < offset + (len ? len : 1))
        return stream_content_more(subject);
    if (!len) {
        subject->may_change |= !subject->final;
        len = data.len - offset;
    }
    return put_bin(out, slice_of(data.ptr + offset, len));
}

enum { PAYLOAD_OFFSET, PAYLOAD_LEN, PAYLOAD_NUM_ARGS };

// Offsets and lengths are those of a buffer, far below this.
enum { PAYLOAD_MAX = 1 << 30 };

static const char *prepare_payload(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = expr_arg_number(config, &args[PAYLOAD_OFFSET], 0, PAYLOAD_MAX);
    (void)num;
    return wrong ? wrong : expr_arg_number(config, &args[PAYLOAD_LEN], 0, PAYLOAD_MAX);
}

static bool put_payload(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        bool response)
{
    struct slice data;
    return stream_content_raw(&data, subject, response) &&
           put_run(subject, out, data, (size_t)args[PAYLOAD_OFFSET].num, (size_t)args[PAYLOAD_LEN].num);
}

static bool fetch_req_payload(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    (void)walk;
    return put_payload(subject, out, args, false);
}

static bool fetch_res_payload(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    (void)walk;
    return put_payload(subject, out, args, true);
}

static bool fetch_payload(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)walk;
    return put_payload(subject, out, args, is_response(subject));
}

enum { LV_AT, LV_LEN, LV_OFFSET, LV_NUM_ARGS };

// How args[LV_OFFSET].data says what its number counts from.
static const char from_start, from_length;

static const char *prepare_lv(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = expr_arg_number(config, &args[LV_AT], 0, PAYLOAD_MAX);
    wrong = wrong ? wrong : expr_arg_number(config, &args[LV_LEN], 1, 8);
    args[LV_OFFSET].data = (void *)&from_length;
    if (wrong || num <= LV_OFFSET || !args[LV_OFFSET].str.len)
        return wrong;
    struct slice whole = args[LV_OFFSET].str;
    if (whole.ptr[0] == '+')
        args[LV_OFFSET].str = slice_from(whole, 1);
    else if (whole.ptr[0] != '-')
        args[LV_OFFSET].data = (void *)&from_start;
    wrong = expr_arg_number(config, &args[LV_OFFSET], -PAYLOAD_MAX, PAYLOAD_MAX);
    args[LV_OFFSET].str = whole;
    if (!wrong && args[LV_OFFSET].data == &from_length && args[LV_AT].num + args[LV_LEN].num + args[LV_OFFSET].num < 0)
        wrong = "the offset leads to before the start";
    return wrong;
}

static bool put_lv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args, bool response)
{
    struct slice data;
    if (!stream_content_raw(&data, subject, response))
        return false;
    size_t at = (size_t)args[LV_AT].num, len_len = (size_t)args[LV_LEN].num, len = 0;
    if (at + len_len > buffer_len(subject))
        return false;
    if (data.len < at + len_len)
        return stream_content_more(subject);
    for (size_t i = 0; i < len_len; i++)
        len = len << 8 | (uint8_t)data.ptr[at + i];
    int64_t offset = args[LV_OFFSET].num;
    if (args[LV_OFFSET].data == &from_length)
        offset += (int64_t)(at + len_len);
    return len && put_run(subject, out, data, (size_t)offset, len);
}

static bool fetch_req_lv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)walk;
    return put_lv(subject, out, args, false);
}

static bool fetch_res_lv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)walk;
    return put_lv(subject, out, args, true);
}

static bool fetch_lv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)walk;
    return put_lv(subject, out, args, is_response(subject));
}

static bool fetch_wait_end(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)args, (void)walk;
    return subject->final ? put_bool(out, true) : stream_content_more(subject);
}

#define PAYLOAD                                                                                                        \
    .args = "<offset>,<length>", .min_args = PAYLOAD_NUM_ARGS, .max_args = PAYLOAD_NUM_ARGS, .out = EXPR_BIN,          \
    .prepare = prepare_payload
#define LV                                                                                                             \
    .args = "<offset1>,<length>[,<offset2>]", .min_args = LV_OFFSET, .max_args = LV_NUM_ARGS, .out = EXPR_BIN,         \
    .prepare = prepare_lv

static const struct expr_fetch fetches[] = {
    { .name = "req.len",
      .out = EXPR_INT,
      .when = STREAM_CONTENT_REQUEST,
      .fetch = fetch_req_len,
      .help = "How many bytes of the client wait to be passed on; in http mode the head and what has come of the body.",
      .good = "req.len gt 10" },
    { .name = "res.len",
      .out = EXPR_INT,
      .when = STREAM_CONTENT_RESPONSE | EXPR_AT_CHECK,
      .fetch = fetch_res_len,
      .help = "How many bytes of the server wait to be passed on; in http mode the head and what has come of the body.",
      .good = "res.len gt 10" },
    { .name = "req.payload",
      PAYLOAD,
      .match = EXPR_MATCH_BIN,
      .when = STREAM_CONTENT_REQUEST,
      .fetch = fetch_req_payload,
      .help = "<length> bytes (0: all there are) from <offset> of what the client sent, in tcp mode.",
      .good = "req.payload(0,3) 160301",
      .bad = "req.payload(0)",
      .bad_says = "<offset>,<length>" },
    { .name = "res.payload",
      PAYLOAD,
      .when = STREAM_CONTENT_RESPONSE | EXPR_AT_CHECK,
      .fetch = fetch_res_payload,
      .help = "<length> bytes (0: all there are) from <offset> of what the server sent, in tcp mode.",
      .good = "res.payload(0,2) -m bin 1603",
      .bad = "res.payload(0,x)",
      .bad_says = "expected a number" },
    { .name = "payload",
      PAYLOAD,
      .match = EXPR_MATCH_BIN,
      .when = STREAM_CONTENT_REQUEST | STREAM_CONTENT_RESPONSE,
      .fetch = fetch_payload,
      .help = "req.payload or res.payload, after the direction that is looked at.",
      .good = "payload(0,3) -m bin 160301",
      .bad = "payload(-1,3)",
      .bad_says = "expected a number from 0" },
    { .name = "req.payload_lv",
      LV,
      .match = EXPR_MATCH_BIN,
      .when = STREAM_CONTENT_REQUEST,
      .fetch = fetch_req_lv,
      .help = "The bytes whose number stands in the <length> bytes at <offset1> of what the client sent, in tcp mode. "
              "They begin behind that, or at <offset2>, with a sign relative to there.",
      .good = "req.payload_lv(43,1) -m found",
      .bad = "req.payload_lv(43,9)",
      .bad_says = "expected a number from 1 to 8" },
    { .name = "res.payload_lv",
      LV,
      .when = STREAM_CONTENT_RESPONSE | EXPR_AT_CHECK,
      .fetch = fetch_res_lv,
      .help = "As req.payload_lv, of what the server sent.",
      .good = "res.payload_lv(43,1) -m found",
      .bad = "res.payload_lv(1,2,-4)",
      .bad_says = "before the start" },
    { .name = "payload_lv",
      LV,
      .match = EXPR_MATCH_BIN,
      .when = STREAM_CONTENT_REQUEST | STREAM_CONTENT_RESPONSE,
      .fetch = fetch_lv,
      .help = "req.payload_lv or res.payload_lv, after the direction that is looked at.",
      .good = "payload_lv(43,1) -m found",
      .bad = "payload_lv(1,2,x)",
      .bad_says = "expected a number" },
    { .name = "wait_end",
      .out = EXPR_BOOL,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_wait_end,
      .help = "True once the time for inspection is over; until then rules wait.",
      .good = "wait_end" },
    { .name = "req_len", .of = "req.len", .help = "Another name for req.len." },
};
EXPR_FETCHES(fetches);
