// SPDX-License-Identifier: Apache-2.0
#include "board/trace.h"

#define LOCK(name)    (1 << TRACE_LOCK_##name)
#define LOCKS_CLIENT  (LOCK(NOTHING) | LOCK(FRONTEND) | LOCK(LISTENER) | LOCK(SESSION) | LOCK(THREAD))
#define LOCKS_REQUEST (LOCKS_CLIENT | LOCK(BACKEND) | LOCK(SERVER) | LOCK(STREAM))

const struct trace_source_name trace_sources[TRACE_NUM_SOURCES] = {
    [TRACE_SESSION] = { { "session", "Client connections" },
                        { { "sess_new", "connection accepted" },
                          { "sess_ready", "handshakes are over, requests may come" },
                          { "sess_idle", "waits for the next request" },
                          { "sess_err", "refused, or ended by an error" },
                          { "sess_end", "connection closed" } },
                        LOCKS_CLIENT },
    [TRACE_STREAM] = { { "stream", "Requests and tunnels" },
                       { { "strm_new", "new stream" },
                         { "strm_free", "end of a stream" },
                         { "strm_err", "a stream was cut short" },
                         { "strm_proc", "step of a stream" },
                         { "strm_wait", "a stream waits, and for what" },
                         { "strm_queue", "place in a queue taken or left" },
                         { "strm_retry", "an attempt is repeated" },
                         { "strm_conn", "server connection opened, taken from the pool, given back, closed" },
                         { "strm_tunnel", "a stream becomes a tunnel, a tunnel ends" } },
                       LOCKS_REQUEST },
    [TRACE_H1] = { { "h1", "HTTP/1 messages" },
                   { { "rx_hdrs", "head received" },
                     { "tx_hdrs", "head sent" },
                     { "rx_err", "malformed message received" } },
                   LOCKS_REQUEST },
    [TRACE_SSL] = { { "ssl", "TLS handshakes" },
                    { { "ssl_client", "handshake with a client is over" },
                      { "ssl_server", "handshake with a server is over" },
                      { "ssl_err", "handshake failed" } },
                    LOCKS_REQUEST },
    [TRACE_CHECK] = { { "check", "Health checks" },
                      { { "chk_new", "check begins" },
                        { "chk_end", "result of a check" },
                        { "chk_err", "check failed" } },
                      LOCK(NOTHING) | LOCK(BACKEND) | LOCK(SERVER) },
};

const struct trace_name trace_levels[TRACE_NUM_LEVELS] = {
    [TRACE_LEVEL_ERROR] = { "error", "report errors" },
    [TRACE_LEVEL_USER] = { "user", "also information useful to the end user" },
    [TRACE_LEVEL_PROTO] = { "proto", "also protocol-level updates" },
    [TRACE_LEVEL_STATE] = { "state", "also report internal state changes" },
    [TRACE_LEVEL_DATA] = { "data", "also report data transfers" },
    [TRACE_LEVEL_DEVELOPER] = { "developer", "also report information useful only to the developer" },
};

const struct trace_name trace_verbosities[TRACE_NUM_VERBOSITIES] = {
    [TRACE_QUIET] = { "quiet", "only who and what happened" },
    [TRACE_CLEAN] = { "clean", "add frontend, backend and server" },
    [TRACE_MINIMAL] = { "minimal", "add the client's address" },
    [TRACE_SIMPLE] = { "simple", "add the request line and the status" },
    [TRACE_ADVANCED] = { "advanced", "add times and bytes" },
    [TRACE_COMPLETE] = { "complete", "add header fields" },
};

const struct trace_name trace_locks[TRACE_NUM_LOCKS] = {
    [TRACE_LOCK_NOTHING] = { "nothing", "do not lock on anything" },
    [TRACE_LOCK_BACKEND] = { "backend", "lock on the backend that started the trace" },
    [TRACE_LOCK_FRONTEND] = { "frontend", "lock on the frontend that started the trace" },
    [TRACE_LOCK_LISTENER] = { "listener", "lock on the listener that started the trace" },
    [TRACE_LOCK_SERVER] = { "server", "lock on the server that started the trace" },
    [TRACE_LOCK_SESSION] = { "session", "lock on the session that started the trace" },
    [TRACE_LOCK_STREAM] = { "stream", "lock on the stream that started the trace" },
    [TRACE_LOCK_THREAD] = { "thread", "lock on the worker that started the trace" },
};
