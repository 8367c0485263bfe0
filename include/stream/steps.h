// SPDX-License-Identifier: Apache-2.0
// The steps of a stream, private to the area. Each does what can be done now and says what comes next; stream.c runs
// them and is the only one to change stream->step.
#pragma once

#include "board/trace.h"
#include "stream/stream.h"
#include "stream/tunnel.h"

// What a step says.
enum stream_verdict {
    STREAM_GO,   // another step was set (stream_step_set), or the next one is to run
    STREAM_WAIT, // an event, a wake-up or the deadline will run the stream again
    STREAM_OVER, // the stream is gone
};

typedef enum stream_verdict stream_step_fn(struct stream *stream);

// A step: its name, what it does, and, as bits, where it may lead.
struct stream_step_row {
    const char *name;
    stream_step_fn *run;
    uint32_t edges;
};

extern const struct stream_step_row stream_steps[STREAM_NUM_STEPS];

// stream_trace_step reports that the stream, which stood at `before`, is at its next step.
void stream_trace_step(const struct stream *stream, enum stream_step before) __attribute__((cold));

// stream_step_set moves the stream to `step`; an edge that the table of steps does not know is a bug.
static inline void stream_step_set(struct stream *stream, enum stream_step step)
{
    enum stream_step before = (enum stream_step)stream->step;
    must(stream_steps[before].edges & 1U << step);
    stream->step = (uint8_t)step;
    if (UNLIKELY(stream->ctx->traces & TRACE_BIT(TRACE_STREAM)))
        stream_trace_step(stream, before);
}

// stream_step_name gives the name of a step, for people.
const char *stream_step_name(enum stream_step step);

stream_step_fn stream_read_head;       // stream_read_head waits for a whole request head
stream_step_fn stream_content_rules;   // stream_content_rules applies tcp-request content of the frontend
stream_step_fn stream_request_rules;   // stream_request_rules applies http-request rules of the frontend
stream_step_fn stream_pick_backend;    // stream_pick_backend chooses by use_backend and default_backend
stream_step_fn stream_backend_content; // stream_backend_content applies tcp-request content of the backend
stream_step_fn stream_backend_rules;   // stream_backend_rules applies its http-request rules
stream_step_fn stream_pick_server;     // stream_pick_server chooses by cookie or balancing and takes a slot
stream_step_fn stream_queue;           // stream_queue waits for a slot
stream_step_fn stream_connect;         // stream_connect gets a connection, pooled or new
stream_step_fn stream_send_head;       // stream_send_head writes the edited request head
stream_step_fn stream_raw_response;    // stream_raw_response applies tcp-response content in tcp mode
stream_step_fn stream_relay_both;      // stream_relay_both moves both bodies, and handles the answer's head
stream_step_fn stream_send_answer;     // stream_send_answer sends an answer of our own
stream_step_fn stream_serve_step;      // stream_serve_step has a service answer, see stream/service.h

// stream_refuse answers with the error page for `status` and ends as `end`; the request's connection may live on where
// the request was complete and well-formed and `close` is false.
enum stream_verdict stream_refuse(struct stream *stream, uint16_t status, enum stream_end end, bool close);

// stream_answer_with sends `answer` instead of asking a server.
enum stream_verdict stream_answer_with(struct stream *stream, const struct proxy_answer *answer, enum stream_end end);

// stream_answer_begin writes the head of `answer`, to which a body of the kind `body` belongs, after
// http-after-response rules; what has come of the request's body and nobody read is dropped. False where that fails.
bool stream_answer_begin(struct stream *stream, const struct proxy_answer *answer, enum mux_body body);

// stream_answer_sent ends the stream whose answer of our own is out: the connection lives on where it can.
enum stream_verdict stream_answer_sent(struct stream *stream);

// stream_invite_body tells a client that waits for it (Expect: 100-continue) to send its request's body.
void stream_invite_body(struct stream *stream);

// stream_finish ends the stream: logs, counts, gives everything back and tells the session. Always STREAM_OVER.
enum stream_verdict stream_finish(struct stream *stream, enum stream_end end, enum stream_next next);

// stream_count_all adds one to a counter of the stream's frontend, bind, backend and server, as far as it has them.
void stream_count_all(const struct stream *stream, enum proxy_counter which);

