// SPDX-License-Identifier: Apache-2.0
// Fetches of the client's ClientHello: its lists as they came, and fingerprints made of them. Hellos are kept where the
// configuration has such a fetch.
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>
#include "expr/number.h"
#include "stream/ssl.h"
#include "tls/fingerprint.h"

// A configuration that has such a fetch has hellos kept.
static const char *prepare_hello(struct config *config, struct expr_arg *args, uint32_t num)
{
    struct program_conf *program = config->owner;
    (void)args, (void)num;
    if (program)
        program->global.tls.keep_hello = true;
    return NULL;
}

static const char *prepare_list(struct config *config, struct expr_arg *args, uint32_t num)
{
    prepare_hello(config, args, num);
    return num && args[0].str.len ? expr_arg_number(config, &args[0], 0, 1) : NULL;
}

static const struct tls_hello *hello_of(const struct expr_subject *subject)
{
    const struct tls_conn *tls = stream_ssl_front(subject);
    return tls ? tls->hello : NULL;
}

// ---- lists ----------------------------------------------------------------------------------------------------------

// `list` of 16-bit numbers, without GREASE if the argument says so.
static bool filter(struct expr_subject *subject, struct slice *list, const struct expr_arg *args)
{
    size_t room, len = 0;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    if (!args[0].num)
        return true;
    if (room < list->len)
        return false;
    for (size_t i = 0; i + 2 <= list->len; i += 2) {
        const char *number = list->ptr + i;
        if (tls_hello_is_grease((uint16_t)((uint8_t)number[0] << 8 | (uint8_t)number[1])))
            continue;
        memcpy(at + len, number, 2);
        len += 2;
    }
    *list = slice_of(expr_scratch_take(&subject->process->scratch, len), len);
    return true;
}

static bool get_list(struct slice *list, struct expr_subject *subject, enum tls_hello_run run,
                     const struct expr_arg *args)
{
    const struct tls_hello *hello = hello_of(subject);
    if (!hello)
        return false;
    *list = tls_hello_run(hello, run);
    return list->len && filter(subject, list, args) && list->len;
}

#define LIST(name, run)                                                                                                \
    static bool fetch_##name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,       \
                             struct expr_walk *walk)                                                                   \
    {                                                                                                                  \
        struct slice list;                                                                                             \
        (void)walk;                                                                                                    \
        return get_list(&list, subject, run, args) && put_bin(out, list);                                              \
    }

LIST(cipherlist_bin, TLS_HELLO_CIPHERS)
LIST(extlist_bin, TLS_HELLO_EXTENSIONS)
LIST(eclist_bin, TLS_HELLO_GROUPS)
LIST(sigalgs_bin, TLS_HELLO_SIGALGS)
LIST(versions_bin, TLS_HELLO_VERSIONS)

// One byte each: none of them is GREASE, and there is no argument that asks.
static bool fetch_ecformats_bin(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                struct expr_walk *walk)
{
    const struct tls_hello *hello = hello_of(subject);
    (void)args, (void)walk;
    if (!hello || !hello->formats_len)
        return false;
    return put_bin(out, tls_hello_run(hello, TLS_HELLO_FORMATS));
}

static bool fetch_cipherlist_hex(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                 struct expr_walk *walk)
{
    static const char digits[] = "0123456789ABCDEF";
    struct slice list;
    (void)walk;
    char *text = get_list(&list, subject, TLS_HELLO_CIPHERS, args)
                     ? expr_scratch_take(&subject->process->scratch, 2 * list.len)
                     : NULL;
    if (!text)
        return false;
    for (size_t i = 0; i < list.len; i++) {
        text[2 * i] = digits[(uint8_t)list.ptr[i] >> 4];
        text[2 * i + 1] = digits[list.ptr[i] & 15];
    }
    return put_str(out, slice_of(text, 2 * list.len));
}

static bool fetch_cipherlist_str(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                 struct expr_walk *walk)
{
    struct slice list;
    size_t room, len = 0;
    (void)walk;
    if (!get_list(&list, subject, TLS_HELLO_CIPHERS, args))
        return false;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    for (size_t i = 0; i + 2 <= list.len; i += 2) {
        uint16_t number = (uint16_t)((uint8_t)list.ptr[i] << 8 | (uint8_t)list.ptr[i + 1]);
        const char *name = tls_hello_cipher_name(number);
        int more = name ? snprintf(at + len, room - len, "%s%s", i ? "," : "", name)
                        : snprintf(at + len, room - len, "%sUNKNOWN(%04x)", i ? "," : "", number);
        if (more < 0 || (size_t)more >= room - len)
            return false;
        len += (size_t)more;
    }
    return stream_ssl_put_made(subject, out, EXPR_STR, len);
}

