// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "backend/observe.h"
#include "base/check.h"
#include "stream/log.h"
#include "board/board.h"
#include "expr/var.h"
#include "proxy/userlist.h"
#include "stream/capture.h"
#include "stream/error.h"
#include "stream/on_server.h"
#include "stream/service.h"
#include "stream/steps.h"
#include "stream/stick.h"
#include "stream/trace.h"
#include "stream/track.h"
#include "transport/tls.h"

enum { MAX_UNUSED = 256 };

#define TO(step) (1u << (step))

// The journey: each step's name, what it does, and where it may lead.
const struct stream_step_row stream_steps[STREAM_NUM_STEPS] = {
    [STREAM_READ_HEAD] = { "read head", stream_read_head,
                           TO(STREAM_CONTENT_RULES) | TO(STREAM_REQUEST_RULES) | TO(STREAM_PICK_BACKEND) |
                               TO(STREAM_ANSWER) | TO(STREAM_FINISHED) },
    [STREAM_CONTENT_RULES] = { "content rules", stream_content_rules,
                               TO(STREAM_REQUEST_RULES) | TO(STREAM_PICK_BACKEND) | TO(STREAM_ANSWER) |
                                   TO(STREAM_FINISHED) },
    [STREAM_REQUEST_RULES] = { "request rules", stream_request_rules,
                               TO(STREAM_PICK_BACKEND) | TO(STREAM_SERVE) | TO(STREAM_ANSWER) | TO(STREAM_FINISHED) },
    [STREAM_PICK_BACKEND] = { "pick backend", stream_pick_backend,
                              TO(STREAM_BACKEND_CONTENT) | TO(STREAM_PICK_SERVER) | TO(STREAM_ANSWER) |
                                  TO(STREAM_FINISHED) },
    [STREAM_BACKEND_CONTENT] = { "backend content rules", stream_backend_content,
                                 TO(STREAM_BACKEND_RULES) | TO(STREAM_PICK_SERVER) | TO(STREAM_ANSWER) |
                                     TO(STREAM_FINISHED) },
    [STREAM_BACKEND_RULES] = { "backend rules", stream_backend_rules,
                               TO(STREAM_PICK_SERVER) | TO(STREAM_SERVE) | TO(STREAM_ANSWER) | TO(STREAM_FINISHED) },
    [STREAM_PICK_SERVER] = { "pick server", stream_pick_server,
                             TO(STREAM_QUEUE) | TO(STREAM_CONNECT) | TO(STREAM_ANSWER) | TO(STREAM_FINISHED) },
    [STREAM_QUEUE] = { "queue", stream_queue,
                       TO(STREAM_CONNECT) | TO(STREAM_ANSWER) | TO(STREAM_FINISHED) | TO(STREAM_PICK_SERVER) },
    [STREAM_CONNECT] = { "connect", stream_connect,
                         TO(STREAM_SEND_HEAD) | TO(STREAM_PICK_SERVER) | TO(STREAM_ANSWER) | TO(STREAM_FINISHED) |
                             TO(STREAM_RELAY) | TO(STREAM_RAW_RESPONSE) },
    [STREAM_RAW_RESPONSE] = { "raw response rules", stream_raw_response, TO(STREAM_FINISHED) },
    [STREAM_SEND_HEAD] = { "send head", stream_send_head,
                           TO(STREAM_RELAY) | TO(STREAM_PICK_SERVER) | TO(STREAM_CONNECT) | TO(STREAM_ANSWER) |
                               TO(STREAM_FINISHED) },
    [STREAM_RELAY] = { "relay", stream_relay_both,
                       TO(STREAM_ANSWER) | TO(STREAM_PICK_SERVER) | TO(STREAM_CONNECT) | TO(STREAM_FINISHED) },
    [STREAM_ANSWER] = { "answer", stream_send_answer, TO(STREAM_FINISHED) },
    [STREAM_SERVE] = { "serve", stream_serve_step, TO(STREAM_ANSWER) | TO(STREAM_FINISHED) },
    [STREAM_FINISHED] = { "finished", NULL, 0 },
};

