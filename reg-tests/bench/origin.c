// SPDX-License-Identifier: Apache-2.0
//
// The origin behind the balancers in the benchmark and the load tests: HTTP/1.1 with keep-alive, pipelining and HEAD,
// one process, one epoll loop, bodies which are made once. It trusts its clients, as only our own programs reach it.
//
//   /128 /16k /1m    a body of that many bytes
//   /bytes/N         a body of N bytes
//   /slow/MS         128 bytes, MS milliseconds late
//   /sink            reads the request's body, answers `COUNT same` or `COUNT differs` (from the pattern)
//   /drop            closes without an answer
//   Upgrade          101, and from then on every byte comes back as it was sent: the far end of a tunnel, no frames
//
// Bodies are the pattern: 64 KiB of pseudo-random bytes, again and again, so that byte i is known and a hole or a
// repeat cannot hide.
#define _GNU_SOURCE
#include "net.h"
#include "sha1.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    PATTERN_PERIOD = 65536,
    PATTERN_LEN = 1 << 20,
    ORIGIN_INPUT = 16384,
    ORIGIN_OUTPUT = 512,
    ORIGIN_EVENTS = 256,
    ORIGIN_SCRATCH = 262144,
};

enum body_state {
    BODY_NONE,      // a head is expected
    BODY_COUNTED,   // `body_left` bytes by Content-Length
    BODY_SIZE,      // a chunk's size line
    BODY_CHUNK,     // `body_left` bytes of a chunk
    BODY_CHUNK_END, // the line end after a chunk
    BODY_TRAILERS,  // lines up to an empty one
};

struct origin_request {
    char path[128];
    char websocket_key[64];
    bool head_only, close, upgrade, chunked, expect;
    uint64_t content_len;
};

struct origin_conn {
    int fd;
    uint32_t events; // what epoll was told
    bool dead, tunnel, close_after;
    enum body_state body_state;
    uint64_t body_left, body_count;
    bool body_differs;
    struct origin_request request;
    uint64_t answer_at; // clock at which a late answer is due, 0 for none
    char out[ORIGIN_OUTPUT];
    size_t out_off, out_len;
    uint64_t pattern_off, pattern_left; // the part of the answer's body which is still to be sent
    char *stash;                        // tunnel bytes the client did not take yet
    size_t stash_off, stash_len;
    struct origin_conn *next; // in the list of the dead or of the late
    size_t in_len;
    char in[ORIGIN_INPUT];
};

static char pattern[PATTERN_LEN + PATTERN_PERIOD];
static char scratch[ORIGIN_SCRATCH];
static struct origin_conn *dead;
static struct origin_conn *late;
static int epoll_fd;

static void pattern_init(void)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < PATTERN_PERIOD; i++) {
        seed = seed * 1664525 + 1013904223;
        pattern[i] = (char)(seed >> 24);
    }
    for (size_t i = PATTERN_PERIOD; i < sizeof(pattern); i++)
        pattern[i] = pattern[i - PATTERN_PERIOD];
}

static void conn_kill(struct origin_conn *conn)
{
    if (conn->dead)
        return;
    for (struct origin_conn **at = &late; conn->answer_at != 0 && *at != NULL; at = &(*at)->next) {
        if (*at == conn) {
            *at = conn->next;
            break;
        }
    }
    close(conn->fd);
    conn->dead = true;
    conn->next = dead;
    dead = conn;
}

static void dead_free(void)
{
    while (dead != NULL) {
        struct origin_conn *conn = dead;

        dead = conn->next;
        free(conn->stash);
        free(conn);
    }
}

static void conn_watch(struct origin_conn *conn, uint32_t wanted)
{
    struct epoll_event event = { .events = wanted, .data.ptr = conn };
    int operation = conn->events == UINT32_MAX ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (conn->events == wanted)
        return;
    if (epoll_ctl(epoll_fd, operation, conn->fd, &event) != 0)
        net_die("epoll_ctl");
    conn->events = wanted;
}

static bool conn_has_output(const struct origin_conn *conn)
{
    return conn->out_len > 0 || conn->pattern_left > 0 || conn->stash != NULL;
}

static void conn_sent(struct origin_conn *conn, size_t sent)
{
    size_t head = conn->out_len - conn->out_off;

    if (sent < head) {
        conn->out_off += sent;
        return;
    }
    conn->out_len = 0;
    conn->out_off = 0;
    conn->pattern_off += sent - head;
    conn->pattern_left -= sent - head;
}

