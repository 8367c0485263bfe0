// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/identity.h"
#include "process/keeper.h"
#include "process/last_words.h"
#include "process/signals.h"
#include "master.h"

enum {
    GENERATION_LAST_WORDS_MS = 100,
    GENERATION_SAID_MAX = 1 << 20,
    GENERATION_MAX_BINDS = 1 << 20,
    GENERATION_MAX_SECTIONS = 1024,
    GENERATION_SEATS_US = 1000000,
    GENERATION_SEATS_EACH = 16, // lines for each place in that time
};

// A message of the start is taken in its time; while the generation is told to end it may still come, and means
// nothing. At any other time it breaks the rules.
static bool is_time(struct messages *messages, enum generation_state state, const char *why)
{
    const struct generation *generation = messages->owner;
    if (generation->state != state && generation->state != GENERATION_LEAVING)
        messages_refuse(messages, why);
    return generation->state == state;
}

static bool plan_is_sane(const struct wire_plan *plan)
{
    return plan->num_workers > 0 && plan->num_workers <= PROCESS_MAX_WORKERS &&
           plan->num_binds <= GENERATION_MAX_BINDS && plan->num_sockets <= GENERATION_MAX_BINDS &&
           memchr(plan->pidfile, 0, sizeof(plan->pidfile));
}

// What follows is the keeper's end as that of any that failed.
static void refuse(struct generation *generation, const char *why)
{
    text_printf(&generation->said, "%s\n", why);
    log_say(LOG_LEVEL_ALERT, "%s", why);
    generation->has_failed = true;
    generation->refused = true;
    kill(generation->keeper, SIGKILL);
}

static void take_plan(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    struct master *master = generation->master;
    if (!is_time(messages, GENERATION_LOADING, "sent a second plan"))
        return;
    if (!plan_is_sane(event->data)) {
        messages_refuse(messages, "sent a plan that cannot be");
        return;
    }
    generation->plan = *(const struct wire_plan *)event->data;
    generation->state = GENERATION_STARTING;
    master->master_worker = generation->plan.master_worker;
    if (generation->plan.daemon && !master->in_background && !master->was_ready && !master->options->foreground) {
        master->background_wanted = true;
        master->loop.stop = true;
        return;
    }
    if (!master_pidfile_check(master, generation)) {
        refuse(generation, "the master cannot do what the configuration wants");
        return;
    }
    if (!leaving_make_room(generation)) {
        refuse(generation, "too many processes: all numbers are taken by generations that serve or end");
        return;
    }
    generation->binds = calloc(generation->plan.num_binds + 1, sizeof(struct listener *));
    generation->sockets = calloc(generation->plan.num_sockets + 1, sizeof(struct listener *));
    generation->bind_specs = calloc(generation->plan.num_binds + 1, sizeof(struct os_listen));
    generation->socket_specs = calloc(generation->plan.num_sockets + 1, sizeof(struct os_listen));
    if (!generation->binds || !generation->sockets || !generation->bind_specs || !generation->socket_specs)
        check_out_of_memory((generation->plan.num_binds + 1) * sizeof(struct os_listen));
    // Those of the program's file, for a master that is not root; none else can be raised.
    os_capability_raise(generation->plan.capabilities);
    seats_open(generation);
}

static bool listen_is_sane(const struct os_listen *listen)
{
    sa_family_t family = listen->address.ss_family;
    if (!memchr(listen->interface, 0, sizeof(listen->interface)) || listen->address_len > sizeof(listen->address))
        return false;
    switch (listen->kind) {
    case OS_LISTEN_TCP:
        return (family == AF_INET && listen->address_len == sizeof(struct sockaddr_in)) ||
               (family == AF_INET6 && listen->address_len == sizeof(struct sockaddr_in6));
    case OS_LISTEN_UNIX:
    case OS_LISTEN_ABNS:
        return family == AF_UNIX && listen->address_len > offsetof(struct sockaddr_un, sun_path) &&
               listen->address_len <= sizeof(struct sockaddr_un);
    default:
        return listen->kind == OS_LISTEN_FD && listen->fd >= 0;
    }
}

