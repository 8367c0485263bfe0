// SPDX-License-Identifier: Apache-2.0
// Every function reads a prefix of the answer and decides as soon as it can: a server that says something else is not
// waited for.
#include <stdio.h>
#include <string.h>
#include "protocol_hear.h"

// What the server says may be anything: what cannot be printed becomes '?', and the first line is enough.
static void tell(struct check_reading *reading, struct slice text)
{
    size_t len = 0;
    while (len < text.len && len < sizeof(reading->text) - 1 && text.ptr[len] != '\r' && text.ptr[len] != '\n') {
        char c = text.ptr[len];
        reading->text[len++] = c >= ' ' && c < 0x7f ? c : '?';
    }
    reading->text[len] = '\0';
}

static enum check_verdict refuse(struct check_reading *reading, enum check_status status, uint32_t code,
                                 struct slice text)
{
    reading->status = status;
    reading->code = (uint16_t)code;
    tell(reading, text);
    return CHECK_FAIL;
}

static enum check_verdict bad(struct check_reading *reading, enum check_status status, struct slice text)
{
    return refuse(reading, status, 0, text);
}

// The answer was what was hoped for; with the last one the check is over.
static enum check_verdict good(struct check_reading *reading, const struct check_step *step, size_t used, uint32_t code,
                               struct slice text)
{
    reading->used = used;
    reading->status = CHECK_L7OK;
    reading->code = (uint16_t)code;
    tell(reading, text);
    return step->next ? CHECK_NEXT : CHECK_PASS;
}

static enum check_verdict more(struct check_reading *reading)
{
    if (!reading->last)
        return CHECK_MORE;
    return bad(reading, CHECK_L7RSP,
               reading->data.len ? SLICE("the answer is not complete") : SLICE("there is no answer"));
}

static uint32_t read_le(const char *at, size_t len)
{
    uint32_t value = 0;
    while (len--)
        value = value << 8 | (uint8_t)at[len];
    return value;
}

