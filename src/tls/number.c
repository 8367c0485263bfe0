// SPDX-License-Identifier: Apache-2.0
// Names of the numbers of TLS.
#include <openssl/nid.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "tls/conn.h"
#include "bind_inner.h"

static const struct {
    uint16_t number;
    int nid;
    const char *name;
} groups[] = {
    { SSL_CURVE_X25519, NID_X25519, "X25519" },      { SSL_CURVE_SECP256R1, NID_X9_62_prime256v1, "P-256" },
    { SSL_CURVE_SECP384R1, NID_secp384r1, "P-384" }, { SSL_CURVE_SECP521R1, NID_secp521r1, "P-521" },
    { SSL_CURVE_SECP224R1, NID_secp224r1, "P-224" },
};

int tls_group_nid(uint16_t group)
{
    for (size_t i = 0; i < NUM_ITEMS(groups); i++)
        if (groups[i].number == group)
            return groups[i].nid;
    return NID_undef;
}

const char *tls_group_name(uint16_t group)
{
    for (size_t i = 0; i < NUM_ITEMS(groups); i++)
        if (groups[i].number == group)
            return groups[i].name;
    return NULL;
}

const char *tls_version_name(uint16_t version)
{
    static const char *const names[] = { "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" };
    return version >= SSL3_VERSION && version <= TLS1_3_VERSION ? names[version - SSL3_VERSION] : NULL;
}

const char *tls_cipher_name(uint16_t cipher)
{
    const SSL_CIPHER *found = SSL_get_cipher_by_value(cipher);
    if (!found)
        return NULL;
    // The suites of TLS 1.3 have one name, OpenSSL's older ones another than the registry's.
    return SSL_CIPHER_get_min_version(found) >= TLS1_3_VERSION ? SSL_CIPHER_standard_name(found)
                                                               : SSL_CIPHER_get_name(found);
}

uint32_t tls_cipher_bits(uint16_t cipher, uint32_t *used)
{
    const SSL_CIPHER *found = SSL_get_cipher_by_value(cipher);
    int algorithm = 0, bits = found ? SSL_CIPHER_get_bits(found, &algorithm) : 0;
    if (used)
        *used = (uint32_t)bits;
    return (uint32_t)algorithm;
}
