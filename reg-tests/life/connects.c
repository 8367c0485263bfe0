// SPDX-License-Identifier: Apache-2.0
// Connects at a steady rate and counts what becomes of each: a connection of its own for one request, which a balancer
// must neither refuse nor reset nor leave hanging, whatever happens to it meanwhile. One thread; bounded in time and in
// connections open at once. Source addresses go round 127.0.0.0/8, so that ports in TIME_WAIT do not run out.
//
//   connects [-r rate] [-s seconds] [-t timeout_ms] [-n open] <address>...
//
// An address is ip:port, [ip]:port, a path or @abstract; several take turns. With SIGTERM or at the end of standard
// input it ends early, after those that are open. It prints one line of JSON: what was tried, what came out, and the
// slowest connect and answer in milliseconds. With -v it tells of the first failures, with their times.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_OPEN = 4096, MAX_ADDRESSES = 64, MAX_EVENTS = 256, MAX_TOLD = 20, SLOW_US = 3000000 };

static const char request[] = "GET / HTTP/1.1\r\nHost: connects\r\nConnection: close\r\n\r\n";

struct address {
    struct sockaddr_storage address;
    socklen_t len;
    const char *text;
};

struct conn {
    int fd; // -1: free
    bool connected;
    bool answered; // the head of a good answer came
    uint64_t started_us;
    uint64_t connected_us;
    const struct address *address;
    struct conn *next_free;
};

static struct {
    uint64_t tried, ok, refused, reset, timeout, short_answer, other, skipped;
    uint64_t slow_connects; // over three seconds: more than a busy machine explains
    uint64_t connect_max_us, answer_max_us;
} sums;

static struct address addresses[MAX_ADDRESSES];
static uint32_t num_addresses;
static struct conn conns[MAX_OPEN];
static struct conn *free_conns;
static uint32_t num_open;
static int poller;
static uint64_t timeout_us = 5000000;
static bool tell;
static volatile sig_atomic_t ended;

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void conn_end(struct conn *conn, uint64_t *sum, const char *why)
{
    static uint32_t num_told;
    uint64_t now = now_us();
    ++*sum;
    if (tell && sum != &sums.ok && num_told++ < MAX_TOLD)
        fprintf(stderr, "%llu.%06llu %s after %llu us: %s%s\n", (unsigned long long)(now / 1000000),
                (unsigned long long)(now % 1000000), conn->address->text, (unsigned long long)(now - conn->started_us),
                why, conn->connected ? "" : " (connecting)");
    if (sum == &sums.ok && now - conn->started_us > sums.answer_max_us)
        sums.answer_max_us = now - conn->started_us;
    close(conn->fd);
    conn->fd = -1;
    conn->next_free = free_conns;
    free_conns = conn;
    num_open--;
}

static void conn_failed(struct conn *conn, int error)
{
    if (error == ECONNREFUSED || error == ENOENT)
        conn_end(conn, &sums.refused, "refused");
    else if (error == ECONNRESET || error == EPIPE)
        conn_end(conn, &sums.reset, "reset");
    else if (error == ETIMEDOUT)
        conn_end(conn, &sums.timeout, "timeout");
    else
        conn_end(conn, &sums.other, strerror(error));
}

static void conn_connected(struct conn *conn)
{
    conn->connected = true;
    conn->connected_us = now_us();
    uint64_t took_us = conn->connected_us - conn->started_us;
    if (took_us > SLOW_US && tell && sums.slow_connects < MAX_TOLD)
        fprintf(stderr, "%llu.%06llu %s: %llu us to connect\n", (unsigned long long)(conn->started_us / 1000000),
                (unsigned long long)(conn->started_us % 1000000), conn->address->text, (unsigned long long)took_us);
    sums.slow_connects += took_us > SLOW_US;
    if (took_us > sums.connect_max_us)
        sums.connect_max_us = took_us;
    if (send(conn->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        conn_failed(conn, errno);
}

static void source_bind(int fd, const struct address *address)
{
    static uint32_t next;
    const int on = 1;
    struct sockaddr_in source = { .sin_family = AF_INET };
    uint32_t host = ntohl(((const struct sockaddr_in *)&address->address)->sin_addr.s_addr);
    if (address->address.ss_family != AF_INET || host >> 24 != 127)
        return;
    source.sin_addr.s_addr = htonl(0x7f010000 + next++ % 0x400 + 1);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0)
        perror("bind");
}

static void conn_new(void)
{
    static uint32_t turn;
    struct conn *conn = free_conns;
    const struct address *address = &addresses[turn++ % num_addresses];
    sums.tried++;
    int fd = conn ? socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) {
        sums.skipped++;
        return;
    }
    free_conns = conn->next_free;
    num_open++;
    *conn = (struct conn){ .fd = fd, .address = address, .started_us = now_us() };
    source_bind(fd, address);
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn };
    bool done = connect(fd, (const struct sockaddr *)&address->address, address->len) == 0;
    // A unix socket with a full queue says so at once instead of waiting: whoever would block waits.
    while (!done && errno == EAGAIN && now_us() < conn->started_us + timeout_us) {
        usleep(200);
        done = connect(fd, (const struct sockaddr *)&address->address, address->len) == 0;
    }
    int error = errno;
    if (!done && error != EINPROGRESS)
        conn_failed(conn, error);
    else if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        conn_failed(conn, errno);
    else if (done)
        conn_connected(conn);
}

