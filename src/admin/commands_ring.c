// SPDX-License-Identifier: Apache-2.0
// Rings of events: show ring. The listing is read from the board as the peer takes it, so that a peer that is slow
// loses old lines and holds nobody up.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "board/events.h"
#include "board/trace.h"

enum { RING_PIECE = 32, RING_FOLLOW_US = 50000 };

// Where an answer stands.
struct ring_walk {
    const struct trace_sink *sink;
    uint64_t next;
    uint64_t end;
    bool has_begun; // a line was told: what is missed from then on was lost to a reader who was slow
    bool follows;
    bool is_null_ended; // lines end with a NUL
};

static void list_rings(struct text *out)
{
    uint32_t num;
    const struct trace_sink *sinks = trace_sinks(&num);
    text_printf(out, "Rings are listed below. Add -w(wait), -n(new), -0(NUL at the end of lines). Any key to stop\n");
    for (uint32_t i = 0; i < num; i++)
        text_printf(out, "    %-10s : type=buffer, %llu dropped, %s\n", sinks[i].name,
                    (unsigned long long)board_events_dropped(sinks[i].events), sinks[i].text);
}

// False after answering what is wrong.
static bool read_flags(struct admin_call *call, struct ring_walk *walk, bool *is_new)
{
    for (uint32_t i = 1; i < call->num_args; i++) {
        const char *arg = call->args[i];
        size_t len = strlen(arg);
        if (len < 2 || arg[0] != '-' || strspn(arg + 1, "wn0") != len - 1) {
            admin_refuse_arg(call, i);
            return false;
        }
        walk->follows |= strchr(arg, 'w') != NULL;
        *is_new |= strchr(arg, 'n') != NULL;
        walk->is_null_ended |= strchr(arg, '0') != NULL;
    }
    return true;
}

static bool begin(struct admin_call *call)
{
    const struct trace_sink *sink = trace_sink_find(call->args[0]);
    bool is_new = false;
    if (!sink) {
        admin_refuse(call, "No such ring\n");
        return false;
    }
    struct ring_walk *walk = calloc(1, sizeof(*walk));
    if (!walk)
        return false;
    call->state = walk;
    walk->sink = sink;
    if (!read_flags(call, walk, &is_new))
        return false;
    walk->end = board_events_end(sink->events);
    walk->next = is_new ? walk->end : 0;
    return true;
}

// Whatever the peer says ends a listing that goes on, at once, and is dropped; so does its end, once it has been told
// what there was. Management guide, `show events`.
static bool is_ended_by_peer(const struct admin_call *call, bool has_all)
{
    char waste[256];
    size_t len;
    admin_session_unhold(call->session);
    enum io io = transport_conn_recv(&call->session->conn, &len, waste, sizeof(waste));
    return io == IO_OK || io == IO_FAIL || (io == IO_EOF && has_all);
}

static void end_line(struct text *out, const struct ring_walk *walk)
{
    text_add(out, walk->is_null_ended ? "" : "\n", 1);
}

// Appends the next line; false where there is none now. What newer lines replaced before it could be told is counted
// where the listing has begun: what was gone before was lost to nobody.
static bool tell_line(struct admin_call *call, struct ring_walk *walk)
{
    char line[BOARD_EVENT_MAX];
    uint64_t lost = 0;
    int len = board_events_next(call->admin->start.board, walk->sink->events, line, &walk->next, &lost);
    if (lost && walk->has_begun) {
        text_printf(call->out, "# %llu lines lost", (unsigned long long)lost);
        end_line(call->out, walk);
    }
    if (len < 0)
        return false;
    walk->has_begun = true;
    while (len > 0 && line[len - 1] == '\n')
        len--;
    text_add(call->out, line, (size_t)len);
    end_line(call->out, walk);
    return true;
}

static enum admin_verdict run_show_ring(struct admin_call *call)
{
    bool has_all = false;
    if (!call->num_args) {
        list_rings(call->out);
        return ADMIN_DONE;
    }
    if (!call->state && !begin(call))
        return ADMIN_DONE;
    struct ring_walk *walk = call->state;
    for (int i = 0; i < RING_PIECE && !has_all; i++)
        has_all = (!walk->follows && walk->next >= walk->end) || !tell_line(call, walk);
    if (has_all && !walk->follows)
        return ADMIN_DONE;
    if (walk->follows && is_ended_by_peer(call, has_all))
        return ADMIN_DONE;
    if (!has_all)
        return ADMIN_MORE;
    // Nothing to tell is no reason to part.
    admin_session_touch(call->session);
    call->wake_us = call->admin->start.loop->now_us + RING_FOLLOW_US;
    return ADMIN_WAIT;
}

static enum admin_verdict run_show_events(struct admin_call *call)
{
    return admin_refuse(call, "'show events' is not supported; 'show ring' lists the rings and shows their lines\n");
}

static const struct admin_command commands[] = {
    { .name = "show ring",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 4,
      .args = "[<ring> [-w] [-n] [-0]]",
      .help = "list the rings, or show the lines of one; -w goes on with new ones, -n shows only these",
      .run = run_show_ring },
    { .name = "show events",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS - 2,
      .is_hidden = true,
      .help = "not supported: see show ring",
      .run = run_show_events },
};
ADMIN_COMMANDS(commands);
