// SPDX-License-Identifier: Apache-2.0
// What the tests of this area share: a configuration with a few sections and words of its own, and its diagnostics as
// one text. Each test program includes it once.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "config/env.h"
#include "config/line.h"

struct sample {
    char section[32];
    uint32_t number;
    uint64_t wide;
    uint64_t size;
    uint64_t time_us;
    uint64_t flags;
    const char *str;
    bool yes;
    bool on;
    uint32_t weight;
    bool backup;
    unsigned ends;
};

static struct sample sample;

static void *sample_begin(struct config *config, const struct config_line *line)
{
    const struct config_arg *name = config_arg_at(line, 0);
    if (name && strcmp(name->str, "refused") == 0) {
        config_error(config, line, 0, "this name is refused");
        return NULL;
    }
    snprintf(sample.section, sizeof(sample.section), "%s", config->section_name);
    return &sample;
}

static bool sample_end(struct config *config, void *object)
{
    (void)config;
    ((struct sample *)object)->ends++;
    return true;
}

#define SAMPLE_SECTION(variable, text, bit, least, most)                                                               \
    static const struct config_section variable = {                                                                    \
        .name = text,                                                                                                  \
        .in = bit,                                                                                                     \
        .min_args = least,                                                                                             \
        .max_args = most,                                                                                              \
        .begin = sample_begin,                                                                                         \
        .end = sample_end,                                                                                             \
        .help = "A section for tests.",                                                                                \
    };                                                                                                                 \
    CONFIG_SECTION(variable)
SAMPLE_SECTION(sample_global, "global", CONFIG_IN_GLOBAL, 0, 0);
SAMPLE_SECTION(sample_defaults, "defaults", CONFIG_IN_DEFAULTS, 0, 3);
SAMPLE_SECTION(sample_frontend, "frontend", CONFIG_IN_FRONTEND, 1, 3);
SAMPLE_SECTION(sample_backend, "backend", CONFIG_IN_BACKEND, 1, 3);
SAMPLE_SECTION(sample_listen, "listen", CONFIG_IN_LISTEN, 1, 3);

static bool sample_server(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    (void)word;
    return config_parse_options(config, object, line, 2, CONFIG_IN_SERVER);
}

static bool sample_bind(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    (void)word;
    return config_parse_options(config, object, line, 1, CONFIG_IN_BIND);
}

static bool sample_default_server(struct config *config, void *object, const struct config_word *word,
                                  const struct config_line *line)
{
    (void)word;
    return config_parse_options(config, object, line, 0, CONFIG_IN_DEFAULT_SERVER);
}

static bool sample_mode(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    static const char *const modes[] = { "http", "tcp" };
    (void)object;
    (void)word;
    const char *mode = config_arg_at(line, 0)->str;
    return strcmp(mode, "http") == 0 || strcmp(mode, "tcp") == 0 ||
           config_error_unknown(config, line, 0, "mode", modes, NUM_ITEMS(modes));
}

#define SAMPLE_INTO(member)                 .into = offsetof(struct sample, member)
#define SAMPLE_EXAMPLES(right, wrong, says) .help = "A word for tests.", .good = right, .bad = wrong, .bad_says = says

