// SPDX-License-Identifier: Apache-2.0
// Fetches of connections: their addresses, what a PROXY header said, what the kernel knows of them.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "expr/number.h"
#include "stream/act.h"
#include "stream/put.h"

// ---- addresses ------------------------------------------------------------------------------------------------------

// The client's, as a rule set it or else as the connection says.
static const struct transport_address *src_of(const struct expr_subject *subject, struct transport_address *own)
{
    (void)own;
    const struct stream *stream = subject->stream;
    const struct proxy_session *session = subject->session;
    return stream && stream->wishes.src.family != AF_UNSPEC ? &stream->wishes.src : &session->src;
}

static const struct transport_address *dst_of(const struct expr_subject *subject, struct transport_address *own)
{
    (void)own;
    const struct stream *stream = subject->stream;
    return stream && stream->wishes.dst.family != AF_UNSPEC ? &stream->wishes.dst : proxy_session_dst(subject->session);
}

static bool rcvd_proxy(const struct expr_subject *subject)
{
    const struct proxy_session *session = subject->session;
    // Where one is expected nothing but tcp-request connection rules runs before it.
    return subject->when != EXPR_AT_CONNECT && (session->bind->accept_proxy || session->expect_proxy);
}

typedef int name_fn(int fd, struct sockaddr *addr, socklen_t *len);

static int get_peer(int fd, struct sockaddr *addr, socklen_t *len)
{
    return getpeername(fd, addr, len);
}

static int get_own(int fd, struct sockaddr *addr, socklen_t *len)
{
    return getsockname(fd, addr, len);
}

// An end of the connection `fd`, as the kernel says; of family AF_UNSPEC where it does not.
static void read_end(struct transport_address *out, int fd, name_fn *get)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    *out = (struct transport_address){ 0 };
    if (fd >= 0 && get(fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(out, (struct sockaddr *)&storage, len);
}

static int client_fd(const struct expr_subject *subject)
{
    return ((const struct proxy_session *)subject->session)->fd;
}

// -1 without a connection to a server.
static int server_fd(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    return stream && stream->back ? stream->back->h1.conn.source.fd : -1;
}

// The connection's own ends: a PROXY header says whose it carries, not whose it is.
static const struct transport_address *fc_src_of(const struct expr_subject *subject, struct transport_address *own)
{
    read_end(own, rcvd_proxy(subject) ? client_fd(subject) : -1, get_peer);
    return rcvd_proxy(subject) ? own : &((const struct proxy_session *)subject->session)->src;
}

static const struct transport_address *fc_dst_of(const struct expr_subject *subject, struct transport_address *own)
{
    read_end(own, rcvd_proxy(subject) ? client_fd(subject) : -1, get_own);
    return rcvd_proxy(subject) ? own : proxy_session_dst(subject->session);
}

static const struct transport_address *bc_src_of(const struct expr_subject *subject, struct transport_address *own)
{
    read_end(own, server_fd(subject), get_own);
    return own;
}

// The kernel forgets it with the end of the connection.
static const struct transport_address *bc_dst_of(const struct expr_subject *subject, struct transport_address *own)
{
    const struct stream *stream = subject->stream;
    *own = (struct transport_address){ 0 };
    if (stream && stream->server)
        *own = backend_address(stream->server, backend_follows_client(stream->server) ? stream_dst(stream) : NULL);
    return own;
}

static bool put_port(struct expr_sample *out, const struct transport_address *addr)
{
    return (addr->family == AF_INET || addr->family == AF_INET6) && put_int(out, addr->port);
}

// Whether the machine has the address: the kernel lets a socket be bound to those alone.
static bool put_local(struct expr_sample *out, const struct transport_address *addr)
{
    struct sockaddr_storage storage;
    if (addr->family == AF_UNIX)
        return put_bool(out, true);
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    struct transport_address any_port = *addr;
    any_port.port = 0;
    socklen_t len = transport_address_to_sockaddr(&any_port, &storage);
    int fd = socket(addr->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool local = bind(fd, (struct sockaddr *)&storage, len) == 0;
    close(fd);
    return put_bool(out, local);
}

#define ADDRESS_FETCHES(prefix)                                                                                        \
    static bool fetch_##prefix(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,     \
                               struct expr_walk *walk)                                                                 \
    {                                                                                                                  \
        struct transport_address own;                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_addr(out, prefix##_of(subject, &own));                                                              \
    }                                                                                                                  \
    static bool fetch_##prefix##_port(struct expr_subject *subject, struct expr_sample *out,                           \
                                      const struct expr_arg *args, struct expr_walk *walk)                             \
    {                                                                                                                  \
        struct transport_address own;                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_port(out, prefix##_of(subject, &own));                                                              \
    }

#define LOCAL_FETCH(prefix)                                                                                            \
    static bool fetch_##prefix##_is_local(struct expr_subject *subject, struct expr_sample *out,                       \
                                          const struct expr_arg *args, struct expr_walk *walk)                         \
    {                                                                                                                  \
        struct transport_address own;                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_local(out, prefix##_of(subject, &own));                                                             \
    }

ADDRESS_FETCHES(src)
ADDRESS_FETCHES(dst)
ADDRESS_FETCHES(fc_src)
ADDRESS_FETCHES(fc_dst)
ADDRESS_FETCHES(bc_src)
ADDRESS_FETCHES(bc_dst)
LOCAL_FETCH(src)
LOCAL_FETCH(dst)
LOCAL_FETCH(fc_src)
LOCAL_FETCH(fc_dst)

// ---- the listening socket -------------------------------------------------------------------------------------------

static const struct bind_conf *bind_of(const struct expr_subject *subject)
{
    return ((const struct proxy_session *)subject->session)->bind;
}

static bool fetch_so_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, bind_of(subject)->id);
}

