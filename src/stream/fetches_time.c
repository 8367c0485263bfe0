// SPDX-License-Identifier: Apache-2.0
// Fetches of an exchange as a whole: its times, timeouts, retries, sizes, and how it ended. They are known as far as it
// came; the log line sees them all.
#include "expr/number.h"
#include "stream/act.h"
#include "stream/log.h"
#include "stream/put.h"

// What is known now: at the log line what it is made of, before that what the stream has.
static bool facts(struct stream_log *out, const struct expr_subject *subject)
{
    if (subject->log)
        *out = *(const struct stream_log *)subject->log;
    else if (subject->stream)
        stream_log_fill(out, subject->stream);
    else
        return false;
    return true;
}

// -1 where one of the two did not come, as in log lines.
static int64_t ms_between(uint64_t from_us, uint64_t to_us)
{
    if (!from_us || !to_us)
        return -1;
    return to_us > from_us ? (int64_t)((to_us - from_us) / 1000) : 0;
}

static bool is_first(const struct stream_log *log)
{
    return log->session->num_requests <= 1;
}

// When this exchange began: with the connection, or when the last one was over.
static uint64_t begin_us(const struct stream_log *log)
{
    return is_first(log) || !log->times.idle_us ? log->session->accept_us : log->times.idle_us;
}

static int64_t handshake_ms(const struct stream_log *log)
{
    return is_first(log) && log->times.idle_us ? ms_between(log->session->accept_us, log->times.idle_us) : 0;
}

static int64_t idle_ms(const struct stream_log *log)
{
    return ms_between(log->times.idle_us, log->times.first_us);
}

static int64_t head_ms(const struct stream_log *log)
{
    return ms_between(log->times.first_us, log->times.head_us);
}

static int64_t request_ms(const struct stream_log *log)
{
    return ms_between(begin_us(log), log->times.head_us);
}

static int64_t queue_ms(const struct stream_log *log)
{
    return log->queue_us < 0 ? -1 : log->queue_us / 1000;
}

static int64_t connect_ms(const struct stream_log *log)
{
    return ms_between(log->times.queued_us, log->times.connected_us);
}

static int64_t answer_ms(const struct stream_log *log)
{
    return ms_between(log->times.connected_us, log->times.answer_us);
}

static int64_t data_ms(const struct stream_log *log)
{
    return ms_between(log->is_http ? log->times.answer_us : log->times.connected_us, log->end_us);
}

static int64_t total_ms(const struct stream_log *log)
{
    return ms_between(begin_us(log), log->end_us);
}

// From the first byte of the request on.
static int64_t active_ms(const struct stream_log *log)
{
    return ms_between(log->times.first_us ? log->times.first_us : begin_us(log), log->end_us);
}

// Without the time in which nothing was asked.
static int64_t user_ms(const struct stream_log *log)
{
    const struct stream_times *times = &log->times;
    uint64_t idle_us = times->idle_us && times->first_us > times->idle_us ? times->first_us - times->idle_us : 0;
    return ms_between(begin_us(log) + idle_us, log->end_us);
}

#define TIMER_FETCH(name)                                                                                              \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        struct stream_log log;                                                                                         \
        (void)args, (void)walk;                                                                                        \
        return facts(&log, subject) && put_int(out, name(&log));                                                       \
    }

TIMER_FETCH(handshake_ms)
TIMER_FETCH(idle_ms)
TIMER_FETCH(head_ms)
TIMER_FETCH(request_ms)
TIMER_FETCH(queue_ms)
TIMER_FETCH(connect_ms)
TIMER_FETCH(answer_ms)
TIMER_FETCH(data_ms)
TIMER_FETCH(total_ms)
TIMER_FETCH(active_ms)
TIMER_FETCH(user_ms)

// ---- dates ----------------------------------------------------------------------------------------------------------

static const char *prepare_date(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = 1000000;
    if (!num || !args[0].str.len || slice_equal(args[0].str, SLICE("s")))
        return NULL;
    args[0].num = slice_equal(args[0].str, SLICE("ms")) ? 1000 : 1;
    return args[0].num == 1000 || slice_equal(args[0].str, SLICE("us")) ? NULL : "the unit is s, ms or us";
}

// In http mode a later request's connection counts as accepted when the one before was over.
static bool fetch_accept_date(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    const struct proxy_session *session = subject->session;
    uint64_t wall_us = session->accept_wall_us;
    struct stream_log log;
    (void)walk;
    if (facts(&log, subject))
        wall_us += begin_us(&log) - session->accept_us;
    return put_int(out, (int64_t)wall_us / args[0].num);
}

