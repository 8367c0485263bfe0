// SPDX-License-Identifier: Apache-2.0
// Which requests are for a proxy's status page, and who may see it.
#include <openssl/base64.h>
#include <openssl/mem.h>
#include "proxy/stats_conf.h"
#include "stream/http_fetch.h"
#include "stream/service.h"
#include "stream/stats.h"

bool stream_stats_asked(const struct stream *stream, const struct stats_conf *stats)
{
    const struct http_head *head = &stream->request;
    if (head->method != HTTP_METHOD_GET && head->method != HTTP_METHOD_HEAD && head->method != HTTP_METHOD_POST)
        return false;
    struct slice uri = stats->uri.ptr[0] == '/' ? http_head_pathq(head) : http_head_target(head);
    return stats->service && uri.len >= stats->uri.len && memcmp(uri.ptr, stats->uri.ptr, stats->uri.len) == 0;
}

bool stream_stats_served(const struct stream *stream)
{
    return stream->serving && stream->serving->what;
}

// How long that takes tells nothing but lengths.
static bool is_equal(struct slice given, struct slice known)
{
    return given.len == known.len && CRYPTO_memcmp(given.ptr, known.ptr, given.len) == 0;
}

bool stream_stats_known(struct stream *stream, const struct stats_conf *stats)
{
    struct slice name, password;
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    uint32_t mark = expr_scratch_mark(scratch);
    bool known = false;
    if (stream_credentials(&stream->subject, &name, &password))
        for (const struct stats_user *user = stats->users; user; user = user->next) {
            bool is_name = is_equal(name, user->name), is_password = is_equal(password, user->password);
            known |= is_name && is_password;
        }
    expr_scratch_release(scratch, mark);
    return known;
}
