// SPDX-License-Identifier: Apache-2.0
// The board's functions one by one, in one process that plays several incarnations.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/text.h"
#include "board/layout.h"
#include "os/memory.h"

static int setup(void **state)
{
    *state = board_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    board_free(*state);
    return 0;
}

static bool woken(struct board *board, uint32_t inc)
{
    struct pollfd pfd = { .fd = board_incarnation_at(board, inc)->wake_fd, .events = POLLIN };
    uint64_t value;
    return poll(&pfd, 1, 0) == 1 && read(pfd.fd, &value, sizeof(value)) == sizeof(value);
}

// Reads a record and has done with it.
static int ring_get(struct board *board, uint32_t inc, void *data, size_t cap)
{
    uint64_t next = 0, at;
    int len = board_ring_next(board, inc, &next, &at, data, cap);
    if (len >= 0) {
        board_ring_done(board, inc, at);
        assert_true(board_ring_commit(board, inc, next, false));
    }
    return len;
}

static void test_memory_file(void **state)
{
    (void)state;
    size_t len = 0;
    int fd = memory_file_new("t", 8192);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), -1);
    assert_true(memory_file_check(fd, &len));
    assert_int_equal(len, 8192);
    assert_true(memory_file_grow(fd, 16384));
    assert_true(memory_file_check(fd, &len));
    assert_int_equal(len, 16384);
    char *addr = memory_map(fd, len, true);
    assert_non_null(addr);
    addr[16383] = 'x';
    memory_unmap(addr, len);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(memory_file_keep(fd, true));
    assert_false(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    fd = memory_file_of("payload", "hello", 5);
    assert_true(fd >= 0);
    assert_true(memory_file_check(fd, &len));
    assert_int_equal(len, 5);
    assert_int_equal(pwrite(fd, "j", 1, 0), -1);
    close(fd);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_false(memory_file_check(pipes[0], &len));
    close(pipes[0]);
    close(pipes[1]);
}

static void test_section(void **state)
{
    struct board *board = *state;
    bool fresh = false;
    char *addr = board_section(board, &fresh, "table/a", 1, 4096);
    assert_non_null(addr);
    assert_true(fresh);
    addr[0] = 'a';
    assert_ptr_equal(board_section(board, &fresh, "table/a", 1, 4096), addr);
    assert_false(fresh);
    char *grown = board_section(board, &fresh, "table/a", 1, 1 << 20);
    assert_false(fresh);
    assert_int_equal(grown[0], 'a');
    grown[(1 << 20) - 1] = 'z';
    char *other = board_section(board, &fresh, "table/a", 2, 4096);
    assert_true(fresh);
    assert_int_equal(other[0], 0);
    assert_null(board_section(board, &fresh, "", 1, 4096));

    uint32_t version;
    int fd = board_section_get0(board, &version, "table/a");
    assert_true(fd >= 0);
    assert_int_equal(version, 2);
    assert_int_equal(board_section_get0(board, &version, "none"), -1);
    int sent = memory_file_new("b", 4096);
    assert_true(board_section_take(board, "table/b", 7, 1, sent));
    assert_non_null(board_section(board, &fresh, "table/b", 7, 4096));
    assert_false(fresh);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_false(board_section_take(board, "table/c", 7, 1, pipes[0]));
    close(pipes[1]);
}

