// SPDX-License-Identifier: Apache-2.0
#include "frontend/walk.h"

void frontend_walk_begin(struct frontend_walk *walk, struct frontends *frontends)
{
    *walk = (struct frontend_walk){ .next = frontends->sessions.next,
                                    .owner = frontends,
                                    .since_us = frontends->loop->now_us };
    list_init(&walk->link);
    list_append(&frontends->walks, &walk->link);
}

struct frontend_session *frontend_walk_next(struct frontend_walk *walk)
{
    if (walk->next == &walk->owner->sessions)
        return NULL;
    struct frontend_session *session = CONTAINER_OF(walk->next, struct frontend_session, link);
    // They stand in the order of their accepts: all that follow are newer. Else a walk might never catch up.
    if (session->facts.accept_us > walk->since_us)
        return NULL;
    walk->next = session->link.next;
    return session;
}

void frontend_walk_end(struct frontend_walk *walk)
{
    list_remove(&walk->link);
}

void frontend_walks_skip(struct frontends *frontends, struct frontend_session *session)
{
    LIST_EACH(walk, &frontends->walks, struct frontend_walk, link)
    {
        if (walk->next == &session->link)
            walk->next = session->link.next;
    }
}