const char *stream_step_name(enum stream_step step)
{
    return step < STREAM_NUM_STEPS ? stream_steps[step].name : "?";
}

static void task_run(struct event_task *task)
{
    stream_run(CONTAINER_OF(task, struct stream, task));
}

static void front_event(struct mux_stream *front)
{
    stream_run(front->user);
}

void stream_ctx_init(struct stream_ctx *ctx, const struct program_conf *program, struct event_loop *loop,
                     struct board *board, uint32_t inc, struct mux_ctx *mux, struct backend_ctx *backends)
{
    *ctx = (struct stream_ctx){
        .loop = loop, .board = board, .inc = inc, .mux = mux, .backends = backends, .program = program
    };
    enum { SCRATCH_BUFS = 8 };
    size_t cap = SCRATCH_BUFS * program->global.bufsize;
    char *mem = malloc(cap);
    if (!mem)
        check_out_of_memory(cap);
    ctx->expr = (struct expr_process){ .scratch = { .mem = mem, .cap = (uint32_t)cap },
                                       .now_us = &loop->now_us,
                                       .wall_us = &loop->wall_us,
                                       .start_us = loop->now_us,
                                       .vars = expr_var_pool_new(&program->global.var_limits),
                                       .worker = board_incarnation_at(board, inc)->slot,
                                       .stopping = &ctx->stopping,
                                       .holds = stream_condition_holds,
                                       .owner = ctx };
    shelf_init(&ctx->unused, sizeof(struct stream) + 2 * mux->max_fields * sizeof(struct http_field), MAX_UNUSED);
    ctx->measures = stream_cost_is_wanted();
    trace_watch(&ctx->traces);
    stream_log_boot();
    if (!ctx->expr.vars)
        check_out_of_memory(sizeof(ctx->expr));
    expr_process_begin(&ctx->expr);
    // Without the table nothing is set in it and nothing found.
    if (table_proc_vars_init(&ctx->proc_vars, board))
        ctx->expr.proc_vars = &ctx->proc_vars.vars;
}

void stream_ctx_fini(struct stream_ctx *ctx)
{
    trace_watch(NULL);
    shelf_fini(&ctx->unused);
    stream_track_free(ctx);
    expr_var_pool_free(ctx->expr.vars);
    free(ctx->expr.scratch.mem);
    userlist_checks_free(ctx->checks);
    stream_sticks_fini(ctx);
}

// Its two arrays of fields stand behind it.
static struct stream *stream_take(struct stream_ctx *ctx)
{
    struct stream *stream = shelf_take(&ctx->unused);
    if (UNLIKELY(!stream)) {
        stream = shelf_new(&ctx->unused);
        if (!stream)
            return NULL;
        stream->request_fields = NULL;
    }
    // One that was not used for long is not what it was.
    if (UNLIKELY(!stream->request_fields || !stream->response_fields)) {
        stream->request_fields = (struct http_field *)(stream + 1);
        stream->response_fields = stream->request_fields + ctx->mux->max_fields;
    }
    ctx->num_streams++;
    return stream;
}

static void give_chunk(struct stream_ctx *ctx, char *chunk)
{
    if (chunk)
        buf_pool_give(ctx->mux->bufs, chunk);
}

// Variables of the connection go back to it, the others end.
static void end_vars(struct stream *stream)
{
    struct expr_subject *subject = &stream->subject;
    stream->session->vars = subject->vars[EXPR_SCOPE_SESS];
    if (!subject->vars[EXPR_SCOPE_TXN] && !subject->vars[EXPR_SCOPE_REQ] && !subject->vars[EXPR_SCOPE_RES])
        return;
    expr_vars_end(subject, EXPR_SCOPE_TXN);
    expr_vars_end(subject, EXPR_SCOPE_REQ);
    expr_vars_end(subject, EXPR_SCOPE_RES);
}

