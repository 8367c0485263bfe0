// SPDX-License-Identifier: Apache-2.0
// The end of a connection in stages, after RFC 9112 section 9.6: our direction first, the descriptor once the client
// has all and has closed, or says nothing any more. A close with bytes unread, or with bytes still to come, is a reset,
// and that takes away what the client has not read yet.
#include "frontend/session.h"

enum {
    LINGER_BYTES = 8 * 1024 * 1024, // what the client may still send; more than what is on its way at most
    LINGER_SHARE = 128 * 1024,      // of it in one turn
    LINGER_STEP_US = 1000000,       // a client that is silent for so long, and has all, has closed or does not mean to
    LINGER_MAX_US = 30000000,
};

static void linger_event(struct mux_stream *stream)
{
    struct frontend_session *session = CONTAINER_OF(mux_h1_of(stream), struct frontend_session, front);
    char waste[16384];
    size_t len, share = LINGER_SHARE;
    enum io io;
    while ((io = transport_conn_recv(&session->front.conn, &len, waste, sizeof(waste))) == IO_OK) {
        if (len >= session->linger.left) {
            frontend_session_free(session, false);
            return;
        }
        session->linger.left -= (uint32_t)len;
        session->linger.heard = true;
        if (len >= share) {
            event_task_wake(session->owner->loop, &session->next_request);
            return;
        }
        share -= len;
    }
    if (io != IO_AGAIN)
        frontend_session_free(session, false);
}

void frontend_session_linger(struct frontend_session *session)
{
    uint64_t now_us = session->owner->loop->now_us;
    // Without events nothing would be lingered for.
    list_remove(&session->fresh);
    transport_conn_register(session->owner->loop, &session->front.conn);
    session->state = FRONTEND_SESSION_LINGER;
    session->linger = (struct frontend_linger){ .left = LINGER_BYTES,
                                                .unacked = transport_conn_unacked(&session->front.conn),
                                                .since_us = now_us,
                                                .moved_us = now_us };
    session->front.stream.on_event = linger_event;
    transport_conn_shutdown(&session->front.conn);
    event_timer_set(session->owner->loop, &session->timer, now_us + LINGER_STEP_US);
    linger_event(&session->front.stream);
}

void frontend_session_linger_on(struct frontend_session *session)
{
    linger_event(&session->front.stream);
}

void frontend_session_linger_late(struct frontend_session *session)
{
    const struct proxy_timeouts *timeouts = &session->facts.conf->timeouts;
    struct frontend_linger *linger = &session->linger;
    uint64_t now_us = session->owner->loop->now_us;
    uint64_t limit_us = timeouts->client_fin ? timeouts->client_fin : timeouts->client;
    uint32_t unacked = transport_conn_unacked(&session->front.conn);
    if (unacked != linger->unacked)
        linger->moved_us = now_us;
    bool reads_on = unacked && now_us < linger->moved_us + (limit_us ? limit_us : LINGER_MAX_US);
    bool sends_on = linger->heard && now_us < linger->since_us + LINGER_MAX_US;
    if (!reads_on && !sends_on) {
        frontend_session_free(session, false);
        return;
    }
    linger->unacked = unacked;
    linger->heard = false;
    event_timer_set(session->owner->loop, &session->timer, now_us + LINGER_STEP_US);
}
