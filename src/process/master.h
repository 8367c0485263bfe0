// SPDX-License-Identifier: Apache-2.0
// The master's own state, shared by its parts: master.c (life, signals), reload.c (who asked for one, and how it went),
// generation.c (keepers and what they say), leaving.c (how long they may stay), seats.c (lines to workers and
// controllers), listeners.c (sockets), retire.c (their end), groups.c (their numbers in the kernel), takeover.c
// (sockets of another program), guard.c (liveness and steering), watchdog.c (those that hang), upgrade.c and
// upgrade_image.c (another program in this one's place) and status.c (what the service manager hears). What must
// survive an upgrade of the program has a line in the tables of upgrade_fields.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/text.h"
#include "event/loop.h"
#include "event/messages.h"
#include "process/master.h"
#include "image.h"
#include "process/wire.h"

enum { STATUS_TEXT_LEN = 256 };

struct master;
struct generation;

// How long a process has been silent, by the watchdog's count: time in which the master itself was late is no silence.
struct watch {
    uint32_t inc;        // whose this is: the number on the board,
    pid_t pid;           // and the process, as the next one in a seat has the same number
    uint64_t beat_us;    // the beat seen last
    uint64_t silent_us;  // since it came
    uint64_t asked_us;   // silence when it was asked what it is at; 0: it was not
    uint64_t aborted_us; // silence when it was told to die; 0: it was not
    bool told;           // the log says that it is stuck
    bool killed;
};

// A worker's or the controller's place in a generation.
struct seat {
    struct generation *generation;
    uint32_t slot;        // WIRE_CONTROLLER_SLOT for the controller
    uint32_t inc;         // its number on the board; 0 where it lives on another one (struct generation, foreign)
    uint32_t called;      // what its keeper calls it: the number on the keeper's board
    pid_t pid;            // 0 before it is known and after its end
    bool open;            // `line` is in use
    bool ready;           // it said so
    bool live;            // as the guard saw it last
    bool silent;          // the guard said that it does not answer
    bool outlawed;        // it broke the rules: killed as soon as its pid is known
    uint32_t num_waiting; // for answers to reloads it asked for
    uint32_t num_late;    // reloads it asked for when its generation was already told to end
    uint32_t wanted;      // the number of the process that still has no line, for want of descriptors; 0: none
    uint32_t blocks;      // looks in a row at which it stood still with a lock
    struct watch watch;
    uint64_t lost_us;       // when its line ended though its keeper has not told of its end; 0: that is not so
    uint32_t num_unlistens; // that were not answered yet
    struct messages line;
};

enum generation_state {
    GENERATION_LOADING,  // its keeper reads the configuration
    GENERATION_STARTING, // its configuration is good
    GENERATION_ACTIVE,   // it serves; there is at most one
    GENERATION_LEAVING,  // it was told to end
};

// A section of the board that a keeper uses.
struct section_offer {
    struct wire_section section;
    int fd;
};

struct generation {
    struct list link;
    struct master *master;
    uint32_t number;
    enum generation_state state;
    pid_t keeper; // 0 when it is gone
    uint32_t keeper_inc;
    struct watch keeper_watch;
    struct messages line;
    bool line_open;
    uint64_t started_us;
    uint64_t unborn_us; // when numbers that its dead keeper took, for processes that never came, are free; 0: no such
    struct wire_plan plan;
    struct listener **binds; // by bind index
    struct listener **sockets;
    struct os_listen *bind_specs; // what it wants of them, once it serves
    struct os_listen *socket_specs;
    struct seat *seats; // the controller, then the workers
    uint32_t num_seats;
    uint64_t asked_us;            // when the count of seats asked for began
    uint32_t num_asked;           // since then
    uint64_t left_us;             // when it was told to end softly; 0: it was not
    uint32_t num_reloads;         // that succeeded since it served
    bool ending;                  // it was told to end at once
    struct section_offer *offers; // until it serves
    uint32_t num_offers;
    struct text said; // what reading the configuration had to say
    bool has_failed;  // and that it cannot serve
    bool refused;     // for a reason that was told: its keeper was ended
    bool foreign;     // its board is one that this image of the master cannot read
};

