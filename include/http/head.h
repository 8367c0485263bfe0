// SPDX-License-Identifier: Apache-2.0
// The HTTP/1 head parser: one pass over the bytes of a request or response head, into a table of offsets with known
// field names resolved to ids, and the framing that follows from them. Pure: no I/O, no allocation, no clock; the
// caller owns the bytes and the field table. Strict (RFC 9112): what two implementations could read differently is
// refused with a reason. It never copies and never changes the bytes.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

// Field names the balancer acts on. HTTP_FIELD_OTHER is any other.
enum http_field_id {
    HTTP_FIELD_OTHER,
    HTTP_FIELD_HOST,
    HTTP_FIELD_CONNECTION,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_UPGRADE,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_TE,
    HTTP_FIELD_TRAILER,
    HTTP_FIELD_KEEP_ALIVE,
    HTTP_FIELD_PROXY_CONNECTION,
    HTTP_FIELD_PROXY_AUTHENTICATE,
    HTTP_FIELD_PROXY_AUTHORIZATION,
    HTTP_FIELD_COOKIE,
    HTTP_FIELD_SET_COOKIE,
    HTTP_FIELD_X_FORWARDED_FOR,
    HTTP_FIELD_X_FORWARDED_PROTO,
    HTTP_FIELD_X_FORWARDED_PORT,
    HTTP_FIELD_FORWARDED,
    HTTP_FIELD_CONTENT_TYPE,
    HTTP_FIELD_CONTENT_ENCODING,
    HTTP_FIELD_CACHE_CONTROL,
    HTTP_FIELD_DATE,
    HTTP_FIELD_SERVER,
    HTTP_FIELD_LOCATION,
    HTTP_FIELD_USER_AGENT,
    HTTP_FIELD_REFERER,
    HTTP_FIELD_AUTHORIZATION,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_ORIGIN,
    HTTP_FIELD_SEC_WEBSOCKET_KEY,
    HTTP_FIELD_SEC_WEBSOCKET_ACCEPT,
    HTTP_FIELD_SEC_WEBSOCKET_VERSION,
    HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL,
    HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS,
    HTTP_NUM_FIELD_IDS
};

enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_PATCH,
};

struct http_field {
    uint32_t name;  // offset of the name from the head's first byte
    uint32_t value; // offset of the value, without the white space around it
    uint32_t value_len;
    uint16_t name_len;
    uint8_t id; // enum http_field_id
    uint8_t spare;
};

// What the head says about the message, found while parsing.
enum {
    HTTP_HEAD_CHUNKED = 1 << 0,       // Transfer-Encoding: chunked
    HTTP_HEAD_LENGTH = 1 << 1,        // a valid Content-Length; see content_length
    HTTP_HEAD_CLOSE = 1 << 2,         // Connection: close
    HTTP_HEAD_KEEP_ALIVE = 1 << 3,    // Connection: keep-alive
    HTTP_HEAD_UPGRADE = 1 << 4,       // Connection: upgrade together with an Upgrade field
    HTTP_HEAD_WEBSOCKET = 1 << 5,     // HTTP_HEAD_UPGRADE, and the Upgrade field says websocket
    HTTP_HEAD_EXPECT_100 = 1 << 6,    // Expect: 100-continue
    HTTP_HEAD_CONN_OTHER = 1 << 7,    // Connection names further fields, which must not travel on
    HTTP_HEAD_TE_TRAILERS = 1 << 8,   // TE: trailers
    HTTP_HEAD_ABSOLUTE = 1 << 9,      // the request target was in absolute form; authority says for whom
    HTTP_HEAD_VERSION_10 = 1 << 10,   // HTTP/1.0; otherwise HTTP/1.1
    HTTP_HEAD_CONN_UPGRADE = 1 << 11, // Connection: upgrade, with or without an Upgrade field
    HTTP_HEAD_LENGTH_AGAIN = 1 << 12, // Content-Length was repeated with the same number; http_head_write sends one
};

struct http_head {
    const char *base; // the head's first byte: set by the caller before each call (the buffer may have moved)
    uint32_t len;     // bytes of the whole head, the empty line included, once parsed
    uint32_t flags;   // HTTP_HEAD_*
    uint64_t content_length;
    // Requests. All offsets are from `base`.
    uint32_t method_len; // the method starts at the request line's offset `line`
    uint32_t line;       // offset of the start line (empty lines before it are skipped, RFC 9112 section 2.2)
    uint32_t target;     // offset and length of the request target as it stands
    uint32_t target_len;
    uint32_t path; // offset and length of path and query as they stand in the target: "/" is not made up, so that the
                   // length is 0 for "*", CONNECT and "http://host", and "?query" may follow an authority directly
    uint32_t path_len;
    uint32_t authority; // offset and length of the authority in absolute-form or authority-form (CONNECT); 0 without
    uint32_t authority_len;
    // Responses.
    uint32_t reason;
    uint32_t reason_len;
    uint16_t status;
    uint8_t method; // enum http_method
    uint8_t is_response;
    uint16_t num_fields;
    uint16_t max_fields; // set by http_head_init
    struct http_field *fields;
    uint16_t first[HTTP_NUM_FIELD_IDS]; // index + 1 of the first field of each known id, 0 for none
    // The parser's own, so that a head that comes in pieces is not read again from its start.
    uint32_t resume;
    uint8_t stage;
    uint8_t num_crlf;
};

