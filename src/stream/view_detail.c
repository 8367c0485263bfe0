// SPDX-License-Identifier: Apache-2.0
// The long form of `show sess`: the first lines as HAProxy has them, the rest in words.
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include "rule/rule.h"
#include "stream/log.h"
#include "stream/view_facts.h"
#include "transport/tls.h"

static void add_date(struct text *out, uint64_t wall_us)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    text_printf(out, "[%02d/%s/%04d:%02d:%02d:%02d.%06u]", tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900,
                tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(wall_us % 1000000));
}

static void add_address(struct text *out, const struct transport_address *address)
{
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    if (address->family == AF_UNSPEC)
        return;
    text_add(out, " addr=", 6);
    text_add(out, text, transport_address_text(address, text));
}

static const char *left_or(char room[STREAM_VIEW_AGE], uint64_t due_us, uint64_t now_us)
{
    if (!due_us)
        return "<NEVER>";
    return due_us > now_us ? stream_view_age(room, due_us - now_us) : "<PAST>";
}

static const char *mode_name(const struct proxy_conf *conf)
{
    return conf->mode == PROXY_MODE_HTTP ? "http" : "tcp";
}

static void add_frontend(struct text *out, const struct stream_view_facts *facts)
{
    const struct proxy_session *session = facts->session;
    const struct bind_conf *bind = session->bind;
    text_printf(out, "  frontend=%s (id=%u mode=%s), listener=%s (id=%u)", session->conf->name, session->conf->id,
                mode_name(session->conf), bind && bind->name ? bind->name : "?", bind ? bind->id : 0);
    struct transport_address dst = session->dst;
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (dst.family == AF_UNSPEC && getsockname(session->fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&dst, (const struct sockaddr *)&storage, len);
    if (dst.family == AF_INET || dst.family == AF_INET6)
        add_address(out, &dst);
    text_add(out, "\n", 1);
}

static void add_backend(struct text *out, const struct stream_view_facts *facts)
{
    const struct proxy_conf *conf = facts->backend ? facts->backend->conf : NULL;
    if (!conf) {
        text_printf(out, "  backend=<NONE> (id=-1 mode=-)\n");
        return;
    }
    text_printf(out, "  backend=%s (id=%u mode=%s)", conf->name, conf->id, mode_name(conf));
    struct transport_address source = { .family = AF_UNSPEC };
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (facts->back && getsockname(facts->back->h1.conn.source.fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&source, (const struct sockaddr *)&storage, len);
    if (source.family == AF_INET || source.family == AF_INET6)
        add_address(out, &source);
    text_add(out, "\n", 1);
}

static void add_server(struct text *out, const struct stream_view_facts *facts)
{
    if (!facts->server) {
        text_printf(out, "  server=<NONE> (id=-1)\n");
        return;
    }
    text_printf(out, "  server=%s (id=%u)", facts->server->conf->name, facts->server->conf->id);
    struct transport_address to = { .family = AF_UNSPEC };
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (facts->back && getpeername(facts->back->h1.conn.source.fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&to, (const struct sockaddr *)&storage, len);
    if (to.family == AF_INET || to.family == AF_INET6)
        add_address(out, &to);
    else
        text_printf(out, " addr=%s", facts->server->conf->addr_text);
    text_add(out, "\n", 1);
}

// What a stream that does not run waits for, in words.
static const char *reason_of(const struct stream *stream)
{
    static const char *const by_step[STREAM_NUM_STEPS] = {
        [STREAM_READ_HEAD] = "the request's head",
        [STREAM_PICK_BACKEND] = "its next turn",
        [STREAM_PICK_SERVER] = "a server",
        [STREAM_QUEUE] = "a free slot of a server",
        [STREAM_SEND_HEAD] = "the server to take the request's head",
        [STREAM_RAW_RESPONSE] = "the server's first bytes",
        [STREAM_ANSWER] = "the client to take the answer",
    };
    if (stream->rule)
        return "a rule";
    if (stream->settle_due_us)
        return "the kernel to say what became of the request";
    if (stream->step == STREAM_CONNECT)
        return stream->retry_wait                                 ? "the time of the next attempt to connect"
               : stream->waiter                                   ? "a place among the server's connections"
               : stream->patient                                  ? "a connection to the server to come back"
               : stream->back && stream->back->h1.conn.connecting ? "the connection to be made"
                                                                  : "the handshake with the server";
    if (stream->step != STREAM_RELAY)
        return by_step[stream->step] ? by_step[stream->step] : "content that rules look at";
    if (!stream->response_valid)
        return stream->up.ended || stream->up.waits == STREAM_RELAY_NEEDS_DST
                   ? "the server to answer"
                   : "the rest of the request, or the answer";
    if (!stream->down.ended)
        return stream->down.waits == STREAM_RELAY_NEEDS_DST ? "the client to take the answer"
                                                            : "the rest of the answer";
    return "the rest of the request";
}

static const char *reason_of_tunnel(const struct stream_tunnel *tunnel)
{
    bool is_full =
        tunnel->server && (tunnel->up.waits == STREAM_RELAY_NEEDS_DST || tunnel->down.waits == STREAM_RELAY_NEEDS_DST);
    return is_full              ? "one side to take what the other sent"
           : tunnel->client_fin ? "the server's end"
           : tunnel->server_fin ? "the client's end"
                                : "bytes of either side";
}

static void add_state(struct text *out, const struct stream_view *view, const struct stream_view_facts *facts)
{
    const struct stream_ctx *ctx = view->ctx;
    const struct stream *stream = view->stream;
    char a[STREAM_VIEW_AGE], b[STREAM_VIEW_AGE], c[STREAM_VIEW_AGE], d[STREAM_VIEW_AGE];
    text_printf(out, "  step=\"%s\" waits_for=\"%s\"",
                stream ? stream_step_name((enum stream_step)stream->step) : "tunnel",
                facts->is_running ? "its next turn"
                : stream          ? reason_of(stream)
                                  : reason_of_tunnel(view->tunnel));
    if (stream && stream->rule)
        text_printf(out, " rule=%s:%u", stream->rule->place.file, stream->rule->place.line);
    text_printf(out, " calls=%u exp=%s age=%s worker=%d generation=%u\n", facts->calls,
                left_or(a, facts->timer->due_us, facts->now_us), stream_view_age(b, facts->now_us - facts->began_us),
                (int)board_incarnation_at(ctx->board, ctx->inc)->pid,
                board_incarnation_at(ctx->board, ctx->inc)->generation);
    text_printf(out, "  timers: step=%s client=%s server=%s", left_or(a, facts->step_us, facts->now_us),
                left_or(b, facts->client_us, facts->now_us), left_or(c, facts->server_us, facts->now_us));
    if (view->tunnel && view->tunnel->report_us)
        text_printf(out, " log=%s", left_or(d, view->tunnel->report_us, facts->now_us));
    text_add(out, "\n", 1);
    if (stream && (stream->waiter || stream->queue_before || stream->backend_queue_before))
        text_printf(out, "  queue: waits=%s srv_before=%u be_before=%u now=%u\n", stream->waiter ? "yes" : "no",
                    stream->queue_before, stream->backend_queue_before,
                    stream->backend ? board_queue_len(ctx->board, stream->backend->conf->be_object, 0) : 0);
}

static void add_http(struct text *out, const struct stream_view *view, const struct stream_view_facts *facts,
                     uint32_t flags)
{
    const struct stream *stream = view->stream;
    const struct stream_log *log = view->tunnel ? view->tunnel->log : NULL;
    uint16_t status = stream ? stream->status : log ? log->status : 0;
    if (!facts->uri.ptr && !status)
        return;
    text_printf(out, "  txn: method=");
    text_add_slice(out, slice_of(facts->uri.ptr, slice_find(facts->uri, ' ')));
    if (status)
        text_printf(out, " status=%u", status);
    else
        text_printf(out, " status=-1");
    if (stream && stream->unique_id.ptr) {
        text_printf(out, " unique_id=");
        text_add_slice(out, stream->unique_id);
    }
    if (flags & STREAM_VIEW_URI && facts->uri.ptr) {
        text_printf(out, " uri=\"");
        text_add_slice(out, facts->uri);
        text_add(out, "\"", 1);
    }
    text_add(out, "\n", 1);
}

static void add_end(struct text *out, const char *name, const struct mux_h1 *end)
{
    const struct transport_conn *conn = &end->conn;
    const struct tls_conn *tls = transport_tls_of(conn);
    text_printf(out, "  %s: fd=%d state=%s%s%s%s%s bytes_in=%llu bytes_out=%llu in=%u out=%u", name, conn->source.fd,
                conn->connecting                          ? "CON"
                : conn->failed                            ? "ERR"
                : conn->read_closed && conn->write_closed ? "CLO"
                                                          : "EST",
                conn->can_read ? ",readable" : "", conn->can_write ? ",writable" : "",
                conn->read_closed ? ",read-closed" : "", conn->write_closed ? ",write-closed" : "",
                (unsigned long long)end->stream.bytes_in, (unsigned long long)end->stream.bytes_out,
                (unsigned)buf_len(&end->in), (unsigned)buf_len(&end->out));
    if (tls && tls->facts.version) {
        const char *cipher = tls_cipher_name(tls->facts.cipher);
        text_printf(out, " tls=%s cipher=%s resumed=%s sni=", tls_version_name(tls->facts.version),
                    cipher ? cipher : "?", tls->facts.resumed ? "yes" : "no");
        text_add_slice(out, tls_conn_sni(tls));
        text_printf(out, " alpn=");
        text_add_slice(out, tls_conn_alpn(tls));
    } else if (tls) {
        text_printf(out, " tls=handshake");
    }
    text_add(out, "\n", 1);
}

static void add_relay(struct text *out, const char *name, const struct stream_relay *relay)
{
    static const char *const waits[] = {
        [STREAM_RELAY_NEEDS_SRC] = "source", [STREAM_RELAY_NEEDS_DST] = "sink", [STREAM_RELAY_DONE] = "nothing",
        [STREAM_RELAY_SRC_FAILED] = "end",   [STREAM_RELAY_DST_FAILED] = "end", [STREAM_RELAY_PAUSED] = "turn",
    };
    if (relay)
        text_printf(out, "  %s: waits=%s ended=%s pipe=%s\n", name,
                    relay->waits < NUM_ITEMS(waits) ? waits[relay->waits] : "?", relay->ended ? "yes" : "no",
                    relay->pipe ? "yes" : "no");
}

void stream_view_detail(struct text *out, const struct stream_view *view, const struct stream_view_facts *facts)
{
    const struct stream_ctx *ctx = view->ctx;
    const struct stream *stream = view->stream;
    uint32_t id = stream ? stream->id : view->tunnel->log ? view->tunnel->log->id : 0;
    char left[STREAM_VIEW_AGE];
    text_printf(out, "0x%llx: ", (unsigned long long)facts->id);
    add_date(out, ctx->loop->wall_us - (facts->now_us - facts->began_us));
    text_printf(out, " id=%u proto=%s source=", id, stream_view_proto(facts->session));
    stream_view_source(out, facts->session);
    text_printf(out, "\n  flags=0x%x, conn_retries=%u, conn_exp=%s\n",
                stream ? stream->has_slot | stream->in_backend << 1 | stream->reused << 2 | stream->head_sent << 3 |
                             stream->got_answer << 4 | stream->answer_head << 5 | stream->sticky << 6 |
                             stream->redispatched << 7 | stream->upgrade << 8
                       : view->tunnel->has_slot | view->tunnel->in_backend << 1 | view->tunnel->upgraded << 8,
                facts->retries, left_or(left, facts->step == STREAM_CONNECT ? facts->step_us : 0, facts->now_us));
    add_frontend(out, facts);
    add_backend(out, facts);
    add_server(out, facts);
    add_state(out, view, facts);
    // At length everything that is known is told.
    add_http(out, view, facts, STREAM_VIEW_URI);
    add_end(out, "client", facts->front);
    if (facts->back)
        add_end(out, "server", &facts->back->h1);
    add_relay(out, "req", facts->up);
    add_relay(out, "res", facts->down);
}
