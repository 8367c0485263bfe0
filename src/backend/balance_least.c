// SPDX-License-Identifier: Apache-2.0
// The fewest connections. How many each server has, over all workers, is the sum of its lanes; to add them up for
// thousands of servers at each choice would take longer than the request. So the board also has a table of sums, side
// by side, which whoever changes a lane changes with it. The lanes stay the truth: a process that dies leaves the table
// too high, and one that is killed between the two writes leaves it off by one. Therefore every choice compares one
// server, in turn, with its lanes, and a worker that starts compares all.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "backend/balance.h"

enum { LANES = 4, BLOCK = 64, BACKEND_LOADS_VERSION = 1 };

// One board to a process.
static _Atomic uint32_t *loads;

bool backend_loads_prepare(struct board *board)
{
    bool fresh;
    loads =
        board_section(board, &fresh, BACKEND_LOADS_SECTION, BACKEND_LOADS_VERSION, BOARD_MAX_OBJECTS * sizeof(*loads));
    return loads != NULL;
}

void backend_loads_add(const struct server *server, int32_t by)
{
    atomic_fetch_add_explicit(&loads[server->conf->object], (uint32_t)by, memory_order_relaxed);
}

uint32_t backend_loads_of(const struct server *server)
{
    return atomic_load_explicit(&loads[server->conf->object], memory_order_relaxed);
}

static int32_t error_of(const struct server *server)
{
    uint32_t truth = board_lane_sum(server->backend->ctx->board, server->conf->object);
    return (int32_t)(truth - backend_loads_of(server));
}

static void correct(const struct server *server, int32_t error)
{
    atomic_fetch_add_explicit(&loads[server->conf->object], (uint32_t)error, memory_order_relaxed);
}

// Between the two writes of another process the table differs for a moment: only a difference that is the same the next
// time is an error.
static void audit(struct backend *backend)
{
    uint32_t index = backend->balance->audited++ % backend->num_servers;
    const struct server *server = backend->servers[index];
    int32_t *doubt = &backend->balance->doubts[index];
    int32_t error = error_of(server);
    if (LIKELY(!error && !*doubt))
        return;
    if (error && error == *doubt) {
        correct(server, error);
        error = 0;
    }
    *doubt = error;
}

static void *alloc(size_t num, size_t len)
{
    void *out = calloc(num ? num : 1, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

static void find_runs(struct backend *backend)
{
    struct backend_balance *balance = backend->balance;
    balance->runs = alloc(backend->num_servers, sizeof(*balance->runs));
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        struct backend_run *last = &balance->runs[balance->num_runs ? balance->num_runs - 1 : 0];
        uint32_t object = backend->servers[i]->conf->object;
        if (balance->num_runs && last->object + last->num == object)
            last->num++;
        else
            balance->runs[balance->num_runs++] = (struct backend_run){ .first = i, .object = object, .num = 1 };
    }
}

void backend_least_init(struct backend *backend)
{
    struct backend_balance *balance = backend->balance;
    uint32_t room = (backend->num_servers + BLOCK - 1) / BLOCK * BLOCK;
    find_runs(backend);
    balance->doubts = alloc(backend->num_servers, sizeof(*balance->doubts));
    balance->loads = alloc(room, sizeof(*balance->loads));
    balance->block_scores = alloc(room / BLOCK, sizeof(*balance->block_scores));
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++) {
        balance->costs[i] = alloc(room, sizeof(float));
        balance->limits[i] = alloc(room, sizeof(int32_t));
    }
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        int32_t error = error_of(backend->servers[i]);
        if (error)
            correct(backend->servers[i], error);
    }
}

void backend_least_fini(struct backend *backend)
{
    struct backend_balance *balance = backend->balance;
    for (uint32_t i = 0; i < BACKEND_NUM_PLANS; i++) {
        free(balance->costs[i]);
        free(balance->limits[i]);
    }
    free(balance->block_scores);
    free(balance->loads);
    free(balance->doubts);
    free(balance->runs);
}

// A limit of 0 keeps out who takes no part. One that rises with the backend's load (minconn) is looked at once a server
// is chosen.
void backend_least_plan(struct backend *backend, uint32_t which)
{
    const struct backend_plan *plan = &backend->balance->plans[which];
    float *costs = backend->balance->costs[which];
    int32_t *limits = backend->balance->limits[which];
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        const struct server_conf *conf = backend->servers[i]->conf;
        uint32_t limit = conf->minconn ? 0 : backend_state_maxconn(conf);
        costs[i] = plan->weights[i] ? 1.0F / (float)plan->weights[i] : 0;
        limits[i] = !plan->weights[i] ? 0 : limit && limit < INT32_MAX ? (int32_t)limit : INT32_MAX;
    }
}

// What a server's connections would weigh with one more, so that heavier ones get more of the first, too; but idle ones
// are all the same. Infinite where it is full or takes no part.
static float score_of(const struct backend_balance *balance, uint32_t which, uint32_t index)
{
    int32_t load = balance->loads[index];
    if (load >= balance->limits[which][index])
        return INFINITY;
    return load ? (float)(load + 1) * balance->costs[which][index] : 0;
}

