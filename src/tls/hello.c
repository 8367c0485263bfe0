// SPDX-License-Identifier: Apache-2.0
#include <openssl/bytestring.h>
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

// RFC 8701: values of this form mean nothing.
static bool is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static uint16_t highest_version(const SSL_CLIENT_HELLO *hello)
{
    CBS body, list;
    uint16_t highest = 0, version;
    if (!extension(&body, hello, TLSEXT_TYPE_supported_versions) || !CBS_get_u8_length_prefixed(&body, &list))
        return hello->version < TLS1_2_VERSION ? hello->version : TLS1_2_VERSION;
    while (CBS_get_u16(&list, &version))
        if (!is_grease(version) && version > highest)
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
    view->early_data = extension(&body, hello, TLSEXT_TYPE_early_data);
    if (!extension(&body, hello, TLSEXT_TYPE_signature_algorithms) || !CBS_get_u16_length_prefixed(&body, &list))
        // RFC 5246 section 7.4.1.4.1: then it can do SHA-1.
        view->can_12 = TLS_CAN_RSA | TLS_CAN_ECDSA;
    else
        while (CBS_get_u16(&list, &scheme))
            look_at_scheme(view, scheme);
    view->can_12 &= can_of_ciphers(hello);
}