// A keeper's child sees what its parent mapped; a section made after the fork stays its maker's own.
static void test_section_fork(void **state)
{
    struct board *board = *state;
    bool fresh;
    char *addr = board_section(board, &fresh, "shared", 1, 4096);
    pid_t pid = fork();
    if (pid == 0) {
        addr[1] = 'c';
        _exit(board_section(board, &fresh, "late", 1, 4096) && fresh ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(addr[1], 'c');
    assert_non_null(board_section(board, &fresh, "late", 1, 4096));
    assert_true(fresh);
}

// What an exec leaves: the descriptors, and no mapping.
static void image_end(struct board *board)
{
    for (uint32_t i = 0; i < board->num_maps; i++) {
        memory_unmap(board->maps[i].addr, board->maps[i].len);
    }
    memory_unmap(board->directory, sizeof(*board->directory));
    free(board);
}

static void test_adopt(void **state)
{
    (void)state;
    struct board *board = board_new();
    bool fresh;
    uint32_t inc = board_incarnation_take(board, BOARD_ROLE_WORKER, 3, 9);
    uint32_t object = board_object(board, "f/www");
    board_counter_count(&board_counters(board, inc, object)[5], 42);
    memcpy(board_section(board, &fresh, "table/x", 4, 4096), "kept", 5);
    int fd = board_keep(board, true);
    assert_true(fd >= 0);
    assert_int_equal(board_keep(board, false), fd);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(board_keep(board, true), fd);
    assert_false(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(board_incarnation_at(board, 7)->wake_fd, F_GETFD) & FD_CLOEXEC);
    image_end(board);
    struct text afresh;
    text_init(&afresh);
    assert_true(board_inspect(&afresh, fd));
    assert_int_equal(afresh.len, 0);
    text_fini(&afresh);

    board = board_adopt(&fresh, fd);
    assert_non_null(board);
    assert_false(fresh);
    assert_true(fcntl(board_incarnation_at(board, 7)->wake_fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(board_object(board, "f/www"), object);
    assert_int_equal(board_counter_sum(board, object, 5), 42);
    assert_int_equal(board_incarnation_at(board, inc)->slot, 3);
    assert_string_equal(board_section(board, &fresh, "table/x", 4, 4096), "kept");
    assert_false(fresh);
    board_free(board);
    assert_null(board_adopt(&fresh, memory_file_new("junk", sizeof(struct board_directory))));
    assert_null(board_adopt(&fresh, memory_file_new("junk", 10)));
}

// One section of the core that this program does not read makes all of the core fresh, and nothing else.
static void test_adopt_other_core(void **state)
{
    (void)state;
    struct board *board = board_new();
    bool fresh;
    uint32_t object = board_object(board, "f/www");
    assert_int_not_equal(object, 0);
    memcpy(board_section(board, &fresh, "table/x", 4, 4096), "kept", 5);
    int fds[BOARD_MAX_DESCRIPTORS];
    uint32_t num_fds = board_descriptors(board, fds);
    assert_int_equal(num_fds, board->num_maps + board_num_wakers(board));
    for (uint32_t i = 0; i < num_fds; i++) {
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    memcpy(board_section(board, &fresh, "board/words", 4, 4096), "gone", 5);
    int fd = board_keep(board, true);
    for (uint32_t i = 0; i < board->num_maps; i++) {
        if (strcmp(board->directory->entries[i].name, "board/lanes") == 0) {
            board->directory->entries[i].version++;
        }
    }
    image_end(board);
    struct text afresh;
    text_init(&afresh);
    assert_true(board_inspect(&afresh, fd));
    assert_ptr_equal(strstr(afresh.ptr, "board/lanes (version "), afresh.ptr);
    text_fini(&afresh);

    board = board_adopt(&fresh, fd);
    assert_non_null(board);
    assert_true(fresh);
    assert_int_equal(board_object_find(board, "f/www"), 0);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_MASTER, 0, 0), 1);
    assert_string_equal(board_section(board, &fresh, "table/x", 4, 4096), "kept");
    assert_false(fresh);
    fd = dup(board_keep(board, true));
    assert_int_equal(board_section(board, &fresh, "board/words", 4, 4096) != NULL, 1);
    assert_true(fresh);
    board_sections_sweep(board, 7);
    assert_int_equal(board_section(board, &fresh, "board/words", 4, 4096) != NULL, 1);
    assert_false(fresh);
    board_free(board);
    text_init(&afresh);
    assert_true(board_inspect(&afresh, fd));
    assert_int_equal(afresh.len, 0);
    close(fd);
    fd = memory_file_new("junk", sizeof(struct board_directory));
    assert_false(board_inspect(&afresh, fd));
    close(fd);
}

static uint32_t news_count(struct board *board, const char *name, uint32_t had_version, uint32_t version)
{
    struct board_news news;
    uint32_t num = 0;
    while (board_news_next(board, &news)) {
        assert_true(!name || strcmp(news.name, name) == 0);
        assert_true(!name || (news.had_version == had_version && news.version == version));
        num++;
    }
    return num;
}

static void test_news(void **state)
{
    struct board *board = *state;
    bool fresh;
    board_section(board, &fresh, "table/a", 1, 4096);
    board_section(board, &fresh, "table/a", 1, 8192);
    assert_int_equal(news_count(board, NULL, 0, 0), 0);
    board_section(board, &fresh, "table/a", 9, 4096);
    assert_true(fresh);
    assert_int_equal(news_count(board, "table/a", 1, 9), 1);
}

// A section that only generations named that are gone takes no room in the directory, nor a descriptor.
static void test_sections_sweep(void **state)
{
    struct board *board = *state;
    bool fresh;
    uint32_t version;
    char name[32];
    for (uint32_t i = 1; i < 3000; i++) {
        snprintf(name, sizeof(name), "table/%u", i);
        assert_true(board_section_take(board, name, 1, i, memory_file_new(name, 4096)));
        assert_true(board_section_take(board, "table/same", 1, i, memory_file_new(name, 4096)));
        if (i > 1) {
            board_sections_sweep(board, i);
            snprintf(name, sizeof(name), "table/%u", i - 1);
            assert_int_equal(board_section_get0(board, &version, name), -1);
        }
    }
    assert_int_equal(board->num_maps, 12);
    assert_int_equal(board->directory->num, 12);
    assert_non_null(board_section(board, &fresh, "table/same", 1, 4096));
    assert_false(fresh);
    assert_int_not_equal(board_object(board, "f/still-there"), 0);
}

static struct board *through_exec(struct board *board)
{
    bool fresh;
    int fd = board_keep(board, true);
    assert_true(fd >= 0);
    image_end(board);
    return board_adopt(&fresh, fd);
}

// The board's own sections refer to each other: one that cannot be read makes all of them begin afresh, and what is
// beside them stays. The eventfds are the same ones.
static void test_adopt_other_layout(void **state)
{
    (void)state;
    struct board *board = board_new();
    bool fresh;
    board_object(board, "f/www");
    memcpy(board_section(board, &fresh, "table/x", 4, 4096), "kept", 5);
    int wake_fd = board_incarnation_at(board, 7)->wake_fd;
    for (uint32_t i = 0; i < board->num_maps; i++) {
        if (strcmp(board->maps[i].name, "board/lanes") == 0) {
            board->directory->entries[i].version = board->maps[i].version = 1;
        }
    }
    board = through_exec(board);
    assert_non_null(board);
    assert_int_equal(board_object_find(board, "f/www"), 0);
    assert_int_equal(board_incarnation_at(board, 7)->wake_fd, wake_fd);
    board_wake(board, 7);
    assert_true(woken(board, 7));
    assert_int_equal(news_count(board, NULL, 0, 0), 10);
    assert_string_equal(board_section(board, &fresh, "table/x", 4, 4096), "kept");
    board_free(board);
}

// A keeper may die between taking a number and forking, or before its child has said who it is.
static void test_unborn(void **state)
{
    struct board *board = *state;
    uint32_t keeper = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, 1);
    board->self = keeper;
    uint32_t unborn = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    uint32_t late = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    uint32_t entered = board_incarnation_take(board, BOARD_ROLE_WORKER, 2, 1);
    uint32_t half = board_incarnation_take(board, BOARD_ROLE_WORKER, 3, 1);
    atomic_store(&board_incarnation_at(board, half)->state, BOARD_STATE_TAKING | keeper << 8);
    int go[2], status;
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(go[1]);
        (void)!read(go[0], &byte, 1);
        _exit(board_incarnation_enter(board, late));
    }
    assert_true(board_incarnation_enter(board, entered));
    board->self = 0;
    board_incarnation_dead(board, keeper);
    assert_int_equal(board_incarnation_at(board, unborn)->state, BOARD_STATE_FREE);
    assert_int_equal(board_incarnation_at(board, late)->state, BOARD_STATE_FREE);
    assert_int_equal(board_incarnation_at(board, half)->state, BOARD_STATE_FREE);
    assert_int_equal(board_incarnation_at(board, entered)->state, BOARD_STATE_LIVE);
    // The number is another's by the time the child comes.
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, 2), keeper);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 2), unborn);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 2), late);
    close(go[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(board_incarnation_at(board, late)->pid, 0);
    assert_true(board_incarnation_enter(board, late));
    close(go[0]);
}

// The lock of a number's earlier life is nobody's.
static void test_lock_life(void **state)
{
    struct board *board = *state;
    struct board_lock *lock = &board->journal->lock;
    uint32_t inc = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    board->self = inc;
    assert_false(board_lock_take(board, lock, BOARD_LOCK_JOURNAL));
    uint32_t word = lock->owner;
    board_incarnation_dead(board, inc);
    assert_int_equal(lock->owner, 0);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1), inc);
    lock->owner = word;
    assert_true(board_lock_take(board, lock, BOARD_LOCK_JOURNAL));
    assert_int_not_equal(lock->owner, word);
    assert_int_equal(board_lock_holder(lock), inc);
    board_lock_give(board, lock);
}

static size_t blocks_of(struct board *board, const char *name)
{
    struct stat st;
    uint32_t version;
    assert_int_equal(fstat(board_section_get0(board, &version, name), &st), 0);
    return (size_t)st.st_blocks * 512;
}

// What a process used of the board goes with it.
static void test_memory(void **state)
{
    struct board *board = *state;
    static char line[4000];
    char name[32];
    size_t counters = 0, rings = 0, all = 0;
    for (uint32_t round = 1; round <= 20; round++) {
        struct {
            uint32_t inc;
            uint32_t worker;
        } keeper = { .inc = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, round) };
        board->self = keeper.inc;
        keeper.worker = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, round);
        for (uint32_t i = 0; i < 3000; i++) {
            snprintf(name, sizeof(name), "s/%u/%u", round, i);
            uint32_t object = board_object(board, name);
            board_counter_count(&board_counters(board, keeper.worker, object)[2], 1);
            assert_true(board_lane_acquire(board, object, keeper.worker, 0));
            board_gauges(board, object)[1] = 1;
        }
        for (uint32_t i = 0; i < 200; i++) {
            assert_true(board_ring_put(board, keeper.worker, slice_of(line, sizeof(line)), slice_of(line, 0)));
            assert_int_not_equal(board_journal_append(board, 1, line, sizeof(line)), 0);
        }
        if (round % 2) {
            while (ring_get(board, keeper.worker, line, sizeof(line)) >= 0) {
            }
        }
        uint32_t worker = keeper.worker;
        board->self = 0;
        board_incarnation_dead(board, worker);
        board_incarnation_dead(board, keeper.inc);
        while (ring_get(board, worker, line, sizeof(line)) >= 0) {
        }
        board_objects_sweep(board);
        board_journal_tidy(board);
        if (round == 1) {
            counters = blocks_of(board, "board/counters");
            rings = blocks_of(board, "board/rings");
        }
        assert_true(blocks_of(board, "board/counters") <= counters + 4096);
        assert_true(blocks_of(board, "board/rings") <= rings + 4096);
        assert_true(blocks_of(board, "board/lanes") < (1 << 18));
        assert_true(blocks_of(board, "board/journal") < (1 << 18));
        size_t now =
            blocks_of(board, "board/objects") + blocks_of(board, "board/base") + blocks_of(board, "board/queues");
        all = round <= 2 ? now : all;
        assert_true(now <= all + 65536);
    }
}

