// SPDX-License-Identifier: Apache-2.0
// Variables of the whole service: get var, set var. Management guide, section 9.3. They stand on the board, where all
// processes of all generations see them at once. An expression is compiled in memory of its own, evaluated and dropped.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "base/arena.h"
#include "event/loop.h"
#include "expr/expr.h"
#include "expr/format.h"
#include "expr/var.h"
#include "proxy/conf.h"
#include "proxy/ref.h"
#include "proxy/words.h"
#include "table/proc_vars.h"

enum { VAR_SCRATCH_LEN = 64 * 1024 };

// What an expression is evaluated with.
struct var_room {
    struct table_proc_vars table;
    struct expr_process process;
    struct expr_subject subject;
};

static bool room_init(struct var_room *room, struct admin_call *call)
{
    const struct admin_start *start = &call->admin->start;
    *room = (struct var_room){ 0 };
    room->process = (struct expr_process){
        .scratch = { .mem = malloc(VAR_SCRATCH_LEN), .cap = VAR_SCRATCH_LEN },
        .now_us = &start->loop->now_us,
        .wall_us = &start->loop->wall_us,
        .start_us = start->loop->now_us,
        .proc_vars = &room->table.vars,
    };
    room->subject = (struct expr_subject){ .process = &room->process, .when = EXPR_AT_BOOT, .final = true };
    if (!room->process.scratch.mem || !table_proc_vars_init(&room->table, start->board)) {
        free(room->process.scratch.mem);
        admin_refuse(call, "Out of memory.\n");
        return false;
    }
    expr_process_begin(&room->process);
    return true;
}

// ---- get

static const char *type_name(const struct expr_sample *sample)
{
    static const char *const names[EXPR_NUM_TYPES] = {
        [EXPR_BOOL] = "bool", [EXPR_INT] = "sint", [EXPR_ADDR] = "ipv6",
        [EXPR_STR] = "str",   [EXPR_BIN] = "bin",  [EXPR_METHOD] = "meth",
    };
    return sample->type == EXPR_ADDR && sample->addr.family == 4 ? "ipv4" : names[sample->type];
}

// A value may hold anything: nothing of it shall end the line, or do something to a terminal.
static void put_value(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c >= 0x20 && c != 0x7f && c != '\\')
            text_add(out, &value.ptr[i], 1);
        else
            text_printf(out, c == '\\' ? "\\\\" : "\\x%02x", c);
    }
}

static enum admin_verdict run_get(struct admin_call *call)
{
    struct expr_var_ref ref;
    struct expr_sample value;
    struct var_room room;
    char text[EXPR_TEXT_LEN];
    if (!call->num_args)
        return admin_refuse(call, "Missing process-wide variable identifier.\n");
    const char *name = call->args[0];
    if (expr_var_ref_parse(&ref, slice_str(name)) || ref.scope != EXPR_SCOPE_PROC)
        return admin_refuse(call, "Variable not found.\n");
    if (!room_init(&room, call))
        return ADMIN_DONE;
    if (expr_var_get(&room.subject, &ref, &value)) {
        text_printf(call->out, "%s: type=%s value=<", name, type_name(&value));
        put_value(call->out,
                  value.type == EXPR_BOOL ? slice_str(value.boolean ? "1" : "0") : expr_sample_str(&value, text));
        text_add(call->out, ">\n", 2);
    } else {
        admin_refuse(call, "Variable not found.\n");
    }
    free(room.process.scratch.mem);
    return ADMIN_DONE;
}

// ---- set

// What the arguments of the command are to the compiler of expressions: a line of a configuration that ends with it.
struct var_line {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct program_conf program; // a copy: what is noted there goes with the line
    struct config_arg arg;
    struct config_line line;
};

static void line_init(struct var_line *line, const struct admin_call *call, const char *text)
{
    arena_init(&line->arena);
    config_diag_init(&line->diag, &line->arena);
    line->program = *call->admin->start.conf;
    line->program.refs = NULL;
    config_init(&line->config, &line->arena, &line->diag, &line->program);
    line->config.in = CONFIG_IN_GLOBAL;
    line->config.no_files = true;
    line->config.numeric_hosts = true;
    line->arg = (struct config_arg){ .str = text, .len = (uint32_t)strlen(text), .column = 1 };
    line->line = (struct config_line){ .args = &line->arg, .num_args = 1 };
}

