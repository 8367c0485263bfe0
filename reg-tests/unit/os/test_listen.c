// SPDX-License-Identifier: Apache-2.0
// Listening sockets and steering: kinds, conflicts, atomic replacement, and where connections go.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "os/listen.h"
#include "os/steer.h"

static struct os_listen loopback(int port)
{
    struct os_listen spec = { .kind = OS_LISTEN_TCP, .address_len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (struct sockaddr_in *)&spec.address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons((uint16_t)port);
    return spec;
}

static int port_of(int fd)
{
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

// Opened, and listening.
static int begin(const struct os_listen *spec, char *error)
{
    int fd = os_listen_open(spec, error);
    if (fd >= 0)
        assert_true(os_listen_begin(fd, spec, error));
    return fd;
}

static int connect_to(const struct os_listen *spec)
{
    int fd = socket(spec->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&spec->address, spec->address_len) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint32_t accept_all(int fd)
{
    uint32_t num = 0;
    int conn;
    while ((conn = accept(fd, NULL, NULL)) >= 0) {
        close(conn);
        num++;
    }
    assert_int_equal(errno, EAGAIN);
    return num;
}

static void steering(void **state)
{
    (void)state;
    enum { SLOTS = 4, CONNECTIONS = 200 };
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_listen spec = loopback(0);
    int fds[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        fds[i] = begin(&spec, error);
        assert_string_equal(error, "");
        spec = loopback(port_of(fds[0]));
    }
    static const struct {
        uint32_t num;
        uint32_t indices[SLOTS];
    } rounds[] = { { 4, { 0, 1, 2, 3 } }, { 1, { 2 } }, { 2, { 1, 3 } }, { 3, { 3, 0, 1 } }, { 1, { 0 } } };
    for (size_t round = 0; round < sizeof(rounds) / sizeof(rounds[0]); round++) {
        uint32_t got[SLOTS];
        uint32_t wanted = 0;
        assert_true(os_steer_attach(fds[0], rounds[round].indices, rounds[round].num));
        for (int i = 0; i < CONNECTIONS; i++)
            close(connect_to(&spec));
        for (int i = 0; i < SLOTS; i++)
            got[i] = accept_all(fds[i]);
        for (uint32_t i = 0; i < rounds[round].num; i++) {
            assert_true(got[rounds[round].indices[i]] > CONNECTIONS / SLOTS / 4);
            wanted += got[rounds[round].indices[i]];
        }
        assert_int_equal(wanted, CONNECTIONS);
    }
    assert_true(os_steer_detach(fds[0]));
    for (int i = SLOTS - 1; i >= 0; i--)
        os_listen_close(fds[i], &spec, 0);
    assert_int_equal(connect_to(&spec), -1);
}

// A socket that is about to be closed: no new connections, while those that connected are still there to be accepted.
static void blocked_before_it_ends(void **state)
{
    (void)state;
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_listen spec = loopback(0);
    int first = begin(&spec, error);
    spec = loopback(port_of(first));
    assert_int_equal(os_steer_count(&spec, false), 1);
    int second = begin(&spec, error);
    assert_int_equal(os_steer_count(&spec, false), 2);
    uint32_t only_first[] = { 0 };
    assert_true(os_steer_attach(first, only_first, 1));
    assert_int_equal(os_listen_waiting(first), 0);
    close(connect_to(&spec));
    assert_int_equal(os_listen_waiting(first), 1);
    os_listen_block(first, &spec);
    assert_int_equal(os_listen_waiting(first), 1);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(late, (const struct sockaddr *)&spec.address, spec.address_len), -1);
    assert_int_equal(errno, EINPROGRESS);
    usleep(50000);
    assert_int_equal(os_listen_waiting(first), 1);
    assert_int_equal(accept_all(first), 1);
    close(late);
    os_listen_unblock(first);
    close(connect_to(&spec));
    assert_int_equal(accept_all(first), 1);
    assert_true(os_listen_fits(second, &spec));
    os_listen_close(second, &spec, 0);
    os_listen_close(first, &spec, 0);
    assert_int_equal(os_steer_count(&spec, false), 0);
}

static void unix_is_blocked(void **state)
{
    (void)state;
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_listen spec = { .kind = OS_LISTEN_ABNS };
    struct sockaddr_un *un = (struct sockaddr_un *)&spec.address;
    un->sun_family = AF_UNIX;
    int len = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "fairlead-test-%d", (int)getpid());
    spec.address_len = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    int fd = begin(&spec, error);
    assert_string_equal(error, "");
    assert_true(os_listen_fits(fd, &spec));
    close(connect_to(&spec));
    os_listen_block(fd, &spec);
    assert_int_equal(connect_to(&spec), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(accept_all(fd), 1);
    os_listen_close(fd, &spec, 0);
}

static void conflict_is_told(void **state)
{
    (void)state;
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_listen spec = loopback(0);
    int fd = begin(&spec, error);
    spec = loopback(port_of(fd));
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "cannot bind socket for [127.0.0.1:%d]: Address already in use", port_of(fd));
    assert_false(os_listen_probe(&spec, error));
    assert_int_equal(errno, EADDRINUSE);
    assert_string_equal(error, wanted);
    // The kernel alone would let a second one in.
    int second = begin(&spec, error);
    assert_true(second >= 0);
    os_listen_close(second, &spec, 0);
    os_listen_close(fd, &spec, 0);
    assert_true(os_listen_probe(&spec, error));
    // 192.0.2.1 (RFC 5737) is nobody's.
    struct sockaddr_in *in = (struct sockaddr_in *)&spec.address;
    in->sin_addr.s_addr = htonl(0xc0000201);
    assert_int_equal(os_listen_open(&spec, error), -1);
    assert_non_null(strstr(error, "Cannot assign requested address"));
}

static void unix_is_replaced_in_one_step(void **state)
{
    (void)state;
    char dir[] = "/tmp/fairlead-test-XXXXXX";
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_listen spec = {
        .kind = OS_LISTEN_UNIX, .address_len = sizeof(struct sockaddr_un), .flags = OS_LISTEN_HAS_MODE, .mode = 0640
    };
    struct sockaddr_un *un = (struct sockaddr_un *)&spec.address;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s/s", dir);
    int first = begin(&spec, error);
    uint64_t first_file = os_listen_file(&spec);
    assert_true(first >= 0 && first_file);
    assert_int_equal(stat(un->sun_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    // Until the second listens, the first is found under the name.
    int second = os_listen_open(&spec, error);
    assert_int_equal(os_listen_file(&spec), first_file);
    close(connect_to(&spec));
    assert_int_equal(accept_all(first), 1);
    assert_false(os_listen_is_deserted(&spec));
    assert_int_equal(accept_all(first), 1);
    assert_true(os_listen_begin(second, &spec, error));
    uint64_t second_file = os_listen_file(&spec);
    assert_true(second >= 0 && second_file != first_file);
    spec.mode = 0600;
    assert_true(os_listen_adjust(second, &spec, error));
    assert_int_equal(stat(un->sun_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int third = os_listen_open(&spec, error);
    os_listen_drop(third, &spec);
    assert_int_equal(os_listen_file(&spec), second_file);
    close(connect_to(&spec));
    assert_int_equal(accept_all(first), 0);
    assert_int_equal(accept_all(second), 1);
    // The file of a socket that was replaced is another's.
    os_listen_close(first, &spec, first_file);
    assert_int_equal(stat(un->sun_path, &st), 0);
    os_listen_close(second, &spec, second_file);
    assert_int_equal(stat(un->sun_path, &st), -1);
    FILE *file = fopen(un->sun_path, "w");
    fclose(file);
    assert_int_equal(os_listen_open(&spec, error), -1);
    assert_non_null(strstr(error, "no socket"));
    unlink(un->sun_path);
    memset(un->sun_path, 'x', sizeof(un->sun_path) - 1);
    assert_int_equal(os_listen_open(&spec, error), -1);
    assert_non_null(strstr(error, "too long"));
    assert_int_equal(rmdir(dir), 0);
}

static void inherited_is_checked(void **state)
{
    (void)state;
    char error[OS_LISTEN_ERROR_LEN] = "";
    char text[OS_LISTEN_TEXT_LEN];
    struct os_listen tcp = loopback(0);
    int given = begin(&tcp, error);
    struct os_listen spec = { .kind = OS_LISTEN_FD, .fd = given };
    int fd = os_listen_open(&spec, error);
    assert_true(fd >= 0 && fd != given);
    os_listen_close(fd, &spec, 0);
    tcp = loopback(port_of(given));
    int conn = connect_to(&tcp);
    assert_true(conn >= 0); // closing ours left theirs as it was
    close(conn);
    close(given);
    assert_int_equal(os_listen_open(&spec, error), -1);
    spec.fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(os_listen_open(&spec, error), -1);
    assert_non_null(strstr(error, "no stream socket"));
    close(spec.fd);
    os_listen_text(text, &spec);
    assert_non_null(strstr(text, "fd@"));
}

static void places(void **state)
{
    (void)state;
    char text[OS_LISTEN_TEXT_LEN];
    struct os_listen a = loopback(80);
    struct os_listen b = loopback(80);
    b.backlog = 7;
    b.flags = OS_LISTEN_TFO;
    assert_true(os_listen_same(&a, &b));
    b.flags = OS_LISTEN_TRANSPARENT | OS_LISTEN_V4V6; // can change while it listens, and means nothing to IPv4
    assert_true(os_listen_same(&a, &b));
    struct os_listen six = { .kind = OS_LISTEN_TCP, .address_len = sizeof(struct sockaddr_in6) };
    six.address.ss_family = AF_INET6;
    struct os_listen only = six;
    six.flags = OS_LISTEN_V4V6;
    only.flags = OS_LISTEN_V6ONLY;
    assert_false(os_listen_same(&six, &only));
    b = loopback(81);
    assert_false(os_listen_same(&a, &b));
    os_listen_text(text, &a);
    assert_string_equal(text, "127.0.0.1:80");
    struct os_listen abns = { .kind = OS_LISTEN_ABNS, .address_len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (struct sockaddr_un *)&abns.address;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, "\0name", 6);
    os_listen_text(text, &abns);
    assert_string_equal(text, "abns@name");
    assert_false(os_listen_is_per_slot(&abns));
    assert_true(os_listen_is_per_slot(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steering),
        cmocka_unit_test(blocked_before_it_ends),
        cmocka_unit_test(unix_is_blocked),
        cmocka_unit_test(conflict_is_told),
        cmocka_unit_test(unix_is_replaced_in_one_step),
        cmocka_unit_test(inherited_is_checked),
        cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
