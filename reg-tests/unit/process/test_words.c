// SPDX-License-Identifier: Apache-2.0
// The examples of everything the whole program declares: words, rule actions, services and fetches. What the manual
// shows is what is run here.
#include "admin/command.h"
#include "config/words.h"
#include "config/words_crt_list.h"
#include "base/check.h"
#include "expr/conv.h"
#include "config/line.h"
#include "expr/format.h"
#include "expr/names.h"
#include "proxy/conf.h"
#include "rule/rule.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

static const struct config_word list_words[] = { WORDS_CRT_LIST };
CONFIG_WORDS(list_words);

static size_t frame_of(uint32_t in)
{
    size_t i = 0;
    while (i < NUM_ITEMS(words_frames) && words_frames[i].in != in)
        i++;
    assert_true(i < NUM_ITEMS(words_frames));
    return i;
}

static void test_words(void **state)
{
    (void)state;
    assert_true(words_run_all() > 150);
}

static void visit_action(const struct rule_action *action, void *arg)
{
    struct words_run *run = arg;
    size_t frame = frame_of(CONFIG_IN_LISTEN);
    run->words++;
    if (!action->help || !action->good || !action->bad || !action->bad_says) {
        print_error("action '%s' lacks its help or an example\n", action->name);
        run->failed++;
        return;
    }
    run->failed += !words_try(frame, action->good, NULL);
    run->failed += !words_try(frame, action->bad, action->bad_says);
}

static void test_actions(void **state)
{
    (void)state;
    struct words_run run = { 0 };
    rule_actions_each(visit_action, &run);
    assert_int_equal(run.failed, 0);
    assert_true(run.words > 0);
}

static void visit_service(const struct rule_service *service, void *arg)
{
    struct words_run *run = arg;
    char line[128];
    snprintf(line, sizeof(line), "http-request use-service %s", service->name);
    run->words++;
    run->failed += !service->help || !words_try(frame_of(CONFIG_IN_FRONTEND), line, NULL);
}

static void test_services(void **state)
{
    (void)state;
    struct words_run run = { 0 };
    rule_services_each(visit_service, &run);
    assert_int_equal(run.failed, 0);
    assert_true(run.words > 0);
}

// Another name of a fetch may do without an example, not without help.
static void visit_fetch(const struct expr_fetch *row, void *arg)
{
    struct words_run *run = arg;
    char line[256];
    run->words++;
    if (!row->help || (!row->of && !row->good)) {
        print_error("fetch '%s' lacks its help or an example\n", row->name);
        run->failed++;
        return;
    }
    snprintf(line, sizeof(line), "acl example %s", row->good ? row->good : "");
    if (row->good)
        run->failed += !words_try(frame_of(CONFIG_IN_FRONTEND), line, NULL);
}

static void test_fetches(void **state)
{
    (void)state;
    struct words_run run = { 0 };
    expr_fetches_each(visit_fetch, &run);
    assert_int_equal(run.failed, 0);
    assert_true(run.words > 0);
}

struct known_action {
    const char *name;
    bool found;
};

static void visit_known(const struct rule_action *action, void *arg)
{
    struct known_action *known = arg;
    char name[96];
    for (uint32_t bit = RULE_TCP_CONNECTION; bit <= RULE_HTTP_AFTER_RESPONSE; bit <<= 1) {
        snprintf(name, sizeof(name), "%s %s", rule_set_name(bit), action->name);
        known->found |= action->in & bit && strcmp(name, known->name) == 0;
    }
}

static bool is_registered(const struct config_refusal *refusal)
{
    struct known_action known = { .name = refusal->name };
    size_t num;
    const struct config_word *const *words = config_words_all(&num);
    if (refusal->in == 0)
        return config_section_find(refusal->name);
    for (size_t i = 0; i < num; i++)
        if (words[i]->in & refusal->in && strcmp(words[i]->name, refusal->name) == 0)
            return true;
    rule_actions_each(visit_known, &known);
    return known.found;
}

// What is supported is not refused as well.
static void test_refused(void **state)
{
    (void)state;
    unsigned failed = 0;
    const struct config_refusal *refusal;
    for (size_t i = 0; (refusal = config_refusal_at(i)); i++) {
        if (!is_registered(refusal))
            continue;
        print_error("'%s' (in 0x%x) is there: take it out of src/config/refuse_*.c\n", refusal->name, refusal->in);
        failed++;
    }
    const char *name;
    for (size_t i = 0; (name = expr_fetch_refused_at(i)); i++) {
        if (!expr_fetch_find(slice_str(name)))
            continue;
        print_error("fetch '%s' is there: take it out of src/expr/names.c\n", name);
        failed++;
    }
    for (size_t i = 0; (name = expr_converter_refused_at(i)); i++) {
        if (!expr_conv_find(slice_str(name)))
            continue;
        print_error("converter '%s' is there: take it out of src/expr/names.c\n", name);
        failed++;
    }
    assert_int_equal(failed, 0);
}

// Operators find each command in the chapter on running the program, by its whole name.
static void test_commands(void **state)
{
    (void)state;
    static char page[1 << 18];
    char name[96];
    size_t num;
    unsigned failed = 0;
    FILE *file = fopen("doc/management.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    assert_true(feof(file));
    fclose(file);
    const struct admin_command *const *commands = admin_commands_all(&num);
    for (size_t i = 0; i < num; i++) {
        snprintf(name, sizeof(name), "`%s`", commands[i]->name);
        if (strstr(page, name))
            continue;
        print_error("command '%s' is not in doc/management.md, \"All commands\"\n", commands[i]->name);
        failed++;
    }
    assert_true(num > 100);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_actions), cmocka_unit_test(test_services),
        cmocka_unit_test(test_fetches), cmocka_unit_test(test_refused), cmocka_unit_test(test_commands),
    };
    proxy_conf_boot();
    admin_commands_boot();
    return cmocka_run_group_tests_name("words of the program", tests, NULL, NULL);
}
