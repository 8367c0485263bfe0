// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/format.h"
#include "log/sink.h"

// A board with one writer, and the list of targets a test asks for.
struct stage {
    struct board *board;
    uint32_t inc;
    struct log_drain *drain;
    struct log_target targets[4];
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    setenv("TZ", "UTC", 1);
    stage->board = board_new();
    assert_non_null(stage->board);
    assert_true(log_board_prepare(stage->board));
    stage->inc = board_incarnation_take(stage->board, BOARD_ROLE_WORKER, 0, 1);
    assert_int_not_equal(stage->inc, 0);
    atomic_store(&board_incarnation_at(stage->board, stage->inc)->pid, 77);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    log_drain_free(stage->drain);
    board_free(stage->board);
    free(stage);
    return 0;
}

static void add_target(struct stage *stage, unsigned number, const char *address, enum log_format format)
{
    char error[LOG_ADDRESS_ERROR_MAX];
    struct log_target *target = &stage->targets[number];
    *target =
        (struct log_target){ .max_len = 1024, .format = (uint8_t)format, .facility = 16, .max_level = LOG_LEVEL_DEBUG };
    if (!log_address_parse(&target->to, error, address, false))
        fail_msg("%s", error);
    if (number > 0)
        stage->targets[number - 1].next = target;
}

static void publish(struct stage *stage)
{
    assert_true(log_targets_publish(stage->board, stage->targets, "tag", NULL));
    if (!stage->drain)
        stage->drain = log_drain_new(stage->board);
    assert_non_null(stage->drain);
}

static void say(struct stage *stage, const char *message)
{
    log_send(stage->board, stage->inc, stage->targets, LOG_LEVEL_INFO, 0, slice_str(message));
}

static int udp_receiver(char *address, size_t cap)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    snprintf(address, cap, "127.0.0.1:%d", ntohs(in.sin_port));
    return fd;
}

