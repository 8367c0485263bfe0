// SPDX-License-Identifier: Apache-2.0
// Rows of the status page and how numbers look there; private to the page.
#pragma once

#include "admin/page.h"

enum { PAGE_NUMBER_LEN = 32 };

// page_number writes `number` in few digits ("1.2k", "34M") to `room` (PAGE_NUMBER_LEN bytes) and gives it.
const char *page_number(char *room, uint64_t number);

// page_bytes likewise writes an amount of bytes: "1.5 GiB".
const char *page_bytes(char *room, uint64_t bytes);

// page_age likewise writes a time: "3d 4h".
const char *page_age(char *room, uint64_t seconds);

// page_row_head appends the head of a table.
void page_row_head(struct text *out, const struct page *page);

// page_row appends the row page->row, with a box to choose the server by where `has_form`.
void page_row(struct text *out, const struct page *page, bool has_form);
