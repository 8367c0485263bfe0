// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include "expr/var.h"
#include "frontend/walk.h"
#include "rule/rule.h"
#include "stream/trace.h"
#include "stream/track.h"
#include "stream/tunnel.h"
#include "transport/tls.h"

static void end_vars(struct frontend_session *session)
{
    struct expr_subject subject = { .process = &session->owner->streams.expr };
    subject.vars[EXPR_SCOPE_SESS] = session->facts.vars;
    expr_vars_end(&subject, EXPR_SCOPE_SESS);
}

void frontend_session_free(struct frontend_session *session, bool reset)
{
    struct frontends *frontends = session->owner;
    if (stream_trace_on(&frontends->streams, TRACE_SESSION))
        stream_trace_session_say(&frontends->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_USER, TRACE_SESS_END,
                                 "%s, %u requests", reset ? "reset" : "closed", session->facts.num_requests);
    event_timer_del(frontends->loop, &session->timer);
    event_task_cancel(&session->next_request);
    backend_pool_drop_own(&session->facts.own_conn);
    stream_track_end(&frontends->streams, &session->facts.track);
    proxy_session_fini(&session->facts);
    if (session->facts.vars)
        end_vars(session);
    bool nolinger = (session->facts.conf->options & PROXY_OPT_NO_LINGER) != 0;
    // A client that has not closed yet sees the end of what it got, where all of it has arrived, before the reset.
    if (nolinger && !reset && !session->front.conn.read_closed)
        transport_conn_shutdown(&session->front.conn);
    mux_h1_close(&session->front, reset || nolinger);
    if (UNLIKELY(!list_is_empty(&frontends->walks)))
        frontend_walks_skip(frontends, session);
    list_remove(&session->link);
    list_remove(&session->fresh);
    frontends->num_sessions--;
    frontend_place_free(frontends, session->facts.bind);
    free(session);
}

// A request that came with its connection is often answered, and the connection closed, before any event on the
// client's side matters: such a connection never enters the loop, which saves a system call and an event. The others do
// so once the client is waited for, or after FRESH_US, so that a client that leaves is noticed.
enum { FRESH_US = 20000 };

// False where the session is gone, as the kernel refused.
static bool session_meet(struct frontend_session *session)
{
    if (list_is_empty(&session->fresh))
        return true;
    list_remove(&session->fresh);
    if (transport_conn_register(session->owner->loop, &session->front.conn))
        return true;
    frontend_session_kill(session, STREAM_END_RESOURCE);
    return false;
}

static void meet_or_wait(struct frontend_session *session)
{
    struct frontends *frontends = session->owner;
    if (session->state == FRONTEND_SESSION_STREAM && stream_has_request(session->stream)) {
        if (!frontends->meet.due_us)
            event_timer_set(frontends->loop, &frontends->meet, frontends->loop->now_us + FRESH_US);
        return;
    }
    session_meet(session);
}

void frontend_sessions_meet(struct event_timer *timer)
{
    struct frontends *frontends = CONTAINER_OF(timer, struct frontends, meet);
    while (!list_is_empty(&frontends->fresh)) {
        struct frontend_session *session = LIST_FIRST(&frontends->fresh, struct frontend_session, fresh);
        if (session->facts.accept_us + FRESH_US > frontends->loop->now_us) {
            event_timer_set(frontends->loop, timer, session->facts.accept_us + FRESH_US);
            return;
        }
        session_meet(session);
    }
}

static bool start_stream(struct frontend_session *session);

// Whether a look at the connection may find something; an end that was seen already is not announced again.
static bool has_news(const struct frontend_session *session)
{
    const struct transport_conn *conn = &session->front.conn;
    return session->front.rx_started || conn->can_read || conn->read_closed || conn->failed;
}

static void idle_event(struct mux_stream *stream)
{
    struct frontend_session *session = CONTAINER_OF(mux_h1_of(stream), struct frontend_session, front);
    if (has_news(session) && start_stream(session))
        stream_run(session->stream);
}

static void session_idle(struct frontend_session *session)
{
    session->state = FRONTEND_SESSION_IDLE;
    session->stream = NULL;
    if (stream_trace_on(&session->owner->streams, TRACE_SESSION))
        stream_trace_session_say(&session->owner->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_STATE,
                                 TRACE_SESS_IDLE, "waits for request %u", session->facts.num_requests + 1);
    session->front.stream.on_event = idle_event;
    event_timer_set(session->owner->loop, &session->timer, stream_idle_deadline(&session->facts));
}