static int unix_receiver(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    strcpy(un.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

static void expect_read(int fd, const char *want)
{
    char got[8192];
    ssize_t len = read(fd, got, sizeof(got) - 1);
    if (!want) {
        assert_int_equal(len, -1);
        return;
    }
    assert_true(len >= 0);
    got[len] = '\0';
    assert_string_equal(got, want);
}

static void udp(void **state)
{
    struct stage *stage = *state;
    char address[64];
    int fd = udp_receiver(address, sizeof(address));
    add_target(stage, 0, address, LOG_FORMAT_UNSET);
    add_target(stage, 1, address, LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "one");
    say(stage, "two");
    assert_int_equal(log_drain_run(stage->drain, 3), 3);
    assert_int_equal(log_drain_run(stage->drain, 3), 1);
    assert_int_equal(log_drain_run(stage->drain, 3), 0);
    // Each sink sends its own batch; within one the order is kept.
    expect_read(fd, "<134>Jan  1 00:00:00 tag[77]: one\n");
    expect_read(fd, "<134>Jan  1 00:00:00 tag[77]: two\n");
    expect_read(fd, "one\n");
    expect_read(fd, "two\n");
    expect_read(fd, NULL);
    for (int i = 0; i < 100; i++)
        say(stage, "many");
    assert_int_equal(log_drain_run(stage->drain, 1000), 200);
    assert_int_equal(log_drain_sent(stage->drain), 204);
    assert_int_equal(log_drain_dropped(stage->drain), 0);
    close(fd);
    // Nobody listens: messages go nowhere, as datagrams do, and nothing fails.
    say(stage, "three");
    assert_int_equal(log_drain_run(stage->drain, 1000), 2);
    say(stage, "four");
    assert_int_equal(log_drain_run(stage->drain, 1000), 2);
    assert_int_equal(log_drain_sent(stage->drain), 208);
}

static void levels(void **state)
{
    struct stage *stage = *state;
    char address[64];
    int fd = udp_receiver(address, sizeof(address));
    add_target(stage, 0, address, LOG_FORMAT_SHORT);
    stage->targets[0].max_level = LOG_LEVEL_NOTICE;
    stage->targets[0].min_level = LOG_LEVEL_WARNING;
    publish(stage);
    for (int level = LOG_LEVEL_EMERG; level <= LOG_LEVEL_DEBUG; level++)
        log_send(stage->board, stage->inc, stage->targets, (enum log_level)level, 0, SLICE("m"));
    assert_int_equal(log_drain_run(stage->drain, 100), 6);
    for (int i = 0; i < 5; i++)
        expect_read(fd, "<4>m\n");
    expect_read(fd, "<5>m\n");
    expect_read(fd, NULL);
    close(fd);
}

static void unix_restart(void **state)
{
    struct stage *stage = *state;
    char path[64], again[96];
    snprintf(path, sizeof(path), "/tmp/test-log-%d", (int)getpid());
    snprintf(again, sizeof(again), "%s-gone", path);
    add_target(stage, 0, path, LOG_FORMAT_RAW);
    publish(stage);
    unlink(path);
    assert_int_equal(log_drain_open(stage->drain, true), 1);
    say(stage, "lost");
    assert_int_equal(log_drain_run(stage->drain, 100), 1);
    assert_int_equal(log_drain_dropped(stage->drain), 1);
    assert_int_equal(log_dropped(stage->board), 1);
    log_drain_free(stage->drain);
    stage->drain = log_drain_new(stage->board);
    int fd = unix_receiver(path);
    assert_int_equal(log_drain_open(stage->drain, true), 0);
    // The path may be out of reach after the sink was opened.
    assert_int_equal(rename(path, again), 0);
    say(stage, "one");
    log_drain_run(stage->drain, 100);
    expect_read(fd, "one\n");
    // A receiver that is started anew misses nothing.
    close(fd);
    unlink(again);
    fd = unix_receiver(path);
    say(stage, "two");
    say(stage, "three");
    log_drain_run(stage->drain, 100);
    expect_read(fd, "two\n");
    expect_read(fd, "three\n");
    assert_int_equal(log_drain_dropped(stage->drain), 1);
    close(fd);
    unlink(path);
    say(stage, "lost");
    say(stage, "lost");
    log_drain_run(stage->drain, 100);
    assert_int_equal(log_drain_dropped(stage->drain), 3);
    assert_int_equal(log_drain_sent(stage->drain), 3);
}

static void pipe_full(void **state)
{
    struct stage *stage = *state;
    char address[32], message[1001];
    static char got[2 << 20];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
    snprintf(address, sizeof(address), "fd@%d", ends[1]);
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    publish(stage);
    memset(message, 'm', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    uint64_t start = clock_mono_us();
    for (int i = 0; i < 100; i++)
        say(stage, message);
    assert_int_equal(log_drain_run(stage->drain, 1000), 100);
    assert_true(clock_mono_us() - start < 5000000);
    // The flags of the pipe that we were given are still its owner's.
    assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
    assert_true(log_drain_waits(stage->drain));
    assert_int_equal(log_drain_sent(stage->drain), 4);
    assert_int_equal(log_drain_dropped(stage->drain), 92);
    assert_int_equal(read(ends[0], got, sizeof(got)), 4004);
    assert_int_equal(log_drain_run(stage->drain, 1000), 0);
    assert_false(log_drain_waits(stage->drain));
    assert_int_equal(read(ends[0], got, sizeof(got)), 4004);
    assert_int_equal(log_drain_sent(stage->drain), 8);
    say(stage, "short");
    log_drain_run(stage->drain, 1000);
    expect_read(ends[0], "short\n");
    // The reader goes: nobody dies of it, the message is lost, and the sink rests for a second.
    close(ends[0]);
    say(stage, "lost");
    say(stage, "lost");
    log_drain_run(stage->drain, 1000);
    say(stage, "lost");
    log_drain_run(stage->drain, 1000);
    assert_int_equal(log_drain_dropped(stage->drain), 95);
    close(ends[1]);
}

// A line longer than PIPE_BUF is written in parts and stays whole.
static void pipe_long_line(void **state)
{
    struct stage *stage = *state;
    static char message[30001], got[40000];
    char address[32];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 8192) >= 8192);
    snprintf(address, sizeof(address), "fd@%d", ends[1]);
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    stage->targets[0].max_len = 65535;
    publish(stage);
    for (size_t i = 0; i < sizeof(message) - 1; i++)
        message[i] = (char)('a' + i % 26);
    say(stage, message);
    log_drain_run(stage->drain, 10);
    say(stage, "behind");
    size_t have = 0;
    for (int turn = 0; turn < 20; turn++) {
        log_drain_run(stage->drain, 10);
        if (!log_drain_waits(stage->drain) && have >= 30000)
            break;
        ssize_t len = read(ends[0], got + have, sizeof(got) - have);
        assert_true(len > 0);
        have += (size_t)len;
    }
    assert_memory_equal(got, message, 30000);
    assert_int_equal(got[30000], '\n');
    assert_int_equal(log_drain_sent(stage->drain) + log_drain_dropped(stage->drain), 2);
    close(ends[0]);
    close(ends[1]);
}

static void disk_full(void **state)
{
    struct stage *stage = *state;
    char address[32];
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0)
        skip();
    snprintf(address, sizeof(address), "fd@%d", fd);
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "lost");
    assert_int_equal(log_drain_run(stage->drain, 10), 1);
    assert_int_equal(log_drain_dropped(stage->drain), 1);
    close(fd);
}

static void bad_fd(void **state)
{
    struct stage *stage = *state;
    add_target(stage, 0, "fd@999", LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "lost");
    assert_int_equal(log_drain_run(stage->drain, 10), 1);
    assert_int_equal(log_drain_dropped(stage->drain), 1);
}

