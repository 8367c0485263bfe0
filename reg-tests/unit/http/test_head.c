// SPDX-License-Identifier: Apache-2.0
// Heads with their expected answers, each fed whole, in all cuts into two pieces and byte by byte, to every scanner.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/head.h"
#include "http/scan.h"

enum { MAX_FIELDS = 8 };

struct parsed {
    struct http_head head;
    struct http_field fields[MAX_FIELDS];
    enum http_parse result;
    enum http_bad bad;
};

struct head_case {
    struct slice text;
    enum http_parse result;
    enum http_bad bad;
    uint32_t flags;
};

#define REQ(str) SLICE(str)
#define OK(str, what)                                                                                                  \
    {                                                                                                                  \
        .text = SLICE(str), .result = HTTP_PARSE_DONE, .flags = (what)                                                 \
    }
#define BAD(why, str)                                                                                                  \
    {                                                                                                                  \
        .text = SLICE(str), .result = HTTP_PARSE_BAD, .bad = HTTP_BAD_##why                                            \
    }
#define MORE(str)                                                                                                      \
    {                                                                                                                  \
        .text = SLICE(str), .result = HTTP_PARSE_MORE                                                                  \
    }
#define GET    "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST   "POST / HTTP/1.1\r\nHost: a\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\n"

