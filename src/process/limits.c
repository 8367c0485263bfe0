// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/cpus.h"
#include "os/identity.h"
#include "process/limits.h"
#include "process/wire.h"
#include "proxy/conf.h"

enum {
    LIMITS_OWN = 48,        // the board's sections, lines to the others, logs, and what is kept to answer in need
    LIMITS_LEAST_CONNS = 8, // fewer than these are no service
    LIMITS_CONN_BYTES = 4096,
    LIMITS_TLS_BYTES = 24576,
    LIMITS_MAX_PIPES = 1024,
};

static uint64_t files_allowed(const struct global_conf *global)
{
    struct rlimit limit;
    uint64_t max = global->fd_hard_limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < max)
        max = limit.rlim_max;
    return max;
}

static bool speaks_tls(const struct program_conf *program)
{
    for (uint32_t i = 0; i < program->num_binds; i++)
        if (program->binds[i]->tls_bind)
            return true;
    return false;
}

// How many connections fit the memory that a process may use: a buffer each way, and what is known of them.
static uint64_t conns_in_memory(const struct program_conf *program, uint64_t memory_mb)
{
    uint64_t each = 2 * program->global.bufsize + LIMITS_CONN_BYTES + (speaks_tls(program) ? LIMITS_TLS_BYTES : 0);
    return (memory_mb << 20) / 16 * 15 / each;
}

// Health checks may all be under way at once, each with a connection of its own.
static uint64_t num_checks(const struct program_conf *program)
{
    uint64_t num = 0;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        for (const struct server_conf *server = proxy->disabled ? NULL : proxy->be.servers; server;
             server = server->next)
            num += server->check.enabled + server->probe.agent;
    return num;
}

void limits_work_out(struct process_settings *settings, struct program_conf *program, struct board *board)
{
    struct global_conf *global = &program->global;
    uint64_t allowed = files_allowed(global);
    uint64_t wanted = global->ulimit_n ? global->ulimit_n : allowed;
    uint64_t listening = 2 * (uint64_t)program->num_binds + settings->num_sockets;
    uint64_t own = board_num_wakers(board) + LIMITS_OWN + listening;
    bool by_itself = !global->maxconn;
    if (by_itself) {
        uint64_t max = wanted > own ? (wanted - own) / 2 : 0;
        uint64_t fit = settings->memory_mb ? conns_in_memory(program, settings->memory_mb) : max;
        max = fit < max ? fit : max;
        max = max < LIMITS_LEAST_CONNS ? LIMITS_LEAST_CONNS : max;
        global->maxconn = max < INT32_MAX ? (uint32_t)max : INT32_MAX;
    }
    if (!global->maxpipes)
        global->maxpipes = global->maxconn / 4 < LIMITS_MAX_PIPES ? global->maxconn / 4 : LIMITS_MAX_PIPES;
    global->maxsock = 2 * (uint64_t)global->maxconn + own;
    // Where they share the connections of the program, as they do, workers come by with less than their full own part.
    settings->min_files = 2 * (uint64_t)global->maxconn + listening;
    settings->num_files = global->ulimit_n;
    if (!global->ulimit_n) {
        uint64_t with_pipes = global->maxsock + 2 * (uint64_t)global->maxpipes;
        uint64_t most = allowed > settings->min_files ? allowed : global->maxsock;
        settings->num_files = by_itself && !settings->memory_mb ? most : with_pipes < most ? with_pipes : most;
    }
    uint64_t for_checks = num_checks(program) + own;
    if (!global->ulimit_n && settings->num_files < for_checks && for_checks <= allowed)
        settings->num_files = for_checks;
    // Each worker has descriptors of its own for its share of the connections: where the system allows no more than
    // that, it will do.
    uint64_t num_workers = settings->num_workers ? settings->num_workers : 1;
    settings->share_files = 2 * ((global->maxconn + num_workers - 1) / num_workers) + own;
    settings->shares = num_workers > 1 && !global->ulimit_n && settings->share_files < settings->num_files;
    settings->max_files = global->fd_hard_limit;
    settings->maxconn = global->maxconn;
    proxy_limits_finish(program);
    settings->maxsock = global->maxsock;
    settings->strict_limits = global->strict_limits;
}

static void tell(struct text *messages, bool fatal, const char *line)
{
    text_printf(messages, "%s%s\n", fatal ? "[ALERT]    " : "[WARNING]  ", line);
    log_say(fatal ? LOG_LEVEL_ALERT : LOG_LEVEL_WARNING, "%s", line);
}

