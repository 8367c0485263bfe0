// SPDX-License-Identifier: Apache-2.0
// What one image of the master writes for the next: it comes back whole, from older and newer writers too, and nothing
// that is cut off, damaged or garbage is taken for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "process/records.h"
#include "process/upgrade_state.h"

enum { ROUNDS = 20000 };

struct thing {
    uint32_t a;
    uint64_t b;
    bool c;
    char d[8];
};

static const struct record_field thing_fields[] = {
    RECORD_FIELD(1, struct thing, a),
    RECORD_FIELD(2, struct thing, b),
    RECORD_FIELD(3, struct thing, c),
    RECORD_FIELD(4, struct thing, d),
};

static const struct record_field wide_fields[] = {
    { .number = 1, .at = offsetof(struct thing, b), .len = 8 }, // a was wider once
    { .number = 9, .at = offsetof(struct thing, a), .len = 4 },
};

static void records_come_back(void **state)
{
    (void)state;
    struct text out;
    struct records records;
    struct record record;
    text_init(&out);
    records_add(&out, 7, "abc", 3);
    records_add(&out, 8, NULL, 0);
    records_add(&out, 9, "12345678", 8);
    assert_int_equal(out.len % 8, 0);
    records_open(&records, out.ptr, out.len);
    assert_true(records_next(&records, &record));
    assert_int_equal(record.tag, 7);
    assert_int_equal(record.len, 3);
    assert_memory_equal(record.data, "abc", 3);
    assert_true(records_next(&records, &record));
    assert_int_equal(record.len, 0);
    assert_true(records_next(&records, &record));
    assert_int_equal(record.len, 8);
    assert_false(records_next(&records, &record));
    assert_false(records.failed);
    for (size_t len = 1; len < out.len; len++) {
        records_open(&records, out.ptr, len);
        while (records_next(&records, &record))
            assert_true((const char *)record.data + record.len <= out.ptr + len);
        assert_true(records.failed || len == 16 || len == 24);
    }
    text_fini(&out);
}

static void objects_of_other_versions(void **state)
{
    (void)state;
    struct text out;
    struct records records;
    struct record record;
    struct thing thing = { .a = 5, .b = 6, .c = true, .d = "word" };
    struct thing read = { .a = 77 };
    text_init(&out);
    records_add_object(&out, 1, &thing, thing_fields, NUM_ITEMS(thing_fields));
    records_open(&records, out.ptr, out.len);
    assert_true(records_next(&records, &record));
    assert_true(record_get_object(&read, &record, thing_fields, NUM_ITEMS(thing_fields)));
    assert_int_equal(read.a, 5);
    assert_int_equal(read.b, 6);
    assert_true(read.c);
    assert_string_equal(read.d, "word");
    // A field that grew, one that the writer had not, some that the reader has not.
    read = (struct thing){ .a = 77, .b = UINT64_MAX };
    assert_true(record_get_object(&read, &record, wide_fields, NUM_ITEMS(wide_fields)));
    assert_int_equal(read.b, 5);
    assert_int_equal(read.a, 77);
    text_fini(&out);
    // A field that shrank takes what fits, and refuses what does not.
    thing.b = 9;
    records_add_object(&out, 1, &thing, wide_fields, 1);
    records_open(&records, out.ptr, out.len);
    assert_true(records_next(&records, &record));
    assert_true(record_get_object(&read, &record, thing_fields, NUM_ITEMS(thing_fields)));
    assert_int_equal(read.a, 9);
    text_fini(&out);
    thing.b = UINT64_C(1) << 32;
    records_add_object(&out, 1, &thing, wide_fields, 1);
    records_open(&records, out.ptr, out.len);
    assert_true(records_next(&records, &record));
    assert_false(record_get_object(&read, &record, thing_fields, NUM_ITEMS(thing_fields)));
    text_fini(&out);
    // What must be known is.
    struct text inner;
    text_init(&inner);
    records_add(&inner, 77 | RECORD_VITAL, "x", 1);
    records_add(&out, 1, inner.ptr, inner.len);
    records_open(&records, out.ptr, out.len);
    assert_true(records_next(&records, &record));
    assert_false(record_get_object(&read, &record, thing_fields, NUM_ITEMS(thing_fields)));
    text_fini(&inner);
    text_fini(&out);
}

