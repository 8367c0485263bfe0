// SPDX-License-Identifier: Apache-2.0
// Heads with http_head.lax, requests and answers: one answer however they are cut and whichever scanner reads them, and
// what is accepted can be written, its fields of framing unchanged.
#include "fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum http_parse parse_request(struct http_head *head, enum http_bad *bad, size_t len)
{
    head->lax = true;
    return http_head_parse_request(head, bad, len);
}

static enum http_parse parse_response(struct http_head *head, enum http_bad *bad, size_t len)
{
    head->lax = true;
    return http_head_parse_response(head, bad, len);
}

static void written(fuzz_parse parse, const struct http_head *head)
{
    static char text[2 * FUZZ_INPUT_MAX];
    static struct fuzz_head again;
    static struct http_edits edits;
    uint32_t flags = HTTP_HEAD_CHUNKED | HTTP_HEAD_LENGTH;
    http_edits_init(&edits, NULL, 0);
    size_t text_len = http_head_write(text, sizeof(text), head, &edits);
    must(text_len > 0);
    // As HTTP/1.1 it lacks its Host.
    if (!head->is_response && !head->first[HTTP_FIELD_HOST])
        return;
    fuzz_begin(&again);
    fuzz_feed(&again, parse, text, text_len);
    must(again.result == HTTP_PARSE_DONE && again.head.len == text_len);
    must((again.head.flags & flags) == (head->flags & flags) && again.head.status == head->status);
    must(again.head.content_length == head->content_length && again.head.target_len == head->target_len);
}

static void check(fuzz_parse parse, const char *data, size_t len)
{
    static struct fuzz_head whole, cut;
    uint32_t state = fuzz_seed((const uint8_t *)data, len);
    must(http_scan_use(HTTP_SCAN_PORTABLE));
    fuzz_begin(&whole);
    fuzz_feed(&whole, parse, data, len);
    for (unsigned scan = HTTP_SCAN_PORTABLE; scan <= HTTP_SCAN_AVX2; scan++) {
        if (!http_scan_use((enum http_scan)scan))
            continue;
        fuzz_begin(&cut);
        for (size_t at = 0; at < len && cut.result == HTTP_PARSE_MORE;) {
            at += 1 + fuzz_random(&state) % (len - at);
            fuzz_feed(&cut, parse, data, at);
        }
        fuzz_same(&whole, &cut);
    }
    if (whole.result == HTTP_PARSE_DONE)
        written(parse, &whole.head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    len = len > FUZZ_INPUT_MAX ? FUZZ_INPUT_MAX : len;
    if (!len)
        return 0;
    check(parse_request, (const char *)data, len);
    check(parse_response, (const char *)data, len);
    return 0;
}