enum { LISTENER_GROUP_MAX = 255, LISTENER_FOREIGN = 255 };

// How far the sockets that nobody wants any more are on their way to their end.
enum listener_phase {
    LISTENER_SERVED, // all are wanted
    LISTENER_GRACE,  // new connections are steered away from the others, and those that come all the same are served
    LISTENER_DRAIN,  // no new ones are let in
    LISTENER_LEAVE,  // who accepted was told to leave
};

// One address and its sockets: one per slot, or one that all share.
struct listener {
    struct list link;
    struct os_listen spec;
    uint64_t file;
    uint32_t num_fds;
    uint32_t num_begun;  // of these, from the first, listen; the others do once their generation serves
    uint32_t fresh_from; // slots from here on began to listen with the generation that was activated last
    int fds[PROCESS_MAX_WORKERS];
    struct seat *adopters[PROCESS_MAX_WORKERS]; // who accepts in place of the slot's own worker
    struct generation *kept_by;                 // it leaves, and accepts here to the end as the active one does not
    bool steered;                               // `group` is known
    uint8_t group[LISTENER_GROUP_MAX];          // slots by their numbers in the kernel's group, or LISTENER_FOREIGN
    uint32_t num_group;
    uint64_t steered_to[2]; // bit mask of slots
    bool is_shared;         // with another program: its sockets are closed without any effect on others
    bool is_taken;          // from another program, by -x
    uint32_t paused_in;     // generation in which an operator released the place: it stays known there without any
                            // socket; 0: none
    bool is_closing;        // on a way that cannot be gone back: it serves nobody else
    enum listener_phase phase;
    uint32_t retire_to; // slots that stay
    uint64_t phase_end_us;
    uint64_t drain_max_us;
};

// Somebody at an admin socket who waits to hear how a reload went.
struct reload_waiter {
    struct list link;
    struct seat *seat;
    uint64_t id;
    bool next; // it is for the reload after the one that runs
};

// The look at another program that is to go on in this one's place.
struct upgrade {
    pid_t check;            // the process that looks; 0: none
    struct image_file file; // what it was executed from
    int state_fd;           // what it was given
    int output_fd;          // what it said
    int answer_fd;          // and found
    uint64_t due_us;        // when it has taken too long
    bool is_late;           // and was killed for it
    uint32_t num_tries;     // while the file keeps changing
};

// What was said about a reload waits until the generations before take no new connections.
struct handover {
    struct generation *to;   // that serves; NULL: nothing waits
    struct generation *from; // the latest of those before, until it is gone
    struct event_timer timer;
    uint64_t due_us; // when it is said in any case
};

struct master {
    struct event_loop loop;
    const struct process_program *program;
    const struct process_options *options;
    struct image *image;
    struct upgrade upgrade;
    struct handover handover;
    struct board *board;
    uint32_t inc;
    struct event_source signals;
    struct event_timer tick;
    uint64_t tick_due_us;
    uint64_t watched_us; // when the watchdog looked last
    struct list generations;
    struct list listeners;
    struct generation *active;
    uint32_t num_generations; // so far
    uint32_t num_reloads;     // attempts, without the first start
    uint32_t num_failed;      // of these in a row
    struct text latest;       // what the latest attempt had to say
    bool latest_done;         // it serves
    int ready_fd;
    bool silent;
    bool was_ready; // some generation served
    bool background_wanted;
    bool in_background;
    bool master_worker; // the configuration says so
    bool reload_wanted;
    bool reload_hard;        // the generation before the one that starts ends at once
    bool reload_wanted_hard; // likewise for the one after
    bool stopping;
    bool stopping_now;
    int stop_signal;
    char status_sent[STATUS_TEXT_LEN]; // to the service manager
    uint64_t status_due_us;            // when it may hear the numbers again
    uint64_t watchdog_us;              // it wants to hear of us so often; 0: not at all
    uint64_t watchdog_due_us;
    bool watchdog_asked;
    uint64_t kill_us;    // when what still runs is killed
    uint64_t again_us;   // when a generation whose keeper is gone is replaced; 0: never
    uint32_t num_again;  // failures in a row
    struct list reloads; // who waits for an answer
    int status;
};

