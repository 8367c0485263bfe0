// SPDX-License-Identifier: Apache-2.0
// Expressions, conditions and ACLs: the input is a line of words, parsed as an expression, as a condition and as an
// ACL, and what parses is evaluated twice. Fetches of streams are not linked in; those of the process and a toy's are.
// All converters of the area are there. Whatever the words, parsing ends with a result or an error, evaluating takes
// nothing from the scratch that it does not give back, and a condition that may still change says so only before the
// end.
#include <stdlib.h>
#include "base/check.h"
#include "expr/cond.h"
#include "expr/conv.h"
#include "expr/expr.h"
#include "expr/var.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct slice fuzz_text;

// What the fuzzer gave as a whole.
static bool fuzz_fetch(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)args;
    if (walk->nth == 3)
        return false;
    subject->may_change |= !subject->final;
    *out = (struct expr_sample){ .type = EXPR_BIN, .str = slice_from(fuzz_text, walk->nth) };
    return true;
}

static const struct expr_fetch fuzz_fetches[] = {
    { .name = "t", .flags = EXPR_MANY, .out = EXPR_BIN, .when = EXPR_ALWAYS, .fetch = fuzz_fetch },
    { .name = "t_beg", .of = "t", .match = EXPR_MATCH_BEG },
};
EXPR_FETCHES(fuzz_fetches);

enum { FUZZ_MAX_WORDS = 64, FUZZ_SCRATCH = 1 << 17 };

// Words end at spaces; the first stands for the line's own.
static void line_split(struct arena *arena, struct config_line *line, struct slice text)
{
    line->args = arena_alloc(arena, (FUZZ_MAX_WORDS + 1) * sizeof(*line->args));
    line->first = 1;
    line->num_args = 1;
    line->args[0].str = "fuzz";
    line->place = (struct config_place){ .file = "fuzz", .line = 1, .text = arena_copy(arena, text.ptr, text.len) };
    for (size_t at = 0; at < text.len && line->num_args < FUZZ_MAX_WORDS;) {
        size_t end = at + slice_find(slice_from(text, at), ' ');
        if (end > at) {
            size_t width = strnlen(text.ptr + at, end - at);
            line->args[line->num_args++] = (struct config_arg){ .str = arena_copy(arena, text.ptr + at, width),
                                                                .len = (uint32_t)width,
                                                                .column = (uint32_t)at + 1,
                                                                .width = (uint32_t)(end - at) };
        }
        at = end + 1;
    }
}

static void run(struct config *config, const struct config_line *line, struct expr_subject *subject)
{
    struct expr_scratch *scratch = &subject->process->scratch;
    struct expr_acl *acls = NULL;
    struct expr expr;
    config->acls = &acls;
    for (int final = 0; final < 2; final++) {
        subject->final = final;
        if (expr_parse(config, &expr, line, 0)) {
            struct expr_sample sample;
            if (expr_eval(&expr, subject, &sample)) {
                must(sample.type < EXPR_NUM_TYPES && (expr.out == EXPR_ANY || expr.out == sample.type));
                for (int to = 0; to < EXPR_NUM_TYPES; to++) {
                    struct expr_sample cast = sample;
                    bool done = expr_cast(&cast, (enum expr_type)to, scratch);
                    must(!done || cast.type == (enum expr_type)to);
                }
            }
            (void)expr_eval_str(&expr, subject);
            expr_scratch_release(scratch, 0);
        }
        (void)expr_acl_parse(config, &acls, line, 0);
        if (expr_is_cond(line, 0)) {
            const struct expr_cond *cond = expr_cond_parse(config, line, 0, &acls, EXPR_AT_REQUEST_HEAD);
            if (cond) {
                enum expr_truth truth = expr_cond_test(cond, subject);
                must(!final || truth != EXPR_WAIT);
                (void)expr_cond_true(cond, subject);
            }
        }
        must(scratch->len == 0);
    }
    config->acls = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char scratch[FUZZ_SCRATCH];
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct config_line line = { 0 };
    uint64_t now = 1000000, wall = 1700000000000000;
    // Files are none of this fuzzer's.
    if (len > 4096 || memmem(data, len, "/", 1))
        return -1;
    expr_fetches_boot();
    expr_convs_boot();
    fuzz_text = slice_of((const char *)data, len);
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    struct expr_process process = { .scratch = { .mem = scratch, .cap = sizeof(scratch) },
                                    .now_us = &now,
                                    .wall_us = &wall };
    process.vars = expr_var_pool_new(NULL);
    struct expr_subject subject = { .process = &process, .when = EXPR_AT_REQUEST_HEAD };
    subject.scopes = 1 << EXPR_SCOPE_TXN | 1 << EXPR_SCOPE_REQ;
    line_split(&arena, &line, fuzz_text);
    run(&config, &line, &subject);
    expr_vars_end(&subject, EXPR_SCOPE_TXN);
    expr_vars_end(&subject, EXPR_SCOPE_REQ);
    expr_var_pool_free(process.vars);
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
