// SPDX-License-Identifier: Apache-2.0
// What the tests of this area share: reading a configuration from a text, its diagnostics as one text, and stand-ins
// for the fetches and actions that live on higher floors. Each test program includes it once.
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
#include "config/word.h"
#include "expr/conv.h"
#include "expr/format.h"
#include "log/log.h"
#include "proxy/conf.h"
#include "rule/rule.h"

static bool toy_path(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)subject;
    (void)out;
    (void)args;
    (void)walk;
    return false;
}

static const struct expr_fetch toy_fetches[] = {
    { .name = "path",
      .args = "",
      .out = EXPR_STR,
      .when = EXPR_FROM_REQUEST_HEAD,
      .fetch = toy_path,
      .help = "The path, for tests.",
      .good = "path /" },
    { .name = "path_beg",
      .of = "path",
      .match = EXPR_MATCH_BEG,
      .help = "The start of the path, for tests.",
      .good = "path_beg /" },
    { .name = "dst_port",
      .args = "",
      .out = EXPR_INT,
      .when = EXPR_FROM_CONNECT,
      .fetch = toy_path,
      .help = "The port, for tests.",
      .good = "dst_port 80" },
};
EXPR_FETCHES(toy_fetches);

static bool toy_return_parse(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                             uint32_t *next)
{
    (void)config;
    (void)rule;
    for (*next = index; config_arg_at(line, *next) && strcmp(config_arg_at(line, *next)->str, "if") != 0;)
        ++*next;
    return true;
}

static enum rule_verdict toy_return_run(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject;
    (void)rule;
    return RULE_ANSWERED;
}

enum { TOY_TCP = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_TCP_RESPONSE };

static const struct rule_action toy_actions[] = {
    { .name = "return",
      .in = RULE_HTTP_REQUEST,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "An answer, for tests.",
      .good = "http-request return status 200",
      .bad = "http-request",
      .bad_says = "" },
    { .name = "accept",
      .in = TOY_TCP,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "A verdict, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "reject",
      .in = TOY_TCP,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "A verdict, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "allow",
      .in = RULE_HTTP_AFTER_RESPONSE,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "A verdict, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "redirect",
      .in = RULE_HTTP_REQUEST,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "A verdict, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "wait-for-body",
      .in = RULE_HTTP_RESPONSE,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "A verdict, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "auth",
      .in = RULE_HTTP_REQUEST,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "What the words of the status page make rules of, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
    { .name = "deny",
      .in = RULE_HTTP_REQUEST,
      .parse = toy_return_parse,
      .run = toy_return_run,
      .args = "...",
      .help = "What the words of the status page make rules of, for tests.",
      .good = "",
      .bad = "",
      .bad_says = "" },
};
RULE_ACTIONS(toy_actions);

struct reader {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct program_conf *program;
    struct text out; // all diagnostics
    bool ok;
};

// Reads and finishes the configuration `text`.
static inline void reader_read(struct reader *reader, const char *text)
{
    proxy_conf_boot();
    arena_init(&reader->arena);
    config_diag_init(&reader->diag, &reader->arena);
    reader->program = proxy_conf_new(&reader->arena);
    config_init(&reader->config, &reader->arena, &reader->diag, reader->program);
    reader->config.env->is_private = true;
    text_init(&reader->out);
    config_read_text(&reader->config, "test.cfg", slice_str(text));
    reader->ok = proxy_conf_finish(&reader->config, reader->program);
    reader->ok &= config_read_end(&reader->config);
    config_diag_write(&reader->diag, &reader->out, CONFIG_WARNING);
}

static inline void reader_fini(struct reader *reader)
{
    text_fini(&reader->out);
    config_fini(&reader->config);
    arena_fini(&reader->arena);
}

// Reads what must be accepted; the caller looks at reader->program.
static inline void reader_accept(struct reader *reader, const char *text)
{
    reader_read(reader, text);
    if (!reader->ok)
        print_error("%s\n%s", text, reader->out.ptr ? reader->out.ptr : "");
    assert_true(reader->ok);
}

// Reads `text` and wants `says` in what is said about it: an error, or, with `ok`, a warning.
static inline void reader_says(const char *text, bool ok, const char *says)
{
    struct reader reader;
    reader_read(&reader, text);
    const char *out = reader.out.ptr ? reader.out.ptr : "";
    if (reader.ok != ok || !strstr(out, says))
        print_error("%s\nsays: %s\nand not: %s\n", text, out, says);
    assert_int_equal(reader.ok, ok);
    assert_non_null(strstr(out, says));
    reader_fini(&reader);
}

#define refuses(text, says) reader_says(text, false, says)
#define warns(text, says)   reader_says(text, true, says)