static bool fetch_so_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const char *name = bind_of(subject)->name;
    (void)args, (void)walk;
    return name && put_str(out, slice_str(name));
}

static bool fetch_dst_conn(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct stream_ctx *ctx = subject->process->owner;
    (void)args, (void)walk;
    return put_int(out, board_lane_sum(ctx->board, bind_of(subject)->object));
}

// ---- the PROXY header -----------------------------------------------------------------------------------------------

enum { TLV_ALPN = 0x01, TLV_AUTHORITY = 0x02, TLV_CRC32C = 0x03, TLV_NOOP = 0x04, TLV_UNIQUE_ID = 0x05 };
enum { TLV_SSL = 0x20, TLV_NETNS = 0x30, TLV_HEAD_LEN = 3, TLV_VALUE_MAX = 1024 };

static bool fetch_rcvd_proxy(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_bool(out, rcvd_proxy(subject));
}

static bool put_tlv(struct expr_sample *out, const struct expr_subject *subject, uint8_t type)
{
    struct slice value = proxy_session_tlv(subject->session, type);
    return value.ptr && put_str(out, value);
}

static bool fetch_pp_authority(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_tlv(out, subject, TLV_AUTHORITY);
}

static bool fetch_pp_unique_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                               struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_tlv(out, subject, TLV_UNIQUE_ID);
}

static const char *prepare_tlv(struct config *config, struct expr_arg *args, uint32_t num)
{
    static const struct {
        const char *name;
        uint8_t type;
    } known[] = {
        { "ALPN", TLV_ALPN },   { "AUTHORITY", TLV_AUTHORITY }, { "CRC32", TLV_CRC32C },
        { "NOOP", TLV_NOOP },   { "UNIQUE_ID", TLV_UNIQUE_ID }, { "SSL", TLV_SSL },
        { "NETNS", TLV_NETNS }, { "SSL_VERSION", 0x21 },        { "SSL_CN", 0x22 },
        { "SSL_CIPHER", 0x23 }, { "SSL_SIG_ALG", 0x24 },        { "SSL_KEY_ALG", 0x25 },
    };
    (void)num;
    for (size_t i = 0; i < NUM_ITEMS(known); i++)
        if (slice_equal(args[0].str, slice_str(known[i].name))) {
            args[0].num = known[i].type;
            return NULL;
        }
    return expr_arg_number(config, &args[0], 0, 255);
}

