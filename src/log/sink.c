// SPDX-License-Identifier: Apache-2.0
#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "board/events.h"
#include "board/trace.h"
#include "log/format.h"

enum { SINK_RETRY_US = 1000000, SINK_BATCH_LEN = 16384 };

// Lines that are sent or lost: their records are done.
static void count_done(struct log_sink *sink, const struct log_mark *marks, uint32_t num, _Atomic uint64_t *total)
{
    for (uint32_t i = 0; i < num; i++)
        board_ring_done(sink->board, marks[i].inc, marks[i].at);
    if (num)
        atomic_fetch_add_explicit(total, num, memory_order_relaxed);
}

void log_sink_lose(struct log_sink *sink)
{
    if (sink->kind == LOG_SINK_CONNECTION)
        log_stream_lose(sink->stream);
    count_done(sink, sink->marks, sink->num_lines, &sink->table->dropped);
    sink->num_lines = 0;
    sink->len = 0;
}

void log_sink_forget(struct log_sink *sink)
{
    if (sink->stream)
        log_stream_forget(sink->stream);
    sink->num_lines = 0;
    sink->len = 0;
}

void log_sink_init(struct log_sink *sink, struct board *board, struct log_table *table, struct log_sink_entry *entry)
{
    memset(sink, 0, sizeof(*sink));
    sink->board = board;
    sink->entry = entry;
    sink->table = table;
    sink->fd = -1;
}

static void sink_close(struct log_sink *sink)
{
    if (sink->owned)
        close(sink->fd);
    sink->fd = -1;
    sink->owned = false;
    sink->kind = LOG_SINK_CLOSED;
}

void log_sink_fini(struct log_sink *sink)
{
    sink_close(sink);
    log_stream_free(sink->stream);
    free(sink->buf);
    sink->buf = NULL;
}

static bool open_ring(struct log_sink *sink)
{
    char name[TRACE_SINK_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, sink->entry->to.socket.un.sun_path);
    const struct trace_sink *found = trace_sink_find(name);
    sink->ring = found ? found->events : NULL;
    sink->kind = found ? LOG_SINK_RING : LOG_SINK_CLOSED;
    return found != NULL;
}

// A unix socket is connected, since its path may be out of reach later (chroot). A UDP socket is not: connected, it
// would report the ICMP errors of one message as the failure of the next.
static bool open_datagram(struct log_sink *sink)
{
    const struct log_address *to = &sink->entry->to;
    int fd = socket(to->socket.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (to->socket.sa.sa_family == AF_UNIX && connect(fd, &to->socket.sa, to->socket_len) < 0) {
        close(fd);
        return false;
    }
    shutdown(fd, SHUT_RD);
    sink->fd = fd;
    sink->owned = true;
    sink->kind = LOG_SINK_DATAGRAM;
    return true;
}

// A pipe or terminal that others write to as well must not become non-blocking for them: opened a second time it has
// flags of its own. Where that is not possible the flag is set on the shared one, as writing must never wait.
static void open_unblocked(struct log_sink *sink, int fd)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    sink->fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (sink->fd >= 0) {
        sink->owned = true;
        return;
    }
    sink->fd = fd;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool open_fd(struct log_sink *sink)
{
    int fd = sink->entry->to.fd, type = 0;
    struct stat st;
    if (sink->owned) { // it failed, and may not any more
        sink->kind = LOG_SINK_FILE;
        return true;
    }
    if (fstat(fd, &st) < 0)
        return false;
    if (S_ISSOCK(st.st_mode)) {
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) });
        sink->kind = type == SOCK_STREAM ? LOG_SINK_STREAM_SOCKET : LOG_SINK_DATAGRAM;
        sink->fd = fd;
        return true;
    }
    sink->kind = LOG_SINK_FILE;
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
        open_unblocked(sink, fd);
    else
        sink->fd = fd;
    if (S_ISFIFO(st.st_mode))
        sink->batch_max = PIPE_BUF;
    return true;
}

