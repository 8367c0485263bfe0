// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "http/change.h"
#include "http/head_parts.h"
#include "http/names.h"
#include "http/scan.h"

void http_head_store(struct http_head *head, char *mem, size_t cap)
{
    must(cap < HTTP_IN_STORE);
    head->store = mem;
    head->store_len = 0;
    head->store_cap = (uint32_t)cap;
}

// put_text copies `text` behind what the store holds, without taking the room yet: a change of several parts is made
// whole or not at all. `*at` is where it stands, `*len` how much the parts take so far.
static bool put_text(struct http_head *head, uint32_t *at, uint32_t *len, struct slice text)
{
    uint32_t used = head->store_len + *len;
    if (!head->store || text.len > head->store_cap - used)
        return false;
    if (text.len)
        memcpy(head->store + used, text.ptr, text.len);
    *at = used | HTTP_IN_STORE;
    *len += (uint32_t)text.len;
    return true;
}

static bool value_is_sound(struct slice value)
{
    const char *end = value.ptr + value.len;
    return !value.len || http_scan_value_portable(value.ptr, value.ptr, end) == end;
}

bool http_head_set(struct http_head *head, unsigned index, struct slice value)
{
    uint32_t at, len = 0;
    must(index < head->num_fields);
    value = slice_trim(value);
    if (http_field_is_dropped(head, index) || !value_is_sound(value) || !put_text(head, &at, &len, value))
        return false;
    head->store_len += len;
    head->fields[index].value = at;
    head->fields[index].value_len = len;
    head->flags |= HTTP_HEAD_CHANGED;
    return true;
}

// append adds a field whose name is a token with the id `id`. It stands in the store as the whole line that
// http_head_write sends.
static inline bool append(struct http_head *head, struct slice name, enum http_field_id id, struct slice value)
{
    value = slice_trim(value);
    size_t len = name.len + 2 + value.len + 2;
    if (!value_is_sound(value) || head->num_fields >= head->max_fields || !head->store ||
        len > head->store_cap - head->store_len)
        return false;
    char *line = head->store + head->store_len;
    memcpy(line, name.ptr, name.len);
    memcpy(line + name.len, ": ", 2);
    if (value.len)
        memcpy(line + name.len + 2, value.ptr, value.len);
    memcpy(line + len - 2, "\r\n", 2);
    uint32_t at = head->store_len | HTTP_IN_STORE;
    head->store_len += (uint32_t)len;
    head->fields[head->num_fields++] = (struct http_field){
        .name = at,
        .value = at + (uint32_t)name.len + 2,
        .value_len = (uint32_t)value.len,
        .name_len = (uint16_t)name.len,
        .id = (uint8_t)id,
    };
    if (id != HTTP_FIELD_OTHER && !head->first[id])
        head->first[id] = head->num_fields;
    else if (id != HTTP_FIELD_OTHER)
        head->flags |= HTTP_HEAD_REPEATED;
    head->flags |= HTTP_HEAD_CHANGED;
    return true;
}

bool http_head_add(struct http_head *head, struct slice name, struct slice value)
{
    if (!name.len || name.len > UINT16_MAX || !http_scan_is(name.ptr, name.len, HTTP_CLASS_TOKEN))
        return false;
    return append(head, name, http_name_lookup(name.ptr, name.len), value);
}

void http_head_drop(struct http_head *head, unsigned index)
{
    must(index < head->num_fields);
    struct http_field *field = &head->fields[index];
    enum http_field_id id = field->id;
    // The place of the name stays: the writer finds the line by it.
    field->name_len = 0;
    field->value_len = 0;
    field->id = HTTP_FIELD_OTHER;
    head->flags |= HTTP_HEAD_CHANGED;
    if (id != HTTP_FIELD_OTHER && head->first[id] == index + 1)
        head->first[id] = (uint16_t)(http_head_find(head, id, index + 1) + 1);
}

unsigned http_head_drop_name(struct http_head *head, struct slice name)
{
    unsigned num = 0;
    for (int i = http_head_find_name(head, name, 0); i >= 0; i = http_head_find_name(head, name, (unsigned)i + 1)) {
        http_head_drop(head, (unsigned)i);
        num++;
    }
    return num;
}

bool http_head_put(struct http_head *head, struct slice name, enum http_field_id id, struct slice value)
{
    unsigned num = head->num_fields;
    if (!append(head, name, id, value))
        return false;
    int i = id ? head->first[id] - 1 : http_head_find_other(head, name, 0);
    while ((unsigned)i < num) {
        http_head_drop(head, (unsigned)i);
        i = id ? head->first[id] - 1 : http_head_find_other(head, name, (unsigned)i + 1);
    }
    return true;
}

struct target {
    uint32_t at;
    uint32_t len;
    uint32_t path;
    uint32_t path_len;
    uint32_t authority;
    uint32_t authority_len;
    uint32_t absolute; // HTTP_HEAD_ABSOLUTE or 0
};

