// SPDX-License-Identifier: Apache-2.0
// Values of clients in log lines, header fields, JSON and CBOR: whatever the value, a line stays one line of printable
// characters, nothing within quotes ends them, a header field holds no control character, and JSON and CBOR give back
// the value as it was.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "expr/format.h"
#include "expr/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct slice value;

static bool get_value(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item)
{
    (void)subject, (void)item;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = value };
    return true;
}

static bool fetch_value(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                        struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    *out = (struct expr_sample){ .type = EXPR_STR, .str = value };
    return true;
}

static const struct expr_alias aliases[] = {
    { .name = "U", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_URL, .get = get_value },
    { .name = "H", .when = EXPR_ALWAYS, .escape = EXPR_ALIAS_HDR, .get = get_value },
    { .name = "P", .when = EXPR_ALWAYS, .get = get_value },
};
EXPR_ALIASES(aliases);

static const struct expr_fetch fetches[] = {
    { .name = "v", .out = EXPR_STR, .when = EXPR_ALWAYS, .fetch = fetch_value },
};
EXPR_FETCHES(fetches);

enum { VALUE_MAX = 4096, OUT_MAX = 16 * VALUE_MAX };
static char out[OUT_MAX];

// What `text` makes of the value; a format that is not understood is a fault of this program.
static struct slice written(const char *text, enum expr_format_use use)
{
    static char scratch[OUT_MAX];
    static const uint64_t now_us = 1000000, wall_us = 1700000000000000;
    struct expr_process process = { .scratch = { .mem = scratch, .cap = sizeof(scratch) },
                                    .now_us = &now_us,
                                    .wall_us = &wall_us };
    struct expr_subject subject = { .process = &process, .when = EXPR_AT_REQUEST_HEAD, .final = true };
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    struct config_arg arg = { .str = text, .len = (uint32_t)strlen(text), .column = 1, .width = 1 };
    struct config_line line = { .place = { .file = "fuzz", .line = 1, .column = 1, .text = text }, .args = &arg };
    line.num_args = 1;
    const struct expr_format *format = expr_format_parse(&config, &line, 0, use, EXPR_AT_REQUEST_HEAD);
    must(format);
    bool cut;
    size_t len = expr_format_write(format, &subject, out, sizeof(out), &cut);
    must(!cut);
    config_fini(&config);
    arena_fini(&arena);
    return slice_of(out, len);
}

static void check_line(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        must(line.ptr[i] >= ' ' && line.ptr[i] < 127);
}

// The first quote that no backslash precedes (with `escapes`) ends the text.
static void check_quoted(struct slice line, bool escapes)
{
    check_line(line);
    must(line.len >= 2 && line.ptr[0] == '"');
    size_t i = 1;
    for (; i < line.len && line.ptr[i] != '"'; i++)
        i += escapes && line.ptr[i] == '\\';
    must(i == line.len - 1);
}

// Without the flag for UTF-8 each byte is a character of its own.
static void check_json(struct slice text, const char *name)
{
    static char plain[6 * VALUE_MAX];
    struct expr_json_path path = { .num_steps = 1, .steps = { { .name = slice_str(name) } } };
    enum expr_json_type type;
    struct slice raw;
    check_line(text);
    must(expr_json_find(&type, &raw, text, &path) && type == EXPR_JSON_STRING && raw.len <= sizeof(plain));
    size_t len = expr_json_unescape(plain, raw), at = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c < 0x80) {
            must(at < len && (unsigned char)plain[at++] == c);
        } else {
            must(len - at >= 2 && (unsigned char)plain[at] == (0xc0 | c >> 6));
            must((unsigned char)plain[at + 1] == (0x80 | (c & 0x3f)));
            at += 2;
        }
    }
    must(at == len);
}

static void check_cbor(struct slice text)
{
    // A map, the name "a", then the value: how long it is, and its bytes.
    const unsigned char *at = (const unsigned char *)text.ptr;
    must(text.len > 4 && at[0] == 0xbf && at[1] == 0x61 && at[2] == 'a');
    unsigned info = at[3] & 31;
    size_t bytes = info < 24 ? 0 : info == 24 ? 1 : 2, len = info;
    must(info <= 25 && ((at[3] & 0xe0) == 0x40 || (at[3] & 0xe0) == 0x60));
    for (size_t i = 0; i < bytes; i++)
        len = (i ? len << 8 : 0) | at[4 + i];
    must(len == value.len && text.len == 4 + bytes + len + 1 && at[text.len - 1] == 0xff);
    must(!len || memcmp(at + 4 + bytes, value.ptr, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool booted;
    if (!booted) {
        expr_fetches_boot();
        expr_convs_boot();
        expr_aliases_boot();
        booted = true;
    }
    if (len > VALUE_MAX)
        return 0;
    // An allocation of its own, so that a byte too many is seen.
    char *copy = malloc(len + !len);
    must(copy);
    if (len)
        memcpy(copy, data, len);
    value = slice_of(copy, len);
    check_line(written("%U %H %P %[v]", EXPR_FORMAT_LOG));
    check_line(written("%{+E}U %{+E}[v]", EXPR_FORMAT_SD));
    check_quoted(written("%{+Q}U", EXPR_FORMAT_LOG), false);
    check_quoted(written("%{+Q}H", EXPR_FORMAT_LOG), false);
    check_quoted(written("%{+Q,+E}U", EXPR_FORMAT_LOG), true);
    check_quoted(written("%{+Q,+E}P", EXPR_FORMAT_LOG), true);
    check_quoted(written("%{+Q,+E}[v]", EXPR_FORMAT_LOG), true);
    struct slice field = written("%[v]", EXPR_FORMAT_TEXT);
    for (size_t i = 0; i < field.len; i++)
        must(field.ptr[i] == '\t' || ((unsigned char)field.ptr[i] >= ' ' && field.ptr[i] != 127));
    check_json(written("%{+json}o %(a)U %(b)[v]", EXPR_FORMAT_LOG), "a");
    check_json(written("%{+json}o %(a)U %(b)[v]", EXPR_FORMAT_LOG), "b");
    check_cbor(written("%{+cbor,+bin}o %(a)[v]", EXPR_FORMAT_LOG));
    free(copy);
    return 0;
}
