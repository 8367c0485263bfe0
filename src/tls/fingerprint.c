// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include "tls/fingerprint.h"

struct slice tls_hello_run(const struct tls_hello *hello, enum tls_hello_run run)
{
    const uint16_t lens[TLS_NUM_HELLO_RUNS] = {
        [TLS_HELLO_CIPHERS] = hello->ciphers_len,   [TLS_HELLO_EXTENSIONS] = hello->extensions_len,
        [TLS_HELLO_GROUPS] = hello->groups_len,     [TLS_HELLO_FORMATS] = hello->formats_len,
        [TLS_HELLO_SIGALGS] = hello->sigalgs_len,   [TLS_HELLO_ALPN] = hello->alpn_len,
        [TLS_HELLO_VERSIONS] = hello->versions_len,
    };
    size_t at = 0;
    for (int i = 0; i < (int)run; i++)
        at += lens[i];
    return slice_of((const char *)hello->data + at, lens[run]);
}

// The 16-bit number at `*at` that stands for something, and moves behind it; false at the end.
static bool next_number(uint16_t *number, struct slice list, size_t *at)
{
    while (*at + 2 <= list.len) {
        *number = (uint16_t)((uint8_t)list.ptr[*at] << 8 | (uint8_t)list.ptr[*at + 1]);
        *at += 2;
        if (!tls_hello_is_grease(*number))
            return true;
    }
    return false;
}

// ---- JA3 ------------------------------------------------------------------------------------------------------------

// Where the text goes: memory that may end, and a hash; either may be missing.
struct sink {
    char *out;
    size_t len;
    size_t cap;
    MD5_CTX *md5;
};

static void sink_text(struct sink *sink, const char *text, size_t len)
{
    if (sink->md5)
        MD5_Update(sink->md5, text, len);
    if (sink->out && sink->len + len <= sink->cap)
        memcpy(sink->out + sink->len, text, len);
    sink->len += len;
}

static void sink_number(struct sink *sink, unsigned number, const char *before)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%s%u", before, number);
    sink_text(sink, text, (size_t)len);
}

static void sink_list(struct sink *sink, struct slice list)
{
    uint16_t number;
    const char *before = ",";
    size_t at = 0;
    if (!next_number(&number, list, &at)) {
        sink_text(sink, ",", 1);
        return;
    }
    do {
        sink_number(sink, number, before);
        before = "-";
    } while (next_number(&number, list, &at));
}

static void sink_ja3(struct sink *sink, const struct tls_hello *hello)
{
    struct slice formats = tls_hello_run(hello, TLS_HELLO_FORMATS);
    sink_number(sink, hello->version, "");
    sink_list(sink, tls_hello_run(hello, TLS_HELLO_CIPHERS));
    sink_list(sink, tls_hello_run(hello, TLS_HELLO_EXTENSIONS));
    sink_list(sink, tls_hello_run(hello, TLS_HELLO_GROUPS));
    if (!formats.len)
        sink_text(sink, ",", 1);
    for (size_t i = 0; i < formats.len; i++)
        sink_number(sink, (uint8_t)formats.ptr[i], i ? "-" : ",");
}

size_t tls_ja3_text(char *out, size_t cap, const struct tls_hello *hello)
{
    struct sink sink = { .out = out, .cap = cap };
    sink_ja3(&sink, hello);
    return sink.len <= cap ? sink.len : 0;
}

static void put_hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void tls_ja3(char out[TLS_JA3_LEN], const struct tls_hello *hello)
{
    uint8_t digest[MD5_DIGEST_LENGTH];
    MD5_CTX md5;
    struct sink sink = { .md5 = &md5 };
    MD5_Init(&md5);
    sink_ja3(&sink, hello);
    MD5_Final(digest, &md5);
    put_hex(out, digest, sizeof(digest));
}

// ---- JA4 ------------------------------------------------------------------------------------------------------------

// The longest list a ClientHello can hold: it is no larger than 16 KiB.
enum { MAX_NUMBERS = 8192, JA4_HASH_LEN = 12, JA4_HEAD_LEN = 10 };
enum { EXTENSION_SERVER_NAME = 0, EXTENSION_ALPN = 16 };