static void take_open(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    const struct wire_open *request = event->data;
    struct wire_opened answer = { .index = request->index, .is_socket = request->is_socket };
    if (!is_time(messages, GENERATION_STARTING, "asks for a socket although it serves") || !generation->seats)
        return;
    uint32_t num = request->is_socket ? generation->plan.num_sockets : generation->plan.num_binds;
    struct listener **all = request->is_socket ? generation->sockets : generation->binds;
    if (request->index >= num || all[request->index] || !listen_is_sane(&request->listen)) {
        messages_refuse(messages, "asks for a socket that cannot be");
        return;
    }
    struct listener *listener = listener_open(generation, &request->listen,
                                              request->is_socket ? 1 : generation->plan.num_workers, answer.error);
    answer.done = listener != NULL;
    all[request->index] = listener;
    (request->is_socket ? generation->socket_specs : generation->bind_specs)[request->index] = request->listen;
    messages_send(messages, WIRE_OPENED, &answer, sizeof(answer), NULL, 0);
}

static void take_section(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    const struct wire_section *section = event->data;
    if (!is_time(messages, GENERATION_STARTING, "sends a section of the board although it serves"))
        return;
    if (!memchr(section->name, 0, sizeof(section->name))) {
        messages_refuse(messages, "sends a section of the board without a name");
        return;
    }
    if (generation->num_offers >= GENERATION_MAX_SECTIONS) {
        messages_refuse(messages, "sends sections of the board without end");
        return;
    }
    struct section_offer *offers = realloc(generation->offers, (generation->num_offers + 1) * sizeof(*offers));
    if (!offers)
        check_out_of_memory((generation->num_offers + 1) * sizeof(*offers));
    generation->offers = offers;
    offers[generation->num_offers++] = (struct section_offer){ .section = *section, .fd = event->fds[0] };
    event->fds[0] = -1;
}

// What a generation made in place of another one's counts once it serves: until then that one may have to go on.
static void sections_enter(struct generation *generation)
{
    for (uint32_t i = 0; i < generation->num_offers; i++) {
        const struct section_offer *offer = &generation->offers[i];
        if (!board_section_take(generation->master->board, offer->section.name, offer->section.version,
                                generation->number, offer->fd))
            log_say(LOG_LEVEL_WARNING, "the board cannot keep section '%s' for the next generation",
                    offer->section.name);
    }
    generation->num_offers = 0;
}

static bool all_opened(const struct generation *generation)
{
    // A plan may have been good and come to nothing.
    if (!generation->seats)
        return false;
    for (uint32_t i = 0; i < generation->plan.num_binds; i++)
        if (!generation->binds[i])
            return false;
    for (uint32_t i = 0; i < generation->plan.num_sockets; i++)
        if (!generation->sockets[i])
            return false;
    return true;
}

// The board says for whom a number was taken: one of another generation would have us look after, and clean up behind,
// a stranger.
static bool seat_is_sane(struct generation *generation, const struct wire_seat *wire)
{
    if (wire->inc == 0 || wire->inc >= BOARD_MAX_INCARNATIONS || !seat_find(generation, wire->slot, 0))
        return false;
    if (generation->foreign)
        return true;
    const struct board_incarnation *record = board_incarnation_at(generation->master->board, wire->inc);
    uint32_t role = wire->slot == WIRE_CONTROLLER_SLOT ? BOARD_ROLE_CONTROLLER : BOARD_ROLE_WORKER;
    return record->slot == wire->slot && record->generation == generation->number && atomic_load(&record->role) == role;
}

// As processes die they are forked again, with pauses: more in a second is not that.
static bool seats_too_many(struct generation *generation)
{
    uint64_t now_us = generation->master->loop.now_us;
    if (now_us - generation->asked_us > GENERATION_SEATS_US) {
        generation->asked_us = now_us;
        generation->num_asked = 0;
    }
    return ++generation->num_asked > GENERATION_SEATS_EACH * generation->num_seats;
}

static void take_seat(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    if (generation->state == GENERATION_LEAVING)
        return;
    if (!all_opened(generation) || !seat_is_sane(generation, event->data))
        messages_refuse(messages, "wants a line for a process that cannot be");
    else if (seats_too_many(generation))
        messages_refuse(messages, "wants lines for processes without end");
    else
        seat_sit(generation, event->data);
}

static void take_forked(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    const struct wire_seat *wire = event->data;
    struct seat *seat = seat_find(generation, wire->slot, wire->inc);
    if ((!seat || !wire->inc || !seat_forked(seat, wire->pid)) && generation->state != GENERATION_LEAVING)
        messages_refuse(messages, "forked a process that cannot be");
}

