// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/socks4.h"

static void test_request(void **state)
{
    (void)state;
    static const uint8_t expected[] = { 4, 1, 0x1f, 0x90, 192, 0, 2, 7, 'f', 'a', 'i', 'r', 'l', 'e', 'a', 'd', 0 };
    uint8_t out[TRANSPORT_SOCKS4_REQUEST_MAX];
    struct transport_address to = { .family = AF_INET, .port = 8080, .ip = { 192, 0, 2, 7 } };
    assert_int_equal(transport_socks4_request(out, &to), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    struct transport_address mapped = { .family = AF_INET6, .port = 8080 };
    memcpy(mapped.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7", 16);
    assert_int_equal(transport_socks4_request(out, &mapped), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    mapped.ip[0] = 0x20;
    assert_int_equal(transport_socks4_request(out, &mapped), 0);
    struct transport_address path = { .family = AF_UNIX, .path = "/x" };
    assert_int_equal(transport_socks4_request(out, &path), 0);
}

static void test_reply(void **state)
{
    (void)state;
    static const uint8_t granted[] = { 0, 90, 1, 2, 3, 4, 5, 6 }, refused[8] = { 0, 91 }, wrong[8] = { 4, 90 };
    assert_true(transport_socks4_granted(granted));
    assert_false(transport_socks4_granted(refused));
    assert_false(transport_socks4_granted(wrong));
}

// The proxy's reply comes byte by byte, and what follows it is left for whoever comes next.
static void test_run(void **state)
{
    (void)state;
    static const char reply[] = "\0\x5a\0\0\0\0\0\0hello";
    const struct transport_address to = { .family = AF_INET, .port = 80, .ip = { 127, 0, 0, 1 } };
    struct transport_socks4 socks = { 0 };
    struct transport_conn conn;
    int pair[2];
    char text[64];
    size_t len;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    transport_conn_init_later(&conn, pair[0]);
    for (int i = 0; i < 8; i++) {
        conn.can_read = true;
        assert_int_equal(transport_socks4_run(&conn, &socks, &to), IO_AGAIN);
        assert_int_equal(write(pair[1], reply + i, i == 7 ? 6 : 1), i == 7 ? 6 : 1);
    }
    conn.can_read = true;
    assert_int_equal(transport_socks4_run(&conn, &socks, &to), IO_OK);
    assert_int_equal(transport_socks4_run(&conn, &socks, &to), IO_OK);
    assert_int_equal(read(pair[1], text, sizeof(text)), 17);
    conn.can_read = true;
    assert_int_equal(transport_conn_recv(&conn, &len, text, sizeof(text)), IO_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(text, "hello", 5);
    close(pair[0]);
    close(pair[1]);
}

static void test_refused(void **state)
{
    (void)state;
    const struct transport_address to = { .family = AF_INET, .port = 80, .ip = { 127, 0, 0, 1 } };
    for (int ends = 0; ends < 2; ends++) {
        struct transport_socks4 socks = { 0 };
        struct transport_conn conn;
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        transport_conn_init_later(&conn, pair[0]);
        assert_int_equal(write(pair[1], "\0\x5b\0\0\0\0\0\0", ends ? 3 : 8), ends ? 3 : 8);
        if (ends)
            shutdown(pair[1], SHUT_WR);
        conn.can_read = conn.near_end = true;
        assert_int_equal(transport_socks4_run(&conn, &socks, &to), IO_FAIL);
        close(pair[0]);
        close(pair[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
