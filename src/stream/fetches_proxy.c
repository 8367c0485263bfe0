// SPDX-License-Identifier: Apache-2.0
// Fetches of what frontends, backends and servers are doing. The numbers are those of the whole service, all its
// workers together, as the board has them now.
#include "proxy/ref.h"
#include "stream/act.h"
#include "stream/log.h"
#include "stream/put.h"

static struct stream_ctx *ctx_of(const struct expr_subject *subject)
{
    return subject->process->owner;
}

static const struct proxy_conf *frontend_now(const struct expr_subject *subject)
{
    const struct proxy_session *session = subject->session;
    return session ? session->conf : NULL;
}

// The backend that serves the exchange, or the frontend before one was chosen.
static const struct proxy_conf *backend_now(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct stream_log *log = subject->log;
    const struct check_facts *check = subject->check;
    if (check)
        return check->proxy;
    const struct backend *backend = stream && stream->backend ? stream->backend : log ? log->backend : NULL;
    return backend ? backend->conf : frontend_now(subject);
}

static const struct server_conf *server_now(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct stream_log *log = subject->log;
    const struct check_facts *check = subject->check;
    if (check)
        return check->server;
    const struct server *server = stream && stream->server ? stream->server : log ? log->server : NULL;
    return server ? server->conf : NULL;
}

static const char *prepare_frontend(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    args[0].data = (void *)proxy_ref_new(config, PROXY_REF_FRONTEND, args[0].str);
    return NULL;
}

static const char *prepare_backend(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    args[0].data = (void *)proxy_ref_new(config, PROXY_REF_BACKEND, args[0].str);
    return NULL;
}

static const char *prepare_server(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    if (!args[0].str.len)
        return "the name of a server is missing";
    args[0].data = (void *)proxy_ref_new(config, PROXY_REF_SERVER, args[0].str);
    return NULL;
}

static const struct proxy_conf *frontend_of(const struct expr_subject *subject, const struct expr_arg *args)
{
    const struct proxy_ref *ref = args[0].data;
    return ref->proxy ? ref->proxy : frontend_now(subject);
}

// NULL where an expression of a defaults section meets no backend.
static const struct proxy_conf *backend_of(const struct expr_subject *subject, const struct expr_arg *args)
{
    const struct proxy_ref *ref = args[0].data;
    const struct proxy_conf *proxy = ref->proxy ? ref->proxy : backend_now(subject);
    return proxy && proxy->has_backend ? proxy : NULL;
}

static const struct server_conf *server_of(const struct expr_arg *args)
{
    return ((const struct proxy_ref *)args[0].data)->server;
}

static bool is_usable(const struct expr_subject *subject, const struct server_conf *server)
{
    const struct backend *backend = ctx_of(subject)->backends->backends[server->backend->proxy->index];
    return backend_server_is_usable(backend->servers[server->index]);
}

static int64_t rate(const struct expr_subject *subject, uint32_t object, enum proxy_gauge gauge)
{
    struct stream_ctx *ctx = ctx_of(subject);
    return board_rate_read(&board_gauges(ctx->board, object)[gauge], ctx->loop->now_us);
}

static int64_t open_sessions(const struct expr_subject *subject, uint32_t object)
{
    return board_lane_sum(ctx_of(subject)->board, object);
}

static int64_t queue_len(const struct expr_subject *subject, const struct proxy_conf *proxy)
{
    return board_queue_len(ctx_of(subject)->board, proxy->be_object, 0);
}

static int64_t server_queue_len(const struct expr_subject *subject, const struct server_conf *server)
{
    return board_queue_len(ctx_of(subject)->board, server->backend->proxy->be_object, server->object);
}

static bool is_open(const struct expr_subject *subject, const struct server_conf *server)
{
    const struct backend *backend = ctx_of(subject)->backends->backends[server->backend->proxy->index];
    return backend_server_is_open(backend->servers[server->index]);
}

static bool has_active(const struct expr_subject *subject, const struct proxy_conf *proxy)
{
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next)
        if (!it->backup && is_open(subject, it))
            return true;
    return false;
}

// Servers that traffic may go to: the active ones, else the first backup, or all of them with option allbackups.
static int64_t usable_servers(const struct expr_subject *subject, const struct proxy_conf *proxy)
{
    bool active = has_active(subject, proxy);
    int64_t num = 0;
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next)
        num += it->backup != active && is_open(subject, it);
    return active || proxy->options & PROXY_OPT_ALL_BACKUPS || !num ? num : 1;
}

// ---- the process and its frontends ----------------------------------------------------------------------------------

static bool fetch_act_conn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, open_sessions(subject, ctx_of(subject)->program->object));
}

static bool fetch_fe_conn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, open_sessions(subject, frontend_of(subject, args)->fe_object));
}

