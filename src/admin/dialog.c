// SPDX-License-Identifier: Apache-2.0
// The language of a session: lines, the commands on them, their payloads, and what is said between.
#include <stdatomic.h>
#include <stdlib.h>
#include "admin/inquire.h"
#include "admin/session.h"
#include "board/board.h"

enum {
    SESSION_PIECE = 64 * 1024,  // a command is asked for more once less than this waits
    SESSION_LOOK_US = 1000,     // between looks whether all have applied a change
    SESSION_APPLY_US = 1000000, // after which who has not is named
};

// Seconds that the process which commands are for has lived: on the master's socket it, or a worker. Management guide,
// section 9.3.
static uint64_t uptime(const struct admin_session *session)
{
    const struct admin *admin = session->admin;
    struct board *board = admin->start.board;
    uint64_t now_us = admin->start.loop->wall_us;
    uint64_t started_us = admin->started_wall_us;
    uint32_t inc = session->target.inc;
    for (uint32_t i = 1; session->is_master && !inc && i < board_incarnation_limit(board); i++)
        if (atomic_load(&board_incarnation_at(board, i)->state) == 1 &&
            atomic_load(&board_incarnation_at(board, i)->role) == BOARD_ROLE_MASTER)
            inc = i;
    if (inc)
        started_us = board_incarnation_at(board, inc)->started_wall_us;
    return now_us > started_us ? (now_us - started_us) / 1000000 : 0;
}

static void add_prompt(struct admin_session *session)
{
    const struct admin *admin = session->admin;
    if (session->mode != ADMIN_MODE_PROMPT)
        return;
    if (session->timed) {
        uint64_t up = uptime(session);
        text_printf(&session->out, "[%u:%02u:%02u:%02u]%s", (unsigned)(up / 86400), (unsigned)(up / 3600 % 24),
                    (unsigned)(up / 60 % 60), (unsigned)(up % 60), session->is_master ? " " : "");
    }
    if (session->is_master && session->target.inc)
        text_printf(&session->out, "%d", (int)session->target.pid);
    else if (session->is_master)
        text_printf(&session->out, "master%s", admin->num_failed ? "[ReloadFailed]" : "");
    if (session->is_master && (session->is_debug || session->is_expert || session->is_experimental))
        text_printf(&session->out, "(%s%s%s)", session->is_experimental ? "x" : "", session->is_expert ? "e" : "",
                    session->is_debug ? "d" : "");
    text_add(&session->out, "> ", 2);
}

void admin_dialog_end(struct admin_session *session)
{
    admin_change_note(session);
    session->is_answering = false;
    admin_inquire_end(&session->call);
    admin_call_end(&session->call);
    admin_session_forget(&session->words_text);
    // No answer holds an empty line: it is the mark of the end.
    if (!session->is_silent)
        text_add(&session->out, "\n", 1);
}

static void line_end(struct admin_session *session)
{
    admin_session_forget(&session->line);
    session->has_payload = false;
    text_fini(&session->payload);
    if (session->inside == ADMIN_INSIDE_LINE) {
        session->inside = ADMIN_INSIDE_NOT;
        session->target = session->outer;
    }
    if (session->mode == ADMIN_MODE_ONCE && session->ends)
        session->quit = true;
    else if (!session->quit)
        add_prompt(session);
}

uint32_t admin_session_where(const struct admin_session *session, uint32_t inc)
{
    if (!session->is_master)
        return ADMIN_ON_STATS;
    return inc ? ADMIN_ON_WORKER : session->is_debug ? ADMIN_ON_MASTER | ADMIN_ON_STATS : ADMIN_ON_MASTER;
}

enum prefix { PREFIX_COMMAND, PREFIX_ALONE, PREFIX_UNKNOWN };

// Takes a prefix off the `*num` words at `*words`: whom the command that follows is for, or, alone, all commands from
// now on. Management guide, section 9.4.1.
static enum prefix prefix_take(struct admin_target *target, struct admin_session *session, const char *const **words,
                               uint32_t *num)
{
    const struct admin *admin = session->admin;
    *target = session->target;
    if (!session->is_master || session->inside || !*num || (*words)[0][0] != '@')
        return admin_target_lives(admin, target) ? PREFIX_COMMAND : PREFIX_UNKNOWN;
    const char *name = (*words)[0] + 1;
    bool is_inside = *name == '@';
    if (!admin_target_read(target, admin, name + is_inside))
        return PREFIX_UNKNOWN;
    *words += 1;
    *num -= 1;
    if (is_inside) {
        session->inside = *num || session->line_at < session->line_len ? ADMIN_INSIDE_LINE : ADMIN_INSIDE_SESSION;
        session->outer = session->target;
    }
    if (is_inside || !*num)
        session->target = *target;
    return *num ? PREFIX_COMMAND : PREFIX_ALONE;
}

// As for HAProxy, nothing of what was meant for that process is given to another: the session ends.
static void refuse_target(struct admin_session *session, uint32_t num)
{
    const char *word = num ? session->words[0] : "";
    if (*word == '@' && !session->inside)
        text_printf(&session->out, "Can't find the target PID matching the prefix '%.200s'\n", word);
    else
        text_printf(&session->out, "Can't find the target PID matching the prefix '@!%d'\n", (int)session->target.pid);
    session->quit = session->is_silent = true;
}

