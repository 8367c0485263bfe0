// SPDX-License-Identifier: Apache-2.0
// The facts of `show sess`, its filters and its short form: HAProxy's line, field by field, with what they mean here.
// - ts is 1 where it has more to do in the next turn, epoch the generation of its worker.
// - rq and rp are the two directions: f are the flags of the relay below, i the bytes that wait in the buffer, an the
//   steps that are under way, rx, wx and ax the time left to read, to write and to decide.
// - scf and scb are the two ends: a state as HAProxy numbers them, the flags of the connection, the descriptor.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stream/log.h"
#include "stream/view_facts.h"

// An identifier is the process's number and how often that was given, and the stream's number. The first would suffice
// for all that live; with the second a number noted a while ago does not name somebody else's stream today.
enum { ID_NUMBER_BITS = 44, ID_INC_BITS = 8, ID_LIFE_BITS = 12 };

_Static_assert(BOARD_MAX_INCARNATIONS <= 1 << ID_INC_BITS, "each process has its number in an identifier");

uint64_t stream_view_id(struct board *board, uint32_t inc, uint64_t number)
{
    uint64_t life = board_mark(board, inc) >> 16 & ((1u << ID_LIFE_BITS) - 1);
    return (life << ID_INC_BITS | inc) << ID_NUMBER_BITS | (number & ((UINT64_C(1) << ID_NUMBER_BITS) - 1));
}

uint32_t stream_view_inc(struct board *board, uint64_t id)
{
    uint32_t inc = id >> ID_NUMBER_BITS & ((1u << ID_INC_BITS) - 1);
    if (!inc || inc >= board_incarnation_limit(board))
        return 0;
    struct board_incarnation *record = board_incarnation_at(board, inc);
    bool is_same = stream_view_id(board, inc, id) == id;
    return is_same && atomic_load(&record->state) == 1 && atomic_load(&record->role) == BOARD_ROLE_WORKER ? inc : 0;
}

bool stream_view_id_read(uint64_t *id, const char *text)
{
    const char *digits = text + (strncasecmp(text, "0x", 2) == 0 ? 2 : 0);
    char *end;
    if (!*digits || strspn(digits, "0123456789abcdefABCDEF") != strlen(digits) || strlen(digits) > 16)
        return false;
    *id = strtoull(digits, &end, 16);
    return *id != 0;
}

bool stream_view_is_stream(const struct stream *stream)
{
    return stream->step != STREAM_READ_HEAD && stream->step != STREAM_FINISHED;
}

static struct slice request_of(const struct stream *stream)
{
    const struct http_head *head = &stream->request;
    if (!stream->head_valid)
        return (struct slice){ 0 };
    const char *line = head->base + head->line;
    return slice_of(line, slice_find(slice_of(line, head->len - head->line), '\r'));
}

static void facts_of_stream(struct stream_view_facts *facts, const struct stream *stream)
{
    bool relays = stream->step == STREAM_RELAY || stream->step == STREAM_RAW_RESPONSE;
    *facts = (struct stream_view_facts){
        .session = stream->session,
        .backend = stream->backend,
        .server = stream->server,
        .front = stream->front,
        .back = stream->back,
        .up = relays ? &stream->up : NULL,
        .down = relays && stream->answer_head ? &stream->down : NULL,
        .cost = &stream->cost,
        .timer = stream->timer,
        .began_us = stream->times.first_us,
        .step_us = stream->rule_due_us ? stream->rule_due_us : stream->deadline_us,
        .uri = request_of(stream),
        .calls = stream->calls,
        .step = stream->step,
        .retries = stream->retries,
        .is_running = !list_is_empty(&stream->task.link),
    };
    stream_deadlines(stream, &facts->client_us, &facts->server_us);
}

static void facts_of_tunnel(struct stream_view_facts *facts, const struct stream_tunnel *tunnel)
{
    const struct stream_log *log = tunnel->log;
    *facts = (struct stream_view_facts){
        .session = tunnel->session,
        .backend = tunnel->backend,
        .server = tunnel->server,
        .front = tunnel->front,
        .back = tunnel->back,
        .up = tunnel->server ? &tunnel->up : NULL,
        .down = tunnel->server ? &tunnel->down : NULL,
        .cost = tunnel->kept ? &tunnel->kept->cost : NULL,
        .timer = tunnel->timer,
        .began_us = tunnel->began_us,
        .uri = log && log->is_http ? log->request_line : (struct slice){ 0 },
        .calls = tunnel->calls,
        .step = STREAM_NUM_STEPS,
        .retries = log ? log->retries : 0,
        .is_running = !list_is_empty(&tunnel->task.link),
    };
    if (tunnel->server)
        stream_tunnel_deadlines(tunnel, &facts->client_us, &facts->server_us);
}