static void stream_give(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    // Whoever is asked in the middle of what follows must not look.
    if (ctx->at == stream)
        ctx->at = NULL;
    if (UNLIKELY(stream->serving != NULL))
        stream_serving_free(stream->serving);
    free((void *)stream->unique_id.ptr);
    end_vars(stream);
    stream_track_end(ctx, &stream->track);
    give_chunk(ctx, stream->request_store.mem);
    give_chunk(ctx, stream->response_store.mem);
    give_chunk(ctx, stream->reply_head);
    give_chunk(ctx, stream->reply_body);
    ctx->num_streams--;
    event_task_cancel(&stream->task);
    list_remove(&stream->on_server);
    stream_captures_free(stream->captures);
    stream_stick_free(stream);
    if (UNLIKELY(!shelf_put(&ctx->unused, stream)))
        free(stream);
}

struct stream *stream_new(struct stream_ctx *ctx, struct proxy_session *session, const struct stream_host *host,
                          struct mux_h1 *front, struct event_timer *timer)
{
    struct stream *stream = stream_take(ctx);
    if (!stream)
        return NULL;
    // The heads and edits are set up when they are used: clearing them for each request would cost more than parsing.
    memset(stream, 0, offsetof(struct stream, request));
    stream->ctx = ctx;
    stream->number = ++ctx->last_number;
    stream->session = session;
    stream->host = host;
    stream->front = front;
    stream->timer = timer;
    stream->subject.process = &ctx->expr;
    stream->subject.session = session;
    stream->subject.stream = stream;
    stream->subject.scopes = 1U << EXPR_SCOPE_SESS | 1U << EXPR_SCOPE_TXN | 1U << EXPR_SCOPE_REQ | 1U << EXPR_SCOPE_RES;
    stream->subject.vars[EXPR_SCOPE_SESS] = session->vars;
    list_init(&stream->on_server);
    stream->cookie_seen = stream->cookie_set = '-';
    stream->times.idle_us = session->idle_us;
    stream->client_act_us = ctx->loop->now_us;
    event_task_init(&stream->task, task_run);
    list_init(&stream->conn_wait.link);
    http_head_init(&stream->request, stream->request_fields, ctx->mux->max_fields);
    stream->request.lax = (session->conf->options & PROXY_OPT_LAX_REQUEST) != 0;
    front->stream.user = stream;
    front->stream.on_event = front_event;
    return stream;
}

struct stream *stream_new_tcp(struct stream_ctx *ctx, struct proxy_session *session, const struct stream_host *host,
                              struct mux_h1 *front, struct event_timer *timer)
{
    struct stream *stream = stream_new(ctx, session, host, front, timer);
    if (!stream)
        return NULL;
    mux_h1_raw(front);
    backend_count(session->counters, PROXY_COUNT_REQ_OTHER, 1);
    stream->id = ctx->next_id++;
    stream->times.first_us = stream->times.head_us = stream->counted_us = ctx->loop->now_us;
    stream->times.wall_us = session->accept_wall_us;
    stream->step = session->conf->rules[PROXY_RULES_TCP_CONTENT] ? STREAM_CONTENT_RULES : STREAM_PICK_BACKEND;
    STREAM_TRACE(stream, STREAM, USER, STRM_NEW, "new, mode tcp");
    return stream;
}

void stream_run(struct stream *stream)
{
    // A step may cause an event on its own stream (a granted slot): it must not run inside itself.
    if (stream->running) {
        stream->run_again = true;
        return;
    }
    struct stream_ctx *ctx = stream->ctx;
    if (UNLIKELY(ctx->measures)) {
        stream_cost_begin(&stream->cost, ctx->loop);
        stream_profile_begin(ctx, stream);
    }
    stream->running = true;
    stream->calls++;
    ctx->num_runs++;
    ctx->at = stream;
    enum stream_verdict verdict;
    do {
        stream->run_again = false;
        verdict = stream_steps[stream->step].run(stream);
    } while (verdict == STREAM_GO || (verdict == STREAM_WAIT && stream->run_again));
    ctx->at = NULL;
    if (UNLIKELY(ctx->measures))
        stream_profile_end(ctx);
    if (verdict == STREAM_OVER)
        return;
    stream->running = false;
    if (UNLIKELY(ctx->traces))
        stream_trace_wait(stream);
    stream_track_progress(stream, false);
    stream_arm(stream);
    if (ctx->measures)
        stream_cost_end(&stream->cost);
}

