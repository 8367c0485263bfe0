// SPDX-License-Identifier: Apache-2.0
// Limits, queues, retries and deadlines.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "frontend/rig.h"
#include "frontend/session.h"
#include "frontend/session.h"

#define GET      "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

enum { MS = 1000 };

static void answer(struct rig *rig, int client, int origin)
{
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
}

static void test_server_maxconn_queues_in_order(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->servers[0].maxconn = 1;
    rig->proxy.be.reuse = PROXY_REUSE_NEVER;
    rig_start(rig);
    int client[4];
    for (int i = 0; i < 4; i++) {
        client[i] = rig_client(rig, 0);
        rig_say(rig, client[i], GET);
        rig_turn(rig, 5);
    }
    assert_int_equal(board_queue_len(rig->board, rig->proxy.be_object, 0), 3);
    // One of those that wait leaves: seen at the latest when its connection enters the loop.
    rig_reset(client[1]);
    for (int i = 0; i < 1000 && board_queue_len(rig->board, rig->proxy.be_object, 0) > 2; i++)
        rig_turn(rig, 1);
    assert_int_equal(board_queue_len(rig->board, rig->proxy.be_object, 0), 2);
    for (int i = 0; i < 4; i++) {
        if (i == 1)
            continue;
        int origin = rig_origin(rig, 0);
        rig_no_origin(rig, 0);
        answer(rig, client[i], origin);
        close(client[i]);
        close(origin);
    }
    rig_until(rig, &rig->traffic.num_sessions, 0);
    rig_free(rig);
}

static void test_timeout_queue(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->servers[0].maxconn = 1;
    rig->proxy.timeouts.queue = 50 * MS;
    rig_start(rig);
    int first = rig_client(rig, 0);
    rig_say(rig, first, GET);
    int origin = rig_origin(rig, 0);
    int second = rig_client(rig, 0);
    rig_say(rig, second, GET);
    rig_read(rig, second, "503 Service Unavailable", SIZE_MAX);
    assert_int_equal(board_queue_len(rig->board, rig->proxy.be_object, 0), 0);
    answer(rig, first, origin);
    close(first);
    close(second);
    close(origin);
    rig_free(rig);
}

static void test_tcp_queue_and_refusal(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.mode = PROXY_MODE_TCP;
    rig->servers[0].maxconn = 1;
    rig->proxy.timeouts.queue = 50 * MS;
    rig_start(rig);
    int first = rig_client(rig, 0);
    int origin = rig_origin(rig, 0);
    int second = rig_client(rig, 0);
    rig_expect_end(rig, second, false);
    close(second);
    int third = rig_client(rig, 0);
    rig_turn(rig, 5);
    close(first);
    rig_expect_end(rig, origin, false);
    close(origin);
    origin = rig_origin(rig, 0);
    rig_say(rig, third, "x");
    rig_expect(rig, origin, "x");
    close(third);
    close(origin);
    rig_free(rig);
}

static void test_frontend_maxconn(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.fe.maxconn = 1;
    rig_start(rig);
    int first = rig_client(rig, 0);
    rig_say(rig, first, GET);
    int origin = rig_origin(rig, 0);
    int second = rig_client(rig, 0);
    rig_say(rig, second, GET);
    rig_turn(rig, 50);
    assert_int_equal(rig->traffic.num_sessions, 1);
    answer(rig, first, origin);
    close(first);
    int again = rig_origin(rig, 0);
    answer(rig, second, again);
    close(second);
    close(origin);
    close(again);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    rig_free(rig);
}

// Nothing ties the request to the server that refuses it: the next attempt goes to the other one at once.
static void test_redispatch(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2);
    rig->proxy.options = PROXY_OPT_REDISPATCH;
    rig->proxy.be.balance.algorithm = PROXY_BALANCE_LEASTCONN;
    rig->proxy.timeouts.connect = 20 * MS;
    rig_start(rig);
    struct sockaddr_in nobody = rig->address;
    socklen_t len = sizeof(nobody);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    nobody.sin_port = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&nobody, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&nobody, &len), 0);
    rig->servers[0].addr.port = ntohs(nobody.sin_port);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    int origin = rig_origin(rig, 1);
    rig_expect(rig, origin, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_RETRIES), 0);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_REDISPATCHES), 1);
    assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_RETRY_CONNECT), 1);
    close(client);
    close(origin);
    close(fd);
    rig_free(rig);
}

