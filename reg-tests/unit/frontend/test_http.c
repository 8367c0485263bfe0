// SPDX-License-Identifier: Apache-2.0
// Requests and answers from client to origin and back through one worker.
#include "frontend/rig.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET      "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

static void test_keep_alive_both_sides(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    for (int i = 0; i < 5; i++) {
        if (i)
            rig_say(rig, client, GET);
        rig_expect(rig, origin, GET);
        rig_say(rig, origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        rig_expect(rig, client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
    rig_no_origin(rig, 0);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_REUSES), 4);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_CONNECTS), 1);
    // An idle connection holds neither buffer nor stream; one that has not said anything yet does not either.
    assert_int_equal(rig->traffic.bufs.num_lent, 0);
    assert_int_equal(rig->traffic.streams.num_streams, 0);
    int silent = rig_client(rig, 0);
    rig_turn(rig, 5);
    assert_int_equal(rig->traffic.num_sessions, 2);
    assert_int_equal(rig->traffic.streams.num_streams, 0);
    close(silent);
    close(client);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    close(origin);
    rig_free(rig);
}

static void test_pipelining(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client,
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    close(client);
    close(origin);
    rig_free(rig);
}

// All requests that came before a FIN are answered: the client said no more than that it will send nothing.
static void test_pipelining_then_half_close(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET GET);
    shutdown(client, SHUT_WR);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// A head that ends where the buffer ends leaves no room behind it: the body must still come in.
