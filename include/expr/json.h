// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259) as a reader of hostile texts: it finds the value that a path leads to, without a tree and without
// memory of its own. All that it reads must be well-formed; what follows the value found is not read. Depth is bounded.
// Private to this area; used by json_query and the jwt_ converters.
#pragma once

#include "base/arena.h"
#include "expr/conv.h"

#define EXPR_JSON_DEPTH 64 // arrays and objects within each other, at most

enum expr_json_type {
    EXPR_JSON_STRING,
    EXPR_JSON_NUMBER,
    EXPR_JSON_TRUE,
    EXPR_JSON_FALSE,
    EXPR_JSON_NULL,
    EXPR_JSON_ARRAY,
    EXPR_JSON_OBJECT,
};

struct expr_json_step {
    struct slice name; // a member of an object; ptr NULL: an element of an array
    uint32_t index;
};

struct expr_json_path {
    uint32_t num_steps;
    struct expr_json_step steps[EXPR_JSON_DEPTH];
};

// expr_json_path_parse reads a path such as "$.a.b[0]" (a subset of RFC 9535: "$", ".name", "['name']", "[index]", and
// a backslash before a dot or bracket that belongs to a name) into `out`, names in `arena`. NULL, or what is wrong.
const char *expr_json_path_parse(struct arena *arena, struct expr_json_path *out, struct slice text);

// expr_json_find puts the value that `path` leads to in `doc` into `raw`, as it is written (a string without its
// quotes), and its type into `*type`. Of members of the same name the first counts. False where there is none, or the
// text is no JSON so far.
bool expr_json_find(enum expr_json_type *type, struct slice *raw, struct slice doc, const struct expr_json_path *path);

// expr_json_unescape writes what the inside of a string, as expr_json_find gave it, stands for to `out`, which has room
// for raw.len bytes, in UTF-8, and gives its length. A lone surrogate becomes U+FFFD.
size_t expr_json_unescape(char *out, struct slice raw);

// expr_json_query_prepare checks the arguments (<json_path>[,<output_type>]) of a converter, as its prepare function.
const char *expr_json_query_prepare(struct config *config, struct expr_arg *args, uint32_t num);

// expr_json_query is the converter json_query: what expr_json_query_prepare made `args` of, applied to the text
// `sample`.
bool expr_json_query(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args);
