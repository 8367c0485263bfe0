// SPDX-License-Identifier: Apache-2.0
// Converters of cryptography: digests, HMAC, AES-GCM. Secrets are base64, in the configuration or in variables.
#include <openssl/aead.h>
#include "expr/digest.h"
#include "expr/encode.h"
#include "expr/number.h"
#include "expr/secret.h"

static bool put(struct expr_subject *subject, struct expr_sample *sample, const void *bytes, size_t len)
{
    char *copy = expr_scratch_take(&subject->process->scratch, len);
    if (!copy)
        return false;
    memcpy(copy, bytes, len);
    *sample = (struct expr_sample){ .type = EXPR_BIN, .str = slice_of(copy, len) };
    return true;
}

static const char *prepare_digest(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    args[0].data = (void *)expr_digest_find(args[0].str);
    return args[0].data ? NULL
                        : arena_printf(config->arena,
                                       "no digest '%.*s', there are: md5, sha1, sha224, sha256, sha384, sha512, "
                                       "sha512-256, md5-sha1",
                                       (int)args[0].str.len, args[0].str.ptr);
}

static bool convert_digest(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    uint8_t out[EXPR_DIGEST_MAX];
    const struct expr_digest *digest = args[0].data;
    expr_digest_make(out, digest, sample->str);
    return put(subject, sample, out, digest->len);
}

static bool convert_sha1(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    uint8_t out[EXPR_DIGEST_MAX];
    const struct expr_digest *digest = expr_digest_find(SLICE("sha1"));
    (void)args;
    expr_digest_make(out, digest, sample->str);
    return put(subject, sample, out, digest->len);
}

static const char *prepare_sha2(struct config *config, struct expr_arg *args, uint32_t num)
{
    args[0].num = 256;
    if (num && args[0].str.len) {
        const char *wrong = expr_arg_number(config, &args[0], 0, INT64_MAX);
        if (wrong)
            return wrong;
    }
    if (args[0].num != 224 && args[0].num != 256 && args[0].num != 384 && args[0].num != 512)
        return "the number of bits must be 224, 256, 384 or 512";
    args[0].data = (void *)expr_digest_find(slice_str(arena_printf(config->arena, "sha%d", (int)args[0].num)));
    return NULL;
}

static const char *prepare_hmac(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = prepare_digest(config, args, num);
    return wrong ? wrong : expr_secret_prepare(config, &args[1]);
}

static bool convert_hmac(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    uint8_t out[EXPR_DIGEST_MAX];
    const struct expr_digest *digest = args[0].data;
    struct slice key;
    return expr_secret_get(subject, &key, &args[1]) && expr_digest_hmac(out, digest, key, sample->str) &&
           put(subject, sample, out, digest->len);
}

// ---- AES-GCM --------------------------------------------------------------------------------------------------------

enum { ARG_BITS, ARG_NONCE, ARG_KEY, ARG_TAG, NUM_ARGS };

enum { TAG_LEN = 16 };

static const char *prepare_gcm(struct config *config, struct expr_arg *args)
{
    const char *wrong = expr_arg_number(config, &args[ARG_BITS], 0, INT64_MAX);
    int64_t bits = args[ARG_BITS].num;
    if (wrong)
        return wrong;
    if (bits != 128 && bits != 192 && bits != 256)
        return "the size of the key must be 128, 192 or 256 bits";
    args[ARG_BITS].data = (void *)(bits == 128   ? EVP_aead_aes_128_gcm()
                                   : bits == 192 ? EVP_aead_aes_192_gcm()
                                                 : EVP_aead_aes_256_gcm());
    wrong = expr_secret_prepare(config, &args[ARG_NONCE]);
    wrong = wrong ? wrong : expr_secret_prepare(config, &args[ARG_KEY]);
    if (wrong)
        return wrong;
    if (!args[ARG_KEY].data && (int64_t)args[ARG_KEY].str.len * 8 != bits)
        return arena_printf(config->arena, "the key has %zu bits, not %d", args[ARG_KEY].str.len * 8, (int)bits);
    return args[ARG_NONCE].data || args[ARG_NONCE].str.len ? NULL : "the nonce is empty";
}

static const char *prepare_gcm_enc(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    const char *wrong = prepare_gcm(config, args);
    if (wrong)
        return wrong;
    args[ARG_TAG].data = expr_arg_variable(config, &args[ARG_TAG]);
    return args[ARG_TAG].data ? NULL : "the last argument must be the name of a variable, for the tag";
}

static const char *prepare_gcm_dec(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    const char *wrong = prepare_gcm(config, args);
    wrong = wrong ? wrong : expr_secret_prepare(config, &args[ARG_TAG]);
    if (wrong)
        return wrong;
    return args[ARG_TAG].data || args[ARG_TAG].str.len == TAG_LEN ? NULL : "the tag must be 16 bytes in base64";
}

// Keys the context; the nonce and the room for the result are made, too.
static bool gcm_begin(struct expr_subject *subject, EVP_AEAD_CTX *ctx, struct slice *nonce, uint8_t **out,
                      const struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice key;
    const EVP_AEAD *aead = args[ARG_BITS].data;
    if (!expr_secret_get(subject, &key, &args[ARG_KEY]) || !expr_secret_get(subject, nonce, &args[ARG_NONCE]) ||
        key.len != EVP_AEAD_key_length(aead) || !nonce->len)
        return false;
    *out = (uint8_t *)expr_scratch_take(&subject->process->scratch, sample->str.len);
    return *out && EVP_AEAD_CTX_init(ctx, aead, (const uint8_t *)key.ptr, key.len, TAG_LEN, NULL);
}

