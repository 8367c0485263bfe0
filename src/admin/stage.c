// SPDX-License-Identifier: Apache-2.0
// What comes before the dialog: the PROXY header, and the TLS handshake.
#include <stdio.h>
#include <sys/socket.h>
#include "admin/session.h"
#include "log/log.h"
#include "transport/proxy_protocol.h"
#include "transport/tls.h"

static void origin_address(struct admin_session *session, const struct sockaddr *peer, socklen_t len)
{
    struct transport_address addr;
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    transport_address_from_sockaddr(&addr, peer, len);
    transport_address_text(&addr, text);
    snprintf(session->origin, sizeof(session->origin), "%s", text);
}

void admin_stage_origin(struct admin_session *session)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    struct ucred who;
    socklen_t who_len = sizeof(who);
    int fd = session->conn.source.fd;
    snprintf(session->origin, sizeof(session->origin), "unknown");
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
        return;
    if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
        origin_address(session, (struct sockaddr *)&peer, len);
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) == 0)
        snprintf(session->origin, sizeof(session->origin), "uid %u pid %d", (unsigned)who.uid, (int)who.pid);
}

static void tell(const struct admin_session *session, const char *why)
{
    const struct admin_start *start = &session->admin->start;
    char line[1024];
    int len = snprintf(line, sizeof(line), "admin connection of %s: %s", session->origin, why);
    if (len > 0 && start->conf->global.logs)
        log_send(start->board, start->inc, start->conf->global.logs, LOG_LEVEL_INFO, start->loop->wall_us,
                 slice_of(line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1));
}

// What follows the header stays in session->in: it is the first line, or the first bytes of TLS.
static enum io read_proxy(struct admin_session *session)
{
    for (;;) {
        struct transport_proxy_info info;
        char data[4096];
        const char *reason = NULL;
        size_t used, len;
        enum transport_proxy_parse result = TRANSPORT_PROXY_MORE;
        if (session->in.len)
            result = transport_proxy_read(&info, &used, &reason, slice_of(session->in.ptr, session->in.len));
        if (result == TRANSPORT_PROXY_BAD) {
            tell(session, reason ? reason : "no PROXY header");
            return IO_FAIL;
        }
        if (result == TRANSPORT_PROXY_DONE) {
            if (!info.local && (info.src.sa.sa_family == AF_INET || info.src.sa.sa_family == AF_INET6))
                origin_address(session, &info.src.sa, sizeof(info.src));
            text_consume(&session->in, used);
            return IO_OK;
        }
        enum io io = transport_conn_recv(&session->conn, &len, data, sizeof(data));
        if (io != IO_OK)
            return io;
        text_add(&session->in, data, len);
        if (session->in.failed)
            return IO_FAIL;
    }
}

static enum io start_tls(struct admin_session *session)
{
    struct admin *admin = session->admin;
    const struct admin_start *start = &admin->start;
    if (!admin->tls)
        admin->tls = transport_tls_ctx_new(start->loop, &start->conf->global.tls, start->board, start->inc,
                                           start->conf->tls_object);
    struct slice early = slice_of(session->in.ptr, session->in.len);
    if (!transport_tls_accept(admin->tls, &session->conn, session->socket->bind.tls_bind, early))
        return IO_FAIL;
    text_consume(&session->in, session->in.len);
    return IO_OK;
}

static enum io go_on_tls(struct admin_session *session)
{
    if (!session->conn.tls && start_tls(session) != IO_OK)
        return IO_FAIL;
    enum io io = transport_tls_handshake(&session->conn);
    // Early data may be a replay, and commands must not be given twice.
    if (io == IO_OK && transport_tls_of(&session->conn)->facts.early) {
        tell(session, "early data");
        return IO_FAIL;
    }
    if (io == IO_FAIL)
        tell(session, tls_conn_reason(transport_tls_of(&session->conn)));
    return io;
}

enum io admin_stage_run(struct admin_session *session)
{
    enum io io = session->stage == ADMIN_STAGE_PROXY ? read_proxy(session) : IO_OK;
    if (io != IO_OK)
        return io;
    if (session->socket->bind.tls_bind) {
        session->stage = ADMIN_STAGE_TLS;
        io = go_on_tls(session);
    }
    if (io != IO_OK)
        return io;
    session->stage = ADMIN_STAGE_TALK;
    admin_session_touch(session);
    return IO_OK;
}
