// SPDX-License-Identifier: Apache-2.0
// The examples of every word of the whole program: good ones are accepted, bad ones refused with what they promise.
#include "config/words.h"
#include "proxy/conf.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

static void test_examples(void **state)
{
    (void)state;
    struct arena arena;
    struct config_diag diag;
    struct program_conf *program;
    // An empty configuration, for the tables of words, fetches and actions that the first reading prepares.
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    proxy_conf_load(&program, &diag, &arena, NULL, 0, NULL);
    arena_fini(&arena);
    assert_true(words_run_all() > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