static void file_is_appended_in_place(void **state)
{
    struct stage *stage = *state;
    char address[32], name[] = "/tmp/test-log-XXXXXX", got[100];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, "before\n", 7), 7);
    snprintf(address, sizeof(address), "fd@%d", fd);
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "one");
    say(stage, "two\n");
    log_drain_run(stage->drain, 10);
    assert_int_equal(write(fd, "after\n", 6), 6);
    ssize_t len = pread(fd, got, sizeof(got), 0);
    assert_int_equal(len, 21);
    assert_memory_equal(got, "before\none\ntwo\nafter\n", 21);
    close(fd);
}

static void sockets_as_fd(void **state)
{
    struct stage *stage = *state;
    char address[32];
    int stream[2], packets[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, packets), 0);
    snprintf(address, sizeof(address), "fd@%d", stream[1]);
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    snprintf(address, sizeof(address), "fd@%d", packets[1]);
    add_target(stage, 1, address, LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "one");
    say(stage, "two");
    log_drain_run(stage->drain, 10);
    expect_read(stream[0], "one\ntwo\n");
    expect_read(packets[0], "one\n");
    expect_read(packets[0], "two\n");
    close(stream[0]);
    close(packets[0]);
    say(stage, "lost");
    log_drain_run(stage->drain, 10);
    assert_int_equal(log_drain_dropped(stage->drain), 2);
    close(stream[1]);
    close(packets[1]);
}

static void same_line_same_sink(void **state)
{
    struct stage *stage = *state;
    add_target(stage, 0, "127.0.0.1:514", LOG_FORMAT_UNSET);
    add_target(stage, 1, "127.0.0.1", LOG_FORMAT_LOCAL);
    add_target(stage, 2, "127.0.0.1", LOG_FORMAT_RFC5424);
    publish(stage);
    assert_int_equal(stage->targets[0].sink, 0);
    assert_int_equal(stage->targets[1].sink, 0);
    assert_int_equal(stage->targets[2].sink, 1);
    publish(stage);
    assert_int_equal(stage->targets[2].sink, 1);
    assert_true(log_targets_publish(stage->board, stage->targets, "tag", "host"));
    assert_int_equal(stage->targets[0].sink, 2);
    assert_int_equal(stage->targets[0].table->sinks[2].format, LOG_FORMAT_RFC3164);
    assert_true(log_targets_publish(stage->board, stage->targets, "other", NULL));
    assert_int_equal(stage->targets[2].sink, 6);
    char tag[LOG_TAG_MAX + 2] = { 0 };
    memset(tag, 't', LOG_TAG_MAX + 1);
    assert_false(log_targets_publish(stage->board, stage->targets, tag, NULL));
    assert_int_equal(errno, ENAMETOOLONG);
    stage->targets[0].next = NULL;
    for (uint32_t i = 7; i < LOG_MAX_SINKS; i++) {
        stage->targets[0].max_len = 2000 + i;
        assert_true(log_targets_publish(stage->board, stage->targets, "tag", NULL));
    }
    stage->targets[0].max_len = 99;
    assert_false(log_targets_publish(stage->board, stage->targets, "tag", NULL));
    assert_int_equal(errno, ENOSPC);
}

// Reload upon reload with other sinks: those of generations that are gone make room, and a message that was meant for
// one of them goes nowhere else.
static void sinks_come_and_go(void **state)
{
    struct stage *stage = *state;
    add_target(stage, 0, "127.0.0.1:1", LOG_FORMAT_RAW);
    for (uint32_t generation = 2; generation < 3 * LOG_MAX_SINKS; generation++) {
        uint32_t inc = board_incarnation_take(stage->board, BOARD_ROLE_KEEPER, 0, generation);
        assert_true(board_incarnation_enter(stage->board, inc));
        stage->targets[0].max_len = 2000 + generation;
        publish(stage);
        if (generation == 2)
            say(stage, "late");
        board_incarnation_dead(stage->board, inc);
    }
    uint64_t dropped = log_drain_dropped(stage->drain);
    assert_int_equal(log_drain_run(stage->drain, 10), 1);
    assert_int_equal(log_drain_dropped(stage->drain), dropped + 1);
}