bool limits_set(struct text *messages, const struct process_settings *settings)
{
    char line[256];
    uint64_t wanted = settings->num_files;
    uint64_t bound = settings->max_files && settings->max_files < wanted ? settings->max_files : wanted;
    uint64_t got = os_limit_files(bound);
    bool strict = settings->strict_limits;
    if (strict && settings->shares && got < wanted && got >= settings->share_files) {
        log_say(LOG_LEVEL_NOTICE,
                "FD limit (%llu) is less than maxconn=%u takes in one process (%llu), but enough for the share of each "
                "of %u workers",
                (unsigned long long)got, settings->maxconn, (unsigned long long)wanted, settings->num_workers);
        return true;
    }
    if (got < wanted) {
        snprintf(line, sizeof(line), "Cannot raise FD limit to %llu, limit is %llu.", (unsigned long long)wanted,
                 (unsigned long long)got);
        tell(messages, strict, line);
    }
    if (got < settings->min_files && (got >= wanted || !strict)) {
        snprintf(line, sizeof(line),
                 "FD limit (%llu) too low for maxconn=%u/maxsock=%llu. Please raise 'ulimit-n' to %llu or more to "
                 "avoid any trouble.",
                 (unsigned long long)got, settings->maxconn, (unsigned long long)settings->maxsock,
                 (unsigned long long)settings->maxsock);
        tell(messages, true, line);
    }
    return !strict || (got >= wanted && got >= settings->min_files);
}

// Workers are numbered group by group, as HAProxy deals threads out: the first groups have one more.
static void number_of(uint32_t *group, uint32_t *thread, uint32_t slot, uint32_t num_workers, uint32_t num_groups)
{
    uint32_t each = num_workers / num_groups;
    uint32_t larger = num_workers % num_groups;
    if (slot < larger * (each + 1)) {
        *group = slot / (each + 1);
        *thread = slot % (each + 1);
    } else {
        *group = larger + (slot - larger * (each + 1)) / each;
        *thread = (slot - larger * (each + 1)) % each;
    }
}

static bool map_has(const struct cpu_map_range *range, uint32_t number)
{
    return range->bits[number / 64] >> (number % 64) & 1;
}

// How many of the range come before `number`.
static uint32_t map_index(const struct cpu_map_range *range, uint32_t number)
{
    uint32_t index = 0;
    for (uint32_t i = 0; i < number; i++)
        index += map_has(range, i);
    return index;
}

static void place_worker(struct os_cpus *cpus, const struct global_conf *global, uint32_t group, uint32_t thread)
{
    for (const struct cpu_map_conf *map = global->cpu_maps; map; map = map->next) {
        if (!map_has(&map->groups, group) || !map_has(&map->threads, thread))
            continue;
        *cpus = (struct os_cpus){ 0 };
        if (!map->is_auto) {
            *cpus = map->cpus;
        } else {
            uint32_t cpu = os_cpus_nth(&map->cpus, map->by_group ? map_index(&map->groups, group)
                                                                 : map_index(&map->threads, thread));
            if (cpu < OS_CPUS_MAX)
                os_cpus_add(cpus, cpu);
        }
    }
}

void limits_place(struct process_settings *settings, struct program_conf *program)
{
    const struct global_conf *global = &program->global;
    settings->cpus = global->cpus;
    if (!settings->num_workers && global->cpus)
        settings->num_workers = os_cpus_num(global->cpus);
    if (!settings->num_workers)
        settings->num_workers = os_cpus_usable();
    if (settings->num_workers > PROCESS_MAX_WORKERS)
        settings->num_workers = PROCESS_MAX_WORKERS;
    program->global.num_workers = settings->num_workers;
    if (!global->cpu_maps)
        return;
    uint32_t num_groups = global->num_groups ? global->num_groups : 1;
    num_groups = num_groups < settings->num_workers ? num_groups : settings->num_workers;
    struct os_cpus *cpus = arena_alloc(program->arena, settings->num_workers * sizeof(*cpus));
    memset(cpus, 0, settings->num_workers * sizeof(*cpus));
    for (uint32_t slot = 0; slot < settings->num_workers; slot++) {
        uint32_t group, thread;
        number_of(&group, &thread, slot, settings->num_workers, num_groups);
        place_worker(&cpus[slot], global, group, thread);
    }
    settings->worker_cpus = cpus;
}

void limits_confine(const struct process_settings *settings, uint32_t slot)
{
    const struct os_cpus *cpus = settings->cpus;
    if (slot != WIRE_CONTROLLER_SLOT) {
        cpus = settings->worker_cpus ? &settings->worker_cpus[slot] : NULL;
        cpus = cpus && os_cpus_num(cpus) ? cpus : NULL;
    }
    if (!cpus || os_cpus_confine(cpus))
        return;
    if (slot == WIRE_CONTROLLER_SLOT)
        log_say(LOG_LEVEL_WARNING, "cannot run on the processors of cpu-set: %s", strerror(errno));
    else
        log_say(LOG_LEVEL_WARNING, "worker %u cannot run on the processors of its cpu-map: %s", slot + 1,
                errno == EINVAL ? "there are none of these" : strerror(errno));
}
