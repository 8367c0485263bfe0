// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "http/head_parts.h"
#include "http/names.h"
#include "http/scan.h"

enum { EMPTY_LINES_MAX = 2 };

typedef enum http_parse (*head_lines)(struct http_head *head, enum http_bad *bad, const char *end);

static head_lines read_lines = http_head_lines_portable;

bool http_scan_use(enum http_scan scan)
{
    switch (scan) {
    case HTTP_SCAN_PORTABLE:
        read_lines = http_head_lines_portable;
        break;
#if HTTP_SCAN_X86
    case HTTP_SCAN_SSE42:
        if (!__builtin_cpu_supports("sse4.2"))
            return false;
        read_lines = http_head_lines_sse42;
        break;
    case HTTP_SCAN_AVX2:
        if (!__builtin_cpu_supports("avx2"))
            return false;
        read_lines = http_head_lines_avx2;
        break;
#endif
    default:
        return false;
    }
    return true;
}

__attribute__((constructor)) static void choose_scan(void)
{
#if HTTP_SCAN_X86
    __builtin_cpu_init();
#endif
    if (!http_scan_use(HTTP_SCAN_AVX2))
        (void)http_scan_use(HTTP_SCAN_SSE42);
}

void http_head_init(struct http_head *head, struct http_field *fields, uint16_t max_fields)
{
    memset(head, 0, sizeof(*head));
    head->fields = fields;
    head->max_fields = max_fields;
}

enum http_parse http_head_refuse_line(enum http_bad *bad, bool at_start, char stop)
{
    if (stop == '\n')
        return http_head_refuse(bad, HTTP_BAD_LINE_END);
    bool blank = stop == ' ' || stop == '\t';
    return http_head_refuse(bad, at_start && blank ? HTTP_BAD_FOLD : HTTP_BAD_NAME);
}

static enum http_parse skip_empty_lines(struct http_head *head, enum http_bad *bad, size_t len)
{
    while (head->resume < len && (head->base[head->resume] == '\r' || head->base[head->resume] == '\n')) {
        const char *p = head->base + head->resume;
        if (*p == '\n')
            return http_head_refuse(bad, HTTP_BAD_LINE_END);
        if (head->num_crlf >= EMPTY_LINES_MAX)
            return http_head_refuse(bad, HTTP_BAD_METHOD);
        if (len - head->resume < 2)
            return HTTP_PARSE_MORE;
        if (p[1] != '\n')
            return http_head_refuse(bad, HTTP_BAD_LINE_END);
        head->num_crlf++;
        head->resume += 2;
    }
    return HTTP_PARSE_DONE;
}

static enum http_parse parse_lines(struct http_head *head, enum http_bad *bad, size_t len)
{
    // Offsets have 32 bits; no buffer of ours comes near that.
    must(len <= UINT32_MAX / 2);
    if (UNLIKELY(head->resume >= len))
        return HTTP_PARSE_MORE;
    enum http_parse step = read_lines(head, bad, head->base + len);
    if (step != HTTP_PARSE_DONE)
        return step;
    if (head->stage != HTTP_STAGE_TRAILERS) {
        *bad = http_head_finish(head);
        if (*bad != HTTP_BAD_NONE)
            return HTTP_PARSE_BAD;
    }
    head->stage = HTTP_STAGE_DONE;
    return HTTP_PARSE_DONE;
}

enum http_parse http_head_parse_request(struct http_head *head, enum http_bad *bad, size_t len)
{
    *bad = HTTP_BAD_NONE;
    must(head->stage != HTTP_STAGE_DONE);
    if (head->stage == HTTP_STAGE_START) {
        enum http_parse step = skip_empty_lines(head, bad, len);
        if (step != HTTP_PARSE_DONE)
            return step;
    }
    return parse_lines(head, bad, len);
}

enum http_parse http_head_parse_response(struct http_head *head, enum http_bad *bad, size_t len)
{
    *bad = HTTP_BAD_NONE;
    must(head->stage != HTTP_STAGE_DONE);
    head->is_response = 1;
    return parse_lines(head, bad, len);
}

enum http_parse http_fields_parse(struct http_head *head, enum http_bad *bad, size_t len)
{
    *bad = HTTP_BAD_NONE;
    must(head->stage == HTTP_STAGE_START || head->stage == HTTP_STAGE_TRAILERS);
    head->stage = HTTP_STAGE_TRAILERS;
    return parse_lines(head, bad, len);
}

bool http_response_has_body(const struct http_head *head, enum http_method method)
{
    if (method == HTTP_METHOD_HEAD || head->status < 200 || head->status == 204 || head->status == 304)
        return false;
    return method != HTTP_METHOD_CONNECT || head->status >= 300;
}

int http_head_find(const struct http_head *head, enum http_field_id id, unsigned from)
{
    unsigned i = from;
    if (id != HTTP_FIELD_OTHER) {
        if (!head->first[id] || (from >= head->first[id] && !(head->flags & HTTP_HEAD_REPEATED)))
            return -1;
        i = from > head->first[id] - 1u ? from : head->first[id] - 1u;
    }
    for (; i < head->num_fields; i++)
        if (head->fields[i].id == id)
            return (int)i;
    return -1;
}

int http_head_find_other(const struct http_head *head, struct slice name, unsigned from)
{
    if (!name.len) // as a dropped field's
        return -1;
    char last = name.ptr[name.len - 1]; // names of one length often begin alike
    for (unsigned i = from; i < head->num_fields; i++) {
        const struct http_field *field = &head->fields[i];
        if (field->name_len != name.len || field->id != HTTP_FIELD_OTHER)
            continue;
        struct slice known = http_field_name_at(head, i);
        if (((known.ptr[known.len - 1] ^ last) & ~0x20) == 0 && slice_equal_nocase(known, name))
            return (int)i;
    }
    return -1;
}

int http_head_find_name(const struct http_head *head, struct slice name, unsigned from)
{
    enum http_field_id id = http_field_id_of(name);
    return id == HTTP_FIELD_OTHER ? http_head_find_other(head, name, from) : http_head_find(head, id, from);
}
