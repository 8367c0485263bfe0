// SPDX-License-Identifier: Apache-2.0
// The stick lines of a backend, and what they and tables name.
#include <string.h>
#include "expr/cond.h"
#include "proxy/stick_conf.h"
#include "proxy/words.h"

enum {
    STICK_REQUEST_AT = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY,
    STICK_RESPONSE_AT = EXPR_AT_RESPONSE_CONTENT | EXPR_AT_RESPONSE_HEAD,
    // word->value
    STICK_MATCHES = 1 << 0,
    STICK_STORES = 1 << 1,
    STICK_LEARNS = 1 << 2, // from the answer
};

static bool parse_rest(struct config *config, struct proxy_stick *stick, const struct proxy_conf *proxy,
                       const struct config_line *line, uint32_t when)
{
    uint32_t at = 1;
    const struct config_arg *arg = config_arg_at(line, at);
    if (arg && strcmp(arg->str, "table") == 0) {
        arg = config_arg_at(line, at + 1);
        if (!arg)
            return config_error(config, line, at + 1, "missing the name of a table after 'table'");
        stick->table_name = arg->str;
        stick->place.column = arg->column;
        stick->place.length = arg->width;
        at += 2;
        arg = config_arg_at(line, at);
    }
    if (!arg)
        return true;
    if (!expr_is_cond(line, at))
        return config_error(config, line, at, "unexpected '%s', expected 'table', 'if' or 'unless'", arg->str);
    stick->cond = expr_cond_parse(config, line, at, &proxy->acls, when);
    return stick->cond != NULL;
}

static bool parse_stick(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct proxy_stick *stick = arena_alloc(config->arena, sizeof(*stick));
    bool learns = word->value & STICK_LEARNS;
    uint32_t when = learns ? STICK_RESPONSE_AT : STICK_REQUEST_AT;
    const struct config_arg *arg = config_arg_at(line, 0);
    *stick = (struct proxy_stick){ .match = word->value & STICK_MATCHES,
                                   .store = word->value & (STICK_STORES | STICK_LEARNS),
                                   .place = line->place };
    stick->place.column = arg->column;
    stick->place.length = arg->width;
    bool counts = proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    if (!expr_parse(config, &stick->expr, line, 0) || !expr_check_when(config, line, 0, &stick->expr, when) ||
        !parse_rest(config, stick, proxy, line, when))
        return false;
    struct proxy_stick **last = learns ? &proxy->be.stick_learns : &proxy->be.sticks;
    while (*last)
        last = &(*last)->next;
    if (counts)
        *last = stick;
    return true;
}

// ---- what they name

struct stick_table_conf *proxy_stick_table(const struct program_conf *program, struct slice name)
{
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        if (it->stick_table && slice_equal(name, slice_str(it->name)))
            return it->stick_table;
    return NULL;
}

static struct stick_table_conf *table_find(struct config *config, const char *name, struct config_place place)
{
    const struct program_conf *program = proxy_program(config);
    struct stick_table_conf *table = proxy_stick_table(program, slice_str(name));
    if (table)
        return table;
    const char **known = arena_alloc(config->arena, (program->num_proxies + 1) * sizeof(*known));
    size_t num = 0;
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        known[num++] = it->stick_table ? it->name : NULL;
    const char *nearest = config_nearest(name, known, num);
    config_diag_add(config->diag, CONFIG_ERROR, place, "unable to find stick-table '%s'%s%s%s", name,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}

static bool stick_finish(struct config *config, const struct proxy_conf *proxy, struct proxy_stick *stick)
{
    static const enum stick_data wanted[] = { STICK_SERVER_ID, STICK_SERVER_KEY };
    stick->table = table_find(config, stick->table_name ? stick->table_name : proxy->name, stick->place);
    if (!stick->table)
        return false;
    enum expr_type type = stick_type_of((enum stick_type)stick->table->type);
    if (!expr_cast_exists(stick->expr.out, type)) {
        config_diag_add(config->diag, CONFIG_ERROR, stick->place,
                        "'%s' gives samples of type %s, of which the stick-table '%s' can make no keys of type %s",
                        stick->expr.text, expr_type_name(stick->expr.out), stick->table->name,
                        stick_type_name((enum stick_type)stick->table->type));
        return false;
    }
    for (size_t i = 0; i < NUM_ITEMS(wanted); i++) {
        stick->table->data[wanted[i]].stored = true;
        stick->table->data[wanted[i]].num = 1;
    }
    return true;
}

bool proxy_stick_finish(struct config *config, struct proxy_conf *proxy)
{
    bool ok = true;
    for (struct proxy_stick *it = proxy->be.sticks; it; it = it->next)
        ok &= stick_finish(config, proxy, it);
    for (struct proxy_stick *it = proxy->be.stick_learns; it; it = it->next)
        ok &= stick_finish(config, proxy, it);
    return ok;
}

#define STICK_ARGS "<expression> [table <table>] [{ if | unless } <condition>]"

enum { STICK_IN = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN };

static const struct config_word words[] = {
    { .name = "stick match",
      .in = STICK_IN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_stick,
      .value = STICK_MATCHES,
      .args = STICK_ARGS,
      .help = "Sends a request to the server that <table> (the section's own where none is named) has for the key "
              "<expression>, unless 'use-server' or a cookie has chosen one already. The first line whose key is "
              "there and whose server may be used decides; every key that is found lives on.",
      .good = "stick-table type string size 10k; stick match var(txn.key)",
      .bad = "stick-table type string size 10k; stick match vra(txn.key)",
      .bad_says = "did you mean 'var'?" },
    { .name = "stick on",
      .in = STICK_IN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_stick,
      .value = STICK_MATCHES | STICK_STORES,
      .args = STICK_ARGS,
      .help = "'stick match' and 'stick store-request' in one line.",
      .good = "stick-table type string size 10k; stick on var(txn.key) if TRUE",
      .bad = "stick-table type string size 10k; stick on var(txn.key) when TRUE",
      .bad_says = "expected 'table', 'if' or 'unless'" },
    { .name = "stick store-request",
      .in = STICK_IN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_stick,
      .value = STICK_STORES,
      .args = STICK_ARGS,
      .help = "Remembers in <table> which server served a request, under the key that <expression> gives for the "
              "request. It is stored once the server has answered, in mode tcp once it is connected. Of the lines "
              "that name one table the first that has a key counts, up to 8 in all.",
      .good = "stick-table type string size 10k; stick store-request var(txn.key)",
      .bad = "stick-table type string size 10k; stick store-request var(txn.key) table",
      .bad_says = "missing the name of a table" },
    { .name = "stick store-response",
      .in = STICK_IN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_stick,
      .value = STICK_LEARNS,
      .args = STICK_ARGS,
      .help = "Remembers in <table> which server served a request, under the key that <expression> gives for the "
              "answer. Otherwise like 'stick store-request'; in mode tcp what the server said first is there only "
              "where 'tcp-response content' rules waited for it.",
      .good = "stick-table type string size 10k; stick store-response var(txn.key)",
      .bad = "stick-table type string size 10k; stick store-response var(txn.key) unles FALSE",
      .bad_says = "expected 'table', 'if' or 'unless'" },
};
CONFIG_WORDS(words);
