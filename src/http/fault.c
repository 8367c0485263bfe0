// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/check.h"
#include "http/fault.h"
#include "http/scan.h"

static const char *const state_names[HTTP_NUM_STATES] = {
    [HTTP_STATE_RQBEFORE] = "MSG_RQBEFORE",
    [HTTP_STATE_RQMETH] = "MSG_RQMETH",
    [HTTP_STATE_RQURI] = "MSG_RQURI",
    [HTTP_STATE_RQVER] = "MSG_RQVER",
    [HTTP_STATE_RQLINE_END] = "MSG_RQLINE_END",
    [HTTP_STATE_RPBEFORE] = "MSG_RPBEFORE",
    [HTTP_STATE_RPVER] = "MSG_RPVER",
    [HTTP_STATE_RPCODE] = "MSG_RPCODE",
    [HTTP_STATE_RPREASON] = "MSG_RPREASON",
    [HTTP_STATE_RPLINE_END] = "MSG_RPLINE_END",
    [HTTP_STATE_HDR_NAME] = "MSG_HDR_NAME",
    [HTTP_STATE_HDR_VAL] = "MSG_HDR_VAL",
    [HTTP_STATE_HDR_L2_LF] = "MSG_HDR_L2_LF",
    [HTTP_STATE_HDR_L2_LWS] = "MSG_HDR_L2_LWS",
    [HTTP_STATE_LAST_LF] = "MSG_LAST_LF",
    [HTTP_STATE_CHUNK_SIZE] = "MSG_CHUNK_SIZE",
    [HTTP_STATE_DATA] = "MSG_DATA",
    [HTTP_STATE_CHUNK_CRLF] = "MSG_CHUNK_CRLF",
    [HTTP_STATE_TRAILERS] = "MSG_TRAILERS",
};

const char *http_state_name(uint8_t state)
{
    const char *name = state < HTTP_NUM_STATES ? state_names[state] : NULL;
    return name ? name : "?";
}

static struct http_fault fault(size_t at, enum http_state state)
{
    return (struct http_fault){ .at = (uint32_t)at, .state = (uint8_t)state };
}

static bool is_token(char c)
{
    return http_class[(uint8_t)c] & HTTP_CLASS_TOKEN;
}

