// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/inquire.h"
#include "admin/session.h"
#include "base/io.h"
#include "board/board.h"
#include "proxy/conf.h"

enum {
    SESSION_PIECE = 64 * 1024, // a command is asked for more once less than this waits
    SESSION_TIMEOUT_US = 10000000,
    SESSION_LEAVE_US = 2000000, // without progress, in a process that leaves
    SESSION_TURN_ROUNDS = 8,
    SESSION_LOOK_US = 1000,     // between looks whether all have applied a change
    SESSION_APPLY_US = 1000000, // after which who has not is named
};

static void session_ready(struct event_source *source, uint32_t events);
static void session_timeout(struct event_timer *timer);
static void session_task(struct event_task *task);
static void session_wake(struct event_timer *timer);

static void session_touch(struct admin_session *session)
{
    const struct admin_start *start = &session->admin->start;
    uint64_t limit = start->conf->global.stats_timeout ? start->conf->global.stats_timeout : SESSION_TIMEOUT_US;
    if (session->admin->is_leaving)
        limit = SESSION_LEAVE_US;
    else if (session->is_master)
        limit = 0; // as for HAProxy: a reload takes as long as it takes
    event_timer_set(start->loop, &session->timer, limit ? start->loop->now_us + limit : 0);
}

bool admin_session_new(struct admin *admin, int take_fd, uint8_t level, bool is_master)
{
    struct admin_session *session = calloc(1, sizeof(*session));
    if (!session) {
        close(take_fd);
        return false;
    }
    session->admin = admin;
    session->level = level;
    session->is_master = is_master;
    session->mode = is_master ? ADMIN_MODE_INTERACTIVE : ADMIN_MODE_ONCE;
    session->source = (struct event_source){ .fd = take_fd, .ready = session_ready };
    text_init(&session->in);
    text_init(&session->out);
    event_timer_init(&session->timer, session_timeout);
    event_timer_init(&session->wake, session_wake);
    event_task_init(&session->task, session_task);
    if (!event_source_add(admin->start.loop, &session->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP)) {
        close(take_fd);
        free(session);
        return false;
    }
    list_append(&admin->sessions, &session->link);
    *(is_master ? &admin->num_master_sessions : &admin->num_sessions) += 1;
    session_touch(session);
    return true;
}

void admin_session_free(struct admin_session *session)
{
    struct admin *admin = session->admin;
    bool is_master = session->is_master;
    admin_giving_free(session->giving);
    event_timer_del(admin->start.loop, &session->timer);
    event_timer_del(admin->start.loop, &session->wake);
    event_task_cancel(&session->task);
    event_source_del(admin->start.loop, &session->source);
    close(session->source.fd);
    list_remove(&session->link);
    text_fini(&session->in);
    text_fini(&session->out);
    if (session->is_answering)
        admin_inquire_end(&session->call);
    free(session->call.state);
    free(session->words_text);
    free(session->line);
    free(session);
    *(is_master ? &admin->num_master_sessions : &admin->num_sessions) -= 1;
    admin_session_left(admin, is_master);
}

static void session_timeout(struct event_timer *timer)
{
    struct admin_session *session = CONTAINER_OF(timer, struct admin_session, timer);
    if (session->is_late || session->is_waiting)
        session_touch(session);
    else
        admin_session_free(session);
}