// In earnest: another image of this program, which has nothing but the descriptors.
static int after_exec(const char *fd)
{
    bool fresh;
    struct board *board = board_adopt(&fresh, atoi(fd));
    if (!board || fresh)
        return 1;
    uint32_t object = board_object_find(board, "f/www");
    const char *kept = board_section(board, &fresh, "table/x", 4, 4096);
    struct board_news news;
    if (!object || board_counter_sum(board, object, 5) != 42 || fresh || strcmp(kept, "kept") != 0)
        return 2;
    if (board_news_next(board, &news) || board_section(board, &fresh, "table/y", 9, 4096) == NULL || !fresh ||
        !board_news_next(board, &news) || news.had_version != 7 || news.version != 9)
        return 3;
    // The master's place is still its own, and that of a worker, whom it now reaps, too.
    if (board_incarnation_at(board, 1)->pid != getpid() || !board_incarnation_enter(board, 1))
        return 4;
    board_incarnation_dead(board, 2);
    if (board_counter_sum(board, object, 5) != 42 || board_incarnation_at(board, 2)->state != BOARD_STATE_FREE)
        return 5;
    board_wake(board, 7);
    if (!woken(board, 7) || fcntl(board_incarnation_at(board, 7)->wake_fd, F_GETFD) != FD_CLOEXEC)
        return 6;
    board_free(board);
    return 0;
}

static void test_exec(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        bool fresh;
        char text[16];
        struct board *board = board_new();
        uint32_t master = board_incarnation_take(board, BOARD_ROLE_MASTER, 0, 0);
        board_incarnation_enter(board, master);
        uint32_t worker = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
        board_counter_count(&board_counters(board, worker, board_object(board, "f/www"))[5], 42);
        memcpy(board_section(board, &fresh, "table/x", 4, 4096), "kept", 5);
        board_section(board, &fresh, "table/y", 7, 4096);
        snprintf(text, sizeof(text), "%d", board_keep(board, true));
        setenv("BOARD_FD", text, 1);
        execl("/proc/self/exe", "test_board", (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_incarnations(void **state)
{
    struct board *board = *state;
    for (uint32_t i = 1; i < BOARD_MAX_INCARNATIONS; i++) {
        assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, i, 1), i);
    }
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1), BOARD_NO_INCARNATION);
    assert_int_equal(board_incarnation_limit(board), BOARD_MAX_INCARNATIONS);
    board_incarnation_dead(board, 77);
    board_incarnation_dead(board, 77);
    assert_int_equal(board_incarnation_at(board, 77)->state, BOARD_STATE_FREE);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_KEEPER, 1, 2), 77);
    board_incarnation_enter(board, 77);
    assert_int_equal(board_incarnation_self(board), 77);
    assert_int_equal(board_incarnation_at(board, 77)->pid, getpid());
    assert_false(woken(board, 77));
    board_wake(board, 77);
    assert_true(woken(board, 77));
    assert_false(woken(board, 77));
}

static void test_objects(void **state)
{
    struct board *board = *state;
    uint32_t backend = board_object(board, "b/app");
    assert_int_equal(backend, 2); // after that of its kind
    uint32_t server = board_object(board, "s/app/web1");
    assert_int_equal(server, 4);
    assert_int_equal(board_object(board, "b/app"), backend);
    assert_int_equal(board_object_parent(board, server), backend);
    assert_int_equal(board_object_parent(board, backend), 0);
    assert_int_equal(board_object_find(board, "b/none"), 0);
    assert_string_equal(board_object_name(board, server), "s/app/web1");
    char one[300], two[300];
    memset(one, 'n', sizeof(one));
    one[299] = '\0';
    memcpy(two, one, sizeof(two));
    two[298] = 'm';
    uint32_t first = board_object(board, one);
    assert_int_not_equal(first, board_object(board, two));
    assert_int_equal(first, board_object(board, one));
    char name[32];
    uint32_t last = 0, made = 0;
    for (uint32_t i = 0; i < BOARD_MAX_OBJECTS + 10; i++) {
        snprintf(name, sizeof(name), "f/%u", i);
        last = board_object(board, name);
        made += last != 0;
    }
    assert_int_equal(last, 0);
    assert_int_equal(made, BOARD_MAX_OBJECTS - 1 - 7 - 16); // the last ones are for kinds
    assert_int_equal(board_object_limit(board), BOARD_MAX_OBJECTS - 16);
    assert_int_equal(board_object(board, "f/0"), 8);
    board_gauges(board, 8)[3] = 7;
    assert_int_equal(board_gauges(board, 8)[3], 7);
}

struct keeper {
    uint32_t inc;
    uint32_t worker;
};

// A keeper of that generation, whom the calling process now is, and a worker of it.
static struct keeper generation_begin(struct board *board, uint32_t generation)
{
    board->self = 0;
    struct keeper keeper = { .inc = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, generation) };
    board->self = keeper.inc;
    keeper.worker = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, generation);
    return keeper;
}

static void generation_end(struct board *board, const struct keeper *keeper)
{
    board->self = 0;
    board_incarnation_dead(board, keeper->worker);
    board_incarnation_dead(board, keeper->inc);
}

