// SPDX-License-Identifier: Apache-2.0
// Places among the open connections to a server, and how a worker gets one that another worker's idle connection holds.
//
// Why nobody waits for ever: a stream that waits for a place has a slot, and slots are no more than the places; so one
// of the open connections belongs to no slot. It is idle somewhere, or about to be, or closing. Who becomes idle stores
// its number and then looks at the queue (backend_room_wanted); who waits stands in the queue and then looks at the
// numbers: one of the two sees the other. What a worker that stands still holds is freed when the master ends it; the
// others are asked meanwhile.
#include "backend/pool.h"
#include "base/clock.h"

enum { ASK_ALL = UINT32_MAX };

// What workers ask of each other, by incarnation: the pool object of a server that they shall close a connection of.
struct asks {
    _Atomic uint64_t died_us; // when a worker was last found dead
    struct {
        _Atomic uint32_t object; // 0: nothing, ASK_ALL: look at all servers
    } __attribute__((aligned(64))) of[BOARD_MAX_INCARNATIONS];
};

enum { ASKS_VERSION = 2, MOURNING_US = 200000 };

// One board to a process.
static struct asks *asks;

bool backend_pool_prepare(struct board *board)
{
    bool fresh;
    asks = board_section(board, &fresh, BACKEND_POOL_SECTION, ASKS_VERSION, sizeof(*asks));
    return asks != NULL;
}

void backend_pool_died(void)
{
    if (asks)
        atomic_store(&asks->died_us, clock_mono_us());
}

// What a killed worker held is closed by the kernel, and its places are free at once; the server needs a moment to see.
bool backend_room_is_shut(const struct server *server)
{
    if (LIKELY(!backend_server_maxconn(server)) || !asks)
        return false;
    uint64_t died_us = atomic_load_explicit(&asks->died_us, memory_order_acquire);
    return UNLIKELY(died_us != 0) && (int64_t)(clock_mono_us() - died_us) < MOURNING_US;
}

bool backend_room_take(struct server *server, bool waited)
{
    struct backend_ctx *ctx = server->backend->ctx;
    const struct server_conf *conf = server->conf;
    uint32_t limit = backend_server_maxconn(server);
    if (limit && !waited && board_queue_len(ctx->board, conf->pool_object, 0))
        return false;
    if (backend_room_is_shut(server))
        return false;
    return board_lane_acquire(ctx->board, conf->pool_object, ctx->inc, limit);
}

void backend_room_give(struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    uint32_t object = server->conf->pool_object;
    board_lane_release(ctx->board, object, ctx->inc);
    if (backend_server_maxconn(server) || board_queue_len(ctx->board, object, 0))
        board_queue_slot_freed(ctx->board, object, object);
}

void backend_room_offer(struct server *server)
{
    struct board *board = server->backend->ctx->board;
    uint32_t object = server->conf->pool_object;
    if (backend_room_is_shut(server))
        return;
    for (uint32_t num = board_queue_len(board, object, 0); num > 0; num--)
        if (!board_queue_offer(board, object, object, backend_server_maxconn(server)))
            return;
}

bool backend_room_is_awaited(const struct server *server)
{
    atomic_thread_fence(memory_order_seq_cst);
    return board_queue_len(server->backend->ctx->board, server->conf->pool_object, 0) > 0;
}

bool backend_spare_close(struct server *server)
{
    struct list *lists[] = { &server->opening, &server->idle, &server->own, &server->pinging };
    for (size_t i = 0; i < NUM_ITEMS(lists); i++) {
        if (list_is_empty(lists[i]))
            continue;
        backend_pool_count(server, BACKEND_POOL_GIVEN_UP);
        backend_conn_close(CONTAINER_OF(lists[i]->prev, struct backend_conn, link), false);
        return true;
    }
    return false;
}

static void ask(struct board *board, uint32_t inc, uint32_t object)
{
    uint32_t seen = 0;
    if (!atomic_compare_exchange_strong(&asks->of[inc].object, &seen, object) && seen != object)
        atomic_store(&asks->of[inc].object, ASK_ALL);
    board_wake(board, inc);
}

static bool can_hear(struct board *board, uint32_t inc)
{
    const struct board_incarnation *record = board_incarnation_at(board, inc);
    return atomic_load_explicit(&record->state, memory_order_relaxed) == 1 &&
           atomic_load_explicit(&record->role, memory_order_relaxed) == BOARD_ROLE_WORKER &&
           !atomic_load_explicit(&record->asleep, memory_order_relaxed);
}

// Who has most of them is asked, those who have more than pool-low-conn before those who have not.
void backend_spare_ask(struct server *server, bool all)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    const struct server_conf *conf = server->conf;
    uint32_t limit = board_incarnation_limit(ctx->board), best = 0;
    uint64_t most = 0;
    if (backend_spare_close(server) && !all)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t inc = 1; inc < limit; inc++) {
        if (inc == ctx->inc || !can_hear(ctx->board, inc))
            continue;
        uint64_t level = board_counter_own(ctx->board, conf->pool_object, BACKEND_POOL_LEVEL, inc);
        uint64_t num = backend_level_spare(level);
        if (num && all)
            ask(ctx->board, inc, conf->pool_object);
        num += num > conf->pool_low_conn ? UINT32_MAX : 0;
        if (num > most) {
            most = num;
            best = inc;
        }
    }
    if (best && !all)
        ask(ctx->board, best, conf->pool_object);
}

static void give_up(struct server *server)
{
    const struct backend_ctx *ctx = server->backend->ctx;
    uint32_t wanted = board_queue_len(ctx->board, server->conf->pool_object, 0), going = server->num_closing;
    while (wanted > going && backend_spare_close(server))
        going++;
}

const _Atomic uint32_t *backend_spare_asked(uint32_t inc)
{
    static const _Atomic uint32_t nothing;
    return asks ? &asks->of[inc].object : &nothing;
}

void backend_spare_turn(struct backend_ctx *ctx)
{
    if (!asks || LIKELY(!atomic_load_explicit(&asks->of[ctx->inc].object, memory_order_relaxed)))
        return;
    uint32_t object = atomic_exchange(&asks->of[ctx->inc].object, 0);
    struct server *server = backend_server_at(ctx, object);
    if (server) {
        give_up(server);
        return;
    }
    for (uint32_t i = 0; i < ctx->num_backends; i++) {
        struct backend *backend = ctx->backends[i];
        for (uint32_t j = 0; backend && j < backend->num_servers && object == ASK_ALL; j++)
            give_up(backend->servers[j]);
    }
}
