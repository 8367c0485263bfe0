// SPDX-License-Identifier: Apache-2.0
// Processes that are killed at random instants while they put down payloads, write events and publish changes: whoever
// lives goes on, reads nothing torn, and loses no room. The queue, lanes and counters are test_board_kill's, answers to
// inquiries test_inquiry's.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "board/events.h"
#include "board/layout.h"
#include "board/payload.h"

enum { ROUNDS = 400, SLOTS = 16 };

struct rig {
    struct board *board;
    struct board_events *events;
    uint32_t self;
    unsigned seed;
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    rig->board = board_new();
    rig->events = board_events_open(rig->board, "ring/x", 1);
    rig->self = board_incarnation_take(rig->board, BOARD_ROLE_CONTROLLER, 0, 1);
    rig->seed = 1;
    *state = rig;
    return rig->events && board_incarnation_enter(rig->board, rig->self) ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    board_free(rig->board);
    free(rig);
    return 0;
}

// Has a process do `work` for ever, and kills it after a time that lets it do so some times, or not once.
static void kill_one(struct rig *rig, void (*work)(struct rig *rig, uint32_t i))
{
    uint32_t inc = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    assert_int_not_equal(inc, 0);
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (!board_incarnation_enter(rig->board, inc) || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (uint32_t i = 0;; i++)
            work(rig, i);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    for (volatile int i = rand_r(&rig->seed) % 100000; i > 0; i--)
        continue;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ready[0]);
    close(ready[1]);
    board_incarnation_dead(rig->board, inc);
}

// ---- payloads -----------------------------------------------------------------------------------------------------

static void apply_all(struct rig *rig, uint32_t inc)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    uint32_t type;
    size_t len;
    for (uint64_t number; (number = board_journal_next(rig->board, &type, data, &len, inc));)
        board_journal_applied(rig->board, inc, number);
}

static void put_payloads(struct rig *rig, uint32_t i)
{
    static char secret[9000];
    memset(secret, 's', sizeof(secret));
    uint64_t id = board_payload_put(rig->board, secret, 1 + i * 977 % sizeof(secret));
    uint64_t number = id && i % 3 ? board_journal_append(rig->board, 2, &id, sizeof(id)) : 0;
    if (id)
        board_payload_tie(rig->board, id, number);
    apply_all(rig, rig->board->self);
    board_payloads_sweep(rig->board);
}

// Whatever they had put down is wiped once it can be of no use, and its room is there again, all of it.
static void test_payloads(void **state)
{
    struct rig *rig = *state;
    struct board_payloads *payloads = rig->board->payloads;
    uint32_t num_held = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        kill_one(rig, put_payloads);
        num_held += atomic_load(&payloads->lock.owner) != 0;
        apply_all(rig, rig->self);
        board_payloads_sweep(rig->board);
        for (uint32_t i = 0; i < BOARD_PAYLOADS; i++)
            assert_int_equal(payloads->entries[i].id, 0);
        assert_null(memchr(payloads->data, 's', 16 * 9000));
    }
    char *all = calloc(1, BOARD_PAYLOADS_LEN);
    uint64_t id = board_payload_put(rig->board, all, BOARD_PAYLOADS_LEN);
    free(all);
    assert_int_not_equal(id, 0);
    board_payload_tie(rig->board, id, 0);
    print_message("payloads: %u of %d were killed with the lock\n", num_held, ROUNDS);
}

// ---- events -------------------------------------------------------------------------------------------------------

// A line says its length and is made of one letter, which tells a torn one.
static void put_events(struct rig *rig, uint32_t i)
{
    char text[BOARD_EVENT_MAX];
    size_t len = 20 + i * 37 % 900;
    memset(text, 'a' + (int)(i % 26), sizeof(text));
    int head = snprintf(text, 16, "%zu ", len);
    text[head] = text[len - 1];
    board_events_put(rig->board, rig->events, slice_of(text, len), slice_of(NULL, 0));
}

static void check_line(const char *text, int len)
{
    char *end;
    assert_int_equal(strtol(text, &end, 10), len);
    for (const char *c = end + 1; c < text + len; c++)
        assert_int_equal(*c, text[len - 1]);
}