static void conn_read(struct conn *conn)
{
    char data[4096];
    for (;;) {
        ssize_t got = recv(conn->fd, data, sizeof(data), 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got < 0) {
            conn_failed(conn, errno);
            return;
        }
        if (got == 0) {
            conn_end(conn, conn->answered ? &sums.ok : &sums.short_answer, "closed without an answer");
            return;
        }
        if (!conn->answered)
            conn->answered = got >= 12 && memcmp(data, "HTTP/1.1 200", 12) == 0;
    }
}

static void conn_ready(struct conn *conn, uint32_t events)
{
    if (conn->fd < 0)
        return;
    if (!conn->connected) {
        int error = 0;
        socklen_t len = sizeof(error);
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            conn_failed(conn, error);
            return;
        }
        if (events & EPOLLOUT)
            conn_connected(conn);
    }
    if (conn->fd >= 0 && conn->connected)
        conn_read(conn);
}

static void timeouts(void)
{
    uint64_t now = now_us();
    for (uint32_t i = 0; i < MAX_OPEN; i++)
        if (conns[i].fd >= 0 && now > conns[i].started_us + timeout_us)
            conn_failed(&conns[i], ETIMEDOUT);
}

static bool address_read(struct address *address, const char *text)
{
    char host[128];
    struct sockaddr_in *in4 = (struct sockaddr_in *)&address->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->address;
    struct sockaddr_un *un = (struct sockaddr_un *)&address->address;
    const char *colon = strrchr(text, ':');
    address->text = text;
    if (text[0] == '/' || text[0] == '@') {
        un->sun_family = AF_UNIX;
        if (strlen(text) >= sizeof(un->sun_path))
            return false;
        strcpy(un->sun_path, text);
        if (text[0] == '@')
            un->sun_path[0] = '\0';
        // HAProxy's abstract names fill the whole room with zeros.
        address->len = sizeof(*un);
        return true;
    }
    if (!colon || (size_t)(colon - text) >= sizeof(host))
        return false;
    bool is_v6 = text[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * is_v6, text + is_v6);
    in4->sin_port = htons((uint16_t)atoi(colon + 1)); // at the same place for both
    in4->sin_family = is_v6 ? AF_INET6 : AF_INET;
    address->len = is_v6 ? sizeof(*in6) : sizeof(*in4);
    return inet_pton(in4->sin_family, host, is_v6 ? (void *)&in6->sin6_addr : (void *)&in4->sin_addr) == 1;
}

static void on_signal(int sig)
{
    (void)sig;
    ended = 1;
}

static bool input_ended(void)
{
    char byte;
    struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&pfd, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void loop(uint64_t rate, uint64_t seconds, uint32_t most)
{
    struct epoll_event events[MAX_EVENTS];
    uint64_t start = now_us();
    uint64_t looked = start;
    uint64_t num = 0;
    while (!ended || num_open) {
        uint64_t now = now_us();
        ended = ended || now > start + seconds * 1000000;
        // Who comes late catches up, a little at a time.
        uint64_t due = (now - start) * rate / 1000000;
        for (int burst = 0; !ended && num < due && burst < 64 && num_open < most; burst++, num++)
            conn_new();
        int got = epoll_wait(poller, events, MAX_EVENTS, 1);
        for (int i = 0; i < got; i++)
            conn_ready(events[i].data.ptr, events[i].events);
        if (now > looked + 100000) {
            looked = now;
            timeouts();
            ended = ended || input_ended();
        }
    }
    printf("{\"seconds\": %.2f, ", (double)(now_us() - start) / 1000000);
}

int main(int argc, char **argv)
{
    uint64_t rate = 5000, seconds = 10;
    uint32_t most = MAX_OPEN;
    int option;
    while ((option = getopt(argc, argv, "r:s:t:n:v")) != -1) {
        if (option == 'r')
            rate = strtoull(optarg, NULL, 10);
        else if (option == 's')
            seconds = strtoull(optarg, NULL, 10);
        else if (option == 't')
            timeout_us = strtoull(optarg, NULL, 10) * 1000;
        else if (option == 'n')
            most = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 'v')
            tell = true;
        else
            return 2;
    }
    for (; optind < argc && num_addresses < MAX_ADDRESSES; optind++)
        if (!address_read(&addresses[num_addresses++], argv[optind]))
            return 2;
    if (!num_addresses || seconds > 600 || !rate || rate > 100000)
        return 2;
    struct rlimit files = { MAX_OPEN + 64, MAX_OPEN + 64 };
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < MAX_OPEN; i++) {
        conns[i].fd = -1;
        conns[i].next_free = free_conns;
        free_conns = &conns[i];
    }
    loop(rate, seconds, most < MAX_OPEN ? most : MAX_OPEN);
    printf("\"tried\": %llu, \"ok\": %llu, \"refused\": %llu, \"reset\": %llu, \"timeout\": %llu, \"short\": %llu, "
           "\"other\": %llu, \"skipped\": %llu, \"slow_connects\": %llu, \"connect_max_ms\": %.1f, "
           "\"answer_max_ms\": %.1f}\n",
           (unsigned long long)sums.tried, (unsigned long long)sums.ok, (unsigned long long)sums.refused,
           (unsigned long long)sums.reset, (unsigned long long)sums.timeout, (unsigned long long)sums.short_answer,
           (unsigned long long)sums.other, (unsigned long long)sums.skipped, (unsigned long long)sums.slow_connects,
           (double)sums.connect_max_us / 1000, (double)sums.answer_max_us / 1000);
    return 0;
}
