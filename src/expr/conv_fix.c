// SPDX-License-Identifier: Apache-2.0
// Messages of FIX (Financial Information eXchange): fields "tag=value", each ended by the byte 1.
#include "expr/bytes.h"

enum {
    TAG_BEGIN_STRING = 8,
    TAG_BODY_LENGTH = 9,
    TAG_CHECKSUM = 10,
    TAG_MSG_TYPE = 35,
    MIN_LEN = 26, // of a whole message
};

static const char *prepare_tag(struct config *config, struct expr_arg *args, uint32_t num)
{
    static const struct {
        const char *name;
        int64_t tag;
    } tags[] = {
        { "BeginString", TAG_BEGIN_STRING },
        { "BodyLength", TAG_BODY_LENGTH },
        { "CheckSum", TAG_CHECKSUM },
        { "MsgType", TAG_MSG_TYPE },
        { "SenderCompID", 49 },
        { "TargetCompID", 56 },
    };
    (void)config, (void)num;
    if (slice_to_i64(args[0].str, &args[0].num) && args[0].num > 0 && args[0].num <= INT32_MAX)
        return NULL;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (slice_equal_nocase(args[0].str, slice_str(tags[i].name))) {
            args[0].num = tags[i].tag;
            return NULL;
        }
    return "its argument is a number from 1, or BeginString, BodyLength, MsgType, SenderCompID, TargetCompID or "
           "CheckSum";
}

enum field { FIELD_WHOLE, FIELD_CUT, FIELD_BAD };

// Reads the field that `*rest` begins with and takes it away.
static enum field read_field(uint64_t *tag, struct slice *value, struct slice *rest)
{
    size_t end = slice_find(*rest, '\1');
    struct slice field = slice_of(rest->ptr, end);
    size_t equals = slice_find(field, '=');
    if (end < rest->len || equals < field.len)
        if (!slice_to_u64(slice_of(field.ptr, equals), tag) || *tag == 0 || *tag > INT32_MAX)
            return FIELD_BAD;
    if (end == rest->len)
        return FIELD_CUT;
    *value = slice_from(field, equals + 1);
    *rest = slice_from(*rest, end + 1);
    return value->len ? FIELD_WHOLE : FIELD_BAD;
}

// There is no value yet; more bytes may bring one.
static bool wait_for_more(struct expr_subject *subject)
{
    subject->may_change = !subject->final;
    return false;
}

static bool conv_fix_tag_value(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice rest = sample->str, value;
    uint64_t tag = 0;
    while (tag != TAG_CHECKSUM) {
        enum field field = read_field(&tag, &value, &rest);
        if (field == FIELD_CUT)
            return wait_for_more(subject);
        if (field == FIELD_BAD)
            return false;
        if (tag == (uint64_t)args[0].num) {
            sample->str = value;
            return true;
        }
    }
    return false;
}

static bool is_version(struct slice value)
{
    return slice_equal(value, SLICE("FIXT.1.1")) ||
           (value.len == 7 && slice_begins(value, SLICE("FIX.4.")) && value.ptr[6] >= '0' && value.ptr[6] <= '4');
}

// Whether the value of the field `nth` is one that belongs there; the body length that it promises into `*body_len`.
static bool is_at_place(uint32_t nth, uint64_t tag, struct slice value, uint64_t *body_len)
{
    switch (nth) {
    case 0:
        return tag == TAG_BEGIN_STRING && is_version(value);
    case 1:
        return tag == TAG_BODY_LENGTH && slice_to_u64(value, body_len);
    case 2:
        return tag == TAG_MSG_TYPE;
    default:
        return true;
    }
}

// The sum of all bytes before the checksum's field, as three digits.
static bool is_checksum(struct slice value, struct slice before)
{
    uint64_t claimed;
    uint8_t sum = 0;
    for (size_t i = 0; i < before.len; i++)
        sum = (uint8_t)(sum + (uint8_t)before.ptr[i]);
    return value.len == 3 && slice_to_u64(value, &claimed) && claimed == sum;
}

static bool conv_fix_is_valid(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    struct slice message = sample->str, rest = message, value;
    uint64_t tag = 0, body_len = 0;
    const char *body = message.ptr;
    bool valid = false;
    if (message.len < MIN_LEN)
        return wait_for_more(subject);
    for (uint32_t nth = 0;; nth++) {
        const char *start = rest.ptr;
        enum field field = read_field(&tag, &value, &rest);
        if (field == FIELD_CUT)
            return wait_for_more(subject);
        if (field == FIELD_BAD || !is_at_place(nth, tag, value, &body_len))
            break;
        if (nth == 1)
            body = rest.ptr;
        if (tag == TAG_CHECKSUM) {
            valid = (uint64_t)(start - body) == body_len &&
                    is_checksum(value, slice_of(message.ptr, (size_t)(start - message.ptr)));
            break;
        }
    }
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = valid };
    return true;
}

static const struct expr_conv rows[] = {
    { .name = "fix_tag_value",
      .args = "<tag>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_BIN,
      .out = EXPR_BIN,
      .prepare = prepare_tag,
      .convert = conv_fix_tag_value,
      .help = "The value of the first field with that tag, a number or one of the known names, in a FIX message. The "
              "message "
              "is not checked; see fix_is_valid.",
      .good = "str(8=FIX.4.4%0135=A%01),url_dec,fix_tag_value(MsgType)",
      .gives = "A",
      .bad = "str(a),fix_tag_value(MsgKind)",
      .bad_says = "its argument is a number from 1" },
    { .name = "fix_is_valid",
      .in = EXPR_BIN,
      .out = EXPR_BOOL,
      .convert = conv_fix_is_valid,
      .help =
          "Whether it begins with a FIX message with a known version, body length, type and checksum in their places. "
          "No value while the message is not whole.",
      .good = "str(8=FIX.4.4%019=5%0135=0%0110=163%01),url_dec,fix_is_valid",
      .gives = "1",
      .bad = "str(a),fix_is_valid(1)",
      .bad_says = "takes no arguments" },
};
EXPR_CONVERTERS(rows);
