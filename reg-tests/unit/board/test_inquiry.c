// SPDX-License-Identifier: Apache-2.0
// Questions to other processes: answers of any length, in any rhythm of reading, and what becomes of them when either
// side dies, stands still or gives up. Each answer is a run of bytes that follows from the question alone, so that a
// mix-up of two shows in any byte.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/text.h"
#include "board/inquiry.h"
#include "board/layout.h"

#define KIND_BYTES BOARD_INQUIRY_SESSIONS    // as many as asked for
#define KIND_NEVER BOARD_INQUIRY_DESCRIPTORS // goes on for ever without a word
#define KIND_NONE  BOARD_INQUIRY_POOLS       // nobody answers that here

enum {
    PIECE = 5000,
    WAIT_US = 20000000, // on a machine that does something else: no test waits that long
    RACE_US = 1500000,
    RACE_ASKERS = 3,
};

struct question {
    uint32_t seed;
    uint32_t len;
};

// What the processes tell each other beside the board.
static struct shared {
    _Atomic uint32_t open; // states of inquiries that were not ended
    _Atomic uint32_t turns;
    _Atomic uint32_t answered;
} * shared;

static char byte_at(uint32_t seed, uint32_t at)
{
    uint32_t mixed = (seed + at / 7) * 2654435761u;
    return (char)(mixed >> 24 ^ at);
}

static bool bytes_run(struct board_inquiry *inquiry)
{
    const struct question *question = inquiry->question;
    uint32_t *done = inquiry->state;
    if (!done) {
        done = inquiry->state = calloc(1, sizeof(*done));
        atomic_fetch_add(&shared->open, 1);
    }
    assert_int_equal(inquiry->question_len, sizeof(*question));
    for (uint32_t i = 0; i < PIECE && *done < question->len; i++, ++*done) {
        char byte = byte_at(question->seed, *done);
        text_add(&inquiry->out, &byte, 1);
    }
    atomic_fetch_add(&shared->turns, 1);
    return *done < question->len;
}

static bool never_run(struct board_inquiry *inquiry)
{
    if (!inquiry->state) {
        inquiry->state = calloc(1, 1);
        atomic_fetch_add(&shared->open, 1);
    }
    return true;
}

static void state_end(struct board_inquiry *inquiry)
{
    if (inquiry->state)
        atomic_fetch_sub(&shared->open, 1);
    free(inquiry->state);
}

static const struct board_inquiry_kind bytes_kind = { .type = KIND_BYTES, .run = bytes_run, .end = state_end };
static const struct board_inquiry_kind never_kind = { .type = KIND_NEVER, .run = never_run, .end = state_end };
BOARD_INQUIRY(bytes_kind);
BOARD_INQUIRY(never_kind);

static int setup(void **state)
{
    struct board *board = board_new();
    uint32_t self = board ? board_incarnation_take(board, BOARD_ROLE_CONTROLLER, 0, 1) : 0;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *state = board;
    return self && shared != MAP_FAILED && board_incarnation_enter(board, self) ? 0 : -1;
}

static int teardown(void **state)
{
    board_free(*state);
    munmap(shared, sizeof(*shared));
    return 0;
}

// A process that answers, its number in `*inc`.
static pid_t worker_start(struct board *board, uint32_t *inc)
{
    *inc = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    assert_true(*inc);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        // Only one that has entered is asked.
        for (uint64_t end = clock_mono_us() + WAIT_US; !atomic_load(&board_incarnation_at(board, *inc)->pid);) {
            assert_true(clock_mono_us() < end);
            usleep(100);
        }
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!board_incarnation_enter(board, *inc))
        _exit(1);
    for (;;) {
        board_inquiries_run(board, *inc, shared);
        usleep(50);
    }
}

static void worker_end(struct board *board, pid_t pid, uint32_t inc)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    board_incarnation_dead(board, inc);
}

static uint32_t ask(struct board *board, uint32_t inc, uint32_t seed, uint32_t len)
{
    struct question question = { seed, len };
    return board_inquiry_ask(board, inc, KIND_BYTES, &question, sizeof(question));
}

