// SPDX-License-Identifier: Apache-2.0
// Expressions that ask for named ACLs: the fetch acl() and the converter when().
#include "base/check.h"
#include "expr/acl.h"
#include "expr/conv.h"

// An argument is the name of an ACL of this section or a predefined one, with '!' before it for the contrary.
static const char *find_acl(struct config *config, struct expr_arg *arg)
{
    struct slice name = arg->str;
    arg->num = slice_begins(name, SLICE("!"));
    name = slice_from(name, (size_t)arg->num);
    const char *copy = arena_copy(config->arena, name.ptr, name.len);
    arg->data = config->acls ? expr_acl_find(*config->acls, copy) : NULL;
    if (!arg->data) {
        bool found;
        struct config_arg word = { .str = copy, .len = (uint32_t)name.len };
        struct config_line line = { .args = &word, .num_args = 1 };
        arg->data = expr_predefined_parse(config, &found, &line, 0, copy);
    }
    return arg->data ? NULL : arena_printf(config->arena, "there is no ACL '%s' before this", copy);
}

static const char *prepare_acl(struct config *config, struct expr_arg *args, uint32_t num)
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < num && !wrong; i++)
        wrong = find_acl(config, &args[i]);
    return wrong;
}

enum { ACL_MAX_NAMES = 12 };

static enum expr_truth ask(struct expr_subject *subject, const struct expr_arg *arg)
{
    enum expr_truth truth = expr_acl_test_depth(arg->data, subject);
    return arg->num ? expr_truth_not(truth) : truth;
}

static bool fetch_acl(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)walk;
    enum expr_truth all = EXPR_YES;
    for (uint32_t i = 0; i < ACL_MAX_NAMES && args[i].data && all != EXPR_NO; i++) {
        enum expr_truth truth = ask(subject, &args[i]);
        all = truth == EXPR_YES ? all : truth;
    }
    subject->may_change |= all == EXPR_WAIT;
    *out = (struct expr_sample){ .type = EXPR_BOOL, .boolean = all == EXPR_YES };
    return true;
}

static const struct {
    const char *name;
    enum expr_condition condition;
} conditions[] = {
    { "error", EXPR_IF_ERROR },         { "forwarded", EXPR_IF_FORWARDED }, { "normal", EXPR_IF_NORMAL },
    { "processed", EXPR_IF_PROCESSED }, { "stopping", EXPR_IF_STOPPING },   { "toapplet", EXPR_IF_TO_APPLET },
};

// args[1] is the ACL, or its num the condition that args[0].num negates.
static const char *prepare_when(struct config *config, struct expr_arg *args, uint32_t num)
{
    struct slice name = args[0].str;
    int64_t negated = slice_begins(name, SLICE("!"));
    name = slice_from(name, (size_t)negated);
    if (slice_equal(name, SLICE("acl"))) {
        if (num != 2)
            return "'acl' wants the name of an ACL behind it";
        const char *wrong = find_acl(config, &args[1]);
        args[1].num ^= negated;
        return wrong;
    }
    size_t i = 0;
    while (i < NUM_ITEMS(conditions) && !slice_equal(name, slice_str(conditions[i].name)))
        i++;
    if (i == NUM_ITEMS(conditions))
        return "a condition is one of acl, error, forwarded, normal, processed, stopping and toapplet";
    args[0].num = negated;
    args[1].num = conditions[i].condition;
    return num == 1 ? NULL : "this condition takes nothing behind it";
}

static bool conv_when(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)sample;
    const struct expr_process *process = subject->process;
    if (args[1].data)
        return ask(subject, &args[1]) == EXPR_YES;
    enum expr_condition condition = (enum expr_condition)args[1].num;
    bool holds = condition == EXPR_IF_STOPPING ? process->stopping && *process->stopping
                                               : process->holds && process->holds(subject, condition);
    return holds != (bool)args[0].num;
}

static const struct expr_fetch fetches[] = {
    { .name = "acl",
      .args = "[!]<name>[,...]",
      .min_args = 1,
      .max_args = ACL_MAX_NAMES,
      .out = EXPR_BOOL,
      .when = EXPR_ALWAYS & ~EXPR_AT_BOOT,
      .prepare = prepare_acl,
      .fetch = fetch_acl,
      .help = "Whether all the named ACLs, of this section or predefined, hold, or with '!' their contraries. Those "
              "that use "
              "what is not available do not hold.",
      .good = "acl(TRUE,!FALSE)",
      .bad = "acl(nothing)",
      .bad_says = "there is no ACL 'nothing' before this" },
};
EXPR_FETCHES(fetches);

static const struct expr_conv converters[] = {
    { .name = "when",
      .args = "<condition>[,<acl>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_ANY,
      .out = EXPR_SAME,
      .prepare = prepare_when,
      .convert = conv_when,
      .help =
          "Passes the value on where the condition, or with '!' its contrary, holds; else there is none. The "
          "conditions: error and normal (how the stream ended, as for 'option dontlog-normal'), forwarded (a server "
          "got it), toapplet (a built-in service did), processed (either of them), stopping (a soft stop is under "
          "way), acl with the name of an ACL.",
      .good = "str(abc),when(!stopping)",
      .gives = "abc",
      .bad = "str(abc),when(later)",
      .bad_says = "a condition is one of" },
};
EXPR_CONVERTERS(converters);
