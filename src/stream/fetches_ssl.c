// SPDX-License-Identifier: Apache-2.0
// Fetches of TLS connections, the same for the client's and the server's: what the handshake came to.
#include "base/check.h"
#include "stream/ssl.h"
#include "tls/ask.h"
#include "transport/tls.h"

const struct tls_conn *stream_ssl_front(const struct expr_subject *subject)
{
    return ((const struct proxy_session *)subject->session)->tls;
}

const struct tls_conn *stream_ssl_back(const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct check_facts *check = subject->check;
    if (check)
        return transport_tls_of(check->conn);
    return stream && stream->back ? transport_tls_of(&stream->back->h1.conn) : NULL;
}

// ---- what was agreed on ---------------------------------------------------------------------------------------------

static bool ask_alg_keysize(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                            const struct expr_arg *args)
{
    (void)subject, (void)args;
    uint32_t bits = tls_cipher_bits(tls_conn_cipher_seen(tls), NULL);
    return bits && put_int(out, bits);
}

static bool ask_use_keysize(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                            const struct expr_arg *args)
{
    (void)subject, (void)args;
    uint32_t used = 0;
    tls_cipher_bits(tls_conn_cipher_seen(tls), &used);
    return used && put_int(out, used);
}

static bool ask_alpn(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                     const struct expr_arg *args)
{
    (void)subject, (void)args;
    return stream_ssl_put(out, tls_conn_alpn(tls));
}

static bool ask_cipher(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                       const struct expr_arg *args)
{
    (void)subject, (void)args;
    const char *name = tls_cipher_name(tls_conn_cipher_seen(tls));
    return put_str(out, name ? slice_str(name) : SLICE("(NONE)"));
}

static bool ask_curve(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                      const struct expr_arg *args)
{
    (void)subject, (void)args;
    return stream_ssl_put(out, slice_str(tls_group_name(tls->facts.group)));
}

static bool ask_protocol(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                         const struct expr_arg *args)
{
    (void)subject, (void)args;
    return stream_ssl_put(out, slice_str(tls_version_name(tls_conn_version_seen(tls))));
}

static bool ask_sni(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                    const struct expr_arg *args)
{
    (void)subject, (void)args;
    return stream_ssl_put(out, tls_conn_sni(tls));
}

// ---- what it can be told by -----------------------------------------------------------------------------------------

static bool ask_session_id(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                           const struct expr_arg *args)
{
    size_t room;
    uint8_t *at = (uint8_t *)expr_scratch_rest(&subject->process->scratch, &room);
    (void)args;
    return stream_ssl_put_made(subject, out, EXPR_BIN, tls_conn_session_id(tls, at, room));
}

static bool ask_session_key(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                            const struct expr_arg *args)
{
    size_t room;
    uint8_t *at = (uint8_t *)expr_scratch_rest(&subject->process->scratch, &room);
    (void)args;
    return stream_ssl_put_made(subject, out, EXPR_BIN, tls_conn_master_key(tls, at, room));
}

static bool ask_unique_id(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                          const struct expr_arg *args)
{
    size_t room;
    uint8_t *at = (uint8_t *)expr_scratch_rest(&subject->process->scratch, &room);
    (void)args;
    return room >= TLS_UNIQUE_MAX && stream_ssl_put_made(subject, out, EXPR_BIN, tls_conn_unique(tls, at));
}

static bool put_random(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                       bool of_client)
{
    size_t room;
    uint8_t *at = (uint8_t *)expr_scratch_rest(&subject->process->scratch, &room);
    return stream_ssl_put_made(subject, out, EXPR_BIN, tls_conn_random(tls, of_client, at, room));
}

static bool ask_client_random(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                              const struct expr_arg *args)
{
    (void)args;
    return put_random(subject, out, tls, true);
}

static bool ask_server_random(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,
                              const struct expr_arg *args)
{
    (void)args;
    return put_random(subject, out, tls, false);
}

// Secrets, as tune.ssl.keylog keeps them.
#define ASK_SECRET(name, which)                                                                                        \
    static bool ask_##name(struct expr_subject *subject, struct expr_sample *out, const struct tls_conn *tls,          \
                           const struct expr_arg *args)                                                                \
    {                                                                                                                  \
        (void)subject, (void)args;                                                                                     \
        return stream_ssl_put(out, tls_conn_secret(tls, which));                                                       \
    }

