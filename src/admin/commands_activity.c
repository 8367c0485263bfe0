// SPDX-License-Identifier: Apache-2.0
// What workers do and have: show activity, show pools. Management guide, section 9.3. Where HAProxy has threads of one
// process there are workers here, of all generations.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "admin/spread.h"

// ---- show activity

static bool is_average(const char *name)
{
    return strncmp(name, "avg_", 4) == 0;
}

static bool is_longest(const char *name)
{
    return strncmp(name, "max_", 4) == 0;
}

// `which`: -1 all columns, 0 the sum alone, else the worker of that number.
static void put_metric(struct text *out, const struct spread *spread, const char *name, int64_t which)
{
    uint64_t numbers[SPREAD_NUMBERS], sum = 0;
    for (uint32_t i = 0; i < spread->num; i++) {
        spread_find(&spread->workers[i], name, numbers);
        sum = !is_longest(name) ? sum + numbers[0] : numbers[0] > sum ? numbers[0] : sum;
    }
    if (is_average(name) && spread->num)
        sum /= spread->num;
    if (which > 0) {
        spread_find(&spread->workers[which - 1], name, numbers);
        text_printf(out, "%s: %llu\n", name, (unsigned long long)numbers[0]);
        return;
    }
    text_printf(out, "%s: %llu", name, (unsigned long long)sum);
    for (uint32_t i = 0; i < spread->num && which < 0; i++) {
        spread_find(&spread->workers[i], name, numbers);
        text_printf(out, "%s%llu%s", i ? " " : " [ ", (unsigned long long)numbers[0], i + 1 == spread->num ? " ]" : "");
    }
    text_add(out, "\n", 1);
}

static enum admin_verdict run_show_activity(struct admin_call *call)
{
    int64_t which = -1;
    if (call->num_args && (!slice_to_i64(slice_str(call->args[0]), &which) || which < -1))
        return admin_refuse_arg(call, 0);
    enum admin_verdict verdict = spread_gather(call, BOARD_INQUIRY_ACTIVITY);
    const struct spread *spread = call->state;
    if (verdict != ADMIN_DONE || !spread)
        return verdict;
    if (which > (int64_t)spread->num)
        return admin_refuse(call, "There are %u workers\n", spread->num);
    text_printf(call->out, "workers: %u", spread->num);
    for (uint32_t i = 0; i < spread->num; i++)
        text_printf(call->out, "%s%u.%u/%d%s", i ? " " : " [ ", spread->workers[i].generation,
                    spread->workers[i].slot + 1, (int)spread->workers[i].pid, i + 1 == spread->num ? " ]" : "");
    text_printf(call->out, "\ndate_now: %llu.%06u\n", (unsigned long long)(call->admin->start.loop->wall_us / 1000000),
                (unsigned)(call->admin->start.loop->wall_us % 1000000));
    char name[SPREAD_NAME];
    uint64_t numbers[SPREAD_NUMBERS];
    for (uint32_t at = 0; spread->num && spread_line(&spread->workers[0], &at, name, numbers);)
        put_metric(call->out, spread, name, which);
    return ADMIN_DONE;
}

// ---- show pools

enum pools_order { POOLS_UNSORTED, POOLS_BY_NAME, POOLS_BY_SIZE, POOLS_BY_USAGE };

enum { POOLS_MAX = 32 };

struct pools_wish {
    enum pools_order order;
    bool is_detailed;
    const char *prefix;
    uint64_t most;
};

struct pool {
    char name[SPREAD_NAME];
    uint64_t size;
    uint64_t allocated;
    uint64_t used;
    uint64_t failed;
    uint32_t users; // workers
    enum pools_order order;
};

// Argument `i` that is wrong, or num_args.
static uint32_t read_wish(struct pools_wish *wish, const struct admin_call *call)
{
    static const char *const orders[] = { "", "byname", "bysize", "byusage" };
    *wish = (struct pools_wish){ .most = UINT64_MAX, .prefix = "" };
    for (uint32_t i = 0; i < call->num_args; i++) {
        uint32_t order = POOLS_BY_NAME;
        while (order <= POOLS_BY_USAGE && strcmp(call->args[i], orders[order]) != 0)
            order++;
        if (order <= POOLS_BY_USAGE)
            wish->order = (enum pools_order)order;
        else if (strcmp(call->args[i], "detailed") == 0)
            wish->is_detailed = true;
        else if (strcmp(call->args[i], "match") == 0 && i + 1 < call->num_args)
            wish->prefix = call->args[++i];
        else if (!slice_to_u64(slice_str(call->args[i]), &wish->most))
            return i;
    }
    return call->num_args;
}