// Reads until there is no more, at most once every `pause_us`; what came is right as far as it goes. Gives its length.
static uint32_t read_all(struct board *board, uint32_t inquiry, uint32_t seed, uint32_t pause_us,
                         enum board_inquiry_state *how)
{
    uint64_t end = clock_mono_us() + WAIT_US;
    uint32_t len = 0;
    do {
        struct text text;
        text_init(&text);
        *how = board_inquiry_look(board, inquiry);
        size_t came = board_inquiry_read(board, inquiry, &text);
        assert_int_equal(text.len, came);
        for (size_t i = 0; i < text.len; i++, len++)
            if (text.ptr[i] != byte_at(seed, len))
                fail_msg("byte %u of the answer is another one's", len);
        text_fini(&text);
        if (*how == BOARD_INQUIRY_RUNS)
            usleep(pause_us);
        assert_true(clock_mono_us() < end);
    } while (*how == BOARD_INQUIRY_RUNS);
    return len;
}

static void expect_open(uint32_t num)
{
    for (uint64_t end = clock_mono_us() + WAIT_US; atomic_load(&shared->open) != num;) {
        assert_true(clock_mono_us() < end);
        usleep(100);
    }
}

static void test_answers(void **state)
{
    static const uint32_t lens[] = { 0,
                                     1,
                                     PIECE,
                                     PIECE + 1,
                                     BOARD_INQUIRY_ROOM - 1,
                                     BOARD_INQUIRY_ROOM,
                                     BOARD_INQUIRY_ROOM + 1,
                                     3 * BOARD_INQUIRY_ROOM + 17 };
    struct board *board = *state;
    enum board_inquiry_state how;
    uint32_t inc;
    pid_t pid = worker_start(board, &inc);
    for (uint32_t i = 0; i < NUM_ITEMS(lens); i++) {
        // Read as it comes, and so slowly that the ring is full in between and wraps at another place each time.
        for (uint32_t pause_us = 20; pause_us <= 2000; pause_us *= 10) {
            uint32_t inquiry = ask(board, inc, i + pause_us, lens[i]);
            assert_true(inquiry);
            assert_int_equal(read_all(board, inquiry, i + pause_us, pause_us, &how), lens[i]);
            assert_int_equal(how, BOARD_INQUIRY_DONE);
            board_inquiry_end(board, inquiry);
        }
    }
    expect_open(0);
    // What nobody here can answer has no answer; what is too long is no question.
    uint32_t inquiry = board_inquiry_ask(board, inc, KIND_NONE, NULL, 0);
    assert_int_equal(read_all(board, inquiry, 0, 20, &how), 0);
    assert_int_equal(how, BOARD_INQUIRY_DONE);
    board_inquiry_end(board, inquiry);
    assert_int_equal(board_inquiry_ask(board, inc, KIND_BYTES, board, BOARD_INQUIRY_QUESTION + 1), 0);
    worker_end(board, pid, inc);
    assert_int_equal(ask(board, inc, 1, 1), 0);
}

// Whoever does not read, or gives up, costs the one asked neither time nor, for good, a place.
static void test_gives_up(void **state)
{
    struct board *board = *state;
    uint32_t inc, slow, silent;
    pid_t pid = worker_start(board, &inc);
    slow = ask(board, inc, 5, 10 * BOARD_INQUIRY_ROOM);
    silent = board_inquiry_ask(board, inc, KIND_NEVER, NULL, 0);
    expect_open(2);
    for (uint64_t end = clock_mono_us() + WAIT_US; !atomic_load(&board->inquiries->asks[slow - 1].is_full);) {
        assert_true(clock_mono_us() < end);
        usleep(100);
    }
    uint32_t turns = atomic_load(&shared->turns);
    usleep(20000);
    assert_int_equal(atomic_load(&shared->turns), turns);
    board_inquiry_end(board, slow);
    expect_open(1);
    board_inquiry_end(board, silent);
    expect_open(0);
    // The places are taken again: the lowest first.
    uint32_t again = ask(board, inc, 6, 100);
    enum board_inquiry_state how;
    assert_int_equal(again, slow);
    assert_int_equal(read_all(board, again, 6, 20, &how), 100);
    board_inquiry_end(board, again);
    worker_end(board, pid, inc);
}