static void test_sweep(void **state)
{
    struct board *board = *state;
    enum { NUM = 20000 };
    char name[32];
    uint32_t forever = board_object(board, "g/global");
    struct keeper first = generation_begin(board, 1);
    uint32_t stays = board_object(board, "f/stays"), goes = board_object(board, "f/goes");
    for (uint32_t i = 0; i < NUM; i++) {
        snprintf(name, sizeof(name), "s/one/%u", i);
        assert_int_not_equal(board_object(board, name), 0);
    }
    uint32_t high = board_object_limit(board);
    board_counter_count(&board_counters(board, first.worker, stays)[2], 5);
    board_counter_count(&board_counters(board, first.worker, goes)[2], 7);
    board_gauges(board, goes)[3] = 99;
    assert_true(board_lane_acquire(board, goes, first.worker, 0));
    assert_int_not_equal(board_queue_wait(board, goes, goes, first.worker, 1), 0);
    assert_int_equal(board_objects_sweep(board), 0);

    // What is cleared starts at zero, whoever goes on counting, and its kind keeps the sum.
    board_counters_clear(board, goes, 0, BOARD_LEVELS);
    board_counters_clear(board, stays, 3, BOARD_LEVELS);
    assert_int_equal(board_counter_sum(board, goes, 2), 0);
    assert_int_equal(board_counter_sum(board, stays, 2), 5);
    assert_int_equal(board_counter_total(board, "f/", 2), 12);
    board_counter_count(&board_counters(board, first.worker, goes)[2], 1);
    assert_int_equal(board_counter_sum(board, goes, 2), 1);

    struct keeper second = generation_begin(board, 2);
    assert_int_equal(board_object(board, "f/stays"), stays);
    uint32_t comes = board_object(board, "f/comes");
    assert_int_equal(board_objects_sweep(board), 0);
    generation_end(board, &first);
    assert_int_equal(board_counter_total(board, "f/", 2), 13);
    assert_int_equal(board_counter_sum(board, goes, 2), 1);
    assert_int_equal(board_objects_sweep(board), NUM + 1);
    assert_int_equal(board_objects_sweep(board), 0);
    assert_int_equal(board_object_find(board, "f/goes"), 0);
    assert_string_equal(board_object_name(board, goes), "");
    assert_int_equal(board_counter_total(board, "f/", 2), 13);
    assert_int_equal(board_counter_sum(board, stays, 2), 5);
    assert_int_equal(board_object_find(board, "f/comes"), comes);
    assert_int_equal(board_object_find(board, "g/global"), forever);
    // The number is given again, and nothing sticks to it.
    board->self = second.inc;
    uint32_t again = board_object(board, "f/goes");
    assert_int_equal(again, goes);
    assert_int_equal(board_counter_sum(board, again, 2), 0);
    assert_int_equal(board_gauges(board, again)[3], 0);
    assert_int_equal(board_lane_sum(board, again), 0);
    assert_int_equal(board_queue_len(board, again, 0), 0);
    // The table's length follows from what is there.
    generation_end(board, &second);
    board_objects_sweep(board);
    assert_true(board_object_limit(board) < 20 && high > NUM);
    assert_int_equal(board_counter_total(board, "f/", 2), 13);
}

// The last process of a generation grants a unit to a waiter of the next one and dies: the server's object stays until
// that is fetched, or its lane would be left one short.
static void test_sweep_granted(void **state)
{
    struct board *board = *state;
    uint32_t waiter, server;
    uint64_t cookie;
    struct keeper first = generation_begin(board, 1);
    uint32_t backend = board_object(board, "b/b"), goes = board_object(board, "s/b/goes");
    struct keeper second = generation_begin(board, 2);
    assert_int_equal(board_object(board, "b/b"), backend);
    board->self = second.worker;
    assert_int_not_equal(board_queue_wait(board, backend, 0, second.worker, 7), 0);
    board->self = first.worker;
    board_queue_slot_freed(board, backend, goes);
    generation_end(board, &first);
    assert_int_equal(board_objects_sweep(board), 0);
    assert_int_equal(board_object_find(board, "s/b/goes"), goes);
    board->self = second.worker;
    assert_true(board_queue_granted(board, &waiter, &cookie, &server, second.worker));
    assert_int_equal(server, goes);
    assert_int_equal(board_lane_sum(board, goes), 0);
    board->self = 0;
    assert_int_equal(board_objects_sweep(board), 1);
    assert_int_equal(board_lane_sum(board, goes), 0);
    generation_end(board, &second);
}

// Reload upon reload with other names, two generations at a time, fills nothing.
static void test_sweep_for_ever(void **state)
{
    struct board *board = *state;
    struct keeper before = { 0 };
    char name[32];
    for (uint32_t generation = 1; generation <= 12; generation++) {
        struct keeper keeper = generation_begin(board, generation);
        for (uint32_t i = 0; i < 20000; i++) {
            snprintf(name, sizeof(name), "s/%u/%u", generation, i);
            assert_int_not_equal(board_object(board, name), 0);
        }
        if (before.inc) {
            generation_end(board, &before); // and no sweep: who finds the table full sweeps
        }
        before = keeper;
    }
    board_objects_sweep(board);
    assert_true(board_object_limit(board) <= BOARD_MAX_OBJECTS);
}

// What its generation dropped is freed while that lives, once each of its processes has let go, and nobody else has it.
static void test_sweep_dropped(void **state)
{
    struct board *board = *state;
    struct keeper old = generation_begin(board, 1);
    uint32_t shared = board_object(board, "s/b/shared");
    struct keeper own = generation_begin(board, 2);
    uint32_t goes = board_object(board, "s/b/goes"), again = board_object(board, "s/b/again");
    assert_int_equal(board_object(board, "s/b/shared"), shared);
    board->self = own.worker;
    board_counter_count(&board_counters(board, own.worker, goes)[2], 7);
    board_counter_count(&board_counters(board, own.worker, goes)[BOARD_LEVEL], 1);
    board_gauges(board, goes)[3] = 99;
    assert_true(board_lane_acquire(board, goes, own.worker, 0));
    board_object_drop(board, shared, 5);
    board_object_drop(board, goes, 6);
    board_object_drop(board, again, 6);
    assert_int_equal(board_object(board, "s/b/again"), again);
    board_objects_let_go(board, own.inc, 6);
    board_objects_let_go(board, own.worker, 5);
    assert_int_equal(board_objects_sweep(board), 0);
    board_objects_let_go(board, own.worker, 6);
    assert_int_equal(board_objects_sweep(board), 0);
    board_lane_release(board, goes, own.worker);
    assert_int_equal(board_objects_sweep(board), 1);
    assert_int_equal(board_object_find(board, "s/b/goes"), 0);
    assert_int_equal(board_object_find(board, "s/b/again"), again);
    assert_int_equal(board_object_find(board, "s/b/shared"), shared);
    assert_int_equal(board_counter_total(board, "s/", 2), 7);

    // The number is given again; whoever dies later takes nothing away from its new owner.
    uint32_t comes = board_object(board, "s/b/comes");
    assert_int_equal(comes, goes);
    assert_int_equal(board_counter_sum(board, comes, 2), 0);
    assert_int_equal(board_counter_sum(board, comes, BOARD_LEVEL), 0);
    assert_int_equal(board_gauges(board, comes)[3], 0);
    board_counter_count(&board_counters(board, own.worker, comes)[2], 3);
    board_incarnation_dead(board, own.worker);
    assert_int_equal(board_counter_sum(board, comes, 2), 3);
    assert_int_equal(board_counter_total(board, "s/", 2), 10);

    // One that an older generation has waits for its end. A process that is forked has let go of what its parent has.
    own.worker = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 2);
    generation_end(board, &old);
    board->self = own.inc;
    assert_int_equal(board_objects_sweep(board), 0);
    board_objects_let_go(board, own.worker, 6);
    assert_int_equal(board_objects_sweep(board), 1);
    assert_int_equal(board_object_find(board, "s/b/shared"), 0);
    generation_end(board, &own);
}

