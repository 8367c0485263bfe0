// SPDX-License-Identifier: Apache-2.0
// CONNECT and CONNACK packets of MQTT 3.1, 3.1.1 and 5.0, the first that each side sends.
#include <inttypes.h>
#include <stdio.h>
#include "expr/bytes.h"

enum { CONNECT = 1, CONNACK = 2 };

// Fields without a number of MQTT's own; below them stand the numbers of properties (MQTT 5.0 section 2.2.2.2).
enum {
    FIELD_FLAGS = 43,
    FIELD_PROTOCOL_NAME,
    FIELD_PROTOCOL_VERSION,
    FIELD_CLIENT_IDENTIFIER,
    FIELD_WILL_TOPIC,
    FIELD_WILL_PAYLOAD,
    FIELD_USERNAME,
    FIELD_PASSWORD,
    FIELD_KEEPALIVE,
    FIELD_REASON_CODE,
    NUM_FIELDS,
    PROPERTY_USER = 38,
};

enum form { NONE, BYTE, TWO_BYTES, FOUR_BYTES, TEXT, PAIR };
enum { IN_CONNECT = 1 << 0, IN_WILL = 1 << 1, IN_CONNACK = 1 << 2 };

static const struct {
    const char *name;
    enum form form;
    uint8_t in;
} fields[NUM_FIELDS] = {
    [1] = { "1", BYTE, IN_WILL },
    [2] = { "2", FOUR_BYTES, IN_WILL },
    [3] = { "3", TEXT, IN_WILL },
    [8] = { "8", TEXT, IN_WILL },
    [9] = { "9", TEXT, IN_WILL },
    [17] = { "17", FOUR_BYTES, IN_CONNECT | IN_CONNACK },
    [18] = { "18", TEXT, IN_CONNACK },
    [19] = { "19", TWO_BYTES, IN_CONNACK },
    [21] = { "21", TEXT, IN_CONNECT | IN_CONNACK },
    [22] = { "22", TEXT, IN_CONNECT | IN_CONNACK },
    [23] = { "23", BYTE, IN_CONNECT },
    [24] = { "24", FOUR_BYTES, IN_WILL },
    [25] = { "25", BYTE, IN_CONNECT },
    [26] = { "26", TEXT, IN_CONNACK },
    [28] = { "28", TEXT, IN_CONNACK },
    [31] = { "31", TEXT, IN_CONNACK },
    [33] = { "33", TWO_BYTES, IN_CONNECT | IN_CONNACK },
    [34] = { "34", TWO_BYTES, IN_CONNECT | IN_CONNACK },
    [36] = { "36", BYTE, IN_CONNACK },
    [37] = { "37", BYTE, IN_CONNACK },
    [PROPERTY_USER] = { "38", PAIR, IN_CONNECT | IN_WILL | IN_CONNACK },
    [39] = { "39", FOUR_BYTES, IN_CONNECT | IN_CONNACK },
    [40] = { "40", BYTE, IN_CONNACK },
    [41] = { "41", BYTE, IN_CONNACK },
    [42] = { "42", BYTE, IN_CONNACK },
    [FIELD_FLAGS] = { "flags", BYTE, IN_CONNECT | IN_CONNACK },
    [FIELD_PROTOCOL_NAME] = { "protocol_name", TEXT, IN_CONNECT },
    [FIELD_PROTOCOL_VERSION] = { "protocol_version", BYTE, IN_CONNECT | IN_CONNACK },
    [FIELD_CLIENT_IDENTIFIER] = { "client_identifier", TEXT, IN_CONNECT },
    [FIELD_WILL_TOPIC] = { "will_topic", TEXT, IN_CONNECT },
    [FIELD_WILL_PAYLOAD] = { "will_payload", TEXT, IN_CONNECT },
    [FIELD_USERNAME] = { "username", TEXT, IN_CONNECT },
    [FIELD_PASSWORD] = { "password", TEXT, IN_CONNECT },
    [FIELD_KEEPALIVE] = { "keepalive", TWO_BYTES, IN_CONNECT },
    [FIELD_REASON_CODE] = { "reason_code", BYTE, IN_CONNACK },
};

struct packet {
    uint8_t type;
    struct slice rest; // what is not read yet
    bool seen[NUM_FIELDS];
    uint32_t num[NUM_FIELDS];
    struct slice text[NUM_FIELDS];
};