static bool fetch_request_date(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    struct stream_log log;
    (void)walk;
    return facts(&log, subject) && log.times.first_us && put_int(out, (int64_t)log.times.wall_us / args[0].num);
}

// ---- timeouts -------------------------------------------------------------------------------------------------------

// The settings of the backend that serves the exchange; of the frontend before one was chosen.
static const struct proxy_conf *backend_now(const struct expr_subject *subject)
{
    const struct proxy_session *session = subject->session;
    struct stream_log log;
    return facts(&log, subject) && log.backend ? log.backend->conf : session->conf;
}

// 0 stands for none.
static bool put_ms(struct expr_sample *out, uint64_t us)
{
    return put_int(out, (int64_t)(us / 1000));
}

static uint64_t wish(const struct expr_subject *subject, size_t offset)
{
    uint64_t us = 0;
    if (subject->stream)
        memcpy(&us, (const char *)&((const struct stream *)subject->stream)->wishes + offset, sizeof(us));
    return us;
}

#define TIMEOUT_FETCH(name, conf, field)                                                                               \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_ms(out, (conf)->timeouts.field);                                                                    \
    }                                                                                                                  \
    static bool fetch_cur_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,   \
                                 struct expr_walk *walk)                                                               \
    {                                                                                                                  \
        uint64_t us = wish(subject, offsetof(struct stream_wishes, field##_timeout_us));                               \
        (void)args, (void)walk;                                                                                        \
        return put_ms(out, us ? us : (conf)->timeouts.field);                                                          \
    }

TIMEOUT_FETCH(client_timeout, ((const struct proxy_session *)subject->session)->conf, client)
TIMEOUT_FETCH(server_timeout, backend_now(subject), server)
TIMEOUT_FETCH(tunnel_timeout, backend_now(subject), tunnel)

// ---- how it went ----------------------------------------------------------------------------------------------------

#define FACT_FETCH(name, put, value)                                                                                   \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        struct stream_log log;                                                                                         \
        (void)args, (void)walk;                                                                                        \
        return facts(&log, subject) && put(out, value);                                                                \
    }

FACT_FETCH(bytes_in, put_int, (int64_t)log.bytes_in)
FACT_FETCH(bytes_out, put_int, (int64_t)log.bytes_out)
FACT_FETCH(conn_retries, put_int, log.retries)
FACT_FETCH(redispatched, put_bool, log.redispatched)
FACT_FETCH(status, put_int, log.status)
FACT_FETCH(srv_queue, put_int, log.queue_before)
FACT_FETCH(be_queue, put_int, log.backend_queue_before)

static bool fetch_retry_reasons(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    struct stream_log log;
    (void)args, (void)walk;
    char *text = expr_scratch_take(&subject->process->scratch, sizeof(log.retried));
    if (!text || !facts(&log, subject))
        return false;
    memcpy(text, log.retried, sizeof(log.retried));
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_str(text[0] ? text : "-") };
    return true;
}

static bool fetch_term_state(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    static const char letters[] = "-CcSsPLRIKDU";
    struct stream_log log;
    (void)args, (void)walk;
    char *text = expr_scratch_take(&subject->process->scratch, 2);
    if (!text || !facts(&log, subject))
        return false;
    text[0] = letters[log.end];
    text[1] = log.end_phase;
    return put_str(out, slice_of(text, 2));
}

static bool fetch_prio_class(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && put_int(out, stream->wishes.prio_class);
}

static bool fetch_prio_offset(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && put_int(out, stream->wishes.prio_offset_ms);
}

static bool fetch_id32(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && put_int(out, stream->id);
}

// Rules of a connection may ask too, and get nothing: there is no stream yet.
#define STREAM .when = EXPR_FROM_CONNECT
#define ROW(row, fn, what)                                                                                             \
    {                                                                                                                  \
        .name = row, .out = EXPR_INT, STREAM, .fetch = fn, .help = what, .good = row " gt 100"                         \
    }

#define BACKEND_ROW(row, fn, what)                                                                                     \
    {                                                                                                                  \
        .name = row, .out = EXPR_INT, STREAM, .flags = EXPR_OF_BACKEND, .fetch = fn, .help = what,                     \
        .good = row " gt 100"                                                                                          \
    }

