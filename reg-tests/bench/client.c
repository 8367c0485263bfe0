// SPDX-License-Identifier: Apache-2.0
//
// The load of the benchmark and of the load tests: a closed loop of N connections, each with one request out at a time.
// It believes nothing: a refused connect, a reset, an end before or inside an answer, a status other than 200, a byte
// too many and an answer that does not come are told apart and counted. Only an end that the answer announced
// (Connection: close) is no failure. One line of JSON on stdout tells the rest.
// SIGTERM ends the load as though its time were over, and the report follows.
//
// Mode keep uses a connection until it is closed, mode close takes a new one for each request, mode tunnel opens N
// WebSocket upgrades, sends a few bytes through each and back, prints {"ready": N, ...} and holds them until stdin
// ends. Mode idle does the same with N connections that had one answer each. Mode upload is mode keep with a body of
// CLIENT_UPLOAD bytes that takes half a second to send, in pieces.
//
// With -w each connection waits between an answer and its next request, up to twice the time given: an end that comes
// meanwhile is no failure, one that comes after the request is.
//
// With -s it speaks TLS: in mode close each request then costs a handshake, full or (-r) resumed. To be able to resume,
// the first connection is alone until it has brought a session.
#define _GNU_SOURCE
#include "net.h"
#include "tls.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENT_HEAD = 8192,
    CLIENT_EVENTS = 512,
    CLIENT_OPENING = 256,       // tunnels on their way at a time
    CLIENT_RETRY_US = 10000,    // pause before a failed connection is opened again
    CLIENT_SLOW_CONNECT = 3000, // milliseconds: more than a busy machine explains
    PROBE_LEN = 16,
    CLIENT_UPLOAD = 1000,
    CLIENT_PIECE = 50,
    CLIENT_PIECE_US = 25000,
};

enum mode { MODE_KEEP, MODE_CLOSE, MODE_TUNNEL, MODE_IDLE, MODE_UPLOAD };

enum conn_state {
    CONN_IDLE,    // no descriptor
    CONN_CONNECT, // waits for the connect
    CONN_SHAKE,   // in the TLS handshake
    CONN_HEAD,    // request sent, head of the answer is being read
    CONN_BODY,    // `body_left` bytes are missing
    CONN_PROBE,   // tunnel: `body_left` bytes of the echo are missing
    CONN_TUNNEL,  // tunnel, idle: held
    CONN_THINK,   // waits before its next request
};

enum failure {
    FAIL_REFUSED, // connect failed
    FAIL_RESET,   // reset or write error while an answer was due
    FAIL_CLOSED,  // end of the connection before the first byte of an answer
    FAIL_SHORT,   // end inside an answer
    FAIL_STATUS,  // anything but 200 (101 for tunnels)
    FAIL_BAD,     // not HTTP, or bytes nobody asked for
    FAIL_TIMEOUT, // no whole answer in time, or no connect
    FAIL_LOST,    // an idle tunnel ended
    FAIL_TLS,     // the handshake failed
    NUM_FAILURES,
};

static const char *const failure_names[NUM_FAILURES] = {
    "refused", "reset", "closed", "short", "status", "bad", "timeout", "lost", "tls",
};

struct client_conn {
    int fd;
    struct ssl_st *ssl; // NULL: plain
    enum conn_state state;
    bool last;   // the answer said this connection ends with it
    bool reused; // at least one answer came on it
    uint64_t body_left;
    uint64_t started, opened; // clock when the request and the connect began
    uint64_t retry_at;
    uint64_t next_at;   // clock of the next request, or of the next piece of a body
    unsigned to_upload; // bytes of the body that were not sent
    size_t head_len;
    char *head;
};

struct client {
    enum mode mode;
    uint16_t port;
    unsigned num_conns;
    struct tls *tls; // NULL: plain
    uint64_t duration_us, max_requests, timeout_us, think_us;
    char request[1024];
    size_t request_len;
    struct client_conn *conns;
    int epoll_fd;
    uint64_t now, started, finished;
    bool stopping;
    unsigned num_open, num_opening, num_ready;
    uint64_t num_requests; // begun
    uint64_t num_answers, num_connects;
    uint64_t failures[NUM_FAILURES];
    uint64_t num_stale;   // failures on a connection which had served before, ahead of the answer's first byte
    unsigned last_status; // the last one that was wrong
    uint64_t connect_max_us, num_slow_connects;
    uint32_t *latencies;
    size_t latencies_size;
};