static void take_dead(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    const struct wire_seat *wire = event->data;
    struct seat *seat = seat_find(generation, wire->slot, wire->inc);
    if (!seat || !wire->inc || seat->pid != wire->pid) {
        if (generation->state != GENERATION_LEAVING)
            messages_refuse(messages, "waited for a process that it did not fork");
        return;
    }
    seat->pid = 0;
    seat_leave(seat);
    if (seat_is_controller(seat))
        seats_hand_log(generation->master);
    else if (generation == generation->master->active)
        guard_run(generation->master);
}

static void take_said(struct messages *messages, const struct messages_event *event)
{
    struct generation *generation = messages->owner;
    if (generation->said.len + event->len <= GENERATION_SAID_MAX)
        text_add(&generation->said, event->data, event->len);
}

static void take_failed(struct messages *messages, const struct messages_event *event)
{
    (void)event;
    ((struct generation *)messages->owner)->has_failed = true;
}

#define WIRE_FIXED(name, type_of, fn)                                                                                  \
    {                                                                                                                  \
        .type = (name), .min_len = sizeof(type_of), .max_len = sizeof(type_of), .take = (fn)                           \
    }

static const struct messages_kind keeper_kinds[] = {
    WIRE_FIXED(WIRE_PLAN, struct wire_plan, take_plan),
    WIRE_FIXED(WIRE_OPEN, struct wire_open, take_open),
    WIRE_FIXED(WIRE_SEAT, struct wire_seat, take_seat),
    WIRE_FIXED(WIRE_FORKED, struct wire_seat, take_forked),
    WIRE_FIXED(WIRE_DEAD, struct wire_seat, take_dead),
    { .type = WIRE_SECTION,
      .min_len = sizeof(struct wire_section),
      .max_len = sizeof(struct wire_section),
      .num_fds = 1,
      .take = take_section },
    { .type = WIRE_SAID, .max_len = WIRE_TEXT_LEN, .take = take_said },
    { .type = WIRE_FAILED, .take = take_failed },
};

static void line_end(struct generation *generation)
{
    if (generation->line_open)
        messages_fini(&generation->line);
    generation->line_open = false;
}

// The keeper's end follows, as a child's end: that is where the consequences are. One that breaks the rules is no
// longer itself: it ends here, and is replaced as one that died.
static void line_lost(struct messages *messages)
{
    struct generation *generation = messages->owner;
    if (messages->violation) {
        log_say(LOG_LEVEL_ALERT, "the keeper (%d) of generation %u %s: it is no longer itself and is killed",
                (int)generation->keeper, generation->number, messages->violation);
        if (generation->keeper)
            kill(generation->keeper, SIGKILL);
    }
    line_end(generation);
}

void generation_line_init(struct generation *generation, int take_fd)
{
    messages_init(&generation->line, "a keeper", keeper_kinds, NUM_ITEMS(keeper_kinds), generation, line_lost, take_fd);
}

static _Noreturn void keeper_become(struct generation *generation, int line)
{
    struct master *master = generation->master;
    struct keeper_start start = {
        .board = master->board,
        .program = master->program,
        .options = master->options,
        .inc = generation->keeper_inc,
        .generation = generation->number,
        .silent = master->silent && generation->number == 1,
        .background = master->in_background,
        .line = line,
    };
    process_signals_child();
    if (!board_incarnation_enter(master->board, generation->keeper_inc))
        _exit(1);
    log_say_enter(master->board, generation->keeper_inc);
    generations_descriptors_close(master);
    listeners_descriptors_close(master);
    close(master->loop.epoll_fd);
    close(master->signals.fd);
    if (master->ready_fd >= 0)
        close(master->ready_fd);
    keeper_run(&start);
}

void generations_descriptors_close(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->line_open)
            close(generation->line.source.fd);
        for (uint32_t i = 0; i < generation->num_seats; i++)
            if (generation->seats[i].open)
                close(generation->seats[i].line.source.fd);
    }
}