static const struct expr_fetch fetches[] = {
    ROW("fc.timer.handshake", fetch_handshake_ms, "From accept to the end of the handshakes, in ms (%Th)."),
    ROW("fc.timer.total", fetch_total_ms,
        "The whole exchange from accept, or from the end of the one before, in ms (%Tt)."),
    ROW("bc.timer.connect", fetch_connect_ms, "Connecting to the server, in ms (%Tc)."),
    ROW("req.timer.idle", fetch_idle_ms, "Waiting for the request's first byte, in ms (%Ti)."),
    ROW("req.timer.hdr", fetch_head_ms, "From the request's first byte to the end of its head, in ms (%TR)."),
    ROW("req.timer.queue", fetch_queue_ms, "Waiting for a server's place, in ms (%Tw)."),
    ROW("req.timer.tq", fetch_request_ms, "All until the end of the request's head, in ms (%Tq)."),
    ROW("res.timer.hdr", fetch_answer_ms, "From the connection to the end of the answer's head, in ms (%Tr)."),
    ROW("res.timer.data", fetch_data_ms, "Passing on the answer's body, in ms (%Td)."),
    ROW("txn.timer.total", fetch_active_ms, "From the request's first byte to the end, in ms (%Ta)."),
    ROW("txn.timer.user", fetch_user_ms, "The whole exchange without the time spent idle before it, in ms (%Tu)."),
    { .name = "accept_date",
      .args = "[<unit>]",
      .max_args = 1,
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .prepare = prepare_date,
      .fetch = fetch_accept_date,
      .help = "When the connection was accepted, or ready for this request, since 1970 in s, ms or us.",
      .good = "accept_date(ms) gt 0",
      .bad = "accept_date(h)",
      .bad_says = "the unit is s, ms or us" },
    { .name = "request_date",
      .args = "[<unit>]",
      .max_args = 1,
      .out = EXPR_INT,
      STREAM,
      .prepare = prepare_date,
      .fetch = fetch_request_date,
      .help = "When the request's first byte came, since 1970 in s, ms or us.",
      .good = "request_date(us) gt 0",
      .bad = "request_date(h)",
      .bad_says = "the unit is s, ms or us" },
    { .name = "fe_client_timeout",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_client_timeout,
      .help = "The frontend's timeout client, in ms.",
      .good = "fe_client_timeout gt 1000" },
    BACKEND_ROW("be_server_timeout", fetch_server_timeout, "The backend's timeout server, in ms."),
    BACKEND_ROW("be_tunnel_timeout", fetch_tunnel_timeout, "The backend's timeout tunnel, in ms."),
    ROW("cur_client_timeout", fetch_cur_client_timeout, "The timeout client of this exchange (set-timeout), in ms."),
    BACKEND_ROW("cur_server_timeout", fetch_cur_server_timeout,
                "The timeout server of this exchange (set-timeout), in ms."),
    BACKEND_ROW("cur_tunnel_timeout", fetch_cur_tunnel_timeout,
                "The timeout tunnel of this exchange (set-timeout), in ms."),
    ROW("bytes_in", fetch_bytes_in, "The bytes that came from the client."),
    ROW("bytes_out", fetch_bytes_out, "The bytes that went to the client."),
    ROW("bc_srv_queue", fetch_srv_queue, "The place in the server's queue when the exchange came (%sq)."),
    ROW("bc_be_queue", fetch_be_queue, "The place in the backend's queue when the exchange came (%bq)."),
    ROW("txn.conn_retries", fetch_conn_retries, "How often connecting to a server was tried again."),
    ROW("txn.id32", fetch_id32, "The number of the exchange among those of its worker, 32 bits."),
    { .name = "txn.status",
      .out = EXPR_INT,
      .when = EXPR_FROM_SERVER,
      .fetch = fetch_status,
      .help = "The status of the answer as the log line says it (%ST), 0 for none.",
      .good = "txn.status 200" },
    { .name = "txn.redispatched",
      .out = EXPR_BOOL,
      STREAM,
      .fetch = fetch_redispatched,
      .help = "Whether another server was taken than the one first chosen.",
      .good = "txn.redispatched" },
    { .name = "txn.retry_reasons",
      .out = EXPR_STR,
      STREAM,
      .fetch = fetch_retry_reasons,
      .help = "Why attempts at servers were repeated, a letter for each of the first seven: C the connection failed, c "
              "it took too long; and by retry-on E the server closed it without an answer, J the answer was junk, T "
              "none came in time, S its status; K a kept connection that the server had closed, k the same where the "
              "kernel shows that nothing of the request was acknowledged, which two are none of the "
              "configured retries. '-' for none.",
      .good = "txn.retry_reasons CCE" },
    { .name = "txn.sess_term_state",
      .out = EXPR_STR,
      STREAM,
      .fetch = fetch_term_state,
      .help = "How the exchange ended, in the first two letters of the log line; -- while it goes on.",
      .good = "txn.sess_term_state sQ" },
    ROW("prio_class", fetch_prio_class, "The priority class that a rule set."),
    ROW("prio_offset", fetch_prio_offset, "The priority offset that a rule set, in ms."),
};
EXPR_FETCHES(fetches);
