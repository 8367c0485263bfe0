// SPDX-License-Identifier: Apache-2.0
// What `option accept-unsafe-violations-in-http-request` and -response let pass. The line parser comes here only with a
// line that it refused, so that sound heads pay nothing. Nothing here lets two readers see different messages: white
// space in names, and anything that could be a field of framing, stays refused.
#include "http/head_parts.h"
#include "http/scan.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return slice_lower(c) >= 'a' && slice_lower(c) <= 'z';
}

static const char *scan_target(const char *p, const char *end)
{
    while (p < end && (uint8_t)*p > 0x20 && *p != 0x7f)
        p++;
    return p;
}

bool http_lax_target_is_sound(struct slice target)
{
    return target.len && scan_target(target.ptr, target.ptr + target.len) == target.ptr + target.len;
}

// Digits of at most 6 places, as a number.
static const char *scan_number(uint32_t *out, const char *p, const char *end)
{
    const char *from = p;
    *out = 0;
    for (; p < end && p - from < 6 && is_digit(*p); p++)
        *out = *out * 10 + (uint32_t)(*p - '0');
    return p;
}

// A protocol's name and two numbers: those of HTTP/1.0 and 1.1 are told by the flags alone, as always.
static enum http_parse read_version(struct http_head *head, enum http_bad *bad, const char **pos, const char *end)
{
    const char *start = *pos, *p = start;
    uint32_t major, minor;
    while (p < end && is_alpha(*p))
        p++;
    struct slice name = slice_of(start, (size_t)(p - start));
    if (p < end && (*p != '/' || !name.len))
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    const char *major_at = p < end ? p + 1 : end, *dot = scan_number(&major, major_at, end);
    if (dot < end && (*dot != '.' || dot == major_at))
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    const char *minor_at = dot < end ? dot + 1 : end;
    p = scan_number(&minor, minor_at, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    if (p == minor_at)
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    size_t len = (size_t)(p - start);
    bool is_http = slice_equal(name, SLICE("HTTP"));
    if (major < 1 || (major == 1 && minor < 1))
        head->flags |= HTTP_HEAD_VERSION_10;
    // Whoever speaks of a newer HTTP on such a connection cannot mean it.
    if (is_http && major > 1) {
        head->flags |= HTTP_HEAD_LINE_CHANGED;
    } else if (!is_http || len != 8 || major != 1 || minor > 1) {
        head->version = (uint32_t)(start - head->base);
        head->version_len = (uint16_t)len;
    }
    *pos = p;
    return HTTP_PARSE_DONE;
}

// The CRLF that ends a line, at `p`.
static enum http_parse line_end(enum http_bad *bad, const char *p, const char *end, enum http_bad why)
{
    if (p == end)
        return HTTP_PARSE_MORE;
    if (*p != '\r')
        return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : why);
    if (p + 1 == end)
        return HTTP_PARSE_MORE;
    return p[1] == '\n' ? HTTP_PARSE_DONE : http_head_refuse(bad, HTTP_BAD_LINE_END);
}

static enum http_parse request_line(struct http_head *head, enum http_bad *bad, const char *line, const char *end)
{
    const char *p = http_scan_class(line, end, HTTP_CLASS_TOKEN);
    if (p == end)
        return HTTP_PARSE_MORE;
    struct slice method = slice_of(line, (size_t)(p - line));
    if (!method.len || *p != ' ' || slice_equal(method, SLICE("PRI"))) // the preface of HTTP/2
        return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_METHOD);
    const char *target = ++p;
    p = scan_target(p, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    head->method_at = (uint32_t)(line - head->base);
    head->method_len = (uint32_t)method.len;
    head->method = (uint8_t)http_method_of(method.ptr, method.len);
    head->target = (uint32_t)(target - head->base);
    head->target_len = (uint32_t)(p - target);
    if (!head->target_len)
        return http_head_refuse(bad, HTTP_BAD_TARGET);
    enum http_parse step = HTTP_PARSE_DONE;
    if (*p == '\r') {
        // HTTP/0.9: this line is the whole head, and GET the only method.
        if (head->method != HTTP_METHOD_GET)
            return http_head_refuse(bad, HTTP_BAD_VERSION);
        head->flags |= HTTP_HEAD_VERSION_09 | HTTP_HEAD_VERSION_10;
    } else if (*p == ' ') {
        p++;
        step = read_version(head, bad, &p, end);
    } else {
        return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_TARGET);
    }
    if (step == HTTP_PARSE_DONE)
        step = line_end(bad, p, end, HTTP_BAD_VERSION);
    if (step != HTTP_PARSE_DONE)
        return step;
    head->resume = head->len = (uint32_t)(p + 2 - head->base);
    if (*target == '/' && head->method != HTTP_METHOD_CONNECT) {
        head->path = head->target;
        head->path_len = head->target_len;
        return HTTP_PARSE_DONE;
    }
    return http_target_parse(head) ? HTTP_PARSE_DONE : http_head_refuse(bad, HTTP_BAD_TARGET);
}