static char scratch[262144];
static volatile sig_atomic_t told_to_stop;

static void stop_handle(int number)
{
    (void)number;
    told_to_stop = 1;
}

static bool client_holds(const struct client *client)
{
    return client->mode == MODE_TUNNEL || client->mode == MODE_IDLE;
}

static ssize_t conn_recv(struct client_conn *conn)
{
    return conn->ssl != NULL ? tls_recv(conn->ssl, scratch, sizeof(scratch))
                             : recv(conn->fd, scratch, sizeof(scratch), 0);
}

static bool conn_send(struct client_conn *conn, const void *data, size_t len)
{
    ssize_t sent = conn->ssl != NULL ? tls_send(conn->ssl, data, len) : send(conn->fd, data, len, MSG_NOSIGNAL);

    return sent == (ssize_t)len;
}

static void conn_close(struct client *client, struct client_conn *conn)
{
    if (conn->state == CONN_IDLE)
        return;
    if (conn->state != CONN_TUNNEL && client_holds(client))
        client->num_opening--;
    if (conn->state == CONN_TUNNEL)
        client->num_ready--;
    if (conn->ssl != NULL)
        tls_close(conn->ssl);
    conn->ssl = NULL;
    close(conn->fd);
    client->num_open--;
    conn->state = CONN_IDLE;
    conn->retry_at = 0;
}

static void conn_fail(struct client *client, struct client_conn *conn, enum failure failure)
{
    client->failures[failure]++;
    if (conn->reused && (failure == FAIL_CLOSED || (failure == FAIL_RESET && conn->head_len == 0)))
        client->num_stale++;
    conn_close(client, conn);
    conn->retry_at = client->now + CLIENT_RETRY_US;
}

static bool client_may_begin(struct client *client)
{
    if (client->stopping || (client->max_requests != 0 && client->num_requests >= client->max_requests)) {
        client->stopping = true;
        return false;
    }
    return true;
}

static void conn_request(struct client *client, struct client_conn *conn)
{
    if (!client_may_begin(client)) {
        conn_close(client, conn);
        return;
    }
    client->num_requests++;
    conn->state = CONN_HEAD;
    conn->head_len = 0;
    conn->started = client->mode == MODE_KEEP || client->mode == MODE_UPLOAD ? net_clock_us() : conn->opened;
    conn->to_upload = client->mode == MODE_UPLOAD ? CLIENT_UPLOAD : 0;
    conn->next_at = client->now;
    if (!conn_send(conn, client->request, client->request_len))
        conn_fail(client, conn, FAIL_RESET);
}

static void conn_upload(struct client *client, struct client_conn *conn)
{
    static const char piece[CLIENT_PIECE];

    conn->to_upload -= CLIENT_PIECE;
    conn->next_at = client->now + CLIENT_PIECE_US;
    if (!conn_send(conn, piece, CLIENT_PIECE))
        conn_fail(client, conn, FAIL_RESET);
}

static void conn_think(struct client *client, struct client_conn *conn)
{
    conn->state = CONN_THINK;
    conn->next_at = client->now + (uint64_t)random() % (2 * client->think_us);
}

static void conn_open(struct client *client, struct client_conn *conn)
{
    struct epoll_event event = { .events = EPOLLOUT, .data.ptr = conn };

    if (!client_may_begin(client))
        return;
    conn->opened = net_clock_us();
    conn->started = conn->opened;
    conn->reused = false;
    conn->last = false;
    conn->head_len = 0;
    conn->fd = net_connect(client->port);
    if (conn->fd < 0) {
        client->failures[FAIL_REFUSED]++;
        conn->retry_at = client->now + CLIENT_RETRY_US;
        return;
    }
    client->num_connects++;
    client->num_open++;
    if (client_holds(client))
        client->num_opening++;
    conn->state = CONN_CONNECT;
    if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        net_die("epoll_ctl");
}

static void conn_shake(struct client *client, struct client_conn *conn)
{
    int done = tls_handshake(client->tls, conn->ssl);

    if (done < 0)
        conn_fail(client, conn, FAIL_TLS);
    else if (done > 0)
        conn_request(client, conn);
}

