// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/bytestring.h>
#include "base/check.h"
#include "tls/fingerprint.h"
#include "hello_inner.h"

static bool extension(CBS *body, const SSL_CLIENT_HELLO *hello, uint16_t type)
{
    const uint8_t *data;
    size_t len;
    if (!SSL_early_callback_ctx_extension_get(hello, type, &data, &len))
        return false;
    CBS_init(body, data, len);
    return true;
}

static uint16_t highest_version(const SSL_CLIENT_HELLO *hello)
{
    CBS body, list;
    uint16_t highest = 0, version;
    if (!extension(&body, hello, TLSEXT_TYPE_supported_versions) || !CBS_get_u8_length_prefixed(&body, &list))
        return hello->version < TLS1_2_VERSION ? hello->version : TLS1_2_VERSION;
    while (CBS_get_u16(&list, &version))
        if (!tls_hello_is_grease(version) && version > highest)
            highest = version;
    return highest;
}

static void look_at_scheme(struct tls_hello_view *view, uint16_t scheme)
{
    switch (scheme) {
    case SSL_SIGN_ECDSA_SECP256R1_SHA256:
        view->curves_13 |= TLS_VIEW_P256;
        break;
    case SSL_SIGN_ECDSA_SECP384R1_SHA384:
        view->curves_13 |= TLS_VIEW_P384;
        break;
    case SSL_SIGN_ECDSA_SECP521R1_SHA512:
        view->curves_13 |= TLS_VIEW_P521;
        break;
    case SSL_SIGN_ECDSA_SHA1:
        view->can_12 |= TLS_CAN_ECDSA;
        return;
    case SSL_SIGN_RSA_PSS_RSAE_SHA256:
    case SSL_SIGN_RSA_PSS_RSAE_SHA384:
    case SSL_SIGN_RSA_PSS_RSAE_SHA512:
        view->can_13 |= TLS_CAN_RSA;
        view->can_12 |= TLS_CAN_RSA;
        return;
    case SSL_SIGN_RSA_PKCS1_SHA256:
    case SSL_SIGN_RSA_PKCS1_SHA384:
    case SSL_SIGN_RSA_PKCS1_SHA512:
    case SSL_SIGN_RSA_PKCS1_SHA1:
        view->can_12 |= TLS_CAN_RSA;
        return;
    case SSL_SIGN_ED25519:
        view->can_13 |= TLS_CAN_ED25519;
        view->can_12 |= TLS_CAN_ED25519;
        return;
    default:
        return;
    }
    view->can_13 |= TLS_CAN_ECDSA;
    view->can_12 |= TLS_CAN_ECDSA;
}

// The first one that is any: numbers of RFC 8701 and those that are no ciphers may stand before.
static bool chacha_is_first(const SSL_CLIENT_HELLO *hello)
{
    CBS list;
    uint16_t number;
    CBS_init(&list, hello->cipher_suites, hello->cipher_suites_len);
    while (CBS_get_u16(&list, &number)) {
        const SSL_CIPHER *cipher = SSL_get_cipher_by_value(number);
        if (cipher)
            return SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305;
    }
    return false;
}

// Below TLS 1.3 a cipher says what signs: RFC 5246 appendix A.5, RFC 8422 section 6, RFC 5289, RFC 7905.
static uint8_t can_of_ciphers(const SSL_CLIENT_HELLO *hello)
{
    uint8_t can = 0;
    CBS list;
    uint16_t number;
    CBS_init(&list, hello->cipher_suites, hello->cipher_suites_len);
    while (can != (TLS_CAN_RSA | TLS_CAN_ECDSA | TLS_CAN_ED25519) && CBS_get_u16(&list, &number)) {
        const SSL_CIPHER *cipher = SSL_get_cipher_by_value(number);
        if (!cipher)
            continue;
        switch (SSL_CIPHER_get_auth_nid(cipher)) {
        case NID_auth_rsa:
            can |= TLS_CAN_RSA;
            break;
        case NID_auth_ecdsa:
            can |= TLS_CAN_ECDSA | TLS_CAN_ED25519;
            break;
        default:
            break;
        }
    }
    return can;
}

void tls_hello_look(struct tls_hello_view *view, const SSL_CLIENT_HELLO *hello)
{
    CBS body, list;
    uint16_t scheme;
    *view = (struct tls_hello_view){ .version = highest_version(hello) };
    view->likes_chacha = chacha_is_first(hello);
    view->early_data = extension(&body, hello, TLSEXT_TYPE_early_data);
    if (!extension(&body, hello, TLSEXT_TYPE_signature_algorithms) || !CBS_get_u16_length_prefixed(&body, &list))
        // RFC 5246 section 7.4.1.4.1: then it can do SHA-1.
        view->can_12 = TLS_CAN_RSA | TLS_CAN_ECDSA;
    else
        while (CBS_get_u16(&list, &scheme))
            look_at_scheme(view, scheme);
    view->can_12 &= can_of_ciphers(hello);
}

