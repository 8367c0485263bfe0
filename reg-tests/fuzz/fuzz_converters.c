// SPDX-License-Identifier: Apache-2.0
// Every converter of this floor, with the arguments of its example, on any value: a byte chooses the converter, two how
// much room there is, the rest is the value. What comes out stands where it may and can be read.
#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/expr.h"
#include "expr/var.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MAX_STEPS = 256, SCRATCH_MAX = 8192 };

static struct {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct expr_step steps[MAX_STEPS]; // the last one of each example
    uint32_t num_steps;
    struct expr_var_pool *vars;
} fuzz;

static void add_example(const struct expr_conv *row, void *arg)
{
    (void)arg;
    if (row->of || !row->good || row->when || fuzz.num_steps == MAX_STEPS)
        return;
    size_t len = strlen(row->good);
    struct config_arg word = { .str = row->good, .len = (uint32_t)len, .column = 1, .width = (uint32_t)len };
    struct config_line line = { .args = &word, .num_args = 1, .place = { .file = "fuzz", .text = row->good } };
    struct expr expr;
    // Examples that need a file or a fetch of a higher floor do not parse here.
    if (!expr_parse(&fuzz.config, &expr, &line, 0))
        return;
    for (uint32_t i = 0; i < expr.num_steps && fuzz.num_steps < MAX_STEPS; i++)
        if (expr.steps[i].conv == row)
            fuzz.steps[fuzz.num_steps++] = expr.steps[i];
}

static void begin(void)
{
    static const struct expr_var_limits limits = { .total = 65536 };
    arena_init(&fuzz.arena);
    config_diag_init(&fuzz.diag, &fuzz.arena);
    config_init(&fuzz.config, &fuzz.arena, &fuzz.diag, NULL);
    expr_fetches_boot();
    expr_convs_boot();
    fuzz.vars = expr_var_pool_new(&limits);
    must(fuzz.vars);
    expr_convs_each(add_example, NULL);
    must(fuzz.num_steps > 0);
}

static struct expr_sample value_of(enum expr_type type, struct slice data)
{
    struct expr_sample sample = { .type = type < EXPR_NUM_TYPES ? type : EXPR_STR, .str = data };
    uint8_t bytes[17] = { 0 };
    memcpy(bytes, data.ptr, data.len < sizeof(bytes) ? data.len : sizeof(bytes));
    if (type == EXPR_BOOL)
        sample.boolean = bytes[0] & 1;
    if (type == EXPR_INT)
        memcpy(&sample.num, bytes, sizeof(sample.num));
    if (type == EXPR_ADDR) {
        sample.addr.family = bytes[0] & 1 ? 4 : 6;
        memcpy(sample.addr.bytes, bytes + 1, 16);
    }
    return sample;
}

// Reads all of it, so that sanitizers see what is not there.
static void check_value(struct expr_sample *sample, struct expr_scratch *scratch)
{
    must(sample->type < EXPR_NUM_TYPES);
    if (!expr_cast(sample, EXPR_BIN, scratch))
        return;
    unsigned sum = 0;
    for (size_t i = 0; i < sample->str.len; i++)
        sum += (uint8_t)sample->str.ptr[i];
    volatile unsigned sink = sum;
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint64_t now_us = 1000000, wall_us = 1700000000000000;
    if (!fuzz.vars)
        begin();
    if (len < 3)
        return 0;
    const struct expr_step *step = &fuzz.steps[data[0] % fuzz.num_steps];
    uint32_t room = (data[1] | (uint32_t)data[2] << 8) % SCRATCH_MAX;
    data += 3;
    len -= 3;
    // Exact memory on both sides.
    char *copy = malloc(len ? len : 1), *mem = malloc(room ? room : 1);
    must(copy && mem);
    memcpy(copy, data, len);
    struct expr_process process = {
        .scratch = { .mem = mem, .cap = room }, .now_us = &now_us, .wall_us = &wall_us, .vars = fuzz.vars
    };
    struct expr_subject subject = {
        .process = &process, .scopes = 1u << EXPR_SCOPE_TXN, .when = EXPR_AT_REQUEST_HEAD, .final = true
    };
    struct expr_sample sample = value_of(step->conv->in, slice_of(copy, len));
    if (step->conv->convert(&subject, &sample, step->args))
        check_value(&sample, &process.scratch);
    must(process.scratch.len <= room);
    expr_vars_end(&subject, EXPR_SCOPE_TXN);
    free(copy);
    free(mem);
    return 0;
}
