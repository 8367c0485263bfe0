// SPDX-License-Identifier: Apache-2.0
// The admin language over a real connection, with a board and a small configuration but no traffic.
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "admin/session.h"
#include "admin/stat.h"
#include "backend/state.h"
#include "base/check.h"
#include "board/board.h"
#include "proxy/counters.h"
#include "proxy/live.h"

struct fixture {
    struct event_loop loop;
    struct board *board;
    struct program_conf conf;
    struct proxy_conf fe;
    struct proxy_conf be;
    struct server_conf s1;
    struct server_conf s2;
    struct stats_socket_conf socket;
    struct admin *admin;
    uint64_t reload; // the last that was asked for
    bool reload_hard;
};

static bool ask_reload(void *owner, uint64_t id, bool hard)
{
    ((struct fixture *)owner)->reload = id;
    ((struct fixture *)owner)->reload_hard = hard;
    return true;
}

static const struct admin_ops ops = { .reload = ask_reload };

static void conf_make(struct fixture *f)
{
    f->s2 = (struct server_conf){ .backend = &f->be.be,
                                  .name = "s2",
                                  .id = 2,
                                  .weight = 1,
                                  .backup = true,
                                  .disabled = true,
                                  .pool_max_conn = -1,
                                  .object = board_object(f->board, "s/be/s2"),
                                  .pool_object = board_object(f->board, "c/be/s2") };
    f->s1 = (struct server_conf){ .backend = &f->be.be,
                                  .name = "s,1",
                                  .id = 1,
                                  .weight = 7,
                                  .maxconn = 5,
                                  .pool_max_conn = -1,
                                  .next = &f->s2,
                                  .object = board_object(f->board, "s/be/s1"),
                                  .pool_object = board_object(f->board, "c/be/s1") };
    assert_true(transport_address_parse_ip(&f->s1.addr, "::1"));
    f->s1.addr.port = 80;
    f->s2.addr = f->s1.addr;
    f->be = (struct proxy_conf){ .name = "be",
                                 .index = 1,
                                 .id = 3,
                                 .has_backend = true,
                                 .mode = PROXY_MODE_HTTP,
                                 .be_object = board_object(f->board, "b/be"),
                                 .be = { .proxy = &f->be, .servers = &f->s1, .num_servers = 2, .fullconn = 10 } };
    f->fe = (struct proxy_conf){ .name = "fe",
                                 .id = 2,
                                 .has_frontend = true,
                                 .mode = PROXY_MODE_HTTP,
                                 .next = &f->be,
                                 .fe = { .default_backend = &f->be, .maxconn = 95 },
                                 .fe_object = board_object(f->board, "f/fe") };
    f->conf = (struct program_conf){ .proxies = &f->fe,
                                     .num_proxies = 2,
                                     .global = { .maxconn = 100, .description = "a test", .stats_sockets = &f->socket },
                                     .object = board_object(f->board, "g/global"),
                                     .tls_object = board_object(f->board, "g/tls"),
                                     .vitals_object = board_object(f->board, "g/vitals"),
                                     .memory_object = board_object(f->board, "g/memory") };
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    board_program_version("1.2.3");
    f->board = board_new();
    assert_non_null(f->board);
    uint32_t inc = board_incarnation_take(f->board, BOARD_ROLE_CONTROLLER, 0, 1);
    board_incarnation_enter(f->board, inc);
    assert_true(event_loop_init(&f->loop));
    f->loop.max_sleep_us = 1000;
    event_loop_turn(&f->loop);
    conf_make(f);
    assert_true(backend_states_prepare(f->board));
    backend_states_adopt(&f->conf, f->board);
    proxy_live_begin(&f->conf);
    f->admin = admin_new(&(struct admin_start){ .loop = &f->loop,
                                                .conf = &f->conf,
                                                .board = f->board,
                                                .inc = inc,
                                                .generation = 1,
                                                .version = "1.2.3",
                                                .release_date = "2026/01/02",
                                                .startup_messages = "[WARNING]  one\n",
                                                .ops = &ops,
                                                .owner = f });
    assert_non_null(f->admin);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    admin_free(f->admin);
    event_loop_fini(&f->loop);
    board_free(f->board);
    free(f);
    return 0;
}