static void test_many(void **state)
{
    struct board *board = *state;
    uint32_t asked[BOARD_INQUIRIES], inc;
    enum board_inquiry_state how;
    pid_t pid = worker_start(board, &inc);
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++)
        assert_true(asked[i] = ask(board, inc, i, i % 2 ? 3 * BOARD_INQUIRY_ROOM : i));
    assert_int_equal(ask(board, inc, 1, 1), 0);
    // In any order: one that is not read holds no other up.
    for (uint32_t i = BOARD_INQUIRIES; i--;) {
        assert_int_equal(read_all(board, asked[i], i, 20, &how), i % 2 ? 3 * BOARD_INQUIRY_ROOM : i);
        assert_int_equal(how, BOARD_INQUIRY_DONE);
        board_inquiry_end(board, asked[i]);
    }
    expect_open(0);
    // Nor do those that never end.
    for (uint32_t i = 0; i < BOARD_INQUIRIES - 1; i++)
        assert_true(asked[i] = board_inquiry_ask(board, inc, KIND_NEVER, NULL, 0));
    uint32_t last = ask(board, inc, 9, BOARD_INQUIRY_ROOM * 2);
    assert_int_equal(read_all(board, last, 9, 20, &how), BOARD_INQUIRY_ROOM * 2);
    board_inquiry_end(board, last);
    for (uint32_t i = 0; i < BOARD_INQUIRIES - 1; i++)
        board_inquiry_end(board, asked[i]);
    expect_open(0);
    worker_end(board, pid, inc);
}

static void test_asked_dies(void **state)
{
    struct board *board = *state;
    uint32_t inc, other;
    enum board_inquiry_state how;
    pid_t pid = worker_start(board, &inc);
    uint32_t inquiry = ask(board, inc, 3, 100 * BOARD_INQUIRY_ROOM);
    expect_open(1);
    worker_end(board, pid, inc);
    atomic_store(&shared->open, 0);
    // What it had said is still there to be read, and nothing of who has its number now.
    pid = worker_start(board, &other);
    assert_int_equal(other, inc);
    uint32_t len = read_all(board, inquiry, 3, 20, &how);
    assert_int_equal(how, BOARD_INQUIRY_GONE);
    assert_true(len <= BOARD_INQUIRY_ROOM);
    board_inquiry_end(board, inquiry);
    assert_int_equal(ask(board, inc, 4, 10), inquiry);
    assert_int_equal(read_all(board, inquiry, 4, 20, &how), 10);
    assert_int_equal(how, BOARD_INQUIRY_DONE);
    board_inquiry_end(board, inquiry);
    worker_end(board, pid, inc);
}

// The one who asks is killed, with rings full and without.
static void test_asker_dies(void **state)
{
    struct board *board = *state;
    uint32_t inc;
    pid_t pid = worker_start(board, &inc);
    uint32_t asker = board_incarnation_take(board, BOARD_ROLE_CONTROLLER, 0, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!board_incarnation_enter(board, asker))
            _exit(1);
        for (uint32_t i = 0; i < BOARD_INQUIRIES; i++)
            if (!(i % 2 ? ask(board, inc, i, 9 * BOARD_INQUIRY_ROOM)
                        : board_inquiry_ask(board, inc, KIND_NEVER, NULL, 0)))
                _exit(2);
        for (;;)
            pause();
    }
    expect_open(BOARD_INQUIRIES);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ask(board, inc, 1, 1), 0);
    board_incarnation_dead(board, asker);
    expect_open(0);
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++) {
        enum board_inquiry_state how;
        uint32_t inquiry = ask(board, inc, i, 10);
        assert_int_equal(inquiry, 1);
        assert_int_equal(read_all(board, inquiry, i, 20, &how), 10);
        board_inquiry_end(board, inquiry);
    }
    worker_end(board, pid, inc);
}

// One that is stopped has its places until it goes on: it may be in the middle of writing.
static void test_stopped(void **state)
{
    struct board *board = *state;
    uint32_t inc, other;
    enum board_inquiry_state how;
    pid_t pid = worker_start(board, &inc);
    pid_t second = worker_start(board, &other);
    uint32_t inquiry = ask(board, inc, 7, 50 * BOARD_INQUIRY_ROOM);
    expect_open(1);
    int status;
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    board_inquiry_end(board, inquiry);
    uint32_t next = ask(board, other, 8, 1000);
    assert_int_not_equal(next, inquiry);
    assert_int_equal(read_all(board, next, 8, 20, &how), 1000);
    board_inquiry_end(board, next);
    kill(pid, SIGCONT);
    expect_open(0);
    assert_int_equal(ask(board, inc, 9, 1000), inquiry);
    assert_int_equal(read_all(board, inquiry, 9, 20, &how), 1000);
    board_inquiry_end(board, inquiry);
    worker_end(board, second, other);
    worker_end(board, pid, inc);
}