static bool read_number(uint32_t *out, struct slice *rest, size_t len)
{
    if (rest->len < len)
        return false;
    *out = 0;
    for (size_t i = 0; i < len; i++)
        *out = *out << 8 | (uint8_t)rest->ptr[i];
    *rest = slice_from(*rest, len);
    return true;
}

static bool read_text(struct slice *out, struct slice *rest)
{
    uint32_t len;
    if (!read_number(&len, rest, 2) || len > rest->len)
        return false;
    *out = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return true;
}

// A variable byte integer (MQTT 5.0 section 1.5.5). False where it is too long; `*whole` is false where it is cut.
static bool read_length(uint32_t *out, bool *whole, struct slice *rest)
{
    *out = 0;
    *whole = true;
    for (size_t i = 0; i < 4; i++) {
        if (i == rest->len)
            return *whole = false;
        uint8_t byte = (uint8_t)rest->ptr[i];
        *out |= (uint32_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = slice_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool read_field(struct packet *packet, struct slice *rest, size_t field)
{
    bool again = packet->seen[field];
    packet->seen[field] = true;
    switch (fields[field].form) {
    case BYTE:
        return !again && read_number(&packet->num[field], rest, 1);
    case TWO_BYTES:
        return !again && read_number(&packet->num[field], rest, 2);
    case FOUR_BYTES:
        return !again && read_number(&packet->num[field], rest, 4);
    case TEXT:
        return !again && read_text(&packet->text[field], rest);
    case PAIR:
        return read_text(&packet->text[field], rest) && read_text(&packet->text[field], rest);
    case NONE:
        break;
    }
    return false;
}

static bool read_properties(struct packet *packet, uint8_t in)
{
    uint32_t len, property;
    bool whole;
    if (!read_length(&len, &whole, &packet->rest) || len > packet->rest.len)
        return false;
    struct slice rest = slice_of(packet->rest.ptr, len);
    packet->rest = slice_from(packet->rest, len);
    while (rest.len) {
        if (!read_number(&property, &rest, 1) || property >= FIELD_FLAGS || !(fields[property].in & in) ||
            !read_field(packet, &rest, property))
            return false;
    }
    return true;
}

// MQTT 5.0 section 3.1.
static bool read_connect(struct packet *packet)
{
    enum { RESERVED = 0x01, WILL = 0x04, PASSWORD = 0x40, USERNAME = 0x80 };
    struct slice *rest = &packet->rest;
    if (!read_field(packet, rest, FIELD_PROTOCOL_NAME) || !read_field(packet, rest, FIELD_PROTOCOL_VERSION) ||
        !read_field(packet, rest, FIELD_FLAGS) || !read_field(packet, rest, FIELD_KEEPALIVE))
        return false;
    struct slice name = packet->text[FIELD_PROTOCOL_NAME];
    uint32_t version = packet->num[FIELD_PROTOCOL_VERSION], flags = packet->num[FIELD_FLAGS];
    if ((!slice_equal(name, SLICE("MQTT")) && !slice_equal(name, SLICE("MQIsdp"))) || version < 3 || version > 5 ||
        flags & RESERVED)
        return false;
    if (version == 5 && !read_properties(packet, IN_CONNECT))
        return false;
    if (!read_field(packet, rest, FIELD_CLIENT_IDENTIFIER))
        return false;
    if (flags & WILL && ((version == 5 && !read_properties(packet, IN_WILL)) ||
                         !read_field(packet, rest, FIELD_WILL_TOPIC) || !read_field(packet, rest, FIELD_WILL_PAYLOAD)))
        return false;
    if (flags & USERNAME && !read_field(packet, rest, FIELD_USERNAME))
        return false;
    if (flags & PASSWORD && !read_field(packet, rest, FIELD_PASSWORD))
        return false;
    return rest->len == 0;
}

// MQTT 5.0 section 3.2. It does not say its version: only 5.0 has properties.
static bool read_connack(struct packet *packet)
{
    struct slice *rest = &packet->rest;
    if (!read_field(packet, rest, FIELD_FLAGS) || !read_field(packet, rest, FIELD_REASON_CODE) ||
        packet->num[FIELD_FLAGS] > 1)
        return false;
    packet->num[FIELD_PROTOCOL_VERSION] = rest->len ? 5 : 4;
    return rest->len == 0 || (read_properties(packet, IN_CONNACK) && rest->len == 0);
}

enum parse { PARSE_DONE, PARSE_MORE, PARSE_BAD };

static enum parse parse_packet(struct packet *packet, struct slice bytes)
{
    uint32_t first, len;
    bool whole;
    *packet = (struct packet){ 0 };
    if (!read_number(&first, &bytes, 1))
        return PARSE_MORE;
    if (!read_length(&len, &whole, &bytes))
        return whole ? PARSE_BAD : PARSE_MORE;
    // The low half of the first byte is zero for both types.
    if (first != CONNECT << 4 && first != CONNACK << 4)
        return PARSE_BAD;
    if (len > bytes.len)
        return PARSE_MORE;
    packet->type = (uint8_t)(first >> 4);
    packet->rest = slice_of(bytes.ptr, len);
    return (packet->type == CONNECT ? read_connect(packet) : read_connack(packet)) ? PARSE_DONE : PARSE_BAD;
}

static bool conv_mqtt_is_valid(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct packet packet;
    (void)args;
    enum parse parse = parse_packet(&packet, sample->str);
    if (parse == PARSE_MORE) {
        subject->may_change = !subject->final;
        return false;
    }
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = parse == PARSE_DONE };
    return true;
}

// args[0].num is the type of packet, args[1].num the field.
static const char *prepare_mqtt(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    struct slice type = args[0].str;
    if (slice_equal(type, SLICE("1")) || slice_equal_nocase(type, SLICE("connect")))
        args[0].num = CONNECT;
    else if (slice_equal(type, SLICE("2")) || slice_equal_nocase(type, SLICE("connack")))
        args[0].num = CONNACK;
    else
        return "its packet type is connect (1) or connack (2)";
    uint8_t in = args[0].num == CONNECT ? IN_CONNECT | IN_WILL : IN_CONNACK;
    for (int64_t i = 0; i < NUM_FIELDS; i++)
        if (fields[i].in & in && i != PROPERTY_USER && slice_equal_nocase(args[1].str, slice_str(fields[i].name)))
            args[1].num = i;
    if (args[1].num)
        return NULL;
    return args[0].num == CONNECT ? "a connect packet has no such field or property that can be read"
                                  : "a connack packet has no such field or property that can be read";
}

static bool conv_mqtt_field_value(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct packet packet;
    int64_t field = args[1].num;
    enum parse parse = parse_packet(&packet, sample->str);
    if (parse == PARSE_MORE)
        subject->may_change = !subject->final;
    if (parse != PARSE_DONE || packet.type != args[0].num)
        return false;
    if (fields[field].form == TEXT) {
        *sample = (struct expr_sample){ .type = EXPR_STR, .str = packet.text[field] };
        return packet.text[field].len > 0;
    }
    // A property that is not there counts as 0, but only where there could be one.
    if (field < FIELD_FLAGS && packet.num[FIELD_PROTOCOL_VERSION] != 5)
        return false;
    if (fields[field].in == IN_WILL && !packet.seen[FIELD_WILL_TOPIC])
        return false;
    size_t room;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    size_t len = (size_t)snprintf(out, room, "%" PRIu32, packet.num[field]);
    return len < room && expr_sample_take(sample, &subject->process->scratch, EXPR_STR, len);
}

static const struct expr_conv rows[] = {
    { .name = "mqtt_is_valid",
      .in = EXPR_BIN,
      .out = EXPR_BOOL,
      .convert = conv_mqtt_is_valid,
      .help =
          "Whether it begins with a CONNECT or CONNACK packet of MQTT 3.1, 3.1.1 or 5.0. No value while the packet is "
          "not whole.",
      .good = "str(%20%02%01%05),url_dec,mqtt_is_valid",
      .gives = "1",
      .bad = "str(a),mqtt_is_valid(1)",
      .bad_says = "takes no arguments" },
    { .name = "mqtt_field_value",
      .args = "<packettype>,<fieldname_or_property_ID>",
      .min_args = 2,
      .max_args = 2,
      .in = EXPR_BIN,
      .out = EXPR_STR,
      .prepare = prepare_mqtt,
      .convert = conv_mqtt_field_value,
      .help = "A field of an MQTT packet. Of connect (1): flags, protocol_name, protocol_version, client_identifier, "
              "will_topic, will_payload, username, password, keepalive; of connack (2): flags, protocol_version, "
              "reason_code; of either in MQTT 5.0 a property by its number, but 38.",
      .good = "str(%20%02%01%05),url_dec,mqtt_field_value(connack,reason_code)",
      .gives = "5",
      .bad = "str(a),mqtt_field_value(publish,topic)",
      .bad_says = "its packet type is connect (1) or connack (2)" },
};
EXPR_CONVERTERS(rows);
