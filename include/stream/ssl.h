// SPDX-License-Identifier: Apache-2.0
// What the files of fetches about TLS share: whose connection is asked about, and values made in the scratch. Private
// to the area; runs in workers, reads only.
#pragma once

#include "expr/put.h"
#include "stream/act.h"
#include "tls/conn.h"

// When the client's connection has been through its handshake.
#define STREAM_SSL_FROM_CLIENT (EXPR_FROM_CONNECT & ~EXPR_AT_CONNECT)

// stream_ssl_front gives the client's connection; NULL where it is plain.
const struct tls_conn *stream_ssl_front(const struct expr_subject *subject);

// stream_ssl_back gives the server's; NULL where it is plain, or not there.
const struct tls_conn *stream_ssl_back(const struct expr_subject *subject);

// A fetch in two halves: of one side, for a table of rows that ask the same of both.
typedef bool stream_ssl_fn(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                           const struct expr_arg *args);

// STREAM_SSL_SIDE defines the fetch `name` that asks `ask`, of the form above, about the side that `side` gives.
#define STREAM_SSL_SIDE(name, side, ask)                                                                               \
    static bool name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,               \
                     struct expr_walk *walk)                                                                           \
    {                                                                                                                  \
        const struct tls_conn *tls = side(subject);                                                                    \
        (void)walk;                                                                                                    \
        return tls && ask(subject, out, tls, args);                                                                    \
    }

// stream_ssl_put gives the text `str`; false where it is empty.
static inline bool stream_ssl_put(struct expr_sample *out, struct slice str)
{
    return str.len && put_str(out, str);
}

// stream_ssl_put_made gives the first `len` bytes of the scratch's rest, which were just written there, as a sample of
// `type`; false where there are none.
static inline bool stream_ssl_put_made(struct expr_subject *subject, struct expr_sample *out, enum expr_type type,
                                       size_t len)
{
    if (!len)
        return false;
    *out =
        (struct expr_sample){ .type = type, .str = slice_of(expr_scratch_take(&subject->process->scratch, len), len) };
    return true;
}