static void stream_ended(struct proxy_session *facts, enum stream_next next)
{
    struct frontend_session *session = CONTAINER_OF(facts, struct frontend_session, facts);
    session->stream = NULL;
    switch (next) {
    case STREAM_NEXT_REQUEST:
        mux_h1_next(&session->front);
        session->facts.idle_us = session->owner->loop->now_us;
        session_idle(session);
        // Bytes that are already here start the next turn's work, so that a long pipeline does not hold the others up.
        if (session_meet(session) && has_news(session))
            event_task_wake(session->owner->loop, &session->next_request);
        break;
    case STREAM_NEXT_LINGER:
        frontend_session_linger(session);
        break;
    case STREAM_NEXT_CLOSE:
        // The end of an answer to early data can be told only when the handshake is over.
        if (facts->tls && facts->tls->facts.early && !facts->tls->facts.done)
            frontend_session_linger(session);
        else
            frontend_session_free(session, false);
        break;
    case STREAM_NEXT_RESET:
        frontend_session_free(session, true);
        break;
    }
}

static void stream_became_tunnel(struct proxy_session *facts, struct stream_tunnel *tunnel)
{
    struct frontend_session *session = CONTAINER_OF(facts, struct frontend_session, facts);
    session->state = FRONTEND_SESSION_TUNNEL;
    session->tunnel = tunnel;
    list_remove(&session->fresh);
    if (!transport_conn_register(session->owner->loop, &session->front.conn))
        session->front.conn.failed = true;
}

static const struct stream_host host = { .ended = stream_ended, .tunnel = stream_became_tunnel };

// The stream is to be run next, which sets the timer. False: memory is exhausted and the session is gone.
static bool start_stream(struct frontend_session *session)
{
    struct frontends *frontends = session->owner;
    bool is_http = session->facts.conf->mode == PROXY_MODE_HTTP;
    session->state = FRONTEND_SESSION_STREAM;
    session->stream = (is_http ? stream_new : stream_new_tcp)(&frontends->streams, &session->facts, &host,
                                                              &session->front, &session->timer);
    if (!session->stream) {
        frontend_session_free(session, true);
        return false;
    }
    return true;
}

// What rules of a connection look at: there is no stream, and there are no variables but the connection's.
static enum rule_verdict run_rules(struct frontend_session *session, enum proxy_rule_set set, uint32_t when)
{
    const struct rule *list = session->facts.conf->rules[set];
    if (!list)
        return RULE_NEXT;
    struct expr_subject subject = {
        .process = &session->owner->streams.expr,
        .session = &session->facts,
        .scopes = 1U << EXPR_SCOPE_SESS,
        .when = when,
        .final = true,
    };
    subject.vars[EXPR_SCOPE_SESS] = session->facts.vars;
    enum rule_verdict verdict = rule_run_list(list, &subject, NULL);
    session->facts.vars = subject.vars[EXPR_SCOPE_SESS];
    return verdict;
}

static bool is_refusal(enum rule_verdict verdict)
{
    return verdict == RULE_CLOSE || verdict == RULE_ERROR;
}

static void count_rate(_Atomic uint64_t *gauges, unsigned rate, unsigned most, uint64_t now_us)
{
    proxy_gauge_raise(&gauges[most], board_rate_add(&gauges[rate], now_us, 1));
}

// A connection becomes a session once its handshakes are done and its rules let it pass.
static void count_begun(const struct frontend_session *session)
{
    const struct frontends *frontends = session->owner;
    const struct proxy_conf *conf = session->facts.conf;
    backend_count(session->facts.counters, PROXY_COUNT_SESSIONS, 1);
    backend_count(session->facts.counters,
                  conf->mode == PROXY_MODE_HTTP ? PROXY_COUNT_SESS_HTTP1 : PROXY_COUNT_SESS_OTHER, 1);
    count_rate(board_gauges(frontends->board, conf->fe_object), PROXY_GAUGE_SESSION_RATE, PROXY_GAUGE_SESSION_RATE_MAX,
               frontends->loop->now_us);
}