static const struct config_word sample_words[] = {
    { .name = "maxconn",
      .in = CONFIG_IN_GLOBAL | CONFIG_IN_FRONTEND,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      SAMPLE_INTO(number),
      .min = 1,
      .max = 100000,
      .args = "<number>",
      SAMPLE_EXAMPLES("maxconn 5", "maxconn 0", "out of range") },
    { .name = "wide",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u64,
      SAMPLE_INTO(wide),
      .args = "<number>",
      SAMPLE_EXAMPLES("wide 5", "wide x", "'x' is no number") },
    { .name = "tune.bufsize",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_size,
      SAMPLE_INTO(size),
      .args = "<size>",
      SAMPLE_EXAMPLES("tune.bufsize 16k", "tune.bufsize k", "is no size") },
    { .name = "chroot",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      SAMPLE_INTO(str),
      .args = "<dir>",
      SAMPLE_EXAMPLES("chroot /", "chroot ''", "not empty") },
    { .name = "daemon",
      .in = CONFIG_IN_GLOBAL,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_bool,
      SAMPLE_INTO(yes),
      .args = "",
      SAMPLE_EXAMPLES("daemon;no daemon", "daemon x", "takes no argument") },
    { .name = "profile",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_on_off,
      SAMPLE_INTO(on),
      .args = "{ on | off }",
      SAMPLE_EXAMPLES("profile on", "profile maybe", "expected one of") },
    { .name = "timeout client",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      SAMPLE_INTO(time_us),
      .value = 1000,
      .args = "<time>",
      SAMPLE_EXAMPLES("timeout client 5s", "timeout client 5x", "unexpected 'x'") },
    { .name = "timeout server",
      .in = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      SAMPLE_INTO(time_us),
      .value = 1000,
      .args = "<time>",
      SAMPLE_EXAMPLES("timeout server 5", "timeout server", "incomplete") },
    { .name = "option dontlognull",
      .in = CONFIG_IN_PROXY,
      .flags = CONFIG_MAY_NEGATE,
      .parse = config_word_flag,
      SAMPLE_INTO(flags),
      .value = 4,
      .args = "",
      SAMPLE_EXAMPLES("no option dontlognull", "option dontlognull 1", "takes no argument") },
    { .name = "mode",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = sample_mode,
      .args = "{ http | tcp }",
      SAMPLE_EXAMPLES("mode tcp", "mode htp", "did you mean 'http'?") },
    { .name = "server",
      .in = CONFIG_IN_BACKEND,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = sample_server,
      .args = "<name> <address> [<option>...]",
      SAMPLE_EXAMPLES("server s 127.0.0.1:80", "server s", "is incomplete") },
    { .name = "bind",
      .in = CONFIG_IN_FRONTEND,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = sample_bind,
      .args = "<address> [<option>...]",
      SAMPLE_EXAMPLES("bind :80", "bind", "is incomplete") },
    { .name = "default-server",
      .in = CONFIG_IN_BACKEND,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = sample_default_server,
      .args = "<option>...",
      SAMPLE_EXAMPLES("default-server weight 3", "default-server", "is incomplete") },
    { .name = "weight",
      .in = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      SAMPLE_INTO(weight),
      .max = 256,
      .args = "<number>",
      SAMPLE_EXAMPLES("weight 10", "weight 257", "257 is out of range, expected 0 to 256") },
    { .name = "backup",
      .in = CONFIG_IN_SERVER,
      .parse = config_word_bool,
      SAMPLE_INTO(backup),
      .args = "",
      SAMPLE_EXAMPLES("backup", "backup yes", "unknown option 'yes' of 'server'") },
};
CONFIG_WORDS(sample_words);

struct reader {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct text out;
};

static inline void reader_init(struct reader *reader)
{
    sample = (struct sample){ 0 };
    config_words_boot();
    arena_init(&reader->arena);
    config_diag_init(&reader->diag, &reader->arena);
    config_init(&reader->config, &reader->arena, &reader->diag, NULL);
    reader->config.env->is_private = true;
    text_init(&reader->out);
}

static inline void reader_fini(struct reader *reader)
{
    text_fini(&reader->out);
    config_fini(&reader->config);
    arena_fini(&reader->arena);
}

// reader_output gives the diagnostics, with the process's number written as PID.
static inline const char *reader_output(struct reader *reader)
{
    char pid[32];
    struct text raw;
    text_init(&raw);
    config_diag_write(&reader->diag, &raw, CONFIG_DIAG);
    text_add(&raw, "", 0);
    snprintf(pid, sizeof(pid), "(%d)", (int)getpid());
    text_consume(&reader->out, reader->out.len);
    const char *at = raw.ptr, *hit;
    for (; (hit = strstr(at, pid)); at = hit + strlen(pid)) {
        text_add(&reader->out, at, (size_t)(hit - at));
        text_add(&reader->out, "(PID)", 5);
    }
    text_add(&reader->out, at, strlen(at));
    text_fini(&raw);
    return reader->out.ptr;
}

// reader_says reads `text` as the file "t" and gives the diagnostics.
static inline const char *reader_says(struct reader *reader, const char *text)
{
    config_read_text(&reader->config, "t", slice_str(text));
    config_read_end(&reader->config);
    return reader_output(reader);
}

// assert_says reads `text` by itself and compares all diagnostics.
#define assert_says(text, expected)                                                                                    \
    do {                                                                                                               \
        struct reader reader_;                                                                                         \
        reader_init(&reader_);                                                                                         \
        assert_string_equal(reader_says(&reader_, text), expected);                                                    \
        reader_fini(&reader_);                                                                                         \
    } while (0)

// assert_first reads `text` by itself and compares the first message, without its level and without the line shown.
#define assert_first(text, expected)                                                                                   \
    do {                                                                                                               \
        struct reader reader_;                                                                                         \
        reader_init(&reader_);                                                                                         \
        reader_says(&reader_, text);                                                                                   \
        const char *first_ = strstr(reader_.out.ptr, " : config : ");                                                  \
        first_ = first_ ? first_ + strlen(" : config : ") : "nothing\n";                                               \
        char line_[512];                                                                                               \
        snprintf(line_, sizeof(line_), "%.*s", (int)strcspn(first_, "\n"), first_);                                    \
        assert_string_equal(line_, expected);                                                                          \
        reader_fini(&reader_);                                                                                         \
    } while (0)
