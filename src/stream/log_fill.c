// SPDX-License-Identifier: Apache-2.0
// What a log line tells of a stream, and the copy of it for tunnels that outlive theirs.
#include <stdlib.h>
#include <sys/socket.h>
#include "stream/stats.h"
#include "stream/capture.h"
#include "stream/log.h"

// Time in the queue: until it was left, or until now where it was not.
static int64_t queue_time(const struct stream *stream)
{
    const struct stream_times *times = &stream->times;
    uint64_t end_us = times->queued_us;
    if (!end_us && stream->end_phase == 'Q')
        end_us = stream->ctx->loop->now_us;
    return times->head_us && end_us ? (int64_t)(end_us - times->head_us) : -1;
}

void stream_log_fill(struct stream_log *log, const struct stream *stream)
{
    bool is_http = stream->session->conf->mode == PROXY_MODE_HTTP;
    *log = (struct stream_log){
        .session = stream->session,
        .frontend = stream->session->conf,
        .backend = stream->backend,
        .server = stream->server,
        .status_page = stream_stats_served(stream),
        .times = stream->times,
        .src = stream->wishes.src,
        .dst = stream->wishes.dst,
        .source = stream->source,
        .end_us = stream->ctx->loop->now_us,
        .bytes_in = stream->bytes_in,
        .bytes_out = stream->bytes_out,
        .id = stream->id,
        .retries = stream->retries,
        .queue_before = stream->queue_before,
        .backend_queue_before = stream->backend_queue_before,
        .status = stream->status,
        .end = stream->end,
        .log_level = stream->wishes.log_level,
        .end_phase = stream->end_phase ? stream->end_phase : '-',
        .queue_us = queue_time(stream),
        .cookie_seen = stream->cookie_seen,
        .cookie_set = stream->cookie_set,
        .redispatched = stream->redispatched,
        .is_http = is_http,
        .is_first = !is_http || stream->session->num_requests <= stream->head_valid,
        .unique_id = stream->unique_id,
        .captures = stream->captures,
    };
    memcpy(log->retried, stream->retried, sizeof(log->retried));
    if (stream->head_valid) {
        const struct http_head *head = &stream->request;
        const char *line = head->base + head->line;
        log->request_line = slice_of(line, slice_find(slice_of(line, head->len - head->line), '\r'));
    }
    uint32_t most = stream->ctx->program->global.log_uri_len;
    if (log->request_line.len > most)
        log->request_line.len = most;
}

void stream_note_source(struct stream *stream)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (getsockname(stream->back->h1.conn.source.fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&stream->source, (const struct sockaddr *)&storage, len);
}

void stream_log_fill_session(struct stream_log *log, const struct stream_ctx *ctx, const struct proxy_session *session)
{
    *log = (struct stream_log){
        .session = session,
        .frontend = session->conf,
        .times = { .idle_us = session->idle_us },
        .end_us = ctx->loop->now_us,
        .queue_us = -1,
        .end_phase = '-',
        .cookie_seen = '-',
        .cookie_set = '-',
        .is_http = session->conf->mode == PROXY_MODE_HTTP,
        .is_first = !session->num_requests,
    };
}

static struct slice keep(char **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

struct stream_log *stream_log_keep(const struct stream_log *log, uint32_t max_request_line)
{
    struct slice line = log->request_line;
    if (line.len > max_request_line)
        line.len = max_request_line;
    struct stream_log *copy = malloc(sizeof(*copy) + line.len + log->unique_id.len);
    if (!copy)
        return NULL;
    *copy = *log;
    char *at = (char *)(copy + 1);
    copy->request_line = keep(&at, line);
    copy->unique_id = keep(&at, log->unique_id);
    copy->captures = stream_captures_copy(log->captures);
    return copy;
}

void stream_log_free(struct stream_log *log)
{
    if (!log)
        return;
    stream_captures_free(log->captures);
    free(log);
}
