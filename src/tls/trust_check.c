// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "trust_inner.h"

// One check, as the library calls back for each error it finds.
struct check {
    const struct tls_expect *expect;
    struct tls_verdict verdict;
    bool self_issued; // the leaf is its own issuer, and was reported as that
};

// The first error of each kind is kept, ignored or not: logs tell of it, and rules may ask.
static bool note_error(struct check *check, int code, int depth)
{
    struct tls_verdict *verdict = &check->verdict;
    const struct tls_errors *ignored;
    uint8_t level = (uint8_t)(depth < UINT8_MAX ? depth : UINT8_MAX);
    verdict->last = (int16_t)code;
    verdict->depth = level;
    if (depth > 0) {
        if (!verdict->ca_error) {
            verdict->ca_error = (int16_t)code;
            verdict->ca_depth = level;
        }
        ignored = check->expect->ca_ignore;
    } else {
        if (!verdict->crt_error)
            verdict->crt_error = (int16_t)code;
        ignored = check->expect->crt_ignore;
    }
    return ignored && tls_errors_has(ignored, code);
}

// The library ends its check with an ignored "cannot verify the leaf's signature", and leaves out the leaf's dates.
static bool dates_hold(struct check *check, const X509 *leaf)
{
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) >= 0 && !note_error(check, X509_V_ERR_CERT_NOT_YET_VALID, 0))
        return false;
    return X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0 || note_error(check, X509_V_ERR_CERT_HAS_EXPIRED, 0);
}

// To this library a certificate that may not sign others is never self-signed, and so one without an issuer; to
// OpenSSL, whose codes configurations name, it is.
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    struct check *check = X509_STORE_CTX_get_app_data(ctx);
    int code = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    if (ok)
        return 1;
    if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && depth == 0 &&
        X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0) {
        check->self_issued = true;
        code = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
    }
    if (code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE && depth == 0)
        return (check->self_issued || note_error(check, code, depth)) && dates_hold(check, cert);
    return note_error(check, code, depth);
}

static bool fail(struct check *check, int code)
{
    note_error(check, code, 0);
    return false;
}

// The certificates that came with the leaf: they may help to build a chain, and prove nothing.
static STACK_OF(X509) * read_untrusted(const STACK_OF(CRYPTO_BUFFER) * chain)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    for (size_t i = 1; certs && i < sk_CRYPTO_BUFFER_num(chain); i++) {
        X509 *cert = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i));
        if (cert && !sk_X509_push(certs, cert))
            X509_free(cert);
    }
    return certs;
}

static bool set_host(X509_STORE_CTX *ctx, struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    if (!host.len)
        return true;
    if (host.len < sizeof(text)) {
        memcpy(text, host.ptr, host.len);
        text[host.len] = '\0';
        if (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1)
            return X509_VERIFY_PARAM_set1_ip_asc(param, text);
    }
    return X509_VERIFY_PARAM_set1_host(param, host.ptr, host.len);
}

static bool run(struct check *check, X509_STORE_CTX *ctx, const struct tls_trust *trust, X509 *leaf,
                STACK_OF(X509) * untrusted)
{
    if (!X509_STORE_CTX_init(ctx, trust->store, leaf, untrusted) ||
        !X509_STORE_CTX_set_default(ctx, check->expect->is_server ? "ssl_server" : "ssl_client") ||
        !X509_STORE_CTX_set_app_data(ctx, check) || !set_host(ctx, check->expect->host))
        return fail(check, X509_V_ERR_OUT_OF_MEM);
    X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    if (X509_verify_cert(ctx) > 0)
        return true;
    // Some errors end the check without a call back, and are at no depth that one could trust.
    if (!check->verdict.crt_error && !check->verdict.ca_error) {
        int code = X509_STORE_CTX_get_error(ctx);
        note_error(check, code ? code : X509_V_ERR_UNSPECIFIED, 0);
    }
    return false;
}

// The subject of the certificate that the chain which was built ends with.
static size_t write_root(uint8_t *out, size_t cap, X509_STORE_CTX *ctx)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    size_t num = chain ? sk_X509_num(chain) : 0;
    X509_NAME *name = num ? X509_get_subject_name(sk_X509_value(chain, num - 1)) : NULL;
    int len = name ? i2d_X509_NAME(name, NULL) : 0;
    return len > 0 && (size_t)len <= cap ? (size_t)i2d_X509_NAME(name, &out) : 0;
}

// With `root_len` the subject of the root goes to `root`, which has room for `*root_len` bytes.
static void check_chain(struct check *check, const struct tls_trust *trust, struct ssl_st *ssl, uint8_t *root,
                        size_t *root_len)
{
    const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(ssl);
    if (!chain || !sk_CRYPTO_BUFFER_num(chain)) {
        fail(check, X509_V_ERR_UNSPECIFIED);
        return;
    }
    X509 *leaf = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, 0));
    STACK_OF(X509) *untrusted = leaf ? read_untrusted(chain) : NULL;
    X509_STORE_CTX *ctx = untrusted ? X509_STORE_CTX_new() : NULL;
    if (ctx)
        check->verdict.ok = run(check, ctx, trust, leaf, untrusted);
    else
        fail(check, leaf ? X509_V_ERR_OUT_OF_MEM : X509_V_ERR_UNSPECIFIED);
    if (root_len)
        *root_len = check->verdict.ok ? write_root(root, *root_len, ctx) : 0;
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(untrusted, X509_free);
    X509_free(leaf);
    ERR_clear_error();
}

struct tls_verdict tls_trust_check(const struct tls_trust *trust, struct ssl_st *ssl, const struct tls_expect *expect)
{
    struct check check = { .expect = expect };
    check_chain(&check, trust, ssl, NULL, NULL);
    return check.verdict;
}

size_t tls_trust_root(const struct tls_trust *trust, struct ssl_st *ssl, uint8_t *out, size_t cap)
{
    const struct tls_expect client = { 0 };
    struct check check = { .expect = &client };
    size_t len = cap;
    check_chain(&check, trust, ssl, out, &len);
    return check.verdict.ok ? len : 0;
}
