// SPDX-License-Identifier: Apache-2.0
// Tables of constant expressions and their values, for the tests of converters.
#pragma once

#include <stdio.h>
#include "expr/toy.h"

struct conv_case {
    const char *text;  // an expression
    const char *gives; // its value as text, NULL for none
};

struct conv_bad {
    const char *text;
    const char *says; // a part of the message
};

static bool conv_parse(struct toy_config *toy, struct expr *out, const char *text)
{
    struct config_arg arg = {
        .str = text, .len = (uint32_t)strlen(text), .column = 1, .width = (uint32_t)strlen(text)
    };
    struct config_line line = { .args = &arg,
                                .num_args = 1,
                                .place = { .file = "toy", .line = 1, .column = 1, .text = text } };
    return expr_parse(&toy->config, out, &line, 0);
}

// Evaluates each with all of the scratch, and then with every smaller one: too little room gives no value, never a
// wrong one.
static void conv_check(struct toy_config *toy, const struct conv_case *cases, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        struct expr expr;
        struct toy facts = { 0 };
        struct slice want = slice_str(cases[i].gives);
        if (!conv_parse(toy, &expr, cases[i].text))
            fail_msg("%s: %s", cases[i].text, toy_message(toy, NULL));
        struct expr_subject *subject = toy_subject(&facts);
        struct slice got = expr_eval_str(&expr, subject);
        if ((got.ptr == NULL) != (want.ptr == NULL) || !slice_equal(got, want))
            fail_msg("%s: gives '%.*s', not '%s'", cases[i].text, (int)got.len, got.ptr ? got.ptr : "(none)",
                     cases[i].gives ? cases[i].gives : "(none)");
        for (uint32_t cap = 0; cap < 200; cap++) {
            subject = toy_subject(&facts);
            subject->process->scratch.cap = cap;
            got = expr_eval_str(&expr, subject);
            if (got.ptr && !slice_equal(got, want))
                fail_msg("%s: with %u bytes '%.*s'", cases[i].text, cap, (int)got.len, got.ptr);
        }
    }
}

static void conv_check_bad(struct toy_config *toy, const struct conv_bad *cases, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        struct expr expr;
        if (conv_parse(toy, &expr, cases[i].text))
            fail_msg("%s: accepted", cases[i].text);
        if (!strstr(toy_message(toy, NULL), cases[i].says))
            fail_msg("%s: %s", cases[i].text, toy_message(toy, NULL));
    }
}

static int conv_setup(void **state)
{
    static struct toy_config toy;
    toy_init(&toy);
    *state = &toy;
    return 0;
}

static int conv_teardown(void **state)
{
    toy_fini(*state);
    return 0;
}