void stream_view_facts(struct stream_view_facts *facts, const struct stream_view *view)
{
    const struct stream_ctx *ctx = view->ctx;
    if (view->stream)
        facts_of_stream(facts, view->stream);
    else
        facts_of_tunnel(facts, view->tunnel);
    facts->id = stream_view_id(ctx->board, ctx->inc, view->stream ? view->stream->number : view->tunnel->number);
    facts->now_us = ctx->loop->now_us;
}

// One whose time is over and who is still here, or whose both ends are closed: something did not wake it.
static bool is_suspicious(const struct stream_view_facts *facts)
{
    enum { LATE_US = 1000000 };
    const struct transport_conn *front = &facts->front->conn;
    uint64_t due_us = facts->timer->due_us;
    bool is_late = due_us && due_us + LATE_US < facts->now_us;
    bool front_over = front->failed || (front->read_closed && front->write_closed);
    const struct transport_conn *back = facts->back ? &facts->back->h1.conn : NULL;
    bool back_over = !back || back->failed || (back->read_closed && back->write_closed);
    return is_late || (front_over && back_over);
}

bool stream_view_is_wanted(const struct stream_view *view, const struct stream_wanted *wanted)
{
    const struct stream_ctx *ctx = view->ctx;
    uint64_t number = view->stream ? view->stream->number : view->tunnel->number;
    const struct proxy_session *session = view->stream ? view->stream->session : view->tunnel->session;
    const struct backend *backend = view->stream ? view->stream->backend : view->tunnel->backend;
    const struct server *server = view->stream ? view->stream->server : view->tunnel->server;
    uint64_t began_us = view->stream ? view->stream->times.first_us : view->tunnel->began_us;
    if (wanted->id)
        return stream_view_id(ctx->board, ctx->inc, number) == wanted->id;
    if (wanted->before_us && began_us > wanted->before_us)
        return false;
    if (*wanted->frontend && strcmp(wanted->frontend, session->conf->name) != 0)
        return false;
    if (*wanted->backend && (!backend || strcmp(wanted->backend, backend->conf->name) != 0))
        return false;
    if (*wanted->server && (!server || strcmp(wanted->server, server->conf->name) != 0))
        return false;
    if (wanted->older_us && ctx->loop->now_us - began_us < wanted->older_us)
        return false;
    if (!(wanted->flags & STREAM_VIEW_SUSP))
        return true;
    struct stream_view_facts facts;
    stream_view_facts(&facts, view);
    return is_suspicious(&facts);
}

