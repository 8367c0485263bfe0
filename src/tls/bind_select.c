// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "bind_inner.h"
#include "tls/trust.h"
#include "hello_inner.h"

static bool can_sign(const struct tls_hello_view *view, const struct tls_entry *entry, bool is_13)
{
    uint8_t type = entry->cert->key_type;
    if (!((is_13 ? view->can_13 : view->can_12) & 1u << type))
        return false;
    // In TLS 1.3 an algorithm names the curve of the key.
    if (!is_13 || type != TLS_KEY_ECDSA)
        return true;
    switch (entry->cert->key_curve) {
    case SSL_CURVE_SECP256R1:
        return view->curves_13 & TLS_VIEW_P256;
    case SSL_CURVE_SECP384R1:
        return view->curves_13 & TLS_VIEW_P384;
    case SSL_CURVE_SECP521R1:
        return view->curves_13 & TLS_VIEW_P521;
    default:
        return true;
    }
}

static bool speaks_13(const struct tls_hello_view *view, const struct tls_conf *conf)
{
    return view->version >= TLS_VERSION_13 && conf->max_version >= TLS_VERSION_13;
}

static const struct tls_entry *look_up(const struct tls_bind *bind, struct slice name, uint32_t can)
{
    const struct tls_entry *entry = tls_names_find(bind->names, name, can);
    return entry || bind->said->strict_sni ? entry : tls_names_default(bind->names, can);
}

// The version that an entry allows decides what the client can check, and so which of a name's entries it is.
static const struct tls_entry *find_entry(const struct tls_bind *bind, const struct tls_hello_view *view,
                                          struct slice name)
{
    bool is_13 = speaks_13(view, &bind->base);
    const struct tls_entry *entry = look_up(bind, name, is_13 ? view->can_13 : view->can_12);
    if (!entry || can_sign(view, entry, is_13 = speaks_13(view, &entry->conf)))
        return entry;
    uint32_t can = (is_13 ? view->can_13 : view->can_12) & ~(1u << entry->cert->key_type);
    const struct tls_entry *other = look_up(bind, name, can);
    return other && can_sign(view, other, speaks_13(view, &other->conf)) ? other : entry;
}

static bool apply_versions(SSL *ssl, const struct tls_conf *conf, const struct tls_conf *base)
{
    return (conf->min_version == base->min_version || SSL_set_min_proto_version(ssl, conf->min_version)) &&
           (conf->max_version == base->max_version || SSL_set_max_proto_version(ssl, conf->max_version));
}

static bool apply_groups(SSL *ssl, const struct tls_conf *conf, const struct tls_conf *base)
{
    if (conf->groups == base->groups)
        return true;
    int nids[TLS_GROUPS_MAX];
    size_t num = tls_bind_groups(nids, conf);
    return SSL_set1_curves(ssl, nids, num);
}

// A client whose first choice is ChaCha20 has no instructions for AES, most often a telephone: then it comes first
// here, too (OpenSSL's SSL_OP_PRIORITIZE_CHACHA). `out` gets the names of `list` with those before the others.
static bool chacha_first(char *out, size_t cap, const char *list)
{
    size_t len = strlen(list), at = 0;
    if (len >= cap || strpbrk(list, "[|"))
        return false;
    for (int rest = 0; rest < 2; rest++)
        for (struct slice left = slice_of(list, len); left.len;) {
            struct slice name = slice_of(left.ptr, slice_find(left, ':'));
            left = slice_from(left, name.len + 1);
            if (rest == (memmem(name.ptr, name.len, "CHACHA20", 8) == NULL)) {
                memcpy(out + at, name.ptr, name.len);
                at += name.len;
                out[at++] = ':';
            }
        }
    out[at ? at - 1 : 0] = '\0';
    return true;
}

static bool apply_ciphers(SSL *ssl, const struct tls_hello_view *view, const struct tls_entry *entry)
{
    const struct tls_conf *conf = &entry->conf;
    char list[1024];
    if (view->likes_chacha && conf->client_ciphers != TLS_YES && chacha_first(list, sizeof(list), conf->ciphers))
        return SSL_set_strict_cipher_list(ssl, list);
    return strcmp(conf->ciphers, entry->cert->ciphers) == 0 || SSL_set_strict_cipher_list(ssl, conf->ciphers);
}

static void apply_options(SSL *ssl, const struct tls_conf *conf, const struct tls_conf *base)
{
    uint32_t options = tls_bind_options(conf);
    if (options == tls_bind_options(base))
        return;
    SSL_clear_options(ssl, TLS_BIND_OPTIONS & ~options);
    SSL_set_options(ssl, options);
}

static CRYPTO_BUFFER *borrow_buffer(const CRYPTO_BUFFER *buffer)
{
    CRYPTO_BUFFER_up_ref((CRYPTO_BUFFER *)buffer);
    return (CRYPTO_BUFFER *)buffer;
}