// The runs of struct tls_hello, where they stand in the ClientHello.
enum { RUN_CIPHERS, RUN_EXTENSIONS, RUN_GROUPS, RUN_FORMATS, RUN_SIGALGS, RUN_ALPN, RUN_VERSIONS, NUM_RUNS };

static const struct {
    int8_t prefix; // bytes of the length before the list
    uint8_t unit;  // of an element that is not to be cut
    uint16_t type;
} lists[NUM_RUNS] = {
    [RUN_GROUPS] = { 2, 2, TLSEXT_TYPE_supported_groups },
    [RUN_FORMATS] = { 1, 1, TLSEXT_TYPE_ec_point_formats },
    [RUN_SIGALGS] = { 2, 2, TLSEXT_TYPE_signature_algorithms },
    [RUN_ALPN] = { 2, 1, TLSEXT_TYPE_application_layer_protocol_negotiation },
    [RUN_VERSIONS] = { 1, 2, TLSEXT_TYPE_supported_versions },
};

static void find_list(CBS *list, const SSL_CLIENT_HELLO *hello, int run)
{
    CBS body;
    CBS_init(list, NULL, 0);
    if (!extension(&body, hello, lists[run].type))
        return;
    if (!(lists[run].prefix == 1 ? CBS_get_u8_length_prefixed(&body, list) : CBS_get_u16_length_prefixed(&body, list)))
        CBS_init(list, NULL, 0);
}

// The types of all extensions, in their order. `out` NULL: how long that is.
static size_t copy_types(uint8_t *out, const SSL_CLIENT_HELLO *hello, size_t room)
{
    CBS all, body;
    uint16_t type;
    size_t len = 0;
    CBS_init(&all, hello->extensions, hello->extensions_len);
    for (; len + 2 <= room && CBS_get_u16(&all, &type) && CBS_get_u16_length_prefixed(&all, &body); len += 2)
        if (out) {
            out[len] = (uint8_t)(type >> 8);
            out[len + 1] = (uint8_t)type;
        }
    return len;
}

static size_t whole(size_t len, size_t room, size_t unit)
{
    len = len < room ? len : room;
    len = len < UINT16_MAX ? len : UINT16_MAX;
    return len - len % unit;
}

struct tls_hello *tls_hello_capture(const SSL_CLIENT_HELLO *hello, size_t cap)
{
    CBS runs[NUM_RUNS];
    size_t lens[NUM_RUNS], used = 0;
    CBS_init(&runs[RUN_CIPHERS], hello->cipher_suites, hello->cipher_suites_len);
    used += lens[RUN_CIPHERS] = whole(hello->cipher_suites_len, cap, 2);
    used += lens[RUN_EXTENSIONS] = copy_types(NULL, hello, whole(UINT16_MAX, cap - used, 2));
    for (int run = RUN_GROUPS; run < NUM_RUNS; run++) {
        find_list(&runs[run], hello, run);
        used += lens[run] = whole(CBS_len(&runs[run]), cap - used, lists[run].unit);
    }
    struct tls_hello *kept = malloc(sizeof(*kept) + used);
    if (!kept)
        return NULL;
    uint8_t *out = kept->data;
    for (int run = 0; run < NUM_RUNS; run++) {
        if (run == RUN_EXTENSIONS)
            copy_types(out, hello, lens[run]);
        else if (lens[run])
            memcpy(out, CBS_data(&runs[run]), lens[run]);
        out += lens[run];
    }
    kept->cut = lens[RUN_CIPHERS] < hello->cipher_suites_len ||
                lens[RUN_EXTENSIONS] < copy_types(NULL, hello, whole(UINT16_MAX, UINT16_MAX, 2));
    for (int run = RUN_GROUPS; run < NUM_RUNS; run++)
        kept->cut |= lens[run] < CBS_len(&runs[run]);
    kept->version = hello->version;
    kept->ciphers_len = (uint16_t)lens[RUN_CIPHERS];
    kept->extensions_len = (uint16_t)lens[RUN_EXTENSIONS];
    kept->groups_len = (uint16_t)lens[RUN_GROUPS];
    kept->formats_len = (uint16_t)lens[RUN_FORMATS];
    kept->sigalgs_len = (uint16_t)lens[RUN_SIGALGS];
    kept->alpn_len = (uint16_t)lens[RUN_ALPN];
    kept->versions_len = (uint16_t)lens[RUN_VERSIONS];
    return kept;
}