// Where the stream stood: waiting for the request, the queue, the connection, the answer's head, a body, or delivering
// an answer of our own (HAProxy manual, session state at disconnection).
static char phase_letter(const struct stream *stream, enum stream_end end)
{
    switch (stream->step) {
    case STREAM_READ_HEAD:
    case STREAM_CONTENT_RULES:
    case STREAM_REQUEST_RULES:
    case STREAM_BACKEND_CONTENT:
    case STREAM_BACKEND_RULES:
        return 'R';
    case STREAM_PICK_BACKEND:
    case STREAM_PICK_SERVER:
        return end == STREAM_END_LOCAL || end == STREAM_END_CLIENT || end == STREAM_END_CLIENT_TIMEOUT ? 'R' : 'C';
    case STREAM_QUEUE:
        return 'Q';
    case STREAM_CONNECT:
    case STREAM_SEND_HEAD:
        return 'C';
    case STREAM_RAW_RESPONSE:
        return 'D';
    case STREAM_RELAY:
        return stream->response_valid && !stream->answer_head ? 'H'
               : stream->up.ended && !stream->answer_head     ? 'H'
                                                              : 'D';
    default:
        return 'L';
    }
}

void stream_note_end(struct stream *stream, enum stream_end end)
{
    if (stream->end != STREAM_END_OK || end == STREAM_END_OK)
        return;
    stream->end = (uint8_t)end;
    stream->end_phase = phase_letter(stream, end);
    if (stream->rule)
        stream->waited_at = stream->rule;
}

void stream_note_back_error(struct stream *stream)
{
    const struct transport_conn *conn = &stream->back->h1.conn;
    const struct tls_conn *tls = transport_tls_of(conn);
    stream->back_error = (uint8_t)stream_error_of_conn(conn);
    stream->back_tls_error = tls ? tls->facts.error : 0;
}

static void leave_conn(struct stream *stream, bool keep)
{
    struct backend_conn *back = stream->back;
    if (!back)
        return;
    stream_note_back_error(stream);
    if (stream_trace_on(stream->ctx, TRACE_STREAM))
        stream_trace_conn(stream, keep ? "given back" : "closed");
    stream->back = NULL;
    if (keep)
        backend_pool_put(back, stream->session->conf->fe.keeps_no_conn ? NULL : &stream->session->own_conn);
    else
        backend_conn_close(back, false);
}

static void leave_queue(struct stream *stream)
{
    stream_relay_fini(&stream->up);
    stream_relay_fini(&stream->down);
    if (stream->server)
        stream_room_leave(stream);
    if (stream->waiter) {
        uint32_t waiter = stream->waiter;
        stream->waiter = 0;
        board_queue_leave(stream->ctx->board, waiter, stream->ctx->inc);
    }
    if (stream->back && stream->session->conf->log_wants_source)
        stream_note_source(stream);
}

static void leave_slot(struct stream *stream)
{
    stream_server_part(stream);
    if (stream->has_slot) {
        stream->has_slot = false;
        backend_slot_give(stream->server);
    }
}

void stream_leave_server(struct stream *stream, bool keep)
{
    leave_queue(stream);
    leave_conn(stream, keep);
    leave_slot(stream);
}

void stream_release(struct stream *stream)
{
    stream_give(stream);
}

void stream_retire(struct stream *stream)
{
    event_task_cancel(&stream->task);
    stream->back = NULL;
    stream->timer = NULL;
    stream->step = STREAM_FINISHED;
}

void stream_count_all(const struct stream *stream, enum proxy_counter which)
{
    proxy_session_count(stream->session, which, 1);
    if (stream->backend)
        backend_count(stream->backend->counters, which, 1);
    if (stream->server)
        backend_count(stream->server->counters, which, 1);
}

static enum proxy_counter status_class(uint16_t status)
{
    unsigned class = status / 100;
    return class >= 1 && class <= 5 ? (enum proxy_counter)(PROXY_COUNT_1XX + class - 1) : PROXY_COUNT_OTHER_STATUS;
}

void stream_count_status(uint64_t *counters, uint16_t status)
{
    backend_count(counters, status_class(status), 1);
}