static void conn_connected(struct client *client, struct client_conn *conn)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };
    uint64_t took = net_clock_us() - conn->opened;
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0 || error != 0) {
        conn_fail(client, conn, FAIL_REFUSED);
        return;
    }
    if (took > client->connect_max_us)
        client->connect_max_us = took;
    if (took > CLIENT_SLOW_CONNECT * 1000)
        client->num_slow_connects++;
    if (epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) != 0)
        net_die("epoll_ctl");
    if (client->tls == NULL) {
        conn_request(client, conn);
        return;
    }
    conn->ssl = tls_open(client->tls, conn->fd);
    conn->state = CONN_SHAKE;
    conn_shake(client, conn);
}

static void conn_hold(struct client *client, struct client_conn *conn)
{
    conn->state = CONN_TUNNEL;
    free(conn->head);
    conn->head = NULL;
    client->num_opening--;
    client->num_ready++;
}

static void conn_answered(struct client *client, struct client_conn *conn)
{
    uint64_t took = net_clock_us() - conn->started;

    if (client->num_answers == client->latencies_size) {
        client->latencies_size = client->latencies_size == 0 ? 65536 : client->latencies_size * 2;
        client->latencies = realloc(client->latencies, client->latencies_size * sizeof(*client->latencies));
        if (client->latencies == NULL)
            net_die("realloc");
    }
    client->latencies[client->num_answers++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    conn->reused = true;
    if (client->mode == MODE_IDLE && !conn->last)
        conn_hold(client, conn);
    else if (conn->last || client->mode == MODE_CLOSE) {
        conn_close(client, conn);
        conn_open(client, conn);
    } else if (client->think_us > 0) {
        conn_think(client, conn);
    } else {
        conn_request(client, conn);
    }
}

// Finds a header in a head which ends in an empty line; `name` is ": "-terminated and any case.
static const char *head_find(const char *head, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_len) == 0)
            return line + name_len;
    }
    return NULL;
}

static bool head_read(struct client *client, struct client_conn *conn)
{
    const char *value;
    unsigned status;

    if (sscanf(conn->head, "HTTP/1.%*1[01] %3u", &status) != 1) {
        conn_fail(client, conn, FAIL_BAD);
        return false;
    }
    if (status != (client->mode == MODE_TUNNEL ? 101 : 200)) {
        client->last_status = status;
        conn_fail(client, conn, FAIL_STATUS);
        return false;
    }
    value = head_find(conn->head, "connection: ");
    conn->last = value != NULL && strncasecmp(value, "close", 5) == 0;
    value = head_find(conn->head, "content-length: ");
    if (value == NULL && client->mode != MODE_TUNNEL) {
        conn_fail(client, conn, FAIL_BAD);
        return false;
    }
    conn->body_left = value == NULL ? 0 : strtoull(value, NULL, 10);
    return true;
}

static void conn_probe(struct client *client, struct client_conn *conn)
{
    static const char probe[PROBE_LEN + 1] = "a tunnel's probe";

    conn->state = CONN_PROBE;
    conn->body_left = PROBE_LEN;
    if (!conn_send(conn, probe, PROBE_LEN))
        conn_fail(client, conn, FAIL_RESET);
}

static void conn_body(struct client *client, struct client_conn *conn, size_t len)
{
    if (len > conn->body_left) {
        conn_fail(client, conn, FAIL_BAD);
        return;
    }
    conn->body_left -= len;
    if (conn->body_left > 0)
        return;
    if (conn->state == CONN_PROBE) {
        conn_hold(client, conn);
        client->num_answers++;
    } else {
        conn_answered(client, conn);
    }
}

static void conn_head(struct client *client, struct client_conn *conn, size_t len)
{
    size_t room = CLIENT_HEAD - 1 - conn->head_len;
    size_t part = len < room ? len : room;
    char *end;
    size_t rest;

    if (conn->head == NULL && (conn->head = malloc(CLIENT_HEAD)) == NULL)
        net_die("malloc");
    memcpy(conn->head + conn->head_len, scratch, part);
    conn->head_len += part;
    conn->head[conn->head_len] = '\0';
    end = strstr(conn->head, "\r\n\r\n");
    if (end == NULL) {
        if (part < len || conn->head_len == CLIENT_HEAD - 1)
            conn_fail(client, conn, FAIL_BAD);
        return;
    }
    rest = (size_t)(conn->head + conn->head_len - (end + 4)) + (len - part);
    end[2] = '\0';
    if (!head_read(client, conn))
        return;
    if (client->mode == MODE_TUNNEL) {
        if (rest > 0)
            conn_fail(client, conn, FAIL_BAD);
        else
            conn_probe(client, conn);
        return;
    }
    conn->state = CONN_BODY;
    conn_body(client, conn, rest);
}

