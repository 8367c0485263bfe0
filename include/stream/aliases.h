// SPDX-License-Identifier: Apache-2.0
// What the files of %aliases share. Private to this area; runs in workers.
#pragma once

#include "stream/log.h"

// stream_alias_log gives the log line being written, or `own` filled from the subject's stream or connection.
const struct stream_log *stream_alias_log(const struct expr_subject *subject, struct stream_log *own);

// stream_end_letter gives the letter of `end` in a log line.
char stream_end_letter(enum stream_end end);