bool log_sink_open(struct log_sink *sink, uint64_t now_us)
{
    if (sink->kind != LOG_SINK_CLOSED)
        return true;
    if (now_us < sink->retry_us)
        return false;
    sink->retry_us = now_us + SINK_RETRY_US;
    if (sink->entry->to.kind == LOG_ADDRESS_STREAM) {
        sink->stream = log_stream_new(sink->board, sink->table, sink->entry);
        sink->kind = sink->stream ? LOG_SINK_CONNECTION : LOG_SINK_CLOSED;
        return sink->stream != NULL;
    }
    if (sink->entry->to.kind == LOG_ADDRESS_RING)
        return open_ring(sink);
    if (!sink->buf) {
        size_t longest = sink->entry->max_len < LOG_LINE_MAX ? sink->entry->max_len + 1 : LOG_LINE_MAX;
        sink->cap = longest > SINK_BATCH_LEN ? longest : SINK_BATCH_LEN;
        sink->buf = malloc(sink->cap);
        if (!sink->buf)
            return false;
    }
    sink->batch_max = sink->cap;
    return sink->entry->to.kind == LOG_ADDRESS_FD ? open_fd(sink) : open_datagram(sink);
}

// Drops the first `done` bytes of the buffer, in which `lines` lines ended.
static void drop_front(struct log_sink *sink, size_t done, uint32_t lines)
{
    sink->num_lines -= lines;
    for (uint32_t i = 0; i < sink->num_lines; i++) {
        sink->ends[i] = sink->ends[i + lines] - (uint32_t)done;
        sink->marks[i] = sink->marks[i + lines];
    }
    memmove(sink->buf, sink->buf + done, sink->len - done);
    sink->len -= done;
}

static void consume(struct log_sink *sink, size_t done)
{
    uint32_t lines = 0;
    while (lines < sink->num_lines && sink->ends[lines] <= done)
        lines++;
    count_done(sink, sink->marks, lines, &sink->table->sent);
    drop_front(sink, done, lines);
}