static void test_pipelined_head_at_the_end_of_the_buffer(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    size_t cap = rig->program.global.bufsize;
    char *text = calloc(1, cap + 1);
    // Short requests, one that fills up, and one that ends with the buffer's last byte.
    size_t len = 0;
    size_t left = cap - (sizeof(post) - 1);
    int num = 0;
    while (left > 12000) {
        len += (size_t)sprintf(text + len, GET);
        left -= sizeof(GET) - 1;
        num++;
    }
    static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nx: ";
    len += (size_t)sprintf(text + len, "%s", start);
    size_t fill = left - (sizeof(start) - 1) - 4;
    memset(text + len, 'x', fill);
    len += fill;
    len += (size_t)sprintf(text + len, "\r\n\r\n%s", post);
    num++;
    assert_int_equal(len, cap);
    int client = rig_client(rig, 0);
    rig_send(rig, client, text, len);
    int origin = rig_origin(rig, 0);
    for (int i = 0; i < num; i++) {
        rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
        rig_say(rig, origin, OK_EMPTY);
        rig_expect(rig, client, OK_EMPTY);
    }
    rig_expect(rig, origin, post);
    rig_say(rig, client, "body");
    rig_expect(rig, origin, "body");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    free(text);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_chunked_both_ways_byte_by_byte(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    for (int i = 0; i < 2; i++) {
        rig_drip(rig, client,
                 "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n"
                 "3;ext=\"a b\"\r\nabc\r\n00a\r\n0123456789\r\n0\r\nx: y\r\n\r\n");
        static int origin;
        if (!i)
            origin = rig_origin(rig, 0);
        rig_read(rig, origin, "transfer-encoding: chunked\r\n\r\n", 1);
        const char *body = rig_read(rig, origin, "\r\nx: y\r\n\r\n", 1);
        char joined[64] = "";
        for (const char *p = body; *p && *p != '0';) {
            char *end;
            unsigned long len = strtoul(p, &end, 16);
            strncat(joined, end + 2, len);
            p = end + 2 + len + 2;
        }
        assert_string_equal(joined, "abc0123456789");
        rig_drip(rig, origin,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n2\r\nBC\r\n0\r\nt: u\r\n\r\n");
        rig_expect(rig, client,
                   "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                   "1\r\nA\r\n1\r\nB\r\n1\r\nC\r\n0\r\nt: u\r\n\r\n");
        if (i)
            close(origin);
    }
    close(client);
    rig_free(rig);
}

static void test_chunked_without_trailers(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    // A whole chunk at once, not its CRLF with the next one.
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    rig_say(rig, origin, "0\r\n\r\n");
    rig_expect(rig, client, "0\r\n\r\n");
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_bad_trailer_is_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client,
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, client, "400 Bad Request", SIZE_MAX);
    rig_turn(rig, 10);
    close(client);
    close(origin);
    rig_free(rig);
}

// A body in chunks to a client that knows no chunks ends with the connection.
static void test_http10_client(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    char want[128];
    rig_say(rig, client, "GET / HTTP/1.0\r\n\r\n");
    int origin = rig_origin(rig, 0);
    snprintf(want, sizeof(want), "GET / HTTP/1.1\r\nhost: 127.0.0.1:%u\r\n\r\n", ntohs(rig->address.sin_port));
    rig_expect(rig, origin, want);
    rig_say(rig, origin,
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n0\r\n\r\n");
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello");
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// The authority of an absolute target is the Host that an HTTP/1.0 client left out (RFC 9112 section 3.2.2).
static void test_http10_absolute_target(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "GET http://b.example:81/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, "GET http://b.example:81/x HTTP/1.1\r\nhost: b.example:81\r\n\r\n");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    close(client);
    close(origin);
    rig_free(rig);
}

// RFC 9110 section 8.6: neither 1xx nor 204 may say a length; in 304 and answers to HEAD it may stand.
static void test_lengths_of_answers_without_body(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin,
            "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\na: b\r\n\r\n"
            "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n");
    rig_expect(rig, client, "HTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    rig_say(rig, client, GET);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    rig_expect(rig, client, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    rig_say(rig, client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_expect(rig, origin, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    rig_no_origin(rig, 0);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_continue(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_expect(rig, client, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_say(rig, client, "body");
    rig_expect(rig, origin, "body");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    close(client);
    close(origin);
    rig_free(rig);
}

// After an early answer the rest of the request flows on and the connections are good for more.
static void test_early_answer_then_the_rest(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "01234", SIZE_MAX);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_turn(rig, 5);
    rig_say(rig, client, "56789" GET);
    rig_expect(rig, origin, "56789" GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    close(client);
    close(origin);
    rig_free(rig);
}

// An origin that refuses an upload and closes resets the connection: its answer is heard all the same.
static void test_early_answer_then_reset(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    char *body = calloc(1, 4 << 20);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_send(rig, client, body, 100000);
    rig_say(rig, origin, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge");
    close(origin); // unread bytes: a RST follows the answer
    usleep(20000);
    rig_send(rig, client, body, 10000);
    rig_read(rig, client, "413 Too Large", SIZE_MAX);
    rig_turn(rig, 10);
    close(client);
    free(body);
    rig_free(rig);
}

// A long body is spliced; afterwards both connections are as good as after a short one.
static void test_long_answers_reuse_the_connection(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    enum { LEN = 1 << 20 };
    char *body = malloc(LEN);
    for (int i = 0; i < LEN; i++)
        body[i] = (char)('a' + i % 23);
    int origin = -1;
    for (int round = 0; round < 3; round++) {
        rig_say(rig, client, GET);
        if (!round)
            origin = rig_origin(rig, 0);
        rig_expect(rig, origin, GET);
        rig_say(rig, origin, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
        rig_read(rig, client, "\r\n\r\n", 1);
        size_t sent = 0, read = 0;
        for (int turns = 0; read < LEN && turns < 100000; turns++) {
            ssize_t put = sent < LEN ? send(origin, body + sent, LEN - sent, MSG_DONTWAIT) : 0;
            sent += put > 0 ? (size_t)put : 0;
            rig_turn(rig, 1);
            ssize_t got = recv(client, rig->text, sizeof(rig->text), MSG_DONTWAIT);
            if (got > 0) {
                assert_memory_equal(rig->text, body + read, (size_t)got);
                read += (size_t)got;
            }
        }
        assert_int_equal(read, LEN);
    }
    rig_no_origin(rig, 0);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_CONNECTS), 1);
    free(body);
    close(client);
    close(origin);
    rig_free(rig);
}

// A client that reads nothing: memory and the sockets' buffers fill up, and nothing more is taken from the origin.
static void test_slow_reader(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->program.global.no_splice = true;
    rig_start(rig);
    int client = rig_client(rig, 4096);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    enum { CHUNK = 65536, NUM = 256 };
    static char chunk[CHUNK + 16];
    size_t chunk_len = (size_t)sprintf(chunk, "%x\r\n", CHUNK);
    memset(chunk + chunk_len, 'z', CHUNK);
    memcpy(chunk + chunk_len + CHUNK, "\r\n", 2);
    chunk_len += CHUNK + 2;
    size_t total = 0;
    int quiet = 0;
    while (quiet < 50 && total < NUM * chunk_len) {
        ssize_t put = send(origin, chunk + total % chunk_len, chunk_len - total % chunk_len, MSG_DONTWAIT);
        quiet = put > 0 ? 0 : quiet + 1;
        total += put > 0 ? (size_t)put : 0;
        rig_turn(rig, 1);
    }
    assert_true(quiet == 50);
    assert_true(rig->traffic.bufs.num_lent <= 3);
    // Now it reads: all of it comes.
    size_t read = 0;
    bool done = false;
    char tail[8] = "";
    for (int turns = 0; !done && turns < 1000000; turns++) {
        if (total < NUM * chunk_len) {
            ssize_t put = send(origin, chunk + total % chunk_len, chunk_len - total % chunk_len, MSG_DONTWAIT);
            total += put > 0 ? (size_t)put : 0;
        } else if (total == NUM * chunk_len) {
            rig_say(rig, origin, "0\r\n\r\n");
            total++;
        }
        rig_turn(rig, 1);
        ssize_t got = recv(client, rig->text, sizeof(rig->text), MSG_DONTWAIT);
        if (got <= 0)
            continue;
        for (ssize_t i = 0; i < got; i++)
            read += rig->text[i] == 'z';
        if (got >= 7)
            memcpy(tail, rig->text + got - 7, 7);
        done = !memcmp(tail, "\r\n0\r\n\r\n", 7);
    }
    assert_int_equal(read, (size_t)CHUNK * NUM);
    rig_expect_silence(rig, client);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_dead_pooled_connection_is_dropped(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_turn(rig, 5);
    assert_int_equal(rig->traffic.backends.backends[0]->servers[0]->num_idle, 1);
    close(origin);
    rig_until(rig, &rig->traffic.backends.backends[0]->servers[0]->num_idle, 0);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_POOL_DEAD), 1);
    close(client);
    rig_free(rig);
}

// The origin reads the request on a reused connection and closes without a word: sent again on a fresh one, once.
static void test_resend_on_a_fresh_connection(void **state)
{
    (void)state;
    static const char put[] = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_say(rig, client, put);
    rig_expect(rig, origin, put);
    close(origin);
    origin = rig_origin(rig, 0);
    rig_expect(rig, origin, put);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_POOL_RETRIES), 1);
    // POST is not safe to repeat: the failure is told.
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    rig_read(rig, origin, "hello", SIZE_MAX);
    close(origin);
    rig_read(rig, client, "502 Bad Gateway", SIZE_MAX);
    close(client);
    rig_free(rig);
}

// A chunked body that was passed on is rewound too.
static void test_resend_of_a_chunked_body(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_drip(rig, client, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n");
    rig_read(rig, origin, "1\r\ne", SIZE_MAX);
    close(origin);
    origin = rig_origin(rig, 0);
    rig_read(rig, origin, "de", SIZE_MAX);
    rig_say(rig, client, "0\r\nt: u\r\n\r\n");
    rig_read(rig, origin, "0\r\nt: u\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_answer_until_close(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, "HTTP/1.0 200 OK\r\n\r\nhello");
    close(origin);
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    close(client);
    rig_free(rig);
}

static void test_cut_answer(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    close(origin);
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    rig_expect_end(rig, client, false);
    close(client);
    rig_free(rig);
}

// A client that knows the end of the body only by that of the connection must not take the cut for it.
static void test_cut_answer_to_http10(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    rig_read(rig, client, "hello", SIZE_MAX);
    close(origin);
    rig_expect_end(rig, client, true);
    close(client);
    rig_free(rig);
}

static void test_client_resets(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_reset(client);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    rig_expect_end(rig, origin, false);
    close(origin);
    rig_free(rig);
}

// A refused upload is not read to its end: its connection closes after a bounded part of it.
static void test_refused_upload_is_bounded(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->servers[0].disabled = true;
    rig_start(rig);
    int client = rig_client(rig, 0);
    static char body[1 << 16];
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 800000000\r\n\r\n");
    size_t total = 0;
    for (int i = 0; i < 20000 && total < 64 << 20; i++) {
        ssize_t put = send(client, body, sizeof(body), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN)
            break;
        total += put > 0 ? (size_t)put : 0;
        rig_turn(rig, 1);
        if (!rig->traffic.num_sessions && i > 10)
            break;
    }
    assert_true(total < 32 << 20);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    close(client);
    rig_free(rig);
}

static void test_refused_request_keeps_the_connection(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->servers[0].disabled = true;
    rig_start(rig);
    int client = rig_client(rig, 0);
    for (int i = 0; i < 3; i++) {
        rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        rig_read(rig, client, "</html>\n", SIZE_MAX);
        assert_non_null(strstr(rig->text, "503 Service Unavailable"));
    }
    close(client);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive_both_sides),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_pipelining_then_half_close),
        cmocka_unit_test(test_pipelined_head_at_the_end_of_the_buffer),
        cmocka_unit_test(test_chunked_both_ways_byte_by_byte),
        cmocka_unit_test(test_chunked_without_trailers),
        cmocka_unit_test(test_bad_trailer_is_refused),
        cmocka_unit_test(test_http10_client),
        cmocka_unit_test(test_http10_absolute_target),
        cmocka_unit_test(test_lengths_of_answers_without_body),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_early_answer_then_the_rest),
        cmocka_unit_test(test_early_answer_then_reset),
        cmocka_unit_test(test_long_answers_reuse_the_connection),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_dead_pooled_connection_is_dropped),
        cmocka_unit_test(test_resend_on_a_fresh_connection),
        cmocka_unit_test(test_resend_of_a_chunked_body),
        cmocka_unit_test(test_answer_until_close),
        cmocka_unit_test(test_cut_answer),
        cmocka_unit_test(test_cut_answer_to_http10),
        cmocka_unit_test(test_client_resets),
        cmocka_unit_test(test_refused_upload_is_bounded),
        cmocka_unit_test(test_refused_request_keeps_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