// Words that name no command for that target.
static void refuse_command(struct admin_session *session, const char *const *words, uint32_t num, uint32_t inc)
{
    uint32_t name_words;
    if (inc && admin_command_find(&name_words, words, num, ADMIN_ON_MASTER | ADMIN_ON_STATS)) {
        admin_severity_add(&session->out, session, 3);
        text_printf(&session->out, "'%s%s%s' is no matter of one worker; say it without '@', or after '@' alone.\n",
                    words[0], name_words > 1 ? " " : "", name_words > 1 ? words[1] : "");
    } else {
        admin_severity_add(&session->out, session, 6);
        admin_command_unknown(&session->out, words, num, admin_session_where(session, inc), session->level);
    }
}

// Why the session may not give `command`; NULL where it may.
static const char *forbidden(const struct admin_session *session, const struct admin_command *command)
{
    if (command->level > session->level)
        return "Permission denied";
    if (command->is_expert && !session->is_expert)
        return "This command is restricted to expert mode only.";
    if (command->is_experimental && !session->is_experimental)
        return "This command is restricted to experimental mode only.";
    return NULL;
}

static void command_begin(struct admin_session *session, const char *const *words, uint32_t num, uint32_t inc)
{
    uint32_t name_words;
    // The master knows all commands, but lists those of workers only in its debug mode.
    uint32_t where = admin_session_where(session, inc);
    where |= where & ADMIN_ON_MASTER ? ADMIN_ON_STATS : 0;
    const struct admin_command *command = admin_command_find(&name_words, words, num, where);
    const char *why = command ? forbidden(session, command) : NULL;
    if (!command)
        refuse_command(session, words, num, inc);
    if (!command || why) {
        if (why) {
            admin_severity_add(&session->out, session, 3);
            text_printf(&session->out, "%s\n", why);
        }
        admin_dialog_end(session);
        return;
    }
    session->call = (struct admin_call){
        .admin = session->admin,
        .session = session,
        .command = command,
        .args = words + name_words,
        .num_args = num - name_words,
        .inc = inc,
        .out = &session->out,
    };
    if (session->has_payload && session->line_at >= session->line_len) {
        session->call.payload = session->payload.ptr ? session->payload.ptr : "";
        session->call.payload_len = session->payload.len;
    }
    session->is_answering = true;
    if (num - name_words <= command->max_args)
        return;
    admin_refuse_arg(&session->call, command->max_args);
    admin_dialog_end(session);
}

// A NUL would hide what stands behind it from whoever reads the payload as text.
static bool payload_has_nul(const struct admin_session *session)
{
    return session->has_payload && session->payload.len && memchr(session->payload.ptr, '\0', session->payload.len);
}

// The words of a command are there, and its payload: it becomes session->call, or is answered at once where it is none.
static void command_words(struct admin_session *session)
{
    const char *const *words = session->words;
    uint32_t num = session->num_words;
    struct admin_target target;
    if (payload_has_nul(session)) {
        admin_severity_add(&session->out, session, 3);
        text_printf(&session->out, "A payload holds no NUL byte.\n");
        admin_dialog_end(session);
        return;
    }
    switch (prefix_take(&target, session, &words, &num)) {
    case PREFIX_COMMAND:
        command_begin(session, words, num, target.inc);
        break;
    case PREFIX_ALONE:
        session->is_silent = true;
        admin_dialog_end(session);
        break;
    case PREFIX_UNKNOWN:
        refuse_target(session, num);
        admin_dialog_end(session);
        break;
    }
}

static void add_payload_prompt(struct admin_session *session)
{
    if (session->mode == ADMIN_MODE_PROMPT)
        text_add(&session->out, "+ ", 2);
}

// Reads the words of the line's next command.
static void command_start(struct admin_session *session)
{
    session->is_silent = false;
    bool good = admin_line_next(&session->words_text, session->words, &session->num_words, &session->line_at,
                                session->line, session->line_len);
    bool is_last = session->line_at >= session->line_len;
    bool asks_what =
        session->mode == ADMIN_MODE_ONCE && session->is_first && is_last && session->num_lines == 1 && !session->in.len;
    session->is_first = false;
    // As for HAProxy, each answer of a line is followed by its prompt; a line that was handed to a worker is answered
    // by a session there, which has none.
    if (session->has_run && session->num_words && session->inside != ADMIN_INSIDE_LINE)
        add_prompt(session);
    session->has_run |= session->num_words > 0;
    if (session->has_payload && is_last) {
        session->is_collecting = true;
        add_payload_prompt(session);
    }
    if (good && !session->num_words && !asks_what) {
        admin_session_forget(&session->words_text);
        return;
    }
    if (!good) {
        admin_severity_add(&session->out, session, 3);
        text_printf(&session->out, "A command has at most %d words.\n", ADMIN_MAX_WORDS);
        admin_dialog_end(session);
        return;
    }
    if (!session->is_collecting)
        command_words(session);
}

