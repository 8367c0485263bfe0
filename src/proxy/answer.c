// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/check.h"
#include "proxy/answer.h"

enum { ANSWER_MAX_FIELDS = 64 };

static const struct proxy_answer *answer_parse(struct arena *arena, const char **error, const char *head,
                                               size_t head_len, struct slice body)
{
    struct proxy_answer *answer = arena_alloc(arena, sizeof(*answer));
    struct http_field *fields = arena_alloc(arena, ANSWER_MAX_FIELDS * sizeof(*fields));
    enum http_bad bad = HTTP_BAD_NONE;
    http_head_init(&answer->head, fields, ANSWER_MAX_FIELDS);
    answer->head.base = head;
    if (http_head_parse_response(&answer->head, &bad, head_len) != HTTP_PARSE_DONE) {
        *error = bad == HTTP_BAD_NONE ? "the head is not complete" : http_bad_name(bad);
        return NULL;
    }
    answer->body = body;
    return answer;
}

const struct proxy_answer *proxy_answer_new(struct arena *arena, bool *ok, uint16_t status, const char *content_type,
                                            const char *fields, struct slice body)
{
    const char *error = NULL;
    char *head = arena_printf(arena, "HTTP/1.1 %u %s\r\ncontent-length: %zu\r\n%s%s%s%s\r\n", status,
                              http_status_reason(status), body.len, content_type ? "content-type: " : "",
                              content_type ? content_type : "", content_type ? "\r\n" : "", fields ? fields : "");
    body.ptr = arena_copy(arena, body.ptr, body.len);
    const struct proxy_answer *answer = answer_parse(arena, &error, head, strlen(head), body);
    *ok = answer != NULL;
    return answer;
}

const struct proxy_answer *proxy_answer_from_file(struct arena *arena, const char **error, struct slice data)
{
    struct http_field fields[ANSWER_MAX_FIELDS];
    struct http_head head;
    enum http_bad bad = HTTP_BAD_NONE;
    // Files are often written with plain line ends: the head gets its CRs, the body stays as it is.
    char *text = arena_alloc(arena, data.len * 2 + 8);
    size_t len = 0;
    size_t i = 0;
    bool empty_line = false;
    while (i < data.len && !empty_line) {
        struct slice line = slice_of(data.ptr + i, slice_find(slice_from(data, i), '\n'));
        i += line.len + (i + line.len < data.len);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        memcpy(text + len, line.ptr, line.len);
        memcpy(text + len + line.len, "\r\n", 2);
        len += line.len + 2;
        empty_line = !line.len;
    }
    if (!empty_line) {
        *error = "it has no empty line after its head";
        return NULL;
    }
    http_head_init(&head, fields, ANSWER_MAX_FIELDS);
    head.base = text;
    if (http_head_parse_response(&head, &bad, len) != HTTP_PARSE_DONE) {
        *error = http_bad_name(bad);
        return NULL;
    }
    struct slice body = slice_from(data, i);
    char *clean = arena_alloc(arena, len + 64);
    size_t out = (size_t)sprintf(clean, "HTTP/1.1 %u %.*s\r\ncontent-length: %zu\r\n", head.status,
                                 (int)head.reason_len, text + head.reason, body.len);
    for (unsigned f = 0; f < head.num_fields; f++) {
        const struct http_field *field = &fields[f];
        if (field->id == HTTP_FIELD_CONTENT_LENGTH || field->id == HTTP_FIELD_CONNECTION ||
            field->id == HTTP_FIELD_TRANSFER_ENCODING || field->id == HTTP_FIELD_KEEP_ALIVE)
            continue;
        out += (size_t)sprintf(clean + out, "%.*s: %.*s\r\n", field->name_len, text + field->name,
                               (int)field->value_len, text + field->value);
    }
    memcpy(clean + out, "\r\n", 2);
    body.ptr = arena_copy(arena, body.ptr, body.len);
    return answer_parse(arena, error, clean, out + 2, body);
}

static const struct {
    uint16_t status;
    const char *says;
} pages[] = {
    { 400, "Your browser sent an invalid request." },
    { 403, "Request forbidden by administrative rules." },
    { 408, "Your browser didn't send a complete request in time." },
    { 413, "The request entity exceeds the maximum allowed." },
    { 414, "The request target is longer than this server accepts." },
    { 431, "The request's header fields are larger than this server accepts." },
    { 500, "An internal server error occurred." },
    { 502, "The server returned an invalid or incomplete response." },
    { 503, "No server is available to handle this request." },
    { 504, "The server didn't respond in time." },
};

static const struct proxy_answer *built_in[NUM_ITEMS(pages)];

void proxy_answer_boot(struct arena *arena)
{
    for (size_t i = 0; i < NUM_ITEMS(pages); i++) {
        bool ok;
        char *body = arena_printf(arena, "<html><body><h1>%u %s</h1>\n%s\n</body></html>\n", pages[i].status,
                                  http_status_reason(pages[i].status), pages[i].says);
        built_in[i] =
            proxy_answer_new(arena, &ok, pages[i].status, "text/html", "cache-control: no-cache\r\n", slice_str(body));
        must(ok);
    }
}

static const struct errorfile_conf *find_file(const struct proxy_conf *proxy, uint16_t status)
{
    const struct errorfile_conf *file = proxy ? proxy->errorfiles : NULL;
    while (file && file->status != status)
        file = file->next;
    return file;
}

const struct proxy_answer *proxy_answer_for_error(const struct proxy_conf *backend, const struct proxy_conf *frontend,
                                                  uint16_t status)
{
    const struct errorfile_conf *file = find_file(backend, status);
    if (!file)
        file = find_file(frontend, status);
    if (file)
        return file->answer;
    for (size_t i = 0; i < NUM_ITEMS(pages); i++)
        if (pages[i].status == status)
            return built_in[i];
    return built_in[6];
}
