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

struct log_stream *log_stream_new(struct log_table *table, const struct log_sink_entry *entry)
{
    struct log_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    *stream = (struct log_stream){ .entry = entry, .table = table, .fd = -1, .cap = entry->stream.cap };
    stream->buf = malloc(stream->cap);
    if (!stream->buf) {
        free(stream);
        return NULL;
    }
    return stream;
}

static void drop(struct log_stream *stream, uint64_t num)
{
    atomic_fetch_add_explicit(&stream->table->dropped, num, memory_order_relaxed);
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
    drop(stream, stream->num_lines);
    disconnect(stream, 0);
    free(stream->buf);
    free(stream);
}

void log_stream_add(struct log_stream *stream, const char *line, size_t len)
{
    char head[STREAM_HEAD_MAX];
    int head_len = 0;
    if (stream->entry->stream.octets) {
        len -= len > 0 && line[len - 1] == '\n';
        head_len = snprintf(head, sizeof(head), "%zu ", len);
    }
    must(head_len >= 0 && head_len < STREAM_HEAD_MAX);
    uint32_t frame_len = (uint32_t)(len + (size_t)head_len);
    if (stream->len + frame_len + sizeof(frame_len) > stream->cap) {
        drop(stream, 1);
        return;
    }
    if (stream->start + stream->len + frame_len + sizeof(frame_len) > stream->cap) {
        memmove(stream->buf, stream->buf + stream->start, stream->len);
        stream->start = 0;
    }
    char *at = stream->buf + stream->start + stream->len;
    memcpy(at, &frame_len, sizeof(frame_len));
    memcpy(at + sizeof(frame_len), head, (size_t)head_len);
    memcpy(at + sizeof(frame_len) + head_len, line, len);
    stream->len += frame_len + sizeof(frame_len);
    stream->num_lines++;
}

static bool begin(struct log_stream *stream, uint64_t now_us)
{
    const struct log_address *to = &stream->entry->to;
    if (now_us < stream->retry_us)
        return false;
    stream->fd = socket(to->socket.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0) {
        disconnect(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    stream->due_us = now_us + stream->entry->stream.connect_us;
    if (connect(stream->fd, &to->socket.sa, to->socket_len) == 0) {
        stream->state = LOG_STREAM_OPEN;
    } else if (errno == EINPROGRESS) {
        stream->state = LOG_STREAM_CONNECTING;
    } else {
        disconnect(stream, now_us + STREAM_RETRY_US);
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
            disconnect(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof(error) }) < 0 || error) {
        disconnect(stream, now_us + STREAM_RETRY_US);
        return false;
    }
    stream->state = LOG_STREAM_OPEN;
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
        uint32_t frame_len;
        memcpy(&frame_len, stream->buf + stream->start, sizeof(frame_len));
        size_t left = frame_len - stream->done;
        if (sent < left) {
            stream->done += (uint32_t)sent;
            break;
        }
        sent -= left;
        stream->done = 0;
        stream->start += sizeof(frame_len) + frame_len;
        stream->len -= sizeof(frame_len) + frame_len;
        lines++;
    }
    stream->num_lines -= (uint32_t)lines;
    atomic_fetch_add_explicit(&stream->table->sent, lines, memory_order_relaxed);
}

// Up to a batch of frames in one call; false where no more can be sent now.
static bool send_some(struct log_stream *stream, uint64_t now_us)
{
    struct iovec parts[STREAM_BATCH];
    struct msghdr message = { .msg_iov = parts };
    size_t at = stream->start, total = 0;
    while (message.msg_iovlen < STREAM_BATCH && at < stream->start + stream->len) {
        uint32_t frame_len, skip = message.msg_iovlen ? 0 : stream->done;
        memcpy(&frame_len, stream->buf + at, sizeof(frame_len));
        parts[message.msg_iovlen++] =
            (struct iovec){ .iov_base = stream->buf + at + sizeof(frame_len) + skip, .iov_len = frame_len - skip };
        total += frame_len - skip;
        at += sizeof(frame_len) + frame_len;
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
    if (!stream->num_lines)
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