// Sends what is ready. Returns true when nothing is left, false when the socket is full or broken (then it is dead).
static bool conn_flush(struct origin_conn *conn)
{
    while (conn->out_len > 0 || conn->pattern_left > 0) {
        size_t body = conn->pattern_left < PATTERN_LEN ? conn->pattern_left : PATTERN_LEN;
        struct iovec parts[2] = {
            { conn->out + conn->out_off, conn->out_len - conn->out_off },
            { pattern + conn->pattern_off % PATTERN_PERIOD, body },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);

        if (sent < 0) {
            if (errno != EAGAIN)
                conn_kill(conn);
            return false;
        }
        conn_sent(conn, (size_t)sent);
    }
    while (conn->stash != NULL) {
        ssize_t sent = send(conn->fd, conn->stash + conn->stash_off, conn->stash_len - conn->stash_off, MSG_NOSIGNAL);

        if (sent < 0) {
            if (errno != EAGAIN)
                conn_kill(conn);
            return false;
        }
        conn->stash_off += (size_t)sent;
        if (conn->stash_off == conn->stash_len) {
            free(conn->stash);
            conn->stash = NULL;
        }
    }
    return true;
}

static void conn_echo(struct origin_conn *conn, const char *data, size_t len)
{
    ssize_t sent = send(conn->fd, data, len, MSG_NOSIGNAL);

    if (sent == (ssize_t)len)
        return;
    if (sent < 0 && errno != EAGAIN) {
        conn_kill(conn);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    conn->stash_off = 0;
    conn->stash_len = len - (size_t)sent;
    conn->stash = malloc(conn->stash_len);
    if (conn->stash == NULL)
        net_die("malloc");
    memcpy(conn->stash, data + sent, conn->stash_len);
}

static void answer_head(struct origin_conn *conn, const char *status, uint64_t len)
{
    conn->out_len = (size_t)snprintf(conn->out, sizeof(conn->out),
                                     "HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\n"
                                     "Content-Length: %llu\r\n%s\r\n",
                                     status, (unsigned long long)len, conn->close_after ? "Connection: close\r\n" : "");
}

static void answer_text(struct origin_conn *conn, const char *status, const char *text)
{
    answer_head(conn, status, strlen(text));
    if (!conn->request.head_only) {
        strcpy(conn->out + conn->out_len, text);
        conn->out_len += strlen(text);
    }
}

static void answer_pattern(struct origin_conn *conn, uint64_t len)
{
    answer_head(conn, "200 OK", len);
    conn->pattern_off = 0;
    conn->pattern_left = conn->request.head_only ? 0 : len;
}

// RFC 6455 section 4.2.2: the base64 of the SHA-1 of the key and a fixed string.
static void answer_upgrade(struct origin_conn *conn)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[128];
    char accept[29];
    unsigned char digest[SHA1_LEN + 1] = { 0 };
    int text_len = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", conn->request.websocket_key);

    sha1(digest, text, (size_t)text_len);
    for (unsigned i = 0, at = 0; i < sizeof(digest); i += 3) {
        uint32_t bits = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | digest[i + 2];

        for (unsigned shift = 24; shift > 0; shift -= 6)
            accept[at++] = digits[bits >> (shift - 6) & 63];
    }
    accept[27] = '=';
    accept[28] = '\0';
    conn->tunnel = true;
    conn->out_len = (size_t)snprintf(conn->out, sizeof(conn->out),
                                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Accept: %s\r\n\r\n",
                                     accept);
}

static void conn_answer(struct origin_conn *conn)
{
    const char *path = conn->request.path;
    char text[64];

    if (conn->request.close)
        conn->close_after = true;
    if (conn->request.upgrade)
        answer_upgrade(conn);
    else if (strcmp(path, "/128") == 0)
        answer_pattern(conn, 128);
    else if (strcmp(path, "/16k") == 0)
        answer_pattern(conn, 16384);
    else if (strcmp(path, "/1m") == 0)
        answer_pattern(conn, 1 << 20);
    else if (strncmp(path, "/bytes/", 7) == 0)
        answer_pattern(conn, net_number(path + 7, UINT64_MAX));
    else if (strcmp(path, "/sink") == 0) {
        snprintf(text, sizeof(text), "%llu %s\n", (unsigned long long)conn->body_count,
                 conn->body_differs ? "differs" : "same");
        answer_text(conn, "200 OK", text);
    } else if (strncmp(path, "/slow/", 6) == 0) {
        conn->answer_at = net_clock_us() + net_number(path + 6, 3600000) * 1000;
        conn->next = late;
        late = conn;
    } else if (strcmp(path, "/drop") == 0)
        conn_kill(conn);
    else
        answer_text(conn, "404 Not Found", "no such path\n");
}

static bool value_is(const char *value, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(value, word, len) == 0;
}

