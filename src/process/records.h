// SPDX-License-Identifier: Apache-2.0
// Records: how one image of the master hands its state to the next, which may be of an older or newer version. A record
// is a tag, a length and that many bytes, filled up to a multiple of 8. An object is a record of records, one for each
// of its fields, by number: what the writer has not known keeps its value at the reader, what the reader does not know
// is skipped, unless its tag says that it must be known (RECORD_VITAL). A field may grow or shrink: it is filled with
// zeros, and only zeros may be cut (numbers are little-endian: the reader runs on the writer's machine). Numbers are
// never given twice. Pure: no descriptors, no I/O. Used by the master.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

// A tag with this bit is for readers that know it; others refuse the whole.
#define RECORD_VITAL UINT32_C(0x80000000)

struct record {
    uint32_t tag;
    const void *data; // aligned to 8 bytes where what was opened was
    size_t len;
};

struct records {
    const char *at;
    size_t left;
    bool failed; // there is something that is no record
};

// A field of an object.
struct record_field {
    uint32_t number;
    size_t at; // in the object
    size_t len;
};

#define RECORD_FIELD(number_of, type, member)                                                                          \
    {                                                                                                                  \
        .number = (number_of), .at = offsetof(type, member), .len = sizeof(((type *)NULL)->member)                     \
    }

// records_add appends a record of `len` bytes, at most UINT32_MAX.
void records_add(struct text *out, uint32_t tag, const void *data, size_t len);

// records_add_object appends `object` with its `num` fields as one record.
void records_add_object(struct text *out, uint32_t tag, const void *object, const struct record_field *fields,
                        size_t num);

// records_open starts to read the `len` bytes at `data`.
void records_open(struct records *records, const void *data, size_t len);

// records_next gives the next record; false at the end, and where `failed` is set.
bool records_next(struct records *records, struct record *record);

// record_get_object sets the fields of `object` that stand in `record`. False where it is malformed, or a field is
// larger here than what fits there.
bool record_get_object(void *object, const struct record *record, const struct record_field *fields, size_t num);