// stream_count_bytes adds bytes from (`in`) and to the client to the counters of frontend, backend and server; the last
// two may be NULL.
void stream_count_bytes(const struct proxy_session *session, const struct backend *backend, const struct server *server,
                        uint64_t in, uint64_t out);

// stream_count_progress adds what moved since it was called last: now and then while a body is under way, so that
// counters advance, and at the end.
void stream_count_progress(struct stream *stream);

// stream_count_request counts a request of HTTP, be it none in the end, for its frontend.
void stream_count_request(const struct stream *stream);

// stream_count_spliced counts what `up`, the way to the server, and `down` sent through pipes since it was called last.
void stream_count_spliced(const struct proxy_session *session, const struct backend *backend, struct stream_relay *up,
                          struct stream_relay *down);

// stream_count_rest adds what stream_count_progress has not, once bytes_in and bytes_out are final.
void stream_count_rest(struct stream *stream);

// stream_count_status adds one to the counter of answers with a status like `status`.
void stream_count_status(uint64_t *counters, uint16_t status);

// stream_times_count counts how long a stream that ends, or becomes a tunnel, took: in the histograms and averages of
// its backend and server.
void stream_times_count(const struct stream *stream);

// stream_times_count_tunnel counts for how long a tunnel that ends was open.
void stream_times_count_tunnel(const struct stream_tunnel *tunnel);

// stream_times_count_handshake counts the TLS handshake with the stream's server, which is just over.
void stream_times_count_handshake(const struct stream *stream);

// stream_take_leave has the answer whose head is about to be written say Connection: close where a soft stop wants to
// be rid of this client, and nothing that it sent would get lost by that. The connection is then closed with a linger.
void stream_take_leave(struct stream *stream);

// stream_note_end records who cut the stream short and in which step, the first time it is called.
void stream_note_end(struct stream *stream, enum stream_end end);

// stream_leave_server gives back slot, queue place and connection. `keep`: the connection goes to the pool if it can.
void stream_leave_server(struct stream *stream, bool keep);

// stream_note_back_error keeps what went wrong with the stream's connection to its server, which is about to be closed.
void stream_note_back_error(struct stream *stream);

// stream_retry tries again after a failed connection: the same server, or another as `option redispatch` says. It
// answers 503 when no attempt is left.
enum stream_verdict stream_retry(struct stream *stream, enum stream_end why);

// stream_note_handshake tells the log why the TLS handshake with the server failed, where that is what `why` means.
void stream_note_handshake(struct stream *stream, enum stream_end why);

// Why an attempt is repeated: in the log (txn.retry_reasons) a letter each.
enum stream_retry_reason {
    STREAM_RETRY_CONNECT,         // C: no connection
    STREAM_RETRY_CONNECT_TIMEOUT, // c: not in time
    STREAM_RETRY_EMPTY,           // E: the connection ended before an answer
    STREAM_RETRY_JUNK,            // J: the answer was none of HTTP, or was cut
    STREAM_RETRY_TIMEOUT,         // T: no answer in time
    STREAM_RETRY_STATUS,          // S: its status is one of retry-on
    STREAM_RETRY_STALE,           // K: a connection kept open was closed by the server; none of the configured retries
    STREAM_RETRY_UNREAD,          // k: likewise, and the kernel showed that the server had read nothing of the request
};

// stream_note_retry counts that the stream's attempt at its server is repeated, and why.
void stream_note_retry(struct stream *stream, enum stream_retry_reason why);

// stream_may_send_again says whether the request may be sent a second time should nothing come of the first.
bool stream_may_send_again(const struct stream *stream);

enum { STREAM_PROXY_HEADER_MAX = 1400 };

// stream_proxy_header writes the PROXY header that the server wants before all else to `out`, and gives its length; 0:
// it does not fit.
size_t stream_proxy_header(struct stream *stream, char *out, size_t cap);

// stream_retry_answer tries again, as `retry-on` says, after a request that was sent got no answer, or one it does not
// want; `why` is a PROXY_RETRY_* bit. False: it may not, or not any more. It is one of the configured retries.
bool stream_retry_answer(struct stream *stream, uint32_t why, enum stream_verdict *verdict);

// stream_resend goes back to connecting after a reused connection turned out to be dead, where the request may be sent
// twice, be it because the kernel shows that nothing of it was acknowledged. True with STREAM_WAIT: that will show
// soon. False: it may not, or it was not reused. It is none of the configured retries, the server has not failed.
bool stream_resend(struct stream *stream, enum stream_verdict *verdict);

