// SPDX-License-Identifier: Apache-2.0
// The unique id of a request (unique-id-format): made once, when it is first asked for.
#include <stdlib.h>
#include "expr/fetch.h"
#include "stream/log.h"
#include "stream/steps.h"

enum { UNIQUE_ID_MAX = 128 };

struct slice stream_unique_id(struct stream *stream)
{
    const struct proxy_format *format = stream->session->conf->unique_id;
    const uint32_t request = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY;
    // Later the request's head, which the format may look at, is gone.
    if (stream->unique_id.ptr || !format || !format->format || !stream->head_valid || !(stream->subject.when & request))
        return stream->unique_id;
    char *text = malloc(UNIQUE_ID_MAX);
    if (!text)
        return stream->unique_id;
    size_t len = expr_format_write(format->format, &stream->subject, text, UNIQUE_ID_MAX, NULL);
    stream->unique_id = slice_of(text, len);
    return stream->unique_id;
}

static bool fetch_unique_id(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    (void)args, (void)walk;
    if (!subject->stream)
        return false;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = stream_unique_id(subject->stream) };
    return out->str.len > 0;
}

static const struct expr_fetch fetches[] = {
    { .name = "unique-id",
      .out = EXPR_STR,
      .when = EXPR_FROM_CONNECT,
      .fetch = fetch_unique_id,
      .help = "The unique id of the request, which unique-id-format makes.",
      .good = "unique-id -m found" },
};
EXPR_FETCHES(fetches);