static void request_header(struct origin_request *request, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *value;
    size_t name_len, value_len;

    if (colon == NULL)
        return;
    name_len = (size_t)(colon - line);
    value = colon + 1;
    while (value < line + len && *value == ' ')
        value++;
    value_len = (size_t)(line + len - value);
    if (value_is(line, name_len, "content-length"))
        request->content_len = strtoull(value, NULL, 10);
    else if (value_is(line, name_len, "transfer-encoding"))
        request->chunked = value_is(value, value_len, "chunked");
    else if (value_is(line, name_len, "connection")) {
        if (value_is(value, value_len, "close"))
            request->close = true;
        else if (value_is(value, value_len, "keep-alive"))
            request->close = false;
    } else if (value_is(line, name_len, "upgrade"))
        request->upgrade = value_is(value, value_len, "websocket");
    else if (value_is(line, name_len, "expect"))
        request->expect = value_is(value, value_len, "100-continue");
    else if (value_is(line, name_len, "sec-websocket-key") && value_len < sizeof(request->websocket_key))
        memcpy(request->websocket_key, value, value_len);
}

// Reads the head of `len` bytes, its empty line included.
static bool request_read(struct origin_request *request, const char *head, size_t len)
{
    const char *end = head + len - 2;
    const char *line_end = memmem(head, len, "\r\n", 2);
    const char *path = memchr(head, ' ', (size_t)(line_end - head));
    const char *path_end = path == NULL ? NULL : memchr(path + 1, ' ', (size_t)(line_end - path - 1));

    memset(request, 0, sizeof(*request));
    if (path_end == NULL || (size_t)(path_end - path) > sizeof(request->path))
        return false;
    memcpy(request->path, path + 1, (size_t)(path_end - path - 1));
    request->head_only = strncmp(head, "HEAD ", 5) == 0;
    request->close = memcmp(line_end - 3, "1.0", 3) == 0;
    for (const char *line = line_end + 2; line < end;) {
        line_end = memmem(line, (size_t)(head + len - line), "\r\n", 2);
        request_header(request, line, (size_t)(line_end - line));
        line = line_end + 2;
    }
    return true;
}

static void body_take(struct origin_conn *conn, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t part = len - done < PATTERN_LEN ? len - done : PATTERN_LEN;

        if (memcmp(data + done, pattern + (conn->body_count + done) % PATTERN_PERIOD, part) != 0)
            conn->body_differs = true;
        done += part;
    }
    conn->body_count += len;
}

static void body_line(struct origin_conn *conn, const char *line, size_t len)
{
    switch (conn->body_state) {
    case BODY_SIZE:
        conn->body_left = strtoull(line, NULL, 16);
        conn->body_state = conn->body_left > 0 ? BODY_CHUNK : BODY_TRAILERS;
        break;
    case BODY_CHUNK_END:
        conn->body_state = BODY_SIZE;
        break;
    default:
        if (len > 2)
            break;
        conn->body_state = BODY_NONE;
        conn_answer(conn);
        break;
    }
}

static size_t conn_head(struct origin_conn *conn, const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    struct origin_request *request = &conn->request;

    if (end == NULL)
        return 0;
    if (!request_read(request, data, (size_t)(end + 4 - data))) {
        conn_kill(conn);
        return 0;
    }
    conn->body_count = 0;
    conn->body_differs = false;
    conn->body_left = request->content_len;
    conn->body_state = request->chunked ? BODY_SIZE : request->content_len > 0 ? BODY_COUNTED : BODY_NONE;
    if (conn->body_state == BODY_NONE)
        conn_answer(conn);
    else if (request->expect)
        conn->out_len = (size_t)snprintf(conn->out, sizeof(conn->out), "HTTP/1.1 100 Continue\r\n\r\n");
    return (size_t)(end + 4 - data);
}

// Consumes one piece of the input (a head, a line, a part of a body) and returns its length, 0 when more is needed.
static size_t conn_step(struct origin_conn *conn, const char *data, size_t len)
{
    size_t part;
    const char *end;

    switch (conn->body_state) {
    case BODY_NONE:
        return conn_head(conn, data, len);
    case BODY_COUNTED:
    case BODY_CHUNK:
        part = len < conn->body_left ? len : conn->body_left;
        body_take(conn, data, part);
        conn->body_left -= part;
        if (conn->body_left > 0)
            return part;
        if (conn->body_state == BODY_CHUNK) {
            conn->body_state = BODY_CHUNK_END;
            return part;
        }
        conn->body_state = BODY_NONE;
        conn_answer(conn);
        return part;
    default:
        end = memmem(data, len, "\r\n", 2);
        if (end == NULL)
            return 0;
        part = (size_t)(end + 2 - data);
        body_line(conn, data, part);
        return part;
    }
}

