// SPDX-License-Identifier: Apache-2.0
// Files of lists and changes of them: the first byte chooses how the list is matched, then comes the text of its file,
// and after a NUL byte one change or look-up a line: "+key value", "-key", "=key value", "?subject", "p", "c", "x",
// "t". Whatever they are, all indexes agree with a walk over the entries.
#include <stdlib.h>
#include "base/check.h"
#include "expr/list_file.h"
#include "expr/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct fuzz {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct expr_list *list;
    struct expr_patterns *patterns;
    enum expr_match match;
    bool nocase;
    uint32_t version;
};

static void take(void *arg, struct slice key, struct slice value, uint32_t line)
{
    struct fuzz *fuzz = arg;
    must(line > 0 && key.len > 0);
    if (expr_list_check(fuzz->list, key, value))
        return;
    must(!expr_list_add(fuzz->list, 0, key, value));
    struct slice found;
    must(expr_list_get(fuzz->list, key, &found));
}

struct look {
    const struct fuzz *fuzz;
    struct expr_sample sample;
    bool found;
};

// One entry alone, as an inline pattern.
static bool visit(void *arg, struct slice key, struct slice value)
{
    struct look *look = arg;
    struct arena arena;
    (void)value;
    arena_init(&arena);
    struct expr_patterns *one = expr_patterns_new(&arena, look->fuzz->match);
    must(!expr_patterns_add(one, key, look->fuzz->nocase));
    expr_patterns_seal(one);
    look->found = expr_patterns_match(one, &look->sample);
    arena_fini(&arena);
    return !look->found;
}

static void look_up(const struct fuzz *fuzz, struct slice subject)
{
    struct look look = { .fuzz = fuzz, .sample = { .type = EXPR_STR, .str = subject } };
    struct expr_groups groups;
    struct slice value;
    char room[256];
    bool found = expr_patterns_find(fuzz->patterns, &look.sample, &value, &groups);
    must(expr_patterns_match(fuzz->patterns, &look.sample) == found);
    if (found)
        (void)expr_regex_expand(room, sizeof(room), value, &groups);
    if (expr_list_num(fuzz->list) > 64)
        return;
    expr_list_each(fuzz->list, visit, &look);
    must(found == look.found);
}

static void change(struct fuzz *fuzz, struct slice line)
{
    struct slice rest = slice_from(line, 1), key = slice_of(rest.ptr, slice_find(rest, ' '));
    struct slice value = slice_from(rest, key.len + 1), old;
    bool was_there = expr_list_get(fuzz->list, key, &old);
    switch (line.ptr[0]) {
    case '+':
        expr_list_add(fuzz->list, fuzz->version, key, value);
        return;
    case '-':
        was_there = expr_list_get(fuzz->list, rest, &old);
        must(expr_list_del(fuzz->list, 0, rest) == was_there);
        must(!expr_list_get(fuzz->list, rest, &old));
        return;
    case '=':
        must(expr_list_set(fuzz->list, 0, key, value) == was_there);
        return;
    case '?':
        look_up(fuzz, rest);
        return;
    case 'p':
        fuzz->version = expr_list_prepare(fuzz->list);
        return;
    case 'c':
        must(expr_list_commit(fuzz->list, fuzz->version) == (fuzz->version != 0));
        fuzz->version = 0;
        return;
    case 'x':
        expr_list_clear(fuzz->list, fuzz->version);
        return;
    case 't':
        (void)expr_lists_tidy((uint32_t)rest.len);
        return;
    default:
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz fuzz = { 0 };
    const char *error = NULL;
    if (len == 0 || len > 4096)
        return 0;
    fuzz.match = (enum expr_match)(EXPR_MATCH_INT + data[0] % (EXPR_NUM_MATCHES - EXPR_MATCH_INT));
    fuzz.nocase = data[0] & 0x80;
    struct slice all = slice_of((const char *)data + 1, len - 1), file = slice_of(all.ptr, slice_find(all, '\0'));
    arena_init(&fuzz.arena);
    config_diag_init(&fuzz.diag, &fuzz.arena);
    config_init(&fuzz.config, &fuzz.arena, &fuzz.diag, NULL);
    must(!expr_list_load(&fuzz.list, &fuzz.config, SLICE("virt@x"), true));
    fuzz.patterns = expr_list_index(fuzz.list, &error, &fuzz.config, fuzz.match, fuzz.nocase);
    must(fuzz.patterns);
    expr_list_text_read(file, data[0] & 0x40, take, &fuzz);
    for (struct slice rest = slice_from(all, file.len + 1); rest.len;) {
        struct slice line = slice_of(rest.ptr, slice_find(rest, '\n'));
        rest = slice_from(rest, line.len + 1);
        if (line.len)
            change(&fuzz, line);
    }
    config_fini(&fuzz.config);
    arena_fini(&fuzz.arena);
    return 0;
}