// One write; what it leaves waits for the next call. A descriptor that fails for another reason than being full (a
// reader that is gone, a full disk) loses what waits and is left alone for a second.
static void flush_stream(struct log_sink *sink, uint64_t now_us)
{
    ssize_t done;
    do {
        if (sink->kind == LOG_SINK_STREAM_SOCKET)
            done = send(sink->fd, sink->buf, sink->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            done = write(sink->fd, sink->buf, sink->len);
    } while (done < 0 && errno == EINTR);
    if (done > 0) {
        consume(sink, (size_t)done);
    } else if (done == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        // What was opened a second time is kept: a confined controller could not do it again.
        log_sink_lose(sink);
        if (sink->owned)
            sink->kind = LOG_SINK_CLOSED;
        else
            sink_close(sink);
        sink->retry_us = now_us + SINK_RETRY_US;
    }
}

static bool peer_is_gone(int error)
{
    return error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET || error == EPIPE || error == EBADF ||
           error == EDESTADDRREQ;
}

// Sends datagrams from the one at `first` on; returns how many went before the first failure, with errno for that one.
static uint32_t send_datagrams(struct log_sink *sink, uint32_t first)
{
    const struct log_address *to = &sink->entry->to;
    bool named = to->kind == LOG_ADDRESS_DATAGRAM && to->socket.sa.sa_family != AF_UNIX;
    struct mmsghdr messages[LOG_SINK_BATCH];
    struct iovec parts[LOG_SINK_BATCH];
    memset(messages, 0, sizeof(messages));
    uint32_t last = sink->num_lines - first > LOG_SINK_BATCH ? first + LOG_SINK_BATCH : sink->num_lines;
    for (uint32_t i = first; i < last; i++) {
        uint32_t start = i ? sink->ends[i - 1] : 0;
        struct msghdr *head = &messages[i - first].msg_hdr;
        parts[i - first] = (struct iovec){ .iov_base = sink->buf + start, .iov_len = sink->ends[i] - start };
        head->msg_iov = &parts[i - first];
        head->msg_iovlen = 1;
        head->msg_name = named ? (void *)&to->socket : NULL;
        head->msg_namelen = named ? to->socket_len : 0;
    }
    int done;
    do {
        done = sendmmsg(sink->fd, messages, last - first, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (done < 0 && errno == EINTR);
    return done > 0 ? (uint32_t)done : 0;
}

// The queue of a unix socket's reader is short (ten datagrams unless the system says otherwise), so that a batch fills
// it although the reader is quick: the rest waits for the next call. Of a network nothing tells when it would be heard.
static bool may_wait(const struct log_sink *sink, int error)
{
    const struct log_address *to = &sink->entry->to;
    return (error == EAGAIN || error == EWOULDBLOCK) && to->kind == LOG_ADDRESS_DATAGRAM &&
           to->socket.sa.sa_family == AF_UNIX;
}

// A unix socket whose reader was started anew is opened again on the spot, once, so that its restart loses nothing.
static void flush_datagrams(struct log_sink *sink, uint64_t now_us)
{
    bool reopened = false;
    uint32_t at = 0;
    while (at < sink->num_lines && sink->kind != LOG_SINK_CLOSED) {
        uint32_t done = send_datagrams(sink, at);
        count_done(sink, &sink->marks[at], done, &sink->table->sent);
        at += done;
        if (done > 0 || at == sink->num_lines)
            continue;
        if (peer_is_gone(errno)) {
            sink_close(sink);
            sink->retry_us = reopened ? now_us + SINK_RETRY_US : 0;
            reopened = true;
            log_sink_open(sink, now_us);
            continue;
        }
        if (may_wait(sink, errno)) {
            drop_front(sink, at ? sink->ends[at - 1] : 0, at);
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            break;
        count_done(sink, &sink->marks[at++], 1, &sink->table->dropped); // this one alone: too long, or not allowed
    }
    count_done(sink, &sink->marks[at], sink->num_lines - at, &sink->table->dropped);
    sink->num_lines = 0;
    sink->len = 0;
}

void log_sink_flush(struct log_sink *sink, uint64_t now_us)
{
    if (sink->kind == LOG_SINK_CONNECTION) {
        log_stream_run(sink->stream, now_us);
        return;
    }
    if (sink->num_lines == 0)
        return;
    if (sink->kind == LOG_SINK_DATAGRAM)
        flush_datagrams(sink, now_us);
    else if (sink->kind != LOG_SINK_CLOSED)
        flush_stream(sink, now_us);
}

static bool fits(const struct log_sink *sink, size_t len)
{
    if (sink->len + len > sink->cap || sink->num_lines == LOG_SINK_LINES)
        return false;
    return sink->len == 0 || sink->len + len <= sink->batch_max;
}

bool log_sink_waits(const struct log_sink *sink)
{
    return sink->num_lines || (sink->stream && sink->stream->num_lines);
}

void log_sink_add(struct log_sink *sink, const char *line, size_t len, const struct log_mark *mark, uint64_t now_us)
{
    bool open = log_sink_open(sink, now_us);
    if (sink->kind == LOG_SINK_CONNECTION) {
        log_stream_add(sink->stream, line, len, mark);
        return;
    }
    if (sink->kind == LOG_SINK_RING) {
        bool is_kept = board_events_put(sink->board, sink->ring, slice_of(line, len), (struct slice){ 0 });
        count_done(sink, mark, 1, is_kept ? &sink->table->sent : &sink->table->dropped);
        return;
    }
    bool is_batch = sink->kind == LOG_SINK_DATAGRAM && sink->num_lines && sink->num_lines % LOG_SINK_BATCH == 0;
    if (open && (is_batch || !fits(sink, len))) {
        log_sink_flush(sink, now_us);
        open = log_sink_open(sink, now_us);
    }
    if (!open || !fits(sink, len)) {
        count_done(sink, mark, 1, &sink->table->dropped);
        return;
    }
    memcpy(sink->buf + sink->len, line, len);
    sink->len += len;
    sink->ends[sink->num_lines] = (uint32_t)sink->len;
    sink->marks[sink->num_lines++] = *mark;
}
