// SPDX-License-Identifier: Apache-2.0
// The JSON reader: what it finds lies within the text, is JSON of its own (its first byte fits its type), and the same
// value is found in a text of that value alone. Strings come apart into no more bytes than they had.
#include <stdlib.h>
#include "base/check.h"
#include "expr/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const texts[] = { "$", "$.a", "$.a.b", "$[0]", "$[1]", "$.a[2].b", "$['']", "$.\\u0061" };
enum { NUM_PATHS = sizeof(texts) / sizeof(texts[0]) };
static struct expr_json_path paths[NUM_PATHS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct arena arena;
    (void)argc, (void)argv;
    arena_init(&arena);
    for (size_t i = 0; i < NUM_PATHS; i++)
        must(!expr_json_path_parse(&arena, &paths[i], slice_str(texts[i])));
    return 0;
}

static void check_string(struct slice raw)
{
    char *out = malloc(raw.len ? raw.len : 1);
    must(out);
    must(expr_json_unescape(out, raw) <= raw.len);
    free(out);
}

static void check_value(enum expr_json_type type, struct slice raw)
{
    static const char *const first[] = {
        [EXPR_JSON_NUMBER] = "-0123456789",
        [EXPR_JSON_TRUE] = "t",
        [EXPR_JSON_FALSE] = "f",
        [EXPR_JSON_NULL] = "n",
        [EXPR_JSON_ARRAY] = "[",
        [EXPR_JSON_OBJECT] = "{",
    };
    enum expr_json_type again;
    struct slice found;
    must(raw.len && raw.ptr[0] && strchr(first[type], raw.ptr[0]));
    must(expr_json_find(&again, &found, raw, &paths[0]) && again == type && slice_equal(raw, found));
}

// A path from the configuration may be anything, too.
static void check_path(struct slice text)
{
    struct arena arena;
    struct expr_json_path path;
    enum expr_json_type type;
    struct slice raw;
    arena_init(&arena);
    if (!expr_json_path_parse(&arena, &path, text))
        (void)expr_json_find(&type, &raw, SLICE("{\"a\":[{\"b\":[1,2]},3],\"\":4}"), &path);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice doc = slice_of((const char *)data, len);
    for (size_t i = 0; i < NUM_PATHS; i++) {
        enum expr_json_type type;
        struct slice raw;
        if (!expr_json_find(&type, &raw, doc, &paths[i]))
            continue;
        must(raw.ptr >= doc.ptr && raw.ptr + raw.len <= doc.ptr + doc.len);
        if (type == EXPR_JSON_STRING)
            check_string(raw);
        else
            check_value(type, raw);
    }
    if (len && data[0] == '$')
        check_path(doc);
    return 0;
}
