// SPDX-License-Identifier: Apache-2.0
// A tunnel: bytes both ways between a client and a server until one side ends it. It keeps its two ends, its counters,
// its timers, and, only where a log line is due at its end, what that line needs. Half-closes are passed on; a reset on
// one side becomes a reset on the other. Runs in workers; owned by its session.
#pragma once

#include "stream/log.h"
#include "stream/relay.h"
#include "stream/stream.h"

// What a tunnel does; a built-in service that takes a tunnel's place brings its own.
struct stream_tunnel_ops {
    void (*run)(struct stream_tunnel *tunnel);
    void (*timer_fired)(struct stream_tunnel *tunnel);
    void (*kill)(struct stream_tunnel *tunnel, enum stream_end end);
};

struct stream_tunnel {
    const struct stream_tunnel_ops *ops;
    struct stream_ctx *ctx;
    struct proxy_session *session;
    const struct stream_host *host;
    struct event_timer *timer; // the session's
    struct event_task task;
    struct mux_h1 *front;
    struct backend_conn *back;
    struct backend *backend;
    struct server *server;
    struct list on_server;      // of server->tunnels
    struct stream_log *log;     // NULL where no line is due
    struct stream *kept;        // where that line asks for more than `log` has, else NULL
    struct stream_track *track; // of the stream that it was
    struct stream_relay up;
    struct stream_relay down;
    uint64_t number; // that of the stream it was
    uint64_t began_us;
    uint64_t bytes_in; // counted so far
    uint64_t bytes_out;
    uint64_t since_us; // when it was opened
    uint64_t act_us;   // when bytes moved last, whichever way
    bool has_slot : 1;
    bool in_backend : 1;
    bool upgraded : 1; // by 101 or CONNECT, rather than tcp mode
    bool client_fin : 1;
    bool server_fin : 1;
    bool is_told : 1;    // the line of its end was written, or is not wanted: `log` is for those while it lives
    uint32_t timeout_ms; // set-timeout tunnel, 0: none
    uint32_t calls;      // how often it ran
    uint64_t report_us;  // when the next line of `option log-tunnel-interval` is due, 0: none
};

// stream_tunnel_end ends the tunnel at once, with a FIN to both sides.
void stream_tunnel_end(struct stream_tunnel *tunnel, enum stream_end end);

// stream_tunnel_timer_fired is called by the session when its timer fires.
static inline void stream_tunnel_timer_fired(struct stream_tunnel *tunnel)
{
    tunnel->ops->timer_fired(tunnel);
}

// stream_tunnel_begin fills in what a tunnel takes over from `stream` whatever it does with the bytes, and counts it
// among the open ones. Who ends it ends what it tracks with stream_track_end.
void stream_tunnel_begin(struct stream_tunnel *tunnel, struct stream *stream, const struct stream_tunnel_ops *ops);

// stream_tunnel_count adds the bytes that moved since it was called last to the counters of frontend, backend and
// server, so that they advance while the tunnel lives, and to what it tracks.
void stream_tunnel_count(struct stream_tunnel *tunnel);

// stream_tunnel_part counts it no longer among the open ones.
void stream_tunnel_part(struct stream_tunnel *tunnel);

// stream_tunnel_deadlines gives until when client and server may stay silent, monotonic us, 0: for ever.
void stream_tunnel_deadlines(const struct stream_tunnel *tunnel, uint64_t *client_us, uint64_t *server_us);

// stream_tunnel_log_begin writes what the log is to be told now and keeps what its later lines need. Where that is
// `stream` itself (tunnel->kept), the stream is given back by stream_tunnel_log_end.
void stream_tunnel_log_begin(struct stream_tunnel *tunnel, struct stream *stream);

// stream_tunnel_log_report writes the line of a tunnel that lives (option log-tunnel-interval), and says when the next
// one is due.
void stream_tunnel_log_report(struct stream_tunnel *tunnel);

// stream_tunnel_log_end writes the line of its end where one is due, and frees what was kept for it.
void stream_tunnel_log_end(struct stream_tunnel *tunnel, enum stream_end end);

// stream_tunnel_shutdown ends the tunnel by order of an operator: with a FIN where it leads to a server.
static inline void stream_tunnel_shutdown(struct stream_tunnel *tunnel, enum stream_end end)
{
    if (tunnel->server)
        stream_tunnel_end(tunnel, end);
    else
        tunnel->ops->kill(tunnel, end);
}

// stream_tunnel_kill ends the tunnel at once.
static inline void stream_tunnel_kill(struct stream_tunnel *tunnel, enum stream_end end)
{
    tunnel->ops->kill(tunnel, end);
}
