// SPDX-License-Identifier: Apache-2.0
// Which entry a server name leads to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "tls/entry.h"

enum { BOTH = TLS_CAN_RSA | TLS_CAN_ECDSA };

// Entries without a certificate's contents but its type and its name.
struct rig {
    struct tls_entry entries[16];
    struct tls_cert certs[16];
    struct slice names[16];
    const char *filters[16][8];
    uint32_t num;
    struct tls_names *look_up;
};

// Adds an entry for `filters` (separated by spaces); with one that begins with '=' it is a name of the certificate.
static void add(struct rig *rig, const char *name, enum tls_key type, const char *filters)
{
    uint32_t i = rig->num++;
    struct tls_entry *entry = &rig->entries[i];
    rig->certs[i] = (struct tls_cert){ .name = name, .key_type = (uint8_t)type };
    entry->cert = &rig->certs[i];
    if (i)
        rig->entries[i - 1].next = entry;
    if (filters[0] == '=') {
        rig->names[i] = slice_str(filters + 1);
        rig->certs[i].names = &rig->names[i];
        rig->certs[i].num_names = 1;
        return;
    }
    char *copy = strdup(filters), *save = NULL;
    for (char *at = strtok_r(copy, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        entry->is_default |= strcmp(at, "*") == 0;
        rig->filters[i][entry->num_filters++] = strdup(at);
    }
    entry->filters = rig->filters[i];
    free(copy);
}

static void build(struct rig *rig)
{
    rig->look_up = tls_names_new(rig->num ? rig->entries : NULL);
}

static void fini(struct rig *rig)
{
    tls_names_free(rig->look_up);
    for (uint32_t i = 0; i < rig->num; i++)
        for (uint32_t f = 0; f < rig->entries[i].num_filters; f++)
            free((void *)rig->filters[i][f]);
}

static void expect(const struct rig *rig, const char *name, uint32_t can, const char *wanted)
{
    const struct tls_entry *entry = tls_names_find(rig->look_up, slice_str(name), can);
    if (!wanted != !entry || (entry && strcmp(entry->cert->name, wanted) != 0))
        fail_msg("%s (%u): %s, not %s", name, can, entry ? entry->cert->name : "none", wanted ? wanted : "none");
}

static void test_order(void **state)
{
    (void)state;
    struct rig rig = { 0 };
    add(&rig, "wild", TLS_KEY_RSA, "=*.a.test");
    add(&rig, "exact", TLS_KEY_RSA, "=x.a.test");
    add(&rig, "later", TLS_KEY_RSA, "x.a.test y.a.test");
    build(&rig);
    expect(&rig, "x.a.test", BOTH, "exact");
    expect(&rig, "X.A.Test", BOTH, "exact");
    expect(&rig, "y.a.test", BOTH, "later");
    expect(&rig, "z.a.test", BOTH, "wild");
    expect(&rig, "a.test", BOTH, NULL);
    expect(&rig, "z.z.a.test", BOTH, NULL);
    expect(&rig, ".a.test", BOTH, "wild");
    expect(&rig, "test", BOTH, NULL);
    expect(&rig, "", BOTH, NULL);
    char longest[300] = { 0 };
    memset(longest, 'a', sizeof(longest) - 1);
    expect(&rig, longest, BOTH, NULL);
    fini(&rig);
}

static void test_types(void **state)
{
    (void)state;
    struct rig rig = { 0 };
    add(&rig, "rsa", TLS_KEY_RSA, "a.test");
    add(&rig, "ecdsa", TLS_KEY_ECDSA, "a.test");
    add(&rig, "ecdsa2", TLS_KEY_ECDSA, "a.test");
    add(&rig, "wild", TLS_KEY_ECDSA, "*.b.test");
    add(&rig, "exact", TLS_KEY_RSA, "x.b.test");
    add(&rig, "ed", TLS_KEY_ED25519, "ed.test");
    build(&rig);
    expect(&rig, "a.test", BOTH, "ecdsa");
    expect(&rig, "a.test", TLS_CAN_RSA, "rsa");
    expect(&rig, "a.test", TLS_CAN_ECDSA, "ecdsa");
    expect(&rig, "a.test", 0, "ecdsa");
    // The types are compared after the names.
    expect(&rig, "x.b.test", BOTH, "wild");
    expect(&rig, "x.b.test", TLS_CAN_RSA, "exact");
    expect(&rig, "ed.test", BOTH, "ed");
    fini(&rig);
}

static void test_negative(void **state)
{
    (void)state;
    struct rig rig = { 0 };
    add(&rig, "first", TLS_KEY_RSA, "*.a.test !x.a.test !*.test");
    add(&rig, "second", TLS_KEY_RSA, "*.a.test");
    add(&rig, "third", TLS_KEY_RSA, "!only.a.test");
    build(&rig);
    expect(&rig, "y.a.test", BOTH, "first");
    expect(&rig, "x.a.test", BOTH, "second");
    expect(&rig, "only.a.test", BOTH, "first");
    fini(&rig);
    rig = (struct rig){ 0 };
    add(&rig, "first", TLS_KEY_RSA, "*.a.test !x.a.test");
    build(&rig);
    expect(&rig, "x.a.test", BOTH, NULL);
    fini(&rig);
}

static void test_default(void **state)
{
    (void)state;
    struct rig rig = { 0 };
    add(&rig, "none", TLS_KEY_ECDSA, "a.test");
    add(&rig, "rsa", TLS_KEY_RSA, "*");
    add(&rig, "rsa2", TLS_KEY_RSA, "*");
    add(&rig, "ecdsa", TLS_KEY_ECDSA, "b.test *");
    build(&rig);
    assert_string_equal(tls_names_default(rig.look_up, BOTH)->cert->name, "ecdsa");
    assert_string_equal(tls_names_default(rig.look_up, TLS_CAN_RSA)->cert->name, "rsa");
    expect(&rig, "c.test", BOTH, NULL);
    expect(&rig, "b.test", BOTH, "ecdsa");
    fini(&rig);
    rig = (struct rig){ 0 };
    build(&rig);
    assert_null(tls_names_default(rig.look_up, BOTH));
    expect(&rig, "a.test", BOTH, NULL);
    fini(&rig);
    tls_names_free(NULL);
}

static void test_context(void **state)
{
    (void)state;
    struct rig rig = { 0 };
    add(&rig, "one.pem", TLS_KEY_RSA, "a.test");
    add(&rig, "one.pem", TLS_KEY_RSA, "b.test");
    add(&rig, "two.pem", TLS_KEY_RSA, "b.test");
    add(&rig, "one.pem", TLS_KEY_RSA, "b.test");
    rig.entries[3].conf.verify = TLS_VERIFY_REQUIRED;
    for (uint32_t i = 0; i < rig.num; i++)
        tls_entry_context(&rig.entries[i]);
    assert_memory_equal(rig.entries[0].session_context, rig.entries[1].session_context, 32);
    assert_memory_not_equal(rig.entries[0].session_context, rig.entries[2].session_context, 32);
    assert_memory_not_equal(rig.entries[0].session_context, rig.entries[3].session_context, 32);
    build(&rig);
    fini(&rig);
}

// ---- entries that come and go

enum { NUM_CHANGING = 40, NUM_CHANGES = 4000 };

static const char *const hosts[] = { "a.test", "b.test", "x.a.test", "y.a.test", "x.b.test", "z.b.test", "q.c.test" };
static const char *const lines[] = { "a.test", "b.test",   "*.a.test", "*.b.test",  "!x.a.test", "!x.b.test",
                                     "*",      "x.a.test", "*.a.test", "!y.a.test", "a.test",    "q.c.test" };

struct changing {
    struct tls_entry entries[NUM_CHANGING];
    struct tls_cert certs[NUM_CHANGING];
    struct slice names[NUM_CHANGING];
    const char *filters[NUM_CHANGING][4];
    bool is_there[NUM_CHANGING];
    uint32_t seed;
};

static uint32_t chance(struct changing *all, uint32_t below)
{
    all->seed = all->seed * 1664525 + 1013904223;
    return (all->seed >> 8) % below;
}

// What the entry says from now on; some are found by the name of their certificate.
static void fill(struct changing *all, uint32_t i)
{
    struct tls_entry *entry = &all->entries[i];
    all->certs[i].key_type = (uint8_t)chance(all, 3);
    all->names[i] = slice_str(hosts[chance(all, NUM_ITEMS(hosts))]);
    all->certs[i].names = &all->names[i];
    all->certs[i].num_names = 1;
    entry->cert = &all->certs[i];
    entry->filters = all->filters[i];
    entry->num_filters = chance(all, 5);
    entry->is_default = false;
    for (uint32_t f = 0; f < entry->num_filters; f++) {
        all->filters[i][f] = lines[chance(all, NUM_ITEMS(lines))];
        entry->is_default |= strcmp(all->filters[i][f], "*") == 0;
    }
}

// The same as a look-up that is made of those that are there.
static void compare(struct changing *all, const struct tls_names *changed)
{
    struct tls_entry *sorted[NUM_CHANGING], *first = NULL, **end = &first;
    uint32_t num = 0;
    for (uint32_t i = 0; i < NUM_CHANGING; i++) {
        if (!all->is_there[i])
            continue;
        uint32_t at = num++;
        for (; at && sorted[at - 1]->order > all->entries[i].order; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &all->entries[i];
    }
    uint64_t orders[NUM_CHANGING];
    for (uint32_t i = 0; i < num; i++) {
        orders[i] = sorted[i]->order;
        *end = sorted[i];
        end = &sorted[i]->next;
        *end = NULL;
    }
    struct tls_names *anew = tls_names_new(first);
    for (uint32_t can = 0; can < 8; can++) {
        for (size_t h = 0; h < NUM_ITEMS(hosts); h++)
            assert_ptr_equal(tls_names_find(changed, slice_str(hosts[h]), can),
                             tls_names_find(anew, slice_str(hosts[h]), can));
        assert_ptr_equal(tls_names_default(changed, can), tls_names_default(anew, can));
    }
    tls_names_free(anew);
    for (uint32_t i = 0; i < num; i++)
        sorted[i]->order = orders[i];
}

static void test_changes(void **state)
{
    (void)state;
    struct changing *all = calloc(1, sizeof(*all));
    assert_non_null(all);
    struct tls_names *names = tls_names_new(NULL);
    for (uint32_t n = 0; n < NUM_CHANGES; n++) {
        uint32_t i = chance(all, NUM_CHANGING);
        if (all->is_there[i])
            tls_names_cut(names, &all->entries[i]);
        // Gone for good, or with another certificate in the same place.
        bool stays = all->is_there[i] && chance(all, 2);
        if (!stays)
            all->entries[i].order = 0;
        if (stays || !all->is_there[i]) {
            fill(all, i);
            tls_names_add(names, &all->entries[i]);
            all->is_there[i] = true;
        } else {
            all->is_there[i] = false;
        }
        compare(all, names);
    }
    tls_names_free(names);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_types),   cmocka_unit_test(test_negative),
        cmocka_unit_test(test_default), cmocka_unit_test(test_context), cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
