// SPDX-License-Identifier: Apache-2.0
// The %aliases that tell of the client's TLS connection.
#include <string.h>
#include "expr/format.h"
#include "stream/ssl.h"
#include "tls/ask.h"

static bool alias_sslc(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    const char *name = tls ? tls_cipher_name(tls_conn_cipher_seen(tls)) : NULL;
    (void)item;
    return tls && put_str(out, name ? slice_str(name) : SLICE("(NONE)"));
}

static bool alias_sslv(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    (void)item;
    return tls && stream_ssl_put(out, slice_str(tls_version_name(tls_conn_version_seen(tls))));
}

static bool alias_ft(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    const struct proxy_session *session = subject->session;
    struct slice name = slice_str(session->conf->name);
    char *marked = session->tls ? expr_scratch_take(&subject->process->scratch, name.len + 1) : NULL;
    (void)item;
    if (!marked)
        return put_str(out, name);
    memcpy(marked, name.ptr, name.len);
    marked[name.len] = '~';
    return put_str(out, slice_of(marked, name.len + 1));
}

#define ROW(text, function, what)                                                                                      \
    {                                                                                                                  \
        .name = text, .out = EXPR_STR, .when = EXPR_FROM_CONNECT, .get = function, .help = what                        \
    }

static const struct expr_alias aliases[] = {
    ROW("ft", alias_ft, "name of the frontend, with '~' behind it for TLS"),
    ROW("sslc", alias_sslc, "TLS cipher of the client's connection, (NONE) where none was chosen"),
    ROW("sslv", alias_sslv, "TLS version of the client's connection, of a handshake that failed the highest offered"),
};
EXPR_ALIASES(aliases);
