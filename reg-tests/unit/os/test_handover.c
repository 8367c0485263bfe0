// SPDX-License-Identifier: Apache-2.0
// Listening sockets on their way to another program: what is whole arrives, what is not as it should be is refused.
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "os/handover.h"

static uint64_t soon(void)
{
    return clock_mono_us() + 200000;
}

static void pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static int listening(struct os_listen *spec)
{
    char error[OS_LISTEN_ERROR_LEN];
    *spec = (struct os_listen){ .kind = OS_LISTEN_TCP, .address_len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (struct sockaddr_in *)&spec->address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = os_listen_open(spec, error);
    socklen_t len = sizeof(*in);
    assert_int_equal(getsockname(fd, (struct sockaddr *)in, &len), 0);
    assert_true(os_listen_begin(fd, spec, error));
    return fd;
}

static void whole(void **state)
{
    (void)state;
    int ends[2];
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_handover_record record = { .slot = 3, .number = 5 };
    struct os_handover_record got;
    uint32_t num;
    int fd = listening(&record.listen);
    pair(ends);
    assert_int_equal(os_handover_head_send(ends[0], 2), IO_OK);
    assert_int_equal(os_handover_send(ends[0], &record, fd), IO_OK);
    assert_int_equal(os_handover_send(ends[0], &record, fd), IO_OK);
    assert_true(os_handover_head_receive(ends[1], &num, error, soon()));
    assert_int_equal(num, 2);
    for (int i = 0; i < 2; i++) {
        int taken;
        assert_true(os_handover_receive(ends[1], &got, &taken, error, soon()));
        assert_int_equal(got.slot, 3);
        assert_int_equal(got.number, 5);
        assert_true(os_listen_same(&got.listen, &record.listen));
        close(taken);
    }
    // And then nothing more comes.
    int none;
    assert_false(os_handover_receive(ends[1], &got, &none, error, soon()));
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void heads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *says;
    } rows[] = {
        { "Permission denied\n\n", 19, "answers: Permission denied" },
        { "no\n", 3, "answers: no" },
        { "", 0, "gives no answer" },
        { "\1\2\3\n", 4, "answers: ???" },
        { "SOCKETS\n\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24, "another version" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int ends[2];
        char error[OS_LISTEN_ERROR_LEN] = "";
        uint32_t num;
        pair(ends);
        assert_int_equal(write(ends[0], rows[i].text, rows[i].len), rows[i].len);
        close(ends[0]);
        assert_false(os_handover_head_receive(ends[1], &num, error, soon()));
        assert_non_null(strstr(error, rows[i].says));
        close(ends[1]);
    }
    // One that says nothing is not waited for any longer.
    int ends[2];
    char error[OS_LISTEN_ERROR_LEN] = "";
    uint32_t num;
    pair(ends);
    assert_false(os_handover_head_receive(ends[1], &num, error, soon()));
    assert_non_null(strstr(error, "no answer"));
    close(ends[0]);
    close(ends[1]);
}

static void refused(const struct os_handover_record *record, int fd)
{
    int ends[2];
    char error[OS_LISTEN_ERROR_LEN] = "";
    struct os_handover_record got;
    int taken;
    pair(ends);
    if (fd >= 0)
        assert_int_equal(os_handover_send(ends[0], record, fd), IO_OK);
    else
        assert_int_equal(write(ends[0], record, sizeof(*record)), sizeof(*record));
    assert_false(os_handover_receive(ends[1], &got, &taken, error, soon()));
    assert_non_null(strstr(error, "no listening socket"));
    close(ends[0]);
    close(ends[1]);
}

static void records(void **state)
{
    (void)state;
    struct os_handover_record good = { .slot = 0 };
    int fd = listening(&good.listen);
    struct os_handover_record bad = good;
    refused(&good, -1);           // without a descriptor
    refused(&good, STDIN_FILENO); // one that does not listen
    ((struct sockaddr_in *)&bad.listen.address)->sin_port ^= 1;
    refused(&bad, fd); // one that listens elsewhere
    bad = good;
    bad.listen.kind = 77;
    refused(&bad, fd);
    bad = good;
    bad.listen.address_len = 4000;
    refused(&bad, fd);
    bad = good;
    memset(bad.listen.interface, 'x', sizeof(bad.listen.interface));
    refused(&bad, fd);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(heads),
        cmocka_unit_test(records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
