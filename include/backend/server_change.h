// SPDX-License-Identifier: Apache-2.0
// Servers that change at run time: a kind of change of the board's journal (board/change.h), which every process
// applies to its own copy of the settings, at its turn. Nothing is locked and nothing is torn, as a process has one
// thread. Where commands moved a server to stands on the board besides: who starts later (another generation) begins
// with it, as long as the file says of the server what it said. Published by the active controller; applied by keepers,
// controllers and workers of all generations that know the server.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "board/board.h"
#include "proxy/server_place.h"

#define BACKEND_PLACES_SECTION "server-places"

// What a process does besides when servers change; all may be NULL. `server` is changed already.
struct backend_watch {
    struct backend_watch *next;
    void (*moved)(struct backend_watch *watch, struct server_conf *server); // new connections go elsewhere
    void (*added)(struct backend_watch *watch, struct server_conf *server);
    // removed is told of one that is in no list any more; its settings stay readable until server->holds is 0, which
    // the watch may raise and lower, and for minutes after that.
    void (*removed)(struct backend_watch *watch, struct server_conf *server);
    void (*tidy)(struct backend_watch *watch); // now and then: what was held may be let go
};

// backend_places_prepare finds the section on `board`, or makes it. In the keeper, before it forks. False with errno.
bool backend_places_prepare(struct board *board);

// backend_places_adopt says whose settings the changes are of, `program`, and moves its servers to where commands moved
// them before. In the keeper, once objects have numbers and before states are adopted.
void backend_places_adopt(struct program_conf *program);

// backend_places_begin writes on the board where commands moved servers to, as this process has applied it: the
// controller before may have died between a change and that. In the active controller, when it begins.
void backend_places_begin(void);

// backend_watch_begin has `watch` told of changes from now on.
void backend_watch_begin(struct backend_watch *watch);

// backend_watch_end ends that.
void backend_watch_end(struct backend_watch *watch);

// backend_server_move publishes that `server` is where `place` says and gives the number of the change, 0 where the
// journal has no room.
uint64_t backend_server_move(struct board *board, const struct server_conf *server, const struct proxy_place *place);

struct text;
struct proxy_server_line;

// backend_server_add adds a server to `proxy` as `line` says, in all processes of this generation, and gives the number
// of the change; 0 with the reason, a line, in `wrong`. It begins in maintenance, with its checks at rest. Active
// controller only.
uint64_t backend_server_add(struct board *board, struct proxy_conf *proxy, const struct proxy_server_line *line,
                            struct text *wrong);

enum backend_removable {
    BACKEND_REMOVABLE,
    BACKEND_REMOVABLE_LATER, // connections, or who waits for one, are in the way
    BACKEND_REMOVABLE_NEVER, // something else is
};

// backend_server_removable says whether `server` may be deleted, and if not, why, in `*why`.
enum backend_removable backend_server_removable(struct board *board, const char **why,
                                                const struct server_conf *server);

// backend_server_remove deletes `server`, which is removable, in all processes of this generation, and gives the number
// of the change; 0 where the journal has no room.
uint64_t backend_server_remove(struct board *board, const struct server_conf *server);

// backend_changes_tidy frees what deleted servers left, where nobody can be reading it any more. Now and then.
void backend_changes_tidy(void);

// How dynamic cookies of a backend change.
struct backend_cookie_change {
    bool sets_key;
    bool dynamic;    // without a key: whether there are any
    const char *key; // at most PROXY_COOKIE_KEY_MAX bytes
};

// backend_cookies_change publishes that and gives the number of the change, likewise.
uint64_t backend_cookies_change(const struct proxy_conf *proxy, const struct backend_cookie_change *change);
