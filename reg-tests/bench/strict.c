// SPDX-License-Identifier: Apache-2.0
// An origin that closes its idle connections at random, and counts each request that it reads by its number; and a
// client that sends each number once. What the two say together shows whether a request got lost, or came twice.
//
//     strict origin PORT CLOSE_PERCENT    until SIGTERM; then a line of JSON
//     strict client PORT REQUESTS CONNECTIONS POST_PERCENT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNS = 4096, MAX_IDS = 4000000, BUF = 2048, BODY = 32 };

struct conn {
    int fd;
    uint32_t len;
    uint64_t due_us; // when the origin closes it; the client's: when it gives up waiting
    uint32_t id;     // that the client waits for
    bool is_post;
    char buf[BUF];
};

static struct conn conns[MAX_CONNS];
static volatile sig_atomic_t stopped;
static uint64_t seed = 88172645463325252ULL;

static uint32_t dice(uint32_t sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 11) % sides;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

// ---- the origin

static uint8_t *seen;
static uint64_t num_read, num_twice, num_fin, num_reset, num_bad;
static uint32_t close_percent;

static void origin_drop(struct conn *conn, bool reset)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    if (reset)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(conn->fd);
    conn->fd = -1;
}

static void origin_answer(struct conn *conn, uint32_t id)
{
    char text[160], body[32];
    int body_len = snprintf(body, sizeof(body), "%u", id);
    int len = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", body_len, body);
    num_read++;
    num_twice += id < MAX_IDS && seen[id] > 0;
    if (id < MAX_IDS && seen[id] < 255)
        seen[id]++;
    if (send(conn->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        num_bad++;
    conn->due_us = dice(100) < close_percent ? now_us() + dice(200) : 0;
}

static void origin_read(struct conn *conn)
{
    ssize_t got = recv(conn->fd, conn->buf + conn->len, BUF - 1 - conn->len, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            origin_drop(conn, false);
        return;
    }
    conn->len += (uint32_t)got;
    conn->buf[conn->len] = '\0';
    char *end = strstr(conn->buf, "\r\n\r\n");
    const char *id = strstr(conn->buf, "/r/");
    if (!end)
        return;
    bool is_post = conn->buf[0] == 'P';
    size_t whole = (size_t)(end + 4 - conn->buf) + (is_post ? BODY : 0);
    if (conn->len < whole)
        return;
    conn->len = 0;
    if (!id || conn->buf[whole])
        num_bad++;
    else
        origin_answer(conn, (uint32_t)strtoul(id + 3, NULL, 10));
}

static bool has_bytes(const struct conn *conn)
{
    char byte;
    return conn->len || recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void origin_close_due(void)
{
    uint64_t now = now_us();
    for (int i = 0; i < MAX_CONNS; i++) {
        struct conn *conn = &conns[i];
        if (conn->fd < 0 || !conn->due_us || conn->due_us > now)
            continue;
        conn->due_us = 0;
        // Idle is what it closes: one with a request on it is served.
        if (has_bytes(conn))
            continue;
        bool reset = dice(4) == 0;
        num_fin += !reset;
        num_reset += reset;
        origin_drop(conn, reset);
    }
}

static void origin_accept(int epoll_fd, int listen_fd)
{
    int fd, on = 1;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int at = 0;
        while (at < MAX_CONNS && conns[at].fd >= 0)
            at++;
        if (at == MAX_CONNS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        conns[at].fd = fd;
        conns[at].len = 0;
        conns[at].due_us = 0;
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &conns[at] };
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int origin(int port)
{
    struct sockaddr_in addr = local(port);
    int on = 1, epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    seen = calloc(MAX_IDS, 1);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!seen || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 1024) != 0)
        die("listen");
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    while (!stopped) {
        struct epoll_event events[64];
        int num = epoll_wait(epoll_fd, events, 64, 1);
        for (int i = 0; i < num; i++) {
            struct conn *conn = events[i].data.ptr;
            if (!conn)
                origin_accept(epoll_fd, fd);
            else if (conn->fd >= 0)
                origin_read(conn);
        }
        origin_close_due();
    }
    uint32_t num_ids = 0;
    for (uint32_t i = 0; i < MAX_IDS; i++)
        num_ids += seen[i] > 0;
    printf("{\"read\": %llu, \"numbers\": %u, \"twice\": %llu, \"fin\": %llu, \"reset\": %llu, \"bad\": %llu}\n",
           (unsigned long long)num_read, num_ids, (unsigned long long)num_twice, (unsigned long long)num_fin,
           (unsigned long long)num_reset, (unsigned long long)num_bad);
    return 0;
}

// ---- the client

static uint64_t num_ok, num_status, num_cut, num_late, num_post_failed;
static uint32_t next_id, num_requests, post_percent, num_open;
static int client_port;

static bool client_connect(int epoll_fd, struct conn *conn)
{
    struct sockaddr_in addr = local(client_port);
    int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        die("connect");
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) == 0;
}

static void client_send(int epoll_fd, struct conn *conn)
{
    char text[256];
    conn->len = 0;
    if (next_id == num_requests) {
        close(conn->fd);
        conn->fd = -1;
        num_open--;
        return;
    }
    conn->id = next_id++;
    conn->is_post = dice(100) < post_percent;
    conn->due_us = now_us() + 15000000;
    int len = conn->is_post ? snprintf(text, sizeof(text),
                                       "POST /r/%u HTTP/1.1\r\nhost: strict\r\ncontent-length: %d\r\n\r\n%0*u",
                                       conn->id, BODY, BODY, conn->id)
                            : snprintf(text, sizeof(text), "GET /r/%u HTTP/1.1\r\nhost: strict\r\n\r\n", conn->id);
    (void)epoll_fd;
    if (send(conn->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        num_cut++;
}

static void client_again(int epoll_fd, struct conn *conn)
{
    close(conn->fd);
    num_post_failed += conn->is_post;
    client_connect(epoll_fd, conn);
    client_send(epoll_fd, conn);
}

static void client_read(int epoll_fd, struct conn *conn)
{
    ssize_t got = recv(conn->fd, conn->buf + conn->len, BUF - 1 - conn->len, 0);
    if (got <= 0) {
        num_cut++;
        client_again(epoll_fd, conn);
        return;
    }
    conn->len += (uint32_t)got;
    conn->buf[conn->len] = '\0';
    const char *end = strstr(conn->buf, "\r\n\r\n"), *length = strcasestr(conn->buf, "content-length:");
    if (!end || !length || strlen(end + 4) < strtoul(length + 15, NULL, 10))
        return;
    if (strncmp(conn->buf, "HTTP/1.1 200", 12) != 0 || strtoul(end + 4, NULL, 10) != conn->id) {
        fprintf(stderr, "request %u (%s): %.15s\n", conn->id, conn->is_post ? "POST" : "GET", conn->buf);
        num_status++;
        client_again(epoll_fd, conn);
        return;
    }
    num_ok++;
    client_send(epoll_fd, conn);
}

static void client_late(int epoll_fd)
{
    uint64_t now = now_us();
    for (int i = 0; i < MAX_CONNS; i++) {
        if (conns[i].fd < 0 || conns[i].due_us > now)
            continue;
        num_late++;
        client_again(epoll_fd, &conns[i]);
    }
}

static int client(uint32_t num_conns)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    uint64_t start = now_us(), looked = start;
    for (num_open = 0; num_open < num_conns && num_open < MAX_CONNS; num_open++) {
        client_connect(epoll_fd, &conns[num_open]);
        client_send(epoll_fd, &conns[num_open]);
    }
    while (num_open && !stopped) {
        struct epoll_event events[64];
        int num = epoll_wait(epoll_fd, events, 64, 1000);
        for (int i = 0; i < num; i++)
            client_read(epoll_fd, events[i].data.ptr);
        if (now_us() - looked > 1000000) {
            looked = now_us();
            client_late(epoll_fd);
        }
    }
    printf(
        "{\"ok\": %llu, \"status\": %llu, \"cut\": %llu, \"late\": %llu, \"posts_failed\": %llu, \"seconds\": %.1f}\n",
        (unsigned long long)num_ok, (unsigned long long)num_status, (unsigned long long)num_cut,
        (unsigned long long)num_late, (unsigned long long)num_post_failed, (double)(now_us() - start) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < MAX_CONNS; i++)
        conns[i].fd = -1;
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);
    if (argc == 4 && strcmp(argv[1], "origin") == 0) {
        close_percent = (uint32_t)atoi(argv[3]);
        return origin(atoi(argv[2]));
    }
    if (argc == 6 && strcmp(argv[1], "client") == 0) {
        client_port = atoi(argv[2]);
        num_requests = (uint32_t)atoi(argv[3]);
        post_percent = (uint32_t)atoi(argv[5]);
        return client((uint32_t)atoi(argv[4]));
    }
    fprintf(stderr, "usage: strict origin PORT CLOSE_PERCENT | client PORT REQUESTS CONNECTIONS POST_PERCENT\n");
    return 2;
}