static bool keeper_fork(struct generation *generation)
{
    struct master *master = generation->master;
    int ends[2];
    generation->keeper_inc = board_incarnation_take(master->board, BOARD_ROLE_KEEPER, 0, generation->number);
    if (!generation->keeper_inc || !os_pass_pair(ends))
        return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        keeper_become(generation, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    generation->keeper = pid;
    generation_line_init(generation, ends[0]);
    generation->line_open = true;
    return messages_attach(&generation->line, &master->loop);
}

void generation_start(struct master *master)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    if (!generation) {
        log_say(LOG_LEVEL_ALERT, "cannot start a generation: out of memory");
        return;
    }
    generation->master = master;
    text_init(&generation->said);
    generation->number = ++master->num_generations;
    generation->started_us = master->loop.now_us;
    if (!keeper_fork(generation)) {
        text_printf(&generation->said, "cannot fork a keeper: %s\n", strerror(errno));
        generation->has_failed = true;
        log_say(LOG_LEVEL_ALERT, "cannot fork a keeper: %s", strerror(errno));
        if (generation->keeper_inc && !generation->keeper)
            board_incarnation_dead(master->board, generation->keeper_inc);
        if (generation->keeper)
            kill(generation->keeper, SIGKILL);
    }
    list_append(&master->generations, &generation->link);
    if (!generation->keeper)
        generation_keeper_ended(generation, 0);
}

static void activate(struct generation *generation)
{
    struct master *master = generation->master;
    struct generation *before = master->active;
    generation->state = GENERATION_ACTIVE;
    master->active = generation;
    sections_enter(generation);
    master->num_again = 0;
    master->again_us = 0;
    messages_send(&generation->line, WIRE_ACTIVE, NULL, 0, NULL, 0);
    bool at_once = master->reload_hard;
    if (before && !at_once)
        listeners_keep(before);
    // What the old generation did for missing neighbours ends with it, but where it stays.
    for (uint32_t i = 0; before && i < before->num_seats; i++)
        guard_forget_seat(master, &before->seats[i]);
    seats_send_fresh(generation);
    guard_run(master);
    if (before)
        generation_leave(before, at_once);
    leaving_reloaded(master);
    listeners_retire(master);
    seats_hand_log(master);
    handover_begin(generation, before);
}

void generation_check(struct generation *generation)
{
    for (uint32_t i = 0; i < generation->num_seats; i++)
        if (!generation->seats[i].ready)
            return;
    if (generation->state != GENERATION_STARTING || generation->has_failed)
        return;
    char error[OS_LISTEN_ERROR_LEN];
    if (listeners_begin(generation, error)) {
        activate(generation);
        return;
    }
    log_say(LOG_LEVEL_ALERT, "%s", error);
    text_printf(&generation->said, "%s\n", error);
    generation->has_failed = true;
    messages_send(&generation->line, WIRE_HARD_STOP, NULL, 0, NULL, 0);
}

// A keeper that has no loop yet takes no message, and has no children.
static void leave_now(struct generation *generation)
{
    bool listens = generation->line_open && generation->seats;
    if (generation->keeper && listens)
        messages_send(&generation->line, WIRE_HARD_STOP, NULL, 0, NULL, 0);
    else if (generation->keeper)
        kill(generation->keeper, SIGKILL);
    for (uint32_t i = 0; !generation->keeper && i < generation->num_seats; i++)
        seat_kill(&generation->seats[i], SIGTERM);
}

void generation_leave(struct generation *generation, bool now)
{
    struct master *master = generation->master;
    bool all_end = master->stopping;
    bool was_up = generation->state == GENERATION_ACTIVE;
    if (generation->state == GENERATION_LEAVING && !now)
        return;
    now = now || generation->state == GENERATION_LOADING || generation->state == GENERATION_STARTING;
    generation->state = GENERATION_LEAVING;
    if (master->active == generation)
        master->active = NULL;
    if (now) {
        listeners_forget_generation(generation);
        generation->ending = true;
        leave_now(generation);
        // The next one has the sockets already, and these are to let go of them even where their keeper is late.
        for (uint32_t i = 0; was_up && !all_end && i < generation->num_seats; i++)
            if (generation->seats[i].open)
                messages_send(&generation->seats[i].line, WIRE_SOFT_STOP, NULL, 0, NULL, 0);
        return;
    }
    if (was_up) {
        listeners_keep(generation);
        seats_keep(generation);
    }
    leaving_begin(generation);
    if (generation->line_open)
        messages_send(&generation->line, WIRE_SOFT_STOP, NULL, 0, NULL, 0);
    // When everything ends the controller stays to the last, for its keeper to end it: workers still log. An orphan's
    // is told here.
    for (uint32_t i = 0; was_up && i < generation->num_seats; i++)
        if (generation->seats[i].open && (i || !all_end || !generation->keeper))
            messages_send(&generation->seats[i].line, WIRE_SOFT_STOP, NULL, 0, NULL, 0);
}

