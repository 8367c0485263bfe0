// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include "admin/session.h"
#include "admin/wait.h"
#include "base/check.h"
#include "board/board.h"
#include "proxy/conf.h"

// The master's socket shows no mark of an answer's end where there is no answer.
static enum admin_verdict done_silently(struct admin_call *call)
{
    call->session->is_silent = call->session->is_master;
    return ADMIN_DONE;
}

static enum admin_verdict run_help(struct admin_call *call)
{
    admin_severity_add(call->out, call->session, 6);
    text_printf(call->out, "The following commands are valid at this level:\n");
    admin_command_list(call->out, call->args, call->num_args, admin_session_where(call->session, call->inc),
                       call->session->level);
    return ADMIN_DONE;
}

static enum admin_verdict prompt_help(struct admin_call *call)
{
    text_printf(call->out, "prompt [help | n | i | p | timed]*: how this session goes on after a line\n"
                           "  n: closes (one line only)\n"
                           "  i: waits for the next line\n"
                           "  p: waits and shows a prompt\n"
                           "  timed: shows the uptime in the prompt, or no longer\n"
                           "Alone it turns the prompt on, or closes after the line where it is on.\n");
    return ADMIN_DONE;
}

static enum admin_verdict run_prompt(struct admin_call *call)
{
    struct admin_session *session = call->session;
    uint8_t mode = session->mode;
    bool timed = session->timed;
    if (!call->num_args)
        mode = mode == ADMIN_MODE_PROMPT ? ADMIN_MODE_ONCE : ADMIN_MODE_PROMPT;
    for (uint32_t i = 0; i < call->num_args; i++) {
        if (strcmp(call->args[i], "help") == 0)
            return prompt_help(call);
        if (strcmp(call->args[i], "n") == 0) {
            mode = ADMIN_MODE_ONCE;
        } else if (strcmp(call->args[i], "i") == 0) {
            mode = ADMIN_MODE_INTERACTIVE;
        } else if (strcmp(call->args[i], "p") == 0) {
            mode = ADMIN_MODE_PROMPT;
        } else if (strcmp(call->args[i], "timed") == 0) {
            mode = ADMIN_MODE_PROMPT;
            timed = !timed;
        } else {
            return admin_refuse_arg(call, i);
        }
    }
    // The master's socket has no mode that closes after a line.
    session->mode = session->is_master && mode == ADMIN_MODE_ONCE ? ADMIN_MODE_INTERACTIVE : mode;
    session->ends = session->mode == ADMIN_MODE_ONCE;
    session->timed = timed;
    return done_silently(call);
}

static enum admin_verdict run_quit(struct admin_call *call)
{
    struct admin_session *session = call->session;
    // Said for one command to one worker it ends that conversation, which is over with it.
    bool is_aside = session->is_master && !session->inside && call->inc != session->target.inc;
    session->is_silent = true;
    session->quit = !session->inside && !is_aside;
    if (session->inside) {
        session->inside = ADMIN_INSIDE_NOT;
        session->target = session->outer;
        session->line_at = session->line_len;
    }
    return ADMIN_DONE;
}

static enum admin_verdict lower_level(struct admin_call *call, uint8_t level)
{
    call->session->level = level;
    call->session->is_expert = call->session->is_experimental = false;
    return done_silently(call);
}

static enum admin_verdict run_operator(struct admin_call *call)
{
    return lower_level(call, ADMIN_LEVEL_OPERATOR);
}

static enum admin_verdict run_user(struct admin_call *call)
{
    return lower_level(call, ADMIN_LEVEL_USER);
}

// Turns `*mode` on or off, or tells how it stands.
static enum admin_verdict run_mode(struct admin_call *call, bool *mode)
{
    if (!call->num_args)
        return admin_say(call, 6, "%s is %s\n", call->command->name, *mode ? "ON" : "OFF");
    bool on = strcmp(call->args[0], "on") == 0;
    if (!on && strcmp(call->args[0], "off") != 0)
        return admin_refuse_arg(call, 0);
    *mode = on;
    return done_silently(call);
}

static enum admin_verdict run_expert(struct admin_call *call)
{
    return run_mode(call, &call->session->is_expert);
}

static enum admin_verdict run_experimental(struct admin_call *call)
{
    return run_mode(call, &call->session->is_experimental);
}

static enum admin_verdict run_debug(struct admin_call *call)
{
    return run_mode(call, &call->session->is_debug);
}

static enum admin_verdict run_show_version(struct admin_call *call)
{
    const struct admin_start *start = &call->admin->start;
    const char *version = call->inc ? board_incarnation_at(start->board, call->inc)->version : start->version;
    return admin_say(call, 6, "%.*s\n", BOARD_VERSION_LEN, *version ? version : "-");
}

