// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/service.h"
#include "process/last_words.h"
#include "process/limits.h"
#include "table/change.h"
#include "keeper.h"

enum { KEEPER_ANSWER_MS = 30000, KEEPER_FLUSH_MS = 1000, KEEPER_LOOK_MS = 1 };

static void show(const struct keeper *keeper, const char *text)
{
    if (!keeper->start.silent && !keeper->start.options->quiet && text)
        fputs(text, stderr);
}

static void said_send(struct keeper *keeper)
{
    while (keeper->num_said < keeper->messages.len) {
        size_t len = keeper->messages.len - keeper->num_said;
        len = len < WIRE_TEXT_LEN ? len : WIRE_TEXT_LEN;
        messages_send(&keeper->master, WIRE_SAID, keeper->messages.ptr + keeper->num_said, len, NULL, 0);
        keeper->num_said += len;
    }
}

_Noreturn void keeper_fail(struct keeper *keeper, const char *why)
{
    if (why)
        text_printf(&keeper->messages, "%s", why);
    said_send(keeper);
    messages_send(&keeper->master, WIRE_FAILED, NULL, 0, NULL, 0);
    messages_flush(&keeper->master, KEEPER_FLUSH_MS);
    for (uint32_t i = 0; keeper->seats && i < keeper->num_seats; i++)
        if (keeper->seats[i].pid)
            kill(keeper->seats[i].pid, SIGKILL);
    keeper_helper_stop(keeper);
    exit(1);
}

static void take_opened(struct messages *messages, const struct messages_event *event)
{
    struct keeper *keeper = messages->owner;
    const struct wire_opened *opened = event->data;
    if (!opened->done) {
        const struct process_settings *settings = &keeper->settings;
        bool is_bind = keeper->num_opened < settings->num_binds;
        const char *const *places = is_bind ? settings->bind_places : settings->socket_places;
        uint32_t at = keeper->num_opened - (is_bind ? 0 : settings->num_binds);
        const char *place = places ? places[at] : is_bind ? "listener" : "stats socket";
        text_printf(&keeper->messages, "[ALERT]    (%d) : Binding %s: %.*s\n", (int)getpid(), place,
                    (int)sizeof(opened->error), opened->error);
        log_say(LOG_LEVEL_ALERT, "Binding %s: %.*s", place, (int)sizeof(opened->error), opened->error);
        keeper->open_failed = true;
    }
    keeper->opened_all = ++keeper->num_opened == keeper->settings.num_binds + keeper->settings.num_sockets;
}

static void take_seated(struct messages *messages, const struct messages_event *event)
{
    int line = event->fds[0];
    event->fds[0] = -1;
    keeper_seated(messages->owner, event->data, line);
}

static void take_active(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct keeper *keeper = messages->owner;
    keeper->active = true;
    if (keeper->start.background)
        os_daemon_detach();
}

static void take_soft_stop(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    keeper_stop(messages->owner, false);
}

static void take_hard_stop(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    struct keeper *keeper = messages->owner;
    if (!keeper->loop.owner)
        exit(1);
    keeper_stop(keeper, true);
}

static const struct messages_kind kinds[] = {
    { .type = WIRE_OPENED,
      .min_len = sizeof(struct wire_opened),
      .max_len = sizeof(struct wire_opened),
      .take = take_opened },
    { .type = WIRE_SEATED,
      .min_len = sizeof(struct wire_seat),
      .max_len = sizeof(struct wire_seat),
      .num_fds = 1,
      .take = take_seated },
    { .type = WIRE_ACTIVE, .take = take_active },
    { .type = WIRE_SOFT_STOP, .take = take_soft_stop },
    { .type = WIRE_HARD_STOP, .take = take_hard_stop },
};

static void master_lost(struct messages *messages)
{
    struct keeper *keeper = messages->owner;
    if (!keeper->loop.owner)
        exit(1);
    keeper_master_lost(keeper);
}

