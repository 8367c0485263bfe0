// SPDX-License-Identifier: Apache-2.0
// What the processes are told: the command line, and the few settings that shape the processes themselves. The program
// behind them (configuration, traffic, admin socket) is handed in as vtables, so that this area runs any traffic, a toy
// one in its tests, and names no part of it. Read by every process, written before the first fork.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/text.h"
#include "os/cpus.h"
#include "os/identity.h"
#include "os/listen.h"

struct board;
struct worker;
struct controller;

enum { PROCESS_MAX_WORKERS = 100 }; // of one generation: two generations and their helpers fit the board

// The command line, after HAProxy's management guide, section 3.
struct process_options {
    const char **files; // -f and --, in their order
    uint32_t num_files;
    bool check;                // -c
    bool daemon;               // -D
    bool master_worker;        // -W, -Ws
    bool systemd;              // -Ws
    bool foreground;           // -db, -d: never go to the background
    bool quiet;                // -q
    bool verbose;              // -V
    bool zero_warning;         // -dW
    bool diagnostics;          // -dD
    bool ignore_unresolved;    // -dr
    bool no_getaddrinfo;       // -dG
    bool may_fork;             // -dI
    bool no_splice;            // -dS
    bool no_server_verify;     // -dV
    const char *pidfile;       // -p
    const char *directory;     // -C
    const char *local_peer;    // -L
    const char *condition;     // -cc
    const char **master_sockets; // -S: each an address and options, separated by commas
    uint32_t num_master_sockets;
    const char *old_socket;    // -x: admin socket of a program that gives its listening sockets away
    uint32_t maxconn;          // -n, 0: not given
    uint32_t proxy_maxconn;    // -N
    uint64_t memory_mb;        // -m
    int old_signal;            // what `old_pids` get once this program is ready: SIGUSR1 (-sf), SIGTERM (-st), or 0
    pid_t *old_pids;
    uint32_t num_old_pids;
};

// What a configuration says about processes. Strings and arrays live as long as the configuration.
struct process_settings {
    uint32_t num_workers;                 // 0: one per usable processor
    const struct os_listen *const *binds; // what workers listen on, by bind index
    uint32_t num_binds;
    const char *const *bind_places;         // whose they are and where that is written, for messages; or NULL
    const struct os_listen *const *sockets; // what the controller listens on, by socket index
    uint32_t num_sockets;
    const char *const *socket_places; // as bind_places
    bool exposes_sockets; // one of them may give the listening sockets to a program that takes over
    struct os_identity identity;
    const char *pidfile; // NULL: none
    bool daemon;
    bool master_worker;
    uint32_t max_reloads;              // a generation that is there still at so many reloads is ended; 0: never
    bool go_on_alone;                  // workers go on where the master is gone, instead of finishing softly
    bool sandbox;                      // workers and controllers make only the system calls they need (os/sandbox.h)
    uint64_t silent_warn_us;           // a process that does not beat for so long is told of; 0: never
    uint64_t silent_kill_us;           // and for so long it is killed; 0: never
    uint64_t hard_stop_us;             // a soft stop that takes longer ends at once; 0: it may take for ever
    uint64_t num_files;                // descriptors per process; 0: up to the hard limit
    uint64_t memory_mb;                // what a process may allocate; 0: any amount
    uint64_t max_files;                // and never more; 0: no such bound
    bool shares;                       // `share_files` suffice for a worker where no more can be had
    uint64_t share_files;              // descriptors for one worker's share of maxconn
    uint64_t min_files;                // fewer are too few for maxconn
    uint64_t maxsock;                  // what `maxconn` connections take where one process has them all
    uint32_t maxconn;                  // 0: any number
    bool strict_limits;                // not to have `num_files` is a reason not to start
    const struct os_cpus *cpus;        // processors to run on; NULL: as whoever started the program
    const struct os_cpus *worker_cpus; // by slot, an empty set: as all; NULL: all as all
    const char *const *sections;       // names of board sections that `prepare` made, for the next generation
    uint32_t num_sections;
};

