// SPDX-License-Identifier: Apache-2.0
// Edits of a head: what rules and the proxy change is recorded, and the outgoing HTTP/1 head is written in one go from
// the parsed one and the edits. The edits live in fixed room given by the caller (one per stream in flight, lent by a
// pool), text in an arena of the same room: nothing is allocated. When the room is full the edit fails and the caller
// answers 500 (response: 502).
#pragma once

#include "http/head.h"

struct http_edit {
    uint16_t field;     // index of the field it replaces or drops; HTTP_EDIT_ADD for a new one
    uint16_t name_len;  // 0 with `field` set: keep the name
    uint32_t value_len; // HTTP_EDIT_DROP: the field is left out
    const char *name;
    const char *value;
};

enum { HTTP_EDIT_ADD = 0xffff, HTTP_EDIT_MAX = 64, HTTP_CONNECTION_NAMES_MAX = 64 };
#define HTTP_EDIT_DROP UINT32_MAX

struct http_edits {
    struct slice method; // ptr NULL: as parsed (requests)
    struct slice target; // ptr NULL: as parsed (requests)
    uint16_t status;     // 0: as parsed (responses)
    struct slice reason; // ptr NULL: as parsed, or the standard one when status is set
    uint16_t num_edits;
    uint64_t dropped[4]; // bit i: field i (< 256) does not travel on
    struct http_edit edits[HTTP_EDIT_MAX];
    char *arena; // room for text, given to http_edits_init
    uint32_t arena_cap;
    uint32_t arena_len;
};

// http_edits_init makes `edits` empty, with `cap` bytes of room for text at `arena`.
void http_edits_init(struct http_edits *edits, char *arena, size_t cap);

// http_edits_text copies `len` bytes into the arena and gives them back, or NULL where the room is full.
const char *http_edits_text(struct http_edits *edits, const char *data, size_t len);

// http_edits_drop leaves the field at `index` out. Of several edits to one field the last holds.
bool http_edits_drop(struct http_edits *edits, unsigned index);

// http_edits_drop_id leaves out all fields of `head` with `id`.
bool http_edits_drop_id(struct http_edits *edits, const struct http_head *head, enum http_field_id id);

// http_edits_replace gives the field at `index` the value `value`, which must outlive the edits. False also where the
// value holds a control character: no rule can be made to split a head.
bool http_edits_replace(struct http_edits *edits, unsigned index, struct slice value);

// http_edits_add appends a field after all others; both slices must outlive the edits. False also where `name` is not a
// token or `value` holds a control character.
bool http_edits_add(struct http_edits *edits, struct slice name, struct slice value);

// http_edits_add_known is http_edits_add for a `name` that is a token for sure: a constant of ours, or one
// that was checked at boot.
bool http_edits_add_known(struct http_edits *edits, struct slice name, struct slice value);

// http_edits_drop_hop_by_hop leaves out what concerns one connection only (RFC 9110 section 7.6.1): Connection,
// Keep-Alive, Proxy-Connection, TE (kept as "trailers" when it says so is the caller's choice), Upgrade unless
// `keep_upgrade`, Transfer-Encoding (the sender makes its own framing), and every field that Connection names, but
// never X-Forwarded-* nor a field of enum http_field_id other than Trailer, Proxy-Authenticate and Proxy-Authorization:
// a client could otherwise make us drop Host, Content-Length, Cookie or Authorization. What was replaced before, and
// what rules set or added (http/change.h), is ours and stays. False, too, where Connection has more than
// HTTP_CONNECTION_NAMES_MAX elements.
bool http_edits_drop_hop_by_hop(struct http_edits *edits, const struct http_head *head, bool keep_upgrade);

// http_head_write writes the start line, the fields that remain, the added ones and the empty line to `dst`, always as
// HTTP/1.1, and returns the number of bytes, or 0 where `cap` is too small or an edited start line holds a character
// that may not stand there. Repeated equal Content-Length fields leave as one. All other framing and Connection fields
// are the caller's edits.
size_t http_head_write(char *dst, size_t cap, const struct http_head *head, const struct http_edits *edits);