// ---- the master's state -----------------------------------------------------------------------------------------

static void master_empty(struct master *master, struct image *image)
{
    static char path[] = "/usr/sbin/fairlead";
    memset(master, 0, sizeof(*master));
    *image = (struct image){ .path = path };
    master->image = image;
    list_init(&master->generations);
    list_init(&master->listeners);
    list_init(&master->reloads);
    text_init(&master->latest);
}

static struct listener *place_add(struct master *master, uint32_t kind, uint32_t num_fds)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    listener->spec.kind = kind;
    listener->spec.address_len = 16;
    listener->num_fds = num_fds;
    for (uint32_t i = 0; i < num_fds; i++)
        listener->fds[i] = (int)(1000 + i);
    listener->steered = true;
    listener->steered_to[0] = 3;
    listener->num_begun = num_fds;
    listener->phase = LISTENER_GRACE;
    listener->phase_end_us = 99;
    list_append(&master->listeners, &listener->link);
    return listener;
}

static struct generation *generation_add(struct master *master, uint32_t number, enum generation_state state,
                                         struct listener *bind, struct listener *socket)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    generation->master = master;
    generation->number = number;
    generation->state = state;
    generation->keeper = 4711;
    generation->keeper_inc = 7;
    text_init(&generation->said);
    text_printf(&generation->said, "something\n");
    generation->plan.num_workers = 2;
    generation->plan.num_binds = 1;
    generation->plan.num_sockets = 1;
    snprintf(generation->plan.pidfile, WIRE_PATH_LEN, "/run/pid");
    generation->binds = calloc(2, sizeof(struct listener *));
    generation->sockets = calloc(2, sizeof(struct listener *));
    generation->binds[0] = bind;
    generation->sockets[0] = socket;
    seats_open(generation);
    for (uint32_t i = 0; i < generation->num_seats; i++) {
        generation->seats[i].inc = generation->seats[i].called = number * 10 + i;
        generation->seats[i].pid = (pid_t)(5000 + i);
        generation->seats[i].ready = true;
    }
    list_append(&master->generations, &generation->link);
    if (state == GENERATION_ACTIVE)
        master->active = generation;
    return generation;
}

// Two generations, lines with messages that wait, neighbours that help out, somebody who waits for a reload.
static void master_fill(struct master *master, struct image *image, struct board *board, int *fds)
{
    master_empty(master, image);
    master->board = board;
    master->inc = 1;
    master->num_generations = 9;
    master->was_ready = true;
    text_printf(&master->latest, "latest");
    struct listener *tcp = place_add(master, OS_LISTEN_TCP, 3);
    struct listener *unix_one = place_add(master, OS_LISTEN_UNIX, 1);
    struct generation *old = generation_add(master, 8, GENERATION_LEAVING, tcp, unix_one);
    struct generation *active = generation_add(master, 9, GENERATION_ACTIVE, tcp, unix_one);
    assert_true(os_pass_pair(fds));
    close(fds[1]);
    assert_true(os_pass_pair(fds));
    generation_line_init(active, fds[0]);
    active->line_open = true;
    for (uint32_t i = 0; i < 3; i++) {
        int ends[2];
        assert_true(os_pass_pair(ends));
        seat_line_init(&active->seats[i], ends[0]);
        active->seats[i].open = true;
        close(ends[1]);
    }
    old->seats[1].pid = 0;
    // A peer that reads nothing: what does not fit waits.
    char filler[4000] = "filler";
    for (int i = 0; i < 300; i++)
        assert_true(messages_send(&active->line, 77, filler, sizeof(filler), NULL, 0));
    assert_true(messages_send(&active->line, 78, "last", 4, &fds[1], 1));
    tcp->adopters[2] = &active->seats[1];
    unix_one->kept_by = old;
    old->binds[0] = unix_one;
    struct reload_waiter *waiter = calloc(1, sizeof(*waiter));
    *waiter = (struct reload_waiter){ .seat = &active->seats[0], .id = 12345, .next = true };
    list_init(&waiter->link);
    list_append(&master->reloads, &waiter->link);
}

