// SPDX-License-Identifier: Apache-2.0
// Generations that were told to leave softly, and when the master loses its patience with them.
#include <stdio.h>
#include "board/board.h"
#include "log/log.h"
#include "process/census.h"
#include "master.h"

// Beside its workers and controller a generation may need one more for a moment, and the next one needs a keeper.
enum { LEAVING_SPARE = 2 };

static bool is_patient(const struct generation *generation)
{
    return generation->state == GENERATION_LEAVING && !generation->ending;
}

void leaving_begin(struct generation *generation)
{
    generation->left_us = generation->master->loop.now_us;
}

void leaving_reloaded(struct master *master)
{
    uint32_t most = master->active->plan.max_reloads;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (!is_patient(generation))
            continue;
        generation->num_reloads++;
        if (!most || generation->num_reloads < most)
            continue;
        log_say(LOG_LEVEL_WARNING,
                "mworker-max-reloads: generation %u survived %u reloads and ends now, and with it %u sessions",
                generation->number, generation->num_reloads - 1, census_sessions(master->board, generation->number));
        generation_leave(generation, true);
    }
}

bool leaving_make_room(struct generation *coming)
{
    struct master *master = coming->master;
    uint32_t wanted = coming->plan.num_workers + 1 + LEAVING_SPARE;
    uint32_t num = census_free(master->board);
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->ending)
            num += census_processes(master->board, generation->number);
    }
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (num >= wanted)
            break;
        if (!is_patient(generation))
            continue;
        num += census_processes(master->board, generation->number);
        log_say(LOG_LEVEL_ALERT,
                "too many processes for another generation, the limit is %d: generation %u, the oldest, ends now, and "
                "with it %u sessions; 'hard-stop-after', 'timeout tunnel' or 'mworker-max-reloads' would have ended it "
                "before",
                BOARD_MAX_INCARNATIONS - 1, generation->number, census_sessions(master->board, generation->number));
        generation_leave(generation, true);
    }
    return num >= wanted;
}

void leaving_tick(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        // While it has a keeper, that one looks after its time.
        uint64_t most_us = generation->plan.hard_stop_us;
        if (!is_patient(generation) || generation->keeper || !generation->left_us || !most_us ||
            master->loop.now_us < generation->left_us + most_us)
            continue;
        log_say(LOG_LEVEL_WARNING, "hard-stop-after: generation %u ends now, and with it %u sessions",
                generation->number, census_sessions(master->board, generation->number));
        generation_leave(generation, true);
    }
}
