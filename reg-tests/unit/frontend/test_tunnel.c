// SPDX-License-Identifier: Apache-2.0
// Tunnels: tcp mode, WebSocket upgrades and CONNECT.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "frontend/rig.h"
#include "proxy/histogram.h"

#define UPGRADE                                                                                                        \
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define SWITCH                                                                                                         \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static struct rig *tcp_rig(void)
{
    struct rig *rig = rig_new(1);
    rig->proxy.mode = PROXY_MODE_TCP;
    return rig;
}

static void test_tcp_half_close_both_ways(void **state)
{
    (void)state;
    struct rig *rig = tcp_rig();
    rig_start(rig);
    for (int i = 0; i < 2; i++) {
        int client = rig_client(rig, 0);
        int origin = rig_origin(rig, 0);
        int first = i ? client : origin;
        int second = i ? origin : client;
        rig_say(rig, first, "hello");
        rig_expect(rig, second, "hello");
        shutdown(first, SHUT_WR);
        rig_expect_end(rig, second, false);
        rig_say(rig, second, "and more");
        rig_expect(rig, first, "and more");
        rig_expect_silence(rig, first);
        shutdown(second, SHUT_WR);
        rig_expect_end(rig, first, false);
        rig_until(rig, &rig->traffic.num_sessions, 0);
        close(client);
        close(origin);
    }
    rig_free(rig);
}

static void test_tcp_reset_is_passed_on(void **state)
{
    (void)state;
    struct rig *rig = tcp_rig();
    rig_start(rig);
    for (int i = 0; i < 2; i++) {
        int client = rig_client(rig, 0);
        int origin = rig_origin(rig, 0);
        rig_say(rig, client, "a");
        rig_expect(rig, origin, "a");
        rig_reset(i ? client : origin);
        rig_expect_end(rig, i ? origin : client, true);
        rig_until(rig, &rig->traffic.num_sessions, 0);
        close(i ? origin : client);
    }
    rig_free(rig);
}

// Nobody reads a side that ended in order: a reset that follows must be seen all the same.
static void test_tcp_reset_after_half_close(void **state)
{
    (void)state;
    struct rig *rig = tcp_rig();
    rig_start(rig);
    for (int i = 0; i < 2; i++) {
        int client = rig_client(rig, 0);
        int origin = rig_origin(rig, 0);
        int first = i ? client : origin;
        int second = i ? origin : client;
        shutdown(first, SHUT_WR);
        rig_expect_end(rig, second, false);
        rig_reset(first);
        rig_until(rig, &rig->traffic.num_sessions, 0);
        int error = 0;
        socklen_t len = sizeof(error);
        assert_int_equal(getsockopt(second, SOL_SOCKET, SO_ERROR, &error, &len), 0);
        assert_int_not_equal(error, 0);
        close(second);
    }
    rig_free(rig);
}

// What a server said before it closed on unread bytes reaches the client, although sending to it fails.
static void test_tcp_last_words(void **state)
{
    (void)state;
    struct rig *rig = tcp_rig();
    rig_start(rig);
    int client = rig_client(rig, 0);
    int origin = rig_origin(rig, 0);
    rig_say(rig, client, "one");
    rig_turn(rig, 3);
    rig_say(rig, origin, "no");
    close(origin);
    rig_say(rig, client, "two");
    rig_expect(rig, client, "no");
    rig_until(rig, &rig->traffic.num_sessions, 0);
    close(client);
    rig_free(rig);
}