static bool fetch_fe_sess_rate(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, rate(subject, frontend_of(subject, args)->fe_object, PROXY_GAUGE_SESSION_RATE));
}

static bool fetch_fe_req_rate(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, rate(subject, frontend_of(subject, args)->fe_object, PROXY_GAUGE_REQUEST_RATE));
}

static bool fetch_fe_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_str(out, slice_str(frontend_now(subject)->name));
}

static bool fetch_fe_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, frontend_now(subject)->id);
}

static bool fetch_fe_defbe(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)args, (void)walk;
    const struct proxy_conf *backend = frontend_now(subject)->fe.default_backend;
    return backend && put_str(out, slice_str(backend->name));
}

// ---- backends -------------------------------------------------------------------------------------------------------

static bool fetch_be_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_str(out, slice_str(backend_now(subject)->name));
}

static bool fetch_be_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, backend_now(subject)->id);
}

static bool fetch_be_conn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    (void)walk;
    return proxy && put_int(out, open_sessions(subject, proxy->be_object));
}

static bool fetch_be_sess_rate(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    (void)walk;
    return proxy && put_int(out, rate(subject, proxy->be_object, PROXY_GAUGE_SESSION_RATE));
}

static bool fetch_nbsrv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    (void)walk;
    return proxy && put_int(out, usable_servers(subject, proxy));
}

static bool fetch_queue(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    (void)walk;
    return proxy && put_int(out, queue_len(subject, proxy));
}

// Rounded up; without any server, as if there were half of one.
static bool fetch_avg_queue(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    (void)walk;
    if (!proxy)
        return false;
    int64_t len = queue_len(subject, proxy), num = usable_servers(subject, proxy);
    return put_int(out, num ? (len + num - 1) / num : len * 2);
}

static int64_t free_places(const struct expr_subject *subject, const struct server_conf *server)
{
    int64_t held = open_sessions(subject, server->object);
    int64_t limit = backend_state_maxconn(server);
    return held < limit ? limit - held : 0;
}

static int64_t free_queue(const struct expr_subject *subject, const struct server_conf *server)
{
    int64_t waiting = server_queue_len(subject, server);
    return waiting < server->maxqueue ? server->maxqueue - waiting : 0;
}

// The free places of the servers that traffic may go to; -1 where one of them has no limit.
static bool fetch_be_conn_free(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    int64_t sum = 0;
    (void)walk;
    if (!proxy)
        return false;
    bool active = has_active(subject, proxy);
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        if (it->backup == active || !is_usable(subject, it))
            continue;
        if (!backend_state_maxconn(it))
            return put_int(out, -1);
        sum += free_places(subject, it);
        if (it->backup && !(proxy->options & PROXY_OPT_ALL_BACKUPS))
            break;
    }
    return put_int(out, sum);
}

// The free places of all usable servers and their queues; -1 where one of them has no limit.
static bool fetch_connslots(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    const struct proxy_conf *proxy = backend_of(subject, args);
    int64_t sum = 0;
    (void)walk;
    if (!proxy)
        return false;
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        if (!is_usable(subject, it))
            continue;
        if (!backend_state_maxconn(it) || !it->maxqueue)
            return put_int(out, -1);
        sum += free_places(subject, it) + free_queue(subject, it);
    }
    return put_int(out, sum);
}

// ---- servers --------------------------------------------------------------------------------------------------------

static bool fetch_srv_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct server_conf *server = server_now(subject);
    (void)args, (void)walk;
    return server && put_str(out, slice_str(server->name));
}

static bool fetch_srv_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    const struct server_conf *server = server_now(subject);
    (void)args, (void)walk;
    return server && put_int(out, server->id);
}

static bool fetch_srv_conn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, open_sessions(subject, server_of(args)->object));
}

static bool fetch_srv_conn_free(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    const struct server_conf *server = server_of(args);
    (void)walk;
    return put_int(out, backend_state_maxconn(server) ? free_places(subject, server) : -1);
}

static bool fetch_srv_is_up(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    (void)walk;
    return put_bool(out, is_usable(subject, server_of(args)));
}

static bool fetch_srv_queue(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, server_queue_len(subject, server_of(args)));
}

static bool fetch_srv_sess_rate(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    (void)walk;
    return put_int(out, rate(subject, server_of(args)->object, PROXY_GAUGE_SESSION_RATE));
}

static bool fetch_srv_iweight(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    (void)subject, (void)walk;
    return put_int(out, server_of(args)->weight);
}

static bool fetch_srv_uweight(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                              struct expr_walk *walk)
{
    (void)subject, (void)walk;
    return put_int(out, atomic_load_explicit(&backend_state_at(server_of(args)->object)->weight, memory_order_relaxed));
}