const char *stream_view_age(char room[STREAM_VIEW_AGE], uint64_t us)
{
    static const struct {
        uint32_t seconds;
        char letter;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    uint64_t seconds = us / 1000000;
    size_t i = 0;
    while (i < 3 && seconds < units[i].seconds)
        i++;
    int len = snprintf(room, STREAM_VIEW_AGE, "%u%c", (unsigned)(seconds / units[i].seconds), units[i].letter);
    uint64_t rest = i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
    if (rest)
        snprintf(room + len, STREAM_VIEW_AGE - (size_t)len, "%u%c", (unsigned)rest, units[i + 1].letter);
    return room;
}

const char *stream_view_left(char room[STREAM_VIEW_AGE], uint64_t due_us, uint64_t now_us)
{
    if (due_us > now_us)
        return stream_view_age(room, due_us - now_us);
    *room = '\0';
    return room;
}

const char *stream_view_proto(const struct proxy_session *session)
{
    int family = session->bind ? session->bind->listen.address.ss_family : AF_UNSPEC;
    if (family == AF_UNSPEC)
        family = session->src.family;
    return family == AF_INET ? "tcpv4" : family == AF_INET6 ? "tcpv6" : "unix_stream";
}

void stream_view_source(struct text *out, const struct proxy_session *session)
{
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    if (session->src.family == AF_INET || session->src.family == AF_INET6)
        text_add(out, text, transport_address_text(&session->src, text));
    else
        text_printf(out, "unix:%u", session->bind ? session->bind->id : 0);
}

// HAProxy's states of an end: 0 none, 2 waits in a queue, 4 was given a server, 5 connecting, 8 established, 10 closed.
static int back_state(const struct stream_view_facts *facts)
{
    const struct transport_conn *conn = facts->back ? &facts->back->h1.conn : NULL;
    if (facts->step == STREAM_QUEUE)
        return 2;
    if (!conn)
        return facts->step == STREAM_CONNECT ? 4 : 0;
    return conn->connecting ? 5 : conn->read_closed && conn->write_closed ? 10 : 8;
}

static unsigned conn_flags(const struct transport_conn *conn)
{
    return conn->can_read | conn->can_write << 1 | conn->read_closed << 4 | conn->write_closed << 5 |
           conn->failed << 6 | conn->near_end << 7 | (conn->tls != NULL) << 8;
}

static unsigned relay_flags(const struct stream_relay *relay)
{
    return relay ? relay->ended | relay->broken << 1 | (relay->pipe != NULL) << 2 | (unsigned)relay->waits << 4 : 0;
}

static bool waits_for(const struct stream_relay *relay, enum stream_relay_state what)
{
    return relay && !relay->ended && relay->waits == what;
}

static void add_direction(struct text *out, const struct stream_view_facts *facts, bool is_up)
{
    const struct stream_relay *relay = is_up ? facts->up : facts->down;
    const struct mux_h1 *from = is_up ? facts->front : facts->back ? &facts->back->h1 : NULL;
    uint64_t from_us = is_up ? facts->client_us : facts->server_us;
    uint64_t to_us = is_up ? facts->server_us : facts->client_us;
    bool decides = facts->step != STREAM_NUM_STEPS && (facts->step < STREAM_RAW_RESPONSE) == is_up;
    char rx[STREAM_VIEW_AGE], wx[STREAM_VIEW_AGE], ax[STREAM_VIEW_AGE];
    bool reads = waits_for(relay, STREAM_RELAY_NEEDS_SRC) || (!is_up && facts->step == STREAM_RELAY && !facts->down);
    text_printf(out, "%s[f=%06xh,i=%u,an=%02xh,rx=%s,wx=%s,ax=%s]", is_up ? "rq" : "rp", relay_flags(relay),
                from ? (unsigned)buf_len(&from->in) : 0, decides ? 1u << facts->step : 0,
                stream_view_left(rx, reads ? from_us : 0, facts->now_us),
                stream_view_left(wx, waits_for(relay, STREAM_RELAY_NEEDS_DST) ? to_us : 0, facts->now_us),
                stream_view_left(ax, decides ? facts->step_us : 0, facts->now_us));
}

static void add_line(struct text *out, const struct stream_view *view, const struct stream_view_facts *facts,
                     uint32_t flags)
{
    const struct transport_conn *front = &facts->front->conn;
    const struct transport_conn *back = facts->back ? &facts->back->h1.conn : NULL;
    uint64_t age_us = facts->now_us - facts->began_us;
    char age[STREAM_VIEW_AGE], left[STREAM_VIEW_AGE], step[STREAM_VIEW_AGE];
    text_printf(out, "0x%llx: proto=%s src=", (unsigned long long)facts->id, stream_view_proto(facts->session));
    stream_view_source(out, facts->session);
    text_printf(out, " fe=%s be=%s srv=%s ts=%02x epoch=%#x age=%s calls=%u rate=%u cpu=%llu lat=%llu ",
                facts->session->conf->name, facts->backend ? facts->backend->conf->name : "<NONE>",
                facts->server ? facts->server->conf->name : "<none>", facts->is_running,
                board_incarnation_at(view->ctx->board, view->ctx->inc)->generation, stream_view_age(age, age_us),
                facts->calls, age_us < 1000000 ? facts->calls : (unsigned)(facts->calls / (age_us / 1000000)),
                facts->cost ? (unsigned long long)facts->cost->cpu_ns : 0,
                facts->cost ? (unsigned long long)facts->cost->wait_ns : 0);
    add_direction(out, facts, true);
    text_add(out, " ", 1);
    add_direction(out, facts, false);
    text_printf(out, " scf=[%d,%xh,fd=%d] scb=[%d,%xh,fd=%d] exp=%s rc=%u c_exp=%s",
                front->read_closed && front->write_closed ? 10 : 8, conn_flags(front), front->source.fd,
                back_state(facts), back ? conn_flags(back) : 0, back ? back->source.fd : -1,
                stream_view_left(left, facts->timer->due_us, facts->now_us), facts->retries,
                stream_view_left(step,
                                 facts->step == STREAM_CONNECT || facts->step == STREAM_QUEUE ? facts->step_us : 0,
                                 facts->now_us));
    if (flags & STREAM_VIEW_URI && facts->uri.ptr) {
        text_printf(out, " uri=\"");
        text_add_slice(out, facts->uri);
        text_add(out, "\"", 1);
    }
    text_add(out, "\n", 1);
}

void stream_view_add(struct text *out, const struct stream_view *view, const struct stream_wanted *wanted)
{
    struct stream_view_facts facts;
    stream_view_facts(&facts, view);
    if (wanted->flags & STREAM_VIEW_DETAIL)
        stream_view_detail(out, view, &facts);
    else
        add_line(out, view, &facts, wanted->flags);
}