// Servers of ever new names come and go between two reloads, and fill nothing.
static void test_sweep_dropped_for_ever(void **state)
{
    struct board *board = *state;
    struct keeper keeper = generation_begin(board, 1);
    char name[32];
    for (uint32_t i = 1; i <= 100000; i++) {
        snprintf(name, sizeof(name), "s/b/%u", i);
        uint32_t object = board_object(board, name);
        assert_int_not_equal(object, 0);
        board_counter_count(&board_counters(board, keeper.worker, object)[0], 1);
        board_object_drop(board, object, i);
        board_objects_let_go(board, keeper.inc, i);
        board_objects_let_go(board, keeper.worker, i);
        if (i % 128 == 0)
            assert_int_equal(board_objects_sweep(board), 128);
    }
    assert_true(board_object_limit(board) < 256);
    assert_int_equal(board_counter_total(board, "s/", 0), 100000);
    generation_end(board, &keeper);
}

// A sweeper that died at any stage leaves what the next one finishes.
static void test_sweep_killed(void **state)
{
    struct board *board = *state;
    for (uint32_t round = 1; round <= 60; round++) {
        uint32_t generation = round * 2;
        struct keeper keeper = generation_begin(board, generation);
        char name[32];
        uint32_t objects[300];
        for (uint32_t i = 0; i < NUM_ITEMS(objects); i++) {
            snprintf(name, sizeof(name), "f/%u/%u", generation, i);
            objects[i] = board_object(board, name);
            assert_int_not_equal(objects[i], 0);
            assert_int_equal(board_counter_sum(board, objects[i], 0), 0);
            assert_int_equal(board_gauges(board, objects[i])[0], 0);
            board_counter_count(&board_counters(board, keeper.worker, objects[i])[0], 1);
            board_gauges(board, objects[i])[0] = 1;
        }
        // Of every other generation they go while it lives.
        for (uint32_t i = 0; i < NUM_ITEMS(objects) && round % 2; i++) {
            board_object_drop(board, objects[i], 1);
        }
        board_objects_let_go(board, keeper.inc, 1);
        board_objects_let_go(board, keeper.worker, 1);
        if (round % 2 == 0) {
            generation_end(board, &keeper);
        }
        uint32_t sweeper = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, generation + 1);
        pid_t pid = fork();
        if (pid == 0) {
            board_incarnation_enter(board, sweeper);
            board_objects_sweep(board);
            pause();
        }
        usleep(round * 20);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        board_incarnation_dead(board, sweeper);
        board_objects_sweep(board);
        generation_end(board, &keeper);
        assert_int_equal(board_counter_total(board, "f/", 0), round * NUM_ITEMS(objects));
        for (uint32_t i = 0; i < NUM_ITEMS(objects); i++) {
            assert_int_equal(atomic_load(&board->objects->records[objects[i]].state),
                             strcmp(board_object_name(board, objects[i]), "f/") == 0 ? BOARD_OBJECT_USED
                                                                                     : BOARD_OBJECT_FREE);
        }
    }
}

static void test_counters(void **state)
{
    struct board *board = *state;
    uint32_t a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    uint32_t b = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    board->objects->num = BOARD_MAX_OBJECTS - 1; // as if all had a name
    board_counter_count(&board_counters(board, a, 9)[0], 5);
    board_counter_count(&board_counters(board, b, 9)[0], 7);
    board_counter_count(&board_counters(board, b, BOARD_MAX_OBJECTS - 1)[62], 1);
    board_counter_count(&board_counters(board, a, 9)[BOARD_LEVEL], 2);
    board_counter_count(&board_counters(board, b, 9)[BOARD_LEVEL], 3);
    assert_int_equal(board_counter_sum(board, 9, BOARD_LEVEL), 5);
    assert_int_equal(board_counter_sum(board, 9, 0), 12);
    assert_int_equal(board_counter_own(board, 9, 0, a), 5);
    assert_int_equal(board_counter_own(board, 9, 0, b), 7);
    assert_int_equal(board_counter_own(board, 10, 0, b), 0);
    board_incarnation_dead(board, b);
    assert_int_equal(board_counter_sum(board, 9, 0), 12);
    assert_int_equal(board_counter_sum(board, BOARD_MAX_OBJECTS - 1, 62), 1);
    // What a process had at the moment goes with it.
    assert_int_equal(board_counter_sum(board, 9, BOARD_LEVEL), 2);
    assert_int_equal(board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1), b);
    assert_int_equal(board_counters(board, b, 9)[0], 0);
    board_counter_count(&board_counters(board, b, 9)[0], 1);
    assert_int_equal(board_counter_sum(board, 9, 0), 13);

    // A folder that died once the new sums were ready, half-way through applying them.
    struct board_base *base = board->base;
    uint32_t folder = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, 1);
    base->inc = a;
    base->object = 9;
    base->sums[0] = 7 + 5;
    base->stage = 1;
    base->sequence |= 1;
    base->counters[9][0] = 12;
    board->incarnations->reaper.owner = folder | board_incarnation_at(board, folder)->life << 16;
    board->incarnations->records[folder].state = BOARD_STATE_DEAD;
    board->incarnations->records[a].state = BOARD_STATE_DEAD;
    assert_int_equal(board_counter_sum(board, 9, 0), 13);
    assert_int_equal(base->sequence & 1, 0);
    board_incarnation_dead(board, folder);
    assert_int_equal(board_incarnation_at(board, a)->state, BOARD_STATE_FREE);
    assert_int_equal(board_counter_sum(board, 9, 0), 13);
}

static void test_lanes(void **state)
{
    struct board *board = *state;
    uint32_t a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    uint32_t b = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    assert_true(board_lane_acquire(board, 4, a, 2));
    assert_true(board_lane_acquire(board, 4, b, 2));
    assert_false(board_lane_acquire(board, 4, a, 2));
    assert_true(board_lane_acquire(board, 4, a, 0));
    assert_int_equal(board_lane_sum(board, 4), 3);
    assert_int_equal(board_lane_own(board, 4, a), 2);
    board_lane_release(board, 4, b);
    assert_false(board_lane_acquire(board, 4, b, 2));
    board_incarnation_dead(board, a);
    assert_int_equal(board_lane_sum(board, 4), 0);
    assert_true(board_lane_acquire(board, 4, b, 1));
}

// What is tried for counts for the limit, and is told of nowhere.
static void test_lanes_tried(void **state)
{
    struct board *board = *state;
    uint32_t a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    uint32_t b = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    assert_true(board_lane_acquire(board, 4, a, 3));
    assert_true(board_lane_try(board, 4, a, 3));
    assert_true(board_lane_try(board, 4, b, 3));
    assert_int_equal(board_lane_sum(board, 4), 1);
    assert_int_equal(board_lane_own(board, 4, a), 1);
    assert_int_equal(board_lane_sum_reserved(board, 4), 3);
    board_lane_take_tried(board, 4, a);
    assert_int_equal(board_lane_own(board, 4, a), 2);
    assert_false(board_lane_acquire(board, 4, a, 3));
    assert_int_equal(board_lane_sum(board, 4), 2);
    board_lane_leave_tried(board, 4, b);
    assert_true(board_lane_try(board, 4, a, 3));
    assert_false(board_lane_try(board, 4, b, 3));
    board_incarnation_dead(board, a);
    assert_int_equal(board_lane_sum_reserved(board, 4), 0);
    assert_true(board_lane_try(board, 4, b, 1));
    board_lane_leave_tried(board, 4, b);
}

// Two processes meet at the same round; both lie in wait for the other, so that they act at once.
static void meet(_Atomic uint64_t *mine, _Atomic uint64_t *other)
{
    uint64_t round = atomic_fetch_add(mine, 1) + 1;
    for (unsigned i = 0; atomic_load(other) < round; i++) {
        if (i > 2000) {
            sched_yield();
        }
    }
}