static int dial(struct fixture *f, uint8_t level, bool is_master)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    static const struct stats_socket_conf sockets[] = {
        { .level = 0 }, { .level = 1 }, { .level = 2 }, { .level = 3 }
    };
    assert_true(admin_session_new(f->admin, ends[1], &sockets[level], is_master));
    return ends[0];
}

// Sends `text` and gives all that comes back until the session closes, or until nothing comes any more.
static char *talk(struct fixture *f, bool *closed, int fd, const char *text)
{
    struct text got;
    char data[65536];
    text_init(&got);
    text_add(&got, "", 0);
    if (*text)
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    *closed = false;
    for (int quiet = 0; quiet < 3 && !*closed;) {
        event_loop_turn(&f->loop);
        ssize_t len = recv(fd, data, sizeof(data), MSG_DONTWAIT);
        *closed = len == 0;
        quiet = len > 0 ? 0 : quiet + 1;
        if (len > 0)
            text_add(&got, data, (size_t)len);
    }
    return got.ptr;
}

static char *ask(struct fixture *f, uint8_t level, const char *text)
{
    bool closed;
    int fd = dial(f, level, false);
    char *got = talk(f, &closed, fd, text);
    assert_true(closed);
    close(fd);
    return got;
}

static void expect(struct fixture *f, uint8_t level, const char *text, const char *answer)
{
    char *got = ask(f, level, text);
    assert_string_equal(got, answer);
    free(got);
}

static void expect_begins(struct fixture *f, const char *text, const char *answer)
{
    char *got = ask(f, ADMIN_LEVEL_ADMIN, text);
    if (strncmp(got, answer, strlen(answer)) != 0)
        assert_string_equal(got, answer);
    free(got);
}

static void test_line(void **state)
{
    (void)state;
    static const char line[] = " show\t stat a\\;b c\\ d\\\\;quit; ";
    const char *words[ADMIN_MAX_WORDS + 1];
    char *text;
    uint32_t num;
    size_t at = 0;
    assert_true(admin_line_next(&text, words, &num, &at, line, sizeof(line) - 1));
    assert_int_equal(num, 4);
    assert_string_equal(words[1], "stat");
    assert_string_equal(words[2], "a;b");
    assert_string_equal(words[3], "c d\\");
    assert_null(words[4]);
    free(text);
    assert_true(admin_line_next(&text, words, &num, &at, line, sizeof(line) - 1));
    assert_int_equal(num, 1);
    assert_string_equal(words[0], "quit");
    free(text);
    assert_true(admin_line_next(&text, words, &num, &at, line, sizeof(line) - 1));
    assert_int_equal(num, 0);
    assert_int_equal(at, sizeof(line) - 1);
    free(text);
    char many[3 * ADMIN_MAX_WORDS];
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = i % 2 ? ' ' : 'x';
    at = 0;
    assert_false(admin_line_next(&text, words, &num, &at, many, sizeof(many)));
    free(text);
}

static void test_payload_mark(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *before; // NULL: no payload
        const char *pattern;
    } cases[] = {
        { "a b <<", "a b", "" },
        { "a b <<\r", "a b", "" },
        { "a\t<<%EOF%", "a", "%EOF%" },
        { "a;b <<1234567", "a;b", "1234567" },
        { "a \\\\ <<x", "a \\\\", "x" },
        { " <<", "", "" },
        { "a <<12345678", NULL, NULL },
        { "a<<", NULL, NULL },
        { "<<", NULL, NULL },
        { "a <", NULL, NULL },
        { "a << ", NULL, NULL },
        { "a <<;b", NULL, NULL },
        { "a \\<<", NULL, NULL },
        { "a\\ <<", NULL, NULL },
        { "", NULL, NULL },
        { "\r", NULL, NULL },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        char pattern[ADMIN_PATTERN_MAX + 1];
        size_t len;
        bool is_one = admin_line_payload(&len, pattern, slice_str(cases[i].line));
        assert_int_equal(is_one, cases[i].before != NULL);
        if (!is_one)
            continue;
        assert_int_equal(len, strlen(cases[i].before));
        assert_string_equal(pattern, cases[i].pattern);
    }
}

