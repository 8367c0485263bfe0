// SPDX-License-Identifier: Apache-2.0
// Changes of lists by several processes at once, some of which are killed at any moment: all that live end with the
// same list, in the same order.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "board/board.h"
#include "expr/conv.h"
#include "table/change.h"

enum { NUM_WORKERS = 4, NUM_KILLS = 40, TURN_US = 2000 };

struct stage {
    struct board *board;
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct expr_list *list;
    uint32_t keeper;
    struct {
        pid_t pid;
        uint32_t inc;
    } workers[NUM_WORKERS];
    struct shared {
        _Atomic bool stop;
        _Atomic uint64_t num_published;
        _Atomic uint64_t num_not;
        _Atomic uint64_t sums[NUM_WORKERS];
    } * shared;
};

static struct stage stage;

static int set_up(void **state)
{
    (void)state;
    stage = (struct stage){ 0 };
    arena_init(&stage.arena);
    config_diag_init(&stage.diag, &stage.arena);
    config_init(&stage.config, &stage.arena, &stage.diag, NULL);
    assert_null(expr_list_load(&stage.list, &stage.config, SLICE("virt@x"), true));
    const char *error = NULL;
    assert_non_null(expr_list_index(stage.list, &error, &stage.config, EXPR_MATCH_BEG, false));
    stage.board = board_new();
    assert_non_null(stage.board);
    stage.keeper = board_incarnation_take(stage.board, BOARD_ROLE_KEEPER, 0, 1);
    board_incarnation_enter(stage.board, stage.keeper);
    table_changes_enter(stage.board, stage.keeper);
    stage.shared = mmap(NULL, sizeof(*stage.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(stage.shared, MAP_FAILED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    board_free(stage.board);
    table_changes_enter(NULL, 0);
    config_fini(&stage.config);
    arena_fini(&stage.arena);
    munmap(stage.shared, sizeof(*stage.shared));
    return 0;
}

static bool add_to_sum(void *arg, struct slice key, struct slice value)
{
    uint64_t *sum = arg;
    for (size_t i = 0; i < key.len + value.len; i++)
        *sum = (*sum ^ (uint8_t)(i < key.len ? key.ptr[i] : value.ptr[i - key.len])) * UINT64_C(1099511628211);
    return true;
}

// Of the entries in their order.
static uint64_t sum_of(const struct expr_list *list)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    expr_list_each(list, add_to_sum, &sum);
    return sum;
}

static void changes_apply_all(void)
{
    while (table_changes_apply())
        ;
}

static void change_some(unsigned *seed)
{
    char key[16], value[16];
    snprintf(key, sizeof(key), "key%d", rand_r(seed) % 12);
    snprintf(value, sizeof(value), "%d", rand_r(seed));
    static const enum table_change_op ops[] = { TABLE_CHANGE_ENSURE, TABLE_CHANGE_ENSURE, TABLE_CHANGE_DEL,
                                                TABLE_CHANGE_ADD };
    struct table_change change = {
        .op = ops[rand_r(seed) % 4], .list = SLICE("virt@x"), .key = slice_str(key), .value = slice_str(value)
    };
    enum table_change_result result = table_change_publish(&change, NULL, NULL);
    struct slice now;
    bool is_there = expr_list_get(stage.list, change.key, &now);
    if (result == TABLE_CHANGE_DONE)
        atomic_fetch_add(&stage.shared->num_published, 1);
    else if (result != TABLE_CHANGE_NOTHING)
        atomic_fetch_add(&stage.shared->num_not, 1);
    // Nobody else's change comes between ours and our look unless it is newer.
    if (result == TABLE_CHANGE_FULL || (change.op == TABLE_CHANGE_DEL && result == TABLE_CHANGE_NOTHING && is_there))
        _exit(3);
}

static _Noreturn void work(uint32_t i)
{
    unsigned seed = (unsigned)getpid();
    board_incarnation_enter(stage.board, stage.workers[i].inc);
    table_changes_enter(stage.board, stage.workers[i].inc);
    while (!atomic_load(&stage.shared->stop)) {
        for (int n = rand_r(&seed) % 20; n > 0; n--)
            change_some(&seed);
        table_changes_apply();
        usleep((useconds_t)(rand_r(&seed) % TURN_US));
    }
    // All have stopped once the parent says so a second time: by stopping itself (SIGUSR1 ends the pause).
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &sig);
    changes_apply_all();
    atomic_store(&stage.shared->sums[i], sum_of(stage.list));
    _exit(0);
}

static void worker_fork(uint32_t i)
{
    stage.workers[i].inc = board_incarnation_take(stage.board, BOARD_ROLE_WORKER, i, 1);
    // What is applied between the taking and the fork is inherited, as the keeper has it (src/process/keeper_seats.c).
    table_changes_apply();
    board_journal_applied(stage.board, stage.workers[i].inc,
                          atomic_load(&board_incarnation_at(stage.board, stage.keeper)->applied));
    stage.workers[i].pid = fork();
    assert_true(stage.workers[i].pid >= 0);
    if (stage.workers[i].pid == 0)
        work(i);
}

static void killed_processes(void **state)
{
    (void)state;
    unsigned seed = 1;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        worker_fork(i);
    for (int n = 0; n < NUM_KILLS; n++) {
        usleep((useconds_t)(rand_r(&seed) % 20000));
        table_changes_apply();
        uint32_t i = (uint32_t)rand_r(&seed) % NUM_WORKERS;
        int status;
        kill(stage.workers[i].pid, SIGKILL);
        assert_int_equal(waitpid(stage.workers[i].pid, &status, 0), stage.workers[i].pid);
        assert_true(WIFSIGNALED(status));
        board_incarnation_dead(stage.board, stage.workers[i].inc);
        worker_fork(i);
    }
    atomic_store(&stage.shared->stop, true);
    usleep(50 * TURN_US);
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        kill(stage.workers[i].pid, SIGUSR1);
    for (uint32_t i = 0; i < NUM_WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(stage.workers[i].pid, &status, 0), stage.workers[i].pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    changes_apply_all();
    for (uint32_t i = 0; i < NUM_WORKERS; i++)
        assert_true(stage.shared->sums[i] == sum_of(stage.list));
    assert_true(atomic_load(&stage.shared->num_published) > NUM_KILLS);
    assert_int_equal(atomic_load(&stage.shared->num_not), 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void results(void **state)
{
    (void)state;
    static char big[5000];
    const char *wrong;
    uint64_t number;
    struct slice value;
    memset(big, 'k', sizeof(big));
    struct table_change change = {
        .op = TABLE_CHANGE_ENSURE, .list = SLICE("virt@x"), .key = SLICE("a"), .value = SLICE("1")
    };
    assert_int_equal(table_change_publish(&change, &wrong, &number), TABLE_CHANGE_DONE);
    assert_int_equal(number, 1);
    assert_int_equal(table_change_publish(&change, &wrong, &number), TABLE_CHANGE_NOTHING);
    assert_true(expr_list_get(stage.list, SLICE("a"), &value) && slice_equal(value, SLICE("1")));
    change.key = slice_of(big, sizeof(big));
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_TOO_LONG);
    change.key = slice_of(big, 3900);
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    change.list = SLICE("virt@y");
    assert_int_equal(table_change_publish(&change, &wrong, NULL), TABLE_CHANGE_WRONG);
    assert_non_null(strstr(wrong, "no such list"));
    change = (struct table_change){ .op = TABLE_CHANGE_ADD, .version = 1, .list = SLICE("virt@x"), .key = SLICE("n") };
    assert_int_equal(table_change_publish(&change, &wrong, NULL), TABLE_CHANGE_WRONG);
    assert_non_null(strstr(wrong, "no such version"));
    assert_int_equal(table_changes_counts()->num_wrong, 2);
    assert_int_equal(table_changes_counts()->num_too_long, 1);
    change = (struct table_change){ .op = TABLE_CHANGE_PREPARE, .list = SLICE("#0") };
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    change = (struct table_change){ .op = TABLE_CHANGE_ADD, .version = 1, .list = SLICE("virt@x"), .key = SLICE("n") };
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    assert_false(expr_list_get(stage.list, SLICE("n"), &value));
    change.op = TABLE_CHANGE_COMMIT;
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    assert_true(expr_list_get(stage.list, SLICE("n"), &value));
    assert_int_equal(expr_list_num(stage.list), 1);
    // A process that stands still fills the journal: told, counted, and nothing is changed here either.
    uint32_t asleep = board_incarnation_take(stage.board, BOARD_ROLE_WORKER, 0, 1);
    change = (struct table_change){ .op = TABLE_CHANGE_ENSURE, .list = SLICE("virt@x"), .key = SLICE("n") };
    enum table_change_result result;
    uint32_t num = 0;
    char text[16];
    do {
        snprintf(text, sizeof(text), "%u", ++num);
        change.value = slice_str(text);
        result = table_change_publish(&change, NULL, NULL);
    } while (result == TABLE_CHANGE_DONE && num < 100000);
    assert_int_equal(result, TABLE_CHANGE_FULL);
    assert_true(num > 30000);
    assert_int_equal(table_changes_counts()->num_full, 1);
    assert_true(expr_list_get(stage.list, SLICE("n"), &value) && (uint32_t)atoi(value.ptr) == num - 1);
    board_incarnation_dead(stage.board, asleep);
    assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
}

// What another generation changes reaches lists of the same name and kind alone.
static void generations(void **state)
{
    (void)state;
    struct slice value;
    const char *error = NULL;
    struct expr_list *acl;
    assert_null(expr_list_load(&acl, &stage.config, SLICE("virt@acl"), false));
    assert_non_null(expr_list_index(acl, &error, &stage.config, EXPR_MATCH_STR, false));
    struct expr_patterns *set = expr_patterns_new(&stage.arena, EXPR_MATCH_STR);
    assert_null(expr_patterns_add(set, SLICE("mine"), false));
    assert_null(expr_list_from_line(&stage.config, set, EXPR_MATCH_STR, false, SLICE("path"),
                                    (struct config_place){ .file = "x", .line = 1 }, NULL));
    struct expr_list *line = expr_list_find(SLICE("#2"));
    assert_non_null(line);
    // As the next generation's worker would publish it, seen by ours.
    uint32_t next = board_incarnation_take(stage.board, BOARD_ROLE_WORKER, 0, 2);
    table_changes_enter(stage.board, next);
    static const struct {
        const char *list;
        uint32_t version;
    } cases[] = { { "virt@x", 0 }, { "virt@acl", 0 }, { "#2", 0 }, { "#0", 0 }, { "virt@x", 1 } };
    struct table_change prepare = { .op = TABLE_CHANGE_PREPARE, .list = SLICE("virt@x") };
    assert_int_equal(table_change_publish(&prepare, NULL, NULL), TABLE_CHANGE_DONE);
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        char key[16];
        snprintf(key, sizeof(key), "theirs%zu", i);
        struct table_change change = {
            .op = TABLE_CHANGE_ADD, .version = cases[i].version, .list = slice_str(cases[i].list), .key = slice_str(key)
        };
        assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    }
    expr_list_clear(stage.list, 0);
    expr_list_clear(acl, 0);
    assert_true(expr_list_del(line, 0, SLICE("theirs2")));
    expr_list_clear(stage.list, 1);
    table_changes_enter(stage.board, stage.keeper);
    while (table_changes_apply())
        ;
    assert_int_equal(expr_list_num(stage.list), 2);
    assert_true(expr_list_get(stage.list, SLICE("theirs0"), &value));
    assert_true(expr_list_get(stage.list, SLICE("theirs3"), &value));
    assert_true(expr_list_get(acl, SLICE("theirs1"), &value) && expr_list_num(acl) == 1);
    assert_false(expr_list_get(line, SLICE("theirs2"), &value));
    assert_int_equal(expr_list_version_next(stage.list), 1);
    assert_true(expr_list_commit(stage.list, 1) && expr_list_num(stage.list) == 0);
    // A turn takes a part of many, and says so.
    table_changes_enter(stage.board, next);
    char text[16];
    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        struct table_change change = { .op = TABLE_CHANGE_ADD, .list = SLICE("virt@x"), .key = slice_str(text) };
        change.key = slice_str(text);
        assert_int_equal(table_change_publish(&change, NULL, NULL), TABLE_CHANGE_DONE);
    }
    expr_list_clear(stage.list, 0);
    table_changes_enter(stage.board, stage.keeper);
    assert_true(table_changes_apply());
    uint32_t num = expr_list_num(stage.list);
    assert_true(num > 0 && num < 2000);
    while (table_changes_apply())
        ;
    assert_int_equal(expr_list_num(stage.list), 2000);
    // A list of that name that is of another kind here is not theirs to change.
    struct table_change change = { .op = TABLE_CHANGE_CLEAR, .list = SLICE("virt@x") };
    char data[BOARD_JOURNAL_ENTRY_MAX];
    size_t len;
    uint32_t type, generation;
    uint64_t last;
    table_changes_enter(stage.board, next);
    assert_int_equal(table_change_publish(&change, NULL, &last), TABLE_CHANGE_DONE);
    assert_int_equal(board_journal_next(stage.board, &type, data, &len, stage.keeper), last);
    struct table_change seen;
    assert_true(table_change_read(&seen, &generation, data, len) && seen.is_map && generation == 0);
    board_incarnation_dead(stage.board, next);
    table_changes_enter(stage.board, stage.keeper);
}

static void malformed(void **state)
{
    (void)state;
    struct table_change change;
    uint32_t generation;
    char data[64] = { 0 };
    assert_false(table_change_read(&change, &generation, data, 3));
    assert_true(table_change_read(&change, &generation, data, 20));
    assert_false(table_change_read(&change, &generation, data, 21));
    data[0] = TABLE_CHANGE_NUM_OPS;
    assert_false(table_change_read(&change, &generation, data, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(results, set_up, tear_down),
        cmocka_unit_test_setup_teardown(generations, set_up, tear_down),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