static void count_end(struct stream *stream)
{
    uint64_t *fe = stream->session->counters;
    uint64_t *be = stream->backend ? stream->backend->counters : NULL;
    uint64_t *srv = stream->server ? stream->server->counters : NULL;
    bool is_http = stream->session->conf->mode == PROXY_MODE_HTTP;
    stream_count_rest(stream);
    if (is_http && (stream->status || stream->has_head)) {
        enum proxy_counter class = status_class(stream->status);
        backend_count(fe, class, 1);
        if (be)
            backend_count(be, class, 1);
    }
    stream_times_count(stream);
    enum proxy_counter which;
    switch (stream->end) {
    case STREAM_END_CLIENT:
    case STREAM_END_CLIENT_TIMEOUT:
        which = PROXY_COUNT_CLIENT_ABORTS;
        break;
    case STREAM_END_SERVER:
    case STREAM_END_SERVER_TIMEOUT:
        which = PROXY_COUNT_SERVER_ABORTS;
        break;
    case STREAM_END_INTERNAL:
    case STREAM_END_RESOURCE:
        stream_count_all(stream, PROXY_COUNT_INTERNAL_ERRORS);
        return;
    default:
        return;
    }
    // An answer that never began is a bad answer, counted as such, and no transfer that was cut.
    if (stream->end_phase != 'D' && (stream->end_phase != 'H' || which == PROXY_COUNT_SERVER_ABORTS))
        return;
    backend_count(be ? be : fe, which, 1);
    if (srv)
        backend_count(srv, which, 1);
}

enum stream_verdict stream_finish(struct stream *stream, enum stream_end end, enum stream_next next)
{
    const struct stream_host *host = stream->host;
    struct proxy_session *session = stream->session;
    bool whole = stream->step == STREAM_RELAY && next != STREAM_NEXT_RESET && stream->back &&
                 mux_h1_can_reuse(&stream->back->h1);
    stream_note_end(stream, end);
    stream_step_set(stream, STREAM_FINISHED);
    stream->bytes_in = stream->bytes_in ? stream->bytes_in : stream->front->stream.bytes_in;
    stream->bytes_out = stream->front->stream.bytes_out;
    // Slot and place are given back before the line counts connections, as HAProxy's lines do: they tell of the others.
    // The connection itself can still be asked about.
    stream_track_progress(stream, true);
    leave_queue(stream);
    leave_slot(stream);
    if (stream->in_backend)
        backend_session_end(stream->backend);
    if (UNLIKELY(stream->ctx->traces))
        stream_trace_end(stream);
    stream_log_line(stream);
    leave_conn(stream, whole);
    count_end(stream);
    stream_give(stream);
    host->ended(session, next);
    return STREAM_OVER;
}

void stream_kill(struct stream *stream, enum stream_end end)
{
    stream->running = true;
    stream_finish(stream, end, STREAM_NEXT_RESET);
}

bool stream_has_request(const struct stream *stream)
{
    return stream->head_valid && stream->front->stream.rx_done && stream->step < STREAM_ANSWER;
}

bool stream_is_idle(const struct stream *stream)
{
    return stream->step == STREAM_READ_HEAD && !stream->front->rx_started;
}

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static inline uint64_t after(uint64_t start_us, uint64_t timeout_us)
{
    return timeout_us ? start_us + timeout_us : 0;
}

// Between requests the keep-alive timeout applies; from the first byte on (and for the first request) that of a
// request.
uint64_t stream_idle_deadline(const struct proxy_session *session)
{
    const struct proxy_timeouts *timeouts = &session->conf->timeouts;
    uint64_t limit = timeouts->http_request ? timeouts->http_request : timeouts->client;
    if (session->num_requests && timeouts->http_keep_alive)
        limit = timeouts->http_keep_alive;
    return after(session->idle_us, limit);
}

static uint64_t head_deadline(const struct stream *stream)
{
    const struct proxy_timeouts *timeouts = &stream->session->conf->timeouts;
    if (!stream->times.first_us)
        return stream_idle_deadline(stream->session);
    return after(stream->times.first_us, timeouts->http_request ? timeouts->http_request : timeouts->client);
}

