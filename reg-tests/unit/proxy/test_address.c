// SPDX-License-Identifier: Apache-2.0
// Addresses of bind and server lines, sources and networks.
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>
#include "reader.h"
#include "os/listen.h"
#include "proxy/address.h"

// Gives how many sockets the bind line's address opens, and writes the first and the last.
static unsigned listens(char *first, char *last, const char *address)
{
    struct reader reader;
    char text[512];
    snprintf(text, sizeof(text), "frontend f\n timeout client 1s\n bind %s\n", address);
    setenv("PROXY_TEST_FD", "7", 1);
    reader_accept(&reader, text);
    unsigned num = reader.program->num_binds;
    os_listen_text(first, &reader.program->binds[0]->listen);
    os_listen_text(last, &reader.program->binds[num - 1]->listen);
    reader_fini(&reader);
    return num;
}

static void test_bind(void **state)
{
    static const struct {
        const char *address;
        unsigned num;
        const char *first;
        const char *last;
    } cases[] = {
        { ":80", 1, "0.0.0.0:80", "0.0.0.0:80" },
        { "*:80", 1, "0.0.0.0:80", "0.0.0.0:80" },
        { "0.0.0.0:80", 1, "0.0.0.0:80", "0.0.0.0:80" },
        { "ipv4@:80", 1, "0.0.0.0:80", "0.0.0.0:80" },
        { "ipv6@:80", 1, "[::]:80", "[::]:80" },
        { "ipv6@*:80", 1, "[::]:80", "[::]:80" },
        { ":::80", 1, "[::]:80", "[::]:80" },
        { "[::]:80", 1, "[::]:80", "[::]:80" },
        { "::1:80", 1, "[::1]:80", "[::1]:80" },
        { "[::1]:80", 1, "[::1]:80", "[::1]:80" },
        { "[2001:db8::1]:8000-8009", 10, "[2001:db8::1]:8000", "[2001:db8::1]:8009" },
        { "127.0.0.1:80,127.0.0.2:81-82", 3, "127.0.0.1:80", "127.0.0.2:82" },
        { "127.0.0.1:65535", 1, "127.0.0.1:65535", "127.0.0.1:65535" },
        { ":1-65535", 65535, "0.0.0.0:1", "0.0.0.0:65535" },
        { "tcp4@127.0.0.1:80", 1, "127.0.0.1:80", "127.0.0.1:80" },
        { "/tmp/www", 1, "unix@/tmp/www", "unix@/tmp/www" },
        { "unix@www,:80", 2, "unix@www", "0.0.0.0:80" },
        { "abns@www", 1, "abns@www", "abns@www" },
        { "abnsz@www", 1, "abns@www", "abns@www" },
        { "fd@7", 1, "fd@7", "fd@7" },
        { "fd@${PROXY_TEST_FD}", 1, "fd@7", "fd@7" },
        { "\"fd@${PROXY_TEST_FD}\"", 1, "fd@7", "fd@7" },
    };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        char first[OS_LISTEN_TEXT_LEN], last[OS_LISTEN_TEXT_LEN];
        assert_int_equal(listens(first, last, cases[i].address), cases[i].num);
        assert_string_equal(first, cases[i].first);
        assert_string_equal(last, cases[i].last);
    }
}

static void test_bind_refused(void **state)
{
    static const char *const cases[][2] = {
        { "80", "the port is missing" },
        { "127.0.0.1", "the port is missing" },
        { "*", "the port is missing" },
        { "[::1]", "the port is missing" },
        { ":0", "invalid port '0'" },
        { ":65536", "invalid port '65536'" },
        { ":80x", "invalid port '80x'" },
        { ":90-80", "invalid port range '90-80'" },
        { ":0-80", "invalid port range '0-80'" },
        { ":80-", "invalid port range '80-'" },
        { ":+80", "port offset, which is for servers" },
        { "''", "an address is missing" },
        { ":80,,:81", "an address is missing" },
        { "fd@x", "is no number of a file descriptor" },
        { "fd@", "is no number of a file descriptor" },
        { "fd@-1", "is no number of a file descriptor" },
        { "fd@${PROXY_TEST_NOT_SET}", "is no number of a file descriptor" },
        { "unix@", "the name of the socket is missing" },
        { "abns@", "the name of the socket is missing" },
        { "ipv4@::1:80", "cannot resolve '::1'" },
        { "udp@:80", "is of datagrams" },
        { "quic4@:443", "needs QUIC" },
        { "foo@:80", "unknown address family 'foo'" },
        { "/a-path-that-is-longer-than-what-the-kernel-takes-for-the-name-of-a-socket/which-is-not-much/as/these/"
          "things/go",
          "is too long for a socket's name" },
    };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        char text[512];
        snprintf(text, sizeof(text), "frontend f\n timeout client 1s\n bind %s\n", cases[i][0]);
        refuses(text, cases[i][1]);
    }
}

static void test_bind_twice(void **state)
{
    (void)state;
    refuses("frontend f\n bind :80\nfrontend g\n bind 127.0.0.1:80,*:80\n",
            "0.0.0.0:80 is bound at line 2 of test.cfg");
    refuses("frontend f\n bind abns@x\n bind abns@x\n", "abns@x is bound at line 2");
    warns("frontend f\n bind :80\nfrontend g\n disabled\n bind :80\n", "lacks timeouts");
}

