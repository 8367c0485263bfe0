// SPDX-License-Identifier: Apache-2.0
// Facts that a stream has of its connection.
#include <sys/socket.h>
#include "expr/fetch.h"
#include "stream/steps.h"

static bool put_str(struct expr_sample *out, struct slice str)
{
    *out = (struct expr_sample){ .type = EXPR_STR, .str = str };
    return true;
}

static bool put_addr(struct expr_sample *out, const struct transport_address *addr)
{
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return false;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = addr->family == AF_INET ? 4 : 6 } };
    memcpy(out->addr.bytes, addr->ip, addr->family == AF_INET ? 4 : 16);
    return true;
}

static bool put_int(struct expr_sample *out, int64_t num)
{
    *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
    return true;
}

static bool fetch_src(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_addr(out, &stream->session->src);
}

static bool fetch_src_port(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->src.port);
}

static bool fetch_dst(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_addr(out, proxy_session_dst(stream->session));
}

static bool fetch_dst_port(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, proxy_session_dst(stream->session)->port);
}

static bool fetch_fe_name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_str(out, slice_str(stream->session->conf->name));
}

static bool fetch_fe_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->conf->id);
}

static bool fetch_so_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    const struct stream *stream = subject->stream;
    (void)args, (void)walk;
    return put_int(out, stream->session->bind->id);
}

static const struct expr_fetch fetches[] = {
    { .name = "src",
      .out = EXPR_ADDR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_src,
      .help = "The client's address, as the PROXY protocol or the connection says.",
      .good = "src 127.0.0.0/8" },
    { .name = "src_port",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_src_port,
      .help = "The client's port.",
      .good = "src_port gt 1023" },
    { .name = "dst",
      .out = EXPR_ADDR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_dst,
      .help = "The address the client connected to.",
      .good = "dst 127.0.0.1" },
    { .name = "dst_port",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_dst_port,
      .help = "The port the client connected to.",
      .good = "dst_port 80 443" },
    { .name = "fe_name",
      .out = EXPR_STR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_fe_name,
      .help = "The name of the frontend that accepted the connection.",
      .good = "fe_name www" },
    { .name = "fe_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_fe_id,
      .help = "The number of the frontend that accepted the connection.",
      .good = "fe_id 1" },
    { .name = "so_id",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_so_id,
      .help = "The number of the listening socket (bind option id).",
      .good = "so_id 1" },
};
EXPR_FETCHES(fetches);
