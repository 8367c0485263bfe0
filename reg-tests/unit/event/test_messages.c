// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "event/messages.h"

enum { TYPE_TEXT = 1, TYPE_FILE, TYPE_REFUSED, TYPE_COUNT };

struct end {
    struct messages messages;
    uint32_t num_texts;
    uint32_t last;
    int file;
    bool lost;
    bool done;
};

static void take_text(struct messages *messages, const struct messages_event *event)
{
    struct end *end = messages->owner;
    uint32_t number;
    memcpy(&number, event->data, sizeof(number));
    assert_true(end->num_texts == 0 || number == end->last + 1);
    end->last = number;
    end->num_texts++;
}

static void take_file(struct messages *messages, const struct messages_event *event)
{
    struct end *end = messages->owner;
    assert_int_equal(event->num_fds, 1);
    end->file = event->fds[0];
    event->fds[0] = -1;
    end->done = true;
}

static void take_refused(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    messages_refuse(messages, "is out of turn");
    messages_refuse(messages, "and this is not said");
}

static const struct messages_kind kinds[] = {
    { .type = TYPE_TEXT, .min_len = 4, .max_len = 4096, .take = take_text },
    { .type = TYPE_FILE, .num_fds = 1, .take = take_file },
    { .type = TYPE_REFUSED, .take = take_refused },
};

static void lost(struct messages *messages)
{
    ((struct end *)messages->owner)->lost = true;
}

static void pair(struct end *a, struct end *b)
{
    int fds[2];
    *a = (struct end){ .file = -1 };
    *b = (struct end){ .file = -1 };
    assert_true(os_pass_pair(fds));
    messages_init(&a->messages, "b", kinds, 3, a, lost, fds[0]);
    messages_init(&b->messages, "a", kinds, 3, b, lost, fds[1]);
}

static void part(struct end *a, struct end *b)
{
    messages_fini(&a->messages);
    messages_fini(&b->messages);
    messages_fini(&b->messages);
}

// Far more than the sockets hold: what does not fit waits, and comes in order, descriptors last.
static void in_order_past_what_fits(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    struct event_loop loop;
    uint32_t text[1000] = { 0 };
    pair(&a, &b);
    assert_true(event_loop_init(&loop));
    assert_true(messages_attach(&a.messages, &loop));
    assert_true(messages_attach(&b.messages, &loop));
    for (uint32_t i = 0; i < 2000; i++) {
        text[0] = i;
        assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    }
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(messages_send(&a.messages, TYPE_FILE, NULL, 0, &fd, 1));
    close(fd);
    for (int i = 0; i < 10000 && !b.done; i++)
        event_loop_turn(&loop);
    assert_int_equal(b.num_texts, 2000);
    assert_true(b.file >= 0);
    assert_true(fcntl(b.file, F_GETFD) & FD_CLOEXEC);
    close(b.file);
    part(&a, &b);
    event_loop_fini(&loop);
}

static void without_a_loop(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    uint32_t text[1000] = { 0 };
    pair(&a, &b);
    for (uint32_t i = 0; i < 20; i++) {
        text[0] = i;
        assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    }
    assert_true(messages_flush(&a.messages, 0));
    assert_false(messages_wait(&b.messages, &b.done, 10));
    assert_int_equal(b.num_texts, 20);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(messages_send(&a.messages, TYPE_FILE, NULL, 0, &fd, 1));
    close(fd);
    assert_true(messages_wait(&b.messages, &b.done, 1000));
    close(b.file);
    part(&a, &b);
}

static uint32_t descriptors_open(void)
{
    uint32_t num = 0;
    for (int fd = 0; fd < 256; fd++)
        num += fcntl(fd, F_GETFD) >= 0;
    return num;
}

