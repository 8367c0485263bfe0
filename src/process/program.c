// SPDX-License-Identifier: Apache-2.0
// The program that the processes run: where configuration, traffic and admin socket are tied to them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "admin/admin.h"
#include "admin/page.h"
#include "admin/state_file.h"
#include "admin/stats_file.h"
#include "backend/log.h"
#include "backend/server_change.h"
#include "backend/state.h"
#include "base/clock.h"
#include "board/board.h"
#include "board/trace.h"
#include "check/check.h"
#include "check/external.h"
#include "log/log.h"
#include "frontend/frontend.h"
#include "process/command.h"
#include "process/controller.h"
#include "process/environment.h"
#include "process/last_words.h"
#include "process/limits.h"
#include "process/program.h"
#include "process/rights.h"
#include "process/vitals.h"
#include "process/worker.h"
#include "proxy/conf.h"
#include "proxy/invalid.h"
#include "proxy/ring.h"
#include "proxy/trace_line.h"
#include "table/proc_vars.h"
#include "table/stick.h"
#include "tls/shared.h"

static void settings_from(struct process_settings *settings, const struct program_conf *program,
                          const struct process_options *options)
{
    const struct global_conf *global = &program->global;
    const struct os_listen **binds = arena_alloc(program->arena, program->num_binds * sizeof(struct os_listen *));
    uint32_t num_sockets = 0;
    const char **places = arena_alloc(program->arena, program->num_binds * sizeof(char *));
    for (uint32_t i = 0; i < program->num_binds; i++) {
        const struct bind_conf *bind = program->binds[i];
        binds[i] = &bind->listen;
        places[i] = arena_printf(program->arena, "[%s:%u] for frontend %s", bind->place.file, bind->place.line,
                                 bind->proxy->name);
    }
    for (const struct stats_socket_conf *socket = global->stats_sockets; socket; socket = socket->next)
        num_sockets++;
    const struct os_listen **sockets = arena_alloc(program->arena, num_sockets * sizeof(struct os_listen *));
    const char **socket_places = arena_alloc(program->arena, num_sockets * sizeof(char *));
    uint32_t at = 0;
    settings->exposes_sockets = false;
    for (const struct stats_socket_conf *socket = global->stats_sockets; socket; socket = socket->next) {
        bool is_master = admin_socket_is_master(socket, options->num_master_sockets);
        socket_places[at] = is_master ? "the master's socket (-S)"
                                      : arena_printf(program->arena, "[%s:%u] for a stats socket",
                                                     socket->bind.place.file, socket->bind.place.line);
        sockets[at++] = &socket->bind.listen;
        settings->exposes_sockets |= socket->exposes;
    }
    settings->num_workers = global->nbproc || global->nbthread
                                ? (global->nbproc ? global->nbproc : 1) * (global->nbthread ? global->nbthread : 1)
                                : 0;
    settings->binds = binds;
    settings->num_binds = program->num_binds;
    settings->bind_places = places;
    settings->sockets = sockets;
    settings->num_sockets = num_sockets;
    settings->socket_places = socket_places;
    settings->identity = (struct os_identity){
        .uid = global->uid,
        .gid = global->gid,
        .chroot = global->chroot,
        .gid_is_optional = global->gid_is_optional,
        .capabilities = rights_needed(program) | global->capabilities,
        .dump = (enum os_dump)global->dump,
    };
    settings->pidfile = options->pidfile ? options->pidfile : global->pidfile;
    settings->daemon = global->daemon;
    settings->master_worker = global->master_worker;
    settings->max_reloads = global->max_reloads;
    settings->go_on_alone = global->go_on_alone;
    settings->sandbox = global->sandbox;
    settings->silent_warn_us = global->silent_warn;
    settings->silent_kill_us = global->silent_kill;
    settings->hard_stop_us = global->hard_stop_after;
    settings->num_files = global->ulimit_n;
    settings->strict_limits = global->strict_limits;
    settings->memory_mb = options->memory_mb;
}

// What each -S named, for the time of reading: a configuration's reader hands nothing else through.
static const char *const *master_sockets;
static uint32_t num_master_sockets;

// One word of -S, which means itself: nothing in it is a quote or a variable.
static void add_word(struct text *line, struct slice word)
{
    text_add(line, " '", 2);
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            text_printf(line, "'\\''");
        else
            text_add(line, &word.ptr[i], 1);
    }
    text_add(line, "'", 1);
}

