// SPDX-License-Identifier: Apache-2.0
// The program that the processes run: where configuration, traffic and admin socket are tied to them.
#include <stdlib.h>
#include <string.h>
#include "board/board.h"
#include "frontend/frontend.h"
#include "process/program.h"
#include "process/worker.h"
#include "proxy/conf.h"

static void settings_from(struct process_settings *settings, const struct program_conf *program,
                          const struct process_options *options)
{
    const struct global_conf *global = &program->global;
    const struct os_listen **binds = arena_alloc(program->arena, program->num_binds * sizeof(*binds));
    uint32_t num_sockets = 0;
    for (uint32_t i = 0; i < program->num_binds; i++)
        binds[i] = &program->binds[i]->listen;
    for (const struct stats_socket_conf *socket = global->stats_sockets; socket; socket = socket->next)
        num_sockets++;
    const struct os_listen **sockets = arena_alloc(program->arena, num_sockets * sizeof(*sockets));
    uint32_t at = 0;
    for (const struct stats_socket_conf *socket = global->stats_sockets; socket; socket = socket->next)
        sockets[at++] = &socket->bind.listen;
    settings->num_workers = global->nbproc || global->nbthread
                                ? (global->nbproc ? global->nbproc : 1) * (global->nbthread ? global->nbthread : 1)
                                : 0;
    settings->binds = binds;
    settings->num_binds = program->num_binds;
    settings->sockets = sockets;
    settings->num_sockets = num_sockets;
    settings->identity = (struct os_identity){ .uid = global->uid, .gid = global->gid, .chroot = global->chroot };
    settings->pidfile = options->pidfile ? options->pidfile : global->pidfile;
    settings->daemon = global->daemon;
    settings->master_worker = global->master_worker;
    settings->hard_stop_us = global->hard_stop_after;
    settings->num_files = global->ulimit_n;
}

// The command line's own part of the configuration, for program_read_more, which is not told of the command line.
static const struct process_options *options_read;

// -S "ADDRESS,OPTION,..." is an admin socket like those of `stats socket`, for whoever may do everything.
static bool program_read_more(struct config *config)
{
    const char *socket = options_read->master_socket;
    if (!socket)
        return true;
    char *words = arena_str(config->arena, socket);
    for (char *c = words; *c; c++)
        if (*c == ',')
            *c = ' ';
    size_t address_len = strcspn(words, " ");
    const char *text = arena_printf(config->arena, "global\n    stats socket %.*s level admin%s\n", (int)address_len,
                                    words, words + address_len);
    return config_read_text(config, "-S on the command line", slice_str(text));
}

static void *program_load(struct process_settings *settings, struct text *messages,
                          const struct process_options *options)
{
    struct arena *arena = malloc(sizeof(*arena));
    struct config_diag diag;
    struct program_conf *program = NULL;
    if (!arena)
        return NULL;
    arena_init(arena);
    config_diag_init(&diag, arena);
    diag.zero_warning = options->zero_warning;
    options_read = options;
    bool ok = proxy_conf_load(&program, &diag, arena, (const char *const *)options->files, options->num_files,
                              program_read_more);
    config_diag_write(&diag, messages, options->diagnostics ? CONFIG_DIAG : CONFIG_NOTICE);
    if (!ok) {
        arena_fini(arena);
        free(arena);
        return NULL;
    }
    if (options->maxconn)
        program->global.maxconn = options->maxconn;
    if (options->no_splice)
        program->global.no_splice = true;
    settings_from(settings, program, options);
    return program;
}

static bool program_prepare(void *conf, struct process_settings *settings, struct text *messages, struct board *board)
{
    struct program_conf *program = conf;
    static const char *const sections[] = { "log-sinks" };
    settings->sections = sections;
    settings->num_sections = NUM_ITEMS(sections);
    if (proxy_conf_publish(program, board))
        return true;
    text_printf(messages, "[ALERT]    the board has no room left for this configuration's proxies and servers\n");
    return false;
}

static void *traffic_start(struct worker *worker)
{
    struct frontends *frontends = calloc(1, sizeof(*frontends));
    if (frontends)
        frontends_init(frontends, worker->conf, &worker->loop, worker->board, worker->inc,
                       worker->settings->num_workers);
    return frontends;
}

static bool traffic_listen(void *traffic, uint32_t bind_index, int fd)
{
    return frontends_listen(traffic, bind_index, fd);
}

static void traffic_unlisten(void *traffic, uint32_t bind_index, int fd)
{
    (void)bind_index;
    frontends_unlisten(traffic, fd);
}

static void traffic_soft_stop(void *traffic)
{
    frontends_soft_stop(traffic);
}

static bool traffic_is_idle(void *traffic)
{
    return frontends_is_idle(traffic);
}

static uint32_t traffic_open_sessions(void *traffic)
{
    return ((const struct frontends *)traffic)->num_sessions;
}

static void traffic_woken(void *traffic)
{
    frontends_woken(traffic);
}

static const struct process_traffic traffic = {
    .start = traffic_start,
    .listen = traffic_listen,
    .unlisten = traffic_unlisten,
    .soft_stop = traffic_soft_stop,
    .is_idle = traffic_is_idle,
    .open_sessions = traffic_open_sessions,
    .woken = traffic_woken,
};

const struct process_program process_program_fairlead = {
    .load = program_load,
    .prepare = program_prepare,
    .traffic = &traffic,
};
