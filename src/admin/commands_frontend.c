// SPDX-License-Identifier: Apache-2.0
// Frontends that an operator takes off their places and back: disable, enable and shutdown frontend. Management guide,
// section 9.3. The sockets are the master's: it is asked for one bind after the other, releases those places as it does
// any that nobody wants (what waits there is accepted first), and opens them again. What is open goes on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/frontend.h"
#include "admin/session.h"
#include "base/slice.h"
#include "event/loop.h"
#include "proxy/live.h"

const struct proxy_conf *admin_frontend_named(struct admin_call *call)
{
    uint64_t id = 0;
    struct slice name = call->num_args ? slice_str(call->args[0]) : (struct slice){ 0 };
    bool by_id = name.len > 1 && *name.ptr == '#' && slice_to_u64(slice_from(name, 1), &id);
    const struct proxy_conf *proxy = call->admin->start.conf->proxies;
    while (proxy && (!proxy->has_frontend || proxy->disabled ||
                     !(by_id ? proxy->id == id : slice_equal(slice_str(proxy->name), name))))
        proxy = proxy->next;
    if (!proxy)
        admin_refuse(call, "%s\n", name.len ? "No such frontend." : "A frontend name is expected.");
    return proxy;
}

enum {
    PLACE_LOOK_US = 15000,
    PLACE_ANSWER_US = 1000000,    // after which who waits for the release of addresses is answered
    PLACE_PATIENCE_US = 15000000, // the master gives those who wait there ten seconds
    PLACE_ERROR_LEN = 256,
};

// A frontend on its way to `state`.
struct place_job {
    const struct proxy_conf *frontend;
    enum proxy_live_state state;
    uint64_t id;   // of the question under way; 0: none
    uint32_t bind; // the one that is asked for
    bool is_pending;
    bool has_failed;
    bool is_placed; // all binds are where they should be, or will be without any doing
    enum proxy_live_state before;
    bool is_told;   // all processes hear of the state
    bool has_moved; // a bind was not where it should be
    uint64_t began_us;
    uint64_t end_us;
    char error[PLACE_ERROR_LEN];
};

static enum admin_verdict run_place(struct admin_call *call);

void admin_placed(struct admin *admin, uint64_t id, const struct admin_place *place)
{
    LIST_EACH(session, &admin->sessions, struct admin_session, link)
    {
        struct place_job *job = session->call.state;
        if (!session->is_answering || !session->call.command || session->call.command->run != run_place || !job ||
            job->id != id)
            continue;
        bool wants_open = job->state == PROXY_LIVE_OPEN;
        job->id = 0;
        job->bind = place->bind + 1;
        if (place->has_failed) {
            job->has_failed = true;
            (void)snprintf(job->error, sizeof(job->error), "%s", place->error);
        } else if (wants_open ? !place->is_open : !place->is_closed) {
            job->is_pending = true;
            job->has_moved = true;
        }
        admin_session_wake(session);
    }
}

// Asks for the next bind of the frontend; false where there is none left.
static bool ask_next(struct admin_call *call, struct place_job *job)
{
    struct admin *admin = call->admin;
    const struct program_conf *conf = admin->start.conf;
    const struct admin_ops *ops = admin->start.ops;
    while (job->bind < conf->num_binds && conf->binds[job->bind]->proxy != job->frontend)
        job->bind++;
    if (job->bind >= conf->num_binds)
        return false;
    job->id = ++admin->last_giving;
    if (ops && ops->place && ops->place(admin->start.owner, job->id, job->bind, job->state == PROXY_LIVE_OPEN))
        return true;
    job->id = 0;
    job->has_failed = true;
    (void)snprintf(job->error, sizeof(job->error), "the master cannot be asked");
    return false;
}

static enum admin_verdict wait_for(struct admin_call *call, uint64_t delay_us)
{
    call->wake_us = call->admin->start.loop->now_us + delay_us;
    return ADMIN_WAIT;
}

static bool tell(struct admin_call *call, struct place_job *job, enum proxy_live_state state)
{
    call->number = proxy_live_publish(PROXY_LIVE_FRONTEND_STATE, job->frontend, state);
    call->since_us = call->admin->start.loop->now_us;
    job->is_told = call->number != 0;
    return job->is_told;
}

static enum admin_verdict job_fail(struct admin_call *call, struct place_job *job)
{
    if (job->is_told && !tell(call, job, job->before))
        return wait_for(call, PLACE_LOOK_US);
    if (job->state == PROXY_LIVE_OPEN)
        return admin_refuse(call, "Failed to resume frontend, check logs for precise cause (port conflict?): %s.\n",
                            job->error);
    return admin_refuse(call, "Failed to %s frontend: %s.\n", job->state == PROXY_LIVE_PAUSED ? "pause" : "shut down",
                        job->error);
}

