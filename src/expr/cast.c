// SPDX-License-Identifier: Apache-2.0
#include <endian.h>
#include "expr/conv.h"

#define TO(type)   (1u << EXPR_##type)
#define TO_STRINGS (TO(STR) | TO(BIN))

// What each type may become (manual section 7.3.1).
static const uint32_t casts[EXPR_NUM_TYPES] = {
    [EXPR_BOOL] = TO(BOOL) | TO(INT) | TO_STRINGS,
    [EXPR_INT] = TO(BOOL) | TO(INT) | TO(ADDR) | TO_STRINGS,
    [EXPR_ADDR] = TO(ADDR) | TO(INT) | TO_STRINGS,
    [EXPR_STR] = TO(BOOL) | TO(INT) | TO(ADDR) | TO_STRINGS | TO(METHOD),
    [EXPR_BIN] = TO_STRINGS,
    [EXPR_METHOD] = TO(METHOD) | TO_STRINGS,
};

bool expr_cast_exists(enum expr_type from, enum expr_type to)
{
    return from >= EXPR_NUM_TYPES || to >= EXPR_NUM_TYPES || casts[from] & 1u << to;
}

// An IPv6 address that holds an IPv4 one is that one's number; others have none.
static bool cast_int(const struct expr_sample *from, int64_t *out)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (from->type != EXPR_ADDR || from->addr.family == 4)
        return expr_sample_int(from, out);
    uint32_t bits;
    memcpy(&bits, from->addr.bytes + sizeof(mapped), sizeof(bits));
    *out = be32toh(bits);
    return memcmp(from->addr.bytes, mapped, sizeof(mapped)) == 0;
}

// The lower 32 bits of a number are an IPv4 address.
static bool cast_addr(const struct expr_sample *from, struct expr_addr *out)
{
    if (from->type != EXPR_INT)
        return expr_sample_addr(from, out);
    uint32_t bits = htobe32((uint32_t)from->num);
    *out = (struct expr_addr){ .family = 4 };
    memcpy(out->bytes, &bits, sizeof(bits));
    return true;
}

// The bytes of a number, the most significant first, or of an address.
static struct slice cast_bytes(const struct expr_sample *from, char text[EXPR_TEXT_LEN])
{
    if (from->type == EXPR_ADDR) {
        size_t len = from->addr.family == 4 ? 4 : 16;
        memcpy(text, from->addr.bytes, len);
        return slice_of(text, len);
    }
    uint64_t num = htobe64((uint64_t)(from->type == EXPR_BOOL ? from->boolean : from->num));
    memcpy(text, &num, sizeof(num));
    return slice_of(text, sizeof(num));
}

bool expr_cast(struct expr_sample *sample, enum expr_type to, struct expr_scratch *scratch)
{
    if (sample->type == to)
        return true;
    if (!expr_cast_exists(sample->type, to))
        return false;
    struct expr_sample from = *sample;
    sample->type = to;
    switch (to) {
    case EXPR_BOOL:
        return expr_sample_bool(&from, &sample->boolean);
    case EXPR_INT:
        return cast_int(&from, &sample->num);
    case EXPR_ADDR:
        return cast_addr(&from, &sample->addr);
    default:
        break;
    }
    if (from.type == EXPR_STR || from.type == EXPR_BIN || from.type == EXPR_METHOD) {
        if (to == EXPR_STR)
            sample->str = expr_sample_text(&from);
        return true;
    }
    char text[EXPR_TEXT_LEN];
    struct slice str = to == EXPR_BIN ? cast_bytes(&from, text) : expr_sample_str(&from, text);
    char *copy = expr_scratch_take(scratch, str.len);
    if (!copy)
        return false;
    memcpy(copy, str.ptr, str.len);
    sample->str = slice_of(copy, str.len);
    return true;
}
