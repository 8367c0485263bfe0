// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "http/edit.h"
#include "http/head_parts.h"
#include "http/scan.h"

struct out {
    char *pos;
    char *end;
    bool full;
};

static void put(struct out *out, const char *data, size_t len)
{
    if ((size_t)(out->end - out->pos) < len) {
        out->full = true;
        return;
    }
    if (len)
        memcpy(out->pos, data, len);
    out->pos += len;
}

static void put_slice(struct out *out, struct slice slice)
{
    put(out, slice.ptr, slice.len);
}

static void put_field(struct out *out, struct slice name, struct slice value)
{
    put_slice(out, name);
    put(out, ": ", 2);
    put_slice(out, value);
    put(out, "\r\n", 2);
}

static bool target_is_sound(const struct http_head *head, struct slice target)
{
    if (UNLIKELY(head->lax))
        return http_lax_target_is_sound(target);
    return target.len && http_scan_is(target.ptr, target.len, HTTP_CLASS_TARGET);
}

static void put_version(struct out *out, const struct http_head *head)
{
    if (UNLIKELY(head->version_len))
        put(out, head->base + head->version, head->version_len);
    else
        put_slice(out, SLICE("HTTP/1.1"));
}

static void put_request_line(struct out *out, const struct http_head *head, const struct http_edits *edits)
{
    struct slice method = http_head_method(head), target = http_head_target(head);
    if (edits->method.ptr)
        method = edits->method;
    if (edits->target.ptr)
        target = edits->target;
    if (!method.len || !http_scan_is(method.ptr, method.len, HTTP_CLASS_TOKEN) || !target_is_sound(head, target))
        out->full = true;
    put_slice(out, method);
    put(out, " ", 1);
    put_slice(out, target);
    put(out, " ", 1);
    put_version(out, head);
    put(out, "\r\n", 2);
}

static void put_status_line(struct out *out, const struct http_head *head, const struct http_edits *edits)
{
    unsigned status = edits->status ? edits->status : head->status;
    struct slice reason = http_head_reason(head);
    if (edits->reason.ptr)
        reason = edits->reason;
    else if (edits->status)
        reason = slice_str(http_status_reason(edits->status));
    if (status < 100 || (status > 999 && !head->lax) || !http_scan_is(reason.ptr, reason.len, HTTP_CLASS_VALUE))
        out->full = true;
    char code[8];
    size_t at = sizeof(code);
    for (code[--at] = ' '; status; status /= 10)
        code[--at] = (char)('0' + status % 10);
    put_version(out, head);
    put(out, " ", 1);
    put(out, code + at, sizeof(code) - at);
    put_slice(out, reason);
    put(out, "\r\n", 2);
}

// line_is_kept says whether the start line can travel as it stands: HTTP/1.1, neither edited nor changed and, in a
// response, with the space before its reason, which a sender may not leave out (RFC 9112 section 4).
static bool line_is_kept(const struct http_head *head, const struct http_edits *edits)
{
    if (head->flags & HTTP_HEAD_LINE_CHANGED || (head->flags & HTTP_HEAD_VERSION_10 && !head->version_len))
        return false;
    if (head->is_response)
        return !edits->status && !edits->reason.ptr && head->base[head->reason - 1] == ' ';
    return !edits->method.ptr && !edits->target.ptr;
}

static const struct http_edit *edit_of(const struct http_edits *edits, unsigned index)
{
    for (unsigned i = edits->num_edits; i > 0; i--)
        if (edits->edits[i - 1].field == index)
            return &edits->edits[i - 1];
    return NULL;
}

struct touched {
    uint64_t bits[4];  // fields below 256 that do not travel as they stand
    uint64_t again[4]; // those that are Content-Length fields after the first
};

enum { TOUCHED_MAX = 256 };

// mark_changed adds the fields that rules changed, of the first `num`.
static void mark_changed(struct touched *touched, const struct http_head *head, unsigned num)
{
    for (unsigned i = 0; i < num && i < TOUCHED_MAX; i++)
        if (!head->fields[i].name_len || (head->fields[i].value & HTTP_IN_STORE))
            touched->bits[i / 64] |= 1ull << i % 64;
}

static void find_touched(struct touched *touched, const struct http_head *head, const struct http_edits *edits)
{
    memcpy(touched->bits, edits->dropped, sizeof(touched->bits));
    memset(touched->again, 0, sizeof(touched->again));
    for (unsigned i = 0; i < edits->num_edits; i++) {
        unsigned field = edits->edits[i].field;
        if (field < TOUCHED_MAX)
            touched->bits[field / 64] |= 1ull << field % 64;
    }
    if (!(head->flags & HTTP_HEAD_LENGTH_AGAIN))
        return;
    for (unsigned i = 0; i < head->num_fields && i < TOUCHED_MAX; i++) {
        if (head->fields[i].id != HTTP_FIELD_CONTENT_LENGTH)
            continue;
        touched->bits[i / 64] |= 1ull << i % 64;
        if (i + 1 != head->first[HTTP_FIELD_CONTENT_LENGTH])
            touched->again[i / 64] |= 1ull << i % 64;
    }
}

