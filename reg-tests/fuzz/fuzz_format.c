// SPDX-License-Identifier: Apache-2.0
// Format strings: whatever the text, parsing ends with a format or a message, and what is written stays within its
// room. The first byte says who uses it, the second how much room there is.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "expr/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool get_text(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    static const char text[] = "a b\"#\\]\x01\x7f\xc3\xa9\xff{|}";
    (void)subject;
    item->end = item->nth == 3;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, sizeof(text) - 1) };
    return item->nth != 1 && !item->end;
}

static bool get_num(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)subject;
    item->plus = true;
    *out = (struct expr_sample){ .type = EXPR_INT, .num = INT64_MIN };
    return true;
}

static bool get_addr(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)subject, (void)item;
    *out = (struct expr_sample){ .type = EXPR_ADDR, .addr = { .family = 6, .bytes = { 0x20, 1 } } };
    return true;
}

static bool get_none(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)subject, (void)out, (void)item;
    return false;
}

static const struct expr_alias aliases[] = {
    { .name = "r", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_URL, .get = get_text },
    { .name = "t", .when = EXPR_ALWAYS, .bare = true, .get = get_text },
    { .name = "B", .when = EXPR_ALWAYS, .hex = 4, .get = get_num },
    { .name = "ci", .when = EXPR_ALWAYS, .get = get_addr },
    { .name = "ID", .when = EXPR_ALWAYS, .get = get_none },
    { .name = "hr", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_BRACES, .get = get_text },
    { .name = "hrl", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_HDR, .list = EXPR_ALIAS_WORDS, .get = get_text },
};
EXPR_ALIASES(aliases);

static void write_it(const struct expr_format *format, size_t cap)
{
    static char scratch[32768];
    static const uint64_t now_us = 1000000, wall_us = 1700000000000000;
    struct expr_process process = { .scratch = { .mem = scratch, .cap = sizeof(scratch) },
                                    .now_us = &now_us,
                                    .wall_us = &wall_us,
                                    .random = { 1, 2, 3, 4 } };
    struct expr_subject subject = {
        .process = &process, .stream = &process, .when = EXPR_AT_REQUEST_HEAD, .final = true
    };
    // An allocation of its own for each room, so that a byte too many is seen.
    char *out = malloc(cap + 1);
    must(out);
    bool cut;
    size_t len = expr_format_write(format, &subject, out, cap, &cut);
    must(len <= cap && process.scratch.len == 0);
    free(out);
    struct slice made = expr_format_make(format, &subject);
    must(!made.ptr || made.len <= sizeof(scratch));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2 || len > 4096)
        return 0;
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    expr_fetches_boot();
    expr_convs_boot();
    expr_aliases_boot();
    char *text = arena_copy(&arena, (const char *)data + 2, len - 2);
    struct config_arg arg = { .str = text, .len = (uint32_t)len - 2, .column = 1, .width = (uint32_t)len - 2 };
    struct config_line line = { .place = { .file = "fuzz", .line = 1, .column = 1, .text = text }, .args = &arg };
    line.num_args = 1;
    enum expr_format_use use = (enum expr_format_use)(data[0] % 5);
    const struct expr_format *format = expr_format_parse(&config, &line, 0, use, EXPR_AT_REQUEST_HEAD);
    must((format != NULL) == (diag.num_errors == 0));
    if (format) {
        write_it(format, data[1]);
        write_it(format, 65536);
    }
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