// Both directions at once, far more than the buffers hold, with every byte checked.
static void relay_much(struct rig *rig, int a, int b)
{
    enum { LEN = 3 << 20 };
    char *data = malloc(LEN);
    char *read_buf = malloc(65536);
    size_t sent[2] = { 0 }, got[2] = { 0 };
    int fds[2] = { a, b };
    for (size_t i = 0; i < LEN; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    for (int turns = 0; turns < 200000 && (got[0] < LEN || got[1] < LEN); turns++) {
        for (int i = 0; i < 2; i++) {
            ssize_t num = sent[i] < LEN ? send(fds[i], data + sent[i], LEN - sent[i], MSG_DONTWAIT) : 0;
            sent[i] += num > 0 ? (size_t)num : 0;
            if (sent[i] == LEN) {
                shutdown(fds[i], SHUT_WR);
                sent[i]++;
            }
            num = recv(fds[!i], read_buf, 65536, MSG_DONTWAIT);
            if (num > 0) {
                assert_memory_equal(read_buf, data + got[i], (size_t)num);
                got[i] += (size_t)num;
            }
        }
        rig_turn(rig, 1);
    }
    assert_int_equal(got[0], LEN);
    assert_int_equal(got[1], LEN);
    free(data);
    free(read_buf);
}

static void test_tcp_much_both_ways(void **state)
{
    (void)state;
    for (int copy = 0; copy < 2; copy++) {
        struct rig *rig = tcp_rig();
        rig->program.global.no_splice = copy;
        rig_start(rig);
        int client = rig_client(rig, 8192);
        int origin = rig_origin(rig, 0);
        relay_much(rig, client, origin);
        rig_expect_end(rig, client, false);
        rig_until(rig, &rig->traffic.num_sessions, 0);
        close(client);
        close(origin);
        rig_free(rig);
    }
}

static void test_websocket_early_bytes_both_ways(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, UPGRADE "early from client");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", 1);
    assert_non_null(strstr(rig->text, "Upgrade: websocket\r\n"));
    assert_non_null(strstr(rig->text, "connection: upgrade\r\n"));
    rig_say(rig, origin, SWITCH "early from origin");
    rig_read(rig, client, "\r\n\r\n", 1);
    assert_non_null(strstr(rig->text, "HTTP/1.1 101 "));
    assert_non_null(strstr(rig->text, "connection: upgrade\r\n"));
    rig_expect(rig, client, "early from origin");
    rig_expect(rig, origin, "early from client");
    assert_int_equal(rig->traffic.streams.num_tunnels, 1);
    assert_int_equal(rig->traffic.streams.num_streams, 0);
    assert_int_equal(rig->traffic.bufs.num_lent, 0);
    relay_much(rig, client, origin);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    assert_int_equal(rig->traffic.backends.backends[0]->servers[0]->num_idle, 0);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_upgrade_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, UPGRADE);
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    rig_expect(rig, client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    rig_say(rig, client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_expect(rig, origin, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_switch_nobody_asked_for(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, SWITCH);
    rig_read(rig, client, "502 Bad Gateway", SIZE_MAX);
    assert_null(strstr(rig->text, "upgrade"));
    close(client);
    close(origin);
    rig_free(rig);
}

// Half of the body is with the origin when it switches: what follows would be framing to one and data to the other.
static void test_switch_within_a_request(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    static char body[200000];
    rig_say(rig, client,
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 400000\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_send(rig, client, body, sizeof(body));
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, SWITCH);
    rig_read(rig, client, "502 Bad Gateway", SIZE_MAX);
    assert_int_equal(rig->traffic.streams.num_tunnels, 0);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_connect_method(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    rig_say(rig, origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntunnel");
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\n\r\ntunnel");
    relay_much(rig, client, origin);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_tunnel_timeout(void **state)
{
    (void)state;
    struct rig *rig = tcp_rig();
    rig->proxy.timeouts.client = rig->proxy.timeouts.server = 3600000000;
    rig->proxy.timeouts.tunnel = 600000;
    rig_start(rig);
    int client = rig_client(rig, 0);
    int origin = rig_origin(rig, 0);
    for (int i = 0; i < 5; i++) {
        rig_say(rig, i % 2 ? client : origin, "x");
        rig_expect(rig, i % 2 ? origin : client, "x");
        usleep(150000);
    }
    assert_int_equal(rig->traffic.num_sessions, 1);
    rig_expect_end(rig, client, false);
    rig_expect_end(rig, origin, false);
    assert_int_equal(rig->traffic.num_sessions, 0);
    close(client);
    close(origin);
    rig_free(rig);
}

// How long tunnels were open counts from their beginning, not from what moved last.
static void test_time_open(void **state)
{
    (void)state;
    enum { OPEN_US = 60000 };
    struct rig *rig = tcp_rig();
    rig_start(rig);
    int client = rig_client(rig, 0);
    int origin = rig_origin(rig, 0);
    rig_say(rig, client, "hello");
    rig_expect(rig, origin, "hello");
    usleep(OPEN_US);
    rig_say(rig, client, "bye");
    rig_expect(rig, origin, "bye");
    close(client);
    close(origin);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    uint32_t object = rig->servers[0].object;
    assert_int_equal(rig_count(rig, object, (enum proxy_counter)PROXY_HIST_TUNNELS), 1);
    assert_true(rig_count(rig, object, (enum proxy_counter)PROXY_HIST_TUNNELS_US) >= OPEN_US);
    assert_int_equal(rig_count(rig, object, PROXY_COUNT_BYTES_IN), 8);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_open),
        cmocka_unit_test(test_tcp_half_close_both_ways),
        cmocka_unit_test(test_tcp_reset_is_passed_on),
        cmocka_unit_test(test_tcp_reset_after_half_close),
        cmocka_unit_test(test_tcp_last_words),
        cmocka_unit_test(test_tcp_much_both_ways),
        cmocka_unit_test(test_websocket_early_bytes_both_ways),
        cmocka_unit_test(test_upgrade_refused),
        cmocka_unit_test(test_switch_nobody_asked_for),
        cmocka_unit_test(test_switch_within_a_request),
        cmocka_unit_test(test_connect_method),
        cmocka_unit_test(test_tunnel_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
