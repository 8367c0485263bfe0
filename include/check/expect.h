// SPDX-License-Identifier: Apache-2.0
// What steps that expect something share: raw bytes and answers in HTTP. Private to src/check.
#pragma once

#include "check/run.h"

// check_find says whether `part` stands in `data`.
bool check_find(struct slice data, struct slice part);

// check_unhex writes the bytes that the hexadecimal digits `text` stand for; SIZE_MAX where they are none, or too many.
size_t check_unhex(char *dst, size_t cap, struct slice text);

// check_expect_wants_more says whether `data` is too little to judge, unless it is the `last` there will be.
bool check_expect_wants_more(const struct check_expect *expect, struct slice data, bool last);

// check_expect_matches says whether `data` is what a string, binary or regular expression of any form describes.
bool check_expect_matches(struct check_run *run, const struct check_expect *expect, struct slice data);

// check_http_judge looks at an answer in HTTP. On CHECK_FAIL reading->text says why.
enum check_verdict check_http_judge(struct check_run *run, struct check_reading *reading);

// check_run_failure_text writes what is told of a step whose expectation failed into `text` (CHECK_TEXT_LEN bytes).
void check_run_failure_text(struct check_run *run, const struct check_reading *reading, char *text, uint16_t *code);