static int compare_numbers(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

// The numbers of `list` in order; of extensions without the two that the first part tells of.
static size_t sorted(uint16_t numbers[MAX_NUMBERS], struct slice list, bool extensions)
{
    size_t num = 0, at = 0;
    uint16_t number;
    while (num < MAX_NUMBERS && next_number(&number, list, &at))
        if (!extensions || (number != EXTENSION_SERVER_NAME && number != EXTENSION_ALPN))
            numbers[num++] = number;
    qsort(numbers, num, sizeof(*numbers), compare_numbers);
    return num;
}

static void hash_number(SHA256_CTX *sha, const char *before, uint16_t number)
{
    char text[8];
    int len = snprintf(text, sizeof(text), "%s%04x", before, number);
    SHA256_Update(sha, text, (size_t)len);
}

static void put_hash(char out[JA4_HASH_LEN], SHA256_CTX *sha)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, sha);
    put_hex(out, digest, JA4_HASH_LEN / 2);
}

// The hash of the sorted `list`, and of `behind` as it came.
static void put_list_hash(char out[JA4_HASH_LEN], struct slice list, bool extensions, struct slice behind)
{
    uint16_t numbers[MAX_NUMBERS], number;
    SHA256_CTX sha;
    size_t num = sorted(numbers, list, extensions), at = 0;
    SHA256_Init(&sha);
    for (size_t i = 0; i < num; i++)
        hash_number(&sha, i ? "," : "", numbers[i]);
    for (const char *before = "_"; next_number(&number, behind, &at); before = ",")
        hash_number(&sha, before, number);
    put_hash(out, &sha);
}

static unsigned count(struct slice list)
{
    unsigned num = 0;
    uint16_t number;
    for (size_t at = 0; next_number(&number, list, &at);)
        num++;
    return num < 99 ? num : 99;
}

static bool has(struct slice list, uint16_t wanted)
{
    uint16_t number;
    for (size_t at = 0; next_number(&number, list, &at);)
        if (number == wanted)
            return true;
    return false;
}

static const char *ja4_version(const struct tls_hello *hello)
{
    struct slice versions = tls_hello_run(hello, TLS_HELLO_VERSIONS);
    uint16_t best = 0, number;
    for (size_t at = 0; next_number(&number, versions, &at);)
        best = number > best ? number : best;
    switch (best ? best : hello->version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The first and the last character of the first protocol; where one of them is none, of its hex form.
static void put_alpn(char out[2], struct slice list)
{
    memcpy(out, "00", 2);
    if (list.len < 2 || !list.ptr[0] || list.len < 1u + (uint8_t)list.ptr[0])
        return;
    uint8_t first = (uint8_t)list.ptr[1], last = (uint8_t)list.ptr[(uint8_t)list.ptr[0]];
    char hex[4];
    if (is_alnum(first) && is_alnum(last)) {
        out[0] = (char)first, out[1] = (char)last;
        return;
    }
    put_hex(hex, &first, 1);
    put_hex(hex + 2, &last, 1);
    out[0] = hex[0], out[1] = hex[3];
}

void tls_ja4(char out[TLS_JA4_LEN], const struct tls_hello *hello)
{
    struct slice ciphers = tls_hello_run(hello, TLS_HELLO_CIPHERS);
    struct slice extensions = tls_hello_run(hello, TLS_HELLO_EXTENSIONS);
    unsigned num_ciphers = count(ciphers), num_extensions = count(extensions);
    char head[JA4_HEAD_LEN + 1], alpn[2];
    put_alpn(alpn, tls_hello_run(hello, TLS_HELLO_ALPN));
    snprintf(head, sizeof(head), "t%s%c%02u%02u%.2s", ja4_version(hello),
             has(extensions, EXTENSION_SERVER_NAME) ? 'd' : 'i', num_ciphers % 100, num_extensions % 100, alpn);
    memset(out, '0', TLS_JA4_LEN);
    memcpy(out, head, JA4_HEAD_LEN);
    char *hashes = out + JA4_HEAD_LEN;
    hashes[0] = hashes[1 + JA4_HASH_LEN] = '_';
    if (num_ciphers)
        put_list_hash(hashes + 1, ciphers, false, (struct slice){ 0 });
    if (num_extensions)
        put_list_hash(hashes + 2 + JA4_HASH_LEN, extensions, true, tls_hello_run(hello, TLS_HELLO_SIGALGS));
}
