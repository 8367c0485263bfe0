// SPDX-License-Identifier: Apache-2.0
// The Forwarded header (RFC 7239): its check, its parameters, and the nodes in them.
#include <arpa/inet.h>
#include <stdio.h>
#include "expr/bytes.h"

enum { PARAM_FOR, PARAM_BY, PARAM_HOST, PARAM_PROTO, NUM_PARAMS };
static const char *const params[NUM_PARAMS] = { "for", "by", "host", "proto" };

static bool is_alnum(char c)
{
    char lower = slice_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

static bool is_token_char(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

// obfnode and obfport without their underscore (section 6.3); `min` bytes at least.
static bool is_obfuscated(struct slice text, size_t min)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]) && (!text.ptr[i] || !strchr("._-", text.ptr[i])))
            return false;
    return text.len >= min;
}

// Reads a node's name into `out`: an address, or the text "unknown" or "_name".
static bool read_name(struct expr_sample *out, struct slice name)
{
    bool bracket = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    char buf[INET6_ADDRSTRLEN];
    struct slice text = bracket ? slice_of(name.ptr + 1, name.len - 2) : name;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = name };
    if (slice_equal_nocase(name, SLICE("unknown")))
        return true;
    if (name.len && name.ptr[0] == '_')
        return is_obfuscated(slice_from(name, 1), 1);
    if (text.len >= sizeof(buf) || slice_find(text, '\0') < text.len)
        return false;
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr.family = bracket ? 6 : 4 };
    return inet_pton(bracket ? AF_INET6 : AF_INET, buf, out->addr.bytes) == 1;
}

// Reads a node's port into `out`: a number, or the text "_port".
static bool read_port(struct expr_sample *out, struct slice port)
{
    uint64_t num;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = port };
    if (port.len && port.ptr[0] == '_')
        return is_obfuscated(slice_from(port, 1), 1);
    if (port.len > 5 || !slice_to_u64(port, &num) || num > UINT16_MAX)
        return false;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)num };
    return true;
}

// Reads a node, "name[:port]" (section 6); `*has_port` says whether `port` was set.
static bool read_node(struct expr_sample *name, struct expr_sample *port, bool *has_port, struct slice node)
{
    size_t bracket = node.len && node.ptr[0] == '[' ? slice_find(node, ']') : 0;
    size_t colon = bracket + slice_find(slice_from(node, bracket), ':');
    *has_port = colon < node.len;
    return read_name(name, slice_of(node.ptr, *has_port ? colon : node.len)) &&
           (!*has_port || read_port(port, slice_from(node, colon + 1)));
}

// uri-host [":" port] (RFC 9110 section 7.2).
static bool is_host(struct slice host)
{
    struct expr_sample addr;
    size_t end = host.len && host.ptr[0] == '[' ? slice_find(host, ']') + 1 : slice_find(host, ':');
    if (end == 0 || end > host.len)
        return false;
    if (host.ptr[0] == '[' && !read_name(&addr, slice_of(host.ptr, end)))
        return false;
    for (size_t i = 0; i < end && host.ptr[0] != '['; i++)
        if (!is_alnum(host.ptr[i]) && (!host.ptr[i] || !strchr("-._~%!$&'()*+,;=", host.ptr[i])))
            return false;
    for (size_t i = end + 1; i < host.len; i++)
        if (host.ptr[i] < '0' || host.ptr[i] > '9')
            return false;
    return end == host.len || host.ptr[end] == ':';
}

static bool is_valid(size_t param, struct slice value)
{
    struct expr_sample name, port;
    bool has_port;
    switch (param) {
    case PARAM_FOR:
    case PARAM_BY:
        return read_node(&name, &port, &has_port, value);
    case PARAM_HOST:
        return is_host(value);
    case PARAM_PROTO:
        return slice_equal_nocase(value, SLICE("http")) || slice_equal_nocase(value, SLICE("https"));
    default:
        return true;
    }
}

static struct slice read_token(struct slice *rest)
{
    size_t len = 0;
    while (len < rest->len && is_token_char(rest->ptr[len]))
        len++;
    struct slice token = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return token;
}