static const struct head_case requests[] = {
    // Start lines.
    OK(GET "\r\n", 0),
    OK("\r\n" GET "\r\n", 0),
    OK("\r\n\r\n" GET "\r\n", 0),
    BAD(METHOD, "\r\n\r\n\r\n" GET "\r\n"),
    BAD(LINE_END, "\n" GET "\r\n"),
    BAD(LINE_END, "\r" GET "\r\n"),
    BAD(LINE_END, "\r\n\n" GET "\r\n"),
    MORE("\r"),
    MORE("\r\n\r\n"),
    MORE("GET / HTTP/1.1\r\nHost: a\r\n\r"),
    MORE("GET / HTTP/1.1\r\nHost: a\r\n"),
    MORE("GET / HTTP/1.1\r\nHost: a\r"),
    MORE("GET / HTTP/1.1\r"),
    MORE("GET /"),
    MORE("G"),
    BAD(METHOD, "\x16\x03\x01\x02\x01\x01"),
    BAD(METHOD, "GET\t/ HTTP/1.1\r\n\r\n"),
    BAD(METHOD, " GET / HTTP/1.1\r\n\r\n"),
    BAD(METHOD, "G(T / HTTP/1.1\r\n\r\n"),
    BAD(METHOD, "GET\r\n\r\n"),
    BAD(LINE_END, "GET\n\n"),
    OK("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    OK("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    OK("get / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    BAD(TARGET, "GET  / HTTP/1.1\r\n\r\n"),
    BAD(VERSION, "GET / / HTTP/1.1\r\n\r\n"),
    BAD(VERSION, "GET /  HTTP/1.1\r\n\r\n"),
    BAD(VERSION, "GET /\r\n\r\n"),
    BAD(LINE_END, "GET /\n\n"),
    BAD(VERSION, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / http/1.1\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / ICY/1.1\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD(LINE_END, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    BAD(LINE_END, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    OK("GET /a\"<>[]{}|\\^` HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    OK("GET //a HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    BAD(TARGET, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Absolute-form.
    OK("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET http://a HTTP/1.1\r\nHost: A\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET http://a:/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET https://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET ftp://a:21/ HTTP/1.1\r\nHost: a:21\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    OK("GET http://a/ HTTP/1.0\r\n\r\n", HTTP_HEAD_ABSOLUTE | HTTP_HEAD_VERSION_10),
    OK("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    BAD(HOST, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    BAD(HOST, "GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n"),
    BAD(HOST, "GET http://a/ HTTP/1.1\r\nHost: \r\n\r\n"),
    BAD(HOST, "GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n"),
    BAD(HOST, "GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    BAD(HOST, "GET ftp://a:21/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(HOST, "GET http://a/ HTTP/1.1\r\n\r\n"),
    BAD(TARGET, "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET 1http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET ht_tp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET http://a:1b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Asterisk-form and authority-form.
    OK("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    BAD(TARGET, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"),
    OK("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 0),
    OK("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    OK("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", 0),
    BAD(HOST, "CONNECT a:443 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    BAD(HOST, "CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"),
    BAD(TARGET, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT a:0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT a:65536 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT :443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "CONNECT http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Host.
    BAD(HOST, "GET / HTTP/1.1\r\n\r\n"),
    OK("GET / HTTP/1.0\r\n\r\n", HTTP_HEAD_VERSION_10),
    OK("GET / HTTP/1.1\r\nHost:\r\n\r\n", 0),
    OK("GET / HTTP/1.1\r\nhOsT:[2001:db8::1]:8080\r\n\r\n", 0),
    BAD(HOST, GET "Host: a\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.0\r\nHost: u@a\r\n\r\n"),
    // Field lines.
    BAD(NAME, GET "A : b\r\n\r\n"),
    BAD(NAME, GET "A\t: b\r\n\r\n"),
    BAD(NAME, GET ": b\r\n\r\n"),
    BAD(NAME, GET "A\r\n\r\n"),
    BAD(NAME, GET "A b: c\r\n\r\n"),
    BAD(NAME, GET "A\0: c\r\n\r\n"),
    BAD(NAME, GET "A(: c\r\n\r\n"),
    BAD(NAME, GET "\xc3\xa4: c\r\n\r\n"),
    BAD(LINE_END, GET "A\n\r\n"),
    BAD(LINE_END, GET "\n"),
    BAD(LINE_END, GET "\r\r\n"),
    BAD(LINE_END, GET "\rX: y\r\n\r\n"),
    BAD(LINE_END, GET "A: b\n\r\n"),
    BAD(LINE_END, GET "A: b\rc\r\n\r\n"),
    BAD(LINE_END, GET "A: b\r\r\n\r\n"),
    BAD(VALUE, GET "A: b\0c\r\n\r\n"),
    BAD(VALUE, GET "A: b\x01\r\n\r\n"),
    BAD(VALUE, GET "A: b\x1f\r\n\r\n"),
    BAD(VALUE, GET "A: b\x7f\r\n\r\n"),
    BAD(VALUE, GET "A: \x0b\r\n\r\n"),
    BAD(FOLD, GET "A: b\r\n c\r\n\r\n"),
    BAD(FOLD, GET "A: b\r\n\tc\r\n\r\n"),
    BAD(FOLD, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    OK(GET "A: \x80\xff\xc3\xa4\r\n\r\n", 0),
    OK(GET "A: b\tc d\r\n\r\n", 0),
    OK(GET "A:\r\n\r\n", 0),
    OK(GET "A: \t \r\n\r\n", 0),
    OK(GET "!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", 0),
    OK(GET "A: a value that is a good deal longer than one vector register \xe2\x82\xac\r\n\r\n", 0),
    OK(GET "1: \r\n2: \r\n3: \r\n4: \r\n5: \r\n6: \r\n7: \r\n\r\n", 0),
    { .text = SLICE(GET "1: \r\n2: \r\n3: \r\n4: \r\n5: \r\n6: \r\n7: \r\n8: \r\n\r\n"), .result = HTTP_PARSE_MANY },
    // Framing.
    OK(POST "Content-Length: 5\r\n\r\n", HTTP_HEAD_LENGTH),
    OK(POST "Content-Length: 9223372036854775807\r\n\r\n", HTTP_HEAD_LENGTH),
    OK(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", HTTP_HEAD_LENGTH | HTTP_HEAD_LENGTH_AGAIN),
    OK(POST "Content-Length: 5, 5\r\n\r\n", HTTP_HEAD_LENGTH | HTTP_HEAD_LENGTH_AGAIN),
    BAD(LENGTH, POST "Content-Length: 5, 6\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 5,\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: ,5\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 5, 5\r\nContent-Length: 6\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length:\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: +5\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: -5\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 0x5\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 5 5\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 18446744073709551616\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 99999999999999999999999\r\n\r\n"),
    OK(POST "Transfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_CHUNKED),
    OK(POST "transfer-encoding:\tChunked \r\n\r\n", HTTP_HEAD_CHUNKED),
    BAD(LENGTH_AND_CODING, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    BAD(LENGTH_AND_CODING, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(LENGTH_AND_CODING, POST "Content-Length: 0\r\nTransfer-Encoding: identity\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: gzip\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: identity\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked;a=b\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked,\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: xchunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding:\r\n\r\n"),
    BAD(VALUE, POST "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n"),
    BAD(CODING, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    // Connections.
    OK(GET "Connection: close\r\n\r\n", HTTP_HEAD_CLOSE),
    OK(GET "Connection: Keep-Alive\r\n\r\n", HTTP_HEAD_KEEP_ALIVE),
    OK(GET "Connection: , keep-alive ,, Close\r\n\r\n", HTTP_HEAD_KEEP_ALIVE | HTTP_HEAD_CLOSE),
    OK(GET "Connection: x-foo\r\nConnection: close\r\n\r\n", HTTP_HEAD_CONN_OTHER | HTTP_HEAD_CLOSE),
    OK(GET "Connection: TE\r\nTE: trailers, deflate\r\n\r\n", HTTP_HEAD_TE_TRAILERS),
    OK(GET "Connection: upgrade\r\n\r\n", HTTP_HEAD_CONN_UPGRADE),
    OK(GET "Upgrade: websocket\r\n\r\n", 0),
    OK(GET "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", HTTP_HEAD_CONN_UPGRADE | HTTP_HEAD_UPGRADE),
    OK(GET "Upgrade: h2c, WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
       HTTP_HEAD_CONN_UPGRADE | HTTP_HEAD_UPGRADE | HTTP_HEAD_WEBSOCKET | HTTP_HEAD_KEEP_ALIVE),
    OK("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
       HTTP_HEAD_CONN_UPGRADE | HTTP_HEAD_VERSION_10),
    OK(POST "Expect: 100-Continue\r\n\r\n", HTTP_HEAD_EXPECT_100),
    OK(POST "Expect: something\r\n\r\n", 0),
    OK("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", HTTP_HEAD_VERSION_10),
};

static const struct head_case responses[] = {
    OK(ANSWER "\r\n", 0),
    OK("HTTP/1.0 200 OK\r\n\r\n", HTTP_HEAD_VERSION_10),
    OK("HTTP/1.1 200 \r\n\r\n", 0),
    OK("HTTP/1.1 200\r\n\r\n", 0),
    OK("HTTP/1.1 999 \xe4hm, well\t!\r\n\r\n", 0),
    OK("HTTP/1.1 100 Continue\r\n\r\n", 0),
    MORE("HTTP/1.1 20"),
    MORE("HTTP/1.1 200 OK\r"),
    MORE(ANSWER),
    MORE(ANSWER "\r"),
    BAD(VERSION, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
    BAD(VERSION, "ICY 200 OK\r\n\r\n"),
    BAD(VERSION, "SSH-2.0-x\r\n"),
    BAD(VERSION, "HTTP/2 200 OK\r\n\r\n"),
    BAD(VERSION, "HTTP/1.2 200 OK\r\n\r\n"),
    BAD(VERSION, "HTTP/1.1\t200 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1  200 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 099 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 2000 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 20 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 2x0 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 +20 OK\r\n\r\n"),
    BAD(LINE_END, "HTTP/1.1 200 OK\n\r\n"),
    BAD(LINE_END, "HTTP/1.1 200\nA: bc\r\n\r\n"),
    BAD(LINE_END, "HTTP/1.1 200 OK\rX\r\n\r\n"),
    BAD(VALUE, "HTTP/1.1 200 O\0K\r\n\r\n"),
    BAD(FOLD, ANSWER "A: b\r\n c\r\n\r\n"),
    BAD(NAME, ANSWER "A : b\r\n\r\n"),
    OK(ANSWER "Content-Length: 128\r\n\r\n", HTTP_HEAD_LENGTH),
    OK(ANSWER "Transfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_CHUNKED),
    BAD(LENGTH_AND_CODING, ANSWER "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
    BAD(LENGTH, ANSWER "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    BAD(CODING, ANSWER "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(CODING, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    OK(ANSWER "Host: a b\r\nHost: c\r\n\r\n", 0),
    OK("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
       HTTP_HEAD_CONN_UPGRADE | HTTP_HEAD_UPGRADE | HTTP_HEAD_WEBSOCKET),
};

static const struct head_case trailers[] = {
    OK("\r\n", 0),
    OK("A: b\r\nC: d\r\n\r\n", 0),
    MORE("A: b\r\n"),
    BAD(NAME, "Content-Length: 5\r\n\r\n"),
    BAD(NAME, "Transfer-Encoding: chunked\r\n\r\n"),
    BAD(NAME, "Host: a\r\n\r\n"),
    BAD(NAME, "Connection: close\r\n\r\n"),
    BAD(NAME, "Trailer: a\r\n\r\n"),
    BAD(NAME, "Keep-Alive: a\r\n\r\n"),
    BAD(FOLD, " A: b\r\n\r\n"),
    BAD(LINE_END, "A: b\n\r\n"),
};

typedef enum http_parse (*parse_fn)(struct http_head *head, enum http_bad *bad, size_t len);

// With http_head.lax: what is accepted beyond the RFCs, and what is not even then.
static const struct head_case lax_requests[] = {
    OK(GET "\r\n", 0),
    OK("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    OK("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    BAD(TARGET, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
    BAD(TARGET, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    OK("CONNECT a HTTP/1.1\r\nHost: b\r\n\r\n", 0),
    OK("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", HTTP_HEAD_ABSOLUTE),
    BAD(HOST, GET "Host: a\r\n\r\n"),
    BAD(HOST, "GET / HTTP/1.1\r\n\r\n"),
    OK("GET /\r\n", HTTP_HEAD_VERSION_09 | HTTP_HEAD_VERSION_10),
    MORE("GET /\r"),
    BAD(VERSION, "POST /\r\n\r\n"),
    BAD(LINE_END, "GET /\n"),
    BAD(LINE_END, "GET /\r\r\n"),
    OK("GET / RTSP/1.0\r\n\r\n", HTTP_HEAD_VERSION_10),
    OK("GET / HTTP/0.9\r\n\r\n", HTTP_HEAD_VERSION_10),
    OK("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 0),
    OK("GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_HEAD_LINE_CHANGED),
    BAD(METHOD, "PRI * HTTP/2.0\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/1\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / /1.1\r\nHost: a\r\n\r\n"),
    BAD(VERSION, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    BAD(CODING, "POST / RTSP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    OK(GET "a\0b: 1\r\n\r\n", HTTP_HEAD_CHANGED),
    OK(GET "a(b: 1\r\nb: c\r\n\r\n", HTTP_HEAD_CHANGED),
    OK(GET "a: b\0\0c\0\r\n\r\n", 0),
    BAD(VALUE, GET "a: b\0c\x01\r\n\r\n"),
    BAD(LINE_END, GET "a: b\0\n\r\n"),
    BAD(NAME, GET "a b: 1\r\n\r\n"),
    BAD(NAME, GET "a : 1\r\n\r\n"),
    BAD(NAME, GET "a\r\n\r\n"),
    BAD(NAME, GET ": a\r\n\r\n"),
    BAD(FOLD, GET " a: b\r\n\r\n"),
    BAD(NAME, POST "Content-Length : 1\r\n\r\n"),
    BAD(NAME, POST "Content-\0Length: 1\r\n\r\n"),
    BAD(NAME, POST "\x01Transfer-Encoding\xff: chunked\r\n\r\n"),
    OK(POST "\x01Transfer-Encodings: chunked\r\n\r\n", HTTP_HEAD_CHANGED),
    BAD(LENGTH_AND_CODING, POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding:\r\n\r\n"),
    BAD(CODING, POST "Transfer-Encoding: chunked\0\r\n\r\n"),
    BAD(LENGTH, POST "Content-Length: 1\0\r\n\r\n"),
};

static const struct head_case lax_responses[] = {
    OK(ANSWER "\r\n", 0),
    OK("HTTP/1.1 1000 OK\r\n\r\n", 0),
    OK("HTTP/1.1 65535\r\n\r\n", 0),
    BAD(STATUS, "HTTP/1.1 65536 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 0200 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 20 OK\r\n\r\n"),
    BAD(STATUS, "HTTP/1.1 20x OK\r\n\r\n"),
    OK("RTSP/1.0 200 OK\r\n\r\n", HTTP_HEAD_VERSION_10),
    OK("HTTP/1.15 200 OK\r\n\r\n", 0),
    BAD(VERSION, "HTTP1.1 200 OK\r\n\r\n"),
    BAD(VERSION, "HTTP/1.1\r\na: bcdef\r\n\r\n"),
    OK(ANSWER "a\x7f: b\r\nc: \0\r\n\r\n", HTTP_HEAD_CHANGED),
    OK(ANSWER "Transfer-Encoding:\r\n\r\n", 0),
    OK(ANSWER "Transfer-Encoding:\r\nContent-Length: 1\r\n\r\n", HTTP_HEAD_LENGTH),
    OK(ANSWER "Transfer-Encoding: chunked, chunked\r\n\r\n", HTTP_HEAD_CHUNKED),
    OK(ANSWER "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_HEAD_CHUNKED),
    BAD(CODING, ANSWER "Transfer-Encoding: gzip, chunked\r\n\r\n"),
    BAD(CODING, ANSWER "Transfer-Encoding: chunked, gzip\r\n\r\n"),
    BAD(CODING, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
    BAD(LENGTH_AND_CODING, ANSWER "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
};

// feed gives the first `len` bytes of `text` to the parser, from a fresh allocation so that a sanitizer sees every
// byte read beyond them.
static void feed(struct parsed *out, parse_fn parse, struct slice text, size_t len)
{
    char *copy = malloc(len + 1);
    must(copy);
    memcpy(copy + 1, text.ptr, len); // and from an odd address
    out->head.base = copy + 1;
    out->result = parse(&out->head, &out->bad, len);
    out->head.base = text.ptr;
    free(copy);
}

static void begin(struct parsed *out)
{
    memset(out->fields, 0, sizeof(out->fields));
    http_head_init(&out->head, out->fields, MAX_FIELDS);
    out->result = HTTP_PARSE_MORE;
}

static void assert_same(const struct parsed *a, const struct parsed *b, const char *text)
{
    if (a->result != b->result || a->bad != b->bad)
        fail_msg("cuts differ: %d/%s and %d/%s for %s", a->result, http_bad_name(a->bad), b->result,
                 http_bad_name(b->bad), text);
    if (a->result != HTTP_PARSE_DONE)
        return;
    assert_int_equal(a->head.len, b->head.len);
    assert_int_equal(a->head.flags, b->head.flags);
    assert_int_equal(a->head.num_fields, b->head.num_fields);
    assert_memory_equal(a->fields, b->fields, sizeof(a->fields));
    assert_memory_equal(a->head.first, b->head.first, sizeof(a->head.first));
    assert_int_equal(a->head.content_length, b->head.content_length);
}

// HTTP_HEAD_REPEATED where a known name came again, else 0.
static uint32_t repeated_flag(const struct http_head *head)
{
    for (unsigned i = 0; i < head->num_fields; i++)
        if (head->fields[i].id && head->first[head->fields[i].id] != i + 1)
            return HTTP_HEAD_REPEATED;
    return 0;
}

static void check_case(parse_fn parse, const struct head_case *one)
{
    struct parsed whole, cut;
    begin(&whole);
    feed(&whole, parse, one->text, one->text.len);
    if (whole.result != one->result || whole.bad != one->bad)
        fail_msg("%d/%s instead of %d/%s for %s", whole.result, http_bad_name(whole.bad), one->result,
                 http_bad_name(one->bad), one->text.ptr);
    if (one->result == HTTP_PARSE_DONE && whole.head.flags != (one->flags | repeated_flag(&whole.head)))
        fail_msg("flags %x instead of %x for %s", whole.head.flags, one->flags, one->text.ptr);
    if (one->result == HTTP_PARSE_DONE)
        assert_int_equal(whole.head.len, one->text.len);
    for (size_t at = 0; at < one->text.len; at++) {
        begin(&cut);
        feed(&cut, parse, one->text, at);
        if (cut.result == HTTP_PARSE_MORE)
            feed(&cut, parse, one->text, one->text.len);
        assert_same(&whole, &cut, one->text.ptr);
    }
    begin(&cut);
    for (size_t len = 0; len <= one->text.len && cut.result == HTTP_PARSE_MORE; len++)
        feed(&cut, parse, one->text, len);
    assert_same(&whole, &cut, one->text.ptr);
}

static void each_scanner(parse_fn parse, const struct head_case *cases, size_t num)
{
    for (unsigned scan = HTTP_SCAN_PORTABLE; scan <= HTTP_SCAN_AVX2; scan++)
        if (http_scan_use((enum http_scan)scan))
            for (size_t i = 0; i < num; i++)
                check_case(parse, &cases[i]);
}

static void test_requests(void **state)
{
    (void)state;
    each_scanner(http_head_parse_request, requests, NUM_ITEMS(requests));
}

static void test_responses(void **state)
{
    (void)state;
    each_scanner(http_head_parse_response, responses, NUM_ITEMS(responses));
}

static void test_trailers(void **state)
{
    (void)state;
    each_scanner(http_fields_parse, trailers, NUM_ITEMS(trailers));
}

static enum http_parse parse_lax_request(struct http_head *head, enum http_bad *bad, size_t len)
{
    head->lax = true;
    return http_head_parse_request(head, bad, len);
}

static enum http_parse parse_lax_response(struct http_head *head, enum http_bad *bad, size_t len)
{
    head->lax = true;
    return http_head_parse_response(head, bad, len);
}

static void test_lax(void **state)
{
    (void)state;
    each_scanner(parse_lax_request, lax_requests, NUM_ITEMS(lax_requests));
    each_scanner(parse_lax_response, lax_responses, NUM_ITEMS(lax_responses));
}

static void assert_span(const struct http_head *head, uint32_t off, uint32_t len, const char *want)
{
    assert_int_equal(len, strlen(want));
    assert_memory_equal(head->base + off, want, len);
}

static void test_request_offsets(void **state)
{
    (void)state;
    struct parsed p;
    struct slice text =
        SLICE("\r\nPOST http://H:80/p?q HTTP/1.1\r\nhost:h\r\nX:  y z \r\nCookie: a\r\ncookie: b\r\n\r\nrest");
    begin(&p);
    feed(&p, http_head_parse_request, text, text.len);
    assert_int_equal(p.result, HTTP_PARSE_DONE);
    const struct http_head *head = &p.head;
    assert_int_equal(head->len, text.len - 4);
    assert_int_equal(head->method, HTTP_METHOD_POST);
    assert_span(head, head->line, head->method_len, "POST");
    assert_span(head, head->target, head->target_len, "http://H:80/p?q");
    assert_span(head, head->authority, head->authority_len, "H:80");
    assert_span(head, head->path, head->path_len, "/p?q");
    assert_int_equal(head->num_fields, 4);
    assert_true(slice_equal(http_field_name_at(head, 1), SLICE("X")));
    assert_true(slice_equal(http_field_value(head, 1), SLICE("y z")));
    assert_int_equal(http_head_find(head, HTTP_FIELD_HOST, 0), 0);
    assert_int_equal(http_head_find(head, HTTP_FIELD_HOST, 1), -1);
    assert_int_equal(http_head_find(head, HTTP_FIELD_COOKIE, 0), 2);
    assert_int_equal(http_head_find(head, HTTP_FIELD_COOKIE, 3), 3);
    assert_int_equal(http_head_find(head, HTTP_FIELD_COOKIE, 4), -1);
    assert_int_equal(http_head_find(head, HTTP_FIELD_DATE, 0), -1);
    assert_int_equal(http_head_find_name(head, SLICE("x"), 0), 1);
    assert_int_equal(http_head_find_name(head, SLICE("COOKIE"), 3), 3);
    assert_int_equal(http_head_find_name(head, SLICE("y"), 0), -1);
}

static void test_target_offsets(void **state)
{
    (void)state;
    static const struct {
        struct slice text;
        const char *path;
        const char *authority;
    } cases[] = {
        { SLICE("GET /a?b HTTP/1.0\r\n\r\n"), "/a?b", "" },
        { SLICE("OPTIONS * HTTP/1.0\r\n\r\n"), "", "" },
        { SLICE("CONNECT a:1 HTTP/1.0\r\n\r\n"), "", "a:1" },
        { SLICE("GET http://a HTTP/1.0\r\n\r\n"), "", "a" },
        { SLICE("GET http://a?x HTTP/1.0\r\n\r\n"), "?x", "a" },
        { SLICE("GET http://[::1]:8/x HTTP/1.0\r\n\r\n"), "/x", "[::1]:8" },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct parsed p;
        begin(&p);
        feed(&p, http_head_parse_request, cases[i].text, cases[i].text.len);
        assert_int_equal(p.result, HTTP_PARSE_DONE);
        assert_span(&p.head, p.head.path, p.head.path_len, cases[i].path);
        assert_span(&p.head, p.head.authority, p.head.authority_len, cases[i].authority);
    }
}

static void test_response_offsets(void **state)
{
    (void)state;
    struct parsed p;
    struct slice text = SLICE("HTTP/1.1 404 Not here\r\nContent-Length: 7, 7\r\n\r\n");
    begin(&p);
    feed(&p, http_head_parse_response, text, text.len);
    assert_int_equal(p.result, HTTP_PARSE_DONE);
    assert_int_equal(p.head.status, 404);
    assert_int_equal(p.head.content_length, 7);
    assert_true(slice_equal(http_field_value(&p.head, 0), SLICE("7")));
    assert_span(&p.head, p.head.reason, p.head.reason_len, "Not here");
}

static void test_response_has_body(void **state)
{
    (void)state;
    static const struct {
        uint16_t status;
        enum http_method method;
        bool body;
    } cases[] = {
        { 200, HTTP_METHOD_GET, true },      { 200, HTTP_METHOD_HEAD, false },    { 204, HTTP_METHOD_GET, false },
        { 304, HTTP_METHOD_GET, false },     { 100, HTTP_METHOD_POST, false },    { 101, HTTP_METHOD_GET, false },
        { 200, HTTP_METHOD_CONNECT, false }, { 299, HTTP_METHOD_CONNECT, false }, { 407, HTTP_METHOD_CONNECT, true },
        { 404, HTTP_METHOD_HEAD, false },    { 205, HTTP_METHOD_GET, true },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct http_head head = { .status = cases[i].status };
        assert_int_equal(http_response_has_body(&head, cases[i].method), cases[i].body);
    }
}

static void test_host(void **state)
{
    (void)state;
    static const char *const good[] = { "",        "a",          "a.b-c_d~e:80", "127.0.0.1", "127.0.0.1:8080",
                                        "[::1]",   "[::1]:443",  "a:",           "a%20b",     "!$&'()*+,;=",
                                        "a:65535", "[::1.2.3.4]" };
    static const char *const wrong[] = { ":80",    "a:65536", "a:b", "a b",      "a/b",      "u@a",
                                         "a#b",    "a:1:2",   "[",   "[]",       "[::1",     "[x]",
                                         "[::1]x", "[::1]:x", "::1", "a%2",      "a%zz",     "a\\b",
                                         "\"a\"",  "<a>",     "a?b", "\xc3\xa4", "a:000080", "[::1%25lo]" };
    for (size_t i = 0; i < NUM_ITEMS(good); i++)
        if (!http_host_is_valid(slice_str(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++)
        if (http_host_is_valid(slice_str(wrong[i])))
            fail_msg("accepted: %s", wrong[i]);
    assert_false(http_host_is_valid(slice_of("[::1\0]", 6)));
}

static void test_lists(void **state)
{
    (void)state;
    assert_true(http_list_has(SLICE("a, b ,c"), SLICE("B")));
    assert_true(http_list_has(SLICE(",,a"), SLICE("a")));
    assert_false(http_list_has(SLICE("ab, b c"), SLICE("b")));
    assert_false(http_list_has(SLICE(""), SLICE("b")));
    assert_false(http_list_has(SLICE(",, ,"), SLICE("")));
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned id = 1; id < HTTP_NUM_FIELD_IDS; id++) {
        char name[40];
        size_t len = strlen(http_field_name(id));
        assert_in_range(len, 2, 24);
        memcpy(name, http_field_name(id), len);
        assert_int_equal(http_field_id_of(slice_of(name, len)), id);
        assert_int_equal(http_field_id_of(slice_of(name, len - 1)), HTTP_FIELD_OTHER);
        for (size_t i = 0; i < len; i++) {
            char kept = name[i];
            name[i] = kept == '-' ? '-' : (char)(kept - 0x20);
            assert_int_equal(http_field_id_of(slice_of(name, len)), id);
            name[i] = kept == 'q' ? 'x' : 'q';
            assert_int_equal(http_field_id_of(slice_of(name, len)), HTTP_FIELD_OTHER);
            name[i] = kept == '-' ? '\r' : '-';
            assert_int_equal(http_field_id_of(slice_of(name, len)), HTTP_FIELD_OTHER);
            name[i] = kept;
        }
    }
    assert_string_equal(http_field_name(HTTP_FIELD_OTHER), "");
    assert_int_equal(http_field_id_of(SLICE("")), HTTP_FIELD_OTHER);
    assert_string_equal(http_method_name(HTTP_METHOD_PATCH), "PATCH");
    assert_string_equal(http_status_reason(200), "OK");
    assert_string_equal(http_status_reason(511), "Network Authentication Required");
    for (unsigned status = 0; status < 1000; status++)
        assert_true(http_status_reason((uint16_t)status)[0] != '\0');
    assert_string_equal(http_status_reason(299), "Success");
    for (unsigned bad = HTTP_BAD_NONE; bad <= HTTP_BAD_HOST; bad++)
        assert_true(strlen(http_bad_name(bad)) > 4);
}

#define METHOD_CASE(name) assert_int_equal(method_of(#name), HTTP_METHOD_##name)

static enum http_method method_of(const char *name)
{
    char text[64];
    struct parsed p;
    int len = snprintf(text, sizeof(text), "%s %s HTTP/1.0\r\n\r\n", name, strcmp(name, "CONNECT") == 0 ? "a:1" : "/");
    begin(&p);
    feed(&p, http_head_parse_request, slice_of(text, (size_t)len), (size_t)len);
    assert_int_equal(p.result, HTTP_PARSE_DONE);
    return (enum http_method)p.head.method;
}

static void test_methods(void **state)
{
    (void)state;
    METHOD_CASE(GET);
    METHOD_CASE(HEAD);
    METHOD_CASE(POST);
    METHOD_CASE(PUT);
    METHOD_CASE(DELETE);
    METHOD_CASE(OPTIONS);
    METHOD_CASE(CONNECT);
    METHOD_CASE(TRACE);
    METHOD_CASE(PATCH);
    assert_int_equal(method_of("get"), HTTP_METHOD_OTHER);
    assert_int_equal(method_of("GETS"), HTTP_METHOD_OTHER);
    assert_int_equal(method_of("SEARCHING"), HTTP_METHOD_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_lax),
        cmocka_unit_test(test_request_offsets),
        cmocka_unit_test(test_target_offsets),
        cmocka_unit_test(test_response_offsets),
        cmocka_unit_test(test_response_has_body),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
