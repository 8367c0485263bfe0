// SPDX-License-Identifier: Apache-2.0
// Names of groups for the key exchange and of signature algorithms, in the forms that files written for OpenSSL use.
#include <openssl/ssl.h>
#include "base/check.h"
#include "conf_inner.h"

struct numbered {
    struct slice name;
    uint16_t number;
};

static const struct numbered groups[] = {
    { SLICE("X25519"), SSL_CURVE_X25519 },        { SLICE("P-256"), SSL_CURVE_SECP256R1 },
    { SLICE("prime256v1"), SSL_CURVE_SECP256R1 }, { SLICE("secp256r1"), SSL_CURVE_SECP256R1 },
    { SLICE("P-384"), SSL_CURVE_SECP384R1 },      { SLICE("secp384r1"), SSL_CURVE_SECP384R1 },
    { SLICE("P-521"), SSL_CURVE_SECP521R1 },      { SLICE("secp521r1"), SSL_CURVE_SECP521R1 },
    { SLICE("P-224"), SSL_CURVE_SECP224R1 },      { SLICE("secp224r1"), SSL_CURVE_SECP224R1 },
};

static const struct numbered sigalgs[] = {
    { SLICE("ECDSA+SHA256"), SSL_SIGN_ECDSA_SECP256R1_SHA256 },
    { SLICE("ecdsa_secp256r1_sha256"), SSL_SIGN_ECDSA_SECP256R1_SHA256 },
    { SLICE("ECDSA+SHA384"), SSL_SIGN_ECDSA_SECP384R1_SHA384 },
    { SLICE("ecdsa_secp384r1_sha384"), SSL_SIGN_ECDSA_SECP384R1_SHA384 },
    { SLICE("ECDSA+SHA512"), SSL_SIGN_ECDSA_SECP521R1_SHA512 },
    { SLICE("ecdsa_secp521r1_sha512"), SSL_SIGN_ECDSA_SECP521R1_SHA512 },
    { SLICE("ECDSA+SHA1"), SSL_SIGN_ECDSA_SHA1 },
    { SLICE("ecdsa_sha1"), SSL_SIGN_ECDSA_SHA1 },
    { SLICE("ed25519"), SSL_SIGN_ED25519 },
    { SLICE("RSA-PSS+SHA256"), SSL_SIGN_RSA_PSS_RSAE_SHA256 },
    { SLICE("PSS+SHA256"), SSL_SIGN_RSA_PSS_RSAE_SHA256 },
    { SLICE("rsa_pss_rsae_sha256"), SSL_SIGN_RSA_PSS_RSAE_SHA256 },
    { SLICE("RSA-PSS+SHA384"), SSL_SIGN_RSA_PSS_RSAE_SHA384 },
    { SLICE("PSS+SHA384"), SSL_SIGN_RSA_PSS_RSAE_SHA384 },
    { SLICE("rsa_pss_rsae_sha384"), SSL_SIGN_RSA_PSS_RSAE_SHA384 },
    { SLICE("RSA-PSS+SHA512"), SSL_SIGN_RSA_PSS_RSAE_SHA512 },
    { SLICE("PSS+SHA512"), SSL_SIGN_RSA_PSS_RSAE_SHA512 },
    { SLICE("rsa_pss_rsae_sha512"), SSL_SIGN_RSA_PSS_RSAE_SHA512 },
    { SLICE("RSA+SHA256"), SSL_SIGN_RSA_PKCS1_SHA256 },
    { SLICE("rsa_pkcs1_sha256"), SSL_SIGN_RSA_PKCS1_SHA256 },
    { SLICE("RSA+SHA384"), SSL_SIGN_RSA_PKCS1_SHA384 },
    { SLICE("rsa_pkcs1_sha384"), SSL_SIGN_RSA_PKCS1_SHA384 },
    { SLICE("RSA+SHA512"), SSL_SIGN_RSA_PKCS1_SHA512 },
    { SLICE("rsa_pkcs1_sha512"), SSL_SIGN_RSA_PKCS1_SHA512 },
    { SLICE("RSA+SHA1"), SSL_SIGN_RSA_PKCS1_SHA1 },
    { SLICE("rsa_pkcs1_sha1"), SSL_SIGN_RSA_PKCS1_SHA1 },
};

void tls_conf_lost_add(struct tls_conf_lost *lost, struct slice name)
{
    text_printf(&lost->names, "%s%.*s", lost->num++ ? ", " : "", (int)name.len, name.ptr);
}

bool tls_conf_lost_end(struct config *config, struct tls_conf_lost *lost, const struct config_line *line,
                       uint32_t index, const char *what, bool left)
{
    if (lost->num && left)
        config_warning(config, line, index, "%s that BoringSSL does not have are left out: %s", what, lost->names.ptr);
    else if (lost->num)
        config_error(config, line, index, "BoringSSL has none of these %s: %s", what, lost->names.ptr);
    else if (!left)
        config_error(config, line, index, "no %s remain", what);
    text_fini(&lost->names);
    return left;
}

static const struct numbered *find(const struct numbered *rows, size_t num, struct slice name)
{
    for (size_t i = 0; i < num; i++)
        if (slice_equal_nocase(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static void add_once(uint16_t *numbers, uint8_t *num, uint16_t number)
{
    for (uint8_t i = 0; i < *num; i++)
        if (numbers[i] == number)
            return;
    numbers[(*num)++] = number;
}

// Reads a list with colons between. There are never more numbers than rows.
static bool read_list(struct config *config, const uint16_t **out, uint8_t *num_out, const struct config_line *line,
                      uint32_t index, const char *what, const struct numbered *rows, size_t num_rows)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_of(arg->str, arg->len);
    struct tls_conf_lost lost = { .num = 0 };
    uint16_t *numbers = arena_alloc(config->arena, num_rows * sizeof(*numbers));
    uint8_t num = 0;
    text_init(&lost.names);
    while (rest.len > 0) {
        struct slice name = slice_of(rest.ptr, slice_find(rest, ':'));
        const struct numbered *row = find(rows, num_rows, name);
        rest = slice_from(rest, name.len + 1);
        if (row)
            add_once(numbers, &num, row->number);
        else if (name.len)
            tls_conf_lost_add(&lost, name);
    }
    if (!tls_conf_lost_end(config, &lost, line, index, what, num > 0))
        return false;
    *out = numbers;
    *num_out = num;
    return true;
}

bool tls_conf_groups(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index)
{
    return read_list(config, &conf->groups, &conf->num_groups, line, index, "curves", groups, NUM_ITEMS(groups));
}

bool tls_conf_sigalgs(struct config *config, const uint16_t **algs, uint8_t *num, const struct config_line *line,
                      uint32_t index)
{
    return read_list(config, algs, num, line, index, "signature algorithms", sigalgs, NUM_ITEMS(sigalgs));
}