static void test_one_line(void **state)
{
    expect(*state, ADMIN_LEVEL_USER, "show version\n", "1.2.3\n\n");
    expect(*state, ADMIN_LEVEL_USER, "  show   version \r\n", "1.2.3\n\n");
    expect(*state, ADMIN_LEVEL_USER, "show version;show cli level;\n", "1.2.3\n\nuser\n\n");
    expect(*state, ADMIN_LEVEL_USER, ";;show version\nshow version\n", "1.2.3\n\n1.2.3\n\n");
    expect(*state, ADMIN_LEVEL_USER, "quit;show version\n", "");
    expect_begins(*state, "\n", "Unknown command. Please enter one of the following commands only:\n  ");
    expect_begins(*state, "no-such-command\n", "Unknown command. Please enter");
    expect_begins(*state, "show versoin\n",
                  "Unknown command, but maybe one of the following ones is a better match:\n");
    expect_begins(*state, "reload\n", "Unknown command");
    expect_begins(*state, "help show stat\n",
                  "The following commands are valid at this level:\n"
                  "  show stat [desc|json|no-maint|typed|up]*: report on each proxy and server\n  help ");
}

static void test_cut_line(void **state)
{
    struct fixture *f = *state;
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    char *got = talk(f, &closed, fd, "show vers");
    assert_string_equal(got, "");
    assert_false(closed);
    free(got);
    got = talk(f, &closed, fd, "ion\n");
    assert_string_equal(got, "1.2.3\n\n");
    free(got);
    close(fd);
    fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    free(talk(f, &closed, fd, "show version"));
    shutdown(fd, SHUT_WR);
    got = talk(f, &closed, fd, "");
    assert_string_equal(got, "");
    assert_true(closed);
    free(got);
    close(fd);
}

static void test_long_line(void **state)
{
    struct fixture *f = *state;
    char line[20000];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    expect(f, ADMIN_LEVEL_ADMIN, line, "A line has at most 16383 bytes.\n\n");
}

static void test_levels(void **state)
{
    expect(*state, ADMIN_LEVEL_USER, "show env\n", "Permission denied\n\n");
    expect(*state, ADMIN_LEVEL_OPERATOR, "show env NO_SUCH\n", "Variable not found\n\n");
    expect(*state, ADMIN_LEVEL_ADMIN, "operator;show cli level;user;show cli level;operator\n",
           "\noperator\n\n\nuser\n\nPermission denied\n\n");
    setenv("FAIRLEAD_TEST", "a b", 1);
    expect(*state, ADMIN_LEVEL_OPERATOR, "show env FAIRLEAD_TEST\n", "FAIRLEAD_TEST=a b\n\n");
}

static void test_prompt(void **state)
{
    struct fixture *f = *state;
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    char *got = talk(f, &closed, fd, "prompt\nshow version\n\nprompt i\nshow version\nprompt n\nshow version\n");
    assert_string_equal(got, "\n> 1.2.3\n\n> > \n1.2.3\n\n\n");
    assert_true(closed);
    free(got);
    close(fd);
    fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    got = talk(f, &closed, fd, "prompt timed\nquit\n");
    assert_string_equal(got, "\n[0:00:00:00]> ");
    assert_true(closed);
    free(got);
    close(fd);
}

