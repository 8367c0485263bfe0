// SPDX-License-Identifier: Apache-2.0
// Converters on any bytes: the first byte picks a chain, the second how much scratch there is, the rest is the value.
// Every converter of this program whose example has a fixed value takes part, and those of the list below with more
// arguments. Whatever the value, a chain ends without a wrong access, and what it gives can be read.
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/expr.h"
#include "expr/var.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const texts[] = {
    "str(),field(2,_)",
    "str(),field(-2,_,0)",
    "str(),word(2,\",;\",3)",
    "str(),word(-1,/,2)",
    "str(),param(a,;)",
    "str(),url_dec(1),url_dec",
    "str(),url_enc,url_dec",
    "str(),url_enc,url_enc,url_enc",
    "str(),json(utf8)",
    "str(),json(utf8s),json",
    "str(),json(utf8ps),upper",
    "str(),json_query($)",
    "str(),json_query($.a)",
    "str(),json_query($.a.b[1],int),add(1)",
    "str(),json_query($[0][0])",
    "str(),json_query($.a),json_query($.b)",
    "str(),language(es;fr;en-US;en,de)",
    "str(),regsub('/+','/',g)",
    "str(),regsub('(a|b)*c?','[\\0\\1]',gi)",
    "str(),regsub('(a+)+$','\\1\\1',g)",
    "str(),regsub('(?<=a)|$','x\\x41',g)",
    "str(),regsub('^(.*)(.*)(.*)$','\\3\\2\\1')",
    "str(),fix_is_valid",
    "str(),fix_tag_value(35)",
    "str(),mqtt_is_valid",
    "str(),mqtt_field_value(connect,password)",
    "str(),mqtt_field_value(connect,9)",
    "str(),mqtt_field_value(connect,24)",
    "str(),mqtt_field_value(connack,31)",
    "str(),mqtt_field_value(connack,19)",
    "str(),protobuf(1)",
    "str(),protobuf(1.2.3,int32)",
    "str(),protobuf(1,double)",
    "str(),protobuf(1,float)",
    "str(),ungrpc(1.1)",
    "str(),rfc7239_is_valid",
    "str(),rfc7239_field(for),rfc7239_n2nn,rfc7239_nn",
    "str(),rfc7239_field(by),rfc7239_n2np,rfc7239_np",
    "str(),rfc7239_field(host),host_only,port_only",
    "str(),host_only,port_only",
    "str(),date,http_date",
    "str(),http_date(1,us)",
    "str(),utime(%c,-1),length",
    "str(),us_utime(%Y%3N%N%%,5)",
    "str(),ms_ltime(%s)",
    "str(),ipmask(20,60),rfc7239_nn",
    "str(),bytes(3,5)",
    "str(),cut_crlf,ltrim(abc),rtrim(xyz),has_ctl",
};

enum { MAX_CHAINS = 256, SCRATCH = 65536 };
static struct expr chains[MAX_CHAINS];
static size_t num_chains;
static struct config config;
static struct expr_var_pool *vars;

static void parse(const char *text)
{
    struct config_arg arg = {
        .str = text, .len = (uint32_t)strlen(text), .column = 1, .width = (uint32_t)strlen(text)
    };
    struct config_line line = { .args = &arg, .num_args = 1, .place = { .file = "fuzz", .line = 1, .text = text } };
    must(num_chains < MAX_CHAINS);
    if (!expr_parse(&config, &chains[num_chains], &line, 0)) {
        (void)fprintf(stderr, "%s\n", config.diag->first->text);
        abort();
    }
    num_chains++;
}

static void add_row(const struct expr_conv *row, void *arg)
{
    (void)arg;
    if (!row->of && row->good && row->gives)
        parse(row->good);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct arena arena;
    static struct config_diag diag;
    (void)argc, (void)argv;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    expr_fetches_boot();
    expr_convs_boot();
    vars = expr_var_pool_new(NULL);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        parse(texts[i]);
    expr_convs_each(add_row, NULL);
    return 0;
}

static void run(struct expr_subject *subject, const struct expr *chain, struct slice value)
{
    struct expr_sample sample = { .type = EXPR_STR, .str = value };
    char text[EXPR_TEXT_LEN];
    for (uint32_t i = 0; i < chain->num_steps; i++) {
        const struct expr_conv *conv = chain->steps[i].conv;
        if (conv->in != EXPR_ANY && conv->in != sample.type &&
            !expr_cast(&sample, conv->in, &subject->process->scratch))
            return;
        if (!conv->convert(subject, &sample, chain->steps[i].args))
            return;
        must(sample.type < EXPR_NUM_TYPES);
        must(conv->out >= EXPR_NUM_TYPES || conv->out == sample.type);
        must(subject->process->scratch.len <= subject->process->scratch.cap);
    }
    // Every byte is read, for the sanitizer.
    struct slice got = expr_sample_str(&sample, text);
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < got.len; i++)
        sum = (uint8_t)(sum + (uint8_t)got.ptr[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint64_t now_us = 1, wall_us = 1700000000000000;
    if (len < 2)
        return 0;
    uint32_t cap = data[1] < 128 ? data[1] : SCRATCH;
    struct expr_process process = { .now_us = &now_us, .wall_us = &wall_us, .random = { 1 } };
    struct expr_subject subject = {
        .process = &process, .when = EXPR_AT_REQUEST_HEAD, .scopes = 1 << EXPR_SCOPE_TXN, .final = data[1] & 1
    };
    // Memory of exactly the lengths, so that a step past them is seen.
    char *value = malloc(len - 2 ? len - 2 : 1);
    process.scratch = (struct expr_scratch){ .mem = malloc(cap ? cap : 1), .cap = cap };
    must(value && process.scratch.mem);
    memcpy(value, data + 2, len - 2);
    process.vars = vars;
    run(&subject, &chains[data[0] % num_chains], slice_of(value, len - 2));
    expr_vars_end(&subject, EXPR_SCOPE_TXN);
    free(process.scratch.mem);
    free(value);
    return 0;
}
