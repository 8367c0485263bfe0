// SPDX-License-Identifier: Apache-2.0
// What the service manager is told (-Ws): sd_notify(3).
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "board/board.h"
#include "os/service.h"
#include "master.h"

enum {
    STATUS_PAUSE_US = 2000000, // between lines that only follow the numbers
    STATUS_BEAT_US = 1000000,  // a worker's latest turn may be so long ago, or half the watchdog's time
};

static uint32_t sessions_of(const struct generation *generation)
{
    uint32_t num = 0;
    for (uint32_t i = 1; i < generation->num_seats; i++)
        if (generation->seats[i].inc && generation->seats[i].pid)
            num += atomic_load(&board_incarnation_at(generation->master->board, generation->seats[i].inc)->sessions);
    return num;
}

static void text_fill(char *text, size_t cap, struct master *master, bool reloading)
{
    const struct generation *active = master->active;
    uint32_t num_old = 0, old_sessions = 0, num_live = 0;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->state != GENERATION_LEAVING)
            continue;
        num_old++;
        old_sessions += sessions_of(generation);
    }
    for (uint32_t i = 1; active && i < active->num_seats; i++)
        num_live += active->seats[i].ready;
    size_t len = 0;
    if (active)
        len += (size_t)snprintf(text + len, cap - len, "Generation %u: %u of %u workers serve %u sessions",
                                active->number, num_live, active->plan.num_workers, sessions_of(active));
    else
        len += (size_t)snprintf(text + len, cap - len, "%s", master->stopping ? "Ending" : "Starting");
    if (num_old)
        len += (size_t)snprintf(text + len, cap - len, "; %u older %s %u sessions", num_old,
                                num_old > 1 ? "generations finish" : "generation finishes", old_sessions);
    if (reloading && active)
        len += (size_t)snprintf(text + len, cap - len, "; reloading");
    else if (master->num_failed && active)
        len += (size_t)snprintf(text + len, cap - len, "; the latest reload failed");
    snprintf(text + len, cap - len, ".");
}

static void send_state(struct master *master, const char *state, bool reloading)
{
    char text[STATUS_TEXT_LEN];
    char message[STATUS_TEXT_LEN + 160];
    if (!master->options->systemd)
        return;
    text_fill(text, sizeof(text), master, reloading);
    if (!state[0] && strcmp(text, master->status_sent) == 0)
        return;
    memcpy(master->status_sent, text, sizeof(text));
    master->status_due_us = master->loop.now_us + STATUS_PAUSE_US;
    snprintf(message, sizeof(message), "%sSTATUS=%s", state, text);
    os_notify(message);
}

void status_ready(struct master *master)
{
    char state[48];
    snprintf(state, sizeof(state), "READY=1\nMAINPID=%d\n", (int)getpid());
    send_state(master, state, false);
}

// The time must not be before that of the signal that asked for it, which the kernel's clock gives, not the loop's.
void status_reloading(struct master *master)
{
    char state[64];
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n", clock_mono_us());
    send_state(master, state, true);
}

void status_stopping(struct master *master)
{
    send_state(master, "STOPPING=1\n", false);
}

void status_failed(const struct process_options *options, int error, const char *why)
{
    char message[STATUS_TEXT_LEN];
    int len = error ? snprintf(message, sizeof(message), "ERRNO=%d\n", error) : 0;
    snprintf(message + len, sizeof(message) - (size_t)len, "EXIT_STATUS=1\nSTATUS=Could not start: %s", why);
    if (options->systemd)
        os_notify(message);
}

// A master that keeps turning is not enough: somebody must serve, or, at the end, finish.
static bool any_serves(struct master *master, uint64_t max_age_us)
{
    const struct generation *active = master->active;
    uint64_t now_us = clock_mono_us();
    for (uint32_t i = 1; active && i < active->num_seats; i++) {
        const struct seat *seat = &active->seats[i];
        // Of one on a board that cannot be read its line must do.
        if (seat->ready && !seat->inc)
            return true;
        if (seat->ready && atomic_load(&board_incarnation_at(master->board, seat->inc)->beat_us) + max_age_us > now_us)
            return true;
    }
    return master->stopping;
}

void status_tick(struct master *master)
{
    uint64_t now_us = master->loop.now_us;
    if (!master->options->systemd)
        return;
    if (!master->watchdog_asked) {
        master->watchdog_asked = true;
        master->watchdog_us = os_watchdog_us();
    }
    if (master->watchdog_us && now_us >= master->watchdog_due_us) {
        uint64_t half_us = master->watchdog_us / 2;
        master->watchdog_due_us = now_us + half_us;
        if (any_serves(master, half_us > STATUS_BEAT_US ? half_us : STATUS_BEAT_US))
            os_notify("WATCHDOG=1");
        else
            master->watchdog_due_us = now_us; // it is told the moment one serves again
    }
    if (now_us >= master->status_due_us && (master->was_ready || master->stopping)) {
        master->status_due_us = now_us + STATUS_PAUSE_US;
        send_state(master, "", reload_runs(master));
    }
}