// Of two that race for the last unit one gets it: never both, and never neither.
static void test_lane_race(void **state)
{
    struct board *board = *state;
    enum { ROUNDS = 400000 };
    struct {
        _Atomic uint64_t at[2];
        _Atomic uint32_t got[2];
    } *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t incs[2] = { board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1),
                         board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1) };
    pid_t pid = fork();
    assert_true(pid >= 0);
    int me = pid == 0;
    uint32_t num_both = 0, num_none = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        meet(&race->at[me], &race->at[!me]);
        for (volatile uint32_t wait = me ? i % 61 : i % 127; wait > 0; wait--) { // who comes last has a lead
        }
        race->got[me] = board_lane_acquire(board, 2, incs[me], 1);
        meet(&race->at[me], &race->at[!me]);
        num_both += race->got[0] + race->got[1] == 2;
        num_none += race->got[0] + race->got[1] == 0;
        if (race->got[me]) {
            board_lane_release(board, 2, incs[me]);
        }
    }
    if (me) {
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(num_both, 0);
    assert_int_equal(num_none, 0);
    munmap(race, sizeof(*race));
}

struct queue_fixture {
    uint32_t backend, server[2], a, b;
};

static struct queue_fixture queue_fixture(struct board *board)
{
    struct queue_fixture f = { .backend = board_object(board, "b/app") };
    f.server[0] = board_object(board, "s/app/1");
    f.server[1] = board_object(board, "s/app/2");
    f.a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    f.b = board_incarnation_take(board, BOARD_ROLE_WORKER, 1, 1);
    return f;
}

static void test_queue(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    uint32_t waiter, server;
    uint64_t cookie;
    assert_false(board_queue_granted(board, &waiter, &cookie, &server, f.a));
    assert_true(board_lane_acquire(board, f.server[0], f.a, 1));
    uint32_t one = board_queue_wait(board, f.backend, f.server[1], f.b, 101);
    uint32_t two = board_queue_wait(board, f.backend, 0, f.b, 102);
    uint32_t three = board_queue_wait(board, f.backend, f.server[0], f.a, 103);
    assert_true(one && two && three);
    assert_int_equal(board_queue_len(board, f.backend, 0), 3);
    assert_int_equal(board_queue_len(board, f.backend, f.server[1]), 1);
    assert_int_equal(board_queue_ahead(board, f.backend, f.server[0]), 2);

    board_lane_release(board, f.server[0], f.a);
    board_queue_slot_freed(board, f.backend, f.server[0]);
    assert_true(woken(board, f.b)); // the one who takes any came before the one who insists
    assert_false(woken(board, f.a));
    assert_false(board_lane_acquire(board, f.server[0], f.a, 1)); // reserved: no overtaking
    assert_int_equal(board_lane_sum(board, f.server[0]), 0);
    assert_int_equal(board_queue_len(board, f.backend, 0), 3);
    assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.b));
    assert_int_equal(waiter, two);
    assert_int_equal(cookie, 102);
    assert_int_equal(server, f.server[0]);
    assert_true(board_lane_acquire(board, f.server[0], f.b, 1));
    assert_false(board_queue_granted(board, &waiter, &cookie, &server, f.b));

    // Granted, then gone: the slot goes on.
    uint32_t four = board_queue_wait(board, f.backend, 0, f.b, 104);
    uint32_t zero = board_queue_wait_first(board, f.backend, 0, f.b, 100);
    board_lane_release(board, f.server[0], f.b);
    board_queue_slot_freed(board, f.backend, f.server[0]);
    assert_true(board_queue_leave(board, zero, f.b));
    assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.a));
    assert_int_equal(cookie, 103);
    assert_false(board_queue_leave(board, four, f.b));
    assert_false(board_queue_leave(board, one, f.b));
    uint32_t five = board_queue_wait(board, f.backend, 0, f.a, 105);
    uint32_t six = board_queue_wait(board, f.backend, 0, f.b, 106);
    assert_true(board_queue_offer(board, f.backend, f.server[1], 1));
    assert_false(board_queue_offer(board, f.backend, f.server[1], 1));
    assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.a));
    assert_int_equal(waiter, five);
    assert_false(board_queue_leave(board, six, f.b));
    assert_int_equal(board_queue_len(board, f.backend, 0), 0);
    assert_int_equal(board_queue_len(board, f.backend, f.server[0]), 0);
    assert_int_equal(board_queue_ahead(board, f.backend, f.server[1]), 0);
    assert_true(board_lane_acquire(board, f.server[0], f.a, 1));
}

// A process that does not answer is passed over, what it was granted too; it keeps its place for when it wakes up.
static void test_queue_asleep(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    uint32_t waiter, server;
    uint64_t cookie;
    assert_true(board_lane_acquire(board, f.server[0], f.b, 1));
    for (uint64_t i = 1; i <= 6; i++)
        board_queue_wait(board, f.backend, i == 5 ? f.server[0] : 0, i == 3 || i == 5 ? f.b : f.a, i);
    board_lane_release(board, f.server[0], f.b);
    board_queue_slot_freed(board, f.backend, f.server[0]);
    assert_true(woken(board, f.a));
    assert_false(board_queue_awake(board, f.a));
    board_queue_pass_over(board, f.a);
    assert_false(board_queue_granted(board, &waiter, &cookie, &server, f.a));
    assert_true(woken(board, f.b));
    for (uint64_t i = 3; i <= 5; i += 2) {
        assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.b));
        assert_int_equal(cookie, i);
        assert_true(board_lane_acquire(board, f.server[0], f.b, 1));
        assert_false(board_queue_offer(board, f.backend, f.server[0], 1));
        board_lane_release(board, f.server[0], f.b);
        board_queue_slot_freed(board, f.backend, f.server[0]);
    }
    assert_false(board_queue_granted(board, &waiter, &cookie, &server, f.b));
    assert_int_equal(board_queue_len(board, f.backend, 0), 4);
    assert_int_equal(board_lane_sum_reserved(board, f.server[0]), 0);
    assert_true(board_queue_awake(board, f.a));
    assert_false(board_queue_awake(board, f.a));
    static const uint64_t order[] = { 1, 2, 4, 6 };
    for (size_t i = 0; i < NUM_ITEMS(order); i++) {
        assert_true(board_queue_offer(board, f.backend, f.server[0], 1));
        assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.a));
        assert_int_equal(cookie, order[i]);
    }
    assert_int_equal(board_queue_len(board, f.backend, 0), 0);
}

static void test_blocks(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    uint32_t self = board->self;
    assert_false(board_incarnation_blocks(board, f.a));
    board->self = f.a;
    board_lock_take(board, &board->queues->queues[f.backend].lock, f.backend);
    assert_true(board_incarnation_blocks(board, f.a));
    assert_false(board_incarnation_blocks(board, f.b));
    board_lock_give(board, &board->queues->queues[f.backend].lock);
    assert_false(board_incarnation_blocks(board, f.a));
    board_lock_take(board, &board->objects->lock, BOARD_LOCK_OBJECTS);
    assert_true(board_incarnation_blocks(board, f.a));
    board_lock_give(board, &board->objects->lock);
    assert_false(board_incarnation_blocks(board, f.a));
    board->self = self;
}