enum http_parse {
    HTTP_PARSE_DONE, // the head is whole and valid
    HTTP_PARSE_MORE, // valid so far; call again with more bytes (and base set anew)
    HTTP_PARSE_BAD,  // answer 400 (request) or 502 (response)
    HTTP_PARSE_MANY, // more than max_fields fields: 431
};

// Why a head is bad; the name is for logs. The set may grow.
enum http_bad {
    HTTP_BAD_NONE,
    HTTP_BAD_METHOD,            // not a token, or more than two empty lines before it
    HTTP_BAD_TARGET,            // a character that may not stand in a target, or a form the method does not allow
    HTTP_BAD_VERSION,           // neither HTTP/1.0 nor HTTP/1.1
    HTTP_BAD_STATUS,            // not three digits from 100 to 599 (up to 999 accepted)
    HTTP_BAD_LINE_END,          // CR without LF or LF without CR
    HTTP_BAD_NAME,              // empty or not a token, white space before the colon
    HTTP_BAD_VALUE,             // NUL or another control character
    HTTP_BAD_FOLD,              // obs-fold
    HTTP_BAD_LENGTH,            // Content-Length is no number, or two differ
    HTTP_BAD_LENGTH_AND_CODING, // Content-Length together with Transfer-Encoding
    HTTP_BAD_CODING,            // a transfer coding other than chunked, chunked twice or not last, or in HTTP/1.0
    HTTP_BAD_HOST,              // missing in HTTP/1.1, twice, or malformed; or differing from an absolute target's
};

// http_head_init makes `head` ready to parse one head into `fields`, which has room for `max_fields`.
void http_head_init(struct http_head *head, struct http_field *fields, uint16_t max_fields);

// http_head_parse_request parses a request head from the `len` bytes at head->base, going on where the last call with
// the same head stopped. On HTTP_PARSE_BAD `*bad` says why. A head's field table and flags are complete only on
// HTTP_PARSE_DONE, after which, as after BAD and MANY, `head` is not parsed on. An absolute target goes with a Host of
// the same authority (ports that the scheme implies may be left out); one that differs is refused, although RFC 9112
// section 3.2.2 would let a proxy replace it. A fragment or a byte of 0x80 and above in the target is refused.
// Content-Length fields or elements that repeat one number are taken as one (RFC 9110 section 8.6). RFC 9112 sections
// 2, 3, 5, 6; RFC 9110 section 7.2 (Host).
enum http_parse http_head_parse_request(struct http_head *head, enum http_bad *bad, size_t len);

// http_head_parse_response parses a response head likewise. Whether a body follows depends on the request's method
// too: see http_response_has_body. RFC 9112 section 4.
enum http_parse http_head_parse_response(struct http_head *head, enum http_bad *bad, size_t len);

// http_fields_parse parses the field lines of a trailer section: `len` bytes at head->base that end with an empty line.
// Fields of framing, routing and connections (Host to Proxy-Connection in enum http_field_id) are refused there
// (HTTP_BAD_NAME). RFC 9112 section 7.1.2, RFC 9110 section 6.5.1.
enum http_parse http_fields_parse(struct http_head *head, enum http_bad *bad, size_t len);

// http_response_has_body says whether a response `head` to a request with `method` is followed by a body: not for HEAD,
// 1xx, 204, 304, nor for a 2xx to CONNECT. RFC 9112 section 6.3.
bool http_response_has_body(const struct http_head *head, enum http_method method);

// http_bad_name gives a short English text for `bad`, for logs and error answers.
const char *http_bad_name(enum http_bad bad);

// http_status_reason gives the standard reason phrase of `status`, or "Unknown".
const char *http_status_reason(uint16_t status);

// http_method_name gives the name of `method`, or "" for HTTP_METHOD_OTHER.
const char *http_method_name(enum http_method method);

// http_field_name gives the canonical lower-case name of `id`, or "" for HTTP_FIELD_OTHER.
const char *http_field_name(enum http_field_id id);

// http_field_id_of gives the id of the field name `name`, whatever its case.
enum http_field_id http_field_id_of(struct slice name);

// http_field_value gives the value of the field at `index`.
static inline struct slice http_field_value(const struct http_head *head, unsigned index)
{
    return slice_of(head->base + head->fields[index].value, head->fields[index].value_len);
}

// http_field_name_at gives the name of the field at `index` as it was written.
static inline struct slice http_field_name_at(const struct http_head *head, unsigned index)
{
    return slice_of(head->base + head->fields[index].name, head->fields[index].name_len);
}

// http_head_find gives the index of the first field with `id` at or after `from`, or -1.
int http_head_find(const struct http_head *head, enum http_field_id id, unsigned from);

// http_head_find_name gives the index of the first field named `name` (any case) at or after `from`, or -1.
int http_head_find_name(const struct http_head *head, struct slice name, unsigned from);

// http_list_has says whether the comma-separated list `value` holds `token`, whatever its case (RFC 9110
// section 5.6.1).
bool http_list_has(struct slice value, struct slice token);

// http_host_is_valid says whether `host` is a well-formed Host value: uri-host [":" port], possibly empty.
bool http_host_is_valid(struct slice host);