static void test_reload(void **state)
{
    struct fixture *f = *state;
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    char *got = talk(f, &closed, fd, "show version\nreload\n");
    assert_string_equal(got, "1.2.3\n\n");
    assert_false(closed);
    free(got);
    admin_latest(f->admin, 1, 1, false, "b", 1);
    admin_latest(f->admin, 1, 1, true, "ad", 2);
    admin_reloaded(f->admin, f->reload, false);
    got = talk(f, &closed, fd, "");
    assert_string_equal(got, "Success=0\n--\nbad\n\n");
    assert_true(closed);
    free(got);
    close(fd);
    fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    got = talk(f, &closed, fd, "prompt\n");
    assert_string_equal(got, "master[ReloadFailed]> ");
    free(got);
    close(fd);
    event_loop_turn(&f->loop);
}

// What the master's socket answers to `text`, whether it closes or not.
static void expect_master(struct fixture *f, bool closes, const char *text, const char *answer)
{
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    char *got = talk(f, &closed, fd, text);
    assert_string_equal(got, answer);
    assert_int_equal(closed, closes);
    free(got);
    close(fd);
    event_loop_turn(&f->loop);
}

static void expect_master_begins(struct fixture *f, const char *text, const char *answer)
{
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    char *got = talk(f, &closed, fd, text);
    if (strncmp(got, answer, strlen(answer)) != 0)
        assert_string_equal(got, answer);
    free(got);
    close(fd);
    event_loop_turn(&f->loop);
}

static uint32_t worker_make(struct fixture *f, uint32_t slot, uint32_t generation, int32_t pid)
{
    uint32_t inc = board_incarnation_take(f->board, BOARD_ROLE_WORKER, slot, generation);
    atomic_store(&board_incarnation_at(f->board, inc)->pid, pid);
    return inc;
}

// A process that is meant by a prefix must be there; else nothing that follows is obeyed.
static void test_targets(void **state)
{
    struct fixture *f = *state;
    worker_make(f, 0, 1, 4001);
    uint32_t second = worker_make(f, 1, 1, 4002);
    worker_make(f, 0, 0, 4000);
    expect_master(f, false, "prompt\n@1\n@2\n@!4000\n@\n@!4001\n@0\n@2\n@master\n",
                  "master> 4001> 4002> 4000> master> 4001> master> 4002> master> ");
    expect_master(f, false, "@1 show version;show version;@!4000 show version\n", "1.2.3\n\n1.2.3\n\n1.2.3\n\n");
    static const char *const wrong[] = { "@3", "@!1", "@x", "@1x", "@-1", "@!", "@!!4001", "@99999999999", "@!0" };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++) {
        char line[64];
        char answer[128];
        snprintf(line, sizeof(line), "%s show version;show version\n", wrong[i]);
        snprintf(answer, sizeof(answer), "Can't find the target PID matching the prefix '%s'\n", wrong[i]);
        expect_master(f, true, line, answer);
    }
    expect_master_begins(f, "@1 @2 show version\n", "Unknown command");
    expect_master_begins(f, "@1 show proc\n", "'show proc' is no matter of one worker;");
    expect_master_begins(f, "@2 show info\n",
                         "Name: fairlead\nVersion: 1.2.3\nRelease_date: 2026/01/02\nNbthread: 1\nNbproc: 1\n"
                         "Process_num: 2\nPid: 4002\nUptime: ");
    // Only on the master's socket.
    expect_begins(f, "@1 show version\n", "Unknown command");

    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    free(talk(f, &closed, fd, "@2\n"));
    board_incarnation_dead(f->board, second);
    worker_make(f, 1, 1, 4003);
    char *got = talk(f, &closed, fd, "show version\n");
    assert_string_equal(got, "Can't find the target PID matching the prefix '@!4002'\n");
    assert_true(closed);
    free(got);
    close(fd);
}

