// SPDX-License-Identifier: Apache-2.0
// A text is a string that grows: for answers of the admin socket, messages and generated pages. Not for the hot path.
// Memory that cannot be had sets `failed`, after which nothing more is added.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/slice.h"

struct text {
    char *ptr; // NUL-terminated once anything was added; NULL before
    size_t len;
    size_t cap;
    bool failed;
    bool wipes; // it may hold secrets: no byte it lets go of stays behind; set after text_init
};

// text_init makes `text` empty.
void text_init(struct text *text);

// text_fini frees what `text` holds and makes it empty.
void text_fini(struct text *text);

// text_add appends the `len` bytes at `data`.
void text_add(struct text *text, const char *data, size_t len);

// text_add_slice appends the bytes of `slice`.
void text_add_slice(struct text *text, struct slice slice);

// text_add_str appends the NUL-terminated `string`.
void text_add_str(struct text *text, const char *string);

// text_add_number appends `number` in decimal. It costs a tenth of text_printf.
void text_add_number(struct text *text, uint64_t number);

// text_add_fraction appends `number` / 10^`digits` with exactly `digits` digits (1 to 9) behind the point.
void text_add_fraction(struct text *text, uint64_t number, unsigned digits);

// text_printf appends what printf would write for `format`.
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

// text_consume drops the first `len` bytes.
void text_consume(struct text *text, size_t len);
