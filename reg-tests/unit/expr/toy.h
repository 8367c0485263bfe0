// SPDX-License-Identifier: Apache-2.0
// A toy subject with a few fetches, and a configuration line made of words, for the unit tests of expr and rule.
// Included once by each program.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/check.h"
#include "expr/cond.h"
#include "expr/expr.h"
#include "expr/format.h"
#include "expr/pattern.h"

struct toy {
    const char *method;
    const char *path;
    const char *hosts; // comma-separated
    const char *src;   // NULL: unknown
    int64_t status;
    uint32_t num_fetched; // how often path was asked for
};

static bool toy_method(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_METHOD, .str = slice_str(((struct toy *)subject->stream)->method) };
    return true;
}

static bool toy_path(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)args, (void)walk;
    struct toy *toy = subject->stream;
    toy->num_fetched++;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_str(toy->path) };
    return toy->path != NULL;
}

static const char *toy_hdr_prepare(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    return slice_equal_nocase(args[0].str, SLICE("host")) ? NULL : "the toy has one header: host";
}

static bool toy_hdr(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                    struct expr_walk *walk)
{
    (void)args;
    struct slice hosts = slice_str(((struct toy *)subject->stream)->hosts);
    if (walk->at[0] > hosts.len || !hosts.ptr)
        return false;
    struct slice rest = slice_from(hosts, walk->at[0]);
    size_t comma = slice_find(rest, ',');
    walk->at[0] += comma + 1;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_trim(slice_of(rest.ptr, comma)) };
    return true;
}

static bool toy_src(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                    struct expr_walk *walk)
{
    (void)args, (void)walk;
    out->type = EXPR_ADDR;
    return ((struct toy *)subject->stream)->src &&
           expr_addr_parse(&out->addr, slice_str(((struct toy *)subject->stream)->src));
}

static bool toy_status(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = ((struct toy *)subject->stream)->status };
    return true;
}

static bool toy_payload(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)args, (void)walk, (void)subject;
    *out = (struct expr_sample){ .type = EXPR_BIN, .str = SLICE("\0Hello\n") };
    return true;
}

// 7, and it may change.
static bool toy_late(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                     struct expr_walk *walk)
{
    (void)args, (void)walk;
    subject->may_change = true;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = 7 };
    return true;
}

static const struct expr_fetch toy_fetches[] = {
    { .name = "toy_late", .out = EXPR_INT, .when = EXPR_FROM_CONNECT, .fetch = toy_late },
    { .name = "method", .out = EXPR_METHOD, .when = EXPR_FROM_REQUEST_HEAD, .fetch = toy_method },
    { .name = "path", .out = EXPR_STR, .when = EXPR_FROM_REQUEST_HEAD, .fetch = toy_path },
    { .name = "path_beg", .of = "path", .match = EXPR_MATCH_BEG },
    { .name = "path_end", .of = "path", .match = EXPR_MATCH_END },
    { .name = "path_reg", .of = "path", .match = EXPR_MATCH_REG },
    { .name = "req.hdr",
      .args = "<name>",
      .min_args = 1,
      .max_args = 2,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      .when = EXPR_FROM_REQUEST_HEAD,
      .prepare = toy_hdr_prepare,
      .fetch = toy_hdr },
    { .name = "hdr", .of = "req.hdr" },
    { .name = "hdr_dom", .of = "req.hdr", .match = EXPR_MATCH_DOM },
    { .name = "src", .out = EXPR_ADDR, .when = EXPR_FROM_CONNECT, .fetch = toy_src },
    { .name = "status", .out = EXPR_INT, .when = EXPR_FROM_RESPONSE_HEAD, .fetch = toy_status },
    { .name = "req.payload", .out = EXPR_BIN, .when = EXPR_FROM_CONNECT, .fetch = toy_payload },
};
EXPR_FETCHES(toy_fetches);