// The timed prompt tells how long the process has lived that commands are for.
static void test_uptime(void **state)
{
    struct fixture *f = *state;
    uint64_t day_us = 86400000000, hour_us = 3600000000, now_us = f->loop.wall_us;
    uint32_t first = worker_make(f, 0, 1, 4001);
    uint32_t second = worker_make(f, 1, 1, 4002);
    uint32_t master = board_incarnation_take(f->board, BOARD_ROLE_MASTER, 0, 0);
    board_incarnation_at(f->board, first)->started_wall_us = now_us - day_us - hour_us - 61500000;
    board_incarnation_at(f->board, second)->started_wall_us = now_us + hour_us;
    board_incarnation_at(f->board, master)->started_wall_us = now_us - 3 * hour_us - 500000;
    expect_master(f, false, "prompt timed\n@1\n@2\n@\nprompt timed\n",
                  "[0:03:00:00] master> [1:01:01:01] 4001> [0:00:00:00] 4002> [0:03:00:00] master> master> ");
}

// `@@` hands over the rest of the line, or all lines until quit.
static void test_inside(void **state)
{
    struct fixture *f = *state;
    worker_make(f, 0, 1, 4001);
    expect_master(f, false, "prompt\n@@1 show version;show version\n", "master> 1.2.3\n\n1.2.3\n\nmaster> ");
    expect_master(f, false, "prompt\n@@1\nshow version\nquit\nshow version\n",
                  "master> 4001> 1.2.3\n\n4001> master> 1.2.3\n\nmaster> ");
    expect_master_begins(f, "@@1 @ show version\n", "Unknown command");
    expect_master(f, false, "@@1 quit; show version\nshow version\n", "1.2.3\n\n");
    expect_master(f, true, "@@1\nquit\nquit\nshow version\n", "");
    expect_master(f, true, "@@7\nshow version\n", "Can't find the target PID matching the prefix '@@7'\n");
}

static void test_modes(void **state)
{
    struct fixture *f = *state;
    worker_make(f, 0, 1, 4001);
    expect_master(f, false, "prompt\nexpert-mode on\nexperimental-mode on\nmcli-debug-mode on\n@1\nexpert-mode off\n",
                  "master> master(e)> master(xe)> master(xed)> 4001(xed)> 4001(xd)> ");
    expect_master(f, false, "prompt\nexpert-mode on\noperator\nexpert-mode\n",
                  "master> master(e)> master> Permission denied\n\nmaster> ");
    expect(f, ADMIN_LEVEL_ADMIN, "expert-mode;expert-mode on;expert-mode;experimental-mode\n",
           "expert-mode is OFF\n\n\nexpert-mode is ON\n\nexperimental-mode is OFF\n\n");
    expect(f, ADMIN_LEVEL_OPERATOR, "expert-mode on\n", "Permission denied\n\n");
    expect_begins(f, "expert-mode maybe\n", "'expert-mode' does not take 'maybe'.");
    expect_begins(f, "mcli-debug-mode on\n", "Unknown command");
    // Commands of workers are listed on the master's socket where they were asked for.
    expect_master_begins(f, "help\n",
                         "The following commands are valid at this level:\n"
                         "  @!<pid>                                 : send a command to the <pid> process\n");
    bool closed;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, true);
    char *got = talk(f, &closed, fd, "help\n");
    assert_null(strstr(got, "show stat"));
    assert_non_null(strstr(got, "  hard-reload "));
    assert_null(strstr(got, "expert-mode"));
    free(got);
    got = talk(f, &closed, fd, "mcli-debug-mode on;help\n");
    assert_non_null(strstr(got, "  show stat "));
    free(got);
    got = talk(f, &closed, fd, "@1 help\n");
    assert_non_null(strstr(got, "  show stat "));
    assert_null(strstr(got, "reload"));
    assert_null(strstr(got, "@!<pid>"));
    free(got);
    close(fd);
}