// Traffic, in a worker. All functions run on the worker's loop.
struct process_traffic {
    // start makes the state of one worker's traffic, without any listening socket yet; NULL ends the worker.
    void *(*start)(struct worker *worker);
    // listen starts to accept on `fd`, which belongs to the worker and stays open until after unlisten. One bind may
    // have several: the worker's own and those of slots it helps out for. It accepts what waits already. False ends the
    // worker.
    bool (*listen)(void *traffic, uint32_t bind_index, int fd);
    // unlisten accepts what still waits, then takes `fd` out of the loop (EPOLL_CTL_DEL): it is closed right after.
    void (*unlisten)(void *traffic, uint32_t bind_index, int fd);
    // soft_stop says that what is open shall finish. Where something is still listened on, as nobody else does, what
    // comes there is served all the same.
    void (*soft_stop)(void *traffic);
    // hard_stop ends all that is open and logs it, without waiting: the process ends right after. May be NULL.
    void (*hard_stop)(void *traffic);
    // is_idle says whether nothing is open; asked once every turn during a soft stop, when nothing is listened on any
    // more.
    bool (*is_idle)(void *traffic);
    // open_sessions gives the number of open sessions, for `show proc`.
    uint32_t (*open_sessions)(void *traffic);
    // woken is called in the turn after board_wake for this process. May be NULL.
    void (*woken)(void *traffic);
    // awake is called in the turn after the master held this process for silent. May be NULL.
    void (*awake)(void *traffic);
    // turn is called each turn before the wait. May be NULL.
    void (*turn)(void *traffic);
    // describe writes what is carried at this moment (the client, where it goes, how far it is) into `room`, `cap`
    // bytes, which stays empty where that is nothing. In a signal handler, at any moment: it takes no memory and no
    // lock, and what it reads may be half changed. May be NULL.
    void (*describe)(const void *traffic, char *room, size_t cap);
};

// How the latest attempt to start a generation went.
struct process_latest {
    uint32_t num_reloads; // attempts since the master started, without the first start
    uint32_t num_failed;  // of these in a row, this one included
    bool done;            // its generation serves
    bool is_more;         // `text` continues that of the call before
    const char *text;     // the messages of reading its configuration; not NUL-terminated
    size_t text_len;
};

// A listening socket on its way to a program that takes over.
struct process_socket {
    const struct os_listen *listen;
    uint32_t slot;
    int32_t number;    // in the kernel's group of sockets of this place, -1 where that is not known
    uint32_t num_left; // calls that follow
};

// How the place of a bind stands that was to be released or taken again: none of the three while it is on its way.
struct process_placed {
    uint32_t index;
    bool is_open;
    bool is_closed;
    bool has_failed;
    const char *error; // why
};

// The admin side, in the controller. Any of them may be NULL.
struct process_admin {
    void *(*start)(struct controller *controller);
    // active says, once, that this controller is the one that does what only one does: logs, health checks.
    void (*active)(void *admin);
    bool (*listen)(void *admin, uint32_t socket_index, int fd);
    // unlisten takes `fd` out of the loop without accepting: what waits is for the next generation's controller.
    void (*unlisten)(void *admin, uint32_t socket_index, int fd);
    // reloaded answers controller_reload: whether the new generation serves. Where it does, leave follows at once.
    void (*reloaded)(void *admin, uint64_t id, bool done);
    // latest tells how the latest attempt to start a generation went; before `reloaded`, and at the start.
    void (*latest)(void *admin, const struct process_latest *latest);
    // placed answers controller_place. May be NULL.
    void (*placed)(void *admin, uint64_t id, const struct process_placed *placed);
    // socket answers controller_sockets, once for each socket. The descriptor is the admin side's; it is -1 where there
    // is none to give.
    void (*socket)(void *admin, uint64_t id, const struct process_socket *socket, int take_fd);
    // woken is called in the turn after board_wake for this process.
    void (*woken)(void *admin);
    // leave prepares the end, after all sockets were taken out: what was asked for is answered, for a while.
    void (*leave)(void *admin);
    // is_idle says whether nothing is left to answer; asked each turn after leave. Without it stop follows at once.
    bool (*is_idle)(void *admin);
    // stop is the last call before the process ends: it sends what answers still wait, without waiting itself.
    void (*stop)(void *admin);
};

// A process that does for the controller what that, confined, cannot: run programs. The keeper forks one for a
// generation, with its rights given up, and forks it again when it ends.
struct process_helper {
    // is_wanted says whether the configuration has something for it to do.
    bool (*is_wanted)(const void *conf);
    // run is its life, and does not return. `fd` is its end of a SOCK_SEQPACKET socket to the controller
    // (controller.helper_fd), which stays the same when either of both is forked again. SIGTERM means that it is to
    // end.
    void (*run)(const void *conf, int fd);
};

struct process_program {
    // load reads and checks the configuration that `options` name and says in `settings` what concerns the processes.
    // All messages, warnings too, are appended to `messages` as lines. NULL where anything was wrong. It opens nothing.
    void *(*load)(struct process_settings *settings, struct text *messages, const struct process_options *options);
    // unload frees what load gave, where it was only to be checked: a keeper's lives as long as the keeper. May be
    // NULL.
    void (*unload)(void *conf);
    // prepare gives the configuration its places on the board, before the keeper drops its rights and forks. May be
    // NULL.
    bool (*prepare)(void *conf, struct process_settings *settings, struct text *messages, struct board *board);
    const struct process_traffic *traffic;
    const struct process_admin *admin;   // NULL: none
    const struct process_helper *helper; // NULL: none
};

// process_main runs the program as its command line says and returns its exit status; it also returns, once, in the
// process that stays behind where the program went to the background.
int process_main(const struct process_program *program, int argc, char **argv);