// The length of an abstract name says whether it is filled up with zeros.
static void test_abstract(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "frontend f\n timeout client 1s\n bind abns@x,abnsz@x\n");
    assert_int_equal(reader.program->binds[0]->listen.address_len, sizeof(struct sockaddr_un));
    assert_int_equal(reader.program->binds[1]->listen.address_len, offsetof(struct sockaddr_un, sun_path) + 2);
    reader_fini(&reader);
}

static void test_server(void **state)
{
    static const struct {
        const char *address;
        const char *text;
        int32_t offset;
        bool mapped;
        uint16_t family;
    } cases[] = {
        { "127.0.0.1:80", "127.0.0.1:80", 0, false, AF_INET },
        { "127.0.0.1", "127.0.0.1:0", 0, true, AF_INET },
        { "127.0.0.1:", "127.0.0.1:0", 0, true, AF_INET },
        { "127.0.0.1:0", "127.0.0.1:0", 0, true, AF_INET },
        { "127.0.0.1:+10", "127.0.0.1:0", 10, true, AF_INET },
        { "127.0.0.1:-10", "127.0.0.1:0", -10, true, AF_INET },
        { "[::1]:80", "::1:80", 0, false, AF_INET6 },
        { "[::1]", "::1:0", 0, true, AF_INET6 },
        { "ipv6@[::1]:80", "::1:80", 0, false, AF_INET6 },
        { "*:80", "-:80", 0, false, AF_UNSPEC },
        { "0.0.0.0:80", "-:80", 0, false, AF_UNSPEC },
        { "*", "-:0", 0, true, AF_UNSPEC },
        { "unix@/tmp/s", "unix:0", 0, false, AF_UNIX },
        { "/tmp/s", "unix:0", 0, false, AF_UNIX },
        { "abns@s", "unix:0", 0, false, AF_UNIX },
    };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct reader reader;
        char text[256], address[TRANSPORT_ADDRESS_TEXT_MAX];
        snprintf(text, sizeof(text), "backend b\n timeout server 1s\n timeout connect 1s\n server s %s\n",
                 cases[i].address);
        reader_accept(&reader, text);
        const struct server_conf *server = reader.program->proxies->be.servers;
        transport_address_text(&server->addr, address);
        assert_string_equal(address, cases[i].text);
        assert_int_equal(server->addr.family, cases[i].family);
        assert_int_equal(server->port_mapped, cases[i].mapped);
        assert_int_equal(server->port_offset, cases[i].offset);
        assert_string_equal(server->addr_text, cases[i].address);
        reader_fini(&reader);
    }
    refuses("backend b\n server s 127.0.0.1:80-90\n", "has one port, not a range");
    refuses("backend b\n server s fd@3\n", "cannot be a file descriptor");
    refuses("backend b\n server s 127.0.0.1:70000\n", "invalid port '70000'");
}

static void test_resolve(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "backend b\n timeout server 1s\n timeout connect 1s\n server s ipv4@localhost:80\n"
                           " server t name.invalid:80 init-addr last,192.0.2.7,libc\n"
                           " server u name.invalid:80 init-addr none\n");
    const struct server_conf *server = reader.program->proxies->be.servers;
    char address[TRANSPORT_ADDRESS_TEXT_MAX];
    transport_address_text(&server->addr, address);
    assert_string_equal(address, "127.0.0.1:80");
    assert_false(server->unresolved);
    transport_address_text(&server->next->addr, address);
    assert_string_equal(address, "192.0.2.7:80");
    assert_true(server->next->next->unresolved);
    reader_fini(&reader);
    refuses("backend b\n server s name.invalid:80 init-addr last\n", "init-addr allows no way");
}

static void test_network(void **state)
{
    static const struct {
        const char *text;
        int prefix; // -1: refused
    } cases[] = {
        { "10.0.0.0/8", 8 },
        { "10.0.0.0", 32 },
        { "10.0.0.0/255.255.0.0", 16 },
        { "10.0.0.0/0.0.0.0", 0 },
        { "10.0.0.0/0", 0 },
        { "10.0.0.0/255.0.255.0", -1 },
        { "10.0.0.0/33", -1 },
        { "10.0.0.0/", -1 },
        { "2001:db8::/32", 32 },
        { "::1", 128 },
        { "::1/129", -1 },
        { "::1/255.0.0.0", -1 },
        { "name.example", -1 },
        { "", -1 },
        { "10.0.0.0/255.255.255.255", 32 },
    };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        struct transport_network net;
        const char *error = proxy_network_parse(&net, cases[i].text);
        assert_int_equal(error == NULL, cases[i].prefix >= 0);
        if (!error)
            assert_int_equal(net.prefix_len, cases[i].prefix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind),     cmocka_unit_test(test_bind_refused), cmocka_unit_test(test_bind_twice),
        cmocka_unit_test(test_abstract), cmocka_unit_test(test_server),       cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
