// SPDX-License-Identifier: Apache-2.0
#include "stream/hello.h"

enum { TLS_HANDSHAKE = 22, TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2 };
enum { RECORD_HEAD_LEN = 5, MESSAGE_HEAD_LEN = 4, RANDOM_LEN = 32 };

enum {
    EXTENSION_NAME = 0,
    EXTENSION_GROUPS = 10,
    EXTENSION_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_TICKET = 35,
    EXTENSION_KEY_SHARES = 51,
};

static uint32_t byte_at(struct slice data, size_t at)
{
    return (uint8_t)data.ptr[at];
}

// Takes a number of `len` bytes off the front; false where there are not as many.
static bool take_number(uint32_t *out, struct slice *data, size_t len)
{
    if (data->len < len)
        return false;
    *out = 0;
    for (size_t i = 0; i < len; i++)
        *out = *out << 8 | byte_at(*data, i);
    *data = slice_from(*data, len);
    return true;
}

// Takes a run of bytes whose length stands before it in `len_bytes` bytes.
static bool take_vector(struct slice *out, struct slice *data, size_t len_bytes)
{
    uint32_t len;
    if (!take_number(&len, data, len_bytes) || len > data->len)
        return false;
    *out = slice_of(data->ptr, len);
    *data = slice_from(*data, len);
    return true;
}

// The body of the handshake message `type` that fills the first record from its start.
static enum stream_hello find_message(struct slice *out, struct slice data, uint32_t type)
{
    if (data.len && byte_at(data, 0) != TLS_HANDSHAKE)
        return STREAM_HELLO_BAD;
    if (data.len > 1 && byte_at(data, 1) != 3)
        return STREAM_HELLO_BAD;
    if (data.len < RECORD_HEAD_LEN)
        return STREAM_HELLO_MORE;
    size_t record_len = byte_at(data, 3) << 8 | byte_at(data, 4);
    struct slice rest = slice_from(data, RECORD_HEAD_LEN);
    if (record_len < MESSAGE_HEAD_LEN || (rest.len && byte_at(rest, 0) != type))
        return STREAM_HELLO_BAD;
    if (rest.len < MESSAGE_HEAD_LEN)
        return STREAM_HELLO_MORE;
    size_t len = byte_at(rest, 1) << 16 | byte_at(rest, 2) << 8 | byte_at(rest, 3);
    if (len > record_len - MESSAGE_HEAD_LEN)
        return STREAM_HELLO_BAD;
    rest = slice_from(rest, MESSAGE_HEAD_LEN);
    if (rest.len < len)
        return STREAM_HELLO_MORE;
    *out = slice_of(rest.ptr, len);
    return STREAM_HELLO_OK;
}

static bool read_name(struct stream_client_hello *out, struct slice data)
{
    struct slice list, name;
    uint32_t type;
    if (!take_vector(&list, &data, 2))
        return false;
    while (list.len) {
        if (!take_number(&type, &list, 1) || !take_vector(&name, &list, 2))
            return false;
        if (type == 0 && !out->name.ptr)
            out->name = name;
    }
    return true;
}

static bool read_alpn(struct stream_client_hello *out, struct slice data)
{
    struct slice list;
    return take_vector(&list, &data, 2) && take_vector(&out->alpn, &list, 1);
}

static bool read_extension(struct stream_client_hello *out, uint32_t type, struct slice data)
{
    switch (type) {
    case EXTENSION_NAME:
        return read_name(out, data);
    case EXTENSION_GROUPS:
        return take_vector(&out->groups, &data, 2);
    case EXTENSION_ALGORITHMS:
        return take_vector(&out->algorithms, &data, 2);
    case EXTENSION_ALPN:
        return read_alpn(out, data);
    case EXTENSION_TICKET:
        out->ticket = data.len ? 2 : 1;
        return true;
    case EXTENSION_KEY_SHARES:
        return take_vector(&out->key_shares, &data, 2);
    default:
        return true;
    }
}

enum stream_hello stream_hello_client(struct stream_client_hello *out, struct slice data)
{
    struct slice message, skipped, extensions, extension;
    uint32_t major, minor, type;
    *out = (struct stream_client_hello){ 0 };
    enum stream_hello result = find_message(&message, data, TLS_CLIENT_HELLO);
    if (result != STREAM_HELLO_OK)
        return result;
    if (!take_number(&major, &message, 1) || !take_number(&minor, &message, 1) || message.len < RANDOM_LEN)
        return STREAM_HELLO_BAD;
    out->version = major << 16 | minor;
    message = slice_from(message, RANDOM_LEN);
    // The session's identity, the ciphers, the ways of compression.
    if (!take_vector(&skipped, &message, 1) || !take_vector(&out->ciphers, &message, 2) ||
        !take_vector(&skipped, &message, 1))
        return STREAM_HELLO_BAD;
    if (!message.len)
        return STREAM_HELLO_OK;
    if (!take_vector(&extensions, &message, 2))
        return STREAM_HELLO_BAD;
    while (extensions.len)
        if (!take_number(&type, &extensions, 2) || !take_vector(&extension, &extensions, 2) ||
            !read_extension(out, type, extension))
            return STREAM_HELLO_BAD;
    return STREAM_HELLO_OK;
}

