// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "admin/session.h"
#include "base/check.h"
#include "config/diag.h"

extern const struct admin_command_table *const __start_admin_commands[];
extern const struct admin_command_table *const __stop_admin_commands[];

static const struct admin_command **commands;
static size_t num_commands;

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct admin_command *const *)a)->name, (*(const struct admin_command *const *)b)->name);
}

void admin_commands_boot(void)
{
    size_t num = 0;
    if (commands)
        return;
    for (const struct admin_command_table *const *table = __start_admin_commands; table < __stop_admin_commands;
         table++)
        num += (*table)->num;
    commands = calloc(num, sizeof(struct admin_command *));
    if (!commands)
        check_out_of_memory(num * sizeof(struct admin_command *));
    for (const struct admin_command_table *const *table = __start_admin_commands; table < __stop_admin_commands;
         table++)
        for (size_t i = 0; i < (*table)->num; i++)
            commands[num_commands++] = &(*table)->commands[i];
    qsort(commands, num_commands, sizeof(struct admin_command *), by_name);
    for (size_t i = 1; i < num_commands; i++) {
        bool is_twice = strcmp(commands[i - 1]->name, commands[i]->name) == 0;
        if (is_twice)
            fprintf(stderr, "the command '%s' is there twice\n", commands[i]->name);
        must(!is_twice);
    }
}

const struct admin_command *const *admin_commands_all(size_t *num)
{
    *num = num_commands;
    return commands;
}

// How many words of `name` stand at the start of `words`; `*name_words` is how many it has. With `partly` the last of
// `words` may be the beginning of one.
static uint32_t words_shared(uint32_t *name_words, const char *name, const char *const *words, uint32_t num,
                             bool partly)
{
    uint32_t shared = 0;
    *name_words = 0;
    while (*name) {
        size_t len = strcspn(name, " ");
        if (*name_words == shared && shared < num) {
            size_t want = strlen(words[shared]);
            bool is_last = shared + 1 == num;
            if (want <= len && memcmp(name, words[shared], want) == 0 && (want == len || (partly && is_last)))
                shared++;
        }
        (*name_words)++;
        name += len;
        name += *name == ' ';
    }
    return shared;
}

const struct admin_command *admin_command_find(uint32_t *name_words, const char *const *words, uint32_t num,
                                               uint32_t where)
{
    const struct admin_command *best = NULL;
    *name_words = 0;
    for (size_t i = 0; i < num_commands; i++) {
        uint32_t len;
        if ((commands[i]->where & where) && words_shared(&len, commands[i]->name, words, num, false) == len &&
            len > *name_words) {
            best = commands[i];
            *name_words = len;
        }
    }
    return best;
}

// What stands before a command rather than being one.
static void list_prefixes(struct text *out)
{
    text_printf(out,
                "  %-40s: send a command to the <pid> process\n"
                "  %-40s: send a command to the <relative pid> process\n"
                "  %-40s: send a command to the master process\n"
                "  %-40s: send the rest of the line, or all lines until quit, to that process\n",
                "@!<pid>", "@<relative pid>", "@master", "@@<[!]pid> [<command>...]");
}

static void list_one(struct text *out, const char *name, const char *args, const char *help)
{
    char usage[128];
    snprintf(usage, sizeof(usage), "%s%s%s", name, args ? " " : "", args ? args : "");
    text_printf(out, "  %-40s: %s\n", usage, help);
}

// These are said to the session rather than about the service, so they are always at hand and listed last.
static bool is_of_session(const struct admin_command *command)
{
    return strcmp(command->name, "help") == 0 || strcmp(command->name, "prompt") == 0 ||
           strcmp(command->name, "quit") == 0;
}

static bool may_give(const struct admin_command *command, uint32_t where, uint8_t level)
{
    return (command->where & where) && command->level <= level && !command->is_hidden;
}

static void list_session(struct text *out)
{
    for (size_t i = 0; i < num_commands; i++)
        if (is_of_session(commands[i]))
            list_one(out, commands[i]->name, commands[i]->args, commands[i]->help);
}