// Reads a quoted-string whose quote is next; what is within the quotes, escapes as they are, into `out`.
static bool read_quoted(struct slice *out, struct slice *rest)
{
    for (size_t i = 1; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '"') {
            *out = slice_of(rest->ptr + 1, i - 1);
            *rest = slice_from(*rest, i + 1);
            return true;
        }
        i += c == '\\';
        if (i == rest->len || ((uint8_t)rest->ptr[i] < 0x20 && rest->ptr[i] != '\t') || rest->ptr[i] == 0x7f)
            return false;
    }
    return false;
}

// Reads "name=value" that `*rest` begins with; the number of a parameter that is not known is NUM_PARAMS.
static bool read_pair(size_t *param, struct slice *value, struct slice *rest)
{
    struct slice name = read_token(rest);
    if (name.len == 0 || rest->len < 2 || rest->ptr[0] != '=')
        return false;
    *rest = slice_from(*rest, 1);
    if (rest->ptr[0] == '"') {
        if (!read_quoted(value, rest))
            return false;
    } else {
        *value = read_token(rest);
        if (value->len == 0)
            return false;
    }
    for (*param = 0; *param < NUM_PARAMS && !slice_equal_nocase(name, slice_str(params[*param]));)
        (*param)++;
    return is_valid(*param, *value);
}

static struct slice skip_space(struct slice text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_from(text, 1);
    return text;
}

// Reads a whole header value (section 4): elements with ',' between them, pairs with ';' between them, no parameter
// twice in one element. The first value of the parameter `wanted` goes into `found`, which stays as it is without one.
static bool read_forwarded(struct slice *found, struct slice rest, size_t wanted)
{
    uint32_t seen = 0, num_pairs = 0;
    struct slice value;
    size_t param;
    for (rest = slice_trim(rest); rest.len;) {
        if (rest.ptr[0] == ';' || rest.ptr[0] == ',') {
            seen = rest.ptr[0] == ',' ? 0 : seen;
            rest = rest.ptr[0] == ',' ? skip_space(slice_from(rest, 1)) : slice_from(rest, 1);
            continue;
        }
        if (!read_pair(&param, &value, &rest))
            return false;
        if (param < NUM_PARAMS && seen & 1u << param)
            return false;
        seen |= 1u << param;
        num_pairs++;
        if (param == wanted && !found->ptr)
            *found = value;
        if (rest.len && rest.ptr[0] != ';') {
            rest = skip_space(rest);
            if (rest.len && rest.ptr[0] != ',')
                return false;
        }
    }
    return num_pairs > 0;
}

static bool conv_is_valid(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice found = { 0 };
    (void)subject, (void)args;
    bool valid = read_forwarded(&found, sample->str, NUM_PARAMS);
    *sample = (struct expr_sample){ .type = EXPR_BOOL, .boolean = valid };
    return true;
}

static const char *prepare_field(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    for (int64_t i = 0; i < NUM_PARAMS; i++)
        if (slice_equal_nocase(args[0].str, slice_str(params[i]))) {
            args[0].num = i;
            return NULL;
        }
    return "its argument is for, by, host or proto";
}

static bool conv_field(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct slice found = { 0 };
    (void)subject;
    if (!read_forwarded(&found, sample->str, (size_t)args[0].num) || !found.ptr)
        return false;
    sample->str = found;
    return true;
}

static bool conv_n2nn(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_sample port;
    bool has_port;
    (void)subject, (void)args;
    return read_node(sample, &port, &has_port, sample->str);
}

static bool conv_n2np(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    struct expr_sample name;
    bool has_port;
    (void)subject, (void)args;
    return read_node(&name, sample, &has_port, sample->str) && has_port;
}

// Makes `sample` the text `prefix`, `text`, `suffix`.
static bool join(struct expr_subject *subject, struct expr_sample *sample, const char *prefix, struct slice text,
                 const char *suffix)
{
    size_t room;
    char *out = expr_scratch_rest(&subject->process->scratch, &room);
    int len = snprintf(out, room, "%s%.*s%s", prefix, (int)text.len, text.ptr, suffix);
    return len > 0 && (size_t)len < room && expr_sample_take(sample, &subject->process->scratch, EXPR_STR, (size_t)len);
}