static void test_startup_logs(void **state)
{
    struct fixture *f = *state;
    worker_make(f, 0, 1, 4001);
    worker_make(f, 0, 0, 4000);
    admin_latest(f->admin, 3, 1, false, "[ALERT]    two\n", 15);
    expect(f, ADMIN_LEVEL_OPERATOR, "show startup-logs\n", "[WARNING]  one\n\n");
    expect_master(f, false, "show startup-logs;@1 show startup-logs\n", "[ALERT]    two\n\n[WARNING]  one\n\n");
    expect_master(f, false, "@!4000 show startup-logs\n", "The messages of an old generation are no longer known.\n\n");
}

static void test_hard_reload(void **state)
{
    struct fixture *f = *state;
    bool closed;
    int first = dial(f, ADMIN_LEVEL_OPERATOR, true);
    int second = dial(f, ADMIN_LEVEL_OPERATOR, true);
    int gone = dial(f, ADMIN_LEVEL_OPERATOR, true);
    free(talk(f, &closed, first, "reload\n"));
    assert_false(f->reload_hard);
    free(talk(f, &closed, second, "hard-reload;show version\n"));
    assert_true(f->reload_hard);
    free(talk(f, &closed, gone, "reload\n"));
    assert_int_equal(f->reload, 3);
    assert_int_equal(f->admin->num_master_sessions, 3);
    close(gone);
    event_loop_turn(&f->loop);
    assert_int_equal(f->admin->num_master_sessions, 2);
    // Far more than a socket takes at once.
    struct text big;
    text_init(&big);
    for (int i = 0; i < 10000; i++)
        text_printf(&big, "[ALERT]    a line of which there are very many, number %d\n", i);
    admin_latest(f->admin, 1, 0, false, big.ptr, big.len);
    admin_reloaded(f->admin, 1, true);
    admin_leave(f->admin);
    assert_false(admin_is_idle(f->admin));
    char *got = talk(f, &closed, first, "");
    assert_true(closed);
    assert_int_equal(strlen(got), strlen("Success=1\n--\n") + big.len + 1);
    free(got);
    text_fini(&big);
    // Its reload is the one after: it waits on in the process that leaves.
    assert_false(admin_is_idle(f->admin));
    admin_latest(f->admin, 2, 1, false, "bad\n", 4);
    admin_reloaded(f->admin, 2, false);
    got = talk(f, &closed, second, "");
    assert_string_equal(got, "Success=0\n--\nbad\n\n");
    assert_true(closed);
    assert_true(admin_is_idle(f->admin));
    free(got);
    close(first);
    close(second);
}

// Who connected for an answer gets it from a process that leaves; who had one is sent away.
static void test_leave(void **state)
{
    struct fixture *f = *state;
    bool closed;
    int idle = dial(f, ADMIN_LEVEL_ADMIN, true);
    int fresh = dial(f, ADMIN_LEVEL_ADMIN, false);
    int fresh_master = dial(f, ADMIN_LEVEL_ADMIN, true);
    free(talk(f, &closed, idle, "prompt\n"));
    assert_int_equal(send(idle, "show version\n", 13, MSG_NOSIGNAL), 13);
    admin_leave(f->admin);
    char *got = talk(f, &closed, idle, "");
    assert_string_equal(got, "1.2.3\n\nmaster> ");
    assert_true(closed);
    free(got);
    got = talk(f, &closed, fresh, "show version\n");
    assert_string_equal(got, "1.2.3\n\n");
    assert_true(closed);
    free(got);
    got = talk(f, &closed, fresh_master, "show version\n");
    assert_string_equal(got, "1.2.3\n\n");
    assert_true(closed);
    free(got);
    assert_true(admin_is_idle(f->admin));
    close(idle);
    close(fresh);
    close(fresh_master);
}