// What a dead process was granted, held or was about to pass on reaches the next waiter.
static void test_queue_death(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    uint32_t waiter, server;
    uint64_t cookie;
    board_queue_wait(board, f.backend, 0, f.a, 1);
    board_queue_wait(board, f.backend, 0, f.b, 2);
    board_queue_wait(board, f.backend, f.server[0], f.b, 3);
    board_queue_wait(board, f.backend, f.server[1], f.b, 4);
    assert_true(board_lane_acquire(board, f.server[1], f.a, 1));
    board_queue_slot_freed(board, f.backend, f.server[0]);
    board_incarnation_dead(board, f.a);
    uint32_t granted[5] = { 0 };
    while (board_queue_granted(board, &waiter, &cookie, &server, f.b)) {
        granted[cookie] = server;
    }
    assert_int_equal(granted[2], f.server[1]);
    assert_int_equal(granted[3], f.server[0]);
    assert_int_equal(granted[4], 0);
    assert_int_equal(board_lane_sum(board, f.server[1]), 0);

    uint32_t c = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    assert_true(board_lane_acquire(board, f.server[1], c, 1));
    board_lane_release(board, f.server[1], c); // and killed before it could tell
    board_incarnation_dead(board, c);
    assert_true(board_queue_granted(board, &waiter, &cookie, &server, f.b));
    assert_int_equal(cookie, 4);
    assert_int_equal(board_queue_len(board, f.backend, 0), 0);
}

// A process dies with the lock, the lists in shreds: whoever comes next finds the order of arrival.
static void test_queue_rebuild(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    uint32_t waiter, server;
    uint64_t cookie, next[3] = { 0 };
    enum { NUM = 3000 };
    for (uint64_t i = 0; i < NUM; i++) {
        uint32_t pin = i % 3 ? f.server[i % 3 - 1] : 0;
        assert_int_not_equal(board_queue_wait(board, f.backend, pin, i % 2 ? f.a : f.b, i), 0);
    }
    board_queue_slot_freed(board, f.backend, f.server[1]);
    for (uint32_t i = 0; i < BOARD_WAITERS; i++) {
        board->queues->waiters[i].next = board->queues->waiters[i].prev = i % 7;
    }
    board->queues->queues[f.backend].head = 0;
    board->queues->queues[f.backend].num = 1;
    board->queues->queues[f.server[0]].tail = 17;
    board->lanes->units[f.server[1]][0] = 5;
    uint32_t dead = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    board->incarnations->estates[dead].lock = f.backend;
    board->queues->queues[f.backend].lock.owner = dead | board_incarnation_at(board, dead)->life << 16;
    board->queues->queues[f.backend].server = f.server[1];
    board_incarnation_dead(board, dead);
    assert_int_equal(board->queues->queues[f.backend].lock.owner, 0);
    assert_int_equal(board_queue_len(board, f.backend, 0), NUM);
    assert_int_equal(board_queue_len(board, f.backend, f.server[0]), NUM / 3);
    assert_int_equal(board->lanes->units[f.server[1]][0], 1);
    board_queue_granted(board, &waiter, &cookie, &server, f.b);
    assert_int_equal(cookie, 0);
    next[0] = 3;
    next[1] = 1;
    next[2] = 2;
    for (uint64_t i = 1; i < NUM; i++) {
        uint32_t which = (uint32_t)(i % 2);
        uint64_t expected = next[0] < next[which + 1] ? next[0] : next[which + 1];
        board_queue_slot_freed(board, f.backend, f.server[which]);
        if (expected >= NUM) {
            board_queue_slot_freed(board, f.backend, f.server[!which]);
            expected = next[!which + 1];
        }
        assert_true(board_queue_granted(board, &waiter, &cookie, &server, expected % 2 ? f.a : f.b));
        assert_int_equal(cookie, expected);
        next[expected % 3] += 3;
    }
    assert_int_equal(board_queue_len(board, f.backend, 0), 0);
}

static void test_queue_full(void **state)
{
    struct board *board = *state;
    struct queue_fixture f = queue_fixture(board);
    static uint32_t waiters[BOARD_WAITERS];
    for (uint32_t i = 0; i < BOARD_WAITERS; i++) {
        waiters[i] = board_queue_wait(board, f.backend, 0, f.a, i);
        assert_int_not_equal(waiters[i], 0);
    }
    assert_int_equal(board_queue_wait(board, f.backend, 0, f.a, 1), 0);
    assert_int_equal(board_queue_wait(board, f.backend, 0, f.b, 1), 0);
    for (uint32_t i = 0; i < BOARD_WAITERS; i += 2) {
        assert_false(board_queue_leave(board, waiters[i], f.a));
    }
    for (uint32_t i = 1; i < BOARD_WAITERS; i += 2) {
        assert_false(board_queue_leave(board, waiters[i], f.a));
    }
    for (uint32_t i = 0; i < BOARD_WAITERS - BOARD_CHUNK_WAITERS; i++) { // all chunks but one came back
        assert_int_not_equal(board_queue_wait(board, f.backend, 0, f.b, i), 0);
    }
    board_incarnation_dead(board, f.b);
    assert_int_equal(board_queue_len(board, f.backend, 0), 0);
}

static void test_journal(void **state)
{
    struct board *board = *state;
    uint32_t a = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1), type;
    uint32_t master = board_incarnation_take(board, BOARD_ROLE_MASTER, 0, 1);
    static char data[BOARD_JOURNAL_ENTRY_MAX];
    size_t len;
    assert_int_equal(board_journal_next(board, &type, data, &len, a), 0);
    assert_int_equal(board_journal_append(board, 7, "change", 6), 1);
    assert_true(woken(board, a));
    assert_false(woken(board, master));
    assert_int_equal(board_journal_laggard(board, 1), a);
    assert_int_equal(board_journal_next(board, &type, data, &len, a), 1);
    assert_int_equal(type, 7);
    assert_int_equal(len, 6);
    assert_memory_equal(data, "change", 6);
    board_journal_applied(board, a, 1);
    assert_int_equal(board_journal_laggard(board, 1), 0);
    // Full by the number of entries, which may be empty, and by their bytes.
    for (uint32_t i = 0; i < BOARD_JOURNAL_SLOTS; i++) {
        assert_int_equal(board_journal_append(board, i, NULL, 0), i + 2);
    }
    assert_int_equal(board_journal_append(board, 1, "x", 1), 0);
    board_journal_applied(board, a, 2);
    uint64_t last = BOARD_JOURNAL_SLOTS + 2;
    assert_int_equal(board_journal_append(board, 1, "x", 1), last);
    assert_int_equal(board_journal_append(board, 1, "x", 1), 0);
    board_journal_applied(board, a, last - 1);
    uint64_t number, num = 0;
    memset(data, 'j', sizeof(data));
    while ((number = board_journal_append(board, (uint32_t)num, data, sizeof(data) - num % 64)) != 0) {
        assert_int_equal(number, ++last);
        num++;
    }
    assert_in_range(num, BOARD_JOURNAL_LEN / BOARD_JOURNAL_ENTRY_MAX - 1, BOARD_JOURNAL_LEN / 3900);
    for (uint64_t i = 0; i < num; i++) {
        number = board_journal_next(board, &type, data, &len, a);
        board_journal_applied(board, a, number);
        if (i > 0) {
            assert_int_equal(type, i - 1);
            assert_int_equal(len, sizeof(data) - (i - 1) % 64);
        }
    }
    // Round and round, one entry behind.
    for (uint32_t i = 0; i < 3 * BOARD_JOURNAL_SLOTS; i++) {
        number = board_journal_next(board, &type, data, &len, a);
        assert_int_not_equal(number, 0);
        board_journal_applied(board, a, number);
        if (i > 0) {
            assert_int_equal(type, i - 1);
            assert_int_equal(len, (i - 1) * 37 % sizeof(data));
            assert_true(len == 0 || (data[0] == (char)(i - 1) && data[len - 1] == (char)(i - 1)));
        }
        memset(data, (int)i, sizeof(data));
        assert_int_not_equal(board_journal_append(board, i, data, i * 37 % sizeof(data)), 0);
    }
    // A fork of the keeper goes on where the keeper is, one of the master at the end.
    board_incarnation_enter(board, a);
    uint64_t applied = board_incarnation_at(board, a)->applied;
    uint32_t child = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    assert_int_equal(board_incarnation_at(board, child)->applied, applied);
    board_incarnation_enter(board, master);
    child = board_incarnation_take(board, BOARD_ROLE_KEEPER, 0, 1);
    assert_int_equal(board_incarnation_at(board, child)->applied, board->journal->last);
}