static void fail(struct admin_session *session, const char *what, size_t limit)
{
    admin_severity_add(&session->out, session, 3);
    text_printf(&session->out, "%s has at most %zu bytes.\n\n", what, limit);
    session->quit = true;
}

// The length of the next whole line of what came, without its line feed; false where there is none. No byte is looked
// at twice.
static bool line_find(size_t *len, struct admin_session *session)
{
    struct slice rest = slice_from(slice_of(session->in.ptr, session->in.len), session->in_seen);
    *len = session->in_seen + (rest.len ? slice_find(rest, '\n') : 0);
    session->in_seen = *len;
    return *len < session->in.len;
}

static void line_drop(struct admin_session *session, size_t len)
{
    text_consume(&session->in, len + 1);
    session->in_seen = 0;
}

// Takes the payload's next line; false where more must come first. What was given in vain is taken like the rest: it is
// no command.
static bool payload_take(struct admin_session *session)
{
    size_t len;
    bool is_whole = line_find(&len, session);
    if (session->payload.len + len >= ADMIN_PAYLOAD_MAX) {
        fail(session, "A payload", ADMIN_PAYLOAD_MAX);
        return false;
    }
    if (!is_whole)
        return false;
    size_t text_len = len && session->in.ptr[len - 1] == '\r' ? len - 1 : len;
    if (text_len == strlen(session->pattern) && memcmp(session->in.ptr, session->pattern, text_len) == 0) {
        line_drop(session, len);
        session->is_collecting = false;
        if (session->words_text)
            command_words(session);
        return true;
    }
    text_add(&session->payload, session->in.ptr, len + 1);
    session->quit |= session->payload.failed;
    line_drop(session, len);
    add_payload_prompt(session);
    return true;
}

// The next whole line becomes session->line; false where there is none, or it is too long to be one.
static bool line_start(struct admin_session *session)
{
    size_t limit = session->admin->start.conf->global.bufsize ? session->admin->start.conf->global.bufsize : 16384;
    size_t len;
    bool is_whole = line_find(&len, session);
    if (len >= limit) {
        fail(session, "A line", limit - 1);
        return false;
    }
    if (!is_whole)
        return false;
    session->line = malloc(len + 1);
    if (!session->line) {
        session->quit = true;
        return false;
    }
    memcpy(session->line, session->in.ptr, len);
    session->line_len = len;
    session->line_at = 0;
    session->has_payload = admin_line_payload(&session->line_len, session->pattern, slice_of(session->line, len));
    session->is_first = true;
    session->has_run = false;
    session->num_lines++;
    line_drop(session, len);
    return true;
}

bool admin_dialog_has_more(struct admin_session *session)
{
    size_t len;
    return (session->line && !session->is_collecting) || line_find(&len, session);
}

bool admin_dialog_is_over(const struct admin_session *session)
{
    bool asks = session->line || session->in.len;
    // What is half asked when the process leaves is for the next one: this one's word would not reach it.
    return session->num_lines && (session->admin->is_leaving || (!asks && session->mode == ADMIN_MODE_ONCE));
}

static void wait_until(struct admin_session *session, uint64_t due_us)
{
    session->is_waiting = true;
    event_timer_set(session->admin->start.loop, &session->wake, due_us);
}

// What all processes are to apply is answered once they have; who does not answer for long is named.
static void changed_look(struct admin_session *session)
{
    struct board *board = session->admin->start.board;
    uint64_t now_us = session->admin->start.loop->now_us;
    uint32_t inc = board_journal_laggard(board, session->call.number);
    if (inc && now_us < session->changed_us + SESSION_APPLY_US) {
        wait_until(session, now_us + SESSION_LOOK_US);
        return;
    }
    if (inc)
        admin_say(&session->call, 4, "process %d has not applied the change within a second; it will, or be ended.\n",
                  (int)board_incarnation_at(board, inc)->pid);
    session->changed_us = 0;
    admin_dialog_end(session);
}

static void call_run(struct admin_session *session)
{
    if (session->changed_us) {
        changed_look(session);
        return;
    }
    session->call.wake_us = 0;
    switch (session->call.command->run(&session->call)) {
    case ADMIN_LATER:
        session->is_late = true;
        break;
    case ADMIN_WAIT:
        wait_until(session, session->call.wake_us);
        break;
    case ADMIN_CHANGED:
        session->changed_us = session->call.since_us ? session->call.since_us : session->admin->start.loop->now_us;
        changed_look(session);
        break;
    case ADMIN_DONE:
        admin_dialog_end(session);
        break;
    case ADMIN_MORE:
        break;
    }
    session->call.turn++;
}

void admin_dialog_answer(struct admin_session *session)
{
    while (!session->quit && !session->is_late && !session->is_waiting && session->out.len < SESSION_PIECE &&
           !session->out.failed) {
        if (session->is_answering)
            call_run(session);
        else if (session->is_collecting && !payload_take(session))
            return;
        else if (session->is_collecting || session->is_answering)
            continue;
        else if (session->line && (session->line_at < session->line_len || session->is_first))
            command_start(session);
        else if (session->line)
            line_end(session);
        else if (!line_start(session))
            return;
    }
}
