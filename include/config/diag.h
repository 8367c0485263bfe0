// SPDX-License-Identifier: Apache-2.0
// Diagnostics of a configuration: every notice, warning and error of one reading, in the order of the files, each with
// file, line, column, the line itself and a caret. Collected, then printed at once, to a stream or into a text (a
// reload's answer on the admin socket). Owned by whoever reads the configuration.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/arena.h"
#include "base/slice.h"
#include "base/text.h"

enum config_level { CONFIG_DIAG, CONFIG_NOTICE, CONFIG_WARNING, CONFIG_ERROR };

// Where something stands. `file` NULL: nowhere in a file (a check of the whole configuration).
struct config_place {
    const char *file;
    uint32_t line;
    uint32_t column;  // from 1; 0 for the whole line
    uint32_t length;  // of the word the caret underlines, 0 or 1 for a lone caret
    const char *text; // the line as it stands in the file, without its end
};

struct config_message {
    struct config_message *next;
    enum config_level level;
    struct config_place place;
    const char *text;
};

struct config_diag {
    struct arena *arena;
    struct config_message *first;
    struct config_message **last;
    uint32_t num_errors;
    uint32_t num_warnings;
    bool zero_warning; // -dW: a warning counts as an error
};

// config_diag_init makes `diag` empty; messages live in `arena`.
void config_diag_init(struct config_diag *diag, struct arena *arena);

// config_diag_add records a message about `place`.
void config_diag_add(struct config_diag *diag, enum config_level level, struct config_place place, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

// config_diag_failed says whether anything was wrong: an error, or a warning where warnings count as errors.
bool config_diag_failed(const struct config_diag *diag);

// config_diag_write appends all messages of at least `level` to `out`, as operators read them, and a line that counts
// the errors where there are some. Control characters of the line are shown escaped, long lines cut around the caret:
//   [ALERT]    (12345) : config : www.cfg:12:5: unknown keyword 'maxcon' in section 'frontend'; did you mean 'maxconn'?
//           maxcon 100
//           ^~~~~~
void config_diag_write(const struct config_diag *diag, struct text *out, enum config_level level);

// config_nearest gives the word of `known` (num of them, NULL entries skipped) nearest to `word` by edit distance, or
// NULL where none is near enough to be meant (distance over a third of its length, at least 1).
const char *config_nearest(const char *word, const char *const *known, size_t num);

// config_is_near says whether `known` is near enough to `word` to be meant, as config_nearest does, and by how many
// edits they differ. Words over 64 bytes are near to nothing.
bool config_is_near(unsigned *distance, struct slice word, struct slice known);