static void test_info(void **state)
{
    expect_begins(*state, "show info\n",
                  "Name: fairlead\nVersion: 1.2.3\nRelease_date: 2026/01/02\nNbthread: 0\nNbproc: 1\n");
    expect_begins(*state, "show info typed\n", "0.Name.1:POS:str:fairlead\n1.Version.1:POS:str:1.2.3\n");
    expect_begins(*state, "show info desc typed\n", "0.Name.1:POS:str:fairlead:\"Name of the product\"\n");
    expect_begins(
        *state, "show info json\n",
        "[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\"nature\":"
        "\"Output\",\"scope\":\"Service\"},\"value\":{\"type\":\"str\",\"value\":\"fairlead\"}},{");
    char *got = ask(*state, ADMIN_LEVEL_USER, "show info\n");
    assert_non_null(strstr(got, "\nMaxconn: 100\n"));
    assert_non_null(strstr(got, "\ndescription: a test\n"));
    assert_non_null(strstr(got, "\nnode: "));
    free(got);
    expect(*state, ADMIN_LEVEL_USER, "show info bogus\n",
           "'show info' does not take 'bogus'. Usage: show info [desc|json|typed|float]*\n\n");
}

static const char *line_of(const char *answer, const char *begin)
{
    const char *at = strstr(answer, begin);
    assert_non_null(at);
    return at;
}

static void test_stat_csv(void **state)
{
    struct fixture *f = *state;
    uint32_t inc = board_incarnation_self(f->board);
    board_counters(f->board, inc, f->fe.fe_object)[PROXY_COUNT_SESSIONS] = 12;
    board_counters(f->board, inc, f->fe.fe_object)[PROXY_COUNT_2XX] = 7;
    assert_true(board_lane_acquire(f->board, f->fe.fe_object, inc, 0));
    char *got = ask(f, ADMIN_LEVEL_OPERATOR, "show stat\n");
    assert_memory_equal(got, "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,", 50);
    assert_non_null(strstr(got, ",uweight,agg_server_status,agg_server_check_status,agg_check_status,srid,sess_other,"
                                "h1_sess,h2_sess,h3_sess,req_other,h1req,h2req,h3req,proto,-,"));
    static const char fe[] =
        "\nfe,FRONTEND,,,1,0,95,12,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,0,0,0,,,,0,7,0,0,0,0,,0,0,0,";
    static const char s1[] =
        "\nbe,\"s,1\",0,0,0,0,5,0,0,0,,0,,0,0,0,0,no check,7,1,0,,,0,,,1,3,1,,0,,2,0,,0,,,,0,0,0,0,0,0,"
        ",,,0,0,0,,,,,-1,";
    static const char s2[] = "\nbe,s2,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,1,0,1,,,0,";
    static const char be[] = "\nbe,BACKEND,0,0,0,0,10,0,0,0,0,0,,0,0,0,0,UP,7,1,0,,0,0,0,,1,3,0,,0,,1,0,,0,";
    assert_memory_equal(line_of(got, "\nfe,FRONTEND"), fe, sizeof(fe) - 1);
    assert_memory_equal(line_of(got, "\nbe,\"s,1\""), s1, sizeof(s1) - 1);
    assert_memory_equal(line_of(got, "\nbe,s2"), s2, sizeof(s2) - 1);
    assert_memory_equal(line_of(got, "\nbe,BACKEND"), be, sizeof(be) - 1);
    assert_non_null(strstr(got, ",[::1]:80,,http,"));
    free(got);
    got = ask(f, ADMIN_LEVEL_USER, "show stat\n");
    assert_null(strstr(got, "[::1]:80"));
    free(got);
}

static uint32_t num_lines(const char *text)
{
    uint32_t num = 0;
    for (; *text; text++)
        num += *text == '\n';
    return num;
}

