// SPDX-License-Identifier: Apache-2.0
// Every fetch and converter that the whole program declares, as the manual shows them: its good example must be
// accepted by a rule that runs at a moment it is available at, its bad one refused with its message, and a converter's
// example must give what it says.
#include "config/words.h"
#include "base/check.h"
#include "expr/conv.h"
#include "expr/expr.h"
#include "expr/format.h"
#include "expr/var.h"
#include "proxy/conf.h"
#include "rule/rule.h"

static void *words_owner(struct arena *arena)
{
    return proxy_conf_new(arena);
}

// What a line of each moment looks like: an expression, or an ACL's words in braces.
static const struct {
    uint32_t when;
    const char *section;
    const char *expr;
    const char *acl;
} lines[] = {
    { EXPR_AT_REQUEST_HEAD, "mode http", "http-request set-var(txn.x) ", "http-request set-var(txn.x) int(1) if { " },
    { EXPR_AT_RESPONSE_HEAD, "mode http", "http-response set-var(txn.x) ",
      "http-response set-var(txn.x) int(1) if { " },
    { EXPR_AT_REQUEST_CONTENT, "mode tcp", "tcp-request content set-var(txn.x) ", "tcp-request content accept if { " },
    { EXPR_AT_RESPONSE_CONTENT, "mode tcp", "tcp-response content set-var(txn.x) ",
      "tcp-response content accept if { " },
    { EXPR_AT_SESSION, "mode tcp", "tcp-request session set-var(sess.x) ", "tcp-request session accept if { " },
    { EXPR_AT_CONNECT, "mode tcp", "tcp-request connection set-var(sess.x) ", "tcp-request connection accept if { " },
};

struct walk {
    uint32_t rows;
    uint32_t failed;
};

static void report(struct walk *walk, const char *kind, const char *name, const char *what)
{
    print_error("%s '%s' %s\n", kind, name, what);
    walk->failed++;
}

// `text` as one word of a line.
static void add_word(struct text *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr(" \t\"'\\#", *c))
            text_add(out, "\\", 1);
        text_add(out, c, 1);
    }
}

// Reads a listen section of this one rule; `says` NULL: it must be accepted.
static bool try(const char *section, const char *line, const char *says)
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
    text_printf(&text, "listen exprs\n %s\n %s\n", section, line);
    config_read_text(&config, "example", slice_of(text.ptr, text.len));
    config_read_end(&config);
    config_diag_write(&diag, &out, CONFIG_ERROR);
    bool ok = says ? diag.num_errors > 0 && out.ptr && strstr(out.ptr, says) : diag.num_errors == 0;
    if (!ok)
        print_error("%s%s%s, but:\n%s", text.ptr, says ? " must be refused: " : " must be accepted", says ? says : "",
                    out.ptr ? out.ptr : "(no error)\n");
    text_fini(&out);
    text_fini(&text);
    config_fini(&config);
    arena_fini(&arena);
    return ok;
}

static bool try_expr(uint32_t when, const char *expr, const char *says)
{
    size_t i = 0;
    while (i < NUM_ITEMS(lines) && !(lines[i].when & when))
        i++;
    if (i == NUM_ITEMS(lines))
        return true; // only for logs and checks
    struct text line;
    text_init(&line);
    text_printf(&line, "%s", lines[i].expr);
    add_word(&line, expr);
    bool ok = try(lines[i].section, line.ptr, says);
    text_fini(&line);
    return ok;
}

static void visit_fetch(const struct expr_fetch *row, void *arg)
{
    struct walk *walk = arg;
    const struct expr_fetch *real = expr_fetch_real(row);
    walk->rows++;
    if (!row->help || !row->help[0])
        report(walk, "fetch", row->name, "lacks its help");
    if (!row->of && !row->good)
        report(walk, "fetch", row->name, "lacks a good example");
    if (!row->of && row->max_args && (!row->bad || !row->bad_says))
        report(walk, "fetch", row->name, "takes arguments and lacks a bad example");
    if (row->bad && row->bad_says && !try_expr(real->when, row->bad, row->bad_says))
        walk->failed++;
    for (size_t i = 0; row->good && i < NUM_ITEMS(lines); i++) {
        if (!(lines[i].when & real->when))
            continue;
        struct text line;
        text_init(&line);
        text_printf(&line, "%s%s }", lines[i].acl, row->good);
        walk->failed += !try(lines[i].section, line.ptr, NULL);
        text_fini(&line);
        break;
    }
}