ASK_SECRET(client_early, TLS_SECRET_CLIENT_EARLY)
ASK_SECRET(client_handshake, TLS_SECRET_CLIENT_HANDSHAKE)
ASK_SECRET(server_handshake, TLS_SECRET_SERVER_HANDSHAKE)
ASK_SECRET(client_traffic, TLS_SECRET_CLIENT_TRAFFIC)
ASK_SECRET(server_traffic, TLS_SECRET_SERVER_TRAFFIC)
ASK_SECRET(exporter, TLS_SECRET_EXPORTER)
ASK_SECRET(early_exporter, TLS_SECRET_EARLY_EXPORTER)

// ---- both sides -----------------------------------------------------------------------------------------------------

#define BOTH(name)                                                                                                     \
    STREAM_SSL_SIDE(fetch_fc_##name, stream_ssl_front, ask_##name)                                                     \
    STREAM_SSL_SIDE(fetch_bc_##name, stream_ssl_back, ask_##name)

BOTH(alg_keysize)
BOTH(use_keysize)
BOTH(alpn)
BOTH(cipher)
BOTH(curve)
BOTH(protocol)
BOTH(sni)
BOTH(session_id)
BOTH(session_key)
BOTH(unique_id)
BOTH(client_random)
BOTH(server_random)
BOTH(client_early)
BOTH(client_handshake)
BOTH(server_handshake)
BOTH(client_traffic)
BOTH(server_traffic)
BOTH(exporter)
BOTH(early_exporter)

static bool fetch_fc(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_bool(out, stream_ssl_front(subject) != NULL);
}

static bool fetch_bc(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_bool(out, stream_ssl_back(subject) != NULL);
}

static bool fetch_fc_is_resumed(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    (void)args, (void)walk;
    return put_bool(out, tls && tls->facts.resumed);
}

static bool fetch_bc_is_resumed(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    const struct tls_conn *tls = stream_ssl_back(subject);
    (void)args, (void)walk;
    return put_bool(out, tls && tls->facts.resumed);
}

// ---- what went wrong ------------------------------------------------------------------------------------------------

static bool front_error(uint32_t *error, const struct expr_subject *subject)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    *error = tls ? tls->facts.error : 0;
    return tls != NULL;
}

// That of the connection there is, or of the last one that failed.
static bool back_error(uint32_t *error, const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct tls_conn *tls = stream_ssl_back(subject);
    *error = tls ? tls->facts.error : stream ? stream->back_tls_error : 0;
    return tls || *error;
}

static bool put_error_text(struct expr_subject *subject, struct expr_sample *out, uint32_t error)
{
    size_t room;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    return error && room >= TLS_ERROR_TEXT_MAX &&
           stream_ssl_put_made(subject, out, EXPR_STR, tls_error_text(at, error));
}

static bool fetch_fc_err(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    uint32_t error;
    (void)args, (void)walk;
    return front_error(&error, subject) && put_int(out, error);
}

static bool fetch_fc_err_str(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    uint32_t error;
    (void)args, (void)walk;
    return front_error(&error, subject) && put_error_text(subject, out, error);
}

static bool fetch_bc_err(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    uint32_t error;
    (void)args, (void)walk;
    return back_error(&error, subject) && put_int(out, error);
}

static bool fetch_bc_err_str(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                             struct expr_walk *walk)
{
    uint32_t error;
    (void)args, (void)walk;
    return back_error(&error, subject) && put_error_text(subject, out, error);
}

#define ROW(row, type, moments, fn, text, example)                                                                     \
    {                                                                                                                  \
        .name = row, .out = type, .when = moments, .fetch = fn, .help = text, .good = row example                      \
    }
#define FC(row, type, fn, text, example) ROW("ssl_fc_" row, type, STREAM_SSL_FROM_CLIENT, fetch_fc_##fn, text, example)
#define BC(row, type, fn, text, example)                                                                               \
    ROW("ssl_bc_" row, type, EXPR_FROM_SERVER | EXPR_AT_CHECK, fetch_bc_##fn, text, example)
#define PAIR(row, type, fn, text, example)                                                                             \
    FC(row, type, fn, text " in the client's TLS connection.", example),                                               \
        BC(row, type, fn, text " in the TLS connection to the server.", example)
#define SECRET(row, fn)                                                                                                \
    PAIR(row, EXPR_STR, fn, "The TLS 1.3 secret of this name in hex, where tune.ssl.keylog keeps it,", " -m found")

static const struct expr_fetch fetches[] = {
    ROW("ssl_fc", EXPR_BOOL, STREAM_SSL_FROM_CLIENT, fetch_fc,
        "Whether the client's connection came to a bind line with ssl.", ""),
    ROW("ssl_bc", EXPR_BOOL, EXPR_FROM_SERVER | EXPR_AT_CHECK, fetch_bc,
        "Whether the connection to the server speaks TLS.", ""),
    PAIR("alg_keysize", EXPR_INT, alg_keysize, "The bits of the key that the cipher's algorithm takes", " ge 128"),
    PAIR("use_keysize", EXPR_INT, use_keysize, "The bits of the key that are secret", " ge 128"),
    PAIR("alpn", EXPR_STR, alpn, "The protocol agreed on by ALPN (RFC 7301)", " http/1.1"),
    PAIR("cipher", EXPR_STR, cipher, "The cipher, by its name at OpenSSL, (NONE) where none was chosen,",
         " TLS_AES_128_GCM_SHA256"),
    PAIR("curve", EXPR_STR, curve, "The group of the key exchange, X25519 or P-256,", " X25519"),
    PAIR("protocol", EXPR_STR, protocol,
         "The version, TLSv1.2 or TLSv1.3 (the highest that was offered, where the handshake failed before one was "
         "agreed on),",
         " TLSv1.3"),
    FC("sni", EXPR_STR, sni, "The server name that the client asked for. It is not the one of its requests (Host).",
       " www.example.com"),
    BC("sni", EXPR_STR, sni, "The server name that was asked for at the server.", " www.example.com"),
    { .name = "ssl_fc_sni_end", .of = "ssl_fc_sni", .match = EXPR_MATCH_END, .help = "The end of ssl_fc_sni." },
    { .name = "ssl_fc_sni_reg", .of = "ssl_fc_sni", .match = EXPR_MATCH_REG, .help = "A regex for ssl_fc_sni." },
    PAIR("is_resumed", EXPR_BOOL, is_resumed, "Whether an earlier session was resumed", ""),
    PAIR("session_id", EXPR_BIN, session_id, "The identity of the session, which TLS 1.3 has none of,", " -m found"),
    PAIR("session_key", EXPR_BIN, session_key, "The session's master key", " -m found"),
    PAIR(
        "unique_id", EXPR_BIN, unique_id,
        "Bytes that are this connection's alone and known to both of its ends: tls-unique (RFC 5929 section 3), in TLS "
        "1.3, which has none, tls-exporter (RFC 9266),",
        " -m found"),
    PAIR("client_random", EXPR_BIN, client_random, "The random bytes of the ClientHello", " -m found"),
    PAIR("server_random", EXPR_BIN, server_random, "The random bytes of the ServerHello", " -m found"),
    SECRET("client_early_traffic_secret", client_early),
    SECRET("client_handshake_traffic_secret", client_handshake),
    SECRET("server_handshake_traffic_secret", server_handshake),
    SECRET("client_traffic_secret_0", client_traffic),
    SECRET("server_traffic_secret_0", server_traffic),
    SECRET("exporter_secret", exporter),
    SECRET("early_exporter_secret", early_exporter),
    FC("err", EXPR_INT, err,
       "The library's number of what went wrong in the client's TLS connection, 0: nothing. What the check of a "
       "certificate found stands in ssl_c_err and ssl_c_ca_err. The numbers are BoringSSL's, not OpenSSL's.",
       " gt 0"),
    FC("err_str", EXPR_STR, err_str, "Its text.", " -m sub UNSUPPORTED_PROTOCOL"),
    BC("err", EXPR_INT, err,
       "The library's number of what went wrong in the TLS connection to the server (the last one, after retries), 0: "
       "nothing. The numbers are BoringSSL's, not OpenSSL's.",
       " gt 0"),
    BC("err_str", EXPR_STR, err_str, "Its text.", " -m sub CERTIFICATE_VERIFY_FAILED"),
};
EXPR_FETCHES(fetches);