// generation.c

// generation_start forks a keeper for a new generation.
void generation_start(struct master *master);

// generation_line_init makes the master's end of the line to a keeper of `take_fd`.
void generation_line_init(struct generation *generation, int take_fd);

// generation_check makes `generation` the active one where all its processes are ready.
void generation_check(struct generation *generation);

// generation_leave tells `generation` to end softly, or now.
void generation_leave(struct generation *generation, bool now);

// generation_keeper_ended does what follows from the end of a keeper that was waited for.
void generation_keeper_ended(struct generation *generation, int status);

// generation_free takes `generation` off the list and frees its memory; descriptors stay as they are.
void generation_free(struct generation *generation);

// generation_collect frees `generation` where nothing of it runs any more; true then.
bool generation_collect(struct generation *generation);

// generations_descriptors_close closes, in a forked process, the lines to all processes.
void generations_descriptors_close(struct master *master);

// leaving.c

// leaving_begin notes that `generation` is told to end softly.
void leaving_begin(struct generation *generation);

// leaving_reloaded counts a reload that succeeded, and ends the generations that survived more than mworker-max-reloads
// says.
void leaving_reloaded(struct master *master);

// leaving_make_room ends old generations, the oldest first, where there would not be enough numbers for the processes
// of `coming`, whose plan is known. False where not even that would do.
bool leaving_make_room(struct generation *coming);

// leaving_tick sees to hard-stop-after for generations whose keeper is gone.
void leaving_tick(struct master *master);

// handover.c

// handover_init makes the timer of `master`.
void handover_init(struct master *master);

// handover_begin tells, once the processes of `from` and of those before it take no new connections or that lasts too
// long, all who want to know that `to` serves; at once where `from` is NULL.
void handover_begin(struct generation *to, struct generation *from);

// handover_end tells it now, where it was not told yet.
void handover_end(struct master *master);

// handover_forget is called before `generation` is freed.
void handover_forget(struct generation *generation);

// master.c

// master_became_ready is called when a generation serves.
void master_became_ready(struct master *master, const struct generation *generation);

// master_pidfile_check says whether the file for the pid can be written, before the first generation serves; a message
// tells where it cannot.
bool master_pidfile_check(const struct master *master, const struct generation *generation);

// reload.c

// reload_coming gives the generation that starts now, or NULL.
struct generation *reload_coming(struct master *master);

// reload_start starts a new generation, or remembers to do so after the one that starts now. `hard`: the one before it
// ends at once.
void reload_start(struct master *master, bool hard);

// reload_ask remembers that the controller at `seat` waits for an answer, and reloads.
void reload_ask(struct master *master, struct seat *seat, uint64_t id, bool hard);

// reload_go_on starts the reload that waited for another to end; false where there is none.
bool reload_go_on(struct master *master);

// reload_runs says whether a generation starts or takes over, or an upgrade is looked at.
bool reload_runs(struct master *master);

// reload_ended records how the attempt to start `generation` went, tells the active controller and answers those who
// asked. `generation` may be NULL where it did not come that far; `more` is said after what its keeper said, or NULL.
void reload_ended(struct master *master, struct generation *generation, bool done, const char *more);

// reload_latest_send tells the controller at `seat` how the latest attempt went.
void reload_latest_send(const struct master *master, struct seat *seat);

// reload_forget_seat drops what was remembered about a seat whose line ends.
void reload_forget_seat(struct master *master, struct seat *seat);

// reload_fini drops all of it.
void reload_fini(struct master *master);

// upgrade.c

// upgrade_start looks whether another program stands at this one's path. If so it starts a check of it, and goes on
// with it when that is passed, or ends the reload when not; true then. False where there is nothing to upgrade to.
bool upgrade_start(struct master *master);