// The same for four servers at once, and the least of a block of them.
static float block_score(const struct backend_balance *balance, uint32_t which, uint32_t first)
{
    float least __attribute__((vector_size(LANES * sizeof(float)))) = { INFINITY, INFINITY, INFINITY, INFINITY };
    const int32_t infinite
        __attribute__((vector_size(LANES * sizeof(int32_t)))) = { 0x7f800000, 0x7f800000, 0x7f800000, 0x7f800000 };
    for (uint32_t i = first; i < first + BLOCK; i += LANES) {
        int32_t load __attribute__((vector_size(LANES * sizeof(int32_t))));
        int32_t limit __attribute__((vector_size(LANES * sizeof(int32_t))));
        float cost __attribute__((vector_size(LANES * sizeof(float))));
        memcpy(&load, &balance->loads[i], sizeof(load));
        memcpy(&limit, &balance->limits[which][i], sizeof(limit));
        memcpy(&cost, &balance->costs[which][i], sizeof(cost));
        __typeof__(load) open = load < limit, busy = load != 0, bits;
        cost *= __builtin_convertvector(load + 1, __typeof__(cost));
        memcpy(&bits, &cost, sizeof(bits));
        bits = (bits & busy & open) | (infinite & ~open);
        memcpy(&cost, &bits, sizeof(cost));
        __typeof__(open) less = cost < least;
        __typeof__(bits) old;
        memcpy(&old, &least, sizeof(old));
        bits = (bits & less) | (old & ~less);
        memcpy(&least, &bits, sizeof(least));
    }
    float out = least[0];
    for (uint32_t i = 1; i < LANES; i++)
        out = least[i] < out ? least[i] : out;
    return out;
}

// Others write the table meanwhile: each number in it is one word, whole before and after.
static void copy_loads(struct backend *backend)
{
    struct backend_balance *balance = backend->balance;
    for (uint32_t i = 0; i < balance->num_runs; i++) {
        const struct backend_run *run = &balance->runs[i];
        if (run->num > 1)
            memcpy(balance->loads + run->first, (const void *)(loads + run->object), run->num * sizeof(*loads));
        else
            balance->loads[run->first] = (int32_t)atomic_load_explicit(&loads[run->object], memory_order_relaxed);
    }
}

// The first at or behind `start` whose score is `best`, going round.
static uint32_t first_of(const struct backend_balance *balance, uint32_t which, uint32_t num, uint32_t start,
                         float best)
{
    uint32_t num_blocks = (num + BLOCK - 1) / BLOCK, from = start;
    for (uint32_t i = 0; i <= num_blocks; i++) {
        uint32_t block = (start / BLOCK + i) % num_blocks, end = (block + 1) * BLOCK;
        from = i ? block * BLOCK : start;
        if (balance->block_scores[block] > best)
            continue;
        for (; from < end && from < num; from++)
            if (score_of(balance, which, from) <= best)
                return from;
    }
    return num;
}

// Server by server by the lanes themselves: for where one is to be avoided, or the limits are not those of the table.
static struct server *pick_slowly(const struct backend_question *question, uint32_t start)
{
    const struct backend_plan *plan = question->plan;
    struct backend *backend = question->backend;
    struct server *best = NULL, *first_full = NULL;
    uint64_t best_load = 0, best_weight = 1;
    for (uint32_t i = 0; i < plan->num; i++) {
        struct server *server = backend->servers[plan->members[(start + i) % plan->num]];
        uint64_t weight = plan->weights[server->conf->index];
        uint64_t load = board_lane_sum(backend->ctx->board, server->conf->object);
        load += load != 0;
        if (server == question->ask->avoid)
            continue;
        if (!backend_has_room(server)) {
            first_full = first_full ? first_full : server;
        } else if (!best || load * best_weight < best_load * weight) {
            best = server;
            best_load = load;
            best_weight = weight;
        }
    }
    *question->full = !best;
    return best ? best : first_full;
}

// Among equals in turn: the position moves behind who was chosen, so that no server gets the turns of a busy one before
// it besides its own.
struct server *backend_pick_leastconn(const struct backend_question *question)
{
    struct backend *backend = question->backend;
    struct backend_balance *balance = backend->balance;
    _Atomic uint64_t *position = &backend->gauges[PROXY_GAUGE_ROTATION];
    uint32_t num = backend->num_servers, num_blocks = (num + BLOCK - 1) / BLOCK, which = question->which;
    uint32_t start = (uint32_t)(atomic_fetch_add_explicit(position, 1, memory_order_relaxed) % num);
    float best = INFINITY;
    audit(backend);
    copy_loads(backend);
    for (uint32_t i = 0; i < num_blocks; i++) {
        balance->block_scores[i] = block_score(balance, which, i * BLOCK);
        best = balance->block_scores[i] < best ? balance->block_scores[i] : best;
    }
    uint32_t index = best < INFINITY ? first_of(balance, which, num, start, best) : num;
    if (UNLIKELY(index == num))
        return pick_slowly(question, start);
    struct server *server = backend->servers[index];
    if (UNLIKELY(server == question->ask->avoid || !backend_has_room(server)))
        return pick_slowly(question, start);
    if (index != start)
        atomic_fetch_add_explicit(position, (index + num - start) % num, memory_order_relaxed);
    return server;
}