// -S takes a bind line's words with commas between them.
static bool read_master_socket(struct config *config, const char *words)
{
    struct text line;
    text_init(&line);
    struct slice rest = slice_str(words);
    size_t len = slice_find(rest, ',');
    text_printf(&line, "global\nstats socket");
    add_word(&line, slice_of(rest.ptr, len));
    text_printf(&line, " level admin");
    for (rest = slice_from(rest, len + 1); rest.len; rest = slice_from(rest, len + 1)) {
        len = slice_find(rest, ',');
        add_word(&line, slice_of(rest.ptr, len));
    }
    text_add(&line, "\n", 1);
    bool ok = !line.failed && config_read_text(config, "-S", slice_of(line.ptr, line.len));
    text_fini(&line);
    return ok;
}

// They are the last of the admin sockets.
static bool read_master_sockets(struct config *config)
{
    bool ok = true;
    for (uint32_t i = 0; i < num_master_sockets; i++)
        ok &= read_master_socket(config, master_sockets[i]);
    return ok;
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
    master_sockets = options->master_sockets;
    num_master_sockets = options->num_master_sockets;
    const struct proxy_load load = {
        .files = (const char *const *)options->files,
        .num_files = options->num_files,
        .more = read_master_sockets,
        .numeric_hosts = options->no_getaddrinfo,
        .may_fork = options->may_fork,
        .no_splice = options->no_splice,
        .no_server_verify = options->no_server_verify,
        .ignore_unresolved = options->ignore_unresolved,
    };
    bool ok = proxy_conf_load(&program, &diag, arena, &load);
    config_diag_write(&diag, messages, options->diagnostics ? CONFIG_DIAG : CONFIG_NOTICE);
    if (!ok) {
        arena_fini(arena);
        free(arena);
        return NULL;
    }
    if (options->maxconn)
        program->global.maxconn = options->maxconn;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        if (!proxy->fe.maxconn)
            proxy->fe.maxconn = options->proxy_maxconn;
    settings_from(settings, program, options);
    environment_tell_sockets(program, options->num_master_sockets);
    limits_place(settings, program);
    return program;
}

static void program_unload(void *conf)
{
    struct arena *arena = ((struct program_conf *)conf)->arena;
    arena_fini(arena);
    free(arena);
}

static void tell_pool(void *to, const char *text)
{
    text_printf(to, "[NOTICE]   %s\n", text);
}

// The sections that the next generation is to find: those that are always there, and one for each stick table.
static void sections_name(struct process_settings *settings, const struct program_conf *program)
{
    static const char *const always[] = {
        "log-sinks",
        TABLE_PROC_VARS_SECTION,
        TLS_SHARED_KEYS_SECTION,
        TLS_SHARED_CACHE_SECTION,
        TLS_SHARED_STRIKES_SECTION,
        BACKEND_STATES_SECTION,
        BACKEND_LOADS_SECTION,
        BACKEND_PLACES_SECTION,
        BACKEND_POOL_SECTION,
        TRACE_SECTION,
        PROXY_INVALID_SECTION,
        PAGE_SECTION,
    };
    uint32_t num_sinks;
    const struct trace_sink *sinks = trace_sinks(&num_sinks);
    size_t num = num_sinks;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        num += proxy->stick_table != NULL;
    const char **names = arena_alloc(program->arena, (NUM_ITEMS(always) + num) * sizeof(*names));
    memcpy(names, always, sizeof(always));
    num = NUM_ITEMS(always);
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (!proxy->stick_table)
            continue;
        char *name = arena_alloc(program->arena, BOARD_NAME_MAX);
        stick_section_name(name, proxy->stick_table);
        names[num++] = name;
    }
    for (uint32_t i = 0; i < num_sinks; i++) {
        char *name = arena_alloc(program->arena, BOARD_NAME_MAX);
        must(trace_section(name, sinks[i].name));
        names[num++] = name;
    }
    settings->sections = names;
    settings->num_sections = (uint32_t)num;
}

static bool tables_prepare(const struct program_conf *program, struct text *messages, struct board *board)
{
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (!proxy->stick_table || stick_table_prepare(proxy->stick_table, board))
            continue;
        text_printf(messages, "[ALERT]    no memory for the stick-table '%s' of %u entries: %s\n", proxy->name,
                    proxy->stick_table->size, strerror(errno));
        return false;
    }
    return true;
}