enum stream_hello stream_hello_server(struct slice data)
{
    struct slice message;
    return find_message(&message, data, TLS_SERVER_HELLO);
}

enum stream_hello stream_hello_version(uint32_t *version, struct slice data)
{
    // SSL 2: a length with its top bit set, the message's type, the version wanted.
    if (data.len && byte_at(data, 0) & 0x80) {
        if (data.len > 2 && byte_at(data, 2) != TLS_CLIENT_HELLO)
            return STREAM_HELLO_BAD;
        size_t len = data.len > 1 ? (byte_at(data, 0) & 0x7f) << 8 | byte_at(data, 1) : SIZE_MAX;
        if (len < 9)
            return STREAM_HELLO_BAD;
        if (data.len < 5 || data.len - 2 < len)
            return STREAM_HELLO_MORE;
        *version = byte_at(data, 3) << 16 | byte_at(data, 4);
        return byte_at(data, 3) == 2 || byte_at(data, 3) == 3 ? STREAM_HELLO_OK : STREAM_HELLO_BAD;
    }
    struct stream_client_hello hello;
    enum stream_hello result = stream_hello_client(&hello, data);
    *version = hello.version;
    return result;
}

// TPKT (RFC 1006) and the X.224 connection request up to its user data.
enum { RDP_HEAD_LEN = 11, RDP_TPKT_VERSION = 3, RDP_CONNECT = 0xe0 };

enum stream_hello stream_hello_rdp(struct slice *name, struct slice *value, struct slice data)
{
    static const char mark[] = "Cookie:";
    if ((data.len && byte_at(data, 0) != RDP_TPKT_VERSION) || (data.len > 5 && byte_at(data, 5) != RDP_CONNECT))
        return STREAM_HELLO_BAD;
    if (data.len < RDP_HEAD_LEN)
        return STREAM_HELLO_MORE;
    struct slice rest = slice_from(data, RDP_HEAD_LEN);
    size_t num = rest.len < sizeof(mark) - 1 ? rest.len : sizeof(mark) - 1;
    if (memcmp(rest.ptr, mark, num) != 0)
        return STREAM_HELLO_BAD;
    // What is announced ends within what TPKT says, so that the wait for a line's end does, too.
    size_t packet_len = byte_at(data, 2) << 8 | byte_at(data, 3);
    size_t end = slice_find(rest, '\n');
    if (end == rest.len)
        return data.len < packet_len ? STREAM_HELLO_MORE : STREAM_HELLO_BAD;
    if (end < num || rest.ptr[end - 1] != '\r')
        return STREAM_HELLO_BAD;
    struct slice line = slice_trim(slice_of(rest.ptr + num, end - 1 - num));
    size_t equals = slice_find(line, '=');
    if (equals == line.len)
        return STREAM_HELLO_BAD;
    *name = slice_of(line.ptr, equals);
    *value = slice_from(line, equals + 1);
    return STREAM_HELLO_OK;
}

enum { DISTCC_NAME_LEN = 4, DISTCC_HEAD_LEN = 12 };

static bool distcc_has_body(struct slice name)
{
    static const char with[][DISTCC_NAME_LEN + 1] = { "ARGV", "DOTI", "SERR", "SOUT", "DOTO",
                                                      "CDIR", "NAME", "LINK", "FILE", "DOTD" };
    for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
        if (memcmp(name.ptr, with[i], DISTCC_NAME_LEN) == 0)
            return true;
    return false;
}

enum stream_hello stream_hello_distcc(struct stream_distcc *out, struct slice *data)
{
    *out = (struct stream_distcc){ 0 };
    for (size_t i = 0; i < data->len && i < DISTCC_HEAD_LEN; i++) {
        char c = data->ptr[i];
        bool ok = i >= DISTCC_NAME_LEN ? slice_hex_digit(c) >= 0 : (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!ok)
            return STREAM_HELLO_BAD;
        out->param = i >= DISTCC_NAME_LEN ? out->param << 4 | (uint32_t)slice_hex_digit(c) : 0;
    }
    if (data->len < DISTCC_HEAD_LEN)
        return STREAM_HELLO_MORE;
    out->name = slice_of(data->ptr, DISTCC_NAME_LEN);
    out->has_body = distcc_has_body(out->name);
    *data = slice_from(*data, DISTCC_HEAD_LEN);
    if (!out->has_body)
        return STREAM_HELLO_OK;
    out->body = slice_of(data->ptr, data->len < out->param ? data->len : out->param);
    *data = slice_from(*data, out->body.len);
    return out->body.len < out->param ? STREAM_HELLO_MORE : STREAM_HELLO_OK;
}