static bool is_text(const struct expr_sample *sample)
{
    return sample->type == EXPR_STR || sample->type == EXPR_BIN || sample->type == EXPR_METHOD;
}

static bool conv_nn(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    char buf[EXPR_TEXT_LEN];
    (void)args;
    if (sample->type == EXPR_ADDR && sample->addr.family == 4)
        return expr_cast(sample, EXPR_STR, &subject->process->scratch);
    if (sample->type == EXPR_ADDR)
        return join(subject, sample, "[", expr_sample_str(sample, buf), "]");
    if (!is_text(sample) || !is_obfuscated(sample->str, 0))
        return false;
    if (sample->str.len)
        return join(subject, sample, "_", sample->str, "");
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = SLICE("unknown") };
    return true;
}

static bool conv_np(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    if (sample->type == EXPR_INT)
        return sample->num >= 0 && sample->num <= UINT16_MAX && expr_cast(sample, EXPR_STR, &subject->process->scratch);
    return is_text(sample) && is_obfuscated(sample->str, 1) && join(subject, sample, "_", sample->str, "");
}

static const struct expr_conv rows[] = {
    { .name = "rfc7239_is_valid",
      .in = EXPR_STR,
      .out = EXPR_BOOL,
      .convert = conv_is_valid,
      .help = "Whether it is a value of the Forwarded header as RFC 7239 has it, its proto being http or https.",
      .good = "str(for=127.0.0.1;proto=http),rfc7239_is_valid",
      .gives = "1",
      .bad = "str(a),rfc7239_is_valid(1)",
      .bad_says = "takes no arguments" },
    { .name = "rfc7239_field",
      .args = "<field>",
      .min_args = 1,
      .max_args = 1,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_field,
      .convert = conv_field,
      .help =
          "The first value of a parameter (for, by, host or proto), without its quotes, in a valid Forwarded header's "
          "value.",
      .good = "str(for=_a;by=_b;proto=https),rfc7239_field(by)",
      .gives = "_b",
      .bad = "str(a),rfc7239_field(secret)",
      .bad_says = "its argument is for, by, host or proto" },
    { .name = "rfc7239_n2nn",
      .in = EXPR_STR,
      .out = EXPR_ANY,
      .convert = conv_n2nn,
      .help = "The name in a node of RFC 7239 (\"name:port\"): an address, or the text \"unknown\" or \"_name\".",
      .good = "str([::1]:9998),rfc7239_n2nn",
      .gives = "::1",
      .bad = "str(a),rfc7239_n2nn(1)",
      .bad_says = "takes no arguments" },
    { .name = "rfc7239_n2np",
      .in = EXPR_STR,
      .out = EXPR_ANY,
      .convert = conv_n2np,
      .help = "The port in a node of RFC 7239 (\"name:port\"): an integer, or the text \"_port\".",
      .good = "str([::1]:9998),rfc7239_n2np",
      .gives = "9998",
      .bad = "str(a),rfc7239_n2np(1)",
      .bad_says = "takes no arguments" },
    { .name = "rfc7239_nn",
      .in = EXPR_ANY,
      .out = EXPR_STR,
      .convert = conv_nn,
      .help = "An address, or a text of letters, digits, '.', '_' and '-', as the name of a node of RFC 7239: IPv6 in "
              "brackets, a text with '_' before it, \"unknown\" for an empty one.",
      .good = "str(test),rfc7239_nn",
      .gives = "_test",
      .bad = "str(a),rfc7239_nn(1)",
      .bad_says = "takes no arguments" },
    { .name = "rfc7239_np",
      .in = EXPR_ANY,
      .out = EXPR_STR,
      .convert = conv_np,
      .help =
          "An integer, or a text of letters, digits, '.', '_' and '-' with '_' put before it, as the port of a node of "
          "RFC 7239.",
      .good = "int(12),rfc7239_np",
      .gives = "12",
      .bad = "str(a),rfc7239_np(1)",
      .bad_says = "takes no arguments" },
};
EXPR_CONVERTERS(rows);