static bool program_prepare(void *conf, struct process_settings *settings, struct text *messages, struct board *board)
{
    struct program_conf *program = conf;
    if (!trace_prepare(board)) {
        text_printf(messages, "[ALERT]    no memory for traces: %s\n", strerror(errno));
        return false;
    }
    for (const struct ring_conf *ring = program->global.rings; ring; ring = ring->next) {
        if (trace_sink_add(board, ring->name, ring->description, ring->size))
            continue;
        text_printf(messages, "[ALERT]    no memory for the ring '%s': %s\n", ring->name, strerror(errno));
        return false;
    }
    if (!proxy_invalid_prepare(board, program->global.bufsize)) {
        text_printf(messages, "[ALERT]    no memory for malformed messages: %s\n", strerror(errno));
        return false;
    }
    sections_name(settings, program);
    limits_work_out(settings, program, board);
    proxy_pool_tell(program, tell_pool, messages);
    // While /dev and /proc can be reached.
    CRYPTO_pre_sandbox_init();
    if (!tls_shared_prepare(board, &program->global.tls)) {
        text_printf(messages, "[ALERT]    no memory for TLS sessions and ticket keys: %s\n", strerror(errno));
        return false;
    }
    if (!backend_states_prepare(board) || !backend_loads_prepare(board) || !backend_pool_prepare(board) ||
        !backend_places_prepare(board) || !page_prepare(board)) {
        text_printf(messages, "[ALERT]    no memory for the states of servers: %s\n", strerror(errno));
        return false;
    }
    if (!tables_prepare(program, messages, board))
        return false;
    if (proxy_conf_publish(program, board)) {
        trace_confs_begin(program);
        backend_places_adopt(program);
        backend_states_adopt(program, board);
        backend_logs_prepare(program, board);
        admin_state_files_load(messages, program);
        admin_stats_file_load(messages, program, board);
        return true;
    }
    text_printf(messages, "[ALERT]    the board has no room left for this configuration's proxies and servers\n");
    return false;
}