static bool fetch_cipherlist_xxh(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                                 struct expr_walk *walk)
{
    const struct tls_hello *hello = hello_of(subject);
    (void)args, (void)walk;
    if (!hello)
        return false;
    struct slice list = tls_hello_run(hello, TLS_HELLO_CIPHERS);
    return put_int(out, (int64_t)XXH64(list.ptr, list.len, 0));
}

static bool fetch_hello_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    const struct tls_hello *hello = hello_of(subject);
    (void)args, (void)walk;
    return hello && put_int(out, hello->version);
}

// ---- fingerprints ---------------------------------------------------------------------------------------------------

// A hello of which a part is missing would have another client's fingerprint.
static const struct tls_hello *whole_hello(const struct expr_subject *subject)
{
    const struct tls_hello *hello = hello_of(subject);
    return hello && !hello->cut ? hello : NULL;
}

static bool fetch_ja3(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct tls_hello *hello = whole_hello(subject);
    char *text = hello ? expr_scratch_take(&subject->process->scratch, TLS_JA3_LEN) : NULL;
    (void)args, (void)walk;
    if (!text)
        return false;
    tls_ja3(text, hello);
    return put_str(out, slice_of(text, TLS_JA3_LEN));
}

static bool fetch_ja3_raw(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    const struct tls_hello *hello = whole_hello(subject);
    size_t room;
    char *at = expr_scratch_rest(&subject->process->scratch, &room);
    (void)args, (void)walk;
    return hello && stream_ssl_put_made(subject, out, EXPR_STR, tls_ja3_text(at, room, hello));
}

static bool fetch_ja4(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct tls_hello *hello = whole_hello(subject);
    char *text = hello ? expr_scratch_take(&subject->process->scratch, TLS_JA4_LEN) : NULL;
    (void)args, (void)walk;
    if (!text)
        return false;
    tls_ja4(text, hello);
    return put_str(out, slice_of(text, TLS_JA4_LEN));
}

#define ROW(row, type, fn, text, example)                                                                              \
    {                                                                                                                  \
        .name = "ssl_fc_" row, .out = EXPR_##type, .when = STREAM_SSL_FROM_CLIENT, .prepare = prepare_hello,           \
        .fetch = fetch_##fn, .help = text, .good = "ssl_fc_" row example                                               \
    }
#define FILTERED(row, type, fn, text, example)                                                                         \
    {                                                                                                                  \
        .name = "ssl_fc_" row, .args = "[<filter_option>]", .max_args = 1, .out = EXPR_##type,                         \
        .when = STREAM_SSL_FROM_CLIENT, .prepare = prepare_list, .fetch = fetch_##fn,                                  \
        .help = text " With 1 without those that mean nothing (GREASE, RFC 8701).",                                    \
        .good = "ssl_fc_" row "(1)" example, .bad = "ssl_fc_" row "(2)", .bad_says = "expected a number from 0 to 1"   \
    }

static const struct expr_fetch fetches[] = {
    FILTERED("cipherlist_bin", BIN, cipherlist_bin, "The ciphers that the client offers, two bytes each.", " -m found"),
    FILTERED("cipherlist_hex", STR, cipherlist_hex, "The ciphers that the client offers, in hex.", " -m beg 1301"),
    FILTERED("cipherlist_str", STR, cipherlist_str,
             "The ciphers that the client offers, by their names at OpenSSL, with commas between.", " -m sub AES128"),
    ROW("cipherlist_xxh", INT, cipherlist_xxh, "A hash (xxh64) of the ciphers that the client offers.", " 1"),
    FILTERED("extlist_bin", BIN, extlist_bin, "The types of the extensions in the ClientHello, two bytes each.",
             " -m found"),
    FILTERED("eclist_bin", BIN, eclist_bin, "The groups that the client offers, two bytes each.", " -m found"),
    ROW("ecformats_bin", BIN, ecformats_bin, "The point formats that the client offers, a byte each.", " -m found"),
    FILTERED("sigalgs_bin", BIN, sigalgs_bin, "The signature algorithms that the client can check, two bytes each.",
             " -m found"),
    FILTERED("supported_versions_bin", BIN, versions_bin,
             "The versions that the client offers in its supported_versions extension, two bytes each.", " -m found"),
    ROW("protocol_hello_id", INT, hello_id,
        "The version in the ClientHello, as a number: 771 (0x0303) for TLS 1.2 and all later ones.", " 771"),
    ROW("ja3", STR, ja3, "The client's JA3 fingerprint: the MD5 of ssl_fc_ja3_raw in hex.",
        " ada70206e40642a3e4461f35503241d5"),
    ROW("ja3_raw", STR, ja3_raw,
        "What JA3 looks at: version, ciphers, extensions, groups and point formats, in decimal, without GREASE.",
        " -m beg 771,"),
    ROW("ja4", STR, ja4, "The client's JA4 fingerprint, as FoxIO specifies it for TLS over TCP.",
        " t13d1516h2_8daaf6152771_e5627efa2ab1"),
};
EXPR_FETCHES(fetches);
