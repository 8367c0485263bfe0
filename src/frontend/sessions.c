// SPDX-License-Identifier: Apache-2.0
// What is asked of a worker's sessions from outside: which streams there are (`show sess`), and to end one.
#include <stdlib.h>
#include <string.h>
#include "board/inquiry.h"
#include "frontend/walk.h"
#include "stream/on_server.h"
#include "stream/tunnel.h"
#include "stream/view.h"

// One piece of work: some 50 us, of which a line takes two or three, a look at a session that is not meant next to
// none.
enum { PIECE_LINES = 16, PIECE_SESSIONS = 256 };

static bool view_of(struct stream_view *view, const struct frontend_session *session)
{
    *view = (struct stream_view){ .ctx = &session->owner->streams };
    if (session->state == FRONTEND_SESSION_STREAM && stream_view_is_stream(session->stream))
        view->stream = session->stream;
    else if (session->state == FRONTEND_SESSION_TUNNEL)
        view->tunnel = session->tunnel;
    return view->stream || view->tunnel;
}

// A worker whose program is another one understands nothing: it has no such streams.
static const struct stream_wanted *wanted_of(const struct board_inquiry *inquiry)
{
    const struct stream_wanted *wanted = inquiry->question;
    return inquiry->question_len == sizeof(*wanted) && wanted->version == STREAM_VIEW_VERSION ? wanted : NULL;
}

static struct frontend_walk *walk_of(struct board_inquiry *inquiry)
{
    if (inquiry->turn == 0 && !inquiry->state) {
        struct frontend_walk *walk = malloc(sizeof(*walk));
        if (walk)
            frontend_walk_begin(walk, inquiry->owner);
        inquiry->state = walk;
    }
    return inquiry->state;
}

static void walk_end(struct board_inquiry *inquiry)
{
    if (inquiry->state)
        frontend_walk_end(inquiry->state);
    free(inquiry->state);
}

// The next stream that is meant, within `*left` sessions. False: `*left` is not 0 where there is none any more.
static bool find_next(struct stream_view *view, struct frontend_session **found, struct frontend_walk *walk,
                      const struct stream_wanted *wanted, uint32_t *left)
{
    struct frontend_session *session;
    while (*left && (session = frontend_walk_next(walk))) {
        --*left;
        *found = session;
        if (view_of(view, session) && stream_view_is_wanted(view, wanted))
            return true;
    }
    return false;
}

static bool list_run(struct board_inquiry *inquiry)
{
    const struct stream_wanted *wanted = wanted_of(inquiry);
    struct frontend_walk *walk = wanted ? walk_of(inquiry) : NULL;
    struct frontend_session *session;
    struct stream_view view;
    uint32_t left = PIECE_SESSIONS;
    if (!walk)
        return false;
    uint32_t lines = wanted->flags & STREAM_VIEW_DETAIL ? PIECE_LINES / 8 : PIECE_LINES;
    while (lines--) {
        if (!find_next(&view, &session, walk, wanted, &left))
            return !left;
        stream_view_add(&inquiry->out, &view, wanted);
        if (wanted->id)
            return false;
    }
    return true;
}

static bool kill_run(struct board_inquiry *inquiry)
{
    const struct stream_wanted *wanted = wanted_of(inquiry);
    struct frontend_walk *walk = wanted && wanted->id ? walk_of(inquiry) : NULL;
    struct frontend_session *session;
    struct stream_view view;
    uint32_t left = PIECE_SESSIONS;
    if (!walk)
        return false;
    if (!find_next(&view, &session, walk, wanted, &left))
        return !left;
    // Not the session, which may have more requests to come: what it carries.
    if (session->state == FRONTEND_SESSION_STREAM)
        stream_shutdown(session->stream);
    else
        stream_tunnel_shutdown(session->tunnel, STREAM_END_KILLED);
    text_add(&inquiry->out, "1", 1);
    return false;
}

static const struct board_inquiry_kind list_kind = { .type = BOARD_INQUIRY_SESSIONS, .run = list_run, .end = walk_end };
BOARD_INQUIRY(list_kind);

static const struct board_inquiry_kind kill_kind = { .type = BOARD_INQUIRY_SHUTDOWN, .run = kill_run, .end = walk_end };
BOARD_INQUIRY(kill_kind);