// next_touched gives the first field from `from` on that needs a closer look, or num_fields. Those beyond the bit sets
// always do.
static unsigned next_touched(const struct touched *touched, unsigned from, unsigned num_fields)
{
    unsigned word = from / 64;
    if (from < TOUCHED_MAX) {
        uint64_t bits = touched->bits[word] & (~0ull << from % 64);
        while (!bits && ++word < TOUCHED_MAX / 64)
            bits = touched->bits[word];
        from = bits ? word * 64 + (unsigned)__builtin_ctzll(bits) : TOUCHED_MAX;
    }
    return from < num_fields ? from : num_fields;
}

static bool bit_at(const uint64_t bits[4], unsigned index)
{
    return index < TOUCHED_MAX && (bits[index / 64] >> index % 64 & 1);
}

static void put_touched(struct out *out, const struct http_head *head, const struct http_edits *edits,
                        const struct touched *touched, unsigned index)
{
    const struct http_edit *edit = edit_of(edits, index);
    bool repeated = bit_at(touched->again, index);
    if (index >= TOUCHED_MAX && head->fields[index].id == HTTP_FIELD_CONTENT_LENGTH)
        repeated = index + 1 != head->first[HTTP_FIELD_CONTENT_LENGTH];
    if (http_field_is_dropped(head, index) || bit_at(edits->dropped, index) ||
        (edit && edit->value_len == HTTP_EDIT_DROP) || (!edit && repeated))
        return;
    struct slice name = http_field_name_at(head, index), value = http_field_value(head, index);
    if (edit && edit->name_len)
        name = slice_of(edit->name, edit->name_len);
    if (edit)
        value = slice_of(edit->value, edit->value_len);
    put_field(out, name, value);
}

// num_parsed gives how many fields stand in the head's own bytes: those that rules added come after them.
static unsigned num_parsed(const struct http_head *head)
{
    unsigned num = head->num_fields;
    if (head->flags & HTTP_HEAD_CHANGED)
        while (num && (head->fields[num - 1].name & HTTP_IN_STORE))
            num--;
    return num;
}

// What a line of `field` takes with its colon and line end.
static size_t line_len(const struct http_field *field)
{
    return field->name_len + 2u + field->value_len + 2u;
}

// is_line says whether the added field at `index` stands in the store as the line it was added as: not dropped, nor
// with a value of later.
static bool is_line(const struct http_head *head, unsigned index)
{
    const struct http_field *field = &head->fields[index];
    return field->name_len && field->value == field->name + field->name_len + 2;
}

size_t http_head_write(char *dst, size_t cap, const struct http_head *head, const struct http_edits *edits)
{
    struct out out = { .pos = dst, .end = dst + cap };
    struct touched touched;
    unsigned num = num_parsed(head);
    find_touched(&touched, head, edits);
    if (head->flags & HTTP_HEAD_CHANGED)
        mark_changed(&touched, head, num);
    uint32_t fields_end = head->len - 2; // where the empty line stands
    uint32_t run = num ? head->fields[0].name : fields_end;
    if (line_is_kept(head, edits))
        run = head->line;
    else if (head->is_response)
        put_status_line(&out, head, edits);
    else
        put_request_line(&out, head, edits);
    for (unsigned i = next_touched(&touched, 0, num); i < num; i = next_touched(&touched, i + 1, num)) {
        put(&out, head->base + run, head->fields[i].name - run);
        put_touched(&out, head, edits, &touched, i);
        run = i + 1 < num ? head->fields[i + 1].name : fields_end;
    }
    put(&out, head->base + run, fields_end - run);
    for (unsigned i = num; i < head->num_fields; i++) {
        if (is_line(head, i) && i < TOUCHED_MAX && !bit_at(touched.bits, i))
            put(&out, head->store + (head->fields[i].name & ~HTTP_IN_STORE), line_len(&head->fields[i]));
        else
            put_touched(&out, head, edits, &touched, i);
    }
    for (unsigned i = 0; i < edits->num_edits; i++) {
        const struct http_edit *edit = &edits->edits[i];
        if (edit->field == HTTP_EDIT_ADD)
            put_field(&out, slice_of(edit->name, edit->name_len), slice_of(edit->value, edit->value_len));
    }
    put(&out, "\r\n", 2);
    return out.full ? 0 : (size_t)(out.pos - dst);
}