static void test_ring(void **state)
{
    struct board *board = *state;
    static char out[BOARD_RING_LEN], big[BOARD_RING_LEN];
    memset(big, 'b', sizeof(big));
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), -1);
    assert_true(board_ring_put(board, 3, SLICE("hello "), SLICE("world")));
    assert_true(board_ring_put(board, 3, slice_of(NULL, 0), slice_of(NULL, 0)));
    assert_int_equal(ring_get(board, 3, out, 8), 8);
    assert_memory_equal(out, "hello wo", 8);
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), 0);
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), -1);
    for (size_t i = 0; i < 3000; i++) {
        size_t len = i * 37 % 5000;
        memset(big, (int)('a' + i % 26), len);
        assert_true(board_ring_put(board, 3, slice_of(big, len / 3), slice_of(big, len - len / 3)));
        if (i % 2) {
            for (size_t j = i - 1; j <= i; j++) {
                assert_int_equal(ring_get(board, 3, out, sizeof(out)), j * 37 % 5000);
                assert_true(j * 37 % 5000 == 0 || out[0] == (char)('a' + j % 26));
            }
        }
    }
    assert_false(board_ring_put(board, 3, slice_of(big, BOARD_RING_LEN - 3), SLICE("")));
    assert_int_equal(board_ring_dropped(board, 3), 1);
    assert_true(board_ring_put(board, 3, slice_of(big, BOARD_RING_LEN - 4), SLICE("")));
    assert_false(board_ring_put(board, 3, SLICE(""), SLICE("")));
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), BOARD_RING_LEN - 4);
    // A length that leads out of what was written is not believed.
    assert_true(board_ring_put(board, 3, SLICE("evil"), SLICE("")));
    uint64_t head = board->rings->rings[3].head;
    uint32_t lie = 1 << 30;
    for (size_t i = 0; i < sizeof(lie); i++) {
        board->rings->data[3][(head + i) % BOARD_RING_LEN] = ((char *)&lie)[i];
    }
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), -1);
    assert_true(board_ring_put(board, 3, SLICE("good"), SLICE("")));
    assert_int_equal(ring_get(board, 3, out, sizeof(out)), 4);
}

// What is done is not read again, whoever reads; what is not is, until its room is given up.
static void test_ring_done(void **state)
{
    struct board *board = *state;
    static char out[BOARD_RING_LEN], big[BOARD_RING_LEN / 2];
    uint64_t next = 0, other = 0, at[5];
    for (char i = '0'; i < '5'; i++)
        assert_true(board_ring_put(board, 3, slice_of(&i, 1), slice_of(NULL, 0)));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(board_ring_next(board, 3, &next, &at[i], out, sizeof(out)), 1);
        assert_int_equal(out[0], '0' + i);
    }
    assert_int_equal(board_ring_next(board, 3, &next, &at[0], out, sizeof(out)), -1);
    board_ring_done(board, 3, at[0]);
    board_ring_done(board, 3, at[1]);
    board_ring_done(board, 3, at[3]);
    assert_true(board_ring_commit(board, 3, next, false));
    assert_int_equal(board->rings->rings[3].head, at[2]);
    assert_int_equal(board_ring_next(board, 3, &other, &at[0], out, sizeof(out)), 1);
    assert_int_equal(out[0], '2');
    assert_int_equal(board_ring_next(board, 3, &other, &at[0], out, sizeof(out)), 1);
    assert_int_equal(out[0], '4');
    assert_int_equal(board_ring_next(board, 3, &other, &at[0], out, sizeof(out)), -1);
    assert_true(board_ring_put(board, 3, slice_of(big, sizeof(big)), slice_of(NULL, 0)));
    assert_false(board_ring_commit(board, 3, next, false));
    assert_true(board_ring_commit(board, 3, next, true));
    board_ring_done(board, 3, at[2]); // gone by now
    assert_int_equal(board_ring_next(board, 3, &next, &at[0], out, sizeof(out)), sizeof(big));
    board_ring_done(board, 3, at[0]);
    assert_true(board_ring_commit(board, 3, next, false));
    assert_int_equal(board->rings->rings[3].head, board->rings->rings[3].tail);
}

static void test_rate(void **state)
{
    struct board *board = *state;
    _Atomic uint64_t *cells = board_gauges(board, 1);
    uint64_t second = 1000000;
    assert_int_equal(board_rate_read(cells, 0), 0);
    assert_int_equal(board_rate_add(cells, 0, 1), 1);
    for (int i = 0; i < 100; i++) {
        board_rate_add(cells, 50 * second + (uint64_t)i * 10000, 1);
    }
    assert_int_equal(board_rate_read(cells, 50 * second + 999999), 100);
    assert_int_equal(board_rate_read(cells, 51 * second), 100);
    assert_int_equal(board_rate_read(cells, 51 * second + 500000), 50);
    assert_int_equal(board_rate_add(cells, 51 * second + 500000, 10), 60);
    assert_int_equal(board_rate_read(cells, 52 * second), 10);
    board_rate_add(cells, 51 * second + 999999, 5); // a process whose clock was read before
    assert_int_equal(board_rate_read(cells, 52 * second), 15);
    assert_int_equal(board_rate_read(cells, 53 * second), 0);
    board_rate_add(cells, 60 * second, UINT32_MAX);
    assert_int_equal(board_rate_add(cells, 60 * second, 1), UINT32_MAX);
}

int main(void)
{
    if (getenv("BOARD_FD"))
        return after_exec(getenv("BOARD_FD"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_file),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_adopt_other_core),
        cmocka_unit_test(test_adopt_other_layout),
        cmocka_unit_test(test_exec),
        cmocka_unit_test_setup_teardown(test_section, setup, teardown),
        cmocka_unit_test_setup_teardown(test_section_fork, setup, teardown),
        cmocka_unit_test_setup_teardown(test_incarnations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_news, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sections_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unborn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep_granted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep_dropped_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lanes_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lane_race, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_asleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_death, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_rebuild, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ring_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
