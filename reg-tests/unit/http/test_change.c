// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/check.h"
#include "http/change.h"
#include "http/edit.h"

enum { MAX_FIELDS = 300, STORE = 4096, OUT_MAX = 32768 };

static struct http_head head;
static struct http_field fields[MAX_FIELDS];
static char store[STORE];
static struct http_edits edits;
static char out[OUT_MAX];

static void parse(struct slice text, bool response)
{
    enum http_bad bad;
    http_head_init(&head, fields, MAX_FIELDS);
    head.base = text.ptr;
    assert_int_equal(response ? http_head_parse_response(&head, &bad, text.len)
                              : http_head_parse_request(&head, &bad, text.len),
                     HTTP_PARSE_DONE);
    http_head_store(&head, store, sizeof(store));
}

static void assert_written(const char *want)
{
    http_edits_init(&edits, NULL, 0);
    size_t len = http_head_write(out, sizeof(out) - 1, &head, &edits);
    out[len] = '\0';
    assert_string_equal(out, want);
    assert_int_equal(http_head_write(out, len, &head, &edits), len);
    assert_int_equal(http_head_write(out, len - 1, &head, &edits), 0);
}

static void assert_slice(struct slice have, const char *want)
{
    assert_int_equal(have.len, strlen(want));
    assert_memory_equal(have.ptr, want, have.len);
}

#define REQUEST "GET /a?b HTTP/1.1\r\nHost: h\r\nA: 1\r\nB:2 \r\nCookie: c\r\nCookie: d\r\n\r\n"

static void test_fields(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_true(http_head_set(&head, 1, SLICE(" one ")));
    assert_slice(http_field_value(&head, 1), "one");
    assert_written("GET /a?b HTTP/1.1\r\nHost: h\r\nA: one\r\nB:2 \r\nCookie: c\r\nCookie: d\r\n\r\n");
    http_head_drop(&head, 3);
    assert_int_equal(http_head_find(&head, HTTP_FIELD_COOKIE, 0), 4);
    assert_true(http_head_add(&head, SLICE("Cookie"), SLICE("e")));
    assert_int_equal(http_head_find(&head, HTTP_FIELD_COOKIE, 5), 5);
    assert_true(http_head_add(&head, SLICE("New"), SLICE("")));
    assert_int_equal(http_head_find_name(&head, SLICE("nEW"), 0), 6);
    assert_int_equal(http_head_find_name(&head, SLICE(""), 0), -1);
    assert_written("GET /a?b HTTP/1.1\r\nHost: h\r\nA: one\r\nB:2 \r\nCookie: d\r\nCookie: e\r\nNew: \r\n\r\n");
    assert_int_equal(http_head_drop_name(&head, SLICE("cookie")), 2);
    assert_int_equal(http_head_find(&head, HTTP_FIELD_COOKIE, 0), -1);
    assert_int_equal(http_head_drop_name(&head, SLICE("a")), 1);
    assert_int_equal(http_head_drop_name(&head, SLICE("a")), 0);
    assert_false(http_head_set(&head, 1, SLICE("x")));
    assert_true(http_head_add(&head, SLICE("cookie"), SLICE("f")));
    assert_int_equal(http_head_find(&head, HTTP_FIELD_COOKIE, 0), 7);
    assert_written("GET /a?b HTTP/1.1\r\nHost: h\r\nB:2 \r\nNew: \r\ncookie: f\r\n\r\n");
    for (int i = 0; i < 8; i++)
        http_head_drop(&head, (unsigned)i);
    assert_written("GET /a?b HTTP/1.1\r\n\r\n");
}