void frontend_session_begin(struct frontend_session *session)
{
    session->facts.idle_us = session->owner->loop->now_us;
    if (is_refusal(run_rules(session, PROXY_RULES_TCP_SESSION, EXPR_AT_SESSION))) {
        proxy_session_count(&session->facts, PROXY_COUNT_DENIED_SESS, 1);
        if (stream_trace_on(&session->owner->streams, TRACE_SESSION))
            stream_trace_session_say(&session->owner->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_ERROR,
                                     TRACE_SESS_ERR, "refused by tcp-request session");
        frontend_session_free(session, session->facts.silent);
        return;
    }
    count_begun(session);
    if (session->facts.track)
        stream_track_count_all(&session->owner->streams, &session->facts, NULL, STICK_SESS_CNT, STICK_SESS_RATE, 1);
    if (stream_trace_on(&session->owner->streams, TRACE_SESSION))
        stream_trace_session_say(&session->owner->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_STATE,
                                 TRACE_SESS_READY, "ready for requests");
    // After a handshake the request is mostly still on its way.
    if (session->facts.conf->mode == PROXY_MODE_HTTP && !has_news(session))
        session_idle(session);
    else if (start_stream(session))
        stream_run(session->stream);
}

static void next_request(struct event_task *task)
{
    struct frontend_session *session = CONTAINER_OF(task, struct frontend_session, next_request);
    if (session->flush_turns) {
        if (--session->flush_turns)
            event_task_wake(session->owner->loop, task);
        else
            transport_tls_flush(&session->front.conn);
    }
    if (session->state == FRONTEND_SESSION_IDLE)
        idle_event(&session->front.stream);
    else if (session->state == FRONTEND_SESSION_LINGER)
        frontend_session_linger_on(session);
}

static void timer_fired(struct event_timer *timer)
{
    struct frontend_session *session = CONTAINER_OF(timer, struct frontend_session, timer);
    switch (session->state) {
    case FRONTEND_SESSION_IDLE:
        // The stream knows how a request that never came ends, and what the log says of it.
        if (start_stream(session))
            stream_timer_fired(session->stream);
        break;
    case FRONTEND_SESSION_STREAM:
        stream_timer_fired(session->stream);
        break;
    case FRONTEND_SESSION_TUNNEL:
        stream_tunnel_timer_fired(session->tunnel);
        break;
    case FRONTEND_SESSION_PROXY:
    case FRONTEND_SESSION_TLS:
        frontend_handshake_late(session);
        break;
    case FRONTEND_SESSION_LINGER:
        frontend_session_linger_late(session);
        break;
    default:
        frontend_session_free(session, false);
        break;
    }
}