static uint32_t pools_sum(struct pool *pools, const struct spread *spread, const struct pools_wish *wish)
{
    char name[SPREAD_NAME];
    uint64_t numbers[SPREAD_NUMBERS];
    uint32_t num = 0;
    for (uint32_t at = 0; spread->num && num < POOLS_MAX && spread_line(&spread->workers[0], &at, name, numbers);) {
        struct pool *pool = &pools[num];
        if (strncmp(name, wish->prefix, strlen(wish->prefix)) != 0)
            continue;
        *pool = (struct pool){ .size = numbers[0], .order = wish->order, .users = spread->num };
        memcpy(pool->name, name, sizeof(pool->name));
        for (uint32_t i = 0; i < spread->num; i++) {
            spread_find(&spread->workers[i], name, numbers);
            pool->allocated += numbers[1];
            pool->used += numbers[2];
            pool->failed += numbers[3];
        }
        num += wish->order != POOLS_BY_USAGE || pool->used;
    }
    return num;
}

static int compare(const void *a, const void *b)
{
    const struct pool *one = a, *two = b;
    uint64_t x = one->order == POOLS_BY_SIZE ? one->size : one->allocated * one->size;
    uint64_t y = one->order == POOLS_BY_SIZE ? two->size : two->allocated * two->size;
    if (one->order == POOLS_BY_NAME)
        return strcmp(one->name, two->name);
    return x < y ? 1 : x > y ? -1 : strcmp(one->name, two->name);
}

static void put_details(struct text *out, const struct spread *spread, const struct pool *pool)
{
    uint64_t numbers[SPREAD_NUMBERS];
    for (uint32_t i = 0; i < spread->num; i++) {
        const struct spread_worker *worker = &spread->workers[i];
        spread_find(worker, pool->name, numbers);
        text_printf(out, "      worker %u of generation %u (%d): %llu allocated, %llu used, %llu failures\n",
                    worker->slot + 1, worker->generation, (int)worker->pid, (unsigned long long)numbers[1],
                    (unsigned long long)numbers[2], (unsigned long long)numbers[3]);
    }
}

static void put_pools(struct admin_call *call, const struct spread *spread, const struct pools_wish *wish)
{
    struct pool pools[POOLS_MAX];
    uint32_t num = pools_sum(pools, spread, wish);
    uint64_t allocated = 0, used = 0;
    if (wish->order != POOLS_UNSORTED)
        qsort(pools, num, sizeof(pools[0]), compare);
    num = num < wish->most ? num : (uint32_t)wish->most;
    text_printf(call->out, "Dumping pools usage.\n");
    for (uint32_t i = 0; i < num; i++) {
        const struct pool *pool = &pools[i];
        text_printf(call->out,
                    "  - Pool %s (%llu bytes) : %llu allocated (%llu bytes), %llu used, %llu failures, %u users\n",
                    pool->name, (unsigned long long)pool->size, (unsigned long long)pool->allocated,
                    (unsigned long long)(pool->allocated * pool->size), (unsigned long long)pool->used,
                    (unsigned long long)pool->failed, pool->users);
        if (wish->is_detailed)
            put_details(call->out, spread, pool);
        allocated += pool->allocated * pool->size;
        used += pool->used * pool->size;
    }
    text_printf(call->out, "Total: %u pools, %llu bytes allocated, %llu used.\n", num, (unsigned long long)allocated,
                (unsigned long long)used);
}

static enum admin_verdict run_show_pools(struct admin_call *call)
{
    struct pools_wish wish;
    uint32_t wrong = read_wish(&wish, call);
    if (wrong < call->num_args)
        return admin_refuse_arg(call, wrong);
    enum admin_verdict verdict = spread_gather(call, BOARD_INQUIRY_POOLS);
    if (verdict == ADMIN_DONE && call->state)
        put_pools(call, call->state, &wish);
    return verdict;
}

static const struct admin_command commands[] = {
    { .name = "show activity",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[-1|0|<worker>]",
      .help = "show counters of what workers do",
      .run = run_show_activity },
    { .name = "show pools",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 6,
      .args = "[byname|bysize|byusage] [detailed] [match <prefix>] [<number>]",
      .help = "show how workers use memory",
      .run = run_show_pools },
};
ADMIN_COMMANDS(commands);
