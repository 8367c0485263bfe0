// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "backend/pool.h"
#include "frontend/rig.h"
#include "proxy/live.h"

enum { PATIENCE_US = 5000000 };

static int listen_at(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void add_server(struct rig *rig, unsigned index)
{
    static const char *const names[] = { "s1", "s2", "s3" };
    struct server_conf *server = &rig->servers[index];
    struct sockaddr_in address;
    char object[32], pool[32];
    rig->origin_fd[index] = listen_at(&address);
    snprintf(object, sizeof(object), "s/fe/%s", names[index]);
    snprintf(pool, sizeof(pool), "c/fe/%s", names[index]);
    *server = (struct server_conf){
        .next = NULL,
        .backend = &rig->proxy.be,
        .name = names[index],
        .id = index + 1,
        .index = index,
        .object = board_object(rig->board, object),
        .pool_object = board_object(rig->board, pool),
        .weight = 1,
        .pool_max_conn = -1,
        .pool_purge_us = 5000000,
    };
    transport_address_from_sockaddr(&server->addr, (struct sockaddr *)&address, sizeof(address));
    if (index)
        rig->servers[index - 1].next = server;
    else
        rig->proxy.be.servers = server;
    rig->proxy.be.num_servers = index + 1;
}

static void woken(struct event_source *source, uint32_t events)
{
    (void)events;
    frontends_woken(&CONTAINER_OF(source, struct rig, wake)->traffic);
}

struct rig *rig_new(unsigned num_servers)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    arena_init(&rig->arena);
    proxy_conf_boot();
    rig->board = board_new();
    assert_non_null(rig->board);
    rig->inc = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    assert_int_not_equal(rig->inc, 0);
    board_incarnation_enter(rig->board, rig->inc);
    rig->program.global = (struct global_conf){
        .bufsize = 16384, .maxrewrite = 1024, .max_headers = 101, .log_uri_len = 1024, .maxaccept = 64, .maxconn = 1000
    };
    rig->program.proxies = &rig->proxy;
    rig->program.num_proxies = 1;
    rig->program.binds = rig->binds;
    rig->program.num_binds = 1;
    rig->program.object = board_object(rig->board, "global");
    rig->binds[0] = &rig->bind;
    rig->bind = (struct bind_conf){ .proxy = &rig->proxy, .id = 1, .object = board_object(rig->board, "l/fe/1") };
    rig->proxy = (struct proxy_conf){
        .name = "fe",
        .id = 1,
        .has_frontend = true,
        .has_backend = true,
        .mode = PROXY_MODE_HTTP,
        .fe = { .binds = &rig->bind },
        .be = { .proxy = &rig->proxy, .retries = 3, .retry_on = PROXY_RETRY_CONNECT, .redispatch_interval = -1 },
        .fe_object = board_object(rig->board, "f/fe"),
        .be_object = board_object(rig->board, "b/fe"),
    };
    for (unsigned i = 0; i < num_servers; i++)
        add_server(rig, i);
    rig->listen_fd = listen_at(&rig->address);
    return rig;
}

void rig_start(struct rig *rig)
{
    assert_true(backend_states_prepare(rig->board));
    assert_true(backend_loads_prepare(rig->board));
    assert_true(backend_pool_prepare(rig->board));
    backend_states_adopt(&rig->program, rig->board);
    proxy_live_begin(&rig->program);
    assert_true(event_loop_init(&rig->loop));
    rig->loop.max_sleep_us = 1000;
    frontends_init(&rig->traffic, &rig->program, &rig->loop, rig->board, rig->inc);
    rig->wake = (struct event_source){ .fd = board_incarnation_at(rig->board, rig->inc)->wake_fd, .ready = woken };
    assert_true(event_source_add(&rig->loop, &rig->wake, EPOLLIN));
    assert_true(frontends_listen(&rig->traffic, 0, rig->listen_fd));
    rig->started = true;
}

void rig_free(struct rig *rig)
{
    frontends_hard_stop(&rig->traffic);
    assert_int_equal(rig->traffic.num_sessions, 0);
    assert_int_equal(rig->traffic.streams.num_streams, 0);
    assert_int_equal(rig->traffic.streams.num_tunnels, 0);
    assert_int_equal(rig->traffic.pipes.num_lent, 0);
    backend_ctx_stop(&rig->traffic.backends);
    assert_int_equal(rig->traffic.bufs.num_lent, 0);
    assert_int_equal(board_queue_len(rig->board, rig->proxy.be_object, 0), 0);
    frontends_fini(&rig->traffic);
    for (uint32_t object = 1; object < board_object_limit(rig->board); object++)
        assert_int_equal(board_lane_sum(rig->board, object), 0);
    event_loop_fini(&rig->loop);
    close(rig->listen_fd);
    for (uint32_t i = 0; i < rig->proxy.be.num_servers; i++)
        close(rig->origin_fd[i]);
    board_free(rig->board);
    arena_fini(&rig->arena);
    free(rig);
}

