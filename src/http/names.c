// SPDX-License-Identifier: Apache-2.0
#include "http/names.h"
#include "http/scan.h"

// Two names in one slot are a doubly initialised element, which the compiler refuses.
#define NAMES(X)                                                                                                       \
    X(HTTP_FIELD_HOST, "host", 'h', 't')                                                                               \
    X(HTTP_FIELD_CONNECTION, "connection", 'c', 'n')                                                                   \
    X(HTTP_FIELD_CONTENT_LENGTH, "content-length", 'c', 'h')                                                           \
    X(HTTP_FIELD_TRANSFER_ENCODING, "transfer-encoding", 't', 'g')                                                     \
    X(HTTP_FIELD_UPGRADE, "upgrade", 'u', 'e')                                                                         \
    X(HTTP_FIELD_EXPECT, "expect", 'e', 't')                                                                           \
    X(HTTP_FIELD_TE, "te", 't', 'e')                                                                                   \
    X(HTTP_FIELD_TRAILER, "trailer", 't', 'r')                                                                         \
    X(HTTP_FIELD_KEEP_ALIVE, "keep-alive", 'k', 'e')                                                                   \
    X(HTTP_FIELD_PROXY_CONNECTION, "proxy-connection", 'p', 'n')                                                       \
    X(HTTP_FIELD_PROXY_AUTHENTICATE, "proxy-authenticate", 'p', 'e')                                                   \
    X(HTTP_FIELD_PROXY_AUTHORIZATION, "proxy-authorization", 'p', 'n')                                                 \
    X(HTTP_FIELD_COOKIE, "cookie", 'c', 'e')                                                                           \
    X(HTTP_FIELD_SET_COOKIE, "set-cookie", 's', 'e')                                                                   \
    X(HTTP_FIELD_X_FORWARDED_FOR, "x-forwarded-for", 'x', 'r')                                                         \
    X(HTTP_FIELD_X_FORWARDED_PROTO, "x-forwarded-proto", 'x', 'o')                                                     \
    X(HTTP_FIELD_X_FORWARDED_PORT, "x-forwarded-port", 'x', 't')                                                       \
    X(HTTP_FIELD_FORWARDED, "forwarded", 'f', 'd')                                                                     \
    X(HTTP_FIELD_CONTENT_TYPE, "content-type", 'c', 'e')                                                               \
    X(HTTP_FIELD_CONTENT_ENCODING, "content-encoding", 'c', 'g')                                                       \
    X(HTTP_FIELD_CACHE_CONTROL, "cache-control", 'c', 'l')                                                             \
    X(HTTP_FIELD_DATE, "date", 'd', 'e')                                                                               \
    X(HTTP_FIELD_SERVER, "server", 's', 'r')                                                                           \
    X(HTTP_FIELD_LOCATION, "location", 'l', 'n')                                                                       \
    X(HTTP_FIELD_USER_AGENT, "user-agent", 'u', 't')                                                                   \
    X(HTTP_FIELD_REFERER, "referer", 'r', 'r')                                                                         \
    X(HTTP_FIELD_AUTHORIZATION, "authorization", 'a', 'n')                                                             \
    X(HTTP_FIELD_ACCEPT_ENCODING, "accept-encoding", 'a', 'g')                                                         \
    X(HTTP_FIELD_ORIGIN, "origin", 'o', 'n')                                                                           \
    X(HTTP_FIELD_SEC_WEBSOCKET_KEY, "sec-websocket-key", 's', 'y')                                                     \
    X(HTTP_FIELD_SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept", 's', 't')                                               \
    X(HTTP_FIELD_SEC_WEBSOCKET_VERSION, "sec-websocket-version", 's', 'n')                                             \
    X(HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol", 's', 'l')                                           \
    X(HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions", 's', 's')

#define NAME_ROW(id, name, first, last)  [id] = { .text = name, .len = sizeof(name) - 1 },
#define NAME_SLOT(id, name, first, last) [HTTP_NAME_HASH(sizeof(name) - 1, first, last)] = id,

const struct http_name http_names[HTTP_NUM_FIELD_IDS] = { NAMES(NAME_ROW) };
const uint8_t http_name_slots[HTTP_NAME_SLOTS] = { NAMES(NAME_SLOT) };

const char *http_field_name(enum http_field_id id)
{
    return (unsigned)id < HTTP_NUM_FIELD_IDS ? http_names[id].text : "";
}

enum http_field_id http_field_id_of(struct slice name)
{
    if (!name.len || !http_scan_is(name.ptr, name.len, HTTP_CLASS_TOKEN))
        return HTTP_FIELD_OTHER;
    return http_name_lookup(name.ptr, name.len);
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_METHOD_OTHER] = "",          [HTTP_METHOD_GET] = "GET",         [HTTP_METHOD_HEAD] = "HEAD",
        [HTTP_METHOD_POST] = "POST",       [HTTP_METHOD_PUT] = "PUT",         [HTTP_METHOD_DELETE] = "DELETE",
        [HTTP_METHOD_OPTIONS] = "OPTIONS", [HTTP_METHOD_CONNECT] = "CONNECT", [HTTP_METHOD_TRACE] = "TRACE",
        [HTTP_METHOD_PATCH] = "PATCH",
    };
    return (size_t)method < sizeof(names) / sizeof(names[0]) ? names[method] : "";
}