// Goes through `data` until an answer waits for the socket or for its time. Returns how much was consumed.
static size_t conn_consume(struct origin_conn *conn, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len && !conn->dead && conn->answer_at == 0 && !conn->close_after) {
        size_t step = len - done;

        if (conn->tunnel)
            conn_echo(conn, data + done, step);
        else
            step = conn_step(conn, data + done, step);
        done += step;
        if (conn->dead || step == 0 || (conn_has_output(conn) && !conn_flush(conn)))
            break;
    }
    return done;
}

static void conn_settle(struct origin_conn *conn)
{
    if (conn->dead)
        return;
    if (conn_has_output(conn))
        conn_watch(conn, EPOLLOUT);
    else if (conn->answer_at != 0)
        conn_watch(conn, 0);
    else if (conn->close_after)
        conn_kill(conn);
    else
        conn_watch(conn, EPOLLIN);
}

// Goes on with input that came while an answer stood in the way.
static void conn_resume(struct origin_conn *conn)
{
    if (conn_flush(conn) && conn->in_len > 0) {
        size_t done = conn_consume(conn, conn->in, conn->in_len);

        conn->in_len -= done;
        memmove(conn->in, conn->in + done, conn->in_len);
    }
    conn_settle(conn);
}

static void conn_read(struct origin_conn *conn)
{
    bool body = conn->in_len == 0 && (conn->body_state == BODY_COUNTED || conn->body_state == BODY_CHUNK);
    char *into = body ? scratch : conn->in + conn->in_len;
    size_t room = body ? sizeof(scratch) : sizeof(conn->in) - conn->in_len;
    ssize_t got;
    size_t done;

    // A body's bytes go through the large scratch buffer, but never beyond the body: what follows belongs in `in`.
    if (body && room > conn->body_left)
        room = conn->body_left;
    got = room > 0 ? recv(conn->fd, into, room, 0) : 0;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            conn_kill(conn);
        return;
    }
    if (body) {
        conn_consume(conn, scratch, (size_t)got);
    } else {
        conn->in_len += (size_t)got;
        done = conn_consume(conn, conn->in, conn->in_len);
        conn->in_len -= done;
        if (conn->in_len > 0)
            memmove(conn->in, conn->in + done, conn->in_len);
    }
    conn_settle(conn);
}

static void conn_event(struct origin_conn *conn, uint32_t events)
{
    if (conn->dead)
        return;
    if ((events & EPOLLIN) != 0)
        conn_read(conn);
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        conn_kill(conn);
    else if ((events & EPOLLOUT) != 0)
        conn_resume(conn);
}

static void origin_accept(int listen_fd)
{
    int fd;

    while ((fd = net_accept(listen_fd)) >= 0) {
        struct origin_conn *conn = malloc(sizeof(*conn));

        if (conn == NULL)
            net_die("malloc");
        memset(conn, 0, offsetof(struct origin_conn, in));
        conn->fd = fd;
        conn->events = UINT32_MAX;
        conn_watch(conn, EPOLLIN);
    }
}

// Gives the late answers which are due and returns the milliseconds to the next one, -1 when there is none.
static int late_run(void)
{
    uint64_t now = late != NULL ? net_clock_us() : 0;
    uint64_t next = UINT64_MAX;

    for (struct origin_conn **at = &late; *at != NULL;) {
        struct origin_conn *conn = *at;

        if (conn->answer_at > now) {
            next = conn->answer_at < next ? conn->answer_at : next;
            at = &conn->next;
            continue;
        }
        *at = conn->next;
        conn->answer_at = 0;
        answer_pattern(conn, 128);
        conn_resume(conn);
    }
    return next == UINT64_MAX ? -1 : (int)((next - now) / 1000 + 1);
}

int main(int argc, char **argv)
{
    struct epoll_event events[ORIGIN_EVENTS];
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    int listen_fd;

    if (argc > 2)
        net_usage("origin [PORT]");
    net_raise_nofile();
    pattern_init();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        net_die("epoll_create1");
    listen_fd = net_listen(argc == 2 ? (uint16_t)net_number(argv[1], 65535) : 0);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0)
        net_die("epoll_ctl");
    for (;;) {
        int num_events = epoll_wait(epoll_fd, events, ORIGIN_EVENTS, late_run());

        if (num_events < 0 && errno != EINTR)
            net_die("epoll_wait");
        for (int i = 0; i < num_events; i++) {
            if (events[i].data.ptr == NULL)
                origin_accept(listen_fd);
            else
                conn_event(events[i].data.ptr, events[i].events);
        }
        dead_free();
    }
}