void rig_turn(struct rig *rig, unsigned num)
{
    for (unsigned i = 0; i < num; i++)
        event_loop_turn(&rig->loop);
}

int rig_client(struct rig *rig, int rcvbuf)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    assert_true(fd >= 0);
    if (rcvbuf)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    assert_int_equal(connect(fd, (struct sockaddr *)&rig->address, sizeof(rig->address)), 0);
    return fd;
}

int rig_origin(struct rig *rig, unsigned index)
{
    uint64_t end_us = clock_mono_us() + PATIENCE_US;
    int on = 1;
    for (;;) {
        int fd = accept4(rig->origin_fd[index], NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            return fd;
        }
        if (clock_mono_us() > end_us)
            fail_msg("no connection came to server %u", index + 1);
        rig_turn(rig, 1);
    }
}

void rig_no_origin(struct rig *rig, unsigned index)
{
    rig_turn(rig, 10);
    assert_int_equal(accept4(rig->origin_fd[index], NULL, NULL, SOCK_CLOEXEC), -1);
}

void rig_send(struct rig *rig, int fd, const char *data, size_t len)
{
    uint64_t end_us = clock_mono_us() + PATIENCE_US;
    while (len) {
        ssize_t sent = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN || clock_mono_us() > end_us)
            fail_msg("%zu bytes could not be sent: %s", len, strerror(errno));
        rig_turn(rig, 1);
    }
}

void rig_say(struct rig *rig, int fd, const char *text)
{
    rig_send(rig, fd, text, strlen(text));
}

void rig_drip(struct rig *rig, int fd, const char *text)
{
    for (; *text; text++) {
        rig_send(rig, fd, text, 1);
        rig_turn(rig, 1);
    }
}

// Gives the bytes read, 0 at the end, -1 with errno.
static ssize_t read_some(struct rig *rig, int fd, char *dst, size_t cap)
{
    uint64_t end_us = clock_mono_us() + PATIENCE_US;
    for (;;) {
        ssize_t got = recv(fd, dst, cap, MSG_DONTWAIT);
        if (got >= 0 || errno != EAGAIN)
            return got;
        if (clock_mono_us() > end_us) {
            errno = ETIMEDOUT;
            return -1;
        }
        rig_turn(rig, 1);
    }
}

const char *rig_read(struct rig *rig, int fd, const char *until, size_t max)
{
    size_t len = 0;
    rig->text[0] = '\0';
    while (!memmem(rig->text, len, until, strlen(until))) {
        size_t room = sizeof(rig->text) - 1 - len;
        ssize_t got = read_some(rig, fd, rig->text + len, room < max ? room : max);
        if (got <= 0)
            fail_msg("waiting for '%s': %s after '%s'", until, got ? strerror(errno) : "the end", rig->text);
        len += (size_t)got;
        rig->text[len] = '\0';
    }
    return rig->text;
}

void rig_expect(struct rig *rig, int fd, const char *text)
{
    size_t want = strlen(text);
    size_t len = 0;
    while (len < want) {
        ssize_t got = read_some(rig, fd, rig->text + len, want - len);
        rig->text[len + (size_t)(got > 0 ? got : 0)] = '\0';
        if (got <= 0)
            fail_msg("expecting '%s': %s after '%s'", text, got ? strerror(errno) : "the end", rig->text);
        len += (size_t)got;
    }
    assert_string_equal(rig->text, text);
}

void rig_expect_end(struct rig *rig, int fd, bool reset)
{
    char byte[256];
    ssize_t got = read_some(rig, fd, byte, sizeof(byte) - 1);
    if (got > 0) {
        byte[got] = '\0';
        fail_msg("'%s' came instead of the end", byte);
    }
    if (reset)
        assert_true(got < 0 && errno == ECONNRESET);
    else if (got)
        fail_msg("%s came instead of the end", strerror(errno));
}

void rig_expect_silence(struct rig *rig, int fd)
{
    char byte[256];
    rig_turn(rig, 20);
    ssize_t got = recv(fd, byte, sizeof(byte) - 1, MSG_DONTWAIT);
    if (got > 0)
        byte[got] = '\0';
    if (got >= 0 || errno != EAGAIN)
        fail_msg("'%s' came instead of nothing", got > 0 ? byte : got ? strerror(errno) : "the end");
}

void rig_reset(int fd)
{
    struct linger linger = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

void rig_until(struct rig *rig, const uint32_t *value, uint32_t want)
{
    uint64_t end_us = clock_mono_us() + PATIENCE_US;
    while (*value != want && clock_mono_us() < end_us)
        rig_turn(rig, 1);
    assert_int_equal(*value, want);
}

uint64_t rig_count(struct rig *rig, uint32_t object, enum proxy_counter which)
{
    return board_counter_sum(rig->board, object, which);
}