const char *http_bad_name(enum http_bad bad)
{
    static const char *const names[] = {
        [HTTP_BAD_NONE] = "no error",
        [HTTP_BAD_METHOD] = "invalid method",
        [HTTP_BAD_TARGET] = "invalid request target",
        [HTTP_BAD_VERSION] = "unsupported version",
        [HTTP_BAD_STATUS] = "invalid status",
        [HTTP_BAD_LINE_END] = "bare CR or LF",
        [HTTP_BAD_NAME] = "invalid field name",
        [HTTP_BAD_VALUE] = "control character in a value",
        [HTTP_BAD_FOLD] = "folded line",
        [HTTP_BAD_LENGTH] = "invalid Content-Length",
        [HTTP_BAD_LENGTH_AND_CODING] = "Content-Length with Transfer-Encoding",
        [HTTP_BAD_CODING] = "invalid Transfer-Encoding",
        [HTTP_BAD_HOST] = "missing or invalid Host",
    };
    return (size_t)bad < sizeof(names) / sizeof(names[0]) ? names[bad] : "unknown error";
}

#define STATUS(code) [(code)-100]

static const char *const reasons[] = {
    STATUS(100) = "Continue",
    STATUS(101) = "Switching Protocols",
    STATUS(102) = "Processing",
    STATUS(103) = "Early Hints",
    STATUS(200) = "OK",
    STATUS(201) = "Created",
    STATUS(202) = "Accepted",
    STATUS(203) = "Non-Authoritative Information",
    STATUS(204) = "No Content",
    STATUS(205) = "Reset Content",
    STATUS(206) = "Partial Content",
    STATUS(207) = "Multi-Status",
    STATUS(208) = "Already Reported",
    STATUS(226) = "IM Used",
    STATUS(300) = "Multiple Choices",
    STATUS(301) = "Moved Permanently",
    STATUS(302) = "Found",
    STATUS(303) = "See Other",
    STATUS(304) = "Not Modified",
    STATUS(305) = "Use Proxy",
    STATUS(307) = "Temporary Redirect",
    STATUS(308) = "Permanent Redirect",
    STATUS(400) = "Bad Request",
    STATUS(401) = "Unauthorized",
    STATUS(402) = "Payment Required",
    STATUS(403) = "Forbidden",
    STATUS(404) = "Not Found",
    STATUS(405) = "Method Not Allowed",
    STATUS(406) = "Not Acceptable",
    STATUS(407) = "Proxy Authentication Required",
    STATUS(408) = "Request Timeout",
    STATUS(409) = "Conflict",
    STATUS(410) = "Gone",
    STATUS(411) = "Length Required",
    STATUS(412) = "Precondition Failed",
    STATUS(413) = "Content Too Large",
    STATUS(414) = "URI Too Long",
    STATUS(415) = "Unsupported Media Type",
    STATUS(416) = "Range Not Satisfiable",
    STATUS(417) = "Expectation Failed",
    STATUS(418) = "I'm a teapot",
    STATUS(421) = "Misdirected Request",
    STATUS(422) = "Unprocessable Content",
    STATUS(423) = "Locked",
    STATUS(424) = "Failed Dependency",
    STATUS(425) = "Too Early",
    STATUS(426) = "Upgrade Required",
    STATUS(428) = "Precondition Required",
    STATUS(429) = "Too Many Requests",
    STATUS(431) = "Request Header Fields Too Large",
    STATUS(451) = "Unavailable For Legal Reasons",
    STATUS(500) = "Internal Server Error",
    STATUS(501) = "Not Implemented",
    STATUS(502) = "Bad Gateway",
    STATUS(503) = "Service Unavailable",
    STATUS(504) = "Gateway Timeout",
    STATUS(505) = "HTTP Version Not Supported",
    STATUS(506) = "Variant Also Negotiates",
    STATUS(507) = "Insufficient Storage",
    STATUS(508) = "Loop Detected",
    STATUS(511) = "Network Authentication Required",
};

// For those that have none, as HAProxy has it.
static const char *const class_reasons[] = {
    [1] = "Informational", [2] = "Success", [3] = "Redirection", [4] = "Client Error", [5] = "Server Error",
};

const char *http_status_reason(uint16_t status)
{
    if (status < 100 || (size_t)status - 100 >= sizeof(reasons) / sizeof(reasons[0]) || !reasons[status - 100])
        return status / 100 < sizeof(class_reasons) / sizeof(class_reasons[0]) && class_reasons[status / 100]
                   ? class_reasons[status / 100]
                   : "Other";
    return reasons[status - 100];
}