// Each of these ends the conversation, and no descriptor that came with it stays.
static void rules_are_kept(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        size_t len;
        size_t num_fds;
    } wrong[] = {
        { TYPE_COUNT, 8, 0 }, { TYPE_TEXT, 3, 0 }, { TYPE_TEXT, 4097, 0 }, { TYPE_TEXT, 8, 1 },
        { TYPE_FILE, 0, 0 },  { TYPE_FILE, 1, 1 }, { TYPE_FILE, 0, 2 },    { 0, 0, 0 },
    };
    char data[5000] = { 0 };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct end a;
        struct end b;
        int fds[2] = { 0, 1 };
        bool never = false;
        pair(&a, &b);
        uint32_t before = descriptors_open();
        assert_true(messages_send(&a.messages, wrong[i].type, data, wrong[i].len, fds, wrong[i].num_fds));
        assert_false(messages_wait(&b.messages, &never, 1000));
        assert_true(b.lost);
        assert_non_null(b.messages.violation);
        assert_int_equal(descriptors_open(), before);
        assert_false(messages_send(&b.messages, TYPE_TEXT, data, 8, NULL, 0));
        part(&a, &b);
    }
}

static void what_is_longer_than_any_message(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    char data[MESSAGES_MAX_LEN + 100] = { 0 };
    bool never = false;
    pair(&a, &b);
    assert_int_equal(send(a.messages.source.fd, data, sizeof(data), 0), sizeof(data));
    assert_false(messages_wait(&b.messages, &never, 1000));
    assert_true(b.lost);
    part(&a, &b);
}

// It must not pass for the end of the line.
static void what_has_no_byte(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    bool never = false;
    pair(&a, &b);
    assert_int_equal(send(a.messages.source.fd, "", 0, 0), 0);
    assert_false(messages_wait(&b.messages, &never, 1000));
    assert_true(b.lost);
    assert_string_equal(b.messages.violation, "sent what is no message");
    part(&a, &b);
}

static void last_words_then_the_end(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    uint32_t text[2] = { 7, 0 };
    bool never = false;
    pair(&a, &b);
    assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    messages_fini(&a.messages);
    assert_false(messages_wait(&b.messages, &never, 1000));
    assert_int_equal(b.num_texts, 1);
    assert_true(b.lost);
    assert_null(b.messages.violation);
    part(&a, &b);
}

static void refused_by_its_handler(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    uint32_t text[2] = { 0, 0 };
    bool never = false;
    pair(&a, &b);
    assert_true(messages_send(&a.messages, TYPE_REFUSED, NULL, 0, NULL, 0));
    assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    assert_false(messages_wait(&b.messages, &never, 1000));
    assert_true(b.lost);
    assert_string_equal(b.messages.violation, "is out of turn");
    assert_int_equal(b.num_texts, 0);
    part(&a, &b);
}

static void sent_by_another_process(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    uint32_t text[2] = { 0, 0 };
    bool never = false;
    pair(&a, &b);
    assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    assert_false(messages_wait(&b.messages, &never, 10));
    assert_int_equal(b.messages.peer_pid, getpid());
    pid_t pid = fork();
    text[0] = 1;
    if (pid == 0)
        _exit(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0) ? 0 : 1);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(messages_wait(&b.messages, &never, 1000));
    assert_true(b.lost);
    assert_non_null(b.messages.violation);
    assert_int_equal(b.num_texts, 1);
    part(&a, &b);
}

// Who sends without end gets a part of each turn, and all of it in the end.
static void a_turn_takes_a_few(void **state)
{
    (void)state;
    struct end a;
    struct end b;
    struct event_loop loop;
    uint32_t text[2] = { 0, 0 };
    uint32_t most = 0;
    pair(&a, &b);
    assert_true(event_loop_init(&loop));
    for (uint32_t i = 0; i < 200; i++) {
        text[0] = i;
        assert_true(messages_send(&a.messages, TYPE_TEXT, text, sizeof(text), NULL, 0));
    }
    assert_true(list_is_empty(&a.messages.unsent));
    assert_true(messages_attach(&b.messages, &loop));
    for (int i = 0; i < 10 && b.num_texts < 200; i++) {
        uint32_t before = b.num_texts;
        event_loop_turn(&loop);
        most = b.num_texts - before > most ? b.num_texts - before : most;
    }
    assert_int_equal(b.num_texts, 200);
    assert_true(most < 150);
    part(&a, &b);
    event_loop_fini(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_past_what_fits), cmocka_unit_test(without_a_loop),
        cmocka_unit_test(rules_are_kept),          cmocka_unit_test(what_is_longer_than_any_message),
        cmocka_unit_test(what_has_no_byte),
        cmocka_unit_test(last_words_then_the_end), cmocka_unit_test(refused_by_its_handler),
        cmocka_unit_test(sent_by_another_process), cmocka_unit_test(a_turn_takes_a_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