static void test_stat_selection(void **state)
{
    struct {
        const char *command;
        uint32_t lines; // the header and the empty line included
    } cases[] = {
        { "show stat\n", 6 },          { "show stat be -1 -1\n", 5 }, { "show stat -1 4 2\n", 3 },
        { "show stat 3 3 -1\n", 3 },   { "show stat 2 7 -1\n", 3 },   { "show stat domain proxy up\n", 5 },
        { "show stat no-maint\n", 5 }, { "show stat 99 -1 -1\n", 2 }, { "show stat be 1 -1\n", 2 },
    };
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        char *got = ask(*state, ADMIN_LEVEL_USER, cases[i].command);
        assert_int_equal(num_lines(got), cases[i].lines);
        free(got);
    }
    expect(*state, ADMIN_LEVEL_USER, "show stat nope 1 1\n", "No such proxy.\n\n");
    expect(*state, ADMIN_LEVEL_USER, "show stat domain x\n", "Invalid statistics domain.\n\n");
    expect_begins(*state, "show stat typed be 4 1\n",
                  "S.3.1.0.pxname.1:KNS:str:be\nS.3.1.1.svname.1:KNS:str:s,1\n"
                  "S.3.1.2.qcur.1:MGP:u32:0\n");
    expect_begins(*state, "show stat json\n",
                  "[[{\"objType\":\"Frontend\",\"proxyId\":2,\"id\":0,\"field\":{\"pos\":0,");
    char *got = ask(*state, ADMIN_LEVEL_USER, "show stat up\n");
    assert_non_null(strstr(got, ",UP (1/2),"));
    free(got);
}

// A peer that reads slowly gets all of a large answer, and costs no more memory than a piece of it.
static void test_back_pressure(void **state)
{
    struct fixture *f = *state;
    enum { NUM = 4000 };
    struct server_conf *servers = calloc(NUM, sizeof(*servers));
    for (int i = 0; i < NUM; i++) {
        servers[i] = f->s1;
        servers[i].next = i + 1 < NUM ? &servers[i + 1] : NULL;
    }
    f->be.be.servers = servers;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    assert_int_equal(send(fd, "show stat\n", 10, 0), 10);
    for (int i = 0; i < 20; i++)
        event_loop_turn(&f->loop);
    assert_int_equal(f->admin->num_sessions, 1);
    struct admin_session *session = LIST_FIRST(&f->admin->sessions, struct admin_session, link);
    assert_true(session->out.len > 0);
    assert_true(session->out.cap <= 256 * 1024);
    bool closed;
    char *got = talk(f, &closed, fd, "");
    assert_true(closed);
    assert_int_equal(num_lines(got), NUM + 4);
    free(got);
    close(fd);
    free(servers);
}

static void test_timeout(void **state)
{
    struct fixture *f = *state;
    bool closed;
    f->conf.global.stats_timeout = 5000;
    int fd = dial(f, ADMIN_LEVEL_ADMIN, false);
    for (int i = 0; i < 200 && f->admin->num_sessions; i++)
        event_loop_turn(&f->loop);
    free(talk(f, &closed, fd, ""));
    assert_true(closed);
    close(fd);
}

static void test_values(void **state)
{
    (void)state;
    struct text out;
    text_init(&out);
    admin_json_string(&out, "a\"b\\c\n");
    assert_string_equal(out.ptr, "\"a\\\"b\\\\c\\u000a\"");
    text_fini(&out);
    struct admin_field field = { .name = "x", .tags = "MGP", .type = ADMIN_STR, .help = "help" };
    struct admin_value value = { .is_set = true, .string = "say \"x\", y" };
    admin_value_add_csv(&out, &field, &value);
    assert_string_equal(out.ptr, "\"say \"\"x\"\", y\"");
    text_fini(&out);
    field.type = ADMIN_S32;
    value = (struct admin_value){ .is_set = true, .number = UINT64_MAX };
    admin_value_add_typed(&out, &field, &value, true);
    assert_string_equal(out.ptr, ":MGP:s32:-1:\"help\"\n");
    text_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_payload_mark),
        cmocka_unit_test_setup_teardown(test_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prompt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uptime, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_startup_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hard_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(test_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stat_csv, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stat_selection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_back_pressure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
