// SPDX-License-Identifier: Apache-2.0
// Fields of Protocol Buffers messages, alone or in a gRPC message (a flag, the length in four bytes, the message).
#include "expr/bytes.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5, WIRE_ANY = 8 };
enum { MAX_DEPTH = 64, MAX_FIELD = (1 << 29) - 1, GRPC_HEAD = 5 };

enum kind { RAW, UNSIGNED, SIGNED, ZIGZAG, REAL };

static const struct type {
    const char *name;
    uint8_t wire;
    enum kind kind;
} types[] = {
    { "int32", WIRE_VARINT, SIGNED },    { "int64", WIRE_VARINT, SIGNED },  { "uint32", WIRE_VARINT, UNSIGNED },
    { "uint64", WIRE_VARINT, UNSIGNED }, { "bool", WIRE_VARINT, UNSIGNED }, { "enum", WIRE_VARINT, SIGNED },
    { "sint32", WIRE_VARINT, ZIGZAG },   { "sint64", WIRE_VARINT, ZIGZAG }, { "fixed64", WIRE_64, UNSIGNED },
    { "sfixed64", WIRE_64, SIGNED },     { "double", WIRE_64, REAL },       { "fixed32", WIRE_32, UNSIGNED },
    { "sfixed32", WIRE_32, SIGNED },     { "float", WIRE_32, REAL },
};

static const struct type raw_type = { "", WIRE_ANY, RAW };

// args[0].data are the field numbers, args[0].num of them; args[1].data is the type.
static const char *prepare_field(struct config *config, struct expr_arg *args, uint32_t num)
{
    static const char wrong[] = "its field number is a number from 1 to 536870911, or several with dots between them";
    uint32_t *path = arena_alloc(config->arena, MAX_DEPTH * sizeof(*path));
    struct slice rest = args[0].str;
    args[0].data = path;
    for (bool last = false; !last;) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, '.'));
        uint64_t field;
        last = one.len == rest.len;
        rest = slice_from(rest, one.len + 1);
        if (!slice_to_u64(one, &field) || field == 0 || field > MAX_FIELD)
            return wrong;
        if (args[0].num == MAX_DEPTH)
            return "its field number has more than 64 parts";
        path[args[0].num++] = (uint32_t)field;
    }
    args[1].data = (void *)(uintptr_t)&raw_type;
    if (num < 2)
        return NULL;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (slice_equal(args[1].str, slice_str(types[i].name))) {
            args[1].data = (void *)(uintptr_t)&types[i];
            return NULL;
        }
    return "its type is int32, int64, uint32, uint64, sint32, sint64, bool, enum, fixed64, sfixed64, double, fixed32, "
           "sfixed32 or float";
}

