// SPDX-License-Identifier: Apache-2.0
// The line parser of heads: start line and field lines, written once and compiled once per scanner. A source file
// defines HTTP_LINES_NAME (the function) and HTTP_LINES_SCAN (the scanner's suffix) and HTTP_LINES_TARGET (the
// function attribute that allows its instructions) before it includes this file. Internal to http.
//
// It reads strictly from left to right and never decides by where the given bytes end, so that a head gives the same
// answer however it was cut into pieces; an incomplete line is read again from its start.

#include "base/check.h"
#include "http/head_parts.h"
#include "http/names.h"
#include "http/scan.h"

#define LINES_JOIN_(a, b) a##b
#define LINES_JOIN(a, b)  LINES_JOIN_(a, b)
#define SCAN_TOKEN        LINES_JOIN(http_scan_token_, HTTP_LINES_SCAN)
#define SCAN_TARGET       LINES_JOIN(http_scan_target_, HTTP_LINES_SCAN)
#define SCAN_VALUE        LINES_JOIN(http_scan_value_, HTTP_LINES_SCAN)

// parse_request_line reads the request line at `p`, RFC 9112 section 3.
HTTP_LINES_TARGET static inline enum http_parse parse_request_line(struct http_head *head, enum http_bad *bad,
                                                                   const char *p, const char *end)
{
    const char *base = head->base;
    const char *method = p;
    p = SCAN_TOKEN(base, p, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    if (p == method || *p != ' ')
        return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_METHOD);
    const char *target = ++p;
    p = SCAN_TARGET(base, p, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    if (*p != ' ' || p == target)
        return http_head_refuse(bad, *p == '\n'                  ? HTTP_BAD_LINE_END
                                     : *p == '\r' && p != target ? HTTP_BAD_VERSION
                                                                 : HTTP_BAD_TARGET);
    const char *version = p + 1;
    if (end - version < 10)
        return HTTP_PARSE_MORE;
    if (memcmp(version, "HTTP/1.", 7) != 0 || (version[7] != '1' && version[7] != '0'))
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    if (version[8] != '\r' || version[9] != '\n')
        return http_head_refuse(bad, version[8] == '\r' || version[8] == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_VERSION);
    if (version[7] == '0')
        head->flags |= HTTP_HEAD_VERSION_10;

    head->line = head->method_at = (uint32_t)(method - base);
    head->method_len = (uint32_t)(target - 1 - method);
    head->method = http_method_of(method, head->method_len);
    head->target = (uint32_t)(target - base);
    head->target_len = (uint32_t)(p - target);
    head->resume = (uint32_t)(version + 10 - base);
    if (LIKELY(*target == '/' && head->method != HTTP_METHOD_CONNECT)) {
        head->path = head->target;
        head->path_len = head->target_len;
        return HTTP_PARSE_DONE;
    }
    return http_target_parse(head) ? HTTP_PARSE_DONE : http_head_refuse(bad, HTTP_BAD_TARGET);
}

// parse_status_line reads the status line at `p`, RFC 9112 section 4: the reason may be empty, and its space missing.
HTTP_LINES_TARGET static inline enum http_parse parse_status_line(struct http_head *head, enum http_bad *bad,
                                                                  const char *p, const char *end)
{
    const char *base = head->base;
    const char *line = p;
    size_t have = (size_t)(end - p);
    if (have < 14) // "HTTP/1.1 200" and CRLF
        return memcmp(p, "HTTP/1.", have < 7 ? have : 7) == 0 ? HTTP_PARSE_MORE
                                                              : http_head_refuse(bad, HTTP_BAD_VERSION);
    if (memcmp(p, "HTTP/1.", 7) != 0 || (p[7] != '1' && p[7] != '0') || p[8] != ' ')
        return http_head_refuse(bad, HTTP_BAD_VERSION);
    unsigned hundreds = (unsigned)(p[9] - '0'), tens = (unsigned)(p[10] - '0'), ones = (unsigned)(p[11] - '0');
    if (hundreds - 1 > 8 || tens > 9 || ones > 9 || (p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
        return http_head_refuse(bad, HTTP_BAD_STATUS);
    const char *reason = p + 12 + (p[12] == ' ');
    p = SCAN_VALUE(base, reason, end);
    if (p == end)
        return HTTP_PARSE_MORE;
    if (*p != '\r')
        return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_VALUE);
    if (p + 1 == end)
        return HTTP_PARSE_MORE;
    if (p[1] != '\n')
        return http_head_refuse(bad, HTTP_BAD_LINE_END);
    if (line[7] == '0')
        head->flags |= HTTP_HEAD_VERSION_10;
    head->line = (uint32_t)(line - base);
    head->status = (uint16_t)(hundreds * 100 + tens * 10 + ones);
    head->reason = (uint32_t)(reason - base);
    head->reason_len = (uint32_t)(p - reason);
    head->resume = (uint32_t)(p + 2 - base);
    return HTTP_PARSE_DONE;
}

// parse_field_lines reads field lines from head->resume up to and including the empty line, RFC 9112 section 5.
HTTP_LINES_TARGET static inline enum http_parse parse_field_lines(struct http_head *head, enum http_bad *bad,
                                                                  const char *end)
{
    const char *base = head->base;
    const char *p = base + head->resume;
    unsigned num = head->num_fields;
    for (;; num++) {
        head->resume = (uint32_t)(p - base);
        head->num_fields = (uint16_t)num;
        const char *name = p;
        p = SCAN_TOKEN(base, p, end);
        if (UNLIKELY(p == end))
            return HTTP_PARSE_MORE;
        if (UNLIKELY(*p != ':' || p == name)) {
            if (p != name || *p != '\r') {
                if (!head->lax)
                    return http_head_refuse_line(bad, p == name, *p);
                enum http_parse step = http_lax_field(head, bad, num, &p, end);
                if (step != HTTP_PARSE_DONE)
                    return step;
                continue;
            }
            if (p + 1 == end)
                return HTTP_PARSE_MORE;
            if (p[1] != '\n')
                return http_head_refuse(bad, HTTP_BAD_LINE_END);
            head->len = (uint32_t)(p + 2 - base);
            return HTTP_PARSE_DONE;
        }
        if (UNLIKELY(num >= head->max_fields))
            return HTTP_PARSE_MANY;
        size_t name_len = (size_t)(p - name);
        if (UNLIKELY(name_len > UINT16_MAX))
            return http_head_refuse(bad, HTTP_BAD_NAME);
        p++;
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        const char *value = p;
        p = SCAN_VALUE(base, p, end);
        if (UNLIKELY(p == end))
            return HTTP_PARSE_MORE;
        if (UNLIKELY(*p != '\r')) {
            p = head->lax ? http_lax_value(p, end) : p;
            if (p == end)
                return HTTP_PARSE_MORE;
            if (*p != '\r')
                return http_head_refuse(bad, *p == '\n' ? HTTP_BAD_LINE_END : HTTP_BAD_VALUE);
        }
        if (UNLIKELY(p + 1 == end))
            return HTTP_PARSE_MORE;
        if (UNLIKELY(p[1] != '\n'))
            return http_head_refuse(bad, HTTP_BAD_LINE_END);
        const char *value_end = p;
        while (value_end > value && (value_end[-1] == ' ' || value_end[-1] == '\t'))
            value_end--;
        p += 2;

        enum http_field_id id = http_name_lookup(name, name_len);
        head->fields[num] = (struct http_field){
            .name = (uint32_t)(name - base),
            .value = (uint32_t)(value - base),
            .value_len = (uint32_t)(value_end - value),
            .name_len = (uint16_t)name_len,
            .id = (uint8_t)id,
        };
        if (id == HTTP_FIELD_OTHER)
            continue;
        if (LIKELY(!head->first[id]))
            head->first[id] = (uint16_t)(num + 1);
        else
            head->flags |= HTTP_HEAD_REPEATED;
        if ((unsigned)id <= HTTP_FIELD_LAST_WITH_MEANING) {
            *bad = http_field_meaning(head, num);
            if (UNLIKELY(*bad != HTTP_BAD_NONE))
                return HTTP_PARSE_BAD;
        }
    }
}

HTTP_LINES_TARGET enum http_parse HTTP_LINES_NAME(struct http_head *head, enum http_bad *bad, const char *end)
{
    if (head->stage == HTTP_STAGE_START) {
        const char *line = head->base + head->resume;
        enum http_parse step =
            head->is_response ? parse_status_line(head, bad, line, end) : parse_request_line(head, bad, line, end);
        if (UNLIKELY(step == HTTP_PARSE_BAD && head->lax))
            step = http_lax_start_line(head, bad, line, end);
        if (step != HTTP_PARSE_DONE || UNLIKELY(head->flags & HTTP_HEAD_VERSION_09))
            return step;
        head->stage = HTTP_STAGE_FIELDS;
    }
    return parse_field_lines(head, bad, end);
}
