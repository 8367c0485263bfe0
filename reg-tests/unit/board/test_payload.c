// SPDX-License-Identifier: Apache-2.0
// Payloads: they are there until all have applied their change, and wiped then, whoever dies when.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>
#include "board/layout.h"
#include "board/payload.h"

enum { SECRET_LEN = 10000 };

struct rig {
    struct board *board;
    uint32_t self;   // a controller: this process
    uint32_t worker; // somebody who is slow to apply
    char secret[SECRET_LEN];
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    rig->board = board_new();
    rig->self = board_incarnation_take(rig->board, BOARD_ROLE_CONTROLLER, 0, 1);
    rig->worker = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    if (!board_incarnation_enter(rig->board, rig->worker) || !board_incarnation_enter(rig->board, rig->self))
        return -1;
    memset(rig->secret, 's', SECRET_LEN);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    board_free(rig->board);
    free(rig);
    return 0;
}

static uint64_t publish(struct rig *rig, uint64_t id)
{
    return board_journal_append(rig->board, 2, &id, sizeof(id));
}

static void apply(struct rig *rig, uint32_t inc)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    uint32_t type;
    size_t len;
    for (uint64_t number; (number = board_journal_next(rig->board, &type, data, &len, inc));)
        board_journal_applied(rig->board, inc, number);
}

static bool is_there(const struct rig *rig, uint64_t id)
{
    size_t len = 0;
    const char *bytes = board_payload_at(rig->board, id, &len);
    return bytes && len == SECRET_LEN && memcmp(bytes, rig->secret, SECRET_LEN) == 0;
}

// Nothing of any secret is anywhere in the first of the memory, where all of these tests' payloads go.
static bool is_wiped(const struct rig *rig)
{
    return !memchr(rig->board->payloads->data, 's', (size_t)SECRET_LEN * 70);
}

static void test_until_applied(void **state)
{
    struct rig *rig = *state;
    uint64_t id = board_payload_put(rig->board, rig->secret, SECRET_LEN);
    assert_true(is_there(rig, id));
    board_payloads_sweep(rig->board);
    assert_true(is_there(rig, id));
    uint64_t number = publish(rig, id);
    board_payload_tie(rig->board, id, number);
    apply(rig, rig->self);
    board_payloads_sweep(rig->board);
    assert_true(is_there(rig, id));
    apply(rig, rig->worker);
    board_payloads_sweep(rig->board);
    assert_false(is_there(rig, id));
    assert_true(is_wiped(rig));
    assert_int_equal(atomic_load(&rig->board->payloads->any), 0);
}

static void test_not_published(void **state)
{
    struct rig *rig = *state;
    uint64_t id = board_payload_put(rig->board, rig->secret, SECRET_LEN);
    board_payload_tie(rig->board, id, 0);
    assert_false(is_there(rig, id));
    assert_true(is_wiped(rig));
    // An id is of one payload, for ever.
    uint64_t other = board_payload_put(rig->board, rig->secret, SECRET_LEN);
    assert_int_not_equal(other, id);
    assert_false(is_there(rig, id));
    board_payload_tie(rig->board, other, 0);
}

static void test_room(void **state)
{
    struct rig *rig = *state;
    uint64_t ids[BOARD_PAYLOADS];
    assert_int_equal(board_payload_put(rig->board, rig->secret, 0), 0);
    assert_int_equal(board_payload_put(rig->board, rig->secret, BOARD_PAYLOADS_LEN + 1), 0);
    for (size_t i = 0; i < BOARD_PAYLOADS; i++)
        assert_int_not_equal(ids[i] = board_payload_put(rig->board, rig->secret, SECRET_LEN), 0);
    assert_int_equal(board_payload_put(rig->board, rig->secret, SECRET_LEN), 0);
    // What was in the middle is used again, and the others stay whole.
    board_payload_tie(rig->board, ids[5], 0);
    ids[5] = board_payload_put(rig->board, rig->secret, SECRET_LEN);
    for (size_t i = 0; i < BOARD_PAYLOADS; i++)
        assert_true(is_there(rig, ids[i]));
    for (size_t i = 0; i < BOARD_PAYLOADS; i++)
        board_payload_tie(rig->board, ids[i], 0);
    assert_true(is_wiped(rig));
    char *large = calloc(1, BOARD_PAYLOADS_LEN);
    assert_non_null(large);
    uint64_t id = board_payload_put(rig->board, large, BOARD_PAYLOADS_LEN);
    assert_int_not_equal(id, 0);
    assert_int_equal(board_payload_put(rig->board, rig->secret, 1), 0);
    board_payload_tie(rig->board, id, 0);
    free(large);
}

// A controller that dies: where its change was published, those who have not applied it still need the bytes.
static void die(struct rig *rig, bool publishes)
{
    uint32_t inc = board_incarnation_take(rig->board, BOARD_ROLE_CONTROLLER, 1, 1);
    pid_t pid = fork();
    if (pid == 0) {
        board_incarnation_enter(rig->board, inc);
        uint64_t id = board_payload_put(rig->board, rig->secret, SECRET_LEN);
        if (publishes)
            publish(rig, id);
        _exit(id != 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    board_payloads_sweep(rig->board);
    assert_true(is_there(rig, rig->board->payloads->last_id));
    board_incarnation_dead(rig->board, inc);
}

static void test_death_before(void **state)
{
    struct rig *rig = *state;
    die(rig, false);
    board_payloads_sweep(rig->board);
    assert_true(is_wiped(rig));
}

static void test_death_between(void **state)
{
    struct rig *rig = *state;
    die(rig, true);
    board_payloads_sweep(rig->board);
    apply(rig, rig->self);
    board_payloads_sweep(rig->board);
    assert_true(is_there(rig, rig->board->payloads->last_id));
    apply(rig, rig->worker);
    board_payloads_sweep(rig->board);
    assert_true(is_wiped(rig));
}

// Who applies for ever is not waited for once it is dead.
static void test_death_of_reader(void **state)
{
    struct rig *rig = *state;
    uint64_t id = board_payload_put(rig->board, rig->secret, SECRET_LEN);
    board_payload_tie(rig->board, id, publish(rig, id));
    apply(rig, rig->self);
    board_incarnation_dead(rig->board, rig->worker);
    board_payloads_sweep(rig->board);
    assert_true(is_wiped(rig));
}

// Core dumps leave the bytes out, and no other process than those of the board maps them.
static void test_no_dump(void **state)
{
    const struct rig *rig = *state;
    char line[512], want[64];
    bool found = false, in_it = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            in_it =
                (unsigned long)rig->board->payloads->data >= start && (unsigned long)rig->board->payloads->data < end;
        if (in_it && sscanf(line, "VmFlags:%63[^\n]", want) == 1)
            found = strstr(want, " dd") != NULL;
    }
    fclose(maps);
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_until_applied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_published, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_death_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_death_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_death_of_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_dump, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
