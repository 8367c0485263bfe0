// SPDX-License-Identifier: Apache-2.0
// What can be told of a stream and of a tunnel alike, gathered for the two forms of `show sess`. Private to the area.
#pragma once

#include "stream/steps.h"
#include "stream/view.h"

struct stream_view_facts {
    uint64_t id;
    const struct proxy_session *session;
    const struct backend *backend; // or NULL
    const struct server *server;   // or NULL
    const struct mux_h1 *front;
    const struct backend_conn *back; // or NULL
    const struct stream_relay *up;   // or NULL
    const struct stream_relay *down; // or NULL
    const struct stream_cost *cost;  // or NULL
    const struct event_timer *timer;
    uint64_t began_us;
    uint64_t client_us; // until when the client may be silent, 0: for ever, or it is not its turn
    uint64_t server_us;
    uint64_t step_us; // until when the step must be over, 0: it has no end
    uint64_t now_us;
    struct slice uri; // "METHOD target", ptr NULL: none
    uint32_t calls;
    uint32_t step; // enum stream_step; STREAM_NUM_STEPS: a tunnel
    uint32_t retries;
    bool is_running; // it has more to do in the next turn
};

enum { STREAM_VIEW_AGE = 24 };

// stream_view_facts fills in `facts`.
void stream_view_facts(struct stream_view_facts *facts, const struct stream_view *view);

// stream_view_age writes a time as HAProxy does, "0s", "1m5s", "3h20m", and gives `room`.
const char *stream_view_age(char room[STREAM_VIEW_AGE], uint64_t us);

// stream_view_left writes how long it is until `due_us`, "" for 0 and for what is past.
const char *stream_view_left(char room[STREAM_VIEW_AGE], uint64_t due_us, uint64_t now_us);

// stream_view_proto gives HAProxy's name for how the client came: "tcpv4", "tcpv6", "unix_stream".
const char *stream_view_proto(const struct proxy_session *session);

// stream_view_source appends the client's address as the log has it, "unix:" and the bind's number for a local one.
void stream_view_source(struct text *out, const struct proxy_session *session);

// stream_view_detail appends the long form.
void stream_view_detail(struct text *out, const struct stream_view *view, const struct stream_view_facts *facts);