static uint32_t read_be(const char *at, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

// ---- MySQL: packets of a length in 3 bytes, a number, and a body -------------------------------------------------

enum { MYSQL_HEAD = 4, MYSQL_ERROR = 0xff, MYSQL_VERSION = 10, MYSQL_MAX = 4096 };

// A whole packet's body; CHECK_NEXT where it is there.
static enum check_verdict mysql_packet(struct check_reading *reading, struct slice *body)
{
    struct slice got = reading->data;
    if (got.len < MYSQL_HEAD)
        return more(reading);
    uint32_t len = read_le(got.ptr, 3);
    if (len == 0 || len > MYSQL_MAX)
        return bad(reading, CHECK_L7RSP, SLICE("no MySQL packet"));
    if (got.len < MYSQL_HEAD + len)
        return more(reading);
    *body = slice_of(got.ptr + MYSQL_HEAD, len);
    return CHECK_NEXT;
}

// An error: its number in 2 bytes, and since 4.1 perhaps '#' with 5 bytes of SQL state before the text.
static enum check_verdict mysql_error(struct check_reading *reading, struct slice body)
{
    if (body.len < 3)
        return bad(reading, CHECK_L7RSP, SLICE("no MySQL error packet"));
    struct slice text = slice_from(body, 3);
    if (text.len >= 6 && *text.ptr == '#')
        text = slice_from(text, 6);
    return refuse(reading, CHECK_L7STS, read_le(body.ptr + 1, 2), text);
}

enum check_verdict protocol_hear_mysql_hello(struct check_reading *reading, const struct check_step *step)
{
    struct slice body;
    enum check_verdict heard = mysql_packet(reading, &body);
    if (heard != CHECK_NEXT)
        return heard;
    uint8_t kind = (uint8_t)*body.ptr;
    if (kind == MYSQL_ERROR)
        return mysql_error(reading, body);
    struct slice version = slice_from(body, 1);
    if (kind != MYSQL_VERSION || slice_find(version, '\0') == version.len)
        return bad(reading, CHECK_L7RSP, SLICE("no MySQL handshake of protocol version 10"));
    return good(reading, step, MYSQL_HEAD + body.len, 0, slice_of(version.ptr, slice_find(version, '\0')));
}

// Success, or a wish for another way to authenticate: the server works.
enum check_verdict protocol_hear_mysql_login(struct check_reading *reading, const struct check_step *step)
{
    struct slice body;
    enum check_verdict heard = mysql_packet(reading, &body);
    if (heard != CHECK_NEXT)
        return heard;
    if ((uint8_t)*body.ptr == MYSQL_ERROR)
        return mysql_error(reading, body);
    return good(reading, step, MYSQL_HEAD + body.len, 0, SLICE(""));
}

// ---- PostgreSQL ---------------------------------------------------------------------------------------------------

enum { PGSQL_HEAD = 5, PGSQL_MAX = 65536 };

// Of the fields of an ErrorResponse, each a letter and a string, the message.
static struct slice pgsql_message(struct slice fields)
{
    struct slice first = slice_from(fields, 1);
    first = slice_of(first.ptr, slice_find(first, '\0'));
    while (fields.len > 1 && *fields.ptr) {
        struct slice value = slice_from(fields, 1);
        value = slice_of(value.ptr, slice_find(value, '\0'));
        if (*fields.ptr == 'M')
            return value;
        fields = slice_from(fields, value.len + 2);
    }
    return first;
}

enum check_verdict protocol_hear_pgsql(struct check_reading *reading, const struct check_step *step)
{
    struct slice got = reading->data;
    // What a server may ask for first: nothing, Kerberos 5, a password in clear, crypted or hashed, SCM credentials,
    // GSSAPI, SSPI, SASL.
    enum { ASKS = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 10, MAX_ASK = 10 };
    if (got.len && *got.ptr != 'R' && *got.ptr != 'E')
        return bad(reading, CHECK_L7STS, SLICE("no PostgreSQL message that was expected"));
    if (got.len < PGSQL_HEAD)
        return more(reading);
    uint32_t len = read_be(got.ptr + 1, 4);
    if (len < 4 || len > PGSQL_MAX)
        return bad(reading, CHECK_L7RSP, SLICE("no PostgreSQL message"));
    if (*got.ptr == 'E') {
        if (got.len < 1 + len && !reading->last)
            return CHECK_MORE;
        size_t have = got.len < 1 + len ? got.len : 1 + len;
        return bad(reading, CHECK_L7RSP, pgsql_message(slice_of(got.ptr + PGSQL_HEAD, have - PGSQL_HEAD)));
    }
    if (got.len < PGSQL_HEAD + 4)
        return more(reading);
    uint32_t ask = read_be(got.ptr + PGSQL_HEAD, 4);
    if (len < 8 || ask > MAX_ASK || !(ASKS >> ask & 1))
        return bad(reading, CHECK_L7STS, SLICE("no PostgreSQL authentication that is known"));
    return good(reading, step, got.len, 0, SLICE("PostgreSQL server is ok"));
}

// ---- Redis --------------------------------------------------------------------------------------------------------

enum check_verdict protocol_hear_redis(struct check_reading *reading, const struct check_step *step)
{
    struct slice got = reading->data;
    static const char pong[] = "+PONG\r\n";
    enum { LEN = sizeof(pong) - 1, LINE_MAX = 512 };
    size_t len = got.len < LEN ? got.len : LEN;
    if (memcmp(got.ptr ? got.ptr : "", pong, len) == 0) {
        if (len < LEN)
            return !reading->last ? CHECK_MORE : bad(reading, CHECK_L7STS, len ? got : SLICE("there is no answer"));
        return good(reading, step, LEN, 0, SLICE("Redis server is ok"));
    }
    // The whole line says more.
    if (!reading->last && slice_find(got, '\n') == got.len && got.len < LINE_MAX)
        return CHECK_MORE;
    return bad(reading, CHECK_L7STS, got);
}

// ---- SMTP ---------------------------------------------------------------------------------------------------------

// A line of a reply: three digits, and a '-' where lines follow. RFC 5321 section 4.2.
static bool smtp_line(uint32_t *code, bool *is_last, struct slice line)
{
    *code = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i >= line.len || line.ptr[i] < '0' || line.ptr[i] > '9')
            return false;
        *code = *code * 10 + (uint32_t)(line.ptr[i] - '0');
    }
    *is_last = line.len == 3 || line.ptr[3] != '-';
    return line.len == 3 || line.ptr[3] == '-' || line.ptr[3] == ' ' || line.ptr[3] == '\r';
}