static void failed(struct generation *generation)
{
    struct master *master = generation->master;
    generation->state = GENERATION_LEAVING;
    if (master->active)
        log_say(LOG_LEVEL_WARNING, "generation %u could not start; generation %u goes on as before", generation->number,
                master->active->number);
    if (master->again_us && !master->stopping)
        log_say(LOG_LEVEL_WARNING, "another attempt to replace the generation without a keeper follows in %.1f s",
                master->again_us > master->loop.now_us ? (double)(master->again_us - master->loop.now_us) / 1e6 : 0);
    // Those that it forked already have nobody to end them now, and serve nobody; a stopped one takes no other signal.
    for (uint32_t i = 0; i < generation->num_seats; i++)
        seat_kill(&generation->seats[i], SIGKILL);
    reload_ended(master, generation, false, generation->has_failed ? NULL : "the keeper of the new generation ended\n");
    listeners_retire(master);
    if (!master->was_ready && !master->stopping) {
        master->status = 1;
        status_failed(master->options, 0, "see the log.");
        master->stopping = master->stopping_now = true;
    }
}

static void lost(struct generation *generation)
{
    struct master *master = generation->master;
    log_say(LOG_LEVEL_ALERT,
            "generation %u goes on without its keeper until another generation is ready, "
            "which begins as the file says: servers, certificates and entries of lists that commands added are lost",
            generation->number);
    master->again_us = master->loop.now_us;
}

// An end that was not asked for. One that is told to end, or cannot start, exits by itself and says why before.
static void death_tell(const struct generation *generation, int status)
{
    struct master *master = generation->master;
    struct last_words_death death = {
        .inc = generation->keeper_inc, .pid = generation->keeper, .generation = generation->number, .status = status
    };
    bool asked = generation->refused || (generation->state == GENERATION_LEAVING && !generation->keeper_watch.told);
    if (generation->keeper_inc && !master->stopping_now && !asked &&
        (WIFSIGNALED(status) || generation->state == GENERATION_ACTIVE))
        last_words_tell_death(master->board, &death, NULL);
}

void generation_keeper_ended(struct generation *generation, int status)
{
    struct master *master = generation->master;
    // Its last words may still wait on the line.
    const bool never = false;
    if (generation->line_open)
        messages_wait(&generation->line, &never, GENERATION_LAST_WORDS_MS);
    line_end(generation);
    if (generation->keeper)
        death_tell(generation, status);
    generation->keeper = 0;
    if (generation->keeper_inc)
        board_incarnation_dead(master->board, generation->keeper_inc);
    generation->keeper_inc = 0;
    watchdog_keeper_gone(generation);
    if (generation->state == GENERATION_LOADING || generation->state == GENERATION_STARTING)
        failed(generation);
    else if (generation->state == GENERATION_ACTIVE && !master->stopping)
        lost(generation);
}

// What only generations that are gone had on the board goes too.
static void board_tidy(struct master *master)
{
    uint32_t oldest = UINT32_MAX;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->number < oldest)
            oldest = generation->number;
    }
    board_objects_sweep(master->board);
    if (oldest != UINT32_MAX && master->active && oldest == master->active->number)
        board_sections_sweep(master->board, oldest);
    board_journal_tidy(master->board);
}

void generation_free(struct generation *generation)
{
    list_remove(&generation->link);
    free(generation->offers);
    free(generation->binds);
    free(generation->sockets);
    free(generation->bind_specs);
    free(generation->socket_specs);
    free(generation->seats);
    text_fini(&generation->said);
    free(generation);
}

bool generation_collect(struct generation *generation)
{
    if (generation->state != GENERATION_LEAVING || generation->keeper)
        return false;
    for (uint32_t i = 0; i < generation->num_seats; i++)
        if (generation->seats[i].pid)
            return false;
    handover_forget(generation);
    for (uint32_t i = 0; i < generation->num_seats; i++)
        seat_leave(&generation->seats[i]);
    line_end(generation);
    listeners_forget_generation(generation);
    for (uint32_t i = 0; i < generation->num_offers; i++)
        close(generation->offers[i].fd);
    struct master *master = generation->master;
    generation_free(generation);
    board_tidy(master);
    // All processes to come begin with a copy of this one's memory.
    malloc_trim(0);
    return true;
}