// The counters learn of a long body in pieces of that, or once a second.
enum { COUNT_BYTES = 65536, COUNT_US = 1000000 };

static void note_progress(struct stream *stream)
{
    const struct mux_stream *front = &stream->front->stream;
    const struct mux_stream *back = stream->back ? &stream->back->h1.stream : NULL;
    if (front->bytes_in + front->bytes_out != stream->client_seen) {
        uint64_t now_us = stream->ctx->loop->now_us;
        stream->client_seen = front->bytes_in + front->bytes_out;
        stream->client_act_us = now_us;
        if (UNLIKELY(stream->client_seen - stream->counted_in - stream->counted_out >= COUNT_BYTES ||
                     now_us - stream->counted_us >= COUNT_US))
            stream_count_progress(stream);
    }
    if (back && back->bytes_in + back->bytes_out != stream->server_seen) {
        stream->server_seen = back->bytes_in + back->bytes_out;
        stream->server_act_us = stream->ctx->loop->now_us;
    }
}

static bool up_goes_on(const struct stream *stream)
{
    return !stream->up.ended && !stream->up.broken;
}

static inline uint64_t client_timeout(const struct stream *stream)
{
    uint64_t wish_us = stream->wishes.client_timeout_us;
    return wish_us ? wish_us : stream->session->conf->timeouts.client;
}

// Each side's timeout runs only while that side is waited for: a client that uploads for long does not make its server
// late, nor does a server that stops reading make the client late.
static inline uint64_t client_deadline(const struct stream *stream)
{
    bool late_up = up_goes_on(stream) && stream->up.waits == STREAM_RELAY_NEEDS_SRC;
    bool late_down = stream->answer_head && !stream->down.ended && stream->down.waits == STREAM_RELAY_NEEDS_DST;
    return late_up || late_down ? after(stream->client_act_us, client_timeout(stream)) : 0;
}

static inline uint64_t server_deadline(const struct stream *stream)
{
    if (stream->rule)
        return 0;
    bool late_up = up_goes_on(stream) && stream->up.waits == STREAM_RELAY_NEEDS_DST;
    bool late_down =
        stream->answer_head ? !stream->down.ended && stream->down.waits == STREAM_RELAY_NEEDS_SRC : !up_goes_on(stream);
    uint64_t wish_us = stream->wishes.server_timeout_us;
    uint64_t timeout_us = wish_us ? wish_us : stream->backend->conf->timeouts.server;
    return late_up || late_down ? after(stream->server_act_us, timeout_us) : 0;
}

void stream_deadlines(const struct stream *stream, uint64_t *client_us, uint64_t *server_us)
{
    bool relays = stream->step == STREAM_RELAY;
    *client_us = relays ? client_deadline(stream) : 0;
    *server_us = relays ? server_deadline(stream) : 0;
}

static inline uint64_t relay_deadline(const struct stream *stream)
{
    return earlier(earlier(stream->rule_due_us, stream->settle_due_us),
                   earlier(client_deadline(stream), server_deadline(stream)));
}

static bool is_answering(const struct stream *stream)
{
    return stream->step == STREAM_ANSWER || (stream->step == STREAM_SERVE && stream->serving->started);
}

void stream_arm(struct stream *stream)
{
    uint64_t due = stream->deadline_us;
    if (LIKELY(stream->step == STREAM_RELAY)) {
        note_progress(stream);
        due = relay_deadline(stream);
    } else if (stream->step == STREAM_READ_HEAD) {
        due = head_deadline(stream);
    } else if (is_answering(stream)) {
        note_progress(stream);
        due = after(stream->client_act_us, client_timeout(stream));
    }
    event_timer_set(stream->ctx->loop, stream->timer, due);
}

