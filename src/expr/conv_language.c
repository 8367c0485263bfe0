// SPDX-License-Identifier: Apache-2.0
// Choosing one of several languages by what a client accepts (RFC 9110 section 12.5.4).
#include "expr/bytes.h"

// The languages are args[0].data, args[0].num of them; args[1].str is the default.
static const char *prepare_language(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    struct slice rest = args[0].str;
    struct slice *list = arena_alloc(config->arena, (rest.len + 1) * sizeof(*list));
    while (rest.len) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ';'));
        rest = slice_from(rest, one.len + 1);
        if (one.len)
            list[args[0].num++] = one;
    }
    args[0].data = list;
    return args[0].num ? NULL : "languages with ';' between them are expected";
}

static struct slice trim_left(struct slice text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_from(text, 1);
    return text;
}

// Reads "q=0.123" in thousandths; what has no q-factor or a malformed one counts as 1, as everything above 1 does.
static uint32_t read_quality(struct slice params)
{
    uint32_t quality = 0, unit = 1000;
    params = trim_left(slice_from(params, 1));
    if (!slice_begins(params, SLICE("q")))
        return 1000;
    params = trim_left(slice_from(params, 1));
    if (!slice_begins(params, SLICE("=")))
        return 1000;
    params = trim_left(slice_from(params, 1));
    if (params.len == 0 || params.ptr[0] < '0' || params.ptr[0] > '9')
        return 1000;
    for (size_t i = 0; i < params.len && unit; i++) {
        char c = params.ptr[i];
        if (c == '.' && i == 1)
            continue;
        if (c < '0' || c > '9' || (i == 1 && unit < 1000))
            break;
        quality += (uint32_t)(c - '0') * unit;
        unit /= 10;
    }
    return quality < 1000 ? quality : 1000;
}

// The one of the list that `name` is, or that its part before the dash is.
static const struct slice *find_language(const struct expr_arg *args, struct slice name)
{
    const struct slice *list = args[0].data;
    for (size_t pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < args[0].num; i++)
            if (slice_equal(list[i], name))
                return &list[i];
        size_t dash = slice_find(name, '-');
        if (dash == name.len)
            return NULL;
        name.len = dash;
    }
    return NULL;
}

static bool conv_language(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    struct slice best = args[1].str, rest = sample->str;
    uint32_t best_quality = 0;
    while (rest.len) {
        struct slice item = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, item.len + 1);
        size_t semicolon = slice_find(item, ';');
        uint32_t quality = semicolon < item.len ? read_quality(slice_from(item, semicolon)) : 1000;
        if (quality <= best_quality)
            continue;
        const struct slice *found = find_language(args, slice_trim(slice_of(item.ptr, semicolon)));
        if (!found)
            continue;
        best = *found;
        best_quality = quality;
    }
    sample->str = best;
    return best.ptr != NULL;
}

static const struct expr_conv rows[] = {
    { .name = "language",
      .args = "<value>[,<default>]",
      .min_args = 1,
      .max_args = 2,
      .in = EXPR_STR,
      .out = EXPR_STR,
      .prepare = prepare_language,
      .convert = conv_language,
      .help =
          "That one of the languages (\"es;fr;en\") which an Accept-Language header's value prefers: as it is given or "
          "without its variant, in its case. The default, or no value, where none of them is accepted.",
      .good = "str(de%2Cfr-CA;q=0.8%2Cen;q=0.9),url_dec,language(es;fr;en)",
      .gives = "en",
      .bad = "str(en),language(;)",
      .bad_says = "languages with ';' between them are expected" },
};
EXPR_CONVERTERS(rows);
