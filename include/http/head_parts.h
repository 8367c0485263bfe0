// SPDX-License-Identifier: Apache-2.0
// What the parts of the head parser say to each other: the instances of the line parser, the meaning of framing
// fields, request targets. Internal to http; callers of the parser include http/head.h.
#pragma once

#include "base/check.h"
#include "http/head.h"

enum { HTTP_STAGE_START, HTTP_STAGE_FIELDS, HTTP_STAGE_TRAILERS, HTTP_STAGE_DONE };

// Ids up to this one go through http_field_meaning.
enum { HTTP_FIELD_LAST_WITH_MEANING = HTTP_FIELD_PROXY_CONNECTION };

// http_head_lines_portable reads the start line (in HTTP_STAGE_START) and the field lines of `head` up to `end`. It and
// its two siblings are one text (http/head_lines.h), compiled for three levels of instructions.
enum http_parse http_head_lines_portable(struct http_head *head, enum http_bad *bad, const char *end);

// http_head_lines_sse42 does the same on processors with SSE4.2.
enum http_parse http_head_lines_sse42(struct http_head *head, enum http_bad *bad, const char *end);

// http_head_lines_avx2 does the same on processors with AVX2.
enum http_parse http_head_lines_avx2(struct http_head *head, enum http_bad *bad, const char *end);

// http_field_meaning takes in what the field at `index` says about the message; HTTP_BAD_NONE where that is sound.
enum http_bad http_field_meaning(struct http_head *head, unsigned index);

// http_head_finish judges what only a whole request or response head can tell: Host and Upgrade.
enum http_bad http_head_finish(struct http_head *head);

// http_target_parse reads a target that is not simply a path into `head`; false where its form or method is wrong.
// RFC 9112 sections 3.2.2 to 3.2.4.
bool http_target_parse(struct http_head *head);

// http_target_agrees says whether the Host value `host` names the authority of the target of `head`, ports that the
// scheme implies being the same as none.
bool http_target_agrees(const struct http_head *head, struct slice host);

// http_method_of gives the method of the `len` bytes at `ptr`.
enum http_method http_method_of(const char *ptr, size_t len);

// http_lax_start_line reads the start line at `line` that the strict parser refused, for a head with `lax`.
enum http_parse http_lax_start_line(struct http_head *head, enum http_bad *bad, const char *line, const char *end);

// http_lax_field reads, likewise, the field line at head->resume, whose name is refused, into the table at `index`, and
// moves `*pos` behind it.
enum http_parse http_lax_field(struct http_head *head, enum http_bad *bad, unsigned index, const char **pos,
                               const char *end);

// http_lax_value gives the first byte from `p` to `end` that may not stand in a field value even then, or `end`.
const char *http_lax_value(const char *p, const char *end);

// http_lax_target_is_sound says whether `target` may be one then.
bool http_lax_target_is_sound(struct slice target);

// http_head_refuse sets `*bad` and gives HTTP_PARSE_BAD.
static inline enum http_parse http_head_refuse(enum http_bad *bad, enum http_bad why)
{
    *bad = why;
    return HTTP_PARSE_BAD;
}

// http_head_refuse_line tells why a field line is bad whose name ends with `stop`; `at_start` without a name.
enum http_parse http_head_refuse_line(enum http_bad *bad, bool at_start, char stop);
