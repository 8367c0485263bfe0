// SPDX-License-Identifier: Apache-2.0
// The descriptors of a worker, for show fd: what the loop waits for on each, what is known of it, whose it is.
#include <stdlib.h>
#include <string.h>
#include "board/inquiry.h"
#include "frontend/descriptors.h"
#include "frontend/walk.h"
#include "stream/steps.h"
#include "stream/view.h"

enum { PIECE_LINES = 16 };

// Where the answer stands: first the process's own, then listeners, then sessions with what they carry, then
// connections to servers that carry nothing.
enum stage { STAGE_OWN, STAGE_SESSIONS, STAGE_SERVERS };

struct fd_walk {
    enum stage stage;
    uint32_t backend;
    uint32_t server;
    struct frontend_fd_question question;
    struct frontend_walk sessions;
};

static bool wants(const struct fd_walk *walk, int fd, uint32_t kind)
{
    return fd >= 0 && walk->question.kinds & kind && (walk->question.fd < 0 || walk->question.fd == fd);
}

// Upper case: it is so. h hung up, e error, o may be written, p a byte out of band (never looked at), i may be read;
// then for each direction whether it may be used (r, ready) and whether it is open (a).
static void put_state(struct text *out, const struct transport_conn *conn)
{
    text_printf(out, "%7d : st=(%c%c %c%c%cp%c W:%c%c R:%c%c)", conn->source.fd, conn->registered ? 'P' : 'p',
                conn->connecting ? 'N' : 'n', conn->near_end || conn->read_closed ? 'H' : 'h',
                conn->failed || conn->has_error ? 'E' : 'e', conn->can_write ? 'O' : 'o', conn->can_read ? 'I' : 'i',
                conn->can_write ? 'R' : 'r', conn->write_closed || conn->send_failed ? 'a' : 'A',
                conn->can_read ? 'R' : 'r', conn->read_closed || conn->failed ? 'a' : 'A');
}

static void put_own(struct text *out, const struct fd_walk *walk, int fd, uint32_t kind, const char *what)
{
    if (wants(walk, fd, kind))
        text_printf(out, "%7d : st=(P) %s\n", fd, what);
}

static void put_listeners(struct text *out, const struct fd_walk *walk, const struct frontends *frontends)
{
    const struct list *end = &frontends->listeners;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct frontend_listener *listener = CONTAINER_OF(at, struct frontend_listener, link);
        int fd = listener->source.fd;
        if (wants(walk, fd, FRONTEND_FD_LISTENER))
            text_printf(out, "%7d : st=(%c) iocb=accept l.st=%s fe=%s bind=%u%s\n", fd, listener->is_paused ? 'p' : 'P',
                        listener->is_paused ? "LIM" : "RDY", listener->bind->proxy->name, listener->bind->id,
                        listener->is_shared ? " shared" : "");
    }
}

static void put_pipes(struct text *out, const struct fd_walk *walk, const struct transport_pipe *pipe,
                      const char *whose)
{
    if (!pipe)
        return;
    put_own(out, walk, pipe->read_fd, FRONTEND_FD_PIPE, whose);
    put_own(out, walk, pipe->write_fd, FRONTEND_FD_PIPE, whose);
}

static void run_own(struct text *out, const struct fd_walk *walk, const struct frontends *frontends)
{
    put_own(out, walk, frontends->loop->epoll_fd, FRONTEND_FD_OTHER, "epoll");
    put_own(out, walk, board_incarnation_at(frontends->board, frontends->inc)->wake_fd, FRONTEND_FD_OTHER,
            "eventfd of this worker");
    put_listeners(out, walk, frontends);
    for (const struct transport_pipe *pipe = frontends->pipes.free; pipe; pipe = pipe->next)
        put_pipes(out, walk, pipe, "pipe, unused");
}

static const char *transport_name(const struct transport_conn *conn)
{
    return conn->tls ? "SSL" : "RAW";
}

static void put_back(struct text *out, const struct fd_walk *walk, const struct backend_conn *back, const char *state)
{
    const struct transport_conn *conn = &back->h1.conn;
    if (!wants(walk, conn->source.fd, FRONTEND_FD_SERVER))
        return;
    put_state(out, conn);
    text_printf(out, " back=1 sv=%s/%s mux=%s xprt=%s uses=%u state=%s cerr=%d\n", back->server->backend->conf->name,
                back->server->conf->name, back->h1.stream.rx == MUX_BODY_RAW ? "PASS" : "H1", transport_name(conn),
                back->num_uses, state, conn->error);
}

