// SPDX-License-Identifier: Apache-2.0
// A session: one client connection from accept to close, private to the area. It is always in one of few states, and
// its one timer serves whichever it is.
#pragma once

#include "frontend/frontend.h"
#include "transport/proxy_protocol.h"

enum frontend_session_state {
    FRONTEND_SESSION_PROXY,  // reads the PROXY header
    FRONTEND_SESSION_TLS,    // is in the TLS handshake
    FRONTEND_SESSION_IDLE,   // waits for the first byte of a request; holds neither stream nor buffer
    FRONTEND_SESSION_STREAM, // a stream has the connection
    FRONTEND_SESSION_TUNNEL,
    FRONTEND_SESSION_LINGER, // our direction is over, the rest of theirs is read and dropped
};

struct frontend_linger {
    uint64_t since_us;
    uint64_t moved_us; // when the client was seen to take something last
    uint32_t unacked;  // transport_conn_unacked then
    uint32_t left;     // bytes that may still be dropped
    bool heard;        // some came since the timer fired last
};

struct frontend_session {
    struct proxy_session facts;
    struct frontends *owner;
    struct list link;
    struct list fresh; // in frontends->fresh
    struct event_timer timer;
    struct event_task next_request; // pipelined requests: the next stream starts from the loop, not from the last one
    struct mux_h1 front;
    union {
        struct stream *stream;
        struct stream_tunnel *tunnel;
        struct frontend_linger linger;
    };
    uint8_t state;
    uint8_t flush_turns; // turns of the loop until what TLS holds back for the first answer goes without it
};

// frontend_session_new starts a session on the accepted `fd`; false where memory or descriptors are exhausted (the
// caller closes `fd`).
bool frontend_session_new(struct frontends *frontends, const struct bind_conf *bind, int fd,
                          const struct sockaddr_storage *peer, socklen_t len);

// frontend_session_free closes the connection and frees the session. `reset`: the client sees a RST.
void frontend_session_free(struct frontend_session *session, bool reset);

// frontend_handshake_start reads the PROXY header, then goes through the TLS handshake, where the bind or a rule asks
// for them, and begins the session. It may be gone then.
void frontend_handshake_start(struct frontend_session *session);

// frontend_handshake_late ends a session whose header or handshake did not come in time.
void frontend_handshake_late(struct frontend_session *session);

// frontend_session_begin runs the rules of sessions and starts the first stream, once handshakes are done. The session
// may be gone then.
void frontend_session_begin(struct frontend_session *session);

// frontend_session_linger ends our direction and drops what still comes, until the client closes, or has all that was
// sent and is silent. The session may be gone then.
void frontend_session_linger(struct frontend_session *session);

// frontend_session_linger_on goes on with what did not fit into a turn.
void frontend_session_linger_on(struct frontend_session *session);

// frontend_session_linger_late is called by the session's timer.
void frontend_session_linger_late(struct frontend_session *session);

// frontend_session_kill resets the connection now.
void frontend_session_kill(struct frontend_session *session, enum stream_end end);

// frontend_sessions_meet is the timer that registers fresh connections.
void frontend_sessions_meet(struct event_timer *timer);

// frontend_place_free gives back the places under the connection limits and lets paused listeners look again.
void frontend_place_free(struct frontends *frontends, const struct bind_conf *bind);

// frontend_want_tell says, once in a while, that connections of `bind` wait or ended for want of what `error` of errno
// tells: EMFILE, ENFILE, ENOMEM, ENOBUFS, or another.
void frontend_want_tell(struct frontends *frontends, const struct bind_conf *bind, int error);

// frontend_listeners_free takes all listeners out of the loop; their sockets stay open.
void frontend_listeners_free(struct frontends *frontends);

// frontend_listeners_resume is the timer that puts paused listeners back.
void frontend_listeners_resume(struct event_timer *timer);