static bool is_version(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.';
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// The first byte from `at` on that ends a word, or is one that `good` does not know.
static size_t word_end(struct slice bytes, size_t at, bool (*good)(char c))
{
    while (at < bytes.len && !ends_word(bytes.ptr[at]) && (!good || good(bytes.ptr[at])))
        at++;
    return at;
}

static size_t skip_blanks(struct slice bytes, size_t at)
{
    while (at < bytes.len && (bytes.ptr[at] == ' ' || bytes.ptr[at] == '\t'))
        at++;
    return at;
}

static bool is_target(char c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

// Behind the line that begins at `at`.
static size_t next_line(struct slice bytes, size_t at)
{
    while (at < bytes.len && bytes.ptr[at] != '\n')
        at++;
    return at < bytes.len ? at + 1 : at;
}

struct field {
    size_t name;
    size_t name_end;
    size_t value;
    size_t end; // of the line, without its end
    size_t next;
};

// The field line at `at`; false at the end of the head.
static bool field_at(struct field *field, struct slice bytes, size_t at)
{
    if (at >= bytes.len || bytes.ptr[at] == '\n' ||
        (bytes.ptr[at] == '\r' && at + 1 < bytes.len && bytes.ptr[at + 1] == '\n'))
        return false;
    field->next = next_line(bytes, at);
    field->end = field->next;
    if (field->end > at && bytes.ptr[field->end - 1] == '\n')
        field->end--;
    if (field->end > at && bytes.ptr[field->end - 1] == '\r')
        field->end--;
    field->name = at;
    size_t colon = at;
    while (colon < field->end && bytes.ptr[colon] != ':')
        colon++;
    field->name_end = colon;
    field->value = colon < field->end ? skip_blanks(bytes, colon + 1) : field->end;
    if (field->value > field->end)
        field->value = field->end;
    return true;
}

// The value of the last field of that name (or, with `id2`, of either), HTTP_FIELD_OTHER: none of the kind; SIZE_MAX.
static size_t last_value(size_t *end, struct slice bytes, size_t fields, enum http_field_id id, enum http_field_id id2)
{
    struct field field;
    size_t found = SIZE_MAX;
    for (*end = fields; field_at(&field, bytes, *end); *end = field.next) {
        enum http_field_id is = http_field_id_of(slice_of(bytes.ptr + field.name, field.name_end - field.name));
        if (is == id || is == id2)
            found = field.value;
    }
    return found;
}

static struct http_fault in_value(struct slice bytes, size_t fields, enum http_field_id id, enum http_field_id id2)
{
    size_t end, at = last_value(&end, bytes, fields, id, id2);
    return at == SIZE_MAX ? fault(end, HTTP_STATE_LAST_LF) : fault(at, HTTP_STATE_HDR_L2_LWS);
}

// That a host does not go with the target, or is missing, shows once the head is over.
static struct http_fault in_host(struct slice bytes, size_t fields, bool at_end)
{
    struct http_fault found = in_value(bytes, fields, HTTP_FIELD_HOST, HTTP_FIELD_HOST);
    return at_end ? fault(found.at, HTTP_STATE_LAST_LF) : found;
}

static struct http_fault in_name(struct slice bytes, size_t fields)
{
    struct field field;
    for (size_t at = fields; field_at(&field, bytes, at); at = field.next) {
        size_t i = field.name;
        while (i < field.end && is_token(bytes.ptr[i]))
            i++;
        if (i != field.name_end || i == field.name || i == field.end)
            return fault(i, HTTP_STATE_HDR_NAME);
    }
    return fault(fields, HTTP_STATE_HDR_NAME);
}

static struct http_fault in_text(struct slice bytes, size_t fields, bool is_response)
{
    struct field field;
    for (size_t i = 0; i + 2 < fields && is_response; i++)
        if (!(http_class[(uint8_t)bytes.ptr[i]] & HTTP_CLASS_VALUE))
            return fault(i, HTTP_STATE_RPREASON);
    for (size_t at = fields; field_at(&field, bytes, at); at = field.next)
        for (size_t i = field.value; i < field.end; i++)
            if (!(http_class[(uint8_t)bytes.ptr[i]] & HTTP_CLASS_VALUE))
                return fault(i, HTTP_STATE_HDR_VAL);
    return fault(fields, HTTP_STATE_HDR_VAL);
}

// A line that goes on in the next: at its first byte.
static struct http_fault in_fold(struct slice bytes, size_t fields)
{
    struct field field;
    for (size_t at = fields; field_at(&field, bytes, at); at = field.next)
        if (bytes.ptr[at] == ' ' || bytes.ptr[at] == '\t')
            return fault(at, HTTP_STATE_HDR_NAME);
    return fault(fields, HTTP_STATE_HDR_NAME);
}

// A CR without LF behind it, or a LF without CR before it; the byte at which that shows.
static struct http_fault in_line_end(struct slice bytes, size_t fields, bool is_response)
{
    for (size_t i = 0; i < bytes.len; i++) {
        bool bare_lf = bytes.ptr[i] == '\n' && (!i || bytes.ptr[i - 1] != '\r');
        bool bare_cr = i && bytes.ptr[i - 1] == '\r' && bytes.ptr[i] != '\n';
        if (!bare_lf && !bare_cr)
            continue;
        if (i < fields || fields == 0)
            return fault(i, is_response ? HTTP_STATE_RPLINE_END : HTTP_STATE_RQLINE_END);
        bool is_last = i >= 2 && bytes.ptr[i - 2] == '\n';
        return fault(i, is_last ? HTTP_STATE_LAST_LF : HTTP_STATE_HDR_L2_LF);
    }
    return fault(bytes.len, HTTP_STATE_LAST_LF);
}

// The last of several codings is wrong at its field; a coding that nobody knows shows once the head is over.
static struct http_fault in_coding(struct slice bytes, size_t fields, bool is_response)
{
    size_t end, at = last_value(&end, bytes, fields, HTTP_FIELD_TRANSFER_ENCODING, HTTP_FIELD_TRANSFER_ENCODING);
    struct slice rest = slice_from(bytes, end);
    if (at != SIZE_MAX && !is_response) {
        struct slice value = slice_of(bytes.ptr + at, slice_find(slice_from(bytes, at), '\r'));
        if (http_list_has(value, SLICE("chunked")))
            return fault(at, HTTP_STATE_HDR_L2_LWS);
    }
    return fault(end + (rest.len >= 2 ? 2 : rest.len), HTTP_STATE_DATA);
}

static struct http_fault in_start_line(struct slice bytes, size_t at)
{
    if (at >= bytes.len)
        return fault(bytes.len, HTTP_STATE_RQBEFORE);
    size_t method = word_end(bytes, at, is_token);
    if (method >= bytes.len)
        return fault(bytes.len, HTTP_STATE_RQMETH);
    if (method == at && !ends_word(bytes.ptr[at]))
        return fault(at, HTTP_STATE_RQBEFORE);
    if (method == at || !ends_word(bytes.ptr[method]))
        return fault(method, method == at ? HTTP_STATE_RQBEFORE : HTTP_STATE_RQMETH);
    size_t target = skip_blanks(bytes, method);
    if (target >= bytes.len || ends_word(bytes.ptr[target]))
        return fault(target, HTTP_STATE_DATA);
    size_t end = word_end(bytes, target, is_target);
    if (end < bytes.len && !ends_word(bytes.ptr[end]))
        return fault(end, HTTP_STATE_RQURI);
    size_t version = skip_blanks(bytes, end);
    size_t last = word_end(bytes, version, is_version);
    if (last < bytes.len && last > version && bytes.ptr[last] != '\r' && bytes.ptr[last] != '\n')
        return fault(last, HTTP_STATE_RQVER);
    if (last < bytes.len && last == version && !ends_word(bytes.ptr[last]))
        return fault(last, HTTP_STATE_RQVER);
    return fault(version, HTTP_STATE_DATA);
}

static struct http_fault in_status_line(struct slice bytes, enum http_bad bad)
{
    size_t version = word_end(bytes, 0, is_version);
    if (!version)
        return fault(0, HTTP_STATE_RPBEFORE);
    if (version >= bytes.len || bytes.ptr[version] != ' ')
        return fault(version, HTTP_STATE_RPVER);
    if (bytes.len < 5 || memcmp(bytes.ptr, "HTTP/", 5) != 0 || bad == HTTP_BAD_VERSION)
        return fault(0, HTTP_STATE_DATA);
    size_t code = skip_blanks(bytes, version), i = code;
    while (i < bytes.len && bytes.ptr[i] >= '0' && bytes.ptr[i] <= '9')
        i++;
    if (i < bytes.len && !ends_word(bytes.ptr[i]))
        return fault(i, HTTP_STATE_RPCODE);
    return fault(code, HTTP_STATE_RPCODE);
}

struct http_fault http_fault_find(struct slice bytes, enum http_bad bad, bool is_response)
{
    size_t start = 0;
    while (!is_response && start < bytes.len && (bytes.ptr[start] == '\r' || bytes.ptr[start] == '\n'))
        start++;
    struct http_fault line;
    size_t fields = next_line(bytes, start);
    switch (bad) {
    case HTTP_BAD_METHOD:
    case HTTP_BAD_VERSION:
    case HTTP_BAD_STATUS:
        if (is_response)
            return in_status_line(bytes, bad);
        return start < bytes.len ? in_start_line(bytes, start) : fault(bytes.len, HTTP_STATE_RQBEFORE);
    case HTTP_BAD_TARGET:
        line = in_start_line(bytes, start);
        return line.state == HTTP_STATE_RQURI || line.at + 2 >= fields ? line : in_host(bytes, fields, true);
    case HTTP_BAD_LINE_END:
        return in_line_end(bytes, fields, is_response);
    case HTTP_BAD_NAME:
        return in_name(bytes, fields);
    case HTTP_BAD_VALUE:
        return in_text(bytes, fields, is_response);
    case HTTP_BAD_FOLD:
        return in_fold(bytes, fields);
    case HTTP_BAD_LENGTH:
        return in_value(bytes, fields, HTTP_FIELD_CONTENT_LENGTH, HTTP_FIELD_CONTENT_LENGTH);
    case HTTP_BAD_LENGTH_AND_CODING:
        return in_value(bytes, fields, HTTP_FIELD_CONTENT_LENGTH, HTTP_FIELD_TRANSFER_ENCODING);
    case HTTP_BAD_CODING:
        return in_coding(bytes, fields, is_response);
    case HTTP_BAD_HOST:
        return in_host(bytes, fields, memmem(bytes.ptr, fields, "://", 3) != NULL);
    default:
        return fault(0, is_response ? HTTP_STATE_RPBEFORE : HTTP_STATE_RQBEFORE);
    }
}