static enum admin_verdict job_end(struct admin_call *call, struct place_job *job)
{
    if (job->has_failed)
        return job_fail(call, job);
    if (job->state == job->before && !job->has_moved)
        return admin_refuse(call, job->state == PROXY_LIVE_OPEN ? "All sockets are already enabled.\n"
                                                                : "All sockets are already disabled.\n");
    if (!job->is_told && !tell(call, job, job->state))
        return wait_for(call, PLACE_LOOK_US);
    return ADMIN_CHANGED;
}

static enum admin_verdict job_go_on(struct admin_call *call, struct place_job *job)
{
    uint64_t now_us = call->admin->start.loop->now_us;
    if (job->is_placed)
        return job_end(call, job);
    // They have their time to apply it while places are given back.
    if (job->state != PROXY_LIVE_OPEN && job->state != job->before && !job->is_told && !tell(call, job, job->state))
        return wait_for(call, PLACE_LOOK_US);
    if (now_us >= job->end_us) {
        job->has_failed = true;
        (void)snprintf(job->error, sizeof(job->error), "the master has not done it in time");
        return job_end(call, job);
    }
    if (job->id || ask_next(call, job))
        return wait_for(call, job->end_us - now_us);
    if (!job->is_pending || job->has_failed) {
        job->is_placed = true;
        return job_end(call, job);
    }
    // The master goes on by itself: a process that stands still, or is full, is not waited for here.
    if (job->state != PROXY_LIVE_OPEN && now_us >= job->began_us + PLACE_ANSWER_US) {
        job->is_placed = true;
        (void)admin_say(call, 5, "Connections that wait at its addresses are still taken, for ten seconds at most.\n");
        return job_end(call, job);
    }
    // Once more from the first on, in a moment.
    job->is_pending = false;
    job->bind = 0;
    return wait_for(call, PLACE_LOOK_US);
}

static enum proxy_live_state state_wanted(const struct admin_call *call)
{
    return *call->command->name == 'd'   ? PROXY_LIVE_PAUSED
           : *call->command->name == 'e' ? PROXY_LIVE_OPEN
                                         : PROXY_LIVE_STOPPED;
}

// What HAProxy answers where nothing can be done any more; NULL: go on, also where it should be so already: a
// controller may have died in the middle of it.
static const char *objection(enum proxy_live_state now, enum proxy_live_state wanted)
{
    if (now == PROXY_LIVE_STOPPED)
        return wanted == PROXY_LIVE_OPEN     ? "Frontend was previously shut down, cannot enable."
               : wanted == PROXY_LIVE_PAUSED ? "Frontend was previously shut down, cannot disable."
                                             : "Frontend was already shut down.";
    return NULL;
}

static enum admin_verdict run_place(struct admin_call *call)
{
    struct place_job *job = call->state;
    if (job)
        return job_go_on(call, job);
    const struct proxy_conf *frontend = admin_frontend_named(call);
    if (!frontend)
        return ADMIN_DONE;
    enum proxy_live_state wanted = state_wanted(call);
    enum proxy_live_state before = proxy_live_state(call->admin->start.conf, frontend);
    const char *why_not = objection(before, wanted);
    if (why_not)
        return admin_refuse(call, "%s\n", why_not);
    job = calloc(1, sizeof(*job));
    if (!job)
        return admin_refuse(call, "Out of memory.\n");
    job->frontend = frontend;
    job->state = wanted;
    job->before = before;
    job->began_us = call->admin->start.loop->now_us;
    job->end_us = job->began_us + PLACE_PATIENCE_US;
    call->state = job;
    return job_go_on(call, job);
}

#define FRONTEND_COMMAND(words, what)                                                                                  \
    {                                                                                                                  \
        .name = (words), .level = ADMIN_LEVEL_ADMIN, .where = ADMIN_ON_SERVICE, .max_args = 1, .changes = true,        \
        .args = "<frontend>", .help = (what), .run = run_place                                                         \
    }

static const struct admin_command commands[] = {
    FRONTEND_COMMAND("disable frontend", "release the addresses a frontend listens on; its connections go on"),
    FRONTEND_COMMAND("enable frontend", "let a frontend listen again that was disabled"),
    FRONTEND_COMMAND("shutdown frontend", "release the addresses a frontend listens on, for good"),
};
ADMIN_COMMANDS(commands);