// walk->at[0] is the offset of the next one among the kept TLVs.
static bool fetch_pp_tlv(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    const struct proxy_session *session = subject->session;
    struct slice tlvs = slice_of(session->tlvs, session->tlvs_len);
    while (tlvs.len - walk->at[0] >= TLV_HEAD_LEN) {
        const uint8_t *at = (const uint8_t *)tlvs.ptr + walk->at[0];
        size_t len = (size_t)at[1] << 8 | at[2];
        walk->at[0] += TLV_HEAD_LEN + len;
        if (at[0] == args[0].num && len <= TLV_VALUE_MAX)
            return put_str(out, slice_of((const char *)at + TLV_HEAD_LEN, len));
    }
    return false;
}

// ---- what the kernel measures ---------------------------------------------------------------------------------------

static const char *prepare_unit(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = 1000;
    if (!num || !args[0].str.len || slice_equal(args[0].str, SLICE("ms")))
        return NULL;
    args[0].num = 1;
    return slice_equal(args[0].str, SLICE("us")) ? NULL : "the unit is ms or us";
}

// The number that stands at `offset` of the kernel's tcp_info, divided by `unit`.
static bool put_info(struct expr_sample *out, int fd, size_t offset, int64_t unit)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    uint32_t value;
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || len < offset + sizeof(value))
        return false;
    memcpy(&value, (const char *)&info + offset, sizeof(value));
    return put_int(out, value / unit);
}

#define INFO_FETCH(name, fd, field, unit)                                                                              \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_info(out, fd(subject), offsetof(struct tcp_info, field), unit);                                     \
    }

INFO_FETCH(fc_rtt, client_fd, tcpi_rtt, args[0].num)
INFO_FETCH(fc_rttvar, client_fd, tcpi_rttvar, args[0].num)
INFO_FETCH(bc_rtt, server_fd, tcpi_rtt, args[0].num)
INFO_FETCH(bc_rttvar, server_fd, tcpi_rttvar, args[0].num)
INFO_FETCH(fc_unacked, client_fd, tcpi_unacked, 1)
INFO_FETCH(fc_sacked, client_fd, tcpi_sacked, 1)
INFO_FETCH(fc_lost, client_fd, tcpi_lost, 1)
INFO_FETCH(fc_retrans, client_fd, tcpi_retrans, 1)
INFO_FETCH(fc_fackets, client_fd, tcpi_fackets, 1)
INFO_FETCH(fc_reordering, client_fd, tcpi_reordering, 1)

// ---- what it carries ------------------------------------------------------------------------------------------------

static bool fetch_fc_one(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    return put_int(out, 1);
}

static bool fetch_fc_none(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    return put_int(out, 0);
}

static bool fetch_bc_one(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)args, (void)walk;
    return server_fd(subject) >= 0 && put_int(out, 1);
}

static bool fetch_bc_none(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return server_fd(subject) >= 0 && put_int(out, 0);
}

static bool fetch_bc_reused(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return stream && stream->back && put_bool(out, stream->reused);
}

#define SESSION .when = EXPR_FROM_CONNECT
#define BACK    .when = EXPR_FROM_SERVER
#define UNIT    .args = "[<unit>]", .max_args = 1, .out = EXPR_INT, .prepare = prepare_unit