enum check_verdict protocol_hear_smtp(struct check_reading *reading, const struct check_step *step)
{
    struct slice got = reading->data;
    enum { REPLY_MAX = 8192 };
    uint32_t first = 0;
    bool is_last = false;
    for (struct slice rest = got;;) {
        size_t len = slice_find(rest, '\n');
        struct slice line = slice_of(rest.ptr, len);
        uint32_t code;
        if (len == rest.len) {
            if (got.len > REPLY_MAX)
                return bad(reading, CHECK_L7RSP, SLICE("the reply is too long"));
            return reading->last && got.len ? bad(reading, CHECK_L7RSP, got) : more(reading);
        }
        if (!smtp_line(&code, &is_last, line) || (first && code != first))
            return bad(reading, CHECK_L7RSP, line);
        struct slice text = slice_trim(slice_from(line, 4));
        if (code / 100 != 2)
            return refuse(reading, CHECK_L7STS, code, text);
        first = code;
        rest = slice_from(rest, len + 1);
        if (is_last)
            return good(reading, step, got.len - rest.len, code, text);
    }
}

// ---- LDAP ---------------------------------------------------------------------------------------------------------

// BER: the head of an element, its tag and its length, is taken off `rest`.
static enum check_verdict ber_head(uint32_t *len, struct slice *rest, uint8_t tag)
{
    if (rest->len < 1)
        return CHECK_MORE;
    if ((uint8_t)*rest->ptr != tag)
        return CHECK_FAIL;
    if (rest->len < 2)
        return CHECK_MORE;
    uint8_t short_len = (uint8_t)rest->ptr[1];
    size_t num = short_len & 0x80 ? short_len & 0x7f : 0;
    if ((short_len & 0x80) && (num == 0 || num > 4))
        return CHECK_FAIL;
    if (rest->len < 2 + num)
        return CHECK_MORE;
    *len = num ? read_be(rest->ptr + 2, num) : short_len;
    *rest = slice_from(*rest, 2 + num);
    return CHECK_NEXT;
}

// An INTEGER or ENUMERATED of one byte.
static enum check_verdict ber_small(uint8_t *value, struct slice *rest, uint8_t tag)
{
    uint32_t len = 0;
    enum check_verdict heard = ber_head(&len, rest, tag);
    if (heard != CHECK_NEXT)
        return heard;
    if (len != 1)
        return CHECK_FAIL;
    if (!rest->len)
        return CHECK_MORE;
    *value = (uint8_t)*rest->ptr;
    *rest = slice_from(*rest, 1);
    return CHECK_NEXT;
}

enum check_verdict protocol_hear_ldap(struct check_reading *reading, const struct check_step *step)
{
    struct slice got = reading->data;
    enum { SEQUENCE = 0x30, INTEGER = 0x02, BIND_RESPONSE = 0x61, ENUMERATED = 0x0a };
    struct slice rest = got;
    uint32_t len;
    uint8_t id = 1, code = 0;
    enum check_verdict heard = ber_head(&len, &rest, SEQUENCE);
    if (heard == CHECK_NEXT)
        heard = ber_small(&id, &rest, INTEGER);
    if (heard == CHECK_NEXT)
        heard = ber_head(&len, &rest, BIND_RESPONSE);
    if (heard == CHECK_NEXT)
        heard = ber_small(&code, &rest, ENUMERATED);
    if (heard == CHECK_MORE)
        return more(reading);
    if (heard == CHECK_FAIL || id != 1)
        return bad(reading, CHECK_L7RSP, SLICE("Not LDAPv3 protocol"));
    if (code)
        return refuse(reading, CHECK_L7STS, code, SLICE("resultCode of RFC 4511 section 4.1.9"));
    return good(reading, step, got.len, 0, SLICE(""));
}

// ---- SSL ----------------------------------------------------------------------------------------------------------

enum check_verdict protocol_hear_ssl(struct check_reading *reading, const struct check_step *step)
{
    struct slice got = reading->data;
    enum { ALERT = 0x15, HANDSHAKE = 0x16, RECORD_HEAD = 5 };
    if (!got.len)
        return !reading->last ? CHECK_MORE : bad(reading, CHECK_L6RSP, SLICE("there is no answer"));
    if (*got.ptr != ALERT && *got.ptr != HANDSHAKE)
        return bad(reading, CHECK_L6RSP, SLICE("no SSL record"));
    if (got.len < RECORD_HEAD && !reading->last)
        return CHECK_MORE;
    enum check_verdict verdict = good(reading, step, got.len, 0, SLICE(""));
    reading->status = CHECK_L6OK;
    return verdict;
}
