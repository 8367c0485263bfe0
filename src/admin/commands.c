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

enum { FAR = 1000, NEAR_WORDS = 8 };

static struct slice lower(char *room, size_t room_len, struct slice word)
{
    if (word.len > room_len)
        return word;
    for (size_t i = 0; i < word.len; i++)
        room[i] = (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] + 32 : word.ptr[i]);
    return slice_of(room, word.len);
}

// How far `word` is from the word `known` of a command: 0 for the beginning of it, or the slips between them.
static unsigned word_distance(struct slice word, struct slice known)
{
    char room[64];
    unsigned distance;
    word = lower(room, sizeof(room), word);
    if (word.len && slice_begins(known, word))
        return 0;
    return config_is_near(&distance, word, known) ? distance : FAR;
}

// How far the first `num` words are from `command`: FAR where one of them is none of its.
static unsigned distance_of(const struct admin_command *command, const char *const *words, uint32_t num)
{
    const char *name = command->name;
    unsigned sum = 0;
    for (uint32_t i = 0; i < num && *name; i++) {
        size_t len = strcspn(name, " ");
        sum += word_distance(slice_str(words[i]), slice_of(name, len));
        name += len;
        name += *name == ' ';
    }
    return sum;
}

// Commands that the most words of what was given come nearest to.
static uint32_t mark_near(bool *near, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    unsigned best = FAR;
    uint32_t found = 0;
    uint32_t used = num < NEAR_WORDS ? num : NEAR_WORDS;
    for (; used && best >= FAR; used -= best >= FAR)
        for (size_t i = 0; i < num_commands; i++) {
            unsigned distance = distance_of(commands[i], words, used);
            if (distance < best && may_give(commands[i], where, level))
                best = distance;
        }
    for (size_t i = 0; i < num_commands && best < FAR; i++) {
        bool is_near = distance_of(commands[i], words, used) == best && may_give(commands[i], where, level);
        near[i] = is_near && !is_of_session(commands[i]);
        found += is_near;
    }
    return found;
}

// Whether a command's name begins with what was given.
static bool mark_all(bool *near, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    bool found = false;
    for (size_t i = 0; i < num_commands; i++) {
        uint32_t len;
        bool is_meant =
            may_give(commands[i], where, level) && words_shared(&len, commands[i]->name, words, num, true) == num;
        near[i] = is_meant && !is_of_session(commands[i]);
        found |= is_meant;
    }
    return found;
}

static void list_marked(struct text *out, const bool *near)
{
    for (size_t i = 0; i < num_commands; i++)
        if (near[i])
            list_one(out, commands[i]->name, commands[i]->args, commands[i]->help);
    list_session(out);
}

void admin_command_list(struct text *out, const char *const *words, uint32_t num, uint32_t where, uint8_t level)
{
    bool *near = calloc(num_commands, sizeof(*near));
    if (!near) {
        out->failed = true;
        return;
    }
    if (!num && (where & ADMIN_ON_MASTER))
        list_prefixes(out);
    if (!mark_all(near, words, num, where, level))
        mark_near(near, words, num, where, level);
    list_marked(out, near);
    free(near);
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
    list_marked(out, near);
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