// While it starts slowly it has a part of it.
static bool fetch_srv_weight(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    const struct backend_state *state = backend_state_at(server_of(args)->object);
    (void)subject, (void)walk;
    uint32_t share = atomic_load_explicit(&state->share, memory_order_relaxed);
    return put_int(out, (share + BACKEND_SHARE_SCALE - 1) / BACKEND_SHARE_SCALE);
}

// Why no server could take this request.
static bool fetch_be_no_server(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && stream->no_server && put_str(out, slice_str(stream->no_server));
}

// ---- names that traffic brings
// ----------------------------------------------------------------------------------------

static bool convert_nbsrv(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    const struct proxy_conf *proxy = proxy_backend_named(ctx_of(subject)->program, sample->str);
    (void)args;
    return proxy && put_int(sample, usable_servers(subject, proxy));
}

static const struct server_conf *server_named(const struct expr_subject *subject, struct slice name)
{
    const struct proxy_conf *proxy;
    return proxy_server_named(&proxy, ctx_of(subject)->program, name, backend_now(subject));
}

static bool convert_srv_is_up(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    const struct server_conf *server = server_named(subject, sample->str);
    (void)args;
    return server && put_bool(sample, is_usable(subject, server));
}

static bool convert_srv_queue(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    const struct server_conf *server = server_named(subject, sample->str);
    (void)args;
    return server && put_int(sample, server_queue_len(subject, server));
}

#define NOW      .when = EXPR_FROM_CONNECT
#define FRONTEND .args = "[<frontend>]", .max_args = 1, .out = EXPR_INT, .prepare = prepare_frontend, NOW
#define BACKEND  .args = "[<backend>]", .max_args = 1, .out = EXPR_INT, .prepare = prepare_backend, NOW
#define SERVER(type)                                                                                                   \
    .args = "[<backend>/]<server>", .min_args = 1, .max_args = 1, .out = type, .prepare = prepare_server, NOW

