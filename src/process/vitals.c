// SPDX-License-Identifier: Apache-2.0
#include "frontend/frontend.h"
#include "process/vitals.h"
#include "proxy/conf.h"
#include "proxy/vitals.h"

enum { VITALS_EVERY_US = 1000000, VITALS_QUEUE_MAX = 10000 };

// Of this process: a worker has one loop.
static struct {
    uint64_t told_us;
    uint64_t idle_us; // of the loop, then
    uint64_t refused; // buffers, then
    uint64_t spliced; // bytes, then
} last;

static void store(uint64_t *cell, uint64_t value)
{
    __atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

static uint64_t queue_len(const struct event_loop *loop)
{
    uint64_t num = 0;
    for (const struct list *at = loop->run_queue.next; at != &loop->run_queue && num < VITALS_QUEUE_MAX; at = at->next)
        num++;
    return num;
}

void vitals_tell(struct frontends *frontends)
{
    const struct event_loop *loop = frontends->loop;
    const struct buf_pool *bufs = &frontends->bufs;
    uint64_t spent_us = loop->now_us - last.told_us;
    if (spent_us < VITALS_EVERY_US)
        return;
    uint64_t *vitals = board_counters(frontends->board, frontends->inc, frontends->program->vitals_object);
    uint64_t *memory = board_counters(frontends->board, frontends->inc, frontends->program->memory_object);
    uint64_t idle_us = loop->idle_us - last.idle_us;
    // The first time there is nothing to compare with.
    store(&vitals[PROXY_VITALS_IDLE], !last.told_us || idle_us >= spent_us ? 1000 : idle_us * 1000 / spent_us);
    store(&vitals[PROXY_VITALS_RUN_QUEUE], queue_len(loop));
    store(&vitals[PROXY_VITALS_PIPES_USED], frontends->pipes.num_lent);
    store(&vitals[PROXY_VITALS_PIPES_FREE], frontends->pipes.num_free);
    store(&memory[PROXY_VITALS_USED], (uint64_t)bufs->num_lent * bufs->chunk_len);
    store(&memory[PROXY_VITALS_ALLOCATED], (uint64_t)(bufs->num_lent + bufs->unused.num) * bufs->chunk_len);
    board_counter_count(&vitals[PROXY_VITALS_FAILED], bufs->num_refused - last.refused);
    board_counter_count(&vitals[PROXY_VITALS_SPLICED], transport_conn_spliced() - last.spliced);
    last.spliced = transport_conn_spliced();
    last.told_us = loop->now_us;
    last.idle_us = loop->idle_us;
    last.refused = bufs->num_refused;
}
