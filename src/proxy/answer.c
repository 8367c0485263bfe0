// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/check.h"
#include "proxy/answer.h"
#include "proxy/errors.h"

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
    { 200, "Service ready." },
    { 400, "Your browser sent an invalid request." },
    { 401, "You need a valid user and password to access this content." },
    { 403, "Request forbidden by administrative rules." },
    { 404, "The resource could not be found." },
    { 405, "A request was made of a resource using a request method not supported by that resource." },
    { 407, "You need a valid user and password to access this content." },
    { 408, "Your browser didn't send a complete request in time." },
    { 410, "The resource is no longer available and will not be available again." },
    { 413, "The request entity exceeds the maximum allowed." },
    { 414, "The request target is longer than this server accepts." },
    { 421, "Request sent to a non-authoritative server." },
    { 422, "The server cannot process the contained instructions." },
    { 425, "Your browser sent early data." },
    { 429, "You have sent too many requests in a given amount of time." },
    { 431, "The request's header fields are larger than this server accepts." },
    { 501, "The server does not support the functionality required to fulfill the request." },
    { 502, "The server returned an invalid or incomplete response." },
    { 503, "No server is available to handle this request." },
    { 504, "The server didn't respond in time." },
    { 500, "An internal server error occurred." }, // last: it stands for any other
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

const struct proxy_answer *proxy_answer_built_in(uint16_t status)
{
    size_t i = 0;
    while (i < NUM_ITEMS(pages) - 1 && pages[i].status != status)
        i++;
    return built_in[i];
}

const struct errorfile_conf *proxy_answer_find_error(const struct proxy_conf *backend,
                                                     const struct proxy_conf *frontend, uint16_t status)
{
    const struct errorfile_conf *file = backend ? proxy_errors_find(backend->errorfiles, status) : NULL;
    return file || !frontend ? file : proxy_errors_find(frontend->errorfiles, status);
}
