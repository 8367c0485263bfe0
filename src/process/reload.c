// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "log/log.h"
#include "master.h"

struct generation *reload_coming(struct master *master)
{
    struct generation *coming = NULL;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->state == GENERATION_LOADING || generation->state == GENERATION_STARTING)
            coming = generation;
    }
    return coming;
}

bool reload_runs(struct master *master)
{
    return master->upgrade.check || master->handover.to || reload_coming(master);
}

void reload_latest_send(const struct master *master, struct seat *seat)
{
    struct wire_latest latest = { .num_reloads = master->num_reloads,
                                  .num_failed = master->num_failed,
                                  .done = master->latest_done };
    size_t at = 0;
    do {
        size_t len = master->latest.len - at;
        if (len > WIRE_TEXT_LEN)
            len = WIRE_TEXT_LEN;
        if (len)
            memcpy(latest.text, master->latest.ptr + at, len);
        messages_send(&seat->line, WIRE_LATEST, &latest, offsetof(struct wire_latest, text) + len, NULL, 0);
        at += len;
        latest.part++;
    } while (at < master->latest.len);
}

static void waiters_answer(struct master *master, bool done)
{
    LIST_EACH(waiter, &master->reloads, struct reload_waiter, link)
    {
        if (waiter->next) {
            waiter->next = false;
        } else {
            struct wire_reloaded answer = { .id = waiter->id, .done = done };
            messages_send(&waiter->seat->line, WIRE_RELOADED, &answer, sizeof(answer), NULL, 0);
            waiter->seat->num_waiting--;
            list_remove(&waiter->link);
            free(waiter);
        }
    }
}

void reload_ended(struct master *master, struct generation *generation, bool done, const char *more)
{
    text_fini(&master->latest);
    text_init(&master->latest);
    if (generation && generation->said.len)
        text_add(&master->latest, generation->said.ptr, generation->said.len);
    if (more)
        text_printf(&master->latest, "%s", more);
    master->latest_done = done;
    master->num_reloads += master->was_ready;
    master->num_failed = done ? 0 : master->num_failed + 1;
    master->reload_hard = false;
    LIST_EACH(other, &master->generations, struct generation, link)
    {
        if (other->seats && other->seats[0].open)
            reload_latest_send(master, &other->seats[0]);
    }
    waiters_answer(master, done);
    if (master->was_ready)
        status_ready(master);
}

void reload_forget_seat(struct master *master, struct seat *seat)
{
    LIST_EACH(waiter, &master->reloads, struct reload_waiter, link)
    {
        if (waiter->seat == seat) {
            list_remove(&waiter->link);
            free(waiter);
        }
    }
    seat->num_waiting = 0;
}

static void reload_begin(struct master *master, bool hard)
{
    master->reload_hard = hard;
    master->reload_wanted = master->reload_wanted_hard = false;
    log_say(LOG_LEVEL_NOTICE, "Reloading: generation %u starts", master->num_generations + 1);
    status_reloading(master);
    if (!upgrade_start(master))
        generation_start(master);
}

void reload_start(struct master *master, bool hard)
{
    if (master->stopping)
        return;
    if (reload_runs(master)) {
        master->reload_wanted = true;
        master->reload_wanted_hard = master->reload_wanted_hard || hard;
    } else {
        reload_begin(master, hard);
    }
}

bool reload_go_on(struct master *master)
{
    if (!master->reload_wanted)
        return false;
    reload_begin(master, master->reload_wanted_hard);
    return true;
}

void reload_ask(struct master *master, struct seat *seat, uint64_t id, bool hard)
{
    struct reload_waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter || master->stopping) {
        struct wire_reloaded answer = { .id = id };
        messages_send(&seat->line, WIRE_RELOADED, &answer, sizeof(answer), NULL, 0);
        free(waiter);
        return;
    }
    waiter->seat = seat;
    seat->num_waiting++;
    waiter->id = id;
    waiter->next = reload_runs(master);
    list_append(&master->reloads, &waiter->link);
    reload_start(master, hard);
}

void reload_fini(struct master *master)
{
    LIST_EACH(waiter, &master->reloads, struct reload_waiter, link)
    {
        list_remove(&waiter->link);
        free(waiter);
    }
    text_fini(&master->latest);
}
