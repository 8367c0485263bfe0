// SPDX-License-Identifier: Apache-2.0
// Scanning: how far does a run of allowed bytes go? Three classes matter in a head (names, request targets, field
// values) and each has three twins with the same answer: SSE4.2, AVX2 and portable C, eight bytes at a time. They are
// inlined into the three instances of the line parser (http/head_lines.h), one of which http_scan_use or the
// machine chooses for the process. Internal to http, pure, and nothing outside [begin, end) is ever read: a tail
// shorter than a vector is read together with bytes before it, or byte by byte.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#define HTTP_SCAN_X86 1
#include <immintrin.h>
#else
#define HTTP_SCAN_X86 0
#endif

enum {
    HTTP_CLASS_TOKEN = 1 << 0,  // tchar, RFC 9110 section 5.6.2
    HTTP_CLASS_TARGET = 1 << 1, // visible ASCII without '#'
    HTTP_CLASS_VALUE = 1 << 2,  // field-vchar, SP, HTAB and obs-text, RFC 9110 section 5.5
    HTTP_CLASS_HOST = 1 << 3,   // unreserved and sub-delims, RFC 3986 section 3.2.2
    HTTP_CLASS_HEX = 1 << 4,
};

// http_class holds the classes of each byte.
extern const uint8_t http_class[256];

enum http_scan { HTTP_SCAN_PORTABLE, HTTP_SCAN_SSE42, HTTP_SCAN_AVX2 };

// http_scan_use chooses the scanner for this process; false where this machine or build lacks it. For tests: the best
// one is chosen before main without it.
bool http_scan_use(enum http_scan scan);

// http_scan_class gives the first byte from `p` to `end` that is not in `class`, or `end`.
static inline const char *http_scan_class(const char *p, const char *end, uint8_t class)
{
    while (p < end && (http_class[(uint8_t)*p] & class))
        p++;
    return p;
}

// http_scan_token_run gives how many bytes of [p, end) can be passed over, eight at a time, because they are tchars of
// the most usual kinds: lower-case letters (and '^', '_', '`') and '-'.
static inline size_t http_scan_token_run(const char *p, const char *end)
{
    const char *start = p;
    for (; end - p >= 8; p += 8) {
        uint64_t word, tops = 0x8080808080808080u, ones = 0x0101010101010101u;
        memcpy(&word, p, sizeof(word));
        uint64_t letter = (word + ones * (0x80 - '^')) & ~(word + ones * (0x80 - '{'));
        uint64_t other = word ^ ones * '-'; // 0 for '-'
        if ((word | ~(letter | ~(other + ones * 0x7f))) & tops)
            break;
    }
    return (size_t)(p - start);
}

// http_scan_is says whether all `len` bytes at `ptr` are in `class`.
static inline bool http_scan_is(const char *ptr, size_t len, uint8_t class)
{
    const char *end = ptr + len;
    if (class == HTTP_CLASS_TOKEN)
        ptr += http_scan_token_run(ptr, end);
    return http_scan_class(ptr, end, class) == end;
}

#define HTTP_SCAN_EACH(byte) (0x0101010101010101u * (byte))
#define HTTP_SCAN_TOPS       HTTP_SCAN_EACH(0x80u)

// http_scan_any_below is not zero where a byte of `word` is less than `limit` (at most 128).
static inline uint64_t http_scan_any_below(uint64_t word, uint8_t limit)
{
    return (word - HTTP_SCAN_EACH((uint64_t)limit)) & ~word & HTTP_SCAN_TOPS;
}

// http_scan_any_equal is not zero where a byte of `word` is `byte`.
static inline uint64_t http_scan_any_equal(uint64_t word, uint8_t byte)
{
    return http_scan_any_below(word ^ HTTP_SCAN_EACH((uint64_t)byte), 1);
}

// http_scan_token_portable gives the first byte from `p` on that is no tchar, or `end`.
static inline const char *http_scan_token_portable(const char *begin, const char *p, const char *end)
{
    (void)begin;
    return http_scan_class(p, end, HTTP_CLASS_TOKEN);
}

// http_scan_target_portable gives the first byte from `p` on that may not stand in a target, or `end`.
static inline const char *http_scan_target_portable(const char *begin, const char *p, const char *end)
{
    (void)begin;
    for (; end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        if (http_scan_any_below(word, 0x21) | (word & HTTP_SCAN_TOPS) | http_scan_any_equal(word, 0x7f) |
            http_scan_any_equal(word, '#'))
            break;
    }
    return http_scan_class(p, end, HTTP_CLASS_TARGET);
}

// http_scan_value_portable gives the first byte from `p` on that may not stand in a field value, or `end`.
static inline const char *http_scan_value_portable(const char *begin, const char *p, const char *end)
{
    (void)begin;
    for (; end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        if (http_scan_any_below(word, 0x20) | http_scan_any_equal(word, 0x7f)) {
            const char *stop = http_scan_class(p, p + 8, HTTP_CLASS_VALUE);
            if (stop < p + 8)
                return stop;
        }
    }
    return http_scan_class(p, end, HTTP_CLASS_VALUE);
}