static void lines_close(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->line_open)
            messages_fini(&generation->line);
        for (uint32_t i = 0; i < generation->num_seats; i++)
            if (generation->seats[i].open)
                messages_fini(&generation->seats[i].line);
    }
}

static struct text saved(void)
{
    struct master master;
    struct image image;
    struct text out;
    int fds[2];
    struct board *board = board_new();
    assert_non_null(board);
    master_fill(&master, &image, board, fds);
    text_init(&out);
    upgrade_state_save(&out, &master, 42);
    assert_false(out.failed);
    lines_close(&master);
    close(fds[1]);
    upgrade_state_drop(&master);
    board_free(board);
    return out;
}

static bool load(struct master *master, struct upgrade_state *state, char *error, const void *data, size_t len)
{
    static struct image image;
    master_empty(master, &image);
    return upgrade_state_load(master, state, error, data, len);
}

static void state_comes_back(void **arg)
{
    (void)arg;
    struct master master;
    struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    struct text out = saved();
    assert_true(load(&master, &state, error, out.ptr, out.len));
    assert_string_equal(error, "");
    assert_int_equal(state.board_fd, 42);
    assert_string_equal(state.path.ptr, "/usr/sbin/fairlead");
    assert_true(state.num_board_fds > 0);
    assert_int_equal(master.num_generations, 9);
    assert_true(master.was_ready);
    assert_string_equal(master.latest.ptr, "latest");
    struct generation *old = LIST_FIRST(&master.generations, struct generation, link);
    struct generation *active = CONTAINER_OF(old->link.next, struct generation, link);
    assert_ptr_equal(master.active, active);
    assert_int_equal(old->number, 8);
    assert_int_equal(active->number, 9);
    assert_int_equal(active->keeper, 4711);
    assert_string_equal(active->said.ptr, "something\n");
    assert_string_equal(active->plan.pidfile, "/run/pid");
    assert_int_equal(active->num_seats, 3);
    assert_int_equal(active->seats[2].inc, 92);
    assert_int_equal(active->seats[2].slot, 1);
    assert_true(active->seats[2].open && active->seats[2].ready);
    assert_false(old->seats[1].open);
    struct listener *tcp = LIST_FIRST(&master.listeners, struct listener, link);
    assert_ptr_equal(active->binds[0], tcp);
    assert_int_equal(tcp->fds[2], 1002);
    assert_int_equal(tcp->steered_to[0], 3);
    assert_ptr_equal(tcp->adopters[2], &active->seats[1]);
    assert_int_equal(tcp->phase, LISTENER_GRACE);
    assert_null(tcp->kept_by);
    assert_ptr_equal(CONTAINER_OF(tcp->link.next, struct listener, link)->kept_by, old);
    struct reload_waiter *waiter = LIST_FIRST(&master.reloads, struct reload_waiter, link);
    assert_ptr_equal(waiter->seat, &active->seats[0]);
    assert_int_equal(waiter->id, 12345);
    assert_true(waiter->next);
    struct upgrade_unsent *last = CONTAINER_OF(state.unsent.prev, struct upgrade_unsent, link);
    assert_ptr_equal(last->line, &active->line);
    assert_int_equal(last->type, 78);
    assert_int_equal(last->num_fds, 1);
    assert_memory_equal(last->data, "last", 4);
    upgrade_state_drop(&master);
    upgrade_state_fini(&state);
    text_fini(&out);
}

