// SPDX-License-Identifier: Apache-2.0
// The configuration reader: splitting, variables, directives and conditions, sections, words, option lists and the
// diagnostics, with a few sections and words of its own beside those of the config area. Whatever the text, reading
// comes to an end, reports its errors, and shows them in printable characters.
#include "base/check.h"
#include "config/env.h"
#include "config/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzz_object {
    uint64_t number;
    uint64_t time_us;
    uint64_t flags;
    const char *str;
};

static struct fuzz_object fuzz_object;

static void *fuzz_begin(struct config *config, const struct config_line *line)
{
    (void)config;
    const struct config_arg *name = config_arg_at(line, 0);
    return name && name->len == 3 ? NULL : &fuzz_object;
}

#define FUZZ_SECTION(variable, text, bit, most)                                                                        \
    static const struct config_section variable = { .name = text, .in = bit, .max_args = most, .begin = fuzz_begin };  \
    CONFIG_SECTION(variable)
FUZZ_SECTION(fuzz_one, "fuzz-one", CONFIG_IN_GLOBAL, 1);
FUZZ_SECTION(fuzz_two, "fuzz-two", CONFIG_IN_BACKEND, 2);

static bool fuzz_options(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word;
    return config_parse_options(config, object, line, 1, CONFIG_IN_COOKIE);
}

#define FUZZ_INTO(member) .into = offsetof(struct fuzz_object, member)

static const struct config_word fuzz_words[] = {
    { .name = "fuzz number",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u64,
      FUZZ_INTO(number),
      .min = 1,
      .max = 70000 },
    { .name = "fuzz size",
      .in = CONFIG_IN_BACKEND,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_size,
      FUZZ_INTO(number) },
    { .name = "fuzz time",
      .in = CONFIG_IN_GLOBAL | CONFIG_IN_BACKEND,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      FUZZ_INTO(time_us) },
    { .name = "fuzz flag",
      .in = CONFIG_IN_BACKEND,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_flag,
      FUZZ_INTO(flags),
      .value = 2 },
    { .name = "fuzz", .in = CONFIG_IN_BACKEND, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = fuzz_options },
    { .name = "fuzz-name",
      .in = CONFIG_IN_COOKIE,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      FUZZ_INTO(str) },
    { .name = "fuzz-flag", .in = CONFIG_IN_COOKIE, .parse = config_word_flag, FUZZ_INTO(flags), .value = 1 },
};
CONFIG_WORDS(fuzz_words);

static void fuzz_check_shown(const struct config_diag *diag)
{
    struct text out;
    text_init(&out);
    config_diag_write(diag, &out, CONFIG_DIAG);
    for (size_t i = 0; i < out.len; i++) {
        unsigned char c = (unsigned char)out.ptr[i];
        must(c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f));
    }
    text_fini(&out);
    for (const struct config_message *message = diag->first; message; message = message->next)
        must(!message->place.text || message->place.column <= strlen(message->place.text) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    config.env->is_private = true;
    config_env_set(config.env, "LIST", " a b  c ", true);
    bool ok = config_read_text(&config, "fuzz.cfg", slice_of((const char *)data, len));
    must(ok == (diag.num_errors == 0 && (diag.num_warnings == 0 || !diag.zero_warning)));
    must(config_read_end(&config) == ok);
    fuzz_check_shown(&diag);

    // The same bytes as a condition of the command line.
    bool result;
    const char *error;
    uint32_t num_errors = diag.num_errors;
    const char *text = arena_copy(&arena, (const char *)data, len);
    must(config_condition(&config, &result, &error, text) || (error && !result));
    must(diag.num_errors == num_errors);
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
