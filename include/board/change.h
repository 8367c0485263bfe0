// SPDX-License-Identifier: Apache-2.0
// Changes at run time, as every process applies them: entries of the journal (board/board.h), whose numbers are the one
// order for all, told apart by their type. Who publishes one has checked that it can be applied; from there keepers,
// controllers and workers apply it, the publisher at once, all others at their next turn, and what a keeper forks later
// inherits it. Each kind of change is a row beside its code, as words and commands are. Used by every process but the
// master; nobody waits here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;

// One change on its way; `data` is lent for the time of the call.
struct board_change {
    uint64_t number;
    const void *data;
    size_t len;
};

// Types are written to the board: they keep their meaning from one version of the program to the next.
enum board_change_type {
    BOARD_CHANGE_LIST = 1,    // of maps and ACLs (table/change.h)
    BOARD_CHANGE_CERTIFICATE, // certificates, CA and CRL files, crt-lists, OCSP responses
    BOARD_CHANGE_SERVER,      // servers that come and go, and what of them no state says
    BOARD_CHANGE_FRONTEND,    // limits and states of frontends
    BOARD_CHANGE_TRACE,       // what is traced
    BOARD_CHANGE_VARIABLE,    // variables of the process
    BOARD_NUM_CHANGES
};

struct board_change_kind {
    enum board_change_type type;
    void (*apply)(const struct board_change *change); // what it cannot apply it ignores
};

// BOARD_CHANGES registers the struct board_change_kind `kind`. One per file.
#define BOARD_CHANGES(kind)                                                                                            \
    static const struct board_change_kind *const board_changes_ptr __attribute__((used, section("board_changes"))) =   \
        &(kind)

// board_changes_enter says which board the changes of this process go through, and which incarnation it is; once,
// first thing after a fork.
void board_changes_enter(struct board *board, uint32_t inc);

// board_changes_board gives that board; NULL before board_changes_enter.
struct board *board_changes_board(void);

// board_changes_generation gives the generation of this process, 0 before board_changes_enter.
uint32_t board_changes_generation(void);

// board_changes_apply applies up to `max` entries that wait for this process, and says how many there were. Entries of
// a type that this program does not know are passed over.
uint32_t board_changes_apply(uint32_t max);

// board_changes_wake has this process come back for what waits for it still.
void board_changes_wake(void);

// board_change_publish publishes a change (`len` bytes, at most BOARD_JOURNAL_ENTRY_MAX) and applies it here, after all
// that were published before it. It gives its number, for board_journal_laggard, or 0 where the journal has no room, as
// a process has not applied older changes for long; or where there is no journal yet.
uint64_t board_change_publish(enum board_change_type type, const void *data, size_t len);