static enum stream_verdict relay_timeout(struct stream *stream)
{
    uint64_t due = client_deadline(stream);
    // The answer is with the client; only the rest of its request fails to come or to be taken.
    if (stream->down.ended)
        return stream_finish(stream, due ? STREAM_END_CLIENT_TIMEOUT : STREAM_END_SERVER_TIMEOUT, STREAM_NEXT_LINGER);
    if (due && due <= stream->ctx->loop->now_us) {
        stream_note_end(stream, STREAM_END_CLIENT_TIMEOUT);
        if (!stream->answer_head)
            return stream_refuse(stream, 408, STREAM_END_CLIENT_TIMEOUT, true);
        return stream_finish(stream, STREAM_END_CLIENT_TIMEOUT, STREAM_NEXT_CLOSE);
    }
    if (!stream->response_valid)
        backend_observe(stream->server, BACKEND_SEEN_LATE);
    enum stream_verdict verdict;
    if (!stream->response_valid && stream_retry_answer(stream, PROXY_RETRY_TIMEOUT, &verdict))
        return verdict;
    backend_count(stream->backend->counters, PROXY_COUNT_RESP_ERRORS, !stream->answer_head);
    backend_count(stream->server->counters, PROXY_COUNT_RESP_ERRORS, !stream->answer_head);
    if (!stream->answer_head)
        stream_track_fail(stream);
    if (!stream->answer_head)
        return stream_refuse(stream, 504, STREAM_END_SERVER_TIMEOUT, false);
    return stream_finish(stream, STREAM_END_SERVER_TIMEOUT, STREAM_NEXT_CLOSE);
}

static enum stream_verdict head_timeout(struct stream *stream)
{
    if ((stream_is_idle(stream) && stream->session->num_requests) || stream_is_probe(stream))
        return stream_finish(stream, STREAM_END_OK, STREAM_NEXT_CLOSE);
    stream_count_request(stream);
    proxy_session_count_error(stream->session, PROXY_COUNT_REQ_LATE);
    stream_track_bad(stream, false);
    return stream_refuse(stream, 408, STREAM_END_CLIENT_TIMEOUT, true);
}

void stream_timer_fired(struct stream *stream)
{
    enum stream_verdict verdict = STREAM_GO;
    uint64_t now_us = stream->ctx->loop->now_us;
    uint64_t due = stream->step == STREAM_READ_HEAD ? head_deadline(stream)
                   : stream->step == STREAM_RELAY   ? relay_deadline(stream)
                                                    : stream->deadline_us;
    if (!is_answering(stream) && (!due || due > now_us)) {
        stream_arm(stream);
        return;
    }
    struct stream_ctx *ctx = stream->ctx;
    if (UNLIKELY(ctx->measures)) {
        stream_cost_begin(&stream->cost, ctx->loop);
        stream_profile_begin(ctx, stream);
    }
    stream->deadline_us = 0;
    stream->running = true;
    ctx->at = stream;
    switch (stream->step) {
    case STREAM_READ_HEAD:
        verdict = head_timeout(stream);
        break;
    case STREAM_QUEUE:
        stream->times.queued_us = now_us;
        backend_count(stream->backend->counters, PROXY_COUNT_CONN_ERRORS, 1);
        verdict = stream_refuse(stream, 503, STREAM_END_SERVER_TIMEOUT, false);
        break;
    case STREAM_CONNECT:
        if (stream->retry_wait)
            stream->retry_wait = false;
        else if (!stream_room_late(stream))
            verdict = stream_retry(stream, STREAM_END_SERVER_TIMEOUT);
        break;
    case STREAM_RELAY:
        if (stream->settle_due_us)
            break;
        if (!stream->rule_due_us || stream->rule_due_us > now_us)
            verdict = relay_timeout(stream);
        break;
    case STREAM_CONTENT_RULES:
    case STREAM_REQUEST_RULES:
    case STREAM_BACKEND_CONTENT:
    case STREAM_BACKEND_RULES:
    case STREAM_PICK_SERVER:
    case STREAM_RAW_RESPONSE:
        break;
    case STREAM_SERVE:
        if (stream->serving->started)
            verdict = stream_finish(stream, STREAM_END_CLIENT_TIMEOUT, STREAM_NEXT_CLOSE);
        break;
    default:
        verdict = stream_finish(stream, STREAM_END_CLIENT_TIMEOUT, STREAM_NEXT_CLOSE);
        break;
    }
    ctx->at = NULL;
    if (UNLIKELY(ctx->measures))
        stream_profile_end(ctx);
    if (verdict == STREAM_OVER)
        return;
    stream->running = false;
    stream_run(stream);
}