static void conn_read(struct client *client, struct client_conn *conn)
{
    ssize_t got = conn_recv(conn);

    if (got < 0 && errno == EAGAIN)
        return;
    // It may close what is idle; to reset it would be rude.
    if (got == 0 && conn->state == CONN_THINK) {
        conn_close(client, conn);
        return;
    }
    if (conn->state == CONN_TUNNEL || conn->state == CONN_THINK)
        conn_fail(client, conn, FAIL_LOST);
    else if (got < 0)
        conn_fail(client, conn, FAIL_RESET);
    else if (got == 0)
        conn_fail(client, conn, conn->state == CONN_HEAD && conn->head_len == 0 ? FAIL_CLOSED : FAIL_SHORT);
    else if (conn->state == CONN_HEAD)
        conn_head(client, conn, (size_t)got);
    else
        conn_body(client, conn, (size_t)got);
}

// Opens what is closed and may be opened again, and gives up what takes too long.
static void client_scan(struct client *client)
{
    for (unsigned i = 0; i < client->num_conns; i++) {
        struct client_conn *conn = &client->conns[i];

        if (conn->state == CONN_IDLE) {
            if (client->tls != NULL && client->num_open > 0 && !tls_has_session(client->tls))
                continue;
            if (conn->retry_at <= client->now && client->num_opening < CLIENT_OPENING)
                conn_open(client, conn);
        } else if (conn->state == CONN_THINK) {
            if (conn->next_at <= client->now || client->stopping)
                conn_request(client, conn);
        } else if (conn->state == CONN_HEAD && conn->to_upload > 0 && conn->next_at <= client->now) {
            conn_upload(client, conn);
        } else if (conn->state != CONN_TUNNEL && client->now > conn->started + client->timeout_us) {
            conn_fail(client, conn, FAIL_TIMEOUT);
        }
    }
}

static int latency_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static void client_report(struct client *client)
{
    size_t num = client_holds(client) ? 0 : client->num_answers;
    uint64_t num_failed = 0;

    if (num > 0)
        qsort(client->latencies, num, sizeof(*client->latencies), latency_compare);
    printf("{\"requests\": %llu, \"connects\": %llu, \"seconds\": %.6f", (unsigned long long)client->num_answers,
           (unsigned long long)client->num_connects, (double)(client->finished - client->started) / 1e6);
    printf(", \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u",
           num > 0 ? client->latencies[num / 2] : 0, num > 0 ? client->latencies[num * 99 / 100] : 0,
           num > 0 ? client->latencies[num * 999 / 1000] : 0, num > 0 ? client->latencies[num - 1] : 0);
    printf(", \"connect_max_us\": %llu, \"slow_connects\": %llu", (unsigned long long)client->connect_max_us,
           (unsigned long long)client->num_slow_connects);
    for (unsigned i = 0; i < NUM_FAILURES; i++) {
        num_failed += client->failures[i];
        printf(", \"%s\": %llu", failure_names[i], (unsigned long long)client->failures[i]);
    }
    if (client->tls != NULL)
        tls_report(client->tls, stdout);
    printf(", \"failed\": %llu, \"stale\": %llu, \"last_status\": %u}\n", (unsigned long long)num_failed,
           (unsigned long long)client->num_stale, client->last_status);
    fflush(stdout);
}

static void client_event(struct client *client, struct client_conn *conn)
{
    if (conn->state == CONN_CONNECT)
        conn_connected(client, conn);
    else if (conn->state == CONN_SHAKE)
        conn_shake(client, conn);
    else if (conn->state != CONN_IDLE)
        conn_read(client, conn);
}

static bool stdin_ended(void)
{
    char byte;

    return read(STDIN_FILENO, &byte, 1) == 0;
}

static bool client_done(struct client *client, bool released)
{
    if (client_holds(client))
        return released;
    if (told_to_stop || client->now - client->started >= client->duration_us)
        client->stopping = true;
    return client->stopping && client->num_open == 0;
}

