// SPDX-License-Identifier: Apache-2.0
// Cutting bytes out of a binary value, at places that may be variables.
#include "expr/bytes.h"
#include "expr/operand.h"

static const char *prepare_bytes(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = expr_operand_read(config, &args[0]);
    if (wrong || num < 2)
        args[1].num = INT64_MAX;
    return wrong || num < 2 ? wrong : expr_operand_read(config, &args[1]);
}

static bool conv_bytes(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    int64_t offset, len;
    if (!expr_operand_int(subject, &offset, &args[0]) || !expr_operand_int(subject, &len, &args[1]))
        return false;
    struct slice bytes = sample->str;
    if (offset < 0 || (uint64_t)offset >= bytes.len || len < 0) {
        sample->str.len = 0;
        return true;
    }
    bytes = slice_from(bytes, (size_t)offset);
    bytes.len = (uint64_t)len < bytes.len ? (size_t)len : bytes.len;
    sample->str = bytes;
    return true;
}

static const struct expr_conv rows[] = {
    { .name = "bytes",
      .args = "<offset>[,<length>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .prepare = prepare_bytes,
      .convert = conv_bytes,
      .help =
          "The bytes from an offset on, at most so many, either a number or a variable; empty where the offset is not "
          "within the value or one of them is negative, no value where a variable has none.",
      .good = "str(012345),bytes(1,3)",
      .gives = "123",
      .bad = "str(a),bytes(x)",
      .bad_says = "an integer or a variable's name" },
};
EXPR_CONVERTERS(rows);