static bool convert_gcm_enc(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    EVP_AEAD_CTX ctx;
    struct slice nonce, data = sample->str;
    uint8_t *out, tag[TAG_LEN];
    char text[24];
    size_t tag_len;
    if (!gcm_begin(subject, &ctx, &nonce, &out, sample, args))
        return false;
    bool ok = EVP_AEAD_CTX_seal_scatter(&ctx, out, tag, &tag_len, sizeof(tag), (const uint8_t *)nonce.ptr, nonce.len,
                                        (const uint8_t *)data.ptr, data.len, NULL, 0, NULL, 0);
    EVP_AEAD_CTX_cleanup(&ctx);
    if (!ok)
        return false;
    size_t len = expr_base64_encode(text, slice_of((char *)tag, tag_len), EXPR_BASE64);
    struct expr_sample value = { .type = EXPR_STR, .str = slice_of(text, len) };
    if (!expr_var_set(subject, args[ARG_TAG].data, &value))
        return false;
    *sample = (struct expr_sample){ .type = EXPR_BIN, .str = slice_of((char *)out, data.len) };
    return true;
}

static bool convert_gcm_dec(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    EVP_AEAD_CTX ctx;
    struct slice nonce, tag, data = sample->str;
    uint8_t *out;
    if (!expr_secret_get(subject, &tag, &args[ARG_TAG]) || tag.len != TAG_LEN ||
        !gcm_begin(subject, &ctx, &nonce, &out, sample, args))
        return false;
    bool ok = EVP_AEAD_CTX_open_gather(&ctx, out, (const uint8_t *)nonce.ptr, nonce.len, (const uint8_t *)data.ptr,
                                       data.len, (const uint8_t *)tag.ptr, tag.len, NULL, 0);
    EVP_AEAD_CTX_cleanup(&ctx);
    *sample = (struct expr_sample){ .type = EXPR_BIN, .str = slice_of((char *)out, data.len) };
    return ok;
}

#define GCM                                                                                                            \
    .args = "<bits>,<nonce>,<key>,<aead_tag>", .min_args = NUM_ARGS, .max_args = NUM_ARGS, .in = EXPR_BIN,             \
    .out = EXPR_BIN

static const struct expr_conv converters[] = {
    { .name = "digest",
      .args = "<algorithm>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .prepare = prepare_digest,
      .convert = convert_digest,
      .help = "The digest of the bytes: md5, sha1, sha224, sha256, sha384, sha512, sha512-256 or md5-sha1.",
      .good = "str(abc),digest(md5),hex",
      .gives = "900150983CD24FB0D6963F7D28E17F72",
      .bad = "str(abc),digest(md6)",
      .bad_says = "no digest 'md6'" },
    { .name = "sha1",
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .convert = convert_sha1,
      .help = "The SHA-1 digest of the bytes.",
      .good = "str(abc),sha1,hex",
      .gives = "A9993E364706816ABA3E25717850C26C9CD0D89D" },
    { .name = "sha2",
      .args = "[<bits>]",
      .max_args = 1,
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .prepare = prepare_sha2,
      .convert = convert_digest,
      .help = "The SHA-2 digest of the bytes, of 224, 256 (the default), 384 or 512 bits.",
      .good = "str(abc),sha2(224),hex",
      .gives = "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7",
      .bad = "str(abc),sha2(100)",
      .bad_says = "must be 224, 256, 384 or 512" },
    { .name = "hmac",
      .args = "<algorithm>,<key>",
      .min_args = 2,
      .max_args = 2,
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .prepare = prepare_hmac,
      .convert = convert_hmac,
      .help = "The authentication code of the bytes by a digest (see there) and a key, in base64 or in a variable that "
              "holds base64.",
      .good = "str(abc),hmac(md5,a2V5),hex",
      .gives = "D2FE98063F876B03193AFB49B4979591",
      .bad = "str(abc),hmac(sha256,a2V)",
      .bad_says = "expected base64 or the name of a variable" },
    { .name = "aes_gcm_enc",
      GCM,
      .prepare = prepare_gcm_enc,
      .convert = convert_gcm_enc,
      .help =
          "The bytes encrypted with AES-GCM and a key of 128, 192 or 256 bits. Nonce and key are base64 or variables "
          "that hold base64; the tag is put, as base64, into the variable that is the last argument. A nonce must "
          "never be used twice with one key.",
      .good = "str(abc),aes_gcm_enc(128,bm9uY2Vub25jZTEy,Zm9vb2Zvb29mb29wZm9vbw==,txn.tag)",
      .bad = "str(abc),aes_gcm_enc(129,bm9uY2Vub25jZTEy,Zm9vb2Zvb29mb29wZm9vbw==,txn.tag)",
      .bad_says = "must be 128, 192 or 256 bits" },
    { .name = "aes_gcm_dec",
      GCM,
      .prepare = prepare_gcm_dec,
      .convert = convert_gcm_dec,
      .help =
          "The bytes decrypted with AES-GCM; nothing where the tag of 16 bytes does not fit them. The last argument "
          "is the tag; it, nonce and key are base64 or variables that hold base64.",
      .good = "var(txn.sealed),aes_gcm_dec(256,txn.nonce,txn.key,txn.tag)",
      .bad = "str(abc),aes_gcm_dec(128,bm9uY2Vub25jZTEy,Zm9vb2Zvbw==,txn.tag)",
      .bad_says = "the key has 56 bits, not 128" },
};
EXPR_CONVERTERS(converters);
