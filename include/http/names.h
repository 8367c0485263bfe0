// SPDX-License-Identifier: Apache-2.0
// Known field names, found by a hash of length, first and last byte that has no collisions among them: a lookup is one
// table step and one comparison. Internal to http, constant, shared by all processes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "http/head.h"

struct http_name {
    char text[31]; // lower case, padded with NUL
    uint8_t len;
};

enum { HTTP_NAME_SLOTS = 128 };

#define HTTP_NAME_HASH(len, first, last)                                                                               \
    (((unsigned)(len) + (unsigned)(uint8_t)(first)*7u + (unsigned)(uint8_t)(last)*16u) % HTTP_NAME_SLOTS)

extern const struct http_name http_names[HTTP_NUM_FIELD_IDS];
extern const uint8_t http_name_slots[HTTP_NAME_SLOTS];

// http_name_fold gives 8 bytes of a token in lower case. Among tchars only letters change, so this is exact there.
static inline uint64_t http_name_fold(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word | 0x2020202020202020u;
}

// http_name_same says whether the token `name` is, but for its case, the lower-case `known`; both have `len` bytes.
// `known` holds letters and '-' only.
static inline bool http_name_same(const char *name, const char *known, size_t len)
{
    if (len >= 8) {
        uint64_t diff = 0;
        for (size_t i = 0; i + 8 < len; i += 8)
            diff |= http_name_fold(name + i) ^ http_name_fold(known + i);
        return (diff | (http_name_fold(name + len - 8) ^ http_name_fold(known + len - 8))) == 0;
    }
    unsigned diff = 0;
    for (size_t i = 0; i < len; i++)
        diff |= (unsigned)((name[i] | 0x20) ^ known[i]);
    return diff == 0;
}

// http_name_lookup gives the id of the token `name`; `len` is at least 1.
static inline enum http_field_id http_name_lookup(const char *name, size_t len)
{
    unsigned id = http_name_slots[HTTP_NAME_HASH(len, name[0] | 0x20, name[len - 1] | 0x20)];
    const struct http_name *known = &http_names[id];
    return known->len == len && http_name_same(name, known->text, len) ? (enum http_field_id)id : HTTP_FIELD_OTHER;
}
