// SPDX-License-Identifier: Apache-2.0
// What the processes say to each other: master and keeper, master and each worker, master and controller. Legal peers
// only: keeper and workers never talk, nor do workers among themselves. Every message has a fixed type and bounded size
// (event/messages.h checks both); a text is as long as its message, without a NUL.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "board/board.h"
#include "os/listen.h"

// Counted up with every change of these messages that a process of the other version would take badly. A master and the
// processes of its older generations may be of different versions of the program, if this is the same.
#ifndef WIRE_PROTOCOL
#define WIRE_PROTOCOL 1
#endif

enum wire_type {
    // keeper to master
    WIRE_PLAN = 1, // struct wire_plan: the configuration is good; then one WIRE_OPEN for each socket
    WIRE_OPEN,     // struct wire_open
    WIRE_SECTION,  // struct wire_section and its memory file
    WIRE_SEAT,     // struct wire_seat: a process is about to be forked and wants its line to the master
    WIRE_FORKED,   // struct wire_seat with its pid
    WIRE_DEAD,     // struct wire_seat with its pid: it was waited for
    WIRE_SAID,     // text: what reading the configuration has to say, in pieces; before WIRE_FAILED or WIRE_ACTIVE
    WIRE_FAILED,   // the generation cannot serve, for the reasons that were said
    // master to keeper
    WIRE_OPENED, // struct wire_opened: an answer for each WIRE_OPEN, in order
    WIRE_SEATED, // struct wire_seat and the line's end for the process
    WIRE_ACTIVE, // all of the generation's processes are ready: from now on what dies is forked again. To a controller:
                 // it is the only one, and drains the log
    WIRE_SOFT_STOP, // also to workers and controllers
    WIRE_HARD_STOP,
    // master to worker and controller
    WIRE_LISTEN,   // struct wire_listen and the socket
    WIRE_UNLISTEN, // struct wire_listen
    WIRE_START,    // all sockets were sent
    // worker and controller to master
    WIRE_READY,
    // controller to master, and back
    WIRE_RELOAD,   // struct wire_reload
    WIRE_RELOADED, // struct wire_reloaded
    // master to controller
    WIRE_LATEST, // struct wire_latest: how the latest attempt to start a generation went, in pieces
    // master to a worker that is about to be told WIRE_SOFT_STOP
    WIRE_KEEP, // struct wire_listen, whatever the slot: it goes on accepting there until WIRE_UNLISTEN, as nobody else
               // does
    WIRE_LEFT, // and back: an answer to each WIRE_UNLISTEN
    // controller to master, for a program that takes over (-x), and back
    WIRE_SOCKETS, // struct wire_sockets
    WIRE_SOCKET,  // struct wire_socket and the socket, for each; or one without socket where there is none to give
    // controller to master, and back: places of its generation's binds, closed and opened again by an operator
    WIRE_PLACE,  // struct wire_place
    WIRE_PLACED, // struct wire_placed, the answer: how it stands; while it is on its way the controller asks again
    WIRE_NUM_TYPES
};

enum { WIRE_TEXT_LEN = 4096, WIRE_PATH_LEN = 1024 };

struct wire_plan {
    uint32_t num_workers;
    uint32_t num_binds;
    uint32_t num_sockets;
    uint32_t max_reloads; // a generation that is there still at so many reloads is ended; 0: never
    uint8_t daemon;
    uint8_t master_worker;
    uint8_t exposes;             // some admin socket may give the listening sockets away
    uint64_t hard_stop_us;       // a soft stop that takes longer ends at once, 0: never
    uint64_t capabilities;       // OS_CAP_... that opening sockets may need
    uint64_t silent_warn_us;     // watchdog: a process that does not beat for so long is told of, 0: never
    uint64_t silent_kill_us;     // and for so long it is killed, 0: never
    char pidfile[WIRE_PATH_LEN]; // "" for none
};

struct wire_open {
    uint32_t index;
    uint32_t is_socket; // 1: for the controller, 0: a bind
    struct os_listen listen;
};

struct wire_opened {
    uint32_t index;
    uint32_t is_socket;
    uint32_t done;
    char error[OS_LISTEN_ERROR_LEN];
};

struct wire_section {
    uint32_t version;
    char name[BOARD_NAME_MAX];
};

struct wire_seat {
    uint32_t slot; // WIRE_CONTROLLER_SLOT for the controller
    uint32_t inc;
    int32_t pid;
};

enum { WIRE_CONTROLLER_SLOT = UINT16_MAX };

struct wire_listen {
    uint32_t index;
    uint32_t slot;
};

struct wire_sockets {
    uint64_t id;
};

struct wire_socket {
    uint64_t id;
    uint32_t num_left; // messages that follow
    uint32_t slot;
    int32_t number; // in the kernel's group of sockets of this place; -1: not known
    struct os_listen listen;
};

struct wire_reload {
    uint64_t id;
    uint32_t hard; // the generation before ends at once
};

// Its messages came with WIRE_LATEST right before.
struct wire_reloaded {
    uint64_t id;
    uint32_t done;
};

struct wire_latest {
    uint32_t num_reloads; // attempts since the master started, without the first start
    uint32_t num_failed;  // of these in a row, the latest included
    uint32_t done;        // the latest attempt's generation serves
    uint32_t part;        // 0: what was known before is void
    char text[WIRE_TEXT_LEN];
};

struct wire_place {
    uint64_t id;
    uint32_t index; // of the bind
    uint32_t open;  // 1: it is to be served, 0: it is to be released
};

enum wire_place_state { WIRE_PLACE_OPEN, WIRE_PLACE_CLOSED, WIRE_PLACE_ON_ITS_WAY, WIRE_PLACE_FAILED };

struct wire_placed {
    uint64_t id;
    uint32_t index;
    uint32_t state; // enum wire_place_state
    char error[OS_LISTEN_ERROR_LEN];
};