static void configuration_load(struct keeper *keeper)
{
    const struct process_program *program = keeper->start.program;
    text_init(&keeper->messages);
    keeper->conf = program->load(&keeper->settings, &keeper->messages, keeper->start.options);
    show(keeper, keeper->messages.ptr);
    if (!keeper->conf) {
        log_say_text(LOG_LEVEL_ALERT, keeper->messages.ptr);
        log_say(LOG_LEVEL_ALERT, "the configuration has errors: generation %u does not start",
                keeper->start.generation);
        keeper_fail(keeper, NULL);
    }
    // Starting (or worse, reloading) into a service that serves nobody is never what was meant.
    if (!keeper->settings.num_binds) {
        log_say(LOG_LEVEL_ALERT, "no enabled listener found (check for 'bind' lines): generation %u does not start",
                keeper->start.generation);
        text_printf(&keeper->messages, "no enabled listener found (check for 'bind' lines)\n");
        keeper_fail(keeper, NULL);
    }
    if (!keeper->settings.num_workers)
        keeper->settings.num_workers = os_cpus_usable();
    if (keeper->settings.num_workers > PROCESS_MAX_WORKERS)
        keeper->settings.num_workers = PROCESS_MAX_WORKERS;
}

static void plan_send(struct keeper *keeper)
{
    const struct process_settings *settings = &keeper->settings;
    struct wire_plan plan = {
        .num_workers = settings->num_workers,
        .num_binds = settings->num_binds,
        .num_sockets = settings->num_sockets,
        .daemon = settings->daemon,
        .master_worker = settings->master_worker,
        .exposes = settings->exposes_sockets,
        .max_reloads = settings->max_reloads,
        .hard_stop_us = settings->hard_stop_us,
        .capabilities = settings->identity.capabilities,
        .silent_warn_us = settings->silent_warn_us,
        .silent_kill_us = settings->silent_kill_us,
    };
    snprintf(plan.pidfile, sizeof(plan.pidfile), "%s", settings->pidfile ? settings->pidfile : "");
    messages_send(&keeper->master, WIRE_PLAN, &plan, sizeof(plan), NULL, 0);
}

static void open_send(struct keeper *keeper, const struct os_listen *const *listens, uint32_t num, bool is_socket)
{
    for (uint32_t i = 0; i < num; i++) {
        struct wire_open request = { .index = i, .is_socket = is_socket, .listen = *listens[i] };
        messages_send(&keeper->master, WIRE_OPEN, &request, sizeof(request), NULL, 0);
    }
}

static void sockets_ask(struct keeper *keeper)
{
    const struct process_settings *settings = &keeper->settings;
    plan_send(keeper);
    open_send(keeper, settings->binds, settings->num_binds, false);
    open_send(keeper, settings->sockets, settings->num_sockets, true);
    keeper->opened_all = !settings->num_binds && !settings->num_sockets;
    if (!messages_wait(&keeper->master, &keeper->opened_all, KEEPER_ANSWER_MS))
        exit(1);
    if (keeper->open_failed)
        keeper_fail(keeper, NULL);
}

// Only the master may keep a listening socket alive, and those who accept on it. The service manager's are closed
// already, and their numbers may be in use again.
static void inherited_close(const struct os_listen *const *listens, uint32_t num, int num_given)
{
    for (uint32_t i = 0; i < num; i++)
        if (listens[i]->kind == OS_LISTEN_FD && listens[i]->fd > STDERR_FILENO + num_given)
            close(listens[i]->fd);
}

static void sections_send(struct keeper *keeper)
{
    for (uint32_t i = 0; i < keeper->settings.num_sections; i++) {
        struct wire_section section = { 0 };
        snprintf(section.name, sizeof(section.name), "%s", keeper->settings.sections[i]);
        int fd = board_section_get0(keeper->start.board, &section.version, section.name);
        if (fd >= 0)
            messages_send(&keeper->master, WIRE_SECTION, &section, sizeof(section), &fd, 1);
    }
}

static void news_tell(struct keeper *keeper)
{
    struct board_news news;
    while (board_news_next(keeper->start.board, &news))
        text_printf(&keeper->messages,
                    "[NOTICE]   '%s' starts afresh: what was kept is of another shape (%x, now %x)\n", news.name,
                    news.had_version, news.version);
}

static void board_prepare(struct keeper *keeper)
{
    const struct process_program *program = keeper->start.program;
    if (!program->prepare)
        return;
    size_t shown = keeper->messages.len;
    bool done = program->prepare(keeper->conf, &keeper->settings, &keeper->messages, keeper->start.board);
    news_tell(keeper);
    if (keeper->messages.len > shown)
        show(keeper, keeper->messages.ptr + shown);
    if (!done)
        keeper_fail(keeper, NULL);
    sections_send(keeper);
}