// Reads a varint that `*rest` begins with and takes it away.
static bool read_varint(uint64_t *out, struct slice *rest)
{
    *out = 0;
    for (size_t i = 0; i < rest->len && i < 10; i++) {
        uint8_t byte = (uint8_t)rest->ptr[i];
        *out |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = slice_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

// Reads one field that `*rest` begins with; what stands behind its key (and length) into `value`.
static bool read_field(uint64_t *key, struct slice *value, struct slice *rest)
{
    uint64_t len;
    if (!read_varint(key, rest))
        return false;
    switch (*key & 7) {
    case WIRE_VARINT: {
        const char *start = rest->ptr;
        if (!read_varint(&len, rest))
            return false;
        *value = slice_of(start, (size_t)(rest->ptr - start));
        return true;
    }
    case WIRE_64:
        len = 8;
        break;
    case WIRE_BYTES:
        if (!read_varint(&len, rest))
            return false;
        break;
    case WIRE_32:
        len = 4;
        break;
    default:
        return false;
    }
    if (len > rest->len)
        return false;
    *value = slice_of(rest->ptr, (size_t)len);
    *rest = slice_from(*rest, (size_t)len);
    return true;
}

// Finds the first field at the end of the path, in the order of the bytes: of messages that repeat each is searched.
static bool find_field(struct slice *value, struct slice message, const uint32_t *path, int64_t depth, uint8_t wire)
{
    uint64_t key;
    while (message.len) {
        if (!read_field(&key, value, &message))
            return false;
        if (key >> 3 != path[0])
            continue;
        if (depth == 1 && (wire == WIRE_ANY || wire == (key & 7)))
            return true;
        if (depth > 1 && (key & 7) == WIRE_BYTES && find_field(value, *value, path + 1, depth - 1, wire))
            return true;
    }
    return false;
}

// A real number without its fraction; what 64 bits do not hold is their least number.
static int64_t real_int(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

static int64_t read_number(struct slice value, const struct type *type)
{
    uint64_t num = 0;
    double real;
    float real32;
    if (type->wire == WIRE_VARINT) {
        (void)read_varint(&num, &value);
        return (int64_t)(type->kind == ZIGZAG ? num >> 1 ^ -(num & 1) : num);
    }
    for (size_t i = 0; i < value.len; i++)
        num |= (uint64_t)(uint8_t)value.ptr[i] << (8 * i);
    if (type->kind != REAL)
        return type->kind == SIGNED && value.len == 4 ? (int32_t)num : (int64_t)num;
    if (value.len == 4) {
        uint32_t half = (uint32_t)num;
        memcpy(&real32, &half, sizeof(real32));
        return real_int((double)real32);
    }
    memcpy(&real, &num, sizeof(real));
    return real_int(real);
}

static bool get_field(struct expr_sample *sample, struct slice message, const struct expr_arg *args)
{
    const struct type *type = args[1].data;
    struct slice value;
    if (!find_field(&value, message, args[0].data, args[0].num, type->wire))
        return false;
    if (type->kind == RAW)
        *sample = (struct expr_sample){ .type = EXPR_BIN, .str = value };
    else
        *sample = (struct expr_sample){ .type = EXPR_INT, .num = read_number(value, type) };
    return true;
}

static bool conv_protobuf(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    return get_field(sample, sample->str, args);
}

static bool conv_ungrpc(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    struct slice message = slice_from(sample->str, GRPC_HEAD);
    uint64_t len = 0;
    if (sample->str.len < GRPC_HEAD || sample->str.ptr[0] != 0)
        return false;
    for (size_t i = 1; i < GRPC_HEAD; i++)
        len = len << 8 | (uint8_t)sample->str.ptr[i];
    if (len > message.len)
        return false;
    message.len = (size_t)len;
    return get_field(sample, message, args);
}

static const struct expr_conv rows[] = {
    { .name = "protobuf",
      .args = "<field_number>[,<field_type>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_BIN,
      .out = EXPR_ANY,
      .prepare = prepare_field,
      .convert = conv_protobuf,
      .help =
          "The first field with that number in a Protocol Buffers message, or with \"48.59.1\" in messages within it: "
          "its bytes, or with a type (int32, int64, uint32, uint64, sint32, sint64, bool, enum, fixed64, sfixed64, "
          "double, fixed32, sfixed32, float) an integer.",
      .good = "str(%08%96%01),url_dec,protobuf(1,int32)",
      .gives = "150",
      .bad = "str(a),protobuf(1,string)",
      .bad_says = "its type is int32, int64" },
    { .name = "ungrpc",
      .args = "<field_number>[,<field_type>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_BIN,
      .out = EXPR_ANY,
      .prepare = prepare_field,
      .convert = conv_ungrpc,
      .help = "Like protobuf, for a gRPC message: a flag, its length, the Protocol Buffers message. A compressed one, "
              "or one "
              "that is not whole, has no value.",
      .good = "int(3),htonl,bytes(3),ungrpc(1,int32)",
      .gives = "-",
      .bad = "str(a),ungrpc(1.0)",
      .bad_says = "its field number is a number from 1" },
};
EXPR_CONVERTERS(rows);
