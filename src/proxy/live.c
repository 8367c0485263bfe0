// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "board/board.h"
#include "board/change.h"
#include "proxy/live.h"

// An entry of the journal.
struct wire {
    uint32_t generation;
    uint32_t what;
    uint32_t object; // the frontend's
    uint32_t value;
};

struct live_frontend {
    uint32_t maxconn;
    uint8_t state;
};

// Of the program this process works by.
static struct {
    const struct program_conf *program;
    struct proxy_live all;
    struct live_frontend *frontends; // by the index of the proxy
} here;

void proxy_live_begin(const struct program_conf *program)
{
    const struct global_conf *global = &program->global;
    free(here.frontends);
    here.program = program;
    here.all = (struct proxy_live){ .maxconn = global->maxconn,
                                    .conn_rate = global->max_conn_rate,
                                    .sess_rate = global->max_sess_rate,
                                    .tls_rate = global->tls.max_rate };
    here.frontends = calloc(program->num_proxies + 1, sizeof(*here.frontends));
    if (!here.frontends)
        check_out_of_memory((program->num_proxies + 1) * sizeof(*here.frontends));
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (proxy->index < program->num_proxies)
            here.frontends[proxy->index].maxconn = proxy->fe.maxconn ? proxy->fe.maxconn : PROXY_LIVE_NO_LIMIT;
}

const struct proxy_live *proxy_live(const struct program_conf *program)
{
    must(here.program == program);
    return &here.all;
}

uint32_t proxy_live_maxconn(const struct program_conf *program, const struct proxy_conf *frontend)
{
    must(here.program == program);
    return here.frontends[frontend->index].maxconn;
}

enum proxy_live_state proxy_live_state(const struct program_conf *program, const struct proxy_conf *frontend)
{
    must(here.program == program);
    return (enum proxy_live_state)here.frontends[frontend->index].state;
}

uint64_t proxy_live_publish(enum proxy_live_what what, const struct proxy_conf *frontend, uint32_t value)
{
    const struct wire wire = {
        .generation = board_changes_generation(),
        .what = what,
        .object = frontend ? frontend->fe_object : 0,
        .value = value,
    };
    return board_change_publish(BOARD_CHANGE_FRONTEND, &wire, sizeof(wire));
}

static void frontend_apply(const struct wire *wire)
{
    const struct proxy_conf *proxy = here.program->proxies;
    while (proxy && (!proxy->has_frontend || proxy->fe_object != wire->object))
        proxy = proxy->next;
    if (!proxy)
        return;
    struct live_frontend *frontend = &here.frontends[proxy->index];
    if (wire->what == PROXY_LIVE_FRONTEND_MAXCONN)
        frontend->maxconn = wire->value;
    else
        frontend->state = (uint8_t)wire->value;
}

static void live_apply(const struct board_change *change)
{
    struct wire wire;
    if (change->len != sizeof(wire) || !here.program)
        return;
    memcpy(&wire, change->data, sizeof(wire));
    if (wire.generation != board_changes_generation())
        return;
    switch (wire.what) {
    case PROXY_LIVE_MAXCONN:
        here.all.maxconn = wire.value;
        return;
    case PROXY_LIVE_CONN_RATE:
        here.all.conn_rate = wire.value;
        return;
    case PROXY_LIVE_SESS_RATE:
        here.all.sess_rate = wire.value;
        return;
    case PROXY_LIVE_TLS_RATE:
        here.all.tls_rate = wire.value;
        return;
    case PROXY_LIVE_FRONTEND_MAXCONN:
    case PROXY_LIVE_FRONTEND_STATE:
        frontend_apply(&wire);
        return;
    default:
        return;
    }
}

static const struct board_change_kind frontends = { .type = BOARD_CHANGE_FRONTEND, .apply = live_apply };
BOARD_CHANGES(frontends);
