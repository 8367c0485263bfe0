// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "admin/session.h"
#include "admin/stat.h"
#include "board/board.h"

// Where an answer stands between two pieces of it.
struct stat_state {
    enum admin_form form;
    bool desc;
    bool any; // a row was printed
    struct admin_stat_walk walk;
    uint32_t max_connections;
    const char *header; // of a domain of which there is nothing here
};

static bool read_number(int64_t *out, const char *text)
{
    uint64_t number;
    bool negative = *text == '-';
    if (!slice_to_u64(slice_str(text + negative), &number) || number > INT32_MAX)
        return false;
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static bool find_proxy(struct stat_state *state, const struct program_conf *conf, const char *text)
{
    if (read_number(&state->walk.iid, text + (*text == '#' && text[1] != '-')))
        return true;
    for (const struct proxy_conf *proxy = conf->proxies; proxy; proxy = proxy->next) {
        if (strcmp(proxy->name, text) == 0) {
            state->walk.iid = proxy->id;
            return true;
        }
    }
    return false;
}

// False where the answer is complete: it was a refusal.
static bool read_args(struct admin_call *call, struct stat_state *state)
{
    uint32_t at = 0;
    if (call->num_args && strcmp(call->args[0], "domain") == 0) {
        if (call->num_args > 1 && strcmp(call->args[1], "resolvers") == 0) {
            state->walk.proxy = NULL;
            state->header = "# id,pid,sent,send_error,valid,update,cname,cname_error,any_err,nx,timeout,refused,other,"
                            "invalid,too_big,truncated,outdated,\n";
        } else if (call->num_args < 2 || strcmp(call->args[1], "proxy") != 0) {
            text_printf(call->out, "Invalid statistics domain.\n");
            return false;
        }
        at = 2;
    }
    for (; at < call->num_args; at++) {
        const char *arg = call->args[at];
        if (strcmp(arg, "typed") == 0) {
            state->form = ADMIN_FORM_TYPED;
        } else if (strcmp(arg, "json") == 0) {
            state->form = ADMIN_FORM_JSON;
        } else if (strcmp(arg, "desc") == 0) {
            state->desc = true;
        } else if (strcmp(arg, "up") == 0) {
            state->walk.only_up = true;
        } else if (strcmp(arg, "no-maint") == 0) {
            state->walk.no_maint = true;
        } else if (call->num_args - at >= 3 && read_number(&state->walk.types, call->args[at + 1]) &&
                   read_number(&state->walk.sid, call->args[at + 2])) {
            if (!find_proxy(state, call->admin->start.conf, arg)) {
                text_printf(call->out, "No such proxy.\n");
                return false;
            }
            at += 2;
        } else {
            admin_refuse_arg(call, at);
            return false;
        }
    }
    return true;
}

static bool stat_start(struct admin_call *call)
{
    struct stat_state *state = calloc(1, sizeof(*state));
    if (!state) {
        text_printf(call->out, "Out of memory.\n");
        return false;
    }
    call->state = state;
    admin_stat_walk_init(&state->walk, call->admin->start.conf);
    state->walk.holds = true;
    state->max_connections = admin_max_connections(call->admin);
    if (!read_args(call, state))
        return false;
    if (state->form == ADMIN_FORM_PLAIN && state->header)
        text_printf(call->out, "%s", state->header);
    else if (state->form == ADMIN_FORM_PLAIN)
        admin_stat_header(call->out);
    else if (state->form == ADMIN_FORM_JSON)
        text_add(call->out, "[", 1);
    return true;
}

static enum admin_verdict run_show_stat(struct admin_call *call)
{
    const struct admin *admin = call->admin;
    if (!call->turn && !stat_start(call))
        return ADMIN_DONE;
    struct stat_state *state = call->state;
    struct admin_stat_ctx ctx = {
        .board = admin->start.board,
        .conf = admin->start.conf,
        .inc = call->inc,
        .process = call->inc ? board_incarnation_at(admin->start.board, call->inc)->slot + 1 : 1,
        .now_us = admin->start.loop->now_us,
        .wall_us = admin->start.loop->wall_us,
        .started_wall_us = admin->started_wall_us,
        .max_connections = state->max_connections,
        .show_addresses = call->session->level >= ADMIN_LEVEL_OPERATOR,
        .count_servers = state->walk.only_up || state->walk.no_maint,
    };
    struct admin_stat_row row;
    if (admin_stat_next(&row, &state->walk, &ctx)) {
        if (state->any && state->form == ADMIN_FORM_JSON)
            text_add(call->out, ",", 1);
        state->any = true;
        admin_stat_print(call->out, &row, state->form, state->desc);
        return ADMIN_MORE;
    }
    if (state->form == ADMIN_FORM_JSON)
        text_printf(call->out, "]\n");
    return ADMIN_DONE;
}

static void end_show_stat(struct admin_call *call)
{
    struct stat_state *state = call->state;
    admin_stat_walk_end(&state->walk);
}

static const struct admin_command commands[] = {
    { .name = "show stat",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS,
      .args = "[desc|json|no-maint|typed|up]*",
      .help = "report on each proxy and server",
      .run = run_show_stat,
      .end = end_show_stat },
};
ADMIN_COMMANDS(commands);