static const char *session_state(const struct frontend_session *session)
{
    static const char *const names[] = {
        [FRONTEND_SESSION_PROXY] = "proxy header", [FRONTEND_SESSION_TLS] = "handshake",
        [FRONTEND_SESSION_IDLE] = "idle",          [FRONTEND_SESSION_STREAM] = "stream",
        [FRONTEND_SESSION_TUNNEL] = "tunnel",      [FRONTEND_SESSION_LINGER] = "linger"
    };
    return session->state < NUM_ITEMS(names) ? names[session->state] : "?";
}

static void put_session(struct text *out, const struct fd_walk *walk, const struct frontend_session *session)
{
    const struct transport_conn *conn = &session->front.conn;
    const struct stream_ctx *streams = &session->owner->streams;
    const struct stream *stream = session->state == FRONTEND_SESSION_STREAM ? session->stream : NULL;
    const struct stream_tunnel *tunnel = session->state == FRONTEND_SESSION_TUNNEL ? session->tunnel : NULL;
    const struct backend_conn *back = stream ? stream->back : tunnel ? tunnel->back : NULL;
    uint64_t number = stream ? stream->number : tunnel ? tunnel->number : 0;
    char source[TRANSPORT_ADDRESS_TEXT_MAX];
    if (wants(walk, conn->source.fd, FRONTEND_FD_FRONT)) {
        size_t len = transport_address_text(&session->facts.src, source);
        put_state(out, conn);
        text_printf(out, " back=0 fe=%s src=%.*s mux=%s xprt=%s state=%s cerr=%d", session->facts.conf->name, (int)len,
                    source, tunnel || session->facts.conf->mode != PROXY_MODE_HTTP ? "PASS" : "H1",
                    transport_name(conn), session_state(session), conn->error);
        if (number)
            text_printf(out, " strm=0x%llx", (unsigned long long)stream_view_id(streams->board, streams->inc, number));
        text_add(out, "\n", 1);
    }
    if (back)
        put_back(out, walk, back, "used");
    put_pipes(out, walk, stream ? stream->up.pipe : tunnel ? tunnel->up.pipe : NULL, "pipe, request");
    put_pipes(out, walk, stream ? stream->down.pipe : tunnel ? tunnel->down.pipe : NULL, "pipe, answer");
}

static void put_list(struct text *out, const struct fd_walk *walk, const struct list *list, const char *state)
{
    for (const struct list *at = list->next; at != list; at = at->next)
        put_back(out, walk, CONTAINER_OF(at, struct backend_conn, link), state);
}

// The next server's; false where there is none.
static bool put_server(struct text *out, struct fd_walk *walk, const struct backend_ctx *backends)
{
    for (; walk->backend < backends->num_backends; walk->backend++, walk->server = 0) {
        const struct backend *backend = backends->backends[walk->backend];
        if (!backend || walk->server >= backend->num_servers)
            continue;
        const struct server *server = backend->servers[walk->server++];
        put_list(out, walk, &server->idle, "idle");
        put_list(out, walk, &server->own, "idle, of one client");
        put_list(out, walk, &server->opening, "opening");
        put_list(out, walk, &server->pinging, "pinging");
        put_list(out, walk, &server->closing, "closing");
        return true;
    }
    return false;
}

static struct fd_walk *walk_of(struct board_inquiry *inquiry)
{
    if (inquiry->state || inquiry->turn || inquiry->question_len != sizeof(struct frontend_fd_question))
        return inquiry->state;
    struct fd_walk *walk = calloc(1, sizeof(*walk));
    inquiry->state = walk;
    if (walk) {
        memcpy(&walk->question, inquiry->question, sizeof(walk->question));
        frontend_walk_begin(&walk->sessions, inquiry->owner);
    }
    return walk;
}

static bool run(struct board_inquiry *inquiry)
{
    const struct frontends *frontends = inquiry->owner;
    struct fd_walk *walk = walk_of(inquiry);
    if (!walk)
        return false;
    for (int i = 0; i < PIECE_LINES; i++) {
        const struct frontend_session *session;
        switch (walk->stage) {
        case STAGE_OWN:
            run_own(&inquiry->out, walk, frontends);
            walk->stage = STAGE_SESSIONS;
            break;
        case STAGE_SESSIONS:
            session = frontend_walk_next(&walk->sessions);
            if (session)
                put_session(&inquiry->out, walk, session);
            else
                walk->stage = STAGE_SERVERS;
            break;
        case STAGE_SERVERS:
            if (!put_server(&inquiry->out, walk, &frontends->backends))
                return false;
            break;
        }
    }
    return true;
}

static void end(struct board_inquiry *inquiry)
{
    struct fd_walk *walk = inquiry->state;
    if (walk)
        frontend_walk_end(&walk->sessions);
    free(walk);
}

static const struct board_inquiry_kind kind = { .type = BOARD_INQUIRY_DESCRIPTORS, .run = run, .end = end };
BOARD_INQUIRY(kind);