void admin_command_list(struct text *out, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    if (!num && (where & ADMIN_ON_MASTER))
        list_prefixes(out);
    for (size_t i = 0; i < num_commands; i++) {
        uint32_t len;
        if (may_give(commands[i], where, level) && !is_of_session(commands[i]) &&
            words_shared(&len, commands[i]->name, words, num, true) == num)
            list_one(out, commands[i]->name, commands[i]->args, commands[i]->help);
    }
    list_session(out);
}

// Commands that begin with the most words of what was given, or else those whose first word is the nearest.
static uint32_t mark_near(bool *near, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    uint32_t best = 0;
    uint32_t found = 0;
    const char *nearest = NULL;
    char first[64];
    for (size_t i = 0; i < num_commands; i++) {
        uint32_t len;
        uint32_t shared = words_shared(&len, commands[i]->name, words, num, true);
        if (may_give(commands[i], where, level) && shared > best)
            best = shared;
    }
    for (size_t i = 0; i < num_commands && !best; i++) {
        snprintf(first, sizeof(first), "%.*s", (int)strcspn(commands[i]->name, " "), commands[i]->name);
        const char *known = first;
        if (may_give(commands[i], where, level) && config_nearest(words[0], &known, 1)) {
            nearest = commands[i]->name;
            break;
        }
    }
    for (size_t i = 0; i < num_commands; i++) {
        uint32_t len;
        bool is_near = best ? words_shared(&len, commands[i]->name, words, num, true) == best
                            : nearest && strncmp(commands[i]->name, nearest, strcspn(nearest, " ") + 1) == 0;
        near[i] = is_near && may_give(commands[i], where, level) && !is_of_session(commands[i]);
        found += near[i];
    }
    return found;
}

void admin_command_unknown(struct text *out, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    bool *near = num ? calloc(num_commands, sizeof(*near)) : NULL;
    if (!near || !mark_near(near, words, num, where, level)) {
        text_printf(out, "Unknown command. Please enter one of the following commands only:\n");
        admin_command_list(out, NULL, 0, where, level);
        free(near);
        return;
    }
    text_printf(out, "Unknown command, but maybe one of the following ones is a better match:\n");
    for (size_t i = 0; i < num_commands; i++)
        if (near[i])
            list_one(out, commands[i]->name, commands[i]->args, commands[i]->help);
    list_session(out);
    free(near);
}

void admin_severity_add(struct text *out, const struct admin_session *session, int severity)
{
    static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
    if (session->severity == ADMIN_SEVERITY_NUMBER)
        text_printf(out, "[%d]: ", severity);
    else if (session->severity == ADMIN_SEVERITY_STRING)
        text_printf(out, "[%s]: ", names[severity & 7]);
}

static void say(struct admin_call *call, int severity, const char *format, va_list list)
{
    char *line;
    admin_severity_add(call->out, call->session, severity);
    if (vasprintf(&line, format, list) < 0) {
        call->out->failed = true;
        return;
    }
    text_printf(call->out, "%s", line);
    free(line);
}

void admin_call_end(struct admin_call *call)
{
    if (call->state && call->command && call->command->end)
        call->command->end(call);
    free(call->state);
    call->state = NULL;
}

enum admin_verdict admin_refuse(struct admin_call *call, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(call, 3, format, list);
    va_end(list);
    call->is_refused = true;
    return ADMIN_DONE;
}

enum admin_verdict admin_say(struct admin_call *call, int severity, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(call, severity, format, list);
    va_end(list);
    return ADMIN_DONE;
}

enum admin_verdict admin_refuse_arg(struct admin_call *call, uint32_t index)
{
    const struct admin_command *command = call->command;
    return admin_refuse(call, "'%s' does not take '%.200s'. Usage: %s%s%s\n", command->name,
                        index < call->num_args ? call->args[index] : "", command->name, command->args ? " " : "",
                        command->args ? command->args : "");
}
