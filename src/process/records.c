// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/check.h"
#include "records.h"

enum { RECORD_ALIGN = 8 };

struct head {
    uint32_t tag;
    uint32_t len;
};

static size_t padding(size_t len)
{
    return (RECORD_ALIGN - len % RECORD_ALIGN) % RECORD_ALIGN;
}

void records_add(struct text *out, uint32_t tag, const void *data, size_t len)
{
    static const char zeros[RECORD_ALIGN];
    must(len <= UINT32_MAX);
    struct head head = { .tag = tag, .len = (uint32_t)len };
    text_add(out, (const char *)&head, sizeof(head));
    if (len)
        text_add(out, data, len);
    text_add(out, zeros, padding(len));
}

void records_add_object(struct text *out, uint32_t tag, const void *object, const struct record_field *fields,
                        size_t num)
{
    struct text inner;
    text_init(&inner);
    for (size_t i = 0; i < num; i++)
        records_add(&inner, fields[i].number, (const char *)object + fields[i].at, fields[i].len);
    records_add(out, tag, inner.ptr, inner.len);
    out->failed = out->failed || inner.failed;
    text_fini(&inner);
}

void records_open(struct records *records, const void *data, size_t len)
{
    *records = (struct records){ .at = data, .left = len };
}

bool records_next(struct records *records, struct record *record)
{
    struct head head;
    if (records->failed || !records->left)
        return false;
    records->failed = true;
    if (records->left < sizeof(head))
        return false;
    memcpy(&head, records->at, sizeof(head));
    size_t left = records->left - sizeof(head);
    if (head.len > left || padding(head.len) > left - head.len)
        return false;
    *record = (struct record){ .tag = head.tag, .data = records->at + sizeof(head), .len = head.len };
    records->at += sizeof(head) + head.len + padding(head.len);
    records->left = left - head.len - padding(head.len);
    records->failed = false;
    return true;
}

static bool field_set(void *object, const struct record *record, const struct record_field *field)
{
    char *to = (char *)object + field->at;
    size_t len = record->len < field->len ? record->len : field->len;
    for (size_t i = len; i < record->len; i++)
        if (((const char *)record->data)[i])
            return false;
    if (len)
        memcpy(to, record->data, len);
    memset(to + len, 0, field->len - len);
    // What has one byte is true or false.
    if (field->len == 1)
        *to = *to != 0;
    return true;
}

bool record_get_object(void *object, const struct record *record, const struct record_field *fields, size_t num)
{
    struct records inner;
    struct record one;
    records_open(&inner, record->data, record->len);
    while (records_next(&inner, &one)) {
        size_t i = 0;
        while (i < num && fields[i].number != one.tag)
            i++;
        if (i < num ? !field_set(object, &one, &fields[i]) : (one.tag & RECORD_VITAL) != 0)
            return false;
    }
    return !inner.failed;
}