bool admin_session_send(struct admin_session *session)
{
    while (session->out.len) {
        ssize_t sent = send(session->source.fd, session->out.ptr, session->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        session->is_full = sent < 0 && errno == EAGAIN;
        if (sent < 0)
            return session->is_full;
        text_consume(&session->out, (size_t)sent);
        session_touch(session);
    }
    return !session->out.failed;
}

static void add_prompt(struct admin_session *session)
{
    const struct admin *admin = session->admin;
    if (session->mode != ADMIN_MODE_PROMPT)
        return;
    if (session->timed) {
        uint64_t now_us = admin->start.loop->wall_us;
        uint64_t up = now_us > admin->started_wall_us ? (now_us - admin->started_wall_us) / 1000000 : 0;
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

static void answer_end(struct admin_session *session)
{
    session->is_answering = false;
    admin_inquire_end(&session->call);
    free(session->call.state);
    session->call.state = NULL;
    free(session->words_text);
    session->words_text = NULL;
    // No answer holds an empty line: it is the mark of the end.
    if (!session->is_silent)
        text_add(&session->out, "\n", 1);
}

static void line_end(struct admin_session *session)
{
    free(session->line);
    session->line = NULL;
    if (session->inside == ADMIN_INSIDE_LINE) {
        session->inside = ADMIN_INSIDE_NOT;
        session->target = session->outer;
    }
    if (session->mode == ADMIN_MODE_ONCE)
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
    if (inc && admin_command_find(&name_words, words, num, ADMIN_ON_MASTER | ADMIN_ON_STATS))
        text_printf(&session->out, "'%s%s%s' is no matter of one worker; say it without '@', or after '@' alone.\n",
                    words[0], name_words > 1 ? " " : "", name_words > 1 ? words[1] : "");
    else
        admin_command_unknown(&session->out, words, num, admin_session_where(session, inc), session->level);
}

// The next command of the line becomes session->call, or is answered at once where it is none.
static void command_start(struct admin_session *session)
{
    const char *const *words = session->words;
    struct admin_target target;
    uint32_t num;
    uint32_t name_words;
    session->is_silent = false;
    bool good = admin_line_next(&session->words_text, session->words, &num, &session->line_at, session->line,
                                session->line_len);
    bool is_alone = session->is_first && session->line_at >= session->line_len;
    session->is_first = false;
    if (good && !num && (!is_alone || session->mode != ADMIN_MODE_ONCE)) {
        free(session->words_text);
        session->words_text = NULL;
        return;
    }
    if (!good) {
        text_printf(&session->out, "A command has at most %d words.\n", ADMIN_MAX_WORDS);
        answer_end(session);
        return;
    }
    switch (prefix_take(&target, session, &words, &num)) {
    case PREFIX_COMMAND:
        break;
    case PREFIX_ALONE:
        session->is_silent = true;
        answer_end(session);
        return;
    case PREFIX_UNKNOWN:
        refuse_target(session, num);
        answer_end(session);
        return;
    }
    // The master knows all commands, but lists those of workers only in its debug mode.
    uint32_t where = admin_session_where(session, target.inc);
    where |= where & ADMIN_ON_MASTER ? ADMIN_ON_STATS : 0;
    const struct admin_command *command = admin_command_find(&name_words, words, num, where);
    if (!command) {
        refuse_command(session, words, num, target.inc);
    } else if (command->level > session->level) {
        text_printf(&session->out, "Permission denied\n");
    } else {
        session->call = (struct admin_call){
            .admin = session->admin,
            .session = session,
            .command = command,
            .args = words + name_words,
            .num_args = num - name_words,
            .inc = target.inc,
            .out = &session->out,
        };
        if (num - name_words <= command->max_args) {
            session->is_answering = true;
            return;
        }
        admin_refuse_arg(&session->call, command->max_args);
    }
    answer_end(session);
}

// The next whole line becomes session->line; false where there is none, or it is too long to be one.
static bool line_start(struct admin_session *session)
{
    struct slice waiting = slice_of(session->in.ptr, session->in.len);
    size_t len = slice_find(waiting, '\n');
    size_t limit = session->admin->start.conf->global.bufsize ? session->admin->start.conf->global.bufsize : 16384;
    if (len >= limit) {
        text_printf(&session->out, "A line has at most %zu bytes.\n\n", limit - 1);
        session->quit = true;
        return false;
    }
    if (len == waiting.len)
        return false;
    session->line = malloc(len + 1);
    if (!session->line) {
        session->quit = true;
        return false;
    }
    memcpy(session->line, session->in.ptr, len);
    session->line_len = len;
    session->line_at = 0;
    session->is_first = true;
    session->was_asked = true;
    text_consume(&session->in, len + 1);
    return true;
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
    answer_end(session);
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
        session->changed_us = session->admin->start.loop->now_us;
        changed_look(session);
        break;
    case ADMIN_DONE:
        answer_end(session);
        break;
    case ADMIN_MORE:
        break;
    }
    session->call.turn++;
}

// Computes answers until enough waits to be sent or there is nothing left to answer.
static void session_answer(struct admin_session *session)
{
    while (!session->quit && !session->is_late && !session->is_waiting && session->out.len < SESSION_PIECE &&
           !session->out.failed) {
        if (session->is_answering)
            call_run(session);
        else if (session->line && (session->line_at < session->line_len || session->is_first))
            command_start(session);
        else if (session->line)
            line_end(session);
        else if (!line_start(session))
            return;
    }
}

// What was asked for is read only once what was answered has left: a peer that does not read is not read either.
static enum io session_read(struct admin_session *session)
{
    char data[4096];
    ssize_t len;
    do
        len = recv(session->source.fd, data, sizeof(data), MSG_DONTWAIT);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return errno == EAGAIN ? IO_AGAIN : IO_FAIL;
    if (len == 0)
        return IO_EOF;
    text_add(&session->in, data, (size_t)len);
    session_touch(session);
    return session->in.failed ? IO_FAIL : IO_OK;
}

static void session_close(struct admin_session *session)
{
    // Bytes nobody read would turn the close into a reset, which could cost the peer the end of the answer.
    char waste[4096];
    shutdown(session->source.fd, SHUT_WR);
    for (int i = 0; i < 16 && recv(session->source.fd, waste, sizeof(waste), MSG_DONTWAIT) > 0; i++)
        continue;
    admin_session_free(session);
}

// One round: answer, send, read. False where the session waits for its peer, for its command, or is over.
static bool session_round(struct admin_session *session)
{
    session_answer(session);
    if (!admin_session_send(session)) {
        admin_session_free(session);
        return false;
    }
    if (session->out.len)
        return !session->is_full;
    if (session->quit) {
        session_close(session);
        return false;
    }
    if (session->is_late || session->is_waiting)
        return false;
    if (session->line || slice_find(slice_of(session->in.ptr, session->in.len), '\n') < session->in.len)
        return true;
    switch (session_read(session)) {
    case IO_OK:
        return true;
    case IO_AGAIN:
        // Who was never asked anything waits for its line: an answer is what it connected for.
        if (session->admin->is_leaving && session->was_asked)
            session_close(session);
        return false;
    case IO_EOF:
        // A line without its end may be cut: it is not obeyed.
        session_close(session);
        return false;
    default:
        admin_session_free(session);
        return false;
    }
}

static void session_run(struct admin_session *session)
{
    for (int i = 0; i < SESSION_TURN_ROUNDS; i++)
        if (!session_round(session))
            return;
    // Others get their turn: a large answer goes on in the next one.
    event_task_wake(session->admin->start.loop, &session->task);
}

static void session_task(struct event_task *task)
{
    session_run(CONTAINER_OF(task, struct admin_session, task));
}

static void session_ready(struct event_source *source, uint32_t events)
{
    struct admin_session *session = CONTAINER_OF(source, struct admin_session, source);
    // Nobody is left to hear what comes later.
    if ((session->is_late || session->is_waiting) && (events & (EPOLLHUP | EPOLLERR)))
        admin_session_free(session);
    else
        session_run(session);
}

void admin_session_wake(struct admin_session *session)
{
    if (!session->is_waiting)
        return;
    session->is_waiting = false;
    event_timer_set(session->admin->start.loop, &session->wake, 0);
    event_task_wake(session->admin->start.loop, &session->task);
}

static void session_wake(struct event_timer *timer)
{
    admin_session_wake(CONTAINER_OF(timer, struct admin_session, wake));
}

void admin_session_answer_end(struct admin_session *session)
{
    must(session->is_late);
    session->is_late = false;
    answer_end(session);
    session_touch(session);
    session_run(session);
}

void admin_session_leave(struct admin_session *session)
{
    session_touch(session);
    session_run(session);
}
