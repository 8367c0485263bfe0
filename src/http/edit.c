// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "http/edit.h"
#include "http/scan.h"

enum { DROPPED_BITS = 256 };

void http_edits_init(struct http_edits *edits, char *arena, size_t cap)
{
    must(cap <= UINT32_MAX);
    edits->method = edits->target = edits->reason = (struct slice){ 0 };
    edits->status = 0;
    edits->num_edits = 0;
    memset(edits->dropped, 0, sizeof(edits->dropped));
    edits->arena = arena;
    edits->arena_cap = (uint32_t)cap;
    edits->arena_len = 0;
}

const char *http_edits_text(struct http_edits *edits, const char *data, size_t len)
{
    if (len > edits->arena_cap - edits->arena_len)
        return NULL;
    char *text = edits->arena + edits->arena_len;
    if (len)
        memcpy(text, data, len);
    edits->arena_len += (uint32_t)len;
    return text;
}

static bool record(struct http_edits *edits, unsigned field, struct slice name, const char *value, uint32_t value_len)
{
    if (edits->num_edits == HTTP_EDIT_MAX || field > HTTP_EDIT_ADD)
        return false;
    edits->edits[edits->num_edits++] = (struct http_edit){
        .field = (uint16_t)field,
        .name_len = (uint16_t)name.len,
        .value_len = value_len,
        .name = name.ptr,
        .value = value,
    };
    return true;
}

bool http_edits_drop(struct http_edits *edits, unsigned index)
{
    if (index >= DROPPED_BITS)
        return index < HTTP_EDIT_ADD && record(edits, index, SLICE(""), NULL, HTTP_EDIT_DROP);
    edits->dropped[index / 64] |= 1ull << index % 64;
    return true;
}

bool http_edits_drop_id(struct http_edits *edits, const struct http_head *head, enum http_field_id id)
{
    if (!head->first[id])
        return true;
    for (unsigned i = head->first[id] - 1u; i < head->num_fields; i++)
        if (head->fields[i].id == id && !http_edits_drop(edits, i))
            return false;
    return true;
}

static bool value_is_sound(struct slice value)
{
    const char *end = value.ptr + value.len;
    return value.len < HTTP_EDIT_DROP && (!value.len || http_scan_value_portable(value.ptr, value.ptr, end) == end);
}

bool http_edits_replace(struct http_edits *edits, unsigned index, struct slice value)
{
    if (index >= HTTP_EDIT_ADD || !value_is_sound(value) ||
        !record(edits, index, SLICE(""), value.ptr, (uint32_t)value.len))
        return false;
    if (index < DROPPED_BITS)
        edits->dropped[index / 64] &= ~(1ull << index % 64);
    return true;
}

bool http_edits_add(struct http_edits *edits, struct slice name, struct slice value)
{
    return name.len && http_scan_is(name.ptr, name.len, HTTP_CLASS_TOKEN) && http_edits_add_known(edits, name, value);
}

bool http_edits_add_known(struct http_edits *edits, struct slice name, struct slice value)
{
    return name.len <= UINT16_MAX && value_is_sound(value) &&
           record(edits, HTTP_EDIT_ADD, name, value.ptr, (uint32_t)value.len);
}

// may_be_named says whether Connection may name the field at `index` for removal. Of the fields known to us only those
// that are about connections may; anything else is meant for the origin, and a client must not talk us out of it. Nor
// out of what a rule made.
static bool may_be_named(const struct http_head *head, unsigned index)
{
    const struct http_field *field = &head->fields[index];
    if ((field->name | field->value) & HTTP_IN_STORE)
        return false;
    switch (field->id) {
    case HTTP_FIELD_OTHER: {
        struct slice name = http_field_name_at(head, index), prefix = SLICE("x-forwarded-");
        return name.len < prefix.len || !slice_equal_nocase(slice_of(name.ptr, prefix.len), prefix);
    }
    case HTTP_FIELD_TRAILER:
    case HTTP_FIELD_PROXY_AUTHENTICATE:
    case HTTP_FIELD_PROXY_AUTHORIZATION:
        return true;
    default:
        return false;
    }
}

static bool is_replaced(const struct http_edits *edits, unsigned index)
{
    for (unsigned i = 0; i < edits->num_edits; i++)
        if (edits->edits[i].field == index && edits->edits[i].value_len != HTTP_EDIT_DROP)
            return true;
    return false;
}

static bool drop_named(struct http_edits *edits, const struct http_head *head, struct slice name)
{
    for (int i = http_head_find_name(head, name, 0); i >= 0; i = http_head_find_name(head, name, (unsigned)i + 1)) {
        unsigned index = (unsigned)i;
        if (may_be_named(head, index) && !is_replaced(edits, index) && !http_edits_drop(edits, index))
            return false;
    }
    return true;
}

static bool drop_all_named(struct http_edits *edits, const struct http_head *head)
{
    unsigned num_names = 0;
    for (int i = http_head_find(head, HTTP_FIELD_CONNECTION, 0); i >= 0;
         i = http_head_find(head, HTTP_FIELD_CONNECTION, (unsigned)i + 1)) {
        struct slice rest = http_field_value(head, (unsigned)i);
        while (rest.len) {
            size_t comma = slice_find(rest, ',');
            struct slice name = slice_trim(slice_of(rest.ptr, comma));
            rest = slice_from(rest, comma + 1);
            if (!name.len)
                continue;
            if (++num_names > HTTP_CONNECTION_NAMES_MAX || !drop_named(edits, head, name))
                return false;
        }
    }
    return true;
}

bool http_edits_drop_hop_by_hop(struct http_edits *edits, const struct http_head *head, bool keep_upgrade)
{
    static const enum http_field_id ids[] = {
        HTTP_FIELD_CONNECTION, HTTP_FIELD_KEEP_ALIVE,        HTTP_FIELD_PROXY_CONNECTION,
        HTTP_FIELD_TE,         HTTP_FIELD_TRANSFER_ENCODING,
    };
    unsigned any = 0; // most heads have none of them
    for (size_t i = 0; i < NUM_ITEMS(ids); i++)
        any |= head->first[ids[i]];
    for (size_t i = 0; any && i < NUM_ITEMS(ids); i++)
        if (!http_edits_drop_id(edits, head, ids[i]))
            return false;
    if (!keep_upgrade && !http_edits_drop_id(edits, head, HTTP_FIELD_UPGRADE))
        return false;
    return !(head->flags & HTTP_HEAD_CONN_OTHER) || drop_all_named(edits, head);
}