static void test_put(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_true(http_head_put(&head, SLICE("cookie"), HTTP_FIELD_COOKIE, SLICE(" e ")));
    assert_int_equal(http_head_find(&head, HTTP_FIELD_COOKIE, 0), 5);
    assert_true(http_head_put(&head, SLICE("a"), HTTP_FIELD_OTHER, http_field_value(&head, 5)));
    assert_true(http_head_put(&head, SLICE("new"), HTTP_FIELD_OTHER, SLICE("")));
    assert_true(http_head_put(&head, SLICE("a"), HTTP_FIELD_OTHER, SLICE("2")));
    assert_written("GET /a?b HTTP/1.1\r\nHost: h\r\nB:2 \r\ncookie: e\r\nnew: \r\na: 2\r\n\r\n");
    // The line of an added field is no longer what it says once it was set, and edits go before it.
    assert_true(http_head_set(&head, 5, SLICE("long")));
    assert_written("GET /a?b HTTP/1.1\r\nHost: h\r\nB:2 \r\ncookie: long\r\nnew: \r\na: 2\r\n\r\n");
    assert_false(http_head_put(&head, SLICE("b"), HTTP_FIELD_OTHER, SLICE("x\ny")));
    assert_int_equal(http_head_find_name(&head, SLICE("b"), 0), 2);
}

static void test_edits_on_top(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_true(http_head_set(&head, 1, SLICE("one")));
    assert_true(http_head_add(&head, SLICE("C"), SLICE("3")));
    assert_true(http_head_add(&head, SLICE("Connection"), SLICE("x")));
    http_edits_init(&edits, NULL, 0);
    assert_true(http_edits_replace(&edits, 1, SLICE("uno")));
    assert_true(http_edits_drop(&edits, 2));
    assert_true(http_edits_replace(&edits, 5, SLICE("tres")));
    assert_true(http_edits_drop_hop_by_hop(&edits, &head, false));
    assert_true(http_edits_add(&edits, SLICE("via"), SLICE("us")));
    size_t len = http_head_write(out, sizeof(out), &head, &edits);
    assert_slice(slice_of(out, len), "GET /a?b HTTP/1.1\r\nHost: h\r\nA: uno\r\nCookie: c\r\nCookie: d\r\nC: tres\r\n"
                                     "via: us\r\n\r\n");
}

static void test_target(void **state)
{
    (void)state;
    parse(SLICE(REQUEST), false);
    assert_true(http_head_set_path(&head, SLICE("/x/y")));
    assert_slice(http_head_target(&head), "/x/y?b");
    assert_true(http_head_set_query(&head, SLICE("")));
    assert_slice(http_head_target(&head), "/x/y");
    assert_null(http_head_query(&head).ptr);
    assert_true(http_head_set_query(&head, SLICE("q=1")));
    assert_slice(http_head_query(&head), "q=1");
    assert_slice(http_head_path(&head), "/x/y");
    assert_true(http_head_set_pathq(&head, SLICE("/z?r")));
    assert_true(http_head_set_method(&head, SLICE("PURGE")));
    assert_int_equal(head.method, HTTP_METHOD_OTHER);
    assert_false(head.flags & HTTP_HEAD_CHANGED);
    assert_written("PURGE /z?r HTTP/1.1\r\nHost: h\r\nA: 1\r\nB:2 \r\nCookie: c\r\nCookie: d\r\n\r\n");
    assert_true(http_head_set_target(&head, SLICE("http://h:8/p?q")));
    assert_true(head.flags & HTTP_HEAD_ABSOLUTE);
    assert_slice(http_head_authority(&head), "h:8");
    assert_true(http_head_set_path(&head, SLICE("/r")));
    assert_slice(http_head_target(&head), "http://h:8/r?q");
    assert_false(http_head_set_path(&head, SLICE(".evil")));
    assert_false(http_head_set_path(&head, SLICE("")));
    assert_false(http_head_set_pathq(&head, SLICE("@evil/")));
    assert_true(http_head_set_target(&head, SLICE("http://h")));
    assert_slice(http_head_path(&head), "");
    assert_true(http_head_set_query(&head, SLICE("q")));
    assert_slice(http_head_target(&head), "http://h?q");
    assert_true(http_head_set_path(&head, SLICE("/")));
    assert_slice(http_head_target(&head), "http://h/?q");
    assert_true(http_head_set_target(&head, SLICE("/")));
    assert_false(head.flags & HTTP_HEAD_ABSOLUTE);
    assert_int_equal(http_head_authority(&head).len, 0);
}

