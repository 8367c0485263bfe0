// SPDX-License-Identifier: Apache-2.0
// A stream is one request and its answer on their journey: steps in a table, from the request's head to the log line.
// Its client side is lent by a session (frontend floor), its server side by the backend floor. Runs in workers, on the
// loop's thread; a stream belongs to the worker that accepted its client. It never blocks, and it ends exactly once,
// through stream_end. A tunnel (tcp mode, an upgrade, CONNECT) leaves the stream behind and goes on as a struct
// stream_tunnel.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "backend/backend.h"
#include "base/shelf.h"
#include "expr/subject.h"
#include "http/change.h"
#include "http/edit.h"
#include "proxy/answer.h"
#include "proxy/session.h"
#include "stream/cost.h"
#include "stream/relay.h"
#include "stream/wish.h"
#include "table/proc_vars.h"

struct stream;
struct stream_tunnel;
struct stream_log;
struct stream_service;
struct stream_serving;
struct stream_captures;
struct stream_track;
struct stream_stick;

// What becomes of the client's connection after a stream.
enum stream_next {
    STREAM_NEXT_REQUEST, // it may send another request
    STREAM_NEXT_CLOSE,   // close it
    STREAM_NEXT_LINGER,  // end our direction, read what still comes for a while, close: nothing we sent gets lost
    STREAM_NEXT_RESET,   // close it with a RST
};

// Who cut the stream short; the letters are those of the log.
enum stream_end {
    STREAM_END_OK,
    STREAM_END_CLIENT,         // C
    STREAM_END_CLIENT_TIMEOUT, // c
    STREAM_END_SERVER,         // S
    STREAM_END_SERVER_TIMEOUT, // s
    STREAM_END_PROXY,          // P: denied or malformed
    STREAM_END_LOCAL,          // L: answered here
    STREAM_END_RESOURCE,       // R: memory, descriptors
    STREAM_END_INTERNAL,       // I
    STREAM_END_KILLED,         // K: by an operator
    STREAM_END_DOWN,           // D: its server went down
    STREAM_END_UP,             // U: it was on a backup server, and another came back
};

// Steps in their usual order. stream_step_set asserts the edge.
enum stream_step {
    STREAM_READ_HEAD,
    STREAM_CONTENT_RULES,
    STREAM_REQUEST_RULES,
    STREAM_PICK_BACKEND,
    STREAM_BACKEND_CONTENT,
    STREAM_BACKEND_RULES,
    STREAM_PICK_SERVER,
    STREAM_QUEUE,
    STREAM_CONNECT,
    STREAM_SEND_HEAD,
    STREAM_RAW_RESPONSE, // tcp mode: the server's first bytes, for rules
    STREAM_RELAY,        // both bodies, and the answer's head in between
    STREAM_ANSWER,       // an answer of our own goes out
    STREAM_SERVE,        // a built-in service makes one in pieces
    STREAM_FINISHED,
    STREAM_NUM_STEPS
};

// What the session does for its stream.
struct stream_host {
    void (*ended)(struct proxy_session *session, enum stream_next next);
    void (*tunnel)(struct proxy_session *session, struct stream_tunnel *tunnel); // the stream became a tunnel
};

// What the streams of a worker share.
struct stream_ctx {
    struct event_loop *loop;
    struct board *board;
    uint32_t inc;
    uint32_t traces; // trace_mask (board/trace.h)
    struct mux_ctx *mux;
    struct backend_ctx *backends;
    const struct program_conf *program;
    const struct stream *volatile at;               // the stream that runs, for stream_describe; or NULL
    const struct stream_tunnel *volatile at_tunnel; // or the tunnel
    struct shelf unused;                            // streams
    uint32_t num_streams;
    uint32_t num_tunnels;
    uint32_t next_id;       // of the next stream
    uint32_t last_session;  // number of the newest session
    uint64_t last_number;   // of streams
    bool stopping;          // a soft stop is under way
    bool measures;          // what streams cost is asked for (stream/cost.h)
    bool close_never;       // and answers do not say Connection: close
    uint64_t close_from_us; // when the soft stop began; from then on, or spread over close_spread_us, they do
    uint64_t close_spread_us;
    uint64_t num_runs;    // of streams
    uint64_t profiles;    // trace_profiles (board/trace.h), as it was at the start of this turn
    uint64_t profile_ns;  // when the run under way began, 0: none is measured
    uint8_t profile_step; // where it stood
    struct stream_profile profile[STREAM_NUM_STEPS];
    struct table_proc_vars proc_vars;
    struct expr_process expr;       // what the expressions of this process share
    struct userlist_checks *checks; // proxy/userlist.h; NULL until the first password is checked
    struct stream_track *free_tracks;
    struct stream_stick *free_sticks; // stream/stick.h
    uint32_t num_free_sticks;
};

// stream_condition_holds answers for the converter when(): see struct expr_process.
bool stream_condition_holds(const struct expr_subject *subject, enum expr_condition condition);

