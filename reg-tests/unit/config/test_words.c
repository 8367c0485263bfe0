// SPDX-License-Identifier: Apache-2.0
// The registry, and the examples of this area's own words (the tuning table, setenv and the like).
#include "config/reader.h"
#include "config/words.h"

static void *words_owner(struct arena *arena)
{
    (void)arena;
    sample = (struct sample){ 0 };
    return NULL;
}

static void test_examples(void **state)
{
    (void)state;
    assert_true(words_run_all() > NUM_ITEMS(sample_words) + 60);
}

static void check_order(const struct config_word *word, void *arg)
{
    const struct config_word **last = arg;
    if (*last) {
        uint32_t left = (*last)->in & -(*last)->in, right = word->in & -word->in;
        assert_true(left < right || (left == right && strcmp((*last)->name, word->name) <= 0));
    }
    *last = word;
}

static void test_order(void **state)
{
    (void)state;
    const struct config_word *last = NULL;
    config_words_each(check_order, &last);
    assert_non_null(last);
    assert_string_equal(config_section_find("frontend")->name, "frontend");
    assert_null(config_section_find("resolvers"));
}

// Each refused word is refused in a section it belongs to, and none is one of ours.
static void check_refused(const struct config_refusal *table, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        assert_non_null(config_refuse_reason(table[i].name, table[i].in));
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(table[i].name, table[j].name) == 0 &&
                         (table[i].in == table[j].in || (table[i].in & table[j].in)));
    }
}

static void visit_tuning(const struct config_word *word, void *arg)
{
    (void)arg;
    if (word->parse == config_word_tuning)
        assert_null(config_refuse_reason(word->name, word->in));
}

static void test_tables(void **state)
{
    (void)state;
    check_refused(config_refuse_global, config_refuse_global_num);
    check_refused(config_refuse_proxy, config_refuse_proxy_num);
    check_refused(config_refuse_rule, config_refuse_rule_num);
    check_refused(config_refuse_option, config_refuse_option_num);
    config_words_each(visit_tuning, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests_name("config words", tests, NULL, NULL);
}
