// SPDX-License-Identifier: Apache-2.0
// What operators changed, in the log: one line for each command that was obeyed.
#include "admin/session.h"
#include "log/log.h"

enum { CHANGE_WORD_MAX = 256 };

// A word of what came over the net must not look like two lines, or like more of ours.
static void add_word(struct text *out, const char *word)
{
    text_add(out, " ", 1);
    for (size_t i = 0; word[i]; i++) {
        unsigned char c = (unsigned char)word[i];
        if (i == CHANGE_WORD_MAX) {
            text_printf(out, "...");
            return;
        }
        if (c < ' ' || c == 0x7f)
            text_printf(out, "\\x%02x", c);
        else if (c == ' ' || c == ';' || c == '\\')
            text_printf(out, "\\%c", c);
        else
            text_add(out, &word[i], 1);
    }
}

static void add_socket(struct text *out, const struct admin_session *session)
{
    if (session->is_master)
        text_printf(out, "master's socket ");
    else
        text_printf(out, "stats socket ");
    if (session->socket->bind.name)
        text_printf(out, "'%s' ", session->socket->bind.name);
    admin_socket_text(out, session->socket);
}

void admin_change_note(const struct admin_session *session)
{
    static const char *const levels[] = { "none", "user", "operator", "admin" };
    const struct admin_call *call = &session->call;
    const struct admin_start *start = &session->admin->start;
    const struct admin_command *command = call->command;
    struct text line;
    if (!session->is_answering || !command->changes || call->is_refused)
        return;
    text_init(&line);
    add_socket(&line, session);
    text_printf(&line, ", level %s, %s: %s", levels[session->level & 3], session->origin, command->name);
    for (uint32_t i = 0; i < call->num_args && !command->is_secret; i++)
        add_word(&line, call->args[i]);
    if (command->is_secret && call->num_args)
        text_printf(&line, " (arguments not shown)");
    if (call->payload)
        text_printf(&line, " (payload of %zu bytes)", call->payload_len);
    if (!line.failed) {
        log_show(LOG_LEVEL_NOTICE, "%s", line.ptr);
        if (start->conf->global.logs)
            log_send(start->board, start->inc, start->conf->global.logs, LOG_LEVEL_NOTICE, start->loop->wall_us,
                     slice_of(line.ptr, line.len));
    }
    text_fini(&line);
}
