// SPDX-License-Identifier: Apache-2.0
// Runs the examples of every word that the program under test holds: each word's `good` lines must be accepted wherever
// it may stand, and its `bad` line refused with the message it promises. The test of the config area does so with that
// area's words; one that links the whole program does so with all. Included once by a test program, which gives
// words_owner: what config.owner must point to for one reading, in `arena`.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "config/env.h"
#include "config/word.h"

static void *words_owner(struct arena *arena);

// Where an example of each kind is put.
static const struct {
    uint32_t in;
    const char *before;
    const char *after;
} words_frames[] = {
    { CONFIG_IN_GLOBAL, "global\n ", "" },
    { CONFIG_IN_DEFAULTS, "defaults words\n ", "" },
    { CONFIG_IN_FRONTEND, "frontend words\n ", "" },
    { CONFIG_IN_BACKEND, "backend words\n ", "" },
    { CONFIG_IN_LISTEN, "listen words\n ", "" },
    { CONFIG_IN_BIND, "frontend words\n bind 127.0.0.1:8000 ", "" },
    { CONFIG_IN_SERVER, "backend words\n server words 127.0.0.1:8000 ", "" },
    { CONFIG_IN_DEFAULT_SERVER, "backend words\n default-server ", "" },
    { CONFIG_IN_SOCKET, "global\n stats socket /tmp/words.sock ", "" },
    { CONFIG_IN_LOG, "global\n log 127.0.0.1:514 ", " local0" },
    { CONFIG_IN_COOKIE, "backend words\n cookie WORDS ", "" },
    { CONFIG_IN_SSL_BIND, "global\n ssl-default-bind-options ", "" },
    { CONFIG_IN_SSL_SERVER, "global\n ssl-default-server-options ", "" },
    { CONFIG_IN_CRT_LIST, "global\n words-crt-list ", "" }, // a word of tests that hold such options
    { CONFIG_IN_CRT_STORE, "crt-store words\n ", "" },
    { CONFIG_IN_ERRORS, "http-errors words\n ", "" },
};

struct words_run {
    unsigned words;
    unsigned failed;
};

// Reads one example in the frame number `frame`. `says` NULL: it must be accepted.
__attribute__((unused)) static bool words_try(size_t frame, const char *example, const char *says)
{
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct text text, out;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, words_owner(&arena));
    config.env->is_private = true;
    text_init(&text);
    text_init(&out);
    text_printf(&text, "%s", words_frames[frame].before);
    for (const char *c = example; *c; c++)
        text_add(&text, *c == ';' ? "\n " : c, *c == ';' ? 2 : 1);
    text_printf(&text, "%s\n", words_frames[frame].after);
    config_read_text(&config, "example", slice_of(text.ptr, text.len));
    config_read_end(&config);
    config_diag_write(&diag, &out, CONFIG_ERROR);
    bool ok = says ? diag.num_errors > 0 && out.ptr && strstr(out.ptr, says) : diag.num_errors == 0;
    if (!ok)
        print_error("%s%s, but:\n%s", text.ptr, says ? " must be refused" : " must be accepted",
                    out.ptr ? out.ptr : "(no error)\n");
    if (!ok && says)
        print_error("it lacks: %s\n", says);
    text_fini(&out);
    text_fini(&text);
    config_fini(&config);
    arena_fini(&arena);
    return ok;
}

static void words_visit(const struct config_word *word, void *arg)
{
    struct words_run *run = arg;
    run->words++;
    if (!word->help || !word->good || !word->bad || !word->bad_says) {
        print_error("'%s' lacks its help or an example\n", word->name);
        run->failed++;
        return;
    }
    for (size_t i = 0; i < sizeof(words_frames) / sizeof(words_frames[0]); i++) {
        if (!(word->in & words_frames[i].in))
            continue;
        // An option follows the word of its list; a line stands below the section's name.
        run->failed += !words_try(i, word->good, NULL);
        run->failed += !words_try(i, word->bad, word->bad_says);
    }
}

// words_run_all tries all examples of all words; gives how many words there were.
__attribute__((unused)) static unsigned words_run_all(void)
{
    struct words_run run = { 0 };
    config_words_boot();
    config_words_each(words_visit, &run);
    assert_int_equal(run.failed, 0);
    return run.words;
}
