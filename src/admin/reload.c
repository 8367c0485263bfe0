// SPDX-License-Identifier: Apache-2.0
// Reloads asked for on the master's socket, and what reading a configuration had to say.
#include "admin/session.h"
#include "board/board.h"

void admin_latest(struct admin *admin, uint32_t num_reloads, uint32_t num_failed, bool is_more, const char *text,
                  size_t len)
{
    admin->num_reloads = num_reloads;
    admin->num_failed = num_failed;
    if (!is_more) {
        text_fini(&admin->latest);
        text_init(&admin->latest);
    }
    text_add(&admin->latest, text, len);
}

static void add_lines(struct text *out, const char *ptr, size_t len)
{
    text_add(out, ptr, len);
    if (len && ptr[len - 1] != '\n')
        text_add(out, "\n", 1);
}

static void answer(struct admin_session *session, bool done, const char *ptr, size_t len)
{
    session->reload = 0;
    session->call.is_refused = !done;
    text_printf(&session->out, "Success=%d\n--\n", done);
    add_lines(&session->out, ptr, len);
    // As for HAProxy the reload is a session's last command.
    session->quit = true;
}

void admin_reloaded(struct admin *admin, uint64_t id, bool done)
{
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        if (!session->reload || session->reload != id)
            continue;
        answer(session, done, admin->latest.ptr, admin->latest.len);
        admin_session_answer_end(session);
    }
}

void admin_reload_lost(struct admin_session *session)
{
    const char *why = "This process ends before the reload does; 'show startup-logs' tells how it went.";
    if (session->reload)
        answer(session, false, why, strlen(why));
}

static enum admin_verdict ask(struct admin_call *call, bool hard)
{
    struct admin *admin = call->admin;
    const struct admin_ops *ops = admin->start.ops;
    const char *why = "The master cannot be asked.";
    uint64_t id = ++admin->last_reload;
    call->session->reload = id;
    if (ops && ops->reload && ops->reload(admin->start.owner, id, hard))
        return ADMIN_LATER;
    answer(call->session, false, why, strlen(why));
    return ADMIN_DONE;
}

static enum admin_verdict run_reload(struct admin_call *call)
{
    return ask(call, false);
}

static enum admin_verdict run_hard_reload(struct admin_call *call)
{
    return ask(call, true);
}

// How the latest start of a generation went, in the form of reload's answer.
static enum admin_verdict run_show_loadstatus(struct admin_call *call)
{
    const struct admin *admin = call->admin;
    text_printf(call->out, "Success=%d\n--\n", admin->num_failed == 0);
    add_lines(call->out, admin->latest.ptr, admin->latest.len);
    return ADMIN_DONE;
}

// The master's socket knows of the latest attempt, which may have failed; a worker has what its generation began with.
static enum admin_verdict run_show_startup_logs(struct admin_call *call)
{
    const struct admin *admin = call->admin;
    const char *text = admin->start.startup_messages;
    if (call->session->is_master && !call->inc)
        add_lines(call->out, admin->latest.ptr, admin->latest.len);
    else if (call->inc && board_incarnation_at(admin->start.board, call->inc)->generation != admin->start.generation)
        return admin_refuse(call, "The messages of an old generation are no longer known.\n");
    else if (text)
        add_lines(call->out, text, strlen(text));
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "reload",
      .level = ADMIN_LEVEL_OPERATOR,
      .changes = true,
      .where = ADMIN_ON_MASTER,
      .help = "read the configuration again and replace this generation",
      .run = run_reload },
    { .name = "hard-reload",
      .level = ADMIN_LEVEL_OPERATOR,
      .changes = true,
      .where = ADMIN_ON_MASTER,
      .help = "reload, and end what the generation before still carries",
      .run = run_hard_reload },
    { .name = "show loadstatus",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_MASTER,
      .help = "tell how the latest reload went, and its messages",
      .run = run_show_loadstatus },
    { .name = "show startup-logs",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_ANY,
      .help = "show the messages of reading the configuration",
      .run = run_show_startup_logs },
};
ADMIN_COMMANDS(commands);
