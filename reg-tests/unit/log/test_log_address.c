// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "log/address.h"

static struct log_address good(const char *text)
{
    char error[LOG_ADDRESS_ERROR_MAX] = "";
    struct log_address address;
    if (!log_address_parse(&address, error, text, false))
        fail_msg("%s: %s", text, error);
    return address;
}

static void internet(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int family, port;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1", AF_INET, 514 },
        { "127.0.0.1:", "127.0.0.1", AF_INET, 514 },
        { "127.0.0.1:0", "127.0.0.1", AF_INET, 514 },
        { "127.0.0.1:99", "127.0.0.1", AF_INET, 99 },
        { "udp@127.0.0.1:99", "127.0.0.1", AF_INET, 99 },
        { "udp4@127.0.0.1:65535", "127.0.0.1", AF_INET, 65535 },
        { "ipv4@127.0.0.1", "127.0.0.1", AF_INET, 514 },
        { "::1:", "::1", AF_INET6, 514 },
        { "::1:99", "::1", AF_INET6, 99 },
        { "[::1]", "::1", AF_INET6, 514 },
        { "[::1]:99", "::1", AF_INET6, 99 },
        { "udp6@2001:db8::1:514", "2001:db8::1", AF_INET6, 514 },
        { "udp@[2001:db8::1]:7", "2001:db8::1", AF_INET6, 7 },
        { "*:99", "0.0.0.0", AF_INET, 99 },
        { ":99", "0.0.0.0", AF_INET, 99 },
        { "udp6@*:99", "::", AF_INET6, 99 },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct log_address address = good(cases[i].text);
        char host[INET6_ADDRSTRLEN];
        bool v4 = cases[i].family == AF_INET;
        assert_int_equal(address.kind, LOG_ADDRESS_DATAGRAM);
        assert_int_equal(address.socket.sa.sa_family, cases[i].family);
        assert_int_equal(address.socket_len, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        inet_ntop(cases[i].family, v4 ? (void *)&address.socket.in4.sin_addr : (void *)&address.socket.in6.sin6_addr,
                  host, sizeof(host));
        assert_string_equal(host, cases[i].host);
        assert_int_equal(ntohs(v4 ? address.socket.in4.sin_port : address.socket.in6.sin6_port), cases[i].port);
    }
    assert_int_equal(good("tcp@127.0.0.1:99").kind, LOG_ADDRESS_STREAM);
    assert_int_equal(good("tcp6@[::1]:99").socket.sa.sa_family, AF_INET6);
    assert_int_equal(good("uxst@/x").kind, LOG_ADDRESS_STREAM);
    // Names are resolved.
    assert_int_equal(good("udp4@localhost:99").socket.in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
}

static void others(void **state)
{
    (void)state;
    struct log_address address = good("/dev/log");
    assert_int_equal(address.socket.sa.sa_family, AF_UNIX);
    assert_string_equal(address.socket.un.sun_path, "/dev/log");
    assert_string_equal(good("unix@run/log").socket.un.sun_path, "run/log");
    assert_string_equal(good("uxdg@/run/log").socket.un.sun_path, "/run/log");
    address = good("abns@name");
    assert_memory_equal(address.socket.un.sun_path, "\0name\0", 6);
    assert_int_equal(address.socket_len, sizeof(struct sockaddr_un));
    address = good("abnsz@name");
    assert_int_equal(address.socket_len, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_int_equal(good("stdout").fd, 1);
    assert_int_equal(good("stderr").fd, 2);
    assert_int_equal(good("stderr").kind, LOG_ADDRESS_FD);
    assert_int_equal(good("fd@17").fd, 17);
}

static void refused(void **state)
{
    (void)state;
    char path[200];
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "", "empty" },
        { "::1", "last colon of an IPv6 address" },
        { "127.0.0.1:65536", "invalid port '65536'" },
        { "127.0.0.1:abc", "invalid port 'abc'" },
        { "127.0.0.1:-5", "invalid port" },
        { "127.0.0.1:1-2", "invalid port" },
        { "udp4@::1:514", "invalid address" },
        { "udp6@127.0.0.1:5", "invalid address" },
        { "[::1", "brackets" },
        { "[::1]5", "brackets" },
        { "fd@", "file descriptor" },
        { "fd@x", "file descriptor" },
        { "fd@-1", "file descriptor" },
        { "fd@99999999999", "file descriptor" },
        { "unix@", "missing" },
        { "abns@", "missing" },
        { "tcp@127.0.0.1:70000", "invalid port" },
        { "uxst@", "path is missing" },
        { "sockpair@1", "sockpair" },
        { "quic4@127.0.0.1:1", "QUIC" },
    };
    char error[LOG_ADDRESS_ERROR_MAX];
    struct log_address address;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        if (log_address_parse(&address, error, cases[i].text, false))
            fail_msg("accepted: %s", cases[i].text);
        if (!strstr(error, cases[i].why))
            fail_msg("%s: %s", cases[i].text, error);
    }
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[108] = '\0';
    assert_false(log_address_parse(&address, error, path, false));
    path[107] = '\0';
    assert_true(log_address_parse(&address, error, path, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(internet),
        cmocka_unit_test(others),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