// What a process left in its ring when it died is sent, even where no higher number is alive.
static void last_words(void **state)
{
    struct stage *stage = *state;
    char address[64];
    int fd = udp_receiver(address, sizeof(address));
    add_target(stage, 0, address, LOG_FORMAT_LOCAL);
    publish(stage);
    uint32_t inc = board_incarnation_take(stage->board, BOARD_ROLE_WORKER, 1, 1);
    pid_t pid = fork();
    if (pid == 0) {
        atomic_store(&board_incarnation_at(stage->board, inc)->pid, 4321);
        log_send(stage->board, inc, stage->targets, LOG_LEVEL_INFO, 0, SLICE("last words"));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    board_incarnation_dead(stage->board, inc);
    assert_int_equal(log_drain_run(stage->drain, 10), 1);
    expect_read(fd, "<134>Jan  1 00:00:00 tag[4321]: last words\n");
    close(fd);
}

static void full_ring_is_counted(void **state)
{
    struct stage *stage = *state;
    char address[64], message[1025];
    int fd = udp_receiver(address, sizeof(address));
    add_target(stage, 0, address, LOG_FORMAT_RAW);
    publish(stage);
    memset(message, 'm', 1024);
    message[1024] = '\0';
    for (int i = 0; i < 1100; i++)
        say(stage, message);
    uint64_t dropped = log_drain_dropped(stage->drain);
    assert_in_range(dropped, 76, 200);
    assert_int_equal(log_drain_run(stage->drain, 2000), 1100 - dropped);
    close(fd);
}

// A ring has one reader: another live process keeps ours away, a dead one does not.
static void one_drainer(void **state)
{
    struct stage *stage = *state;
    add_target(stage, 0, "127.0.0.1:514", LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "m");
    struct log_table *table = stage->targets[0].table;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    uint32_t inc = board_incarnation_take(stage->board, BOARD_ROLE_CONTROLLER, 0, 1);
    atomic_store(&board_incarnation_at(stage->board, inc)->pid, pid);
    atomic_store(&table->drainer, pid);
    assert_int_equal(log_drain_run(stage->drain, 10), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    board_incarnation_dead(stage->board, inc);
    assert_int_equal(log_drain_run(stage->drain, 10), 1);
    assert_int_equal(atomic_load(&table->drainer), 0);
}

// The controller must stand whatever a broken worker wrote.
static void damaged_records(void **state)
{
    struct stage *stage = *state;
    struct log_record record = { .sink = 5 };
    add_target(stage, 0, "fd@999", LOG_FORMAT_RAW);
    publish(stage);
    say(stage, "lost");
    board_ring_put(stage->board, stage->inc, slice_of((char *)&record, sizeof(record)), SLICE("no such sink"));
    board_ring_put(stage->board, stage->inc, SLICE("short"), SLICE(""));
    assert_int_equal(log_drain_run(stage->drain, 10), 3);
    assert_int_equal(log_drain_dropped(stage->drain), 3);
    struct log_table *table = stage->targets[0].table;
    atomic_store(&table->num_sinks, UINT32_MAX);
    memset(table->sinks[1].tag, 'x', sizeof(table->sinks[1].tag));
    record.sink = 1;
    board_ring_put(stage->board, stage->inc, slice_of((char *)&record, sizeof(record)), SLICE("no end"));
    record.sink = LOG_MAX_SINKS;
    board_ring_put(stage->board, stage->inc, slice_of((char *)&record, sizeof(record)), SLICE("beyond"));
    assert_int_equal(log_drain_run(stage->drain, 10), 2);
    assert_int_equal(log_drain_dropped(stage->drain), 5);
}

static void say_form(void **state)
{
    (void)state;
    char want[200];
    static char huge[6000], got[6000];
    int ends[2], saved = dup(2);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], 2);
    errno = ENOENT;
    log_say(LOG_LEVEL_NOTICE, "New worker (%d) forked", 1240);
    log_say(LOG_LEVEL_WARNING, "careful");
    log_say(LOG_LEVEL_ALERT, "%m");
    memset(huge, 'x', sizeof(huge) - 1);
    log_say(LOG_LEVEL_INFO, "%s", huge);
    assert_int_equal(errno, ENOENT);
    dup2(saved, 2);
    close(saved);
    ssize_t len = read(ends[0], got, sizeof(got));
    int pid = (int)getpid();
    int head = snprintf(want, sizeof(want),
                        "[NOTICE]   (%d) : New worker (1240) forked\n[WARNING]  (%d) : careful\n"
                        "[ALERT]    (%d) : No such file or directory\n",
                        pid, pid, pid);
    assert_memory_equal(got, want, (size_t)head);
    assert_int_equal(len, head + 4096);
    assert_int_equal(got[len - 1], '\n');
    close(ends[0]);
    close(ends[1]);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(udp),
        STAGED(levels),
        STAGED(unix_restart),
        STAGED(pipe_full),
        STAGED(pipe_long_line),
        STAGED(disk_full),
        STAGED(bad_fd),
        STAGED(file_is_appended_in_place),
        STAGED(sockets_as_fd),
        STAGED(same_line_same_sink),
        STAGED(sinks_come_and_go),
        STAGED(last_words),
        STAGED(full_ring_is_counted),
        STAGED(one_drainer),
        STAGED(damaged_records),
        cmocka_unit_test(say_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