// upgrade_reaped takes note of the end of the child `pid`; true where it was the check, and what follows is done.
bool upgrade_reaped(struct master *master, pid_t pid, int status);

// upgrade_tick ends a check that takes too long.
void upgrade_tick(struct master *master);

// upgrade_cancel ends a check without any consequence.
void upgrade_cancel(struct master *master);

// upgrade_continue takes over, in the new image, what the old one left: all of `master` but its loop, signals and
// timers, which are there. False with a message in the log.
bool upgrade_continue(struct master *master);

// upgrade_resume goes on, in the new image, with what the old one was about to do; in the old one, which had to come
// back, it ends that.
void upgrade_resume(struct master *master);

// upgrade_check is what the process that looks does in the new image, behind reading the configuration: it reads what
// the master would leave, says on standard error what is wrong, and gives the exit status.
int upgrade_check(const struct image *image);

// status.c: what the service manager hears, with -Ws. Each line carries the numbers of the moment.

// status_ready says that the service accepts connections, after a reload that failed, too.
void status_ready(struct master *master);

// status_reloading says that a reload begins.
void status_reloading(struct master *master);

// status_stopping says that the service ends.
void status_stopping(struct master *master);

// status_failed says that the service could not start, with `error` of errno or 0.
void status_failed(const struct process_options *options, int error, const char *why);

// status_tick is called in every tick of the master: it tells the watchdog that somebody serves, and now and then how
// many are served.
void status_tick(struct master *master);

// seats.c

// seats_open makes the places of a generation, one controller and its workers.
void seats_open(struct generation *generation);

// seat_sit makes a new line for the process that is about to be forked into the seat, sends its end to the keeper, and
// its sockets down the line.
void seat_sit(struct generation *generation, const struct wire_seat *wire);

// seat_listen hands the socket of bind `index` to a worker, where there is one for it.
void seat_listen(struct seat *seat, uint32_t index);

// seat_unlisten tells a worker to accept what waits at a socket and to leave it then.
void seat_unlisten(struct seat *seat, uint32_t index, uint32_t slot);

// seats_send_fresh sends the sockets that began to listen with the activation of `generation` to its workers, and the
// admin sockets to its controller.
void seats_send_fresh(struct generation *generation);

// seats_keep tells the workers of `generation`, before they stop softly, where they go on accepting.
void seats_keep(struct generation *generation);

// seats_retry makes the lines that could not be made before.
void seats_retry(struct master *master);

// seat_find gives the seat of that slot and number, or of that slot with 0; NULL where there is none.
struct seat *seat_find(struct generation *generation, uint32_t slot, uint32_t called);

// seat_line_init makes the master's end of the line to a seat of `take_fd`.
void seat_line_init(struct seat *seat, int take_fd);

// seat_leave ends the line to a seat.
void seat_leave(struct seat *seat);

// generation_signal sends `sig` to the process `pid` of `generation`, as its keeper said, if that is the keeper's child
// or ours: a keeper that is no longer itself must not choose whom we signal. What it may not have is told.
void generation_signal(const struct generation *generation, pid_t pid, int sig);

// seat_kill sends `sig` likewise to the process that sits there, if any.
void seat_kill(const struct seat *seat, int sig);

// seat_outlaw ends the line to a seat whose process broke the rules, and kills it; its keeper starts another.
void seat_outlaw(struct seat *seat, const char *what);

// seat_forked notes the process that its keeper forked for the seat; false where that cannot be.
bool seat_forked(struct seat *seat, pid_t pid);

// seat_is_controller says whether it is the controller's.
static inline bool seat_is_controller(const struct seat *seat)
{
    return seat->slot == WIRE_CONTROLLER_SLOT;
}

// seats_hand_log lets the active generation's controller drain the log where no other can.
void seats_hand_log(struct master *master);

// listeners.c