// A place that another has just claimed and not yet filled in stays that one's, whatever it was used for before.
static void test_claimed(void **state)
{
    struct board *board = *state;
    enum board_inquiry_state how;
    uint32_t inc;
    pid_t pid = worker_start(board, &inc);
    uint32_t inquiry = ask(board, inc, 1, 10);
    assert_int_equal(read_all(board, inquiry, 1, 20, &how), 10);
    assert_int_equal(how, BOARD_INQUIRY_DONE);
    board_inquiry_end(board, inquiry);
    _Atomic uint64_t *claim = &board->inquiries->asks[inquiry - 1].claim;
    uint64_t other = atomic_fetch_add(claim, UINT64_C(1) << 32) + (UINT64_C(1) << 32);
    uint32_t next = ask(board, inc, 2, 10);
    assert_int_not_equal(next, inquiry);
    assert_int_equal(atomic_load(claim), other);
    assert_int_equal(read_all(board, next, 2, 20, &how), 10);
    board_inquiry_end(board, next);
    worker_end(board, pid, inc);
}

// Asks whoever is there, and reads all, a part or nothing of the answers.
static void race_asker(struct board *board, uint32_t inc, const uint32_t *asked, uint32_t seed)
{
    if (!board_incarnation_enter(board, inc))
        _exit(1);
    for (uint32_t round = 1;; round++) {
        uint32_t mark = seed << 24 | round;
        uint32_t len = mark * 2654435761u >> 15;
        uint32_t inquiry = ask(board, asked[round % 2], mark, len);
        enum board_inquiry_state how = BOARD_INQUIRY_RUNS;
        if (!inquiry)
            continue;
        if (round % 3) {
            uint32_t got = read_all(board, inquiry, mark, 10, &how);
            if (got > len || (how == BOARD_INQUIRY_DONE && got != len))
                _exit(3);
            if (how == BOARD_INQUIRY_DONE)
                atomic_fetch_add(&shared->answered, 1);
        }
        board_inquiry_end(board, inquiry);
    }
}

// Places change hands between askers and those asked while both are killed at any moment.
static void test_race(void **state)
{
    struct board *board = *state;
    uint32_t workers[2], askers[RACE_ASKERS];
    pid_t pids[2 + RACE_ASKERS] = { 0 };
    uint32_t draw = 1, kills = 0;
    uint64_t end = clock_mono_us() + RACE_US;
    while (clock_mono_us() < end || atomic_load(&shared->answered) < 20) {
        for (uint32_t i = 0; i < 2; i++)
            if (!pids[i])
                pids[i] = worker_start(board, &workers[i]);
        for (uint32_t i = 2; i < 2 + RACE_ASKERS; i++) {
            if (pids[i])
                continue;
            askers[i - 2] = board_incarnation_take(board, BOARD_ROLE_CONTROLLER, 0, 1);
            pids[i] = fork();
            assert_true(pids[i] >= 0);
            if (!pids[i]) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                race_asker(board, askers[i - 2], workers, i + 10 * kills);
            }
        }
        draw = draw * 1664525u + 1013904223u;
        usleep(500 + draw % 5000);
        uint32_t at = (draw >> 16) % (2 + RACE_ASKERS);
        int status;
        kill(pids[at], SIGKILL);
        assert_int_equal(waitpid(pids[at], &status, 0), pids[at]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        board_incarnation_dead(board, at < 2 ? workers[at] : askers[at - 2]);
        pids[at] = 0;
        assert_true(++kills < 100000);
    }
    for (uint32_t i = 0; i < 2 + RACE_ASKERS; i++)
        if (pids[i])
            worker_end(board, pids[i], i < 2 ? workers[i] : askers[i - 2]);
    // Nothing is left behind.
    uint32_t inc;
    enum board_inquiry_state how;
    pid_t pid = worker_start(board, &inc);
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++)
        assert_int_equal(ask(board, inc, i, i), i + 1);
    for (uint32_t i = 0; i < BOARD_INQUIRIES; i++)
        assert_int_equal(read_all(board, i + 1, i, 20, &how), i);
    worker_end(board, pid, inc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asked_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asker_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claimed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
