// SPDX-License-Identifier: Apache-2.0
// A sample is one typed value that a fetch found: a fact about a connection, a request or an answer. It is passed by
// value and owns nothing: strings are slices into the request, the configuration or the subject's own memory, and hold
// only until the subject changes. Nothing here allocates or copies. Every process that evaluates rules uses it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum expr_type {
    EXPR_BOOL,   // .boolean
    EXPR_INT,    // .num
    EXPR_ADDR,   // .addr
    EXPR_STR,    // .str, text
    EXPR_BIN,    // .str, any bytes
    EXPR_METHOD, // .str, the method as it was sent
    EXPR_NUM_TYPES,

    // For declarations only, never the type of a sample.
    EXPR_ANY = EXPR_NUM_TYPES, // any of the above, known when it is there ("var")
    EXPR_SAME,                 // what a converter gives: the type it was given
};

// An IPv4 or IPv6 address in network order.
struct expr_addr {
    uint8_t family;    // 4 or 6
    uint8_t bytes[16]; // the first 4 for IPv4
};

struct expr_sample {
    enum expr_type type;
    union {
        bool boolean;
        int64_t num;
        struct expr_addr addr;
        struct slice str;
    };
};

// What the text form of a number, boolean or address needs at most, with its terminator.
#define EXPR_TEXT_LEN 48

// expr_type_name gives the word of the manual for `type`: "boolean", "integer", "ip", "string", "binary", "method".
const char *expr_type_name(enum expr_type type);

// expr_sample_int reads `sample` as an integer into `*out`, with the casts of the HAProxy manual section 7.3: true is
// 1, an IPv4 address its 32 bits, a string the digits it begins with, held to 64 bits. False where there is no such
// cast.
bool expr_sample_int(const struct expr_sample *sample, int64_t *out);

// expr_sample_bool reads `sample` as a boolean into `*out`: a number is true unless 0, a string is read as a number.
// False where there is no such cast.
bool expr_sample_bool(const struct expr_sample *sample, bool *out);

// expr_sample_addr reads `sample` as an address into `*out`; a string must be one from end to end. False otherwise.
bool expr_sample_addr(const struct expr_sample *sample, struct expr_addr *out);

// expr_sample_str gives `sample` as text: strings as they are, all else written into `scratch`.
struct slice expr_sample_str(const struct expr_sample *sample, char scratch[EXPR_TEXT_LEN]);

// expr_int_text gives `num` in decimal, somewhere in `scratch`, NUL-terminated.
struct slice expr_int_text(char scratch[EXPR_TEXT_LEN], int64_t num);

// expr_addr_text gives the text of `addr`, dotted or as RFC 5952 has it, somewhere in `scratch`, NUL-terminated.
struct slice expr_addr_text(char scratch[EXPR_TEXT_LEN], const struct expr_addr *addr);

// expr_sample_text gives the bytes of a string, binary or method sample as a string. Where a binary one holds a zero
// byte the string ends before it (HAProxy manual section 7.1.3).
static inline struct slice expr_sample_text(const struct expr_sample *sample)
{
    return sample->type == EXPR_BIN ? slice_of(sample->str.ptr, slice_find(sample->str, '\0')) : sample->str;
}

// expr_addr_parse reads `text` as an IPv4 address in dotted form, or an IPv6 address, into `*out`. False where it is
// neither.
bool expr_addr_parse(struct expr_addr *out, struct slice text);

// expr_addr_parse_short is expr_addr_parse for what stands in a configuration: whole octets may be left out as the
// HAProxy manual section 7.1.6 shows ("127.1").
bool expr_addr_parse_short(struct expr_addr *out, struct slice text);