#define ADDRESS_ROWS(prefix, whose)                                                                                    \
    { .name = #prefix,                                                                                                 \
      .out = EXPR_ADDR,                                                                                                \
      SESSION,                                                                                                         \
      .fetch = fetch_##prefix,                                                                                         \
      .help = "The address " whose,                                                                                    \
      .good = #prefix " 127.0.0.0/8" },                                                                                \
        { .name = #prefix "_port",                                                                                     \
          .out = EXPR_INT,                                                                                             \
          SESSION,                                                                                                     \
          .fetch = fetch_##prefix##_port,                                                                              \
          .help = "The port " whose,                                                                                   \
          .good = #prefix "_port gt 1023" },                                                                           \
    {                                                                                                                  \
        .name = #prefix "_is_local", .out = EXPR_BOOL, SESSION, .fetch = fetch_##prefix##_is_local,                    \
        .help = "Whether this machine has the address " whose " It costs system calls.", .good = #prefix "_is_local"   \
    }

#define INFO_ROW(row, fn, what)                                                                                        \
    {                                                                                                                  \
        .name = row, .out = EXPR_INT, SESSION, .fetch = fn, .help = what, .good = row " gt 3"                          \
    }
#define BACK_ROW(row, fn, what)                                                                                        \
    {                                                                                                                  \
        .name = row, .out = EXPR_INT, BACK, .fetch = fn, .help = what, .good = row " 1"                                \
    }

static const struct expr_fetch fetches[] = {
    ADDRESS_ROWS(src, "of the client, as a rule, a PROXY header or the connection says."),
    ADDRESS_ROWS(dst, "the client connected to, as a rule, a PROXY header or the connection says."),
    ADDRESS_ROWS(fc_src, "of the client's end of the connection, whatever a PROXY header says."),
    ADDRESS_ROWS(fc_dst, "of our end of the client's connection, whatever a PROXY header says."),
    { .name = "bc_src",
      .out = EXPR_ADDR,
      BACK,
      .fetch = fetch_bc_src,
      .help = "The address from which the server was connected to.",
      .good = "bc_src 127.0.0.1" },
    { .name = "bc_src_port",
      .out = EXPR_INT,
      BACK,
      .fetch = fetch_bc_src_port,
      .help = "The port from which the server was connected to.",
      .good = "bc_src_port gt 1023" },
    { .name = "bc_dst",
      .out = EXPR_ADDR,
      BACK,
      .fetch = fetch_bc_dst,
      .help = "The server's address.",
      .good = "bc_dst 127.0.0.1" },
    { .name = "bc_dst_port",
      .out = EXPR_INT,
      BACK,
      .fetch = fetch_bc_dst_port,
      .help = "The server's port.",
      .good = "bc_dst_port 80" },
    { .name = "so_id",
      .out = EXPR_INT,
      SESSION,
      .fetch = fetch_so_id,
      .help = "The number of the listening socket (bind option id).",
      .good = "so_id 1" },
    { .name = "so_name",
      .out = EXPR_STR,
      SESSION,
      .fetch = fetch_so_name,
      .help = "The name of the listening socket (bind option name).",
      .good = "so_name intern" },
    { .name = "dst_conn",
      .out = EXPR_INT,
      SESSION,
      .fetch = fetch_dst_conn,
      .help = "The open connections of the listening socket, this one too.",
      .good = "dst_conn gt 100" },
    { .name = "fc_rcvd_proxy",
      .out = EXPR_BOOL,
      SESSION,
      .fetch = fetch_rcvd_proxy,
      .help = "Whether the connection began with a PROXY header.",
      .good = "fc_rcvd_proxy" },
    { .name = "fc_pp_authority",
      .out = EXPR_STR,
      SESSION,
      .fetch = fetch_pp_authority,
      .help = "The first authority of the PROXY header.",
      .good = "fc_pp_authority www.example.com" },
    { .name = "fc_pp_unique_id",
      .out = EXPR_STR,
      SESSION,
      .fetch = fetch_pp_unique_id,
      .help = "The first unique id of the PROXY header.",
      .good = "fc_pp_unique_id -m found" },
    { .name = "fc_pp_tlv",
      .args = "<id>",
      .min_args = 1,
      .max_args = 1,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      SESSION,
      .prepare = prepare_tlv,
      .fetch = fetch_pp_tlv,
      .help = "The values, of up to 1024 bytes, that the PROXY header has of that type: a number or ALPN, AUTHORITY, "
              "CRC32, NETNS, NOOP, SSL, SSL_CIPHER, SSL_CN, SSL_KEY_ALG, SSL_SIG_ALG, SSL_VERSION, UNIQUE_ID.",
      .good = "fc_pp_tlv(224) one",
      .bad = "fc_pp_tlv(256)",
      .bad_says = "expected a number from 0 to 255" },
    { .name = "fc_rtt",
      UNIT,
      SESSION,
      .fetch = fetch_fc_rtt,
      .help = "The round trip time to the client that the kernel measured, in ms or us.",
      .good = "fc_rtt(us) gt 1000",
      .bad = "fc_rtt(s)",
      .bad_says = "the unit is ms or us" },
    { .name = "fc_rttvar",
      UNIT,
      SESSION,
      .fetch = fetch_fc_rttvar,
      .help = "How much that varies, in ms or us.",
      .good = "fc_rttvar(us) gt 1000",
      .bad = "fc_rttvar(s)",
      .bad_says = "the unit is ms or us" },
    { .name = "bc_rtt",
      UNIT,
      BACK,
      .fetch = fetch_bc_rtt,
      .help = "The round trip time to the server that the kernel measured, in ms or us.",
      .good = "bc_rtt(us) gt 1000",
      .bad = "bc_rtt(s)",
      .bad_says = "the unit is ms or us" },
    { .name = "bc_rttvar",
      UNIT,
      BACK,
      .fetch = fetch_bc_rttvar,
      .help = "How much that varies, in ms or us.",
      .good = "bc_rttvar(us) gt 1000",
      .bad = "bc_rttvar(s)",
      .bad_says = "the unit is ms or us" },
    INFO_ROW("fc_unacked", fetch_fc_unacked, "The segments sent to the client that it has not acknowledged."),
    INFO_ROW("fc_sacked", fetch_fc_sacked, "The segments that the client acknowledged out of order."),
    INFO_ROW("fc_lost", fetch_fc_lost, "The segments sent to the client that the kernel believes lost."),
    INFO_ROW("fc_retrans", fetch_fc_retrans, "The segments sent to the client again that wait for an answer."),
    INFO_ROW("fc_fackets", fetch_fc_fackets, "The kernel's count of forward acknowledged segments."),
    INFO_ROW("fc_reordering", fetch_fc_reordering, "How far segments may be out of order before they count as lost."),
    INFO_ROW("fc_http_major", fetch_fc_one, "The version of HTTP on the client's connection: 1."),
    INFO_ROW("fc_nb_streams", fetch_fc_one, "The streams on the client's connection: 1."),
    INFO_ROW("fc_settings_streams_limit", fetch_fc_one, "The streams it may carry at once: 1."),
    INFO_ROW("fc_glitches", fetch_fc_none, "The small faults of the client's connection; HTTP/1 counts none."),
    BACK_ROW("bc_http_major", fetch_bc_one, "The version of HTTP on the server's connection: 1."),
    BACK_ROW("bc_nb_streams", fetch_bc_one, "The streams on the server's connection: 1."),
    BACK_ROW("bc_settings_streams_limit", fetch_bc_one, "The streams it may carry at once: 1."),
    BACK_ROW("bc_glitches", fetch_bc_none, "The small faults of the server's connection; HTTP/1 counts none."),
    { .name = "bc_reused",
      .out = EXPR_BOOL,
      BACK,
      .fetch = fetch_bc_reused,
      .help = "Whether the connection to the server had served before.",
      .good = "bc_reused" },
};
EXPR_FETCHES(fetches);