static void *traffic_start(struct worker *worker)
{
    if (!tls_shared_seal())
        return NULL;
    stick_enter(worker->board, worker->inc);
    struct frontends *frontends = calloc(1, sizeof(*frontends));
    if (frontends)
        frontends_init(frontends, worker->conf, &worker->loop, worker->board, worker->inc);
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

static void traffic_hard_stop(void *traffic)
{
    frontends_hard_stop(traffic);
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

static void traffic_awake(void *traffic)
{
    frontends_awake(traffic);
}

static void traffic_describe(const void *traffic, char *room, size_t cap)
{
    stream_describe(&((const struct frontends *)traffic)->streams, room, cap);
}

enum { LOOK_AFTER_US = 100000 };

static __attribute__((noinline, cold)) void look_after(struct frontends *frontends)
{
    frontends->looked_us = frontends->loop->now_us;
    buf_pool_rest(&frontends->bufs);
    shelf_rest(&frontends->streams.unused);
    vitals_tell(frontends);
}

static void traffic_turn(void *traffic)
{
    struct frontends *frontends = traffic;
    if (UNLIKELY(frontends->loop->now_us - frontends->looked_us >= LOOK_AFTER_US))
        look_after(frontends);
    frontends_turn(frontends);
    backend_turn(&frontends->backends);
}

static const struct process_traffic traffic = {
    .start = traffic_start,
    .listen = traffic_listen,
    .unlisten = traffic_unlisten,
    .soft_stop = traffic_soft_stop,
    .hard_stop = traffic_hard_stop,
    .is_idle = traffic_is_idle,
    .open_sessions = traffic_open_sessions,
    .woken = traffic_woken,
    .awake = traffic_awake,
    .describe = traffic_describe,
    .turn = traffic_turn,
};

static bool admin_place_ask(void *owner, uint64_t id, uint32_t bind, bool open)
{
    return controller_place(owner, id, bind, open);
}

static void admin_side_placed(void *admin, uint64_t id, const struct process_placed *placed)
{
    const struct admin_place place = { .bind = placed->index,
                                       .is_open = placed->is_open,
                                       .is_closed = placed->is_closed,
                                       .has_failed = placed->has_failed,
                                       .error = placed->error };
    admin_placed(admin, id, &place);
}

static bool admin_reload(void *owner, uint64_t id, bool hard)
{
    return controller_reload(owner, id, hard);
}

static bool admin_sockets_ask(void *owner, uint64_t id)
{
    return controller_sockets(owner, id);
}

// One controller to a process.
static struct {
    struct event_timer timer;
    struct controller *controller;
} rotation;

enum { ROTATION_MIN_US = 100000, ROTATION_MAX_US = 30000000 };

// Every half minute even where nothing is due: the clock may be set, and the timer counts another one.
static void rotate(struct event_timer *timer)
{
    uint64_t now_us = clock_wall_us();
    uint64_t next_us = tls_shared_turn(now_us);
    uint64_t pause_us = next_us > now_us ? next_us - now_us : 0;
    pause_us = pause_us < ROTATION_MIN_US ? ROTATION_MIN_US : pause_us > ROTATION_MAX_US ? ROTATION_MAX_US : pause_us;
    event_timer_set(&rotation.controller->loop, timer, rotation.controller->loop.now_us + pause_us);
}

static struct event_timer tables_timer;

// In every controller: those of two generations need not have the same tables.
static void tables_turn(struct event_timer *timer)
{
    struct controller *controller = rotation.controller;
    uint64_t pause_us = stick_turn(controller->board);
    if (pause_us < UINT64_MAX)
        event_timer_set(&controller->loop, timer, controller->loop.now_us + pause_us);
}

static void admin_put_answer(void *owner, struct text *out, uint32_t inc, const char *indent)
{
    last_words_put_answer(out, ((struct controller *)owner)->board, inc, indent);
}

static void *admin_side_start(struct controller *controller)
{
    stick_enter(controller->board, controller->inc);
    event_timer_init(&tables_timer, tables_turn);
    rotation.controller = controller;
    event_timer_init(&rotation.timer, rotate);
    rotate(&rotation.timer);
    tables_turn(&tables_timer);
    static const struct admin_ops ops = {
        .reload = admin_reload, .sockets = admin_sockets_ask, .place = admin_place_ask, .put_answer = admin_put_answer
    };
    return admin_new(&(struct admin_start){
        .loop = &controller->loop,
        .conf = controller->conf,
        .board = controller->board,
        .inc = controller->inc,
        .generation = controller->generation,
        .version = version_text(),
        .release_date = version_date(),
        .startup_messages = controller->startup_messages,
        .memory_mb = controller->options->memory_mb,
        .num_master_sockets = controller->options->num_master_sockets,
        .ops = &ops,
        .owner = controller,
    });
}

// The checks of this generation begin where those of the one before have ended.
static void admin_side_active(void *admin)
{
    struct controller *controller = rotation.controller;
    (void)admin;
    backend_states_reconcile(controller->conf, controller->board);
    const struct check_start start = { .loop = &controller->loop,
                                       .conf = controller->conf,
                                       .board = controller->board,
                                       .inc = controller->inc,
                                       .helper_fd = controller->helper_fd };
    if (!check_begin(&start))
        log_say(LOG_LEVEL_ALERT, "no health checks: out of memory");
    backend_places_begin();
    backend_states_begin(controller->conf, controller->board, &controller->loop);
    backend_logs_begin(controller->conf, controller->board, &controller->loop);
    page_controller_begin(controller->board, controller->conf);
}

static void admin_side_woken(void *admin)
{
    check_woken();
    page_controller_woken();
    admin_woken(admin);
}

static bool admin_side_listen(void *admin, uint32_t socket_index, int fd)
{
    return admin_listen(admin, socket_index, fd);
}

static void admin_side_unlisten(void *admin, uint32_t socket_index, int fd)
{
    (void)socket_index;
    admin_unlisten(admin, fd);
}

static void admin_side_reloaded(void *admin, uint64_t id, bool done)
{
    admin_reloaded(admin, id, done);
}

static void admin_side_latest(void *admin, const struct process_latest *latest)
{
    admin_latest(admin, latest->num_reloads, latest->num_failed, latest->is_more, latest->text, latest->text_len);
}

static void admin_side_socket(void *admin, uint64_t id, const struct process_socket *socket, int take_fd)
{
    const struct admin_socket given = {
        .listen = socket->listen, .slot = socket->slot, .number = socket->number, .num_left = socket->num_left
    };
    admin_socket(admin, id, &given, take_fd);
}

static void admin_side_leave(void *admin)
{
    page_controller_end();
    check_end();
    backend_logs_end();
    backend_states_end();
    admin_leave(admin);
}

static bool admin_side_is_idle(void *admin)
{
    return admin_is_idle(admin);
}

static void admin_side_stop(void *admin)
{
    admin_free(admin);
}

static const struct process_admin admin_side = {
    .start = admin_side_start,
    .active = admin_side_active,
    .woken = admin_side_woken,
    .listen = admin_side_listen,
    .unlisten = admin_side_unlisten,
    .reloaded = admin_side_reloaded,
    .latest = admin_side_latest,
    .placed = admin_side_placed,
    .socket = admin_side_socket,
    .leave = admin_side_leave,
    .is_idle = admin_side_is_idle,
    .stop = admin_side_stop,
};

static bool helper_is_wanted(const void *conf)
{
    return external_is_wanted(conf);
}

static void helper_run(const void *conf, int fd)
{
    external_serve(conf, fd);
}

static const struct process_helper helper = { .is_wanted = helper_is_wanted, .run = helper_run };

const struct process_program process_program_fairlead = {
    .load = program_load,
    .unload = program_unload,
    .prepare = program_prepare,
    .traffic = &traffic,
    .admin = &admin_side,
    .helper = &helper,
};
