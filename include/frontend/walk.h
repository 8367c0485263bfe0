// SPDX-License-Identifier: Apache-2.0
// A walk over the sessions of a worker that goes on over many turns while sessions end and begin: one that is there the
// whole time is met exactly once, one that began later not at all. Private to the area. Sessions pay nothing for it but
// a look at an empty list when they end.
#pragma once

#include "frontend/session.h"

struct frontend_walk {
    struct list link;  // in frontends->walks
    struct list *next; // of frontends->sessions, or that list itself at the end
    struct frontends *owner;
    uint64_t since_us;
};

// frontend_walk_begin starts at the oldest session.
void frontend_walk_begin(struct frontend_walk *walk, struct frontends *frontends);

// frontend_walk_next gives the next session, NULL at the end. That one may end before the next call.
struct frontend_session *frontend_walk_next(struct frontend_walk *walk);

// frontend_walk_end takes the walk off the list; to be called also where it came to the end.
void frontend_walk_end(struct frontend_walk *walk);

// frontend_walks_skip moves walks past `session`, which ends.
void frontend_walks_skip(struct frontends *frontends, struct frontend_session *session);
