// SPDX-License-Identifier: Apache-2.0
// Fetches of certificates: the client's, ours that it was shown, the server's. They ask the same of each.
#include <string.h>
#include <openssl/sha.h>
#include "expr/number.h"
#include "stream/ssl.h"
#include "tls/entry.h"
#include "tls/trust.h"
#include "tls/x509.h"

// Whose certificate.
enum whose { CLIENT, OURS, SERVER };

static struct slice leaf_of(const struct tls_conn *tls, enum whose whose)
{
    return tls_conn_cert(tls, whose != OURS, 0);
}

static bool read_leaf(struct tls_x509 *cert, const struct tls_conn *tls, enum whose whose)
{
    struct slice der = leaf_of(tls, whose);
    return der.len && tls_x509_read(cert, der);
}

// ---- names ----------------------------------------------------------------------------------------------------------

enum { ARG_ENTRY, ARG_OCCURRENCE, ARG_FORMAT };

static const char *prepare_name(struct config *config, struct expr_arg *args, uint32_t num)
{
    struct slice format = args[ARG_FORMAT].str;
    args[ARG_OCCURRENCE].num = 1;
    const char *wrong = num > ARG_OCCURRENCE && args[ARG_OCCURRENCE].str.len
                            ? expr_arg_number(config, &args[ARG_OCCURRENCE], INT32_MIN, INT32_MAX)
                            : NULL;
    if (wrong)
        return wrong;
    args[ARG_FORMAT].num = slice_equal(format, SLICE("rfc2253"));
    return format.len && !args[ARG_FORMAT].num ? "rfc2253 is the only format" : NULL;
}

static bool put_name(struct expr_subject *subject, struct expr_sample *out, struct slice name,
                     const struct expr_arg *args)
{
    struct slice value;
    size_t room;
    if (args[ARG_ENTRY].str.len)
        return tls_x509_name_entry(&value, name, args[ARG_ENTRY].str, args[ARG_OCCURRENCE].num) &&
               stream_ssl_put(out, value);
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    size_t len = args[ARG_FORMAT].num ? tls_x509_name_rfc2253(at, room, name) : tls_x509_name(at, room, name);
    return stream_ssl_put_made(subject, out, EXPR_STR, len);
}

static bool cert_s_dn(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                      enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    return read_leaf(&cert, tls, whose) && put_name(subject, out, cert.subject, args);
}

static bool cert_i_dn(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                      enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    return read_leaf(&cert, tls, whose) && put_name(subject, out, cert.issuer, args);
}

// Nobody keeps it: a rule that asks has the chain checked once more.
static bool ask_r_dn(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                     const struct expr_arg *args)
{
    size_t room;
    uint8_t *at = (uint8_t *)expr_scratch_rest(&subject->process->scratch, &room);
    if (!tls->entry || !tls->entry->trust || !tls->facts.version || tls->facts.verify)
        return false;
    size_t len = tls_trust_root(tls->entry->trust, tls->ssl, at, room);
    return len && put_name(subject, out, slice_of(expr_scratch_take(&subject->process->scratch, len), len), args);
}

static bool cert_san(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                     enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    size_t room;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    (void)args;
    return read_leaf(&cert, tls, whose) &&
           stream_ssl_put_made(subject, out, EXPR_STR, tls_x509_alt_names(at, room, &cert));
}

// ---- the rest of its fields -----------------------------------------------------------------------------------------

static bool cert_version(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                         enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && put_int(out, cert.version);
}

static bool cert_serial(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                        enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && put_bin(out, cert.serial);
}

static bool cert_key_alg(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                         enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && stream_ssl_put(out, tls_x509_algorithm(cert.key));
}

static bool cert_sig_alg(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                         enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && stream_ssl_put(out, tls_x509_algorithm(cert.signed_by));
}

static bool cert_notbefore(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                           enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && stream_ssl_put(out, tls_x509_time(cert.not_before));
}

static bool cert_notafter(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                          enum whose whose, const struct expr_arg *args)
{
    struct tls_x509 cert;
    (void)subject, (void)args;
    return read_leaf(&cert, tls, whose) && stream_ssl_put(out, tls_x509_time(cert.not_after));
}

// ---- the whole of it ------------------------------------------------------------------------------------------------

static bool cert_der(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                     enum whose whose, const struct expr_arg *args)
{
    struct slice der = leaf_of(tls, whose);
    (void)subject, (void)args;
    return der.len && put_bin(out, der);
}

// Of a client what it sent besides its own certificate; of a server all.
static bool cert_chain_der(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                           enum whose whose, const struct expr_arg *args)
{
    size_t room, len = 0;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    struct slice der;
    (void)args;
    for (uint32_t i = whose == CLIENT; (der = tls_conn_cert(tls, true, i)).len; i++) {
        if (der.len > room - len)
            return false;
        memcpy(at + len, der.ptr, der.len);
        len += der.len;
    }
    return stream_ssl_put_made(subject, out, EXPR_BIN, len);
}

static bool cert_sha1(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                      enum whose whose, const struct expr_arg *args)
{
    struct slice der = leaf_of(tls, whose);
    uint8_t *digest = der.len ? (uint8_t *)expr_scratch_take(&subject->process->scratch, SHA_DIGEST_LENGTH) : NULL;
    (void)args;
    if (!digest)
        return false;
    SHA1((const uint8_t *)der.ptr, der.len, digest);
    return put_bin(out, slice_of((const char *)digest, SHA_DIGEST_LENGTH));
}