// What cannot be had is told before it is missed; that nobody was named to change to is no mistake, but seldom meant.
static void rights_tell(struct keeper *keeper, uint64_t missing)
{
    char names[OS_CAPABILITY_TEXT_LEN];
    os_capability_text(names, missing);
    if (missing) {
        text_printf(&keeper->messages, "workers have no %s, which the configuration needs\n", names);
        log_say(LOG_LEVEL_WARNING,
                "workers have no %s, which the configuration needs, as the program was started without: what asks for "
                "it will fail",
                names);
    }
    if (geteuid() == 0 && !keeper->start.options->quiet)
        log_say(LOG_LEVEL_NOTICE, "workers run as root, although without its capabilities: better name a 'user' in "
                                  "the global section");
}

static void rights_give_up(struct keeper *keeper)
{
    const struct os_identity *identity = &keeper->settings.identity;
    const char *what;
    uint64_t missing;
    // The zone's file, log sockets by their paths and whoever reads our standard output can be reached now, not later.
    tzset();
    keeper->sinks = log_drain_new(keeper->start.board);
    if (keeper->sinks)
        (void)log_drain_open(keeper->sinks, !keeper->start.background);
    if (!limits_set(&keeper->messages, &keeper->settings))
        keeper_fail(keeper, NULL);
    limits_confine(&keeper->settings, WIRE_CONTROLLER_SLOT);
    bool was_root = geteuid() == 0;
    if (os_identity_become(&what, &missing, identity)) {
        rights_tell(keeper, missing);
        return;
    }
    const char *advice =
        errno == EPERM && !was_root ? "; only a master that root starts can: leave user, group and chroot out" : "";
    text_printf(&keeper->messages, "cannot %s: %s%s\n", what, strerror(errno), advice);
    log_say(LOG_LEVEL_ALERT, "cannot %s: %s%s", what, strerror(errno), advice);
    keeper_fail(keeper, NULL);
}

static void signals_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    pid_t sender;
    while (os_signals_next(source->fd, &sender))
        continue;
    struct keeper *keeper = CONTAINER_OF(source, struct keeper, signals);
    // Children that ended because the master said so must not be taken for crashed ones.
    const bool never = false;
    messages_wait(&keeper->master, &never, KEEPER_LOOK_MS);
    keeper_reap(keeper);
}

static void woken(struct event_source *source, uint32_t events)
{
    (void)events;
    keeper_change(CONTAINER_OF(source, struct keeper, wake));
}

static void turn(struct event_loop *loop)
{
    struct keeper *keeper = loop->owner;
    seat_beat(keeper->start.board, keeper->start.inc, loop->now_us);
    keeper_change(keeper);
}

static void loop_prepare(struct keeper *keeper)
{
    static const int child_signals[] = { SIGCHLD };
    if (!event_loop_init(&keeper->loop))
        keeper_fail(keeper, "no event loop\n");
    keeper->loop.owner = keeper;
    keeper->loop.before_wait = turn;
    keeper->wake = (struct event_source){ .fd = board_incarnation_at(keeper->start.board, keeper->start.inc)->wake_fd,
                                          .ready = woken };
    keeper->signals =
        (struct event_source){ .fd = os_signals_open(child_signals, NUM_ITEMS(child_signals)), .ready = signals_ready };
    if (keeper->signals.fd < 0 || !event_source_add(&keeper->loop, &keeper->signals, EPOLLIN) ||
        !event_source_add(&keeper->loop, &keeper->wake, EPOLLIN) || !messages_attach(&keeper->master, &keeper->loop))
        keeper_fail(keeper, "no event loop\n");
    seat_beat(keeper->start.board, keeper->start.inc, keeper->loop.now_us);
    atomic_store(&board_incarnation_at(keeper->start.board, keeper->start.inc)->ready, 1);
}

_Noreturn void keeper_run(const struct keeper_start *start)
{
    static struct keeper keeper;
    int num_given = os_service_leave();
    keeper.start = *start;
    keeper.master_pid = getppid();
    os_title_set("fairlead: keeper gen %u", start->generation);
    last_words_enter(start->board, start->inc, NULL, NULL);
    messages_init(&keeper.master, "the master", kinds, NUM_ITEMS(kinds), &keeper, master_lost, start->line);
    table_changes_enter(start->board, start->inc);
    configuration_load(&keeper);
    sockets_ask(&keeper);
    inherited_close(keeper.settings.binds, keeper.settings.num_binds, num_given);
    inherited_close(keeper.settings.sockets, keeper.settings.num_sockets, num_given);
    board_prepare(&keeper);
    said_send(&keeper);
    rights_give_up(&keeper);
    loop_prepare(&keeper);
    keeper_helper_start(&keeper);
    keeper_seats_start(&keeper);
    event_loop_run(&keeper.loop);
    exit(0);
}
