// SPDX-License-Identifier: Apache-2.0
// The dialog on an admin socket: the first byte says which socket and level, the rest is what the peer sends, in pieces
// of the length that a zero byte ends. Whatever comes, the session answers or ends, and what it holds stays bounded.
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include "admin/page.h"
#include "admin/session.h"
#include "backend/balance.h"
#include "backend/pool.h"
#include "backend/server_change.h"
#include "backend/state.h"
#include "base/check.h"
#include "board/board.h"
#include "board/trace.h"
#include "proxy/conf.h"
#include "proxy/invalid.h"
#include "proxy/live.h"
#include "table/stick.h"
#include "tls/cert.h"
#include "tls/shared.h"

enum { PEER_TURNS = 400 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct event_loop loop;
static struct admin *admin;
static struct program_conf conf;
static struct proxy_conf proxy = { .name = "p", .id = 2, .has_frontend = true, .has_backend = true };
static struct server_conf server = {
    .backend = &proxy.be, .name = "s", .id = 1, .weight = 1, .maxconn = 5, .pool_max_conn = -1
};
static struct stick_table_conf table = {
    .name = "p",
    .type = STICK_IP,
    .key_len = 4,
    .size = 8,
    .expire_us = 60000000,
    .data = { [STICK_SERVER_ID] = { true, 1, 0 },
              [STICK_GPC] = { true, 2, 0 },
              [STICK_CONN_CUR] = { true, 1, 0 },
              [STICK_HTTP_REQ_RATE] = { true, 1, 10000000 } },
};
static struct stats_socket_conf stats_socket;
static uint64_t asked;

static bool ask_reload(void *owner, uint64_t id, bool hard)
{
    (void)owner;
    (void)hard;
    asked = id;
    return true;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct admin_ops ops = { .reload = ask_reload };
    (void)argc;
    (void)argv;
    board_program_version("1.2.3");
    struct board *board = board_new();
    must(board && event_loop_init(&loop));
    loop.max_sleep_us = 1;
    uint32_t inc = board_incarnation_take(board, BOARD_ROLE_CONTROLLER, 0, 1);
    board_incarnation_enter(board, inc);
    uint32_t worker = board_incarnation_take(board, BOARD_ROLE_WORKER, 0, 1);
    atomic_store(&board_incarnation_at(board, worker)->pid, 77);
    atomic_store(&board_incarnation_at(board, worker)->ready, 1);
    proxy.fe_object = board_object(board, "f/p");
    proxy.be_object = board_object(board, "b/p");
    server.object = board_object(board, "s/p/s");
    server.pool_object = board_object(board, "c/p/s");
    proxy.be.proxy = &proxy;
    proxy.be.servers = &server;
    proxy.be.num_servers = 1;
    proxy.stick_table = &table;
    conf = (struct program_conf){ .proxies = &proxy,
                                  .num_proxies = 1,
                                  .object = board_object(board, "g/global"),
                                  .tls_object = board_object(board, "g/tls"),
                                  .vitals_object = board_object(board, "g/vitals"),
                                  .memory_object = board_object(board, "g/memory"),
                                  .global = { .stats_sockets = &stats_socket } };
    must(backend_states_prepare(board) && backend_loads_prepare(board) && backend_pool_prepare(board) &&
         backend_places_prepare(board) && page_prepare(board) && trace_prepare(board) &&
         proxy_invalid_prepare(board, 16384) && tls_shared_prepare(board, &conf.global.tls));
    must(stick_table_prepare(&table, board));
    backend_states_adopt(&conf, board);
    backend_places_adopt(&conf);
    proxy_live_begin(&conf);
    clearenv();
    admin = admin_new(&(struct admin_start){ .loop = &loop,
                                             .conf = &conf,
                                             .board = board,
                                             .inc = inc,
                                             .generation = 1,
                                             .version = "1.2.3",
                                             .release_date = "2026/01/02",
                                             .startup_messages = "",
                                             .ops = &ops });
    must(admin);
    return 0;
}

// A turn of the loop, the master's answer to a reload, and a peer that reads.
static bool turn(int fd)
{
    static char data[1 << 20];
    event_loop_turn(&loop);
    if (asked)
        admin_reloaded(admin, asked, asked & 1);
    asked = 0;
    return recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int ends[2];
    if (!len)
        return 0;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    static const struct stats_socket_conf sockets[] = { { .level = 1 }, { .level = 2 }, { .level = 3 } };
    must(admin_session_new(admin, ends[1], &sockets[data[0] % 3], data[0] & 4));
    const uint8_t *at = data + 1;
    for (const uint8_t *end = data + len; at < end;) {
        const uint8_t *stop = memchr(at, 0, (size_t)(end - at));
        size_t piece = stop ? (size_t)(stop - at) + (data[0] & 8 ? 1 : 0) : (size_t)(end - at);
        if (send(ends[0], at, piece, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turn(ends[0]);
        at += stop && !(data[0] & 8) ? piece + 1 : piece;
    }
    if (data[0] & 16)
        shutdown(ends[0], SHUT_WR);
    for (int quiet = 0, i = 0; quiet < 2 && i < PEER_TURNS; i++)
        quiet = turn(ends[0]) ? 0 : quiet + 1;
    close(ends[0]);
    for (int i = 0; i < PEER_TURNS && !admin_is_idle(admin); i++)
        event_loop_turn(&loop);
    must(admin_is_idle(admin));
    return 0;
}