// find_target reads the request target `text`, which stands at `at`, for `method`.
static bool find_target(struct target *out, struct slice text, uint32_t at, enum http_method method, bool lax)
{
    struct http_head own = {
        .base = text.ptr, .target_len = (uint32_t)text.len, .method = (uint8_t)method, .lax = lax
    };
    if (lax ? !http_lax_target_is_sound(text) : !text.len || !http_scan_is(text.ptr, text.len, HTTP_CLASS_TARGET))
        return false;
    if (text.ptr[0] == '/' && method != HTTP_METHOD_CONNECT)
        own.path_len = own.target_len;
    else if (!http_target_parse(&own))
        return false;
    *out = (struct target){
        .at = at,
        .len = own.target_len,
        .path = at + own.path,
        .path_len = own.path_len,
        .authority = at + own.authority,
        .authority_len = own.authority_len,
        .absolute = own.flags & HTTP_HEAD_ABSOLUTE,
    };
    return true;
}

static void take_target(struct http_head *head, const struct target *target)
{
    head->target = target->at;
    head->target_len = target->len;
    head->path = target->path;
    head->path_len = target->path_len;
    head->authority = target->authority;
    head->authority_len = target->authority_len;
    head->flags = (head->flags & ~(uint32_t)HTTP_HEAD_ABSOLUTE) | target->absolute | HTTP_HEAD_LINE_CHANGED;
}

bool http_head_set_method(struct http_head *head, struct slice method)
{
    uint32_t at, len = 0;
    struct target target;
    if (!method.len || !http_scan_is(method.ptr, method.len, HTTP_CLASS_TOKEN) || !put_text(head, &at, &len, method))
        return false;
    enum http_method id = http_method_of(method.ptr, method.len);
    if (!find_target(&target, http_head_target(head), head->target, id, head->lax))
        return false;
    head->store_len += len;
    head->method_at = at;
    head->method_len = len;
    head->method = (uint8_t)id;
    take_target(head, &target);
    return true;
}

// set_parts makes the target of four parts, one behind the other.
static bool set_parts(struct http_head *head, const struct slice parts[4])
{
    uint32_t at, first = 0, len = 0;
    struct target target;
    for (int i = 0; i < 4; i++) {
        if (!put_text(head, &at, &len, parts[i]))
            return false;
        first = i ? first : at;
    }
    if (!find_target(&target, http_head_text(head, first, len), first, head->method, head->lax))
        return false;
    head->store_len += len;
    take_target(head, &target);
    return true;
}

bool http_head_set_target(struct http_head *head, struct slice target)
{
    return set_parts(head, (struct slice[4]){ target });
}

// has_path says whether the target is of a form with a path: not "*", nor that of CONNECT.
static bool has_path(const struct http_head *head)
{
    return head->path_len || (head->flags & HTTP_HEAD_ABSOLUTE);
}

static struct slice before_path(const struct http_head *head)
{
    struct slice target = http_head_target(head);
    return slice_of(target.ptr, (size_t)(http_head_pathq(head).ptr - target.ptr));
}

bool http_head_set_path(struct http_head *head, struct slice path)
{
    struct slice query = http_head_query(head);
    if (!has_path(head) || !path.len || path.ptr[0] != '/')
        return false;
    return set_parts(head, (struct slice[4]){ before_path(head), path, query.ptr ? SLICE("?") : SLICE(""), query });
}

bool http_head_set_query(struct http_head *head, struct slice query)
{
    if (!has_path(head))
        return false;
    return set_parts(
        head, (struct slice[4]){ before_path(head), http_head_path(head), query.len ? SLICE("?") : SLICE(""), query });
}

bool http_head_set_pathq(struct http_head *head, struct slice pathq)
{
    if (!has_path(head) || !pathq.len || pathq.ptr[0] != '/')
        return false;
    return set_parts(head, (struct slice[4]){ before_path(head), pathq });
}

bool http_head_set_status(struct http_head *head, uint16_t status, struct slice reason)
{
    uint32_t at, len = 0;
    if (!reason.ptr)
        reason = slice_str(http_status_reason(status));
    if (status < 100 || status > 999 || !value_is_sound(reason) || !put_text(head, &at, &len, reason))
        return false;
    head->store_len += len;
    head->status = status;
    head->reason = at;
    head->reason_len = len;
    head->flags |= HTTP_HEAD_LINE_CHANGED;
    return true;
}

static uint32_t moved(uint32_t at, uint32_t by)
{
    return at & HTTP_IN_STORE ? at + by : at;
}

bool http_head_copy(struct http_head *out, const struct http_head *head)
{
    struct http_field *fields = out->fields;
    uint16_t max_fields = out->max_fields;
    char *store = out->store;
    uint32_t cap = out->store_cap, by = head->len;
    if (head->num_fields > max_fields || head->len > cap || head->store_len > cap - head->len)
        return false;
    memcpy(store, head->base, head->len);
    if (head->store_len)
        memcpy(store + head->len, head->store, head->store_len);
    *out = *head;
    out->base = out->store = store;
    out->store_len = head->len + head->store_len;
    out->store_cap = cap;
    out->fields = fields;
    out->max_fields = max_fields;
    out->method_at = moved(head->method_at, by);
    out->target = moved(head->target, by);
    out->path = moved(head->path, by);
    out->authority = moved(head->authority, by);
    out->reason = moved(head->reason, by);
    for (unsigned i = 0; i < head->num_fields; i++) {
        fields[i] = head->fields[i];
        fields[i].name = moved(fields[i].name, by);
        fields[i].value = moved(fields[i].value, by);
    }
    return true;
}
