// SPDX-License-Identifier: Apache-2.0
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "admin/spread.h"
#include "board/board.h"

static struct spread *begin(struct admin_call *call)
{
    uint32_t cap = board_incarnation_limit(call->admin->start.board) + 8;
    struct spread *spread = calloc(1, sizeof(*spread) + cap * sizeof(struct spread_worker));
    if (spread)
        spread->cap = cap;
    call->state = spread;
    return spread;
}

static struct spread_worker *worker_of(struct admin_call *call, struct spread *spread)
{
    uint32_t inc = admin_inquire_inc(call);
    if (spread->num && spread->workers[spread->num - 1].inc == inc)
        return &spread->workers[spread->num - 1];
    if (spread->num == spread->cap)
        return NULL;
    struct spread_worker *worker = &spread->workers[spread->num++];
    struct board_incarnation *record = board_incarnation_at(call->admin->start.board, inc);
    worker->inc = inc;
    worker->slot = record->slot;
    worker->generation = record->generation;
    worker->pid = atomic_load(&record->pid);
    return worker;
}

enum admin_verdict spread_gather(struct admin_call *call, enum board_inquiry_type type)
{
    struct spread *spread = call->state ? call->state : begin(call);
    struct text part;
    if (!spread)
        return ADMIN_DONE;
    text_init(&part);
    enum admin_verdict verdict = admin_inquire(call, type, NULL, 0, &part);
    struct spread_worker *worker = part.len ? worker_of(call, spread) : NULL;
    if (worker) {
        size_t room = SPREAD_ANSWER - 1 - worker->len;
        size_t len = part.len < room ? part.len : room;
        memcpy(worker->answer + worker->len, part.ptr, len);
        worker->len += (uint32_t)len;
    }
    text_fini(&part);
    return verdict;
}

bool spread_line(const struct spread_worker *worker, uint32_t *at, char *name, uint64_t numbers[SPREAD_NUMBERS])
{
    const char *line = worker->answer + *at;
    unsigned long long read[SPREAD_NUMBERS] = { 0 };
    const char *end = strchr(line, '\n');
    if (!end || sscanf(line, "%31s %llu %llu %llu %llu", name, &read[0], &read[1], &read[2], &read[3]) < 2)
        return false;
    for (int i = 0; i < SPREAD_NUMBERS; i++)
        numbers[i] = read[i];
    *at = (uint32_t)(end + 1 - worker->answer);
    return true;
}

void spread_find(const struct spread_worker *worker, const char *name, uint64_t numbers[SPREAD_NUMBERS])
{
    char found[SPREAD_NAME];
    uint32_t at = 0;
    while (spread_line(worker, &at, found, numbers))
        if (strcmp(found, name) == 0)
            return;
    memset(numbers, 0, SPREAD_NUMBERS * sizeof(numbers[0]));
}
