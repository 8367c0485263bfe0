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
    switch (bad) {
    case HTTP_BAD_NONE:
        return "no error";
    case HTTP_BAD_METHOD:
        return "invalid method";
    case HTTP_BAD_TARGET:
        return "invalid request target";
    case HTTP_BAD_VERSION:
        return "unsupported version";
    case HTTP_BAD_STATUS:
        return "invalid status";
    case HTTP_BAD_LINE_END:
        return "bare CR or LF";
    case HTTP_BAD_NAME:
        return "invalid field name";
    case HTTP_BAD_VALUE:
        return "control character in a value";
    case HTTP_BAD_FOLD:
        return "folded line";
    case HTTP_BAD_LENGTH:
        return "invalid Content-Length";
    case HTTP_BAD_LENGTH_AND_CODING:
        return "Content-Length with Transfer-Encoding";
    case HTTP_BAD_CODING:
        return "invalid Transfer-Encoding";
    case HTTP_BAD_HOST:
        return "missing or invalid Host";
    }
    return "unknown error";
}

const char *http_status_reason(uint16_t status)
{
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 102:
        return "Processing";
    case 103:
        return "Early Hints";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 203:
        return "Non-Authoritative Information";
    case 204:
        return "No Content";
    case 205:
        return "Reset Content";
    case 206:
        return "Partial Content";
    case 207:
        return "Multi-Status";
    case 208:
        return "Already Reported";
    case 226:
        return "IM Used";
    case 300:
        return "Multiple Choices";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 305:
        return "Use Proxy";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 407:
        return "Proxy Authentication Required";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 416:
        return "Range Not Satisfiable";
    case 417:
        return "Expectation Failed";
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 423:
        return "Locked";
    case 424:
        return "Failed Dependency";
    case 425:
        return "Too Early";
    case 426:
        return "Upgrade Required";
    case 428:
        return "Precondition Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 451:
        return "Unavailable For Legal Reasons";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 506:
        return "Variant Also Negotiates";
    case 507:
        return "Insufficient Storage";
    case 508:
        return "Loop Detected";
    case 511:
        return "Network Authentication Required";
    }
    return "Unknown";
}
