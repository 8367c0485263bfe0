// SPDX-License-Identifier: Apache-2.0
// A worker that takes leave of its clients: who is told to close, when, and what happens to those who were not.
#include <unistd.h>
#include "frontend/rig.h"
#include "frontend/session.h"

#define GET      "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
#define OK_LAST  "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

static void test_soft_stop(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int idle = rig_client(rig, 0);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    frontends_soft_stop(&rig->traffic);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    rig_expect_end(rig, client, false);
    close(client);
    // What comes on a connection that was idle is served, however late, and told to close.
    rig_expect_silence(rig, idle);
    assert_false(frontends_is_idle(&rig->traffic));
    rig_say(rig, idle, GET);
    int second = rig_origin(rig, 0);
    rig_expect(rig, second, GET);
    rig_say(rig, second, OK_EMPTY);
    rig_expect(rig, idle, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    rig_expect_end(rig, idle, false);
    close(idle);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    assert_true(frontends_is_idle(&rig->traffic));
    close(second);
    close(origin);
    rig_free(rig);
}

// Requests that were sent ahead are all answered: only the last of them says close.
static void test_sent_ahead(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET GET GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    frontends_soft_stop(&rig->traffic);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_LAST);
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// The second request is in the kernel's hands only when the first is answered.
static void test_sent_ahead_unread(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    frontends_soft_stop(&rig->traffic);
    // Both are there in the same turn, in whatever order the loop learns of them.
    assert_int_equal(send(origin, OK_EMPTY, strlen(OK_EMPTY), 0), (ssize_t)strlen(OK_EMPTY));
    assert_int_equal(send(client, GET, strlen(GET), 0), (ssize_t)strlen(GET));
    rig_expect(rig, client, OK_EMPTY);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_LAST);
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// An answer that came before the end of its request: the rest of the request still gets to the server.
static void test_answered_early(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    rig_say(rig, client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    frontends_soft_stop(&rig->traffic);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_EMPTY);
    rig_say(rig, client, "llo");
    rig_expect(rig, origin, "llo");
    rig_say(rig, client, GET);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_expect(rig, client, OK_LAST);
    rig_expect_end(rig, client, false);
    close(client);
    close(origin);
    rig_free(rig);
}

// Whoever speaks on after the end gets no reset as long as it has not closed.
static void test_speaks_on(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig_start(rig);
    int client = rig_client(rig, 0);
    frontends_soft_stop(&rig->traffic);
    rig_say(rig, client, GET);
    int origin = rig_origin(rig, 0);
    rig_expect(rig, origin, GET);
    rig_say(rig, origin, OK_EMPTY);
    rig_turn(rig, 10);
    for (int i = 0; i < 3; i++) {
        rig_say(rig, client, GET);
        rig_turn(rig, 3);
    }
    rig_expect(rig, client, OK_LAST);
    rig_expect_end(rig, client, false);
    rig_no_origin(rig, 0);
    assert_int_equal(rig->traffic.num_sessions, 1);
    close(client);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    close(origin);
    rig_free(rig);
}

// How many of `num` clients are told to close by their next answer; those stay open.
static unsigned told(struct rig *rig, int *clients, unsigned num)
{
    unsigned num_told = 0;
    for (unsigned i = 0; i < num; i++) {
        if (clients[i] < 0)
            continue;
        rig_say(rig, clients[i], GET);
        if (!strstr(rig_read(rig, clients[i], "\r\n\r\n", SIZE_MAX), "connection: close"))
            continue;
        close(clients[i]);
        clients[i] = -1;
        num_told++;
    }
    return num_told;
}

static void test_spread(void **state)
{
    (void)state;
    enum { NUM = 60 };
    static const uint64_t spread_us = UINT64_C(1000000000);
    struct rig *rig = rig_new(1);
    rig->servers[0].disabled = true; // 503 is an answer as good as any, and does not close by itself
    rig->program.global.close_spread_time = spread_us;
    rig_start(rig);
    int clients[NUM];
    for (unsigned i = 0; i < NUM; i++)
        clients[i] = rig_client(rig, 0);
    assert_int_equal(told(rig, clients, NUM), 0);
    frontends_soft_stop(&rig->traffic);
    // Nobody comes back at once, however often it asks.
    for (unsigned i = 0; i < 5; i++)
        assert_in_range(told(rig, clients, NUM), 0, 1);
    rig->traffic.streams.close_from_us -= spread_us / 2;
    assert_in_range(told(rig, clients, NUM), NUM / 4, NUM * 3 / 4);
    assert_in_range(told(rig, clients, NUM), 0, 1);
    rig->traffic.streams.close_from_us -= spread_us / 2;
    assert_in_range(told(rig, clients, NUM), NUM / 4 - 6, NUM * 3 / 4);
    for (unsigned i = 0; i < NUM; i++)
        assert_int_equal(clients[i], -1);
    rig_free(rig);
}

static void test_never(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1);
    rig->servers[0].disabled = true;
    rig->program.global.close_never = true;
    rig_start(rig);
    int client = rig_client(rig, 0);
    frontends_soft_stop(&rig->traffic);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(told(rig, &client, 1), 0);
    close(client);
    rig_until(rig, &rig->traffic.num_sessions, 0);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_soft_stop),
        cmocka_unit_test(test_sent_ahead),
        cmocka_unit_test(test_sent_ahead_unread),
        cmocka_unit_test(test_answered_early),
        cmocka_unit_test(test_speaks_on),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