// Times of the log line, monotonic us; 0 where it did not come to that.
struct stream_times {
    uint64_t idle_us;   // the stream became ready for a request
    uint64_t first_us;  // the first byte of the head was there
    uint64_t head_us;   // the head was complete
    uint64_t queued_us; // left the queue
    uint64_t connected_us;
    uint64_t answer_us; // the answer's head was complete
    uint64_t wall_us;   // time of day of first_us
};

enum { STREAM_EDIT_ARENA = 2048, STREAM_RETRIED_LEN = 8 };

struct stream {
    struct stream_ctx *ctx;
    struct proxy_session *session;
    const struct stream_host *host;
    struct event_timer *timer; // the session's
    struct event_task task;    // to run again after its share of a turn
    struct mux_h1 *front;
    struct backend_conn *back;
    struct backend *backend; // NULL until picked
    struct server *server;
    struct list on_server; // of server->streams: it waits for that server, or is on it
    const struct proxy_answer *answer;
    const struct stream_service *service; // that will answer, chosen by a rule
    struct stream_serving *serving;       // and what it has made of it, or NULL
    struct stream_relay up;               // request body
    struct stream_relay down;             // answer's body
    struct stream_times times;
    uint64_t client_act_us; // last byte moved on either side
    uint64_t server_act_us;
    uint64_t client_seen; // bytes that had moved by then, both ways
    uint64_t server_seen;
    uint64_t deadline_us;   // of the step, 0 for none: queue, connect, retry
    uint64_t room_due_us;   // until when it waits for a place among the server's connections, 0: it does not
    uint64_t settle_due_us; // until when it waits for the kernel to say what became of the request, 0: it does not
    uint64_t wire_mark;     // back->h1.conn.wire_sent before the request
    struct backend_wait conn_wait;
    uint64_t counted_in; // of the bytes below, what the counters have (stream_count_progress), and since when
    uint64_t counted_out;
    uint64_t counted_us;
    uint64_t bytes_in;     // request bytes read from the client
    uint64_t bytes_out;    // answer bytes written to the client
    uint64_t number;       // of the stream, from 1; the tunnel that it becomes keeps it (stream/view.h)
    uint32_t calls;        // how often it ran
    uint32_t id;           // counts the requests of this process
    uint32_t hash;         // of what balancing looks at, with has_hash
    uint32_t waiter;       // on the board's queue, of slots or (STREAM_CONNECT) of places; 0 for none
    uint32_t queue_before; // our place in the server's and the backend's queue when we came, 0: never there
    uint32_t backend_queue_before;
    int32_t retries_left;
    uint32_t retries;
    uint32_t cookie_last; // seconds since 1970 of the affinity cookie's dates, 0: it has none
    uint32_t cookie_first;
    uint16_t status;
    uint8_t step;
    uint8_t end;    // enum stream_end
    char end_phase; // the log's letter for where it was decided
    char
        retried[STREAM_RETRIED_LEN]; // a letter for each of the first attempts repeated (enum stream_retry_reason), NUL
    uint8_t cookie_seen; // letters for the log: N none, V valid, I invalid, D down, E expired, O old, U unused
    uint8_t cookie_set;  // N nothing, I inserted, U dates updated, P passed, R rewritten, D deleted
    bool redispatched : 1;
    bool has_slot : 1;    // a slot of the server is ours
    bool in_backend : 1;  // counted among the backend's open sessions
    bool reused : 1;      // `back` came from the pool
    bool head_sent : 1;   // the request's head was handed to `back`
    bool got_answer : 1;  // some byte of the answer came
    bool answer_head : 1; // the answer's head was passed on
    bool sticky : 1;      // the server was named by a cookie or a rule
    bool by_rule : 1;     // by use-server
    bool insists : 1;     // the server was named by a hash: the request waits for it alone
    bool hash_known : 1;  // has_hash and hash are what they will be
    bool has_hash : 1;
    bool cookie_looked : 1; // the affinity cookie was read, and taken out of the request
    bool force_persist : 1;
    bool ignore_persist : 1;
    bool no_pool : 1; // a retry: only a fresh connection will do
    bool retry_wait : 1;
    bool head_valid : 1;     // the request's head was parsed
    bool has_head : 1;       // mode http: and stays so, whatever the log is to know of it
    bool not_http : 1;       // mode tcp: what came cannot become one
    bool response_valid : 1; // the answer's head was parsed, or made by us
    bool rule_waits : 1;     // see stream_rule_wait
    bool rule_on_data : 1;
    bool upgrade : 1;
    bool logged : 1;
    bool told_leave : 1; // the answer said Connection: close of our own accord
    bool has_room : 1;   // a place among the server's connections is ours, for one that is not opened yet
    bool patient : 1;    // waits for a connection to come back rather than opening one
    bool was_patient : 1;
    bool running : 1;
    bool run_again : 1;
    bool track_counted : 1;     // the request was counted in what is tracked
    bool track_bad : 1;         // it was none
    bool stick_done : 1;        // the backend's stick lines were run
    bool stick_learned : 1;     // and what they noted was stored
    struct stream_stick *stick; // stream/stick.h, or NULL
    struct stream_track *track; // stream/track.h, or NULL
    uint64_t track_in;          // bytes that were counted there
    uint64_t track_out;
    uint64_t track_us;             // when that was done last
    struct expr_subject subject;   // of all rules and fetches
    const struct rule *rule;       // that waits, or NULL
    const struct rule *stopped_at; // that ended its list last, or NULL
    const struct rule *waited_at;  // that waited when the stream was cut short, or gave up waiting; or NULL
    uint64_t inspect_us;           // when rules began to wait for content, 0: not yet
    uint16_t fail_status;          // an action's RULE_ANSWERED means this error page; 0: not
    uint8_t fail_end;              // enum stream_end of it
    uint8_t client_method;         // enum http_method as the request came
    uint8_t response_phase;        // how far the rules of the answer are
    uint64_t rule_due_us;          // when it is run again, 0: not by time
    struct stream_wishes wishes;
    struct slice unique_id;          // malloc()ed; ptr NULL: not made yet
    struct transport_address source; // that we connected to the server from, kept where a log format tells it
    char *reply_head;                // of mux->bufs, or NULL: an answer made for this stream, its head and its body
    char *reply_body;
    struct buf request_store; // what rules write into the heads
    struct buf response_store;
    struct stream_captures *captures; // stream/capture.h, or NULL
    uint16_t server_status;           // of the server's answer, before rules; 0: none
    uint8_t back_error;               // enum stream_error of the last connection to a server that failed
    const char *no_server;            // why there was no server for it; NULL: there was one, or none was looked for
    uint32_t back_tls_error;          // the TLS library's error of it, 0: none
    struct stream_cost cost;
    struct http_head request;
    struct http_head response;
    struct http_field *request_fields; // max_fields entries each, behind the struct
    struct http_field *response_fields;
    struct http_edits edits;
    char edit_arena[STREAM_EDIT_ARENA];
};