static void cut_off_is_refused(void **arg)
{
    (void)arg;
    struct master master;
    struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    struct text out = saved();
    // The messages that wait make most of it: every length near the ends, and some between.
    for (size_t len = 0; len < out.len; len += len < 4096 || len + 6000 > out.len ? 1 : 997) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, out.ptr, len);
        assert_false(load(&master, &state, error, copy, len));
        assert_int_not_equal(error[0], 0);
        upgrade_state_drop(&master);
        upgrade_state_fini(&state);
        free(copy);
    }
    text_fini(&out);
}

static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

// Whatever stands there: it is refused, or makes objects that can be dropped again.
static void damage_is_survived(void **arg)
{
    (void)arg;
    struct master master;
    struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    uint64_t seed = 88172645463325252;
    struct text out = saved();
    // Without the long messages that wait, so that damage strikes what matters.
    size_t head = out.len < 8192 ? out.len : 8192;
    char *copy = malloc(out.len);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = round % 4 ? out.len : head;
        memcpy(copy, out.ptr, len);
        uint64_t num = 1 + random_next(&seed) % 4;
        for (uint64_t i = 0; i < num; i++) {
            uint64_t at = random_next(&seed) % (round % 2 ? head : len);
            copy[at] = round % 3 ? (char)random_next(&seed) : (char)(copy[at] ^ (1 << random_next(&seed) % 8));
        }
        (void)load(&master, &state, error, copy, len);
        upgrade_state_drop(&master);
        upgrade_state_fini(&state);
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = random_next(&seed) % 512;
        for (size_t i = 0; i < len; i++)
            copy[i] = round % 2 ? (char)random_next(&seed) : (char)(random_next(&seed) % 3);
        assert_false(load(&master, &state, error, copy, len));
        upgrade_state_drop(&master);
        upgrade_state_fini(&state);
    }
    free(copy);
    text_fini(&out);
}

static void another_protocol_is_told(void **arg)
{
    (void)arg;
    struct master master;
    struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    struct upgrade_state about = { .protocol = WIRE_PROTOCOL + 1, .shape = upgrade_wire_shape(), .board_fd = 1 };
    const struct record_field fields[] = {
        RECORD_FIELD(1, struct upgrade_state, version),
        RECORD_FIELD(2 | RECORD_VITAL, struct upgrade_state, protocol),
        RECORD_FIELD(3 | RECORD_VITAL, struct upgrade_state, shape),
    };
    struct text out;
    text_init(&out);
    snprintf(about.version, sizeof(about.version), "9.9.9");
    records_add_object(&out, 1 | RECORD_VITAL, &about, fields, NUM_ITEMS(fields));
    assert_false(load(&master, &state, error, out.ptr, out.len));
    assert_non_null(strstr(error, "fairlead 9.9.9"));
    assert_non_null(strstr(error, "-sf"));
    upgrade_state_drop(&master);
    upgrade_state_fini(&state);
    text_fini(&out);
}

static void the_unknown(void **arg)
{
    (void)arg;
    struct master master;
    struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    for (int vital = 0; vital < 2; vital++) {
        struct text out = saved();
        struct text more;
        text_init(&more);
        size_t end = out.len - 8; // the last record is empty
        text_add(&more, out.ptr, end);
        records_add(&more, vital ? 0x7777 | RECORD_VITAL : 0x7777, "?", 1);
        text_add(&more, out.ptr + end, 8);
        assert_int_equal(load(&master, &state, error, more.ptr, more.len), !vital);
        if (vital)
            assert_non_null(strstr(error, "unknown"));
        upgrade_state_drop(&master);
        upgrade_state_fini(&state);
        text_fini(&more);
        text_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back),  cmocka_unit_test(objects_of_other_versions),
        cmocka_unit_test(state_comes_back),   cmocka_unit_test(cut_off_is_refused),
        cmocka_unit_test(damage_is_survived), cmocka_unit_test(another_protocol_is_told),
        cmocka_unit_test(the_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