static void line_fini(struct var_line *line)
{
    config_fini(&line->config);
    arena_fini(&line->arena);
}

// What is wrong with the line, as the compiler reported it.
static const char *line_wrong(const struct var_line *line)
{
    for (const struct config_message *it = line->diag.first; it; it = it->next)
        if (it->level == CONFIG_ERROR)
            return it->text;
    return NULL;
}

// Evaluates the line; false where it is wrong or has no value.
static bool line_value(struct var_line *line, struct expr_sample *value, struct var_room *room, bool is_format)
{
    struct expr expr;
    const struct expr_format *format = NULL;
    if (is_format)
        format = expr_format_parse(&line->config, &line->line, 0, EXPR_FORMAT_TEXT, EXPR_AT_BOOT);
    else if (!expr_parse(&line->config, &expr, &line->line, 0) ||
             !expr_check_when(&line->config, &line->line, 0, &expr, EXPR_AT_BOOT))
        return false;
    if ((is_format && !format) || !proxy_refs_resolve(&line->config, &line->program))
        return false;
    if (!format)
        return expr_eval(&expr, &room->subject, value);
    *value = (struct expr_sample){ .type = EXPR_STR, .str = expr_format_make(format, &room->subject) };
    return value->str.ptr != NULL;
}

static void set_value(struct admin_call *call, const struct expr_var_ref *ref, const char *text, bool is_format)
{
    struct expr_sample value;
    struct var_room room;
    struct var_line *line = malloc(sizeof(*line));
    if (!line || !room_init(&room, call)) {
        free(line);
        return;
    }
    line_init(line, call, text);
    const char *wrong = NULL;
    if (!line_value(line, &value, &room, is_format)) {
        wrong = line_wrong(line);
        // As for HAProxy, what has no value sets none.
        if (wrong)
            admin_refuse(call, "%s\n", wrong);
    } else if (!expr_var_set(&room.subject, ref, &value)) {
        admin_refuse(call,
                     "There is no room for this variable: a value has at most %d bytes, and there are at most %d "
                     "variables.\n",
                     TABLE_PROC_VAR_TEXT, TABLE_PROC_VARS);
    }
    line_fini(line);
    free(line);
    free(room.process.scratch.mem);
}

static enum admin_verdict run_set(struct admin_call *call)
{
    struct expr_var_ref ref;
    if (!call->num_args)
        return admin_refuse(call, "Missing process-wide variable identifier.\n");
    const char *wrong = expr_var_ref_parse(&ref, slice_str(call->args[0]));
    if (wrong)
        return admin_refuse(call, "invalid variable name '%s': %s\n", call->args[0], wrong);
    if (ref.scope != EXPR_SCOPE_PROC)
        return admin_refuse(call, "'set var': cannot set variable '%s', only scope 'proc' is permitted here.\n",
                            call->args[0]);
    if (call->num_args < 2)
        return admin_refuse(call, "Missing either 'expr', 'fmt' or expression.\n");
    bool is_format = call->num_args > 2 && strcmp(call->args[1], "fmt") == 0;
    if (call->num_args > 2 && !is_format && strcmp(call->args[1], "expr") != 0)
        return admin_refuse(call, "'set var': arg type must be either 'expr' or 'fmt' but got '%s'.\n", call->args[1]);
    set_value(call, &ref, call->args[call->num_args - 1], is_format);
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "get var",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "proc.<name>",
      .help = "tell the value of a variable of the service",
      .run = run_get },
    { .name = "set var",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 3,
      .is_experimental = true,
      .changes = true,
      .args = "proc.<name> { <expression> | expr <expression> | fmt <format> }",
      .help = "give a variable of the service a value",
      .run = run_set },
};
ADMIN_COMMANDS(commands);
