// SPDX-License-Identifier: Apache-2.0
// Changes to heads: the input is a list of changes, ended by a zero byte, and a request or response head. Whatever is
// asked for, the head that is written has as many lines as it has fields, each says what its field says, fields that
// nothing was done to are as they were, and a change that fails leaves no trace.
#include "fuzz_h1.h"
#include "http/change.h"

enum { STORE_MAX = 2048, OUT_MAX = 4 * FUZZ_INPUT_MAX };

struct input {
    const uint8_t *pos;
    const uint8_t *end;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned take(struct input *in)
{
    return in->pos < in->end ? *in->pos++ : 0;
}

static struct slice take_text(struct input *in)
{
    size_t len = take(in);
    if (len > (size_t)(in->end - in->pos))
        len = (size_t)(in->end - in->pos);
    struct slice text = slice_of((const char *)in->pos, len);
    in->pos += len;
    return text;
}

// fields_touched is set for the fields that a change was made to.
static bool fields_touched[FUZZ_FIELDS];

static void drop_name(struct http_head *head, struct slice name)
{
    for (int i = http_head_find_name(head, name, 0); i >= 0; i = http_head_find_name(head, name, (unsigned)i + 1))
        fields_touched[i] = true;
    http_head_drop_name(head, name);
    must(http_head_find_name(head, name, 0) == -1);
}

static bool change_line(struct http_head *head, struct input *in, unsigned kind)
{
    if (head->is_response) {
        unsigned status = take(in) * 4;
        return http_head_set_status(head, (uint16_t)status, kind & 1 ? take_text(in) : slice_of(NULL, 0));
    }
    switch (kind % 5) {
    case 0:
        return http_head_set_method(head, take_text(in));
    case 1:
        return http_head_set_target(head, take_text(in));
    case 2:
        return http_head_set_path(head, take_text(in));
    case 3:
        return http_head_set_query(head, take_text(in));
    default:
        return http_head_set_pathq(head, take_text(in));
    }
}

static bool change_field(struct http_head *head, struct input *in, unsigned kind)
{
    if (kind % 4 == 0) {
        struct slice name = take_text(in);
        bool added = http_head_add(head, name, take_text(in));
        if (added)
            fields_touched[head->num_fields - 1] = true;
        return added;
    }
    if (kind % 4 == 1) {
        drop_name(head, take_text(in));
        return true;
    }
    if (!head->num_fields)
        return true;
    unsigned index = take(in) % head->num_fields;
    if (kind % 4 == 2) {
        http_head_drop(head, index);
        fields_touched[index] = true;
        return true;
    }
    bool set = http_head_set(head, index, take_text(in));
    fields_touched[index] |= set;
    return set;
}

static void change(struct http_head *head, struct input *in, unsigned kind)
{
    static struct http_field before_fields[FUZZ_FIELDS];
    struct http_head before = *head;
    memcpy(before_fields, head->fields, sizeof(before_fields));
    if (kind & 0x40 ? change_line(head, in, kind) : change_field(head, in, kind))
        return;
    must(memcmp(&before, head, sizeof(before)) == 0);
    must(memcmp(before_fields, head->fields, before.num_fields * sizeof(before_fields[0])) == 0);
}

static void check_index(const struct http_head *head)
{
    for (int id = 1; id < HTTP_NUM_FIELD_IDS; id++) {
        unsigned first = 0;
        for (unsigned i = head->num_fields; i > 0; i--)
            if (head->fields[i - 1].id == id)
                first = i;
        must(head->first[id] == first);
    }
}

// check_written follows the lines of the head that was written.
static void check_written(const struct http_head *head, struct slice text)
{
    size_t end = slice_find(text, '\n');
    must(end > 0 && end < text.len && text.ptr[end - 1] == '\r');
    text = slice_from(text, end + 1);
    for (unsigned i = 0; i < head->num_fields; i++) {
        bool again = head->fields[i].id == HTTP_FIELD_CONTENT_LENGTH && head->flags & HTTP_HEAD_LENGTH_AGAIN &&
                     i + 1 != head->first[HTTP_FIELD_CONTENT_LENGTH];
        if (http_field_is_dropped(head, i) || again)
            continue;
        end = slice_find(text, '\n');
        must(end > 0 && end < text.len && text.ptr[end - 1] == '\r');
        struct slice line = slice_of(text.ptr, end - 1);
        size_t colon = slice_find(line, ':');
        must(slice_equal(slice_of(line.ptr, colon), http_field_name_at(head, i)));
        struct slice value = slice_trim(slice_from(line, colon + 1));
        // Of a repeated length, or one that is a list, only the first stands.
        must(head->fields[i].id == HTTP_FIELD_CONTENT_LENGTH || slice_equal(value, http_field_value(head, i)));
        text = slice_from(text, end + 1);
    }
    must(slice_equal(text, SLICE("\r\n")));
}

static void check_untouched(const struct http_head *head, const struct fuzz_head *original)
{
    for (unsigned i = 0; i < original->head.num_fields; i++)
        must(fields_touched[i] || memcmp(&head->fields[i], &original->fields[i], sizeof(original->fields[i])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fuzz_head parsed, original;
    static struct http_edits edits;
    static char store[STORE_MAX], out[OUT_MAX];
    const uint8_t *zero = len ? memchr(data, '\0', len) : NULL;
    if (!zero || len > FUZZ_INPUT_MAX)
        return 0;
    // Texts of changes may hold zero bytes: the head begins behind the first one, the changes reach as far as they can.
    struct input in = { data, data + len };
    const char *head = (const char *)zero + 1;
    size_t head_len = (size_t)((const char *)data + len - head);
    fuzz_begin(&parsed);
    fuzz_feed(&parsed, head_len && *head == 'H' ? http_head_parse_response : http_head_parse_request, head, head_len);
    if (parsed.result != HTTP_PARSE_DONE)
        return 0;
    original = parsed;
    memset(fields_touched, 0, sizeof(fields_touched));
    http_head_store(&parsed.head, store, sizeof(store));
    unsigned kind;
    for (int i = 0; i < 64 && (kind = take(&in)); i++) {
        change(&parsed.head, &in, kind);
        check_index(&parsed.head);
    }
    must(parsed.head.store_len <= STORE_MAX);
    check_untouched(&parsed.head, &original);
    http_edits_init(&edits, NULL, 0);
    size_t written = http_head_write(out, sizeof(out), &parsed.head, &edits);
    must(written);
    check_written(&parsed.head, slice_of(out, written));
    return 0;
}