// stream_forget_attempt drops what an attempt left behind that reached a server.
void stream_forget_attempt(struct stream *stream);

// stream_room_take gets a place among the server's open connections for a new one. False: not yet, `*verdict` says how
// it goes on.
bool stream_room_take(struct stream *stream, enum stream_verdict *verdict);

// stream_room_granted goes on with a stream that waited for a place, which was granted one.
void stream_room_granted(struct stream *stream);

// stream_room_late is called at the stream's deadline while it waits so; false: it has waited for long enough.
bool stream_room_late(struct stream *stream);

// stream_room_end ends that wait, or gives the place back.
void stream_room_end(struct stream *stream);

// stream_room_leave does so where there is anything to end.
static inline void stream_room_leave(struct stream *stream)
{
    if (UNLIKELY(stream->waiter || stream->has_room || stream->room_due_us || stream->patient ||
                 !list_is_empty(&stream->conn_wait.link)))
        stream_room_end(stream);
}

// stream_edit_request records the edits of the request head: forwarding fields, cookie, hop-by-hop. False: no room.
bool stream_edit_request(struct stream *stream);

// stream_edit_response records the edits of the answer's head.
bool stream_edit_response(struct stream *stream);

// stream_log_line writes the log line of a finished (or, with logasap, begun) stream.
void stream_log_line(struct stream *stream);

// stream_enter_backend goes on to a server once the rules of the backend have let the stream pass.
enum stream_verdict stream_enter_backend(struct stream *stream);

// stream_is_probe says whether a connection without a byte is to be forgotten, and sees to that.
bool stream_is_probe(struct stream *stream);

// stream_monitored answers a request for monitor-uri; false where it is none.
bool stream_monitored(struct stream *stream, enum stream_verdict *verdict);

// stream_names_pass restricts the names of request fields as `conf` says, behind its rules. False: `*verdict` says how
// it goes on.
bool stream_names_pass(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict);

// stream_ready_for_rules does what `conf` wants done before its http-request rules: the body is waited for. False:
// `*verdict` says how it goes on.
bool stream_ready_for_rules(struct stream *stream, const struct proxy_conf *conf, enum stream_verdict *verdict);

// stream_wait_for_body waits until the request's body is here, or as much of it as fits. False: `*verdict` says how it
// goes on, and the step is to be run again if it does.
bool stream_wait_for_body(struct stream *stream, enum stream_verdict *verdict);

// stream_balance_wait waits for what `balance url_param ... check_post` looks at, likewise.
bool stream_balance_wait(struct stream *stream, enum stream_verdict *verdict);

// stream_balance_ask puts into `ask` what of the request the backend's algorithm looks at. The request's head and the
// start of its body must still stand in their buffer the first time.
void stream_balance_ask(struct stream *stream, struct backend_ask *ask);

// stream_body_waited reads what has come of the request's body (or the answer's, once its head is here) and says
// whether `at_least` bytes of it (0: all) are here, or as much as will come or fit.
bool stream_body_waited(struct stream *stream, uint64_t at_least);

// stream_request_cut says whether the client ended its side before its request's body was whole: it never will be.
bool stream_request_cut(const struct stream *stream);

// stream_retire takes everything from a stream but what its log line will ask for: a tunnel goes on in its place, and
// releases it once that line is written.
void stream_retire(struct stream *stream);

// stream_has_after_rules says whether http-after-response rules concern the stream.
bool stream_has_after_rules(const struct stream *stream);

// stream_after_rules runs them on stream->response; false where one failed.
bool stream_after_rules(struct stream *stream);

// stream_response_rules runs what is left of the rules of the answer's head, up to http-after-response. False: the head
// is not to be passed on (now), and `*verdict` says how it goes on; the stream may be gone.
bool stream_response_rules(struct stream *stream, enum stream_verdict *verdict);

// stream_looks_at_bytes makes the bytes that have come, in tcp mode, a request head for conditions where they are one.
void stream_looks_at_bytes(struct stream *stream);

// stream_looked ends that.
void stream_looked(struct stream *stream);

// stream_client_left says whether the client is gone for good, or at its end where abortonclose makes that the same.
bool stream_client_left(const struct stream *stream);

// stream_to_tunnel hands both connections to a tunnel and ends the stream without closing them. STREAM_OVER.
enum stream_verdict stream_to_tunnel(struct stream *stream);