static void socket_dress(int fd, const struct bind_conf *bind, const struct global_conf *global)
{
    const struct proxy_conf *conf = bind->proxy;
    const struct proxy_keepalive *keepalive = &conf->keepalive[0];
    unsigned user_timeout_ms = (unsigned)(bind->user_timeout_us / 1000);
    int rcvbuf = (int)global->rcvbuf_client;
    int sndbuf = (int)global->sndbuf_client;
    if (conf->options & PROXY_OPT_CLIENT_KEEPALIVE)
        transport_keepalive(fd, keepalive->count, (uint32_t)((keepalive->idle_us + 999999) / 1000000),
                            (uint32_t)((keepalive->interval_us + 999999) / 1000000));
    if (user_timeout_ms)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    if (rcvbuf)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    if (sndbuf)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

// A connection counts even where the rules refuse it.
static void count_accepted(const struct frontend_session *session)
{
    const struct frontends *frontends = session->owner;
    const struct proxy_session *facts = &session->facts;
    _Atomic uint64_t *gauges = board_gauges(frontends->board, facts->conf->fe_object);
    uint64_t now_us = frontends->loop->now_us;
    backend_count(facts->counters, PROXY_COUNT_CONNECTIONS, 1);
    count_rate(gauges, PROXY_GAUGE_CONN_RATE, PROXY_GAUGE_CONN_RATE_MAX, now_us);
    proxy_gauge_raise(&gauges[PROXY_GAUGE_MAX_SESSIONS], board_lane_sum(frontends->board, facts->conf->fe_object));
    count_rate(board_gauges(frontends->board, frontends->program->object), PROXY_GAUGE_CONN_RATE,
               PROXY_GAUGE_CONN_RATE_MAX, now_us);
    if (!facts->bind_counters)
        return;
    // As for HAProxy, a listener's sessions are its connections.
    backend_count(facts->bind_counters, PROXY_COUNT_SESSIONS, 1);
    proxy_gauge_raise(&board_gauges(frontends->board, facts->bind->object)[PROXY_GAUGE_MAX_SESSIONS],
                      board_lane_sum(frontends->board, facts->bind->object));
}

// Rates that are limited count who is let in, before it costs a handshake.
static void count_admitted(const struct frontend_session *session)
{
    const struct frontends *frontends = session->owner;
    const struct proxy_conf *conf = session->facts.conf;
    uint64_t now_us = frontends->loop->now_us;
    if (conf->fe.rate_limit)
        board_rate_add(&board_gauges(frontends->board, conf->fe_object)[PROXY_GAUGE_ADMIT_RATE], now_us, 1);
    count_rate(board_gauges(frontends->board, frontends->program->object), PROXY_GAUGE_SESSION_RATE,
               PROXY_GAUGE_SESSION_RATE_MAX, now_us);
}

bool frontend_session_new(struct frontends *frontends, const struct bind_conf *bind, int fd,
                          const struct sockaddr_storage *peer, socklen_t len)
{
    // Not calloc, which in glibc does not take what this thread has just freed; nor memset, of which gcc makes calloc.
    struct frontend_session *session = malloc(sizeof(*session));
    if (!session)
        return false;
    *session = (struct frontend_session){ .owner = frontends };
    transport_conn_init_later(&session->front.conn, fd);
    const struct proxy_conf *conf = bind->proxy;
    socket_dress(fd, bind, &frontends->program->global);
    session->facts = (struct proxy_session){
        .conf = conf,
        .bind = bind,
        .counters = board_counters(frontends->board, frontends->inc, conf->fe_object),
        .bind_counters = conf->options & PROXY_OPT_SOCKET_STATS
                             ? board_counters(frontends->board, frontends->inc, bind->object)
                             : NULL,
        .fd = fd,
        .accept_us = frontends->loop->now_us,
        .idle_us = frontends->loop->now_us,
        .accept_wall_us = frontends->loop->wall_us,
        .number = ++frontends->streams.last_session,
    };
    transport_address_from_sockaddr(&session->facts.src, (const struct sockaddr *)peer, len);
    if (stream_trace_on(&frontends->streams, TRACE_SESSION))
        stream_trace_session_say(&frontends->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_USER, TRACE_SESS_NEW,
                                 "accepted, fd %d", fd);
    event_timer_init(&session->timer, timer_fired);
    event_task_init(&session->next_request, next_request);
    list_append(&frontends->sessions, &session->link);
    list_append(&frontends->fresh, &session->fresh);
    frontends->num_sessions++;
    mux_h1_init(&session->front, &frontends->mux, true);
    if (conf->options & PROXY_OPT_CASE_CLIENT)
        session->front.cases = &frontends->program->global.h1_cases;
    // Data is often there already, and asking costs less than another turn of the loop.
    session->front.conn.can_read = true;
    count_accepted(session);
    if (conf->log_steps)
        stream_log_accept(&frontends->streams, &session->facts);
    if (is_refusal(run_rules(session, PROXY_RULES_TCP_CONNECTION, EXPR_AT_CONNECT))) {
        proxy_session_count(&session->facts, PROXY_COUNT_DENIED_CONN, 1);
        if (stream_trace_on(&frontends->streams, TRACE_SESSION))
            stream_trace_session_say(&frontends->streams, &session->facts, TRACE_SESSION, TRACE_LEVEL_ERROR,
                                     TRACE_SESS_ERR, "refused by tcp-request connection");
        frontend_session_free(session, session->facts.silent);
        return true;
    }
    count_admitted(session);
    frontend_handshake_start(session);
    // It may be gone by now: only its place on the list tells.
    if (frontends->fresh.prev != &session->fresh)
        return true;
    if (session->state == FRONTEND_SESSION_STREAM && stream_is_idle(session->stream)) {
        stream_release(session->stream);
        session_idle(session);
    }
    meet_or_wait(session);
    return true;
}

void frontend_session_kill(struct frontend_session *session, enum stream_end end)
{
    switch (session->state) {
    case FRONTEND_SESSION_STREAM:
        stream_kill(session->stream, end);
        break;
    case FRONTEND_SESSION_TUNNEL:
        stream_tunnel_kill(session->tunnel, end);
        break;
    default:
        frontend_session_free(session, true);
        break;
    }
}
