// SPDX-License-Identifier: Apache-2.0
// Every word of the proxy area is accepted and refused as its examples promise.
#include "reader.h"
#include "config/words.h"
#include "config/words_crt_list.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

// Some options of bind lines are those of stats sockets, whose word lives on a higher floor.
static bool toy_socket(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct bind_conf bind = { 0 };
    (void)object;
    (void)word;
    return config_parse_options(config, &bind, line, 1, CONFIG_IN_SOCKET);
}

static const struct config_word toy_words[] = {
    WORDS_CRT_LIST,
    { .name = "stats socket",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = toy_socket,
      .args = "<address>",
      .help = "A socket, for tests.",
      .good = "stats socket /tmp/s",
      .bad = "stats socket",
      .bad_says = "is incomplete" },
};
CONFIG_WORDS(toy_words);

static void test_examples(void **state)
{
    (void)state;
    proxy_conf_boot();
    assert_true(words_run_all() > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