#if HTTP_SCAN_X86

#define HTTP_SCAN_SSE42_TARGET __attribute__((target("sse4.2")))
#define HTTP_SCAN_AVX2_TARGET  __attribute__((target("avx2")))

// http_scan_token_bits_sse42 has a bit for each of the 16 bytes of `x` that is no tchar. A tchar is where the bit of
// its high half's row (0x2_ to 0x7_) stands in the entry of its low half.
HTTP_SCAN_SSE42_TARGET static inline unsigned http_scan_token_bits_sse42(__m128i x)
{
    const __m128i low =
        _mm_setr_epi8(0x3a, 0x3f, 0x3e, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3e, 0x3e, 0x3d, 0x15, 0x34, 0x15, 0x3d, 0x1c);
    const __m128i high = _mm_setr_epi8(0, 0, 1, 2, 4, 8, 16, 32, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i row = _mm_shuffle_epi8(high, _mm_and_si128(_mm_srli_epi16(x, 4), _mm_set1_epi8(0x0f)));
    __m128i hit = _mm_and_si128(_mm_shuffle_epi8(low, x), row);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(hit, _mm_setzero_si128()));
}

// http_scan_target_bits_sse42 has a bit for each byte of `x` that may not stand in a target.
HTTP_SCAN_SSE42_TARGET static inline unsigned http_scan_target_bits_sse42(__m128i x)
{
    __m128i low = _mm_cmpgt_epi8(_mm_set1_epi8(0x21), x); // signed: 0x80 and above too
    __m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
    __m128i hash = _mm_cmpeq_epi8(x, _mm_set1_epi8('#'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(del, hash)));
}

// http_scan_value_bits_sse42 has a bit for each byte of `x` that may not stand in a field value.
HTTP_SCAN_SSE42_TARGET static inline unsigned http_scan_value_bits_sse42(__m128i x)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
    __m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

// http_scan_value_bits_avx2 is http_scan_value_bits_sse42 for 32 bytes.
HTTP_SCAN_AVX2_TARGET static inline unsigned http_scan_value_bits_avx2(__m256i x)
{
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);
    __m256i tab = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\t'));
    __m256i del = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(0x7f));
    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(_mm256_andnot_si256(tab, low), del));
}

// http_scan_target_bits_avx2 is http_scan_target_bits_sse42 for 32 bytes.
HTTP_SCAN_AVX2_TARGET static inline unsigned http_scan_target_bits_avx2(__m256i x)
{
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), x);
    __m256i del = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(0x7f));
    __m256i hash = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('#'));
    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_or_si256(del, hash)));
}

// HTTP_SCAN_VECTOR defines a scanner from a function that marks the bytes which end the run in one vector of `width`
// bytes. The last, short step reads the vector that ends at `end`, and shifts out what lies before `p`.
#define HTTP_SCAN_VECTOR(name, isa, width, load, bits, class)                                                          \
    isa static inline const char *name(const char *begin, const char *p, const char *end)                              \
    {                                                                                                                  \
        for (; end - p >= (width); p += (width)) {                                                                     \
            unsigned mask = bits(load((const void *)p));                                                               \
            if (mask)                                                                                                  \
                return p + __builtin_ctz(mask);                                                                        \
        }                                                                                                              \
        if (p == end || end - begin < (width))                                                                         \
            return http_scan_class(p, end, class);                                                                     \
        unsigned mask = bits(load((const void *)(end - (width)))) >> ((width) - (end - p));                            \
        return mask ? p + __builtin_ctz(mask) : end;                                                                   \
    }

HTTP_SCAN_VECTOR(http_scan_token_sse42, HTTP_SCAN_SSE42_TARGET, 16, _mm_loadu_si128, http_scan_token_bits_sse42,
                 HTTP_CLASS_TOKEN)
HTTP_SCAN_VECTOR(http_scan_target_sse42, HTTP_SCAN_SSE42_TARGET, 16, _mm_loadu_si128, http_scan_target_bits_sse42,
                 HTTP_CLASS_TARGET)
HTTP_SCAN_VECTOR(http_scan_value_sse42, HTTP_SCAN_SSE42_TARGET, 16, _mm_loadu_si128, http_scan_value_bits_sse42,
                 HTTP_CLASS_VALUE)
// Names are short: AVX2 gains nothing over 16 bytes there but the three-operand encoding.
HTTP_SCAN_VECTOR(http_scan_token_avx2, HTTP_SCAN_AVX2_TARGET, 16, _mm_loadu_si128, http_scan_token_bits_sse42,
                 HTTP_CLASS_TOKEN)
HTTP_SCAN_VECTOR(http_scan_target_avx2, HTTP_SCAN_AVX2_TARGET, 32, _mm256_loadu_si256, http_scan_target_bits_avx2,
                 HTTP_CLASS_TARGET)
HTTP_SCAN_VECTOR(http_scan_value_avx2, HTTP_SCAN_AVX2_TARGET, 32, _mm256_loadu_si256, http_scan_value_bits_avx2,
                 HTTP_CLASS_VALUE)

#endif