// What clients are asked for. Names of authorities are copied, for the library takes them: each is a reference.
static bool apply_trust(SSL *ssl, const struct tls_entry *entry)
{
    const struct tls_conf *conf = &entry->conf;
    if (!entry->trust)
        return true;
    int required = conf->verify == TLS_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_set_custom_verify(ssl, SSL_VERIFY_PEER | required, tls_bind_verify);
    if (conf->num_client_sigalgs &&
        !SSL_set_verify_algorithm_prefs(ssl, conf->client_sigalgs, conf->num_client_sigalgs))
        return false;
    if (conf->ca_names == TLS_NO)
        return true;
    const STACK_OF(CRYPTO_BUFFER) *names = tls_trust_names(entry->trust);
    STACK_OF(CRYPTO_BUFFER) *copy = sk_CRYPTO_BUFFER_deep_copy(names, borrow_buffer, CRYPTO_BUFFER_free);
    if (!copy)
        return false;
    SSL_set0_client_CAs(ssl, copy);
    return true;
}

// After SSL_set_SSL_CTX the connection has the certificate's settings and session id context and of the rest those of
// the bind; ciphers are read from the certificate's context as they are used, and only below TLS 1.3.
static bool apply(SSL *ssl, const struct tls_bind *bind, const struct tls_entry *entry,
                  const struct tls_hello_view *view)
{
    const struct tls_conf *conf = &entry->conf, *base = &bind->base;
    if (!SSL_set_SSL_CTX(ssl, entry->cert->ctx) ||
        !SSL_set_session_id_context(ssl, tls_entry_context(entry), sizeof(entry->session_context)) ||
        !apply_versions(ssl, conf, base) || !apply_groups(ssl, conf, base) || !apply_trust(ssl, entry))
        return false;
    if (!speaks_13(view, conf) && !apply_ciphers(ssl, view, entry))
        return false;
    if (conf->num_sigalgs && !SSL_set_signing_algorithm_prefs(ssl, conf->sigalgs, conf->num_sigalgs))
        return false;
    apply_options(ssl, conf, base);
    if (conf->early_data == TLS_YES)
        SSL_set_early_data_enabled(ssl, 1);
    return true;
}

// Refused early data says nothing against that of the next connection, which the new ticket is for.
int tls_bind_chosen(const SSL_CLIENT_HELLO *hello)
{
    if (tls_conn_of(hello->ssl)->early_refused)
        SSL_set_early_data_enabled(hello->ssl, 1);
    return 1;
}

enum ssl_verify_result_t tls_bind_verify(SSL *ssl, uint8_t *alert)
{
    struct tls_conn *conn = tls_conn_of(ssl);
    const struct tls_conf *conf = &conn->entry->conf;
    struct tls_expect expect = { .ca_ignore = &conf->ca_ignore, .crt_ignore = &conf->crt_ignore };
    struct tls_verdict verdict = tls_trust_check(conn->entry->trust, ssl, &expect);
    tls_conn_verdict(conn, &verdict);
    *alert = (uint8_t)SSL_alert_from_verify_result(verdict.last);
    return verdict.ok ? ssl_verify_ok : ssl_verify_invalid;
}

// The library would answer handshake_failure; what was sent first stands.
static enum ssl_select_cert_result_t refuse(struct tls_conn *conn, uint8_t alert, const char *why)
{
    conn->failure = why;
    SSL_send_fatal_alert(conn->ssl, alert);
    return ssl_select_cert_error;
}

enum ssl_select_cert_result_t tls_bind_select(const SSL_CLIENT_HELLO *hello)
{
    SSL *ssl = hello->ssl;
    struct tls_conn *conn = tls_conn_of(ssl);
    const struct tls_bind *bind = conn->bind;
    struct tls_hello_view view;
    tls_hello_look(&view, hello);
    conn->facts.offered = view.version;
    conn->early_offered = view.early_data;
    if (bind->global->keep_hello)
        conn->hello = tls_hello_capture(hello, bind->global->capture_len ? bind->global->capture_len : UINT16_MAX);
    struct slice name = slice_str(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    const struct tls_entry *entry = find_entry(bind, &view, name);
    if (!entry)
        return refuse(conn, SSL_AD_UNRECOGNIZED_NAME,
                      name.len ? "no certificate is for the name the client asked for (strict-sni)"
                               : "the client asked for no name (strict-sni)");
    tls_entry_release(conn->entry);
    tls_cert_release(conn->cert);
    conn->entry = tls_entry_get1(entry);
    conn->cert = tls_cert_get1(entry->cert);
    if (!apply(ssl, bind, entry, &view))
        return refuse(conn, SSL_AD_INTERNAL_ERROR, "out of memory");
    return ssl_select_cert_success;
}

int tls_bind_alpn(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in, unsigned in_len, void *arg)
{
    (void)arg;
    const struct tls_entry *entry = tls_conn_of(ssl)->entry;
    struct slice ours = entry->conf.alpn;
    uint8_t *chosen;
    if (!ours.len || SSL_select_next_proto(&chosen, out_len, (const uint8_t *)ours.ptr, (unsigned)ours.len, in,
                                           in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}