// ---- each of the three ----------------------------------------------------------------------------------------------

#define ASK(name, prefix, side, whose)                                                                                 \
    static bool ask_##prefix##_##name(struct expr_subject *subject, struct expr_sample *out,                           \
                                      const struct tls_conn *tls, const struct expr_arg *args)                         \
    {                                                                                                                  \
        return cert_##name(subject, out, tls, whose, args);                                                            \
    }                                                                                                                  \
    STREAM_SSL_SIDE(fetch_##prefix##_##name, side, ask_##prefix##_##name)

#define ASK_PEERS(name) ASK(name, c, stream_ssl_front, CLIENT) ASK(name, s, stream_ssl_back, SERVER)
#define ASK_ALL(name)   ASK_PEERS(name) ASK(name, f, stream_ssl_front, OURS)

ASK_ALL(der)
ASK_ALL(i_dn)
ASK_ALL(s_dn)
ASK_ALL(key_alg)
ASK_ALL(sig_alg)
ASK_ALL(notbefore)
ASK_ALL(notafter)
ASK_ALL(serial)
ASK_ALL(sha1)
ASK_ALL(version)
ASK_PEERS(chain_der)
ASK_ALL(san)

STREAM_SSL_SIDE(fetch_c_r_dn, stream_ssl_front, ask_r_dn)

#define ROW(prefix, row, fn, type, moments, text, example)                                                             \
    {                                                                                                                  \
        .name = "ssl_" #prefix "_" row, .out = EXPR_##type, .when = moments, .fetch = fetch_##prefix##_##fn,           \
        .help = text, .good = "ssl_" #prefix "_" row example                                                           \
    }
#define NAME(prefix, row, moments, text)                                                                               \
    {                                                                                                                  \
        .name = "ssl_" #prefix "_" #row, .args = "[<entry>[,<occ>[,<format>]]]", .max_args = 3, .out = EXPR_STR,       \
        .when = moments, .prepare = prepare_name, .fetch = fetch_##prefix##_##row, .help = text,                       \
        .good = "ssl_" #prefix "_" #row "(CN) example", .bad = "ssl_" #prefix "_" #row "(CN,1,rfc1779)",               \
        .bad_says = "rfc2253 is the only format"                                                                       \
    }
#define NAME_ARGS                                                                                                      \
    ": in one line (/C=FR/CN=x), with the format rfc2253 as that says (CN=x,C=FR); with <entry> the value of that "    \
    "type, its occurrence <occ> from the start or, negative, from the end. Nothing where a value holds a zero byte."
#define ROWS(prefix, moments, whose)                                                                                   \
    ROW(prefix, "der", der, BIN, moments, "The certificate of " whose ", DER.", " -m found"),                          \
        NAME(prefix, i_dn, moments, "The issuer's name in the certificate of " whose NAME_ARGS),                       \
        NAME(prefix, s_dn, moments, "The subject's name in the certificate of " whose NAME_ARGS),                      \
        ROW(prefix, "key_alg", key_alg, STR, moments, "The algorithm of the key in the certificate of " whose ".",     \
            " rsaEncryption"),                                                                                         \
        ROW(prefix, "sig_alg", sig_alg, STR, moments,                                                                  \
            "The algorithm that the certificate of " whose " is signed with.", " RSA-SHA256"),                         \
        ROW(prefix, "notbefore", notbefore, STR, moments,                                                              \
            "When the certificate of " whose " begins to hold, as YYMMDDhhmmssZ.", " -m beg 26"),                      \
        ROW(prefix, "notafter", notafter, STR, moments, "When the certificate of " whose " ends, as YYMMDDhhmmssZ.",   \
            " -m beg 26"),                                                                                             \
        ROW(prefix, "serial", serial, BIN, moments, "The serial number of the certificate of " whose ".",              \
            ",hex 8A0102"),                                                                                            \
        ROW(prefix, "sha1", sha1, BIN, moments, "The SHA-1 of the certificate of " whose ".",                          \
            ",hex 7A5812748D7206193EE8EE5BC736B85CB14D1E22"),                                                          \
        ROW(prefix, "version", version, INT, moments, "The version of the certificate of " whose ".", " 3"),           \
        ROW(prefix, "san", san, STR, moments,                                                                          \
            "The alternative names in the certificate of " whose ": \"DNS:a.test, IP Address:127.0.0.1\".",            \
            " -m sub DNS:a.test")

static const struct expr_fetch fetches[] = {
    ROWS(c, STREAM_SSL_FROM_CLIENT, "the client"),
    ROWS(f, STREAM_SSL_FROM_CLIENT, "this side, as the client was shown it"),
    ROWS(s, EXPR_FROM_SERVER, "the server"),
    NAME(c, r_dn, STREAM_SSL_FROM_CLIENT,
         "The name of the root that the certificate of the client leads to, where its check "
         "found nothing wrong" NAME_ARGS),
    ROW(c, "chain_der", chain_der, BIN, STREAM_SSL_FROM_CLIENT,
        "The certificates that the client sent besides its own, DER, one behind the other.", " -m found"),
    ROW(s, "chain_der", chain_der, BIN, EXPR_FROM_SERVER,
        "The certificates that the server sent, its own first, DER, one behind the other.", " -m found"),
};
EXPR_FETCHES(fetches);