static void client_run(struct client *client)
{
    struct epoll_event events[CLIENT_EVENTS];
    uint64_t scan_at = 0;
    bool announced = false, released = false;

    client->started = client->now = net_clock_us();
    while (!client_done(client, released)) {
        int num_events = epoll_wait(client->epoll_fd, events, CLIENT_EVENTS, 5);

        if (num_events < 0 && errno != EINTR)
            net_die("epoll_wait");
        client->now = net_clock_us();
        for (int i = 0; i < num_events; i++) {
            if (events[i].data.ptr == NULL)
                released = stdin_ended();
            else
                client_event(client, events[i].data.ptr);
        }
        if (client->now >= scan_at) {
            client_scan(client);
            scan_at = client->now + 5000;
        }
        if (client_holds(client) && !announced && client->num_ready == client->num_conns) {
            announced = true;
            client->stopping = true;
            client->finished = client->now;
            client_report(client);
        }
    }
    client->finished = client->now;
    client_report(client);
}

static void client_init(struct client *client, const char *path)
{
    static const char *const extra[] = {
        [MODE_KEEP] = "",
        [MODE_IDLE] = "",
        [MODE_CLOSE] = "Connection: close\r\n",
        [MODE_UPLOAD] = "Content-Length: 1000\r\n",
        [MODE_TUNNEL] = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

    client->request_len =
        (size_t)snprintf(client->request, sizeof(client->request),
                         "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n%s\r\n",
                         client->mode == MODE_UPLOAD ? "POST" : "GET", path, extra[client->mode]);
    client->conns = calloc(client->num_conns, sizeof(*client->conns));
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (client->conns == NULL || client->epoll_fd < 0 || client->request_len >= sizeof(client->request))
        net_die("client");
    if (client_holds(client) && epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        net_die("stdin");
}

static void client_fini(struct client *client)
{
    for (unsigned i = 0; i < client->num_conns; i++) {
        conn_close(client, &client->conns[i]);
        free(client->conns[i].head);
    }
    free(client->conns);
    free(client->latencies);
    tls_free(client->tls);
    close(client->epoll_fd);
}

int main(int argc, char **argv)
{
    static const char usage[] =
        "client [-m keep|close|tunnel|idle|upload] [-c CONNECTIONS] [-d MILLISECONDS] [-n REQUESTS] "
        "[-t TIMEOUT-MILLISECONDS] [-w MILLISECONDS] [-s 1.2|1.3 [-r tickets|ids] [-N SERVER-NAME]] PORT PATH";
    const char *version = NULL, *name = "localhost";
    enum tls_resume resume = TLS_FULL;
    struct client client = { .num_conns = 100, .duration_us = 3600000000, .timeout_us = 5000000 };
    int option;

    while ((option = getopt(argc, argv, "m:c:d:n:t:w:s:r:N:")) != -1) {
        if (option == 'm' && strcmp(optarg, "keep") == 0)
            client.mode = MODE_KEEP;
        else if (option == 'm' && strcmp(optarg, "close") == 0)
            client.mode = MODE_CLOSE;
        else if (option == 'm' && strcmp(optarg, "tunnel") == 0)
            client.mode = MODE_TUNNEL;
        else if (option == 'm' && strcmp(optarg, "idle") == 0)
            client.mode = MODE_IDLE;
        else if (option == 'm' && strcmp(optarg, "upload") == 0)
            client.mode = MODE_UPLOAD;
        else if (option == 'w')
            client.think_us = net_number(optarg, 3600000) * 1000;
        else if (option == 'c')
            client.num_conns = (unsigned)net_number(optarg, 100000);
        else if (option == 'd')
            client.duration_us = net_number(optarg, 3600000) * 1000;
        else if (option == 'n')
            client.max_requests = net_number(optarg, 1000000000);
        else if (option == 't')
            client.timeout_us = net_number(optarg, 3600000) * 1000;
        else if (option == 's' && (strcmp(optarg, "1.2") == 0 || strcmp(optarg, "1.3") == 0))
            version = optarg;
        else if (option == 'r' && (strcmp(optarg, "tickets") == 0 || strcmp(optarg, "ids") == 0))
            resume = *optarg == 't' ? TLS_TICKETS : TLS_IDS;
        else if (option == 'N')
            name = optarg;
        else
            net_usage(usage);
    }
    if (argc != optind + 2)
        net_usage(usage);
    signal(SIGTERM, stop_handle);
    signal(SIGPIPE, SIG_IGN); // a peer that died is one of the results
    client.port = (uint16_t)net_number(argv[optind], 65535);
    net_raise_nofile();
    if (version != NULL)
        client.tls = tls_new(version, resume, name);
    client_init(&client, argv[optind + 1]);
    client_run(&client);
    client_fini(&client);
}
