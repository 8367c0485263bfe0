// SPDX-License-Identifier: Apache-2.0
// Lines over connections: framing, a server that is away, slow, or gone for good; samples.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log/log.h"
#include "log/stream.h"

struct stage {
    struct board *board;
    struct log_table table;
    struct log_sink_entry entry;
    struct log_stream *stream;
    int listener;
};

static int listen_at(struct sockaddr_in *in)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    assert_int_equal(bind(fd, (struct sockaddr *)in, sizeof(*in)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static struct stage *stage_new(uint64_t cap, bool octets)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    struct sockaddr_in *in = &stage->entry.to.socket.in4;
    *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    stage->listener = listen_at(in);
    getsockname(stage->listener, (struct sockaddr *)in, &(socklen_t){ sizeof(*in) });
    stage->board = board_new();
    assert_non_null(stage->board);
    stage->entry.to.kind = LOG_ADDRESS_STREAM;
    stage->entry.to.socket_len = sizeof(*in);
    stage->entry.stream =
        (struct log_stream_conf){ .cap = cap, .connect_us = 1000000, .server_us = 1000000, .octets = octets };
    stage->stream = log_stream_new(stage->board, &stage->table, &stage->entry);
    assert_non_null(stage->stream);
    return stage;
}

static void stage_free(struct stage *stage)
{
    log_stream_free(stage->stream);
    board_free(stage->board);
    close(stage->listener);
    free(stage);
}

static void add(struct stage *stage, const char *line)
{
    struct log_mark mark = { .inc = 1 };
    log_stream_add(stage->stream, line, strlen(line), &mark);
}

// Runs the stream until `want` has come at `fd`.
static void expect(struct stage *stage, int fd, const char *want, uint64_t now_us)
{
    char got[256];
    size_t len = 0;
    for (int i = 0; i < 2000 && len < strlen(want); i++) {
        log_stream_run(stage->stream, now_us);
        ssize_t more = recv(fd, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
        if (more > 0)
            len += (size_t)more;
        else
            usleep(500);
    }
    got[len] = '\0';
    assert_string_equal(got, want);
}

static int accept_one(struct stage *stage, uint64_t now_us)
{
    log_stream_run(stage->stream, now_us);
    int fd = accept(stage->listener, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void framing(void **state)
{
    (void)state;
    for (int octets = 0; octets < 2; octets++) {
        struct stage *stage = stage_new(4096, octets);
        add(stage, "one\n");
        add(stage, "second\n");
        int fd = accept_one(stage, 1);
        expect(stage, fd, octets ? "3 one6 second" : "one\nsecond\n", 1);
        assert_int_equal(stage->table.sent, 2);
        close(fd);
        stage_free(stage);
    }
}

// What a server misses while it is away comes when it is back; what it had begun to read comes again, whole.
static void away_and_back(void **state)
{
    (void)state;
    struct stage *stage = stage_new(4096, false);
    add(stage, "one\n");
    int fd = accept_one(stage, 1);
    expect(stage, fd, "one\n", 1);
    struct sockaddr_in in = stage->entry.to.socket.in4;
    close(stage->listener);
    close(fd);
    usleep(2000);
    add(stage, "two\n");
    for (int i = 0; i < 20; i++) {
        log_stream_run(stage->stream, 1000);
        usleep(500);
    }
    assert_int_equal(stage->stream->num_lines, 1);
    add(stage, "three\n");
    stage->listener = listen_at(&in);
    log_stream_run(stage->stream, 2000);
    assert_int_equal(stage->stream->state, LOG_STREAM_CLOSED); // not before a second has passed
    fd = accept_one(stage, 2000000);
    expect(stage, fd, "two\nthree\n", 2000000);
    assert_int_equal(stage->table.dropped, 0);
    close(fd);
    stage_free(stage);
}

// The buffer takes what fits and counts the rest; a server that reads nothing is left after its time.
static void slow(void **state)
{
    (void)state;
    struct stage *stage = stage_new(1 << 20, false);
    char line[1001];
    memset(line, 'x', 1000);
    line[999] = '\n';
    line[1000] = '\0';
    int fd = -1;
    for (int i = 0; i < 20000; i++) {
        add(stage, line);
        log_stream_run(stage->stream, 1);
        if (fd < 0)
            fd = accept_one(stage, 1);
    }
    assert_true(stage->table.dropped > 0);
    assert_true(stage->stream->len <= 1 << 20);
    assert_int_equal(stage->table.sent + stage->table.dropped + stage->stream->num_lines, 20000);
    log_stream_run(stage->stream, 900000);
    assert_int_equal(stage->stream->state, LOG_STREAM_OPEN);
    log_stream_run(stage->stream, 1100000);
    assert_int_equal(stage->stream->state, LOG_STREAM_CLOSED);
    close(fd);
    stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing),
        cmocka_unit_test(away_and_back),
        cmocka_unit_test(slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
