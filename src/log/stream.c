// SPDX-License-Identifier: Apache-2.0
#include "log/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"

enum { STREAM_RETRY_US = 1000000, STREAM_BATCH = 64, STREAM_HEAD_MAX = 12 };

struct frame {
    struct log_mark mark;
    uint32_t len;
};

struct log_stream *log_stream_new(struct board *board, struct log_table *table, struct log_sink_entry *entry)
{
    struct log_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    *stream =
        (struct log_stream){ .entry = entry, .board = board, .table = table, .fd = -1, .cap = entry->stream.cap };
    stream->buf = malloc(stream->cap);
    if (!stream->buf) {
        free(stream);
        return NULL;
    }
    return stream;
}

static void drop(struct log_stream *stream, const struct log_mark *mark)
{
    board_ring_done(stream->board, mark->inc, mark->at);
    atomic_fetch_add_explicit(&stream->table->dropped, 1, memory_order_relaxed);
}

static void set_failing(struct log_stream *stream, bool is_failing)
{
    atomic_store_explicit(&stream->entry->is_failing, is_failing, memory_order_relaxed);
}

static void disconnect(struct log_stream *stream, uint64_t retry_us)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    stream->state = LOG_STREAM_CLOSED;
    stream->done = 0; // a line cut in two is sent again, whole
    stream->due_us = 0;
    stream->retry_us = retry_us;
}

void log_stream_free(struct log_stream *stream)
{
    if (!stream)
        return;
    disconnect(stream, 0);
    free(stream->buf);
    free(stream);
}

void log_stream_forget(struct log_stream *stream)
{
    if (stream->done)
        disconnect(stream, 0);
    stream->start = stream->len = 0;
    stream->num_lines = 0;
}

// Takes the first frame out.
static void frame_done(struct log_stream *stream, const struct frame *frame)
{
    board_ring_done(stream->board, frame->mark.inc, frame->mark.at);
    stream->start += sizeof(*frame) + frame->len;
    stream->len -= sizeof(*frame) + frame->len;
    stream->num_lines--;
    stream->done = 0;
}

void log_stream_lose(struct log_stream *stream)
{
    atomic_fetch_add_explicit(&stream->table->dropped, stream->num_lines, memory_order_relaxed);
    while (stream->num_lines) {
        struct frame frame;
        memcpy(&frame, stream->buf + stream->start, sizeof(frame));
        frame_done(stream, &frame);
    }
}

void log_stream_add(struct log_stream *stream, const char *line, size_t len, const struct log_mark *mark)
{
    char head[STREAM_HEAD_MAX];
    int head_len = 0;
    if (stream->entry->stream.octets) {
        len -= len > 0 && line[len - 1] == '\n';
        head_len = snprintf(head, sizeof(head), "%zu ", len);
    }
    must(head_len >= 0 && head_len < STREAM_HEAD_MAX);
    struct frame frame = { .mark = *mark, .len = (uint32_t)(len + (size_t)head_len) };
    if (stream->len + frame.len + sizeof(frame) > stream->cap) {
        drop(stream, mark);
        return;
    }
    if (stream->start + stream->len + frame.len + sizeof(frame) > stream->cap) {
        memmove(stream->buf, stream->buf + stream->start, stream->len);
        stream->start = 0;
    }
    char *at = stream->buf + stream->start + stream->len;
    memcpy(at, &frame, sizeof(frame));
    memcpy(at + sizeof(frame), head, (size_t)head_len);
    memcpy(at + sizeof(frame) + head_len, line, len);
    stream->len += frame.len + sizeof(frame);
    stream->num_lines++;
}

static void fail(struct log_stream *stream, uint64_t retry_us)
{
    set_failing(stream, true);
    disconnect(stream, retry_us);
}

static bool begin(struct log_stream *stream, uint64_t now_us)
{
    const struct log_address *to = &stream->entry->to;
    if (now_us < stream->retry_us)
        return false;
    stream->fd = socket(to->socket.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0) {
        fail(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    stream->due_us = now_us + stream->entry->stream.connect_us;
    if (connect(stream->fd, &to->socket.sa, to->socket_len) == 0) {
        stream->state = LOG_STREAM_OPEN;
        set_failing(stream, false);
    } else if (errno == EINPROGRESS) {
        stream->state = LOG_STREAM_CONNECTING;
    } else {
        fail(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    return true;
}

// Whether a connection in the making is there; one that takes too long is given up.
static bool connected(struct log_stream *stream, uint64_t now_us)
{
    struct pollfd ready = { .fd = stream->fd, .events = POLLOUT };
    int error = 0;
    if (poll(&ready, 1, 0) <= 0) {
        if (now_us >= stream->due_us)
            fail(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) }) < 0 || error) {
        fail(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    stream->state = LOG_STREAM_OPEN;
    set_failing(stream, false);
    stream->due_us = 0;
    return true;
}

// A server that has closed would take one more write and lose it: its end is looked for first. What it says is nothing
// to a logger.
static bool is_alive(struct log_stream *stream, uint64_t now_us)
{
    char bin[512];
    ssize_t got = recv(stream->fd, bin, sizeof(bin), MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
        return true;
    disconnect(stream, now_us); // it was there: it may be back at once
    return false;
}

static void take_sent(struct log_stream *stream, size_t sent)
{
    uint64_t lines = 0;
    while (sent) {
        struct frame frame;
        memcpy(&frame, stream->buf + stream->start, sizeof(frame));
        size_t left = frame.len - stream->done;
        if (sent < left) {
            stream->done += (uint32_t)sent;
            break;
        }
        sent -= left;
        frame_done(stream, &frame);
        lines++;
    }
    atomic_fetch_add_explicit(&stream->table->sent, lines, memory_order_relaxed);
}

// Up to a batch of frames in one call; false where no more can be sent now.
static bool send_some(struct log_stream *stream, uint64_t now_us)
{
    struct iovec parts[STREAM_BATCH];
    struct msghdr message = { .msg_iov = parts };
    size_t at = stream->start, total = 0;
    while (message.msg_iovlen < STREAM_BATCH && at < stream->start + stream->len) {
        struct frame frame;
        uint32_t skip = message.msg_iovlen ? 0 : stream->done;
        memcpy(&frame, stream->buf + at, sizeof(frame));
        parts[message.msg_iovlen++] =
            (struct iovec){ .iov_base = stream->buf + at + sizeof(frame) + skip, .iov_len = frame.len - skip };
        total += frame.len - skip;
        at += sizeof(frame) + frame.len;
    }
    ssize_t sent = sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        stream->due_us = 0;
        take_sent(stream, (size_t)sent);
        return (size_t)sent == total;
    }
    if (sent < 0 && errno == EINTR)
        return true;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        disconnect(stream, now_us + STREAM_RETRY_US);
    else if (!stream->due_us)
        stream->due_us = now_us + stream->entry->stream.server_us;
    else if (now_us >= stream->due_us)
        disconnect(stream, now_us + STREAM_RETRY_US);
    return false;
}

void log_stream_run(struct log_stream *stream, uint64_t now_us)
{
    // One that failed is tried again even so, to know when it is back.
    if (!stream->num_lines && !atomic_load_explicit(&stream->entry->is_failing, memory_order_relaxed))
        return;
    if (stream->state == LOG_STREAM_OPEN)
        is_alive(stream, now_us);
    if (stream->state == LOG_STREAM_CLOSED && !begin(stream, now_us))
        return;
    if (stream->state == LOG_STREAM_CONNECTING && !connected(stream, now_us))
        return;
    while (stream->num_lines && send_some(stream, now_us))
        ;
}
