// SPDX-License-Identifier: Apache-2.0
// The HTTP/1 head parser: one pass over the bytes of a request or response head, into a table of offsets with known
// field names resolved to ids, and the framing that follows from them. Pure: no I/O, no allocation, no clock; the
// caller owns the bytes and the field table. Strict (RFC 9112): what two implementations could read differently is
// refused with a reason. It never copies and never changes the bytes. Rules may change a parsed head in place
// (http/change.h): what they wrote then stands in a store beside the bytes, and the functions below find it there.
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

// Where text of a head stands: its offset from the head's first byte or, with this bit, from the start of the store.
#define HTTP_IN_STORE (1u << 31)

struct http_field {
    uint32_t name;  // where the name stands; in the store for fields that were added, which come after all others
    uint32_t value; // where the value stands, without the white space around it
    uint32_t value_len;
    uint16_t name_len; // 0 for a field that was dropped
    uint8_t id;        // enum http_field_id
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
    HTTP_HEAD_CHANGED = 1 << 13,      // some field was set, added or dropped since
    HTTP_HEAD_LINE_CHANGED = 1 << 14, // the start line was changed since
    HTTP_HEAD_REPEATED = 1 << 15,     // there are, or were, several fields of one known name
    HTTP_HEAD_VERSION_09 = 1 << 16,   // HTTP/0.9, with HTTP_HEAD_VERSION_10: a line without a version; `lax` only
};

struct http_head {
    const char *base; // the head's first byte: set by the caller before each call (the buffer may have moved)
    uint32_t len;     // bytes of the whole head as it came, the empty line included, once parsed
    uint32_t flags;   // HTTP_HEAD_*
    uint64_t content_length;
    uint32_t line; // offset of the start line as it came (empty lines before it are skipped, RFC 9112 section 2.2)
    // Requests: use http_head_method and its kin.
    uint32_t method_at;
    uint32_t method_len;
    uint32_t target; // the request target as it stands
    uint32_t target_len;
    uint32_t path; // path and query as they stand in the target: "/" is not made up, so that the
                   // length is 0 for "*", CONNECT and "http://host", and "?query" may follow an authority directly
    uint32_t path_len;
    uint32_t authority; // the authority in absolute-form or authority-form (CONNECT); 0 without
    uint32_t authority_len;
    // Responses.
    uint32_t reason;
    uint32_t reason_len;
    uint16_t status;
    uint8_t method; // enum http_method
    uint8_t is_response;
    bool lax;             // set by the caller after http_head_init: see there
    uint16_t version_len; // with `lax`, 0 for HTTP/1.0 and HTTP/1.1: where the version stands
    uint32_t version;
    uint16_t num_fields;
    uint16_t max_fields; // set by http_head_init
    struct http_field *fields;
    uint16_t first[HTTP_NUM_FIELD_IDS]; // index + 1 of the first field of each known id, 0 for none
    // What http/change.h wrote.
    char *store;
    uint32_t store_len;
    uint32_t store_cap;
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

// http_head_init makes `head` ready to parse one head into `fields`, which has room for `max_fields`. Who sets
// head->lax then accepts, beyond the RFCs: fields whose name holds invalid characters, which are dropped (not white
// space, nor a name that is Content-Length or Transfer-Encoding without them), NUL in values, and other protocols and
// versions of the form NAME/1.2, which travel on as they are. In requests also bytes above 0x7f and '#' in the target,
// any authority of CONNECT, a Host that is not the target's, and HTTP/0.9. In answers also status codes of 1000 to
// 65535, and Transfer-Encoding fields that are empty or say "chunked" more than once.
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

// http_status_reason gives the standard reason phrase of `status`, or one for its class ("Success").
const char *http_status_reason(uint16_t status);

// http_method_name gives the name of `method`, or "" for HTTP_METHOD_OTHER.
const char *http_method_name(enum http_method method);

// http_field_name gives the canonical lower-case name of `id`, or "" for HTTP_FIELD_OTHER.
const char *http_field_name(enum http_field_id id);

// http_field_id_of gives the id of the field name `name`, whatever its case.
enum http_field_id http_field_id_of(struct slice name);

// http_head_text gives the `len` bytes at `at`, which is an offset as in struct http_head and http_field.
static inline struct slice http_head_text(const struct http_head *head, uint32_t at, size_t len)
{
    const char *ptr = at & HTTP_IN_STORE ? head->store + (at & ~HTTP_IN_STORE) : head->base + at;
    return slice_of(ptr, len);
}

// http_head_method gives the method of a request.
static inline struct slice http_head_method(const struct http_head *head)
{
    return http_head_text(head, head->method_at, head->method_len);
}

// http_head_target gives the request target as it stands.
static inline struct slice http_head_target(const struct http_head *head)
{
    return http_head_text(head, head->target, head->target_len);
}

// http_head_pathq gives path and query; see the fields path and path_len for where it is empty.
static inline struct slice http_head_pathq(const struct http_head *head)
{
    return http_head_text(head, head->path, head->path_len);
}

// http_head_path gives the path without the query.
static inline struct slice http_head_path(const struct http_head *head)
{
    struct slice pathq = http_head_pathq(head);
    return slice_of(pathq.ptr, slice_find(pathq, '?'));
}

// http_head_query gives what follows the path's question mark; ptr NULL where there is none.
static inline struct slice http_head_query(const struct http_head *head)
{
    struct slice pathq = http_head_pathq(head);
    size_t mark = slice_find(pathq, '?');
    return mark == pathq.len ? slice_of(NULL, 0) : slice_from(pathq, mark + 1);
}

// http_head_authority gives the authority that an absolute or CONNECT target names, or the empty slice.
static inline struct slice http_head_authority(const struct http_head *head)
{
    return http_head_text(head, head->authority, head->authority_len);
}

// http_head_reason gives the reason phrase of an answer.
static inline struct slice http_head_reason(const struct http_head *head)
{
    return http_head_text(head, head->reason, head->reason_len);
}

// http_field_is_dropped says whether the field at `index` was dropped by a rule.
static inline bool http_field_is_dropped(const struct http_head *head, unsigned index)
{
    return !head->fields[index].name_len;
}

// http_field_value gives the value of the field at `index`.
static inline struct slice http_field_value(const struct http_head *head, unsigned index)
{
    return http_head_text(head, head->fields[index].value, head->fields[index].value_len);
}

// http_field_name_at gives the name of the field at `index` as it was written; empty for a dropped one.
static inline struct slice http_field_name_at(const struct http_head *head, unsigned index)
{
    return http_head_text(head, head->fields[index].name, head->fields[index].name_len);
}

// http_head_find gives the index of the first field with `id` at or after `from`, or -1. With HTTP_FIELD_OTHER dropped
// fields are found too.
int http_head_find(const struct http_head *head, enum http_field_id id, unsigned from);

// http_head_find_name gives the index of the first field named `name` (any case) at or after `from`, or -1.
int http_head_find_name(const struct http_head *head, struct slice name, unsigned from);

// http_head_find_other is http_head_find_name for a name that is known to have no id, as http_field_id_of says.
int http_head_find_other(const struct http_head *head, struct slice name, unsigned from);

// http_list_has says whether the comma-separated list `value` holds `token`, whatever its case (RFC 9110
// section 5.6.1).
bool http_list_has(struct slice value, struct slice token);

// http_host_is_valid says whether `host` is a well-formed Host value: uri-host [":" port], possibly empty.
bool http_host_is_valid(struct slice host);