static void fetches(void **state)
{
    (void)state;
    struct walk walk = { 0 };
    expr_fetches_each(visit_fetch, &walk);
    assert_int_equal(walk.failed, 0);
    assert_true(walk.rows > 100);
}

// Whether the expression begins with a constant, so that no stream is asked.
static bool is_constant(const struct expr *expr)
{
    static const char *const names[] = { "str", "int", "bin", "bool", "ipv4", "ipv6", "meth", "always_true" };
    for (size_t i = 0; i < NUM_ITEMS(names); i++)
        if (strcmp(expr->fetch->name, names[i]) == 0)
            return true;
    return false;
}

static void evaluate(struct walk *walk, const struct expr_conv *row)
{
    static char scratch[1 << 17];
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, words_owner(&arena));
    struct config_arg arg = { .str = row->good, .len = (uint32_t)strlen(row->good) };
    struct config_line line = { .args = &arg, .num_args = 1, .place = { .text = row->good } };
    uint64_t now = 1000000, wall = 1700000000000000;
    struct expr_process process = { .scratch = { .mem = scratch, .cap = sizeof(scratch) },
                                    .now_us = &now,
                                    .wall_us = &wall };
    process.vars = expr_var_pool_new(NULL);
    struct expr_subject subject = { .process = &process, .when = EXPR_AT_REQUEST_HEAD, .final = true };
    subject.scopes = 1 << EXPR_SCOPE_TXN;
    struct expr expr;
    if (expr_parse(&config, &expr, &line, 0) && is_constant(&expr)) {
        struct slice got = expr_eval_str(&expr, &subject), want = slice_str(row->gives);
        if (slice_equal(want, SLICE("-")) ? got.ptr != NULL : !got.ptr || !slice_equal(got, want)) {
            print_error("%s: '%.*s', not '%s'\n", row->good, (int)got.len, got.ptr ? got.ptr : "", row->gives);
            walk->failed++;
        }
    }
    expr_vars_end(&subject, EXPR_SCOPE_TXN);
    expr_var_pool_free(process.vars);
    config_fini(&config);
    arena_fini(&arena);
}

static void visit_conv(const struct expr_conv *row, void *arg)
{
    struct walk *walk = arg;
    uint32_t when = row->when ? row->when : EXPR_AT_REQUEST_HEAD;
    walk->rows++;
    if (!row->help || !row->help[0])
        report(walk, "converter", row->name, "lacks its help");
    if (!row->of && !row->good)
        report(walk, "converter", row->name, "lacks a good example");
    if (!row->of && row->max_args && (!row->bad || !row->bad_says))
        report(walk, "converter", row->name, "takes arguments and lacks a bad example");
    if (row->good)
        walk->failed += !try_expr(when, row->good, NULL);
    if (row->bad && row->bad_says)
        walk->failed += !try_expr(when, row->bad, row->bad_says);
    if (row->good && row->gives)
        evaluate(walk, row);
}

static void converters(void **state)
{
    (void)state;
    struct walk walk = { 0 };
    expr_convs_each(visit_conv, &walk);
    assert_int_equal(walk.failed, 0);
    assert_true(walk.rows > 50);
}

// A fetch of a response in a rule on requests, and the other way about where it is gone by then.
static void moments(void **state)
{
    (void)state;
    assert_true(try("mode http", "http-request set-var(txn.x) status", "is not available here"));
    assert_true(
        try("mode http", "http-request set-var(txn.x) str(a),lower if { status 200 }", "is not available here"));
    assert_true(try("mode http", "tcp-request connection set-var(sess.x) path", "is not available here"));
    assert_true(try("mode http", "tcp-request connection set-var(txn.x) src", "of this scope do not exist here"));
    assert_true(try("mode http", "acl a always_true\n http-request set-var(txn.x) acl(a,!a)", NULL));
    assert_true(try("mode http", "acl a always_true\n http-request set-var(txn.x) src,when(acl,a)", NULL));
    assert_true(try("mode http", "acl a acl(a)", "there is no ACL 'a' before this"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fetches), cmocka_unit_test(converters),
                                        cmocka_unit_test(moments) };
    proxy_conf_boot();
    return cmocka_run_group_tests_name("expressions of the program", tests, NULL, NULL);
}
