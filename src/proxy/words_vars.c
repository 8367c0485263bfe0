// SPDX-License-Identifier: Apache-2.0
// Variables of the whole service that the global section sets: evaluated as they are read, in the order of the file,
// and put on the board when the generation starts.
#include "base/clock.h"
#include "expr/expr.h"
#include "expr/format.h"
#include "proxy/words.h"

enum { VARS_SCRATCH_LEN = 64 * 1024, VARS_MAX_TEXT = 4096 };

static struct proxy_boot_var *find(struct global_conf *global, uint64_t id)
{
    struct proxy_boot_var *var = global->proc_vars;
    while (var && var->id != id)
        var = var->next;
    return var;
}

static bool boot_get(void *arg, struct expr_sample *out, uint64_t id, struct expr_scratch *scratch)
{
    (void)scratch;
    const struct proxy_boot_var *var = find(((struct config *)arg)->object, id);
    if (!var || !var->is_set)
        return false;
    *out = var->value;
    return true;
}

static bool boot_set(void *arg, uint64_t id, struct slice name, const struct expr_sample *value)
{
    struct config *config = arg;
    struct global_conf *global = config->object;
    struct proxy_boot_var *var = find(global, id);
    bool text = value->type == EXPR_STR || value->type == EXPR_BIN || value->type == EXPR_METHOD;
    if (text && value->str.len > VARS_MAX_TEXT)
        return false;
    if (!var) {
        var = arena_alloc(config->arena, sizeof(*var));
        *var = (struct proxy_boot_var){ .id = id, .next = global->proc_vars };
        var->name = slice_of(arena_copy(config->arena, name.ptr, name.len), name.len);
        global->proc_vars = var;
    }
    var->value = *value;
    if (text)
        var->value.str.ptr = arena_copy(config->arena, value->str.ptr, value->str.len);
    var->is_set = true;
    return true;
}

static bool boot_unset(void *arg, uint64_t id)
{
    struct proxy_boot_var *var = find(((struct config *)arg)->object, id);
    if (var)
        var->is_set = false;
    return true;
}

// Evaluates the expression or the format and sets the variable.
static bool evaluate(struct config *config, const struct config_line *line, const struct expr_var_ref *ref,
                     const struct expr *expr, const struct expr_format *format)
{
    uint64_t now = clock_mono_us(), wall = clock_wall_us();
    struct expr_proc_vars vars = { .get = boot_get, .set = boot_set, .unset = boot_unset, .arg = config };
    struct expr_process process = { .scratch = { .mem = arena_alloc(config->arena, VARS_SCRATCH_LEN),
                                                 .cap = VARS_SCRATCH_LEN },
                                    .now_us = &now,
                                    .wall_us = &wall,
                                    .start_us = now,
                                    .proc_vars = &vars };
    expr_process_begin(&process);
    struct expr_subject subject = { .process = &process, .when = EXPR_AT_BOOT, .final = true };
    struct expr_sample value = { .type = EXPR_STR };
    bool found;
    if (format) {
        value.str = expr_format_make(format, &subject);
        found = value.str.ptr != NULL;
    } else {
        found = expr_eval(expr, &subject, &value);
    }
    if (!found)
        return config_error(config, line, 1, "this has no value");
    return expr_var_set(&subject, ref, &value) ||
           config_error(config, line, 1, "this value has more than %d bytes", VARS_MAX_TEXT);
}

static bool parse_name(struct config *config, struct expr_var_ref *ref, const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    const char *wrong = expr_var_ref_parse(ref, slice_of(arg->str, arg->len));
    if (!wrong && ref->scope != EXPR_SCOPE_PROC)
        wrong = "only variables of the scope 'proc' exist here";
    return wrong ? config_error(config, line, 0, "'%s': %s", arg->str, wrong) : true;
}

static bool parse_set_var(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct expr_var_ref ref;
    struct expr expr;
    (void)object, (void)word;
    return parse_name(config, &ref, line) && expr_parse(config, &expr, line, 1) &&
           expr_check_when(config, line, 1, &expr, EXPR_AT_BOOT) && evaluate(config, line, &ref, &expr, NULL);
}

static bool parse_set_var_fmt(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct expr_var_ref ref;
    (void)object, (void)word;
    if (!parse_name(config, &ref, line))
        return false;
    const struct expr_format *format = expr_format_parse(config, line, 1, EXPR_FORMAT_TEXT, EXPR_AT_BOOT);
    return format && evaluate(config, line, &ref, NULL, format);
}

static const struct config_word words[] = {
    { .name = "set-var",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_set_var,
      .args = "proc.<name> <expression>",
      .help = "Gives a variable of the whole service a value at the start of this configuration. All workers see it, "
              "and what rules make of it, until the next configuration that sets it.",
      .good = "set-var proc.state str(primary);set-var proc.least int(200),sub(50)",
      .bad = "set-var txn.state str(primary)",
      .bad_says = "only variables of the scope 'proc'" },
    { .name = "set-var-fmt",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_set_var_fmt,
      .args = "proc.<name> <format>",
      .help = "The same with the text of a format string.",
      .good = "set-var-fmt proc.boot %[hostname]:%[date]",
      .bad = "set-var-fmt boot %[date]",
      .bad_says = "a variable's name begins with its scope" },
};
CONFIG_WORDS(words);
