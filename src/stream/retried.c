// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "stream/steps.h"

static const struct {
    char letter;
    enum proxy_counter counter;
} reasons[] = {
    [STREAM_RETRY_CONNECT] = { 'C', PROXY_COUNT_RETRY_CONNECT },
    [STREAM_RETRY_CONNECT_TIMEOUT] = { 'c', PROXY_COUNT_RETRY_CONNECT },
    [STREAM_RETRY_EMPTY] = { 'E', PROXY_COUNT_RETRY_EMPTY },
    [STREAM_RETRY_JUNK] = { 'J', PROXY_COUNT_RETRY_JUNK },
    [STREAM_RETRY_TIMEOUT] = { 'T', PROXY_COUNT_RETRY_TIMEOUT },
    [STREAM_RETRY_STATUS] = { 'S', PROXY_COUNT_RETRY_STATUS },
    [STREAM_RETRY_STALE] = { 'K', PROXY_COUNT_POOL_RETRIES },
    [STREAM_RETRY_UNREAD] = { 'k', PROXY_COUNT_RETRY_UNREAD },
};

void stream_note_retry(struct stream *stream, enum stream_retry_reason why)
{
    size_t len = strlen(stream->retried);
    backend_count(stream->server->counters, reasons[why].counter, 1);
    // Of servers alone the last two are counted as yet: the backend's is their sum.
    if (why < STREAM_RETRY_STALE)
        backend_count(stream->backend->counters, reasons[why].counter, 1);
    if (len + 1 < sizeof(stream->retried))
        stream->retried[len] = reasons[why].letter;
}
