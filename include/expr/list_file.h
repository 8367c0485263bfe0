// SPDX-License-Identifier: Apache-2.0
// Reading files of lists, and what of lists converters need besides. Private to this area. Boot only.
#pragma once

#include "expr/list.h"

// expr_list_file_read reads the file `path` and calls `take` for each entry: its key and, of a map, its value ("key
// value" on a line, manual section 7.3.1, "map"). Leading blanks are dropped, empty lines and those that begin with '#'
// ignored, NUL bytes refused. NULL, or why it cannot be read (in `arena`); one that need not exist is empty where it
// does not.
const char *expr_list_file_read(struct arena *arena, const char *path, bool is_optional, bool is_map,
                                void (*take)(void *arg, struct slice key, struct slice value, uint32_t line),
                                void *arg);

// expr_list_text_read does that with the text of a file.
void expr_list_text_read(struct slice text, bool is_map,
                         void (*take)(void *arg, struct slice key, struct slice value, uint32_t line), void *arg);

// expr_list_want_values says that all values of `list`, now and later, must be of `type` (INT, ADDR). NULL, or which
// is not (in the arena, with file and line).
const char *expr_list_want_values(struct expr_list *list, struct config *config, enum expr_type type);

// expr_list_value_int reads a value as an integer, whole.
bool expr_list_value_int(struct slice value, int64_t *out);