// stream_ctx_init prepares the shared part.
void stream_ctx_init(struct stream_ctx *ctx, const struct program_conf *program, struct event_loop *loop,
                     struct board *board, uint32_t inc, struct mux_ctx *mux, struct backend_ctx *backends);

// stream_ctx_stop begins a soft stop: from now on answers say Connection: close, as close-spread-time has it.
void stream_ctx_stop(struct stream_ctx *ctx);

// stream_ctx_fini frees unused streams.
void stream_ctx_fini(struct stream_ctx *ctx);

// stream_new starts a stream for the next request on `front`; NULL where memory is exhausted. Nothing runs before
// stream_run.
struct stream *stream_new(struct stream_ctx *ctx, struct proxy_session *session, const struct stream_host *host,
                          struct mux_h1 *front, struct event_timer *timer);

// stream_new_tcp starts one that does not look at what it carries.
struct stream *stream_new_tcp(struct stream_ctx *ctx, struct proxy_session *session, const struct stream_host *host,
                              struct mux_h1 *front, struct event_timer *timer);

// stream_run goes on from where the stream stands until it waits or ends. It may free the stream and call the host.
void stream_run(struct stream *stream);

// stream_timer_fired is called by the session when its timer fires while the stream is its current one.
void stream_timer_fired(struct stream *stream);

// stream_kill ends the stream at once, for a hard stop or an operator.
void stream_kill(struct stream *stream, enum stream_end end);

// stream_deadlines gives until when client and server may stay silent (monotonic us, 0: for ever, or it is not their
// turn), for a stream that relays.
void stream_deadlines(const struct stream *stream, uint64_t *client_us, uint64_t *server_us);

// stream_queue_granted serves the waiters of this process that the board has granted a slot; called after a wake-up.
void stream_queue_granted(struct stream_ctx *ctx);

// stream_arm sets the session's timer to the earliest deadline that now applies.
void stream_arm(struct stream *stream);

// stream_idle_deadline gives the time (monotonic us, 0 for never) until which `session`, of whose next request no byte
// has come, may wait.
uint64_t stream_idle_deadline(const struct proxy_session *session);

// stream_release gives the stream's memory back without ending anything: nothing has happened yet, or its connections
// went to a tunnel.
void stream_release(struct stream *stream);

// stream_has_request says whether the whole request has come: nothing more is waited for from the client but its end.
bool stream_has_request(const struct stream *stream);

// stream_describe writes what runs at this moment into `room`, `cap` bytes: the client, frontend, backend and server,
// the step, the stream's number, its unique id and the start of the request; "" where no stream runs. Safe in a signal
// handler, at any moment; what it writes is for people.
void stream_describe(const struct stream_ctx *ctx, char *room, size_t cap);

// stream_is_idle says whether no byte of a request has come yet: the session may close without loss.
bool stream_is_idle(const struct stream *stream);