static const struct expr_fetch fetches[] = {
    { .name = "act_conn",
      .out = EXPR_INT,
      NOW,
      .fetch = fetch_act_conn,
      .help = "The connections that the whole service has open with clients.",
      .good = "act_conn gt 1000" },
    { .name = "fe_conn",
      FRONTEND,
      .fetch = fetch_fe_conn,
      .help = "The open connections of a frontend (this one).",
      .good = "fe_conn gt 100",
      .bad = "fe_conn(a,b)",
      .bad_says = "takes (" },
    { .name = "fe_sess_rate",
      FRONTEND,
      .fetch = fetch_fe_sess_rate,
      .help = "The new sessions of a frontend (this one) per second.",
      .good = "fe_sess_rate gt 100",
      .bad = "fe_sess_rate(a,b)",
      .bad_says = "takes (" },
    { .name = "fe_req_rate",
      FRONTEND,
      .fetch = fetch_fe_req_rate,
      .help = "The requests of a frontend (this one) per second.",
      .good = "fe_req_rate gt 100",
      .bad = "fe_req_rate(a,b)",
      .bad_says = "takes (" },
    { .name = "fe_name",
      .out = EXPR_STR,
      NOW,
      .fetch = fetch_fe_name,
      .help = "The name of the frontend that accepted the connection.",
      .good = "fe_name www" },
    { .name = "fe_id",
      .out = EXPR_INT,
      NOW,
      .fetch = fetch_fe_id,
      .help = "The number of the frontend that accepted the connection.",
      .good = "fe_id 1" },
    { .name = "fe_defbe",
      .out = EXPR_STR,
      NOW,
      .fetch = fetch_fe_defbe,
      .help = "The name of the default backend of the frontend that accepted the connection.",
      .good = "fe_defbe app" },
    { .name = "be_name",
      .out = EXPR_STR,
      .when = EXPR_FROM_CONTENT | EXPR_AT_CHECK,
      .flags = EXPR_OF_BACKEND,
      .fetch = fetch_be_name,
      .help = "The name of the backend that serves the exchange; before one is chosen, that of the frontend.",
      .good = "be_name app" },
    { .name = "be_no_server",
      .out = EXPR_STR,
      .when = EXPR_FROM_CONTENT,
      .flags = EXPR_OF_BACKEND,
      .fetch = fetch_be_no_server,
      .help =
          "Why the backend had no server for this request (\"all are down\", \"all are in maintenance\", ...); nothing "
          "where it had one. Ours.",
      .good = "be_no_server -m found" },
    { .name = "be_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONTENT | EXPR_AT_CHECK,
      .flags = EXPR_OF_BACKEND,
      .fetch = fetch_be_id,
      .help = "The number of the backend that serves the exchange; before one is chosen, that of the frontend.",
      .good = "be_id 2" },
    { .name = "be_conn",
      BACKEND,
      .fetch = fetch_be_conn,
      .help = "The open sessions of a backend (this one).",
      .good = "be_conn gt 100",
      .bad = "be_conn(a,b)",
      .bad_says = "takes (" },
    { .name = "be_conn_free",
      BACKEND,
      .fetch = fetch_be_conn_free,
      .help = "The connections that the servers of a backend (this one) may still get; backup servers count when no "
              "other is there. -1 where a server has no maxconn.",
      .good = "be_conn_free lt 10",
      .bad = "be_conn_free(a,b)",
      .bad_says = "takes (" },
    { .name = "be_sess_rate",
      BACKEND,
      .fetch = fetch_be_sess_rate,
      .help = "The new sessions of a backend (this one) per second.",
      .good = "be_sess_rate gt 100",
      .bad = "be_sess_rate(a,b)",
      .bad_says = "takes (" },
    { .name = "nbsrv",
      BACKEND,
      .fetch = fetch_nbsrv,
      .help = "The usable servers of a backend (this one).",
      .good = "nbsrv lt 2",
      .bad = "nbsrv(a,b)",
      .bad_says = "takes (" },
    { .name = "queue",
      BACKEND,
      .fetch = fetch_queue,
      .help = "The requests that wait for a server of a backend (this one), for whichever or for a certain one.",
      .good = "queue gt 10",
      .bad = "queue(a,b)",
      .bad_says = "takes (" },
    { .name = "avg_queue",
      BACKEND,
      .fetch = fetch_avg_queue,
      .help = "The requests that wait for a server of a backend (this one), per usable server.",
      .good = "avg_queue gt 10",
      .bad = "avg_queue(a,b)",
      .bad_says = "takes (" },
    { .name = "connslots",
      BACKEND,
      .fetch = fetch_connslots,
      .help = "The free connections and places in queues of all servers of a backend (this one). -1 where a server has "
              "no maxconn or no maxqueue.",
      .good = "connslots lt 10",
      .bad = "connslots(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_name",
      .out = EXPR_STR,
      .when = EXPR_FROM_SERVER | EXPR_AT_CHECK,
      .fetch = fetch_srv_name,
      .help = "The name of the server that was chosen.",
      .good = "srv_name web1" },
    { .name = "srv_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_SERVER | EXPR_AT_CHECK,
      .fetch = fetch_srv_id,
      .help = "The number of the server that was chosen.",
      .good = "srv_id 1" },
    { .name = "srv_conn",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_conn,
      .help = "The connections that a server has in use.",
      .good = "srv_conn(app/web1) gt 10",
      .bad = "srv_conn(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_conn_free",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_conn_free,
      .help = "The connections that a server may still get; -1 where it has no maxconn.",
      .good = "srv_conn_free(app/web1) lt 1",
      .bad = "srv_conn_free(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_is_up",
      SERVER(EXPR_BOOL),
      .fetch = fetch_srv_is_up,
      .help = "Whether a server is up.",
      .good = "srv_is_up(app/web1)",
      .bad = "srv_is_up(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_queue",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_queue,
      .help = "The requests that wait for this server and no other.",
      .good = "srv_queue(app/web1) gt 10",
      .bad = "srv_queue(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_sess_rate",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_sess_rate,
      .help = "The new sessions of a server per second.",
      .good = "srv_sess_rate(app/web1) gt 50",
      .bad = "srv_sess_rate(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_weight",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_weight,
      .help = "The weight of a server as it is now.",
      .good = "srv_weight(app/web1) 0",
      .bad = "srv_weight(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_uweight",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_uweight,
      .help = "The weight of a server as an operator sees it.",
      .good = "srv_uweight(app/web1) 0",
      .bad = "srv_uweight(a,b)",
      .bad_says = "takes (" },
    { .name = "srv_iweight",
      SERVER(EXPR_INT),
      .fetch = fetch_srv_iweight,
      .help = "The weight of a server as it is configured.",
      .good = "srv_iweight(app/web1) 0",
      .bad = "srv_iweight(a,b)",
      .bad_says = "takes (" },
};
EXPR_FETCHES(fetches);

static const struct expr_conv converters[] = {
    { .name = "nbsrv",
      .in = EXPR_STR,
      .out = EXPR_INT,
      NOW,
      .convert = convert_nbsrv,
      .help = "The usable servers of the backend of that name; nothing where there is none.",
      .good = "str(app),nbsrv" },
    { .name = "srv_is_up",
      .in = EXPR_STR,
      .out = EXPR_BOOL,
      NOW,
      .convert = convert_srv_is_up,
      .help = "Whether the server of that name (of the current backend, or \"backend/server\") is up.",
      .good = "str(app/web1),srv_is_up" },
    { .name = "srv_queue",
      .in = EXPR_STR,
      .out = EXPR_INT,
      NOW,
      .convert = convert_srv_queue,
      .help = "The requests that wait for the server of that name (of the current backend, or \"backend/server\").",
      .good = "str(app/web1),srv_queue" },
};
EXPR_CONVERTERS(converters);