static bool toy_upper(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)args;
    char *copy = expr_scratch_take(&subject->process->scratch, sample->str.len);
    for (size_t i = 0; copy && i < sample->str.len; i++) {
        char c = sample->str.ptr[i];
        copy[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    sample->str.ptr = copy;
    return copy != NULL;
}

static bool toy_len(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)args;
    *sample = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)sample->str.len };
    return true;
}

static bool toy_same(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject, (void)sample, (void)args;
    return true;
}

static const struct expr_conv toy_convs[] = {
    { .name = "toy_upper", .in = EXPR_STR, .out = EXPR_STR, .convert = toy_upper },
    { .name = "toy_len", .in = EXPR_STR, .out = EXPR_INT, .convert = toy_len },
    { .name = "toy_addr", .in = EXPR_ADDR, .out = EXPR_ADDR, .convert = toy_same },
    { .name = "toy_bin", .in = EXPR_BIN, .out = EXPR_BIN, .convert = toy_same },
};
EXPR_CONVERTERS(toy_convs);

// The toy as a subject of expressions; one at a time.
__attribute__((unused)) static struct expr_subject *toy_subject(struct toy *toy)
{
    static char scratch[65536];
    static uint64_t now_us = 1000000, wall_us = 1700000000000000;
    static struct expr_process process;
    static struct expr_subject subject;
    process = (struct expr_process){ .scratch = { .mem = scratch, .cap = sizeof(scratch) },
                                     .now_us = &now_us,
                                     .wall_us = &wall_us };
    subject = (struct expr_subject){
        .process = &process, .stream = toy, .when = EXPR_AT_REQUEST_HEAD, .final = true, .acted = subject.acted
    };
    return &subject;
}

struct toy_config {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct expr_acl *acls;
};

__attribute__((unused)) static void toy_init(struct toy_config *toy)
{
    *toy = (struct toy_config){ 0 };
    arena_init(&toy->arena);
    config_diag_init(&toy->diag, &toy->arena);
    config_init(&toy->config, &toy->arena, &toy->diag, NULL);
    expr_fetches_boot();
    expr_convs_boot();
    expr_aliases_boot();
}

__attribute__((unused)) static void toy_fini(struct toy_config *toy)
{
    config_fini(&toy->config);
    arena_fini(&toy->arena);
}

// Splits `text` at spaces; "" is an empty word. The first word is the line's name.
__attribute__((unused)) static struct config_line toy_line(struct toy_config *toy, const char *text)
{
    struct config_line line = { .first = 1, .place = { .file = "toy", .line = 1, .column = 1, .text = text } };
    line.args = arena_alloc(&toy->arena, (strlen(text) + 1) * sizeof(*line.args));
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, " ");
        if (len) {
            bool empty = len == 2 && at[0] == '"' && at[1] == '"';
            line.args[line.num_args++] = (struct config_arg){
                .str = arena_copy(&toy->arena, at, empty ? 0 : len),
                .len = empty ? 0 : (uint32_t)len,
                .column = (uint32_t)(at - text) + 1,
                .width = (uint32_t)len,
                .quoted = empty,
            };
        }
        at += len + (at[len] == ' ');
    }
    return line;
}

// The last message, and its column in `*column`.
__attribute__((unused)) static const char *toy_message(struct toy_config *toy, uint32_t *column)
{
    const struct config_message *last = NULL;
    for (const struct config_message *m = toy->diag.first; m; m = m->next)
        last = m;
    if (column)
        *column = last ? last->place.column : 0;
    return last ? last->text : "";
}

__attribute__((unused)) static void toy_acl(struct toy_config *toy, const char *text)
{
    struct config_line line = toy_line(toy, text);
    if (!expr_acl_parse(&toy->config, &toy->acls, &line, 0))
        fail_msg("%s: %s", text, toy_message(toy, NULL));
}

// "x if ..." for a request head.
__attribute__((unused)) static const struct expr_cond *toy_cond(struct toy_config *toy, const char *text)
{
    struct config_line line = toy_line(toy, text);
    return expr_cond_parse(&toy->config, &line, 0, &toy->acls, EXPR_AT_REQUEST_HEAD);
}
