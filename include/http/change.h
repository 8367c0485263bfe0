// SPDX-License-Identifier: Apache-2.0
// Changes to a parsed head by rules: the head itself then says what the rule made of it, so that later rules, fetches
// and http_head_write see it (while http/edit.h holds what one attempt to send it adds on top). New text goes to a
// store lent for the head's life; nothing is allocated. Each gives false where the store or the field table is full, or
// what is asked for could not stand in a head (a control character, an empty or wrong name): the head is then
// unchanged.
#pragma once

#include "http/head.h"

// http_head_store lends `head` the room for changes: `cap` bytes at `mem`. Without it every change fails.
void http_head_store(struct http_head *head, char *mem, size_t cap);

// http_head_set gives the field at `index`, which is not a dropped one, the value `value`, which is copied without
// white space around it.
bool http_head_set(struct http_head *head, unsigned index, struct slice value);

// http_head_add appends a field; both are copied. Framing and connection fields (Content-Length, Transfer-Encoding,
// Connection and its kin) are written by the muxes alone: what rules say of them is kept from the wire by the sender.
bool http_head_add(struct http_head *head, struct slice name, struct slice value);

// http_head_drop removes the field at `index`; the fields keep their indexes, a dropped one has no name and is skipped
// by every search.
void http_head_drop(struct http_head *head, unsigned index);

// http_head_drop_name removes all fields named `name`, and says how many there were.
unsigned http_head_drop_name(struct http_head *head, struct slice name);

// http_head_put removes all fields of one name and appends one instead, as http_head_drop_name and http_head_add; or
// neither, where it cannot be added. For a name that is known to be a token in lower case, whose id the caller has from
// http_field_id_of.
bool http_head_put(struct http_head *head, struct slice name, enum http_field_id id, struct slice value);

// http_head_set_method replaces the method (a token); false where the target's form is not one of that method's
// (RFC 9112 section 3.2): a path does not become one for CONNECT.
bool http_head_set_method(struct http_head *head, struct slice method);

// http_head_set_target replaces the whole request target, which may be of any form that RFC 9112 section 3.2 allows for
// the method; path and authority are found anew. A Host field is left as it is.
bool http_head_set_target(struct http_head *head, struct slice target);

// http_head_set_path replaces the path (without the query); the rest of the target stays. False for a target without a
// path ("*", CONNECT) and a path that does not begin with '/'.
bool http_head_set_path(struct http_head *head, struct slice path);

// http_head_set_query likewise replaces the query, given without '?'; where it is empty the '?' goes as well.
bool http_head_set_query(struct http_head *head, struct slice query);

// http_head_set_pathq likewise replaces both.
bool http_head_set_pathq(struct http_head *head, struct slice pathq);

// http_head_set_status replaces status and reason of an answer; reason ptr NULL: the standard one.
bool http_head_set_status(struct http_head *head, uint16_t status, struct slice reason);

// http_head_copy makes `out` (initialised, with its own fields and store) a head of the same content as `head`, all of
// its text in the store: for answers that many streams share and rules want to change.
bool http_head_copy(struct http_head *out, const struct http_head *head);