static void test_refused(void **state)
{
    static const char *const values[] = { "a\r\nb: c", "a\n", "\1", "\x7f" };
    static const char *const names[] = { "", "a b", "a:", "a\r", "\xe4" };
    static const char *const targets[] = {
        "", "x", "*", "h:80", "/a b", "/a\r", "/\xe4", "/#f", "http://", "a://b@c/"
    };
    (void)state;
    parse(SLICE(REQUEST), false);
    for (size_t i = 0; i < NUM_ITEMS(values); i++) {
        assert_false(http_head_set(&head, 0, slice_str(values[i])));
        assert_false(http_head_add(&head, SLICE("n"), slice_str(values[i])));
    }
    assert_false(http_head_add(&head, SLICE("n"), slice_of("\0", 1)));
    for (size_t i = 0; i < NUM_ITEMS(names); i++)
        assert_false(http_head_add(&head, slice_str(names[i]), SLICE("v")));
    for (size_t i = 0; i < NUM_ITEMS(targets); i++)
        assert_false(http_head_set_target(&head, slice_str(targets[i])));
    assert_false(http_head_set_method(&head, SLICE("")));
    assert_false(http_head_set_method(&head, SLICE("A B")));
    assert_false(http_head_set_method(&head, SLICE("CONNECT")));
    assert_false(http_head_set_query(&head, SLICE("a b")));
    assert_int_equal(head.store_len, 0);
    assert_written(REQUEST);
    head.max_fields = head.num_fields;
    assert_false(http_head_add(&head, SLICE("n"), SLICE("v")));
    http_head_store(&head, store, 3);
    head.max_fields = MAX_FIELDS;
    assert_false(http_head_add(&head, SLICE("nn"), SLICE("vv")));
    assert_false(http_head_set_path(&head, SLICE("/a")));
    assert_true(http_head_set(&head, 0, SLICE("xyz")));
    assert_false(http_head_set(&head, 0, SLICE("a")));
    http_head_init(&head, fields, MAX_FIELDS);
    parse(SLICE("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), false);
    assert_false(http_head_set_path(&head, SLICE("/")));
    assert_false(http_head_set_query(&head, SLICE("q")));
    assert_false(http_head_set_method(&head, SLICE("GET")));
    head.store = NULL;
    head.store_cap = 0;
    assert_false(http_head_set(&head, 0, SLICE("")));
    assert_false(http_head_set_method(&head, SLICE("OPTIONS")));
}

static void test_status(void **state)
{
    (void)state;
    parse(SLICE("HTTP/1.1 200 OK\r\nA: b\r\n\r\n"), true);
    assert_true(http_head_set_status(&head, 404, slice_of(NULL, 0)));
    assert_written("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
    assert_true(http_head_set_status(&head, 503, SLICE("Gone fishing")));
    assert_slice(http_head_reason(&head), "Gone fishing");
    assert_false(http_head_set_status(&head, 99, slice_of(NULL, 0)));
    assert_false(http_head_set_status(&head, 200, SLICE("a\r\n")));
    assert_written("HTTP/1.1 503 Gone fishing\r\nA: b\r\n\r\n");
}

static void test_copy(void **state)
{
    static struct http_field other_fields[MAX_FIELDS];
    static char other_store[STORE];
    (void)state;
    parse(SLICE("HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nE: f\r\n\r\n"), true);
    assert_true(http_head_set_status(&head, 418, SLICE("Tea")));
    assert_true(http_head_set(&head, 1, SLICE("dd")));
    assert_true(http_head_add(&head, SLICE("G"), SLICE("h")));
    http_head_drop(&head, 0);
    struct http_head copy;
    http_head_init(&copy, other_fields, 3);
    http_head_store(&copy, other_store, sizeof(other_store));
    assert_false(http_head_copy(&copy, &head));
    http_head_init(&copy, other_fields, MAX_FIELDS);
    http_head_store(&copy, other_store, 40);
    assert_false(http_head_copy(&copy, &head));
    http_head_store(&copy, other_store, sizeof(other_store));
    assert_true(http_head_copy(&copy, &head));
    memset(store, 'x', sizeof(store));
    assert_true(http_head_add(&copy, SLICE("I"), SLICE("j")));
    head = copy;
    assert_written("HTTP/1.1 418 Tea\r\nC: dd\r\nE: f\r\nG: h\r\nI: j\r\n\r\n");
}

// The same changes are made to a plain list of fields and must come out the same, also once written and parsed again.
struct model {
    unsigned num;
    struct {
        char name[16];
        char value[24];
    } fields[MAX_FIELDS];
};

static uint32_t seed = 1;

static unsigned dice(unsigned sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static void compare(const struct model *model, const struct http_head *have)
{
    unsigned at = 0;
    for (unsigned i = 0; i < have->num_fields; i++) {
        if (http_field_is_dropped(have, i))
            continue;
        assert_true(at < model->num);
        assert_slice(http_field_name_at(have, i), model->fields[at].name);
        assert_slice(http_field_value(have, i), model->fields[at].value);
        assert_int_equal(have->fields[i].id, http_field_id_of(http_field_name_at(have, i)));
        at++;
    }
    assert_int_equal(at, model->num);
    for (int id = 1; id < HTTP_NUM_FIELD_IDS; id++) {
        unsigned first = 0;
        for (unsigned i = have->num_fields; i > 0; i--)
            if (!http_field_is_dropped(have, i - 1) && have->fields[i - 1].id == id)
                first = i;
        assert_int_equal(have->first[id], first);
    }
}

static unsigned nth_field(unsigned nth)
{
    for (unsigned i = 0;; i++)
        if (!http_field_is_dropped(&head, i) && nth-- == 0)
            return i;
}

static void change(struct model *model)
{
    static const char *const names[] = { "cookie", "X-A", "x-b", "Origin", "Forwarded", "y" };
    unsigned nth = model->num ? dice(model->num) : 0;
    const char *name = names[dice(NUM_ITEMS(names))];
    char value[24];
    snprintf(value, sizeof(value), "%.*s", (int)dice(20), "abcdefghijklmnopqrstuvw");
    switch (dice(4)) {
    case 0:
        if (http_head_add(&head, slice_str(name), slice_str(value))) {
            strcpy(model->fields[model->num].name, name);
            strcpy(model->fields[model->num++].value, value);
        }
        return;
    case 1:
        if (model->num && http_head_set(&head, nth_field(nth), slice_str(value)))
            strcpy(model->fields[nth].value, value);
        return;
    case 2:
        if (nth) { // Host stays
            http_head_drop(&head, nth_field(nth));
            memmove(&model->fields[nth], &model->fields[nth + 1], (--model->num - nth) * sizeof(model->fields[0]));
        }
        return;
    default:
        if (dice(8))
            return;
        http_head_drop_name(&head, slice_str(name));
        for (unsigned i = model->num; i > 0; i--)
            if (slice_equal_nocase(slice_str(model->fields[i - 1].name), slice_str(name)))
                memmove(&model->fields[i - 1], &model->fields[i], (model->num-- - i) * sizeof(model->fields[0]));
    }
}

static void test_random(void **state)
{
    static struct model model;
    static char text[OUT_MAX];
    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        unsigned num = 1 + dice(round % 20 == 0 ? 280 : 12);
        int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\n");
        model.num = num;
        strcpy(model.fields[0].name, "Host");
        strcpy(model.fields[0].value, "h");
        for (unsigned i = 1; i < num; i++) {
            snprintf(model.fields[i].name, 16, dice(4) ? "F-%u" : "Cookie", i);
            snprintf(model.fields[i].value, 24, "%u", dice(100000));
            len += snprintf(text + len, sizeof(text) - (size_t)len, "%s:%s%s\r\n", model.fields[i].name,
                            dice(2) ? " " : "", model.fields[i].value);
        }
        len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n");
        parse(slice_of(text, (size_t)len), false);
        http_head_store(&head, store, 64 + dice(STORE - 64));
        for (unsigned i = dice(40); i > 0; i--)
            change(&model);
        compare(&model, &head);
        http_edits_init(&edits, NULL, 0);
        size_t written = http_head_write(out, sizeof(out), &head, &edits);
        assert_true(written);
        parse(slice_of(out, written), false);
        compare(&model, &head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_put),     cmocka_unit_test(test_edits_on_top),
        cmocka_unit_test(test_target), cmocka_unit_test(test_refused), cmocka_unit_test(test_status),
        cmocka_unit_test(test_copy),   cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
