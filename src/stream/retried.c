// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "stream/trace.h"

static const struct {
    char letter;
    enum proxy_counter counter;
    const char *text;
} reasons[] = {
    [STREAM_RETRY_CONNECT] = { 'C', PROXY_COUNT_RETRY_CONNECT, "no connection" },
    [STREAM_RETRY_CONNECT_TIMEOUT] = { 'c', PROXY_COUNT_RETRY_CONNECT, "no connection in time" },
    [STREAM_RETRY_EMPTY] = { 'E', PROXY_COUNT_RETRY_EMPTY, "the connection ended before an answer" },
    [STREAM_RETRY_JUNK] = { 'J', PROXY_COUNT_RETRY_JUNK, "the answer was none of HTTP, or cut" },
    [STREAM_RETRY_TIMEOUT] = { 'T', PROXY_COUNT_RETRY_TIMEOUT, "no answer in time" },
    [STREAM_RETRY_STATUS] = { 'S', PROXY_COUNT_RETRY_STATUS, "the answer's status" },
    [STREAM_RETRY_STALE] = { 'K', PROXY_COUNT_POOL_RETRIES, "the server had closed the pooled connection" },
    [STREAM_RETRY_UNREAD] = { 'k', PROXY_COUNT_RETRY_UNREAD, "the server read nothing of it" },
};

void stream_note_retry(struct stream *stream, enum stream_retry_reason why)
{
    size_t len = strlen(stream->retried);
    STREAM_TRACE(stream, STREAM, USER, STRM_RETRY, "tries again: %s", reasons[why].text);
    backend_count(stream->server->counters, reasons[why].counter, 1);
    // Of servers alone the last two are counted as yet: the backend's is their sum.
    if (why < STREAM_RETRY_STALE)
        backend_count(stream->backend->counters, reasons[why].counter, 1);
    if (len + 1 < sizeof(stream->retried))
        stream->retried[len] = reasons[why].letter;
}