// No line is torn, and after any death all slots take lines again.
static void test_events(void **state)
{
    struct rig *rig = *state;
    char text[BOARD_EVENT_MAX + 1];
    uint64_t lost = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        kill_one(rig, put_events);
        uint64_t end = board_events_end(rig->events), next = end > SLOTS ? end - SLOTS : 0;
        for (int len; (len = board_events_next(rig->board, rig->events, text, &next, &lost)) >= 0;) {
            text[len] = '\0';
            check_line(text, len);
        }
        for (uint32_t i = 0; i < SLOTS; i++)
            put_events(rig, i);
        next = board_events_end(rig->events) - SLOTS;
        lost = 0;
        for (uint32_t i = 0; i < SLOTS; i++) {
            int len = board_events_next(rig->board, rig->events, text, &next, &lost);
            text[len > 0 ? len : 0] = '\0';
            check_line(text, len);
        }
        assert_int_equal(lost, 0);
    }
    assert_int_equal(board_events_dropped(rig->events), 0);
}

// A slot in which somebody who lives stands still is nobody else's, whoever had it before and died.
static void test_event_standing(void **state)
{
    struct rig *rig = *state;
    uint32_t inc = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    pid_t pid = fork();
    if (pid == 0) {
        board_incarnation_enter(rig->board, inc);
        for (uint32_t i = 0;; i++)
            put_events(rig, i);
    }
    for (uint32_t round = 0; round < 40; round++) {
        struct timespec pause = { .tv_nsec = 100000 + rand_r(&rig->seed) % 300000 };
        nanosleep(&pause, NULL);
        kill(pid, SIGSTOP);
        assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
        for (uint32_t i = 0; i < 4 * SLOTS; i++)
            put_events(rig, i);
        char text[BOARD_EVENT_MAX + 1];
        uint64_t next = board_events_end(rig->events) - SLOTS;
        for (int len; (len = board_events_next(rig->board, rig->events, text, &next, NULL)) >= 0;) {
            text[len] = '\0';
            check_line(text, len);
        }
        kill(pid, SIGCONT);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    board_incarnation_dead(rig->board, inc);
}

// ---- the journal --------------------------------------------------------------------------------------------------

static void publish(struct rig *rig, uint32_t i)
{
    char data[600];
    size_t len = 1 + i * 31 % sizeof(data);
    memset(data, 'a' + (int)(i % 26), len);
    (void)board_journal_append(rig->board, (uint32_t)len, data, len);
    apply_all(rig, rig->board->self);
}

static bool is_woken(struct rig *rig, uint32_t inc)
{
    uint64_t value;
    struct pollfd pfd = { .fd = board_incarnation_at(rig->board, inc)->wake_fd, .events = POLLIN };
    return poll(&pfd, 1, 0) == 1 && read(pfd.fd, &value, sizeof(value)) == sizeof(value);
}

// What was published before a death is whole, has its number, and is told to those who sleep.
static void test_journal(void **state)
{
    struct rig *rig = *state;
    char data[BOARD_JOURNAL_ENTRY_MAX];
    uint32_t type, num_held = 0;
    uint64_t before = 0;
    size_t len;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        (void)is_woken(rig, rig->self);
        kill_one(rig, publish);
        num_held += board_lock_holder(&rig->board->journal->lock) != 0;
        if (board_journal_laggard(rig->board, atomic_load(&rig->board->journal->last)) == rig->self)
            assert_true(is_woken(rig, rig->self));
        for (uint64_t number; (number = board_journal_next(rig->board, &type, data, &len, rig->self)); before = number) {
            assert_true(!before || number == before + 1);
            assert_int_equal(type, len);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(data[i], data[0]);
            board_journal_applied(rig->board, rig->self, number);
        }
        assert_int_equal(board_journal_append(rig->board, 1, "x", 1), before + 1);
        apply_all(rig, rig->self);
        before++;
    }
    assert_int_equal(num_held, 0); // whoever cleans up gives it back
}

// One who says that it tells of a change, and dies before it has, leaves nobody asleep.
static void test_journal_untold(void **state)
{
    struct rig *rig = *state;
    uint32_t inc = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    struct board_incarnation *sleeper = board_incarnation_at(rig->board, rig->self);
    rig->board->self = inc;
    atomic_store(&sleeper->told, 1);
    assert_int_not_equal(board_journal_append(rig->board, 1, "x", 1), 0);
    assert_false(is_woken(rig, rig->self));
    rig->board->self = 0;
    board_incarnation_dead(rig->board, inc);
    assert_true(is_woken(rig, rig->self));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_payloads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_standing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_untold, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