// listener_open gives the listener of `spec` with at least `num_slots` sockets, an open one where it is the same place.
// What it opens does not listen before listeners_begin. NULL with a message in `error` (room OS_LISTEN_ERROR_LEN).
// `generation` may use a place only once.
struct listener *listener_open(struct generation *generation, const struct os_listen *spec, uint32_t num_slots,
                               char *error);

// listener_add enters a listener without sockets; NULL where memory is out.
struct listener *listener_add(struct master *master, const struct os_listen *spec);

// listener_wanted_by says whether `generation` has a line for `listener`.
bool listener_wanted_by(const struct generation *generation, const struct listener *listener);

// listener_index gives the bind index of `listener` in `generation`, or its number of binds.
uint32_t listener_index(const struct generation *generation, const struct listener *listener);

// listener_begin_again lets what was opened for the place of bind `index` of the active `generation` listen, and hands
// it to its workers.
bool listener_begin_again(struct generation *generation, uint32_t index, char *error);

// listeners_begin makes the sockets of `generation` listen, and gives those that do the options it wants. False with a
// message in `error`.
bool listeners_begin(struct generation *generation, char *error);

// listeners_close_all closes everything, for the end of the master.
void listeners_close_all(struct master *master);

// listeners_descriptors_close closes all listening sockets in a forked process, without any other effect.
void listeners_descriptors_close(struct master *master);

// retire.c

// listeners_keep has `generation`, which is about to leave softly, go on accepting where the active one does not.
void listeners_keep(struct generation *generation);

// listeners_forget_generation: it accepts nowhere any more.
void listeners_forget_generation(const struct generation *generation);

// listeners_retire lets go of all sockets that no starting or active generation wants, after a grace, and calls back
// those that are wanted again.
void listeners_retire(struct master *master);

// listeners_tick goes on with that.
void listeners_tick(struct master *master);

// place_release begins to release the place of bind `index` of the active `generation`, and says how far that is: what
// waits there is accepted first. place_take opens it again, with a message in `error` (room OS_LISTEN_ERROR_LEN) where
// that fails.
enum wire_place_state place_release(struct generation *generation, uint32_t index);
enum wire_place_state place_take(struct generation *generation, uint32_t index, char *error);

// listener_close closes the sockets from `slot` on, the last first, and frees a listener that has none left.
void listener_close(struct listener *listener, uint32_t slot);

// groups.c

// group_begin looks, before the first socket of `listener` begins to listen, who else listens there.
void group_begin(struct listener *listener);

// group_join: the socket of `slot` began to listen.
void group_join(struct listener *listener, uint32_t slot);

// group_part: the socket of `slot` is about to be closed, for every holder where it is not shared.
void group_part(struct listener *listener, uint32_t slot);

// group_number gives the number of the socket of `slot`, or -1.
int group_number(const struct listener *listener, uint32_t slot);

// group_yield steers new connections to those of other programs who joined since.
void group_yield(struct listener *listener);

// group_look sees whether others left the group since.
void group_look(struct listener *listener);

// takeover.c

// takeover_receive asks the program behind the unix socket at `path` for its listening sockets, and enters them. False
// after a message.
bool takeover_receive(struct master *master, const char *path);

// takeover_complete: the generation that uses what was received serves, and the program before is about to be told.
void takeover_complete(struct master *master);

// takeover_give sends all listening sockets to the controller at `seat`.
void takeover_give(struct master *master, struct seat *seat, uint64_t id);

// guard.c

// guard_run looks which workers of the active generation answer, steers new connections to those, and has them accept
// on the sockets of the others.
void guard_run(struct master *master);

// guard_forget_seat drops a seat from among the adopters.
void guard_forget_seat(struct master *master, const struct seat *seat);

// watchdog.c

// watchdog_run tells of workers, controllers and keepers that are silent, and ends those that stay so. Every tick.
void watchdog_run(struct master *master);

// watchdog_keeper_gone cleans up after processes of `generation` that its keeper had waited for when it ended, and
// after those it had not come to fork.
void watchdog_keeper_gone(struct generation *generation);
