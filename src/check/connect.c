// SPDX-License-Identifier: Apache-2.0
// The step that connects: where to, and what is said before the check's own bytes.
#include <errno.h>
#include <string.h>
#include "check/run.h"
#include "check/target.h"
#include "proxy/counters.h"
#include "transport/proxy_protocol.h"
#include "transport/tls.h"

static uint16_t port_of(struct check_run *run, const struct check_connect *connect)
{
    const struct server_conf *server = run->check->server;
    struct expr_sample sample;
    int64_t port;
    if (connect->port)
        return connect->port;
    if (connect->port_expr && expr_eval(connect->port_expr, &run->subject, &sample) &&
        expr_sample_int(&sample, &port) && port > 0 && port <= UINT16_MAX)
        return (uint16_t)port;
    if (connect->addr.family != AF_UNSPEC && connect->addr.port)
        return connect->addr.port;
    struct transport_address target;
    check_target_health(&target, server);
    return target.port ? target.port : server->addr.port;
}

static struct transport_address address_of(struct check_run *run, const struct check_connect *connect)
{
    const struct server_conf *server = run->check->server;
    struct transport_address target;
    check_target_health(&target, server);
    struct transport_address to = connect->addr.family != AF_UNSPEC ? connect->addr
                                  : target.family != AF_UNSPEC      ? target
                                                                    : server->addr;
    // "*" is wherever the client went, and a check has no client: it is this host.
    if (to.family == AF_UNSPEC)
        to.family = AF_INET;
    if (to.family != AF_UNIX)
        to.port = port_of(run, connect);
    return to;
}

static bool uses_socks4(const struct check_run *run)
{
    const struct check_connect *connect = &run->connect->connect;
    const struct server_conf *server = run->check->server;
    return server->socks4.family != AF_UNSPEC && (connect->socks4 || (connect->defaults && server->check.socks4));
}

// From where traffic comes, too.
static void set_source(struct transport_connect *how, const struct server_conf *server)
{
    const struct backend_conf *be = server->backend;
    how->source = server->source.family != AF_UNSPEC ? &server->source
                  : be->source.family != AF_UNSPEC   ? &be->source
                                                     : NULL;
    how->interface = server->source_interface ? server->source_interface : be->source_interface;
    if (how->source == &server->source && server->source_last_port) {
        how->last_port = server->source_last_port;
        how->next_port = &board_gauges(checks.board, server->object)[PROXY_GAUGE_SOURCE_PORT];
    }
}

static bool begin(struct check_run *run)
{
    check_run_look(run);
    const struct check_connect *connect = &run->step->connect;
    const struct server_conf *server = run->check->server;
    if (run->connect) {
        transport_conn_close(checks.loop, &run->conn, !run->connect->connect.linger);
        run->conn.tls = NULL;
        buf_release(&run->in, &checks.bufs);
        buf_release(&run->out, &checks.bufs);
        run->num_connects++;
    }
    run->connect = run->step;
    run->started = true;
    run->greeted = run->read = run->ended = false;
    run->to = address_of(run, connect);
    run->port = run->to.port;
    run->socks4 = (struct transport_socks4){ 0 };
    check_run_deadline(run, false);
    struct transport_connect how = { .to = uses_socks4(run) ? &server->socks4 : &run->to };
    set_source(&how, server);
    if (transport_conn_connect(checks.loop, &run->conn, &how, check_run_ready()) == IO_OK)
        return true;
    // What this process lacks says nothing of the server.
    if (errno == EMFILE || errno == ENFILE)
        check_run_postpone(run);
    else
        check_run_failed(run, errno, false);
    return false;
}

static bool sends_proxy(const struct check_run *run)
{
    const struct check_connect *connect = &run->connect->connect;
    const struct server_conf *server = run->check->server;
    if (connect->send_proxy)
        return true;
    if (!connect->defaults || run->check->kind != CHECK_HEALTH)
        return false;
    struct transport_address target;
    check_target_health(&target, server);
    bool is_own = !target.port && target.family == AF_UNSPEC;
    return server->check.send_proxy || (is_own && server->send_proxy);
}

static bool own_address(const struct check_run *run, union transport_proxy_address *out, bool peer)
{
    socklen_t len = sizeof(*out);
    *out = (union transport_proxy_address){ .sa = { .sa_family = AF_UNSPEC } };
    int fd = run->conn.source.fd;
    return (peer ? getpeername(fd, &out->sa, &len) : getsockname(fd, &out->sa, &len)) == 0;
}

// A check has no client: version 2 says so (LOCAL), and version 1 tells of the connection itself.
static bool greet(struct check_run *run)
{
    const struct server_conf *server = run->check->server;
    union transport_proxy_address src, dst;
    run->greeted = true;
    if (!sends_proxy(run))
        return true;
    struct transport_proxy_write what = { .version = server->send_proxy == PROXY_SEND_PROXY_V2 ? 2 : 1 };
    what.local = what.version == 2;
    what.crc32c = what.version == 2 && server->proxy_v2_options & PROXY_V2_CRC32C;
    if (what.version == 1 && own_address(run, &src, false) && own_address(run, &dst, true)) {
        what.src = &src;
        what.dst = &dst;
    }
    if (!buf_reserve(&run->out, &checks.bufs)) {
        check_run_failed(run, ENOMEM, false);
        return false;
    }
    buf_added(&run->out, transport_proxy_build(buf_end(&run->out), buf_room(&run->out), &what));
    return true;
}

enum io check_run_flush(struct check_run *run)
{
    while (buf_len(&run->out)) {
        size_t sent;
        enum io io = transport_conn_send(&run->conn, &sent, buf_data(&run->out), buf_len(&run->out));
        buf_consume(&run->out, sent);
        if (io != IO_OK)
            return io;
    }
    buf_release(&run->out, &checks.bufs);
    return run->conn.held ? IO_AGAIN : IO_OK;
}

static enum io secure(struct check_run *run)
{
    const struct check_connect *connect = &run->connect->connect;
    const struct check_server_conf *conf = &run->check->server->check;
    const struct tls_target *target = conf->targets ? conf->targets[run->num_connects] : NULL;
    if (!target)
        return IO_OK;
    if (!run->conn.tls) {
        const char *sni = connect->sni ? connect->sni : connect->defaults ? conf->sni : NULL;
        if (!checks.tls)
            checks.tls = transport_tls_ctx_new(checks.loop, &checks.conf->global.tls, checks.board, checks.inc,
                                               checks.conf->tls_object);
        if (!transport_tls_connect(checks.tls, &run->conn, target, slice_str(sni)))
            return IO_FAIL;
    }
    return transport_tls_handshake(&run->conn);
}

bool check_run_connect(struct check_run *run)
{
    if (!run->started && !begin(run))
        return false;
    enum io io = transport_conn_finish_connect(&run->conn);
    if (io == IO_OK && uses_socks4(run))
        io = transport_socks4_run(&run->conn, &run->socks4, &run->to);
    if (io == IO_OK && !run->greeted && !greet(run))
        return false;
    if (io == IO_OK)
        io = check_run_flush(run);
    if (io == IO_OK)
        io = secure(run);
    if (io == IO_AGAIN)
        return false;
    if (io != IO_OK) {
        check_run_failed(run, run->conn.error, false);
        return false;
    }
    check_run_deadline(run, true);
    return true;
}