static void test_retries_end_in_503(void **state)
{
    (void)state;
    for (int tcp = 0; tcp < 2; tcp++) {
        struct rig *rig = rig_new(1);
        rig->proxy.mode = tcp ? PROXY_MODE_TCP : PROXY_MODE_HTTP;
        rig->proxy.be.retries = 1;
        rig->proxy.timeouts.connect = 20 * MS;
        rig_start(rig);
        close(rig->origin_fd[0]);
        int client = rig_client(rig, 0);
        rig_say(rig, client, GET);
        if (tcp)
            rig_until(rig, &rig->traffic.num_sessions, 1), rig_until(rig, &rig->traffic.num_sessions, 0);
        else
            rig_read(rig, client, "503 Service Unavailable", SIZE_MAX);
        assert_int_equal(rig_count(rig, rig->servers[0].object, PROXY_COUNT_RETRIES), 1);
        close(client);
        rig->origin_fd[0] = dup(rig->listen_fd);
        rig_free(rig);
    }
}

// The server's time does not run while the client sends, nor the client's while the server does not read.
static void test_long_upload_is_no_server_timeout(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.timeouts.server = 60 * MS;
    rig->proxy.timeouts.client = 10000 * MS;
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_read(rig, origin, "\r\n\r\n", SIZE_MAX);
    for (int i = 0; i < 4; i++) {
        uint64_t end_us = clock_mono_us() + 80 * MS;
        while (clock_mono_us() < end_us)
            rig_turn(rig, 1);
        rig_say(rig, client, "x");
        rig_expect(rig, origin, "x");
    }
    // Now it is the server's turn.
    uint64_t start_us = clock_mono_us();
    rig_read(rig, client, "504 Gateway Timeout", SIZE_MAX);
    assert_true(clock_mono_us() - start_us < 8000 * MS);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_server_that_does_not_read(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.timeouts.server = 100 * MS;
    rig->proxy.timeouts.client = 10000 * MS;
    rig_start(rig);
    int client = rig_client(rig, 0);
    static char body[65536];
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 800000000\r\n\r\n");
    int origin = rig_origin(rig, 0);
    for (int i = 0; i < 100000; i++) {
        ssize_t put = send(client, body, sizeof(body), MSG_DONTWAIT | MSG_NOSIGNAL);
        rig_turn(rig, 1);
        if (put < 0 && rig->traffic.streams.num_streams == 0)
            break;
    }
    assert_int_equal(rig->traffic.streams.num_streams, 0);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_client_timeout_in_body(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.timeouts.server = 10000 * MS;
    rig->proxy.timeouts.client = 300 * MS;
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    int origin = rig_origin(rig, 0);
    rig_read(rig, client, "408 Request Timeout", SIZE_MAX);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_http_request_timeout(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.timeouts.http_request = 400 * MS;
    rig->proxy.timeouts.http_keep_alive = 200 * MS;
    rig_start(rig);
    int client = rig_client(rig, 0);
    uint64_t start_us = clock_mono_us();
    for (int i = 0; i < 100 && clock_mono_us() - start_us < 300 * MS; i++) {
        rig_say(rig, client, "G");
        usleep(10000);
        rig_turn(rig, 1);
    }
    rig_read(rig, client, "408 Request Timeout", SIZE_MAX);
    close(client);
    // An idle connection is closed in silence.
    client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    answer(rig, client, origin);
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

static void test_proxy_header_byte_by_byte(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->bind.accept_proxy = true;
    rig->proxy.forwardfor = (struct forwardfor_conf){ .enabled = true, .header = "X-Forwarded-For", .header_len = 15 };
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_drip(rig, client, "PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\nGET / HTTP/1.0\r\n\r\n");
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, "GET / HTTP/1.1\r\nhost: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// What the balancer before us said in TLVs is kept as long as the session.
static void test_proxy_header_tlvs_are_kept(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    union transport_proxy_address src = {
        .in4 = { .sin_family = AF_INET, .sin_port = htons(1234), .sin_addr.s_addr = htonl(0xc0000207) }
    };
    struct transport_proxy_tlv tlvs[2] = {
        { .type = 0x02, .value = SLICE("www.example.com") },
        { .type = 0xe0, .value = SLICE("") },
    };
    struct transport_proxy_write what = {
        .version = 2, .crc32c = true, .src = &src, .dst = &src, .tlvs = tlvs, .num_tlvs = 2
    };
    char header[256];
    rig->bind.accept_proxy = true;
    rig_start(rig);
    int client = rig_client(rig, 0);
    size_t len = transport_proxy_build(header, sizeof(header), &what);
    assert_int_equal(write(client, header, len), len);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    struct frontend_session *session = LIST_FIRST(&rig->traffic.sessions, struct frontend_session, link);
    struct slice name = proxy_session_tlv(&session->facts, 0x02);
    assert_true(slice_equal(name, SLICE("www.example.com")));
    assert_non_null(proxy_session_tlv(&session->facts, 0xe0).ptr);
    assert_null(proxy_session_tlv(&session->facts, 0xe1).ptr);
    close(client);
    close(origin);
    rig_free(rig);
}

// Whatever tune.maxrewrite says, a body fits behind the longest head.
static void test_room_behind_the_longest_head(void **state)
{
    (void)state;
    static const uint64_t rewrites[] = { 0, 1024, 100000 };
    for (int i = 0; i < 3; i++) {
        struct rig *rig = rig_new(1);
        rig->program.global.maxrewrite = rewrites[i];
        rig_start(rig);
        uint32_t max = rig->traffic.mux.head_max;
        static char head[32768];
        for (int over = 0; over < 2; over++) {
            size_t len = (size_t)sprintf(head, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nx: ");
            memset(head + len, 'y', max - 4 - len + (size_t)over);
            memcpy(head + max - 4 + over, "\r\n\r\n", 4);
            int client = rig_client(rig, 0);
            rig_send(rig, client, head, max + (size_t)over);
            if (over) {
                rig_read(rig, client, "431 ", SIZE_MAX);
            } else {
                int origin = rig_origin(rig, 0);
                rig_drip(rig, client, "5\r\nhello\r\n0\r\nt: u\r\n\r\n");
                rig_read(rig, origin, "\r\nt: u\r\n\r\n", SIZE_MAX);
                rig_say(rig, origin, OK_EMPTY);
                rig_expect(rig, client, OK_EMPTY);
                close(origin);
            }
            close(client);
        }
        rig_free(rig);
    }
}

static void test_client_keepalive(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->proxy.options = PROXY_OPT_CLIENT_KEEPALIVE;
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_until(rig, &rig->traffic.num_sessions, 1);
    struct frontend_session *session = LIST_FIRST(&rig->traffic.sessions, struct frontend_session, link);
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(session->facts.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
    assert_true(on);
    close(client);
    rig_free(rig);
}

// Three servers of different weight, and the one that is lost: proportions hold, and nobody is asked for the lost one.
static void test_balancing(void **state)
{
    (void)state;
    for (int least = 0; least < 2; least++) {
        struct rig *rig = rig_new(3);
        rig->proxy.be.balance.algorithm = least ? PROXY_BALANCE_LEASTCONN : PROXY_BALANCE_ROUNDROBIN;
        rig->servers[0].weight = 30;
        rig->servers[1].weight = 10;
        rig->servers[2].disabled = true;
        rig_start(rig);
        int clients[40], num[3] = { 0 };
        for (int i = 0; i < 40; i++) {
            clients[i] = rig_client(rig, 0);
            rig_say(rig, clients[i], GET);
            rig_turn(rig, 3);
        }
        for (int i = 0; i < 3; i++)
            num[i] = (int)board_lane_sum(rig->board, rig->servers[i].object);
        assert_int_equal(num[0], 30);
        assert_int_equal(num[1], 10);
        assert_int_equal(num[2], 0);
        for (int i = 0; i < 40; i++)
            close(clients[i]);
        rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_maxconn_queues_in_order),
        cmocka_unit_test(test_timeout_queue),
        cmocka_unit_test(test_tcp_queue_and_refusal),
        cmocka_unit_test(test_frontend_maxconn),
        cmocka_unit_test(test_redispatch),
        cmocka_unit_test(test_retries_end_in_503),
        cmocka_unit_test(test_long_upload_is_no_server_timeout),
        cmocka_unit_test(test_server_that_does_not_read),
        cmocka_unit_test(test_client_timeout_in_body),
        cmocka_unit_test(test_http_request_timeout),
        cmocka_unit_test(test_proxy_header_byte_by_byte),
        cmocka_unit_test(test_proxy_header_tlvs_are_kept),
        cmocka_unit_test(test_room_behind_the_longest_head),
        cmocka_unit_test(test_client_keepalive),
        cmocka_unit_test(test_balancing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
