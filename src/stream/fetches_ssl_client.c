// SPDX-License-Identifier: Apache-2.0
// Fetches of the client's side alone: what the check of its certificate found, early data; and the converter of the
// numbers that such a check gives.
#include "base/check.h"
#include "expr/conv.h"
#include "stream/ssl.h"
#include "tls/trust.h"

// ---- the check of the client's certificate --------------------------------------------------------------------------

static bool ask_err(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                    const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_int(out, tls->facts.crt_error);
}

static bool ask_ca_err(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                       const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_int(out, tls->facts.ca_error);
}

static bool ask_ca_err_depth(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                             const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_int(out, tls->facts.ca_depth);
}

// Without a whole handshake there is no verdict.
static bool ask_verify(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                       const struct expr_arg *args)
{
    (void)subject, (void)args;
    return tls->facts.version && put_int(out, tls->facts.verify);
}

static bool ask_used(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                     const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_bool(out, tls_conn_cert(tls, true, 0).len > 0);
}

static bool ask_has_crt(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                        const struct expr_arg *args)
{
    (void)subject, (void)args;
    return tls->facts.version && put_bool(out, tls->facts.has_cert);
}

// ---- what came first ------------------------------------------------------------------------------------------------

static bool ask_has_early(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                          const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_bool(out, tls->facts.early_pending);
}

static bool ask_early_rcvd(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                           const struct expr_arg *args)
{
    (void)subject, (void)args;
    return put_bool(out, tls->facts.early);
}

static bool fetch_has_sni(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    (void)args, (void)walk;
    return put_bool(out, tls && tls_conn_sni(tls).len);
}

#define FRONT(name) STREAM_SSL_SIDE(fetch_##name, stream_ssl_front, ask_##name)

FRONT(err)
FRONT(ca_err)
FRONT(ca_err_depth)
FRONT(verify)
FRONT(used)
FRONT(has_crt)
FRONT(has_early)
FRONT(early_rcvd)

#define ROW(row, type, fn, text, example)                                                                              \
    {                                                                                                                  \
        .name = row, .out = EXPR_##type, .when = STREAM_SSL_FROM_CLIENT, .fetch = fetch_##fn, .help = text,            \
        .good = row example                                                                                            \
    }

static const struct expr_fetch fetches[] = {
    ROW("ssl_c_err", INT, err,
        "What the check of the client's certificate found wrong with the certificate itself: an "
        "X509_V_ERR number (x509_v_err_str names it), 0 for nothing.",
        " 10"),
    ROW("ssl_c_ca_err", INT, ca_err, "What it found wrong first with the chain above it, 0 for nothing.", " 19"),
    ROW("ssl_c_ca_err_depth", INT, ca_err_depth, "How far up the chain that was, 0 where nothing was.", " 1"),
    ROW("ssl_c_verify", INT, verify,
        "What the check of the client's certificate came to: its last error, ignored or not, or 0.", " 0"),
    ROW("ssl_c_used", BOOL, used, "Whether the client has a certificate, be it through a session that was resumed.",
        ""),
    ROW("ssl_fc_has_crt", BOOL, has_crt, "Whether the client sent a certificate in this connection.", ""),
    ROW("ssl_fc_has_sni", BOOL, has_sni, "Whether the client asked for a server name.", ""),
    ROW("ssl_fc_has_early", BOOL, has_early,
        "Whether what came is early data, whose sender a handshake has not proven yet: it may be a replay.", ""),
    ROW("ssl_fc_early_rcvd", BOOL, early_rcvd, "Whether early data came and was taken, however long ago.", ""),
};
EXPR_FETCHES(fetches);

// ---- numbers of errors ----------------------------------------------------------------------------------------------

static bool convert_error(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    int64_t num = sample->num;
    (void)args;
    const char *name = num >= 0 && num <= INT16_MAX ? tls_verify_error_name((int)num) : NULL;
    if (name)
        return put_str(sample, slice_str(name));
    char *scratch = expr_scratch_take(&subject->process->scratch, EXPR_TEXT_LEN);
    return scratch && put_str(sample, expr_int_text(scratch, num));
}

static const struct expr_conv converters[] = {
    { .name = "x509_v_err_str",
      .in = EXPR_INT,
      .out = EXPR_STR,
      .convert = convert_error,
      .help = "The name of the X509_V_ERR constant for a number that ssl_c_verify and its kin give; the number itself "
              "where there is none.",
      .good = "int(10),x509_v_err_str",
      .gives = "X509_V_ERR_CERT_HAS_EXPIRED" },
};
EXPR_CONVERTERS(converters);