// A value may hold line feeds, but no answer an empty line: a blank stands there.
static void add_variable(struct text *out, struct slice rest)
{
    while (rest.len) {
        struct slice line = slice_of(rest.ptr, slice_find(rest, '\n'));
        bool is_last = line.len == rest.len;
        text_printf(out, "%.*s\n", line.len ? (int)line.len : 1, line.len ? line.ptr : " ");
        rest = slice_from(rest, line.len + 1);
        if (!is_last && !rest.len)
            text_printf(out, " \n");
    }
}

static enum admin_verdict run_show_env(struct admin_call *call)
{
    bool found = !call->num_args;
    size_t len = call->num_args ? strlen(call->args[0]) : 0;
    for (char **entry = environ; entry && *entry; entry++) {
        if (call->num_args && (strncmp(*entry, call->args[0], len) != 0 || (*entry)[len] != '='))
            continue;
        add_variable(call->out, slice_str(*entry));
        found = true;
    }
    return found ? ADMIN_DONE : admin_refuse(call, "Variable not found\n");
}

static enum admin_verdict run_severity(struct admin_call *call)
{
    static const char *const names[] = { "none", "number", "string" };
    for (uint8_t i = 0; call->num_args && i < NUM_ITEMS(names); i++) {
        if (strcmp(call->args[0], names[i]) == 0) {
            call->session->severity = i;
            return done_silently(call);
        }
    }
    return admin_refuse(call, "one of 'none', 'number', 'string' is a required argument\n");
}

static enum admin_verdict run_timeout(struct admin_call *call)
{
    enum { MAX_MS = INT32_MAX };
    uint64_t limit_us;
    if (!call->num_args || strcmp(call->args[0], "cli") != 0)
        return admin_refuse(call, "'set timeout' only supports 'cli'.\n");
    if (call->num_args < 2)
        return admin_refuse(call, "Expects an integer value.\n");
    if (!admin_wait_read(&limit_us, slice_str(call->args[1]), 1000000) || limit_us < 1000 || limit_us / 1000 > MAX_MS)
        return admin_refuse(call, "Invalid timeout value.\n");
    call->session->timeout_us = limit_us;
    admin_session_touch(call->session);
    return done_silently(call);
}

static enum admin_verdict run_echo(struct admin_call *call)
{
    for (uint32_t i = 0; i < call->num_args; i++)
        text_printf(call->out, "%s%s", i ? " " : "", call->args[i]);
    if (call->num_args)
        text_add(call->out, "\n", 1);
    return ADMIN_DONE;
}

static enum admin_verdict run_show_backend(struct admin_call *call)
{
    text_printf(call->out, "# name\n");
    for (const struct proxy_conf *proxy = call->admin->start.conf->proxies; proxy; proxy = proxy->next)
        if (proxy->has_backend && !proxy->disabled)
            text_printf(call->out, "%s\n", proxy->name);
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "help",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .max_args = ADMIN_MAX_WORDS,
      .args = "[<command>]",
      .help = "list matching or all commands",
      .run = run_help },
    { .name = "prompt",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .max_args = ADMIN_MAX_WORDS,
      .args = "[help | n | i | p | timed]*",
      .help = "change how the session goes on, and its prompt",
      .run = run_prompt },
    { .name = "quit", .level = ADMIN_LEVEL_USER, .where = ADMIN_ON_ANY, .help = "close the session", .run = run_quit },
    { .name = "operator",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_ANY,
      .help = "lower the level of this session to operator",
      .run = run_operator },
    { .name = "user",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .help = "lower the level of this session to user",
      .run = run_user },
    { .name = "set severity-output",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .max_args = 1,
      .args = "[none|number|string]",
      .help = "set how messages of this session show their severity",
      .run = run_severity },
    { .name = "set timeout",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .max_args = ADMIN_MAX_WORDS,
      .args = "cli <time>",
      .help = "set how long this session may say nothing, in seconds or with a unit",
      .run = run_timeout },
    { .name = "echo",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .max_args = ADMIN_MAX_WORDS,
      .args = "<text>",
      .help = "say this text",
      .run = run_echo },
    { .name = "expert-mode",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_ANY,
      .max_args = 1,
      .is_hidden = true,
      .args = "[on|off]",
      .help = "turn the expert mode of this session on or off, or tell how it stands",
      .run = run_expert },
    { .name = "experimental-mode",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_ANY,
      .max_args = 1,
      .is_hidden = true,
      .args = "[on|off]",
      .help = "turn the experimental mode of this session on or off, or tell how it stands",
      .run = run_experimental },
    { .name = "mcli-debug-mode",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_MASTER | ADMIN_ON_WORKER,
      .max_args = 1,
      .args = "[on|off]",
      .help = "have help list the commands of workers, too, on the master's socket",
      .run = run_debug },
    { .name = "show version",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_ANY,
      .help = "tell the version",
      .run = run_show_version },
    { .name = "show env",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<name>]",
      .help = "show the environment variables, or one of them",
      .run = run_show_env },
    { .name = "show backend",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .help = "list the backends",
      .run = run_show_backend },
};
ADMIN_COMMANDS(commands);