static enum http_parse status_line(struct http_head *head, enum http_bad *bad, const char *line, const char *end)
{
    const char *p = line;
    uint32_t status;
    enum http_parse step = read_version(head, bad, &p, end);
    if (step != HTTP_PARSE_DONE)
        return step;
    if (*p != ' ')
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    const char *code = ++p;
    p = scan_number(&status, p, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    // With a zero ahead it could be read as another number.
    if (p - code < 3 || *code == '0' || status > UINT16_MAX || (*p != ' ' && *p != '\r' && *p != '\n'))
        return http_head_refuse(bad, HTTP_BAD_STATUS);
    const char *reason = p + (*p == ' ');
    p = http_scan_class(reason, end, HTTP_CLASS_VALUE);
    step = line_end(bad, p, end, HTTP_BAD_VALUE);
    if (step != HTTP_PARSE_DONE)
        return step;
    head->status = (uint16_t)status;
    head->reason = (uint32_t)(reason - head->base);
    head->reason_len = (uint32_t)(p - reason);
    head->resume = (uint32_t)(p + 2 - head->base);
    return HTTP_PARSE_DONE;
}

enum http_parse http_lax_start_line(struct http_head *head, enum http_bad *bad, const char *line, const char *end)
{
    *bad = HTTP_BAD_NONE;
    // Nothing of what the strict parser took from it counts.
    head->flags = 0;
    head->authority = head->authority_len = head->path = head->path_len = head->version_len = 0;
    head->line = (uint32_t)(line - head->base);
    return head->is_response ? status_line(head, bad, line, end) : request_line(head, bad, line, end);
}

const char *http_lax_value(const char *p, const char *end)
{
    while (p < end && (!*p || (http_class[(uint8_t)*p] & HTTP_CLASS_VALUE)))
        p++;
    return p;
}

// Whether somebody who overlooks the invalid characters of a name reads one that says how long the body is.
static bool could_frame(struct slice name)
{
    static const struct slice names[] = { SLICE("content-length"), SLICE("transfer-encoding") };
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        size_t at = 0;
        for (size_t j = 0; j < name.len && at <= names[i].len; j++) {
            if (!(http_class[(uint8_t)name.ptr[j]] & HTTP_CLASS_TOKEN))
                continue;
            if (at == names[i].len || slice_lower(name.ptr[j]) != names[i].ptr[at])
                at = names[i].len;
            at++;
        }
        if (at == names[i].len)
            return true;
    }
    return false;
}

enum http_parse http_lax_field(struct http_head *head, enum http_bad *bad, unsigned index, const char **pos,
                               const char *end)
{
    const char *line = head->base + head->resume, *p = line;
    while (p < end && *p != ':' && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
        p++;
    if (p == end)
        return HTTP_PARSE_MORE;
    struct slice name = slice_of(line, (size_t)(p - line));
    if (*p != ':' || !name.len)
        return http_head_refuse_line(bad, !name.len, *p);
    if (could_frame(name))
        return http_head_refuse(bad, HTTP_BAD_NAME);
    if (index >= head->max_fields)
        return HTTP_PARSE_MANY;
    p = http_lax_value(p + 1, end);
    enum http_parse step = line_end(bad, p, end, HTTP_BAD_VALUE);
    if (step != HTTP_PARSE_DONE)
        return step;
    head->fields[index] = (struct http_field){ .name = head->resume, .value = head->resume };
    head->flags |= HTTP_HEAD_CHANGED;
    *pos = p + 2;
    return HTTP_PARSE_DONE;
}
