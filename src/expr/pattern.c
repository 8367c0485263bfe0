// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include "base/check.h"
#include "expr/network.h"
#include "expr/pattern.h"
#include "expr/regex.h"
#include "expr/search.h"
#include "expr/set.h"

struct range {
    struct range *next;
    int64_t min;
    int64_t max;
};

struct regex_item {
    struct regex_item *next;
    struct expr_regex *regex;
};

struct expr_patterns {
    struct arena *arena;
    enum expr_match match;
    bool sealed;
    uint32_t num;
    union {
        struct expr_set sets[2]; // STR, BEG, END, BIN: as written, in either case
        struct range *ranges;    // INT, LEN
        struct expr_networks networks;
        struct expr_searches searches; // SUB, DIR, DOM
        struct regex_item *regexes;
    };
};

#define TYPE(type)   (1u << EXPR_##type)
#define TYPE_STRINGS (TYPE(STR) | TYPE(BIN) | TYPE(METHOD))
#define TYPE_ANY     (TYPE(BOOL) | TYPE(INT) | TYPE(ADDR) | TYPE_STRINGS)

static const struct {
    const char *name;
    uint32_t types;
} matches[EXPR_NUM_MATCHES] = {
    [EXPR_MATCH_DEFAULT] = { "", 0 },
    [EXPR_MATCH_FOUND] = { "found", TYPE_ANY },
    [EXPR_MATCH_BOOL] = { "bool", TYPE(BOOL) | TYPE(INT) | TYPE(STR) },
    [EXPR_MATCH_INT] = { "int", TYPE(BOOL) | TYPE(INT) | TYPE(ADDR) | TYPE(STR) },
    [EXPR_MATCH_IP] = { "ip", TYPE(ADDR) | TYPE(STR) },
    [EXPR_MATCH_BIN] = { "bin", TYPE_STRINGS },
    [EXPR_MATCH_LEN] = { "len", TYPE_ANY },
    [EXPR_MATCH_STR] = { "str", TYPE_ANY },
    [EXPR_MATCH_BEG] = { "beg", TYPE_ANY },
    [EXPR_MATCH_END] = { "end", TYPE_ANY },
    [EXPR_MATCH_SUB] = { "sub", TYPE_ANY },
    [EXPR_MATCH_DIR] = { "dir", TYPE_ANY },
    [EXPR_MATCH_DOM] = { "dom", TYPE_ANY },
    [EXPR_MATCH_REG] = { "reg", TYPE_ANY },
};

const char *expr_match_name(enum expr_match match)
{
    return matches[match].name;
}

enum expr_match expr_match_find(struct slice name)
{
    for (int match = EXPR_MATCH_FOUND; match < EXPR_NUM_MATCHES; match++)
        if (slice_equal(slice_str(matches[match].name), name))
            return (enum expr_match)match;
    return EXPR_MATCH_DEFAULT;
}

enum expr_match expr_match_default(enum expr_type type)
{
    static const uint8_t defaults[EXPR_NUM_TYPES] = {
        [EXPR_BOOL] = EXPR_MATCH_BOOL, [EXPR_INT] = EXPR_MATCH_INT,     [EXPR_ADDR] = EXPR_MATCH_IP,
        [EXPR_STR] = EXPR_MATCH_STR,   [EXPR_BIN] = EXPR_MATCH_DEFAULT, [EXPR_METHOD] = EXPR_MATCH_STR,
    };
    return (enum expr_match)defaults[type];
}

bool expr_match_allows(enum expr_match match, enum expr_type type)
{
    return matches[match].types & 1u << type;
}

struct expr_patterns *expr_patterns_new(struct arena *arena, enum expr_match match)
{
    must(match > EXPR_MATCH_DEFAULT && match < EXPR_NUM_MATCHES);
    struct expr_patterns *set = arena_alloc(arena, sizeof(*set));
    set->arena = arena;
    set->match = match;
    switch (match) {
    case EXPR_MATCH_STR:
    case EXPR_MATCH_BIN:
    case EXPR_MATCH_BEG:
    case EXPR_MATCH_END:
        for (int nocase = 0; nocase < 2; nocase++)
            expr_set_init(&set->sets[nocase], arena, nocase, match == EXPR_MATCH_END);
        break;
    case EXPR_MATCH_IP:
        expr_networks_init(&set->networks, arena);
        break;
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
        expr_searches_init(&set->searches, arena, match);
        break;
    default:
        break;
    }
    return set;
}

static bool parse_int(struct slice text, int64_t *out)
{
    bool negative = text.len > 1 && text.ptr[0] == '-';
    uint64_t num;
    if (!slice_to_u64(slice_from(text, negative), &num) || num > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)num : (int64_t)num;
    return true;
}

static void add_range(struct expr_patterns *set, int64_t min, int64_t max)
{
    struct range *range = arena_alloc(set->arena, sizeof(*range));
    *range = (struct range){ .next = set->ranges, .min = min, .max = max };
    set->ranges = range;
    set->num++;
}

static const char *add_int(struct expr_patterns *set, struct slice text)
{
    int64_t min = INT64_MIN, max = INT64_MAX;
    size_t colon = slice_find(text, ':');
    if (colon == text.len) {
        if (!parse_int(text, &min))
            return "this is no integer";
        max = min;
    } else {
        struct slice low = slice_of(text.ptr, colon), high = slice_from(text, colon + 1);
        if ((low.len && !parse_int(low, &min)) || (high.len && !parse_int(high, &max)) || text.len == 1)
            return "this is no range of integers";
        if (min > max)
            return "this range is empty: its lower bound comes first";
    }
    add_range(set, min, max);
    return NULL;
}

static int hex_digit(char c)
{
    char low = slice_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static const char *add_hex(struct expr_patterns *set, struct slice text)
{
    if (text.len == 0 || text.len % 2)
        return "hexadecimal digits are expected in pairs";
    char *bytes = arena_alloc(set->arena, text.len / 2);
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return "hexadecimal digits are expected";
        bytes[i] = (char)(high << 4 | low);
    }
    set->num += expr_set_add(&set->sets[0], slice_of(bytes, text.len / 2));
    return NULL;
}

static const char *add_regex(struct expr_patterns *set, struct slice text, bool nocase)
{
    const char *wrong = NULL;
    struct expr_regex *regex = expr_regex_in(set->arena, &wrong, text, nocase);
    if (!regex)
        return wrong;
    struct regex_item **end = &set->regexes;
    while (*end)
        end = &(*end)->next;
    *end = arena_alloc(set->arena, sizeof(**end));
    (*end)->regex = regex;
    set->num++;
    return NULL;
}

const char *expr_patterns_add(struct expr_patterns *set, struct slice text, bool nocase)
{
    must(!set->sealed);
    const char *wrong = NULL;
    switch (set->match) {
    case EXPR_MATCH_INT:
    case EXPR_MATCH_LEN:
        return add_int(set, text);
    case EXPR_MATCH_BIN:
        return add_hex(set, text);
    case EXPR_MATCH_IP:
        wrong = expr_networks_add(&set->networks, text);
        set->num += !wrong;
        return wrong;
    case EXPR_MATCH_STR:
    case EXPR_MATCH_BEG:
    case EXPR_MATCH_END:
        set->num += expr_set_add(&set->sets[nocase], text);
        return NULL;
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
        wrong = expr_searches_add(&set->searches, text, nocase);
        set->num += !wrong;
        return wrong;
    case EXPR_MATCH_REG:
        return add_regex(set, text, nocase);
    default:
        return "this method takes no values";
    }
}

const char *expr_patterns_add_op(struct expr_patterns *set, struct slice op, struct slice text)
{
    must(!set->sealed && (set->match == EXPR_MATCH_INT || set->match == EXPR_MATCH_LEN));
    int64_t num;
    if (slice_equal(op, SLICE("eq")))
        return add_int(set, text);
    if (!parse_int(text, &num))
        return slice_find(text, ':') == text.len ? "this is no integer" : "an order is a comparison with one integer";
    if (slice_equal(op, SLICE("ge")))
        add_range(set, num, INT64_MAX);
    else if (slice_equal(op, SLICE("le")))
        add_range(set, INT64_MIN, num);
    else if (slice_equal(op, SLICE("gt")) && num < INT64_MAX)
        add_range(set, num + 1, INT64_MAX);
    else if (slice_equal(op, SLICE("lt")))
        add_range(set, INT64_MIN, num - 1); // parse_int gives nothing that is smaller than -INT64_MAX
    else
        return "nothing is greater than this integer";
    return NULL;
}

void expr_patterns_seal(struct expr_patterns *set)
{
    set->sealed = true;
}

uint32_t expr_patterns_num(const struct expr_patterns *set)
{
    return set->num;
}

static bool match_range(const struct expr_patterns *set, int64_t num)
{
    for (const struct range *range = set->ranges; range; range = range->next)
        if (num >= range->min && num <= range->max)
            return true;
    return false;
}

static bool match_regex(const struct expr_patterns *set, struct slice str)
{
    for (const struct regex_item *item = set->regexes; item; item = item->next)
        if (expr_regex_exec(item->regex, str, NULL))
            return true;
    return false;
}

static bool match_str(const struct expr_patterns *set, struct slice str)
{
    switch (set->match) {
    case EXPR_MATCH_STR:
    case EXPR_MATCH_BIN:
        return expr_set_has(&set->sets[0], str) || expr_set_has(&set->sets[1], str);
    case EXPR_MATCH_BEG:
    case EXPR_MATCH_END:
        return expr_set_has_part(&set->sets[0], str) || expr_set_has_part(&set->sets[1], str);
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
        return expr_searches_match(&set->searches, str);
    case EXPR_MATCH_REG:
        return match_regex(set, str);
    case EXPR_MATCH_LEN:
        return match_range(set, (int64_t)str.len);
    default:
        return false;
    }
}

bool expr_patterns_match(const struct expr_patterns *set, const struct expr_sample *sample)
{
    char scratch[EXPR_TEXT_LEN];
    struct expr_addr addr;
    int64_t num;
    bool truth;
    switch (set->match) {
    case EXPR_MATCH_FOUND:
        return true;
    case EXPR_MATCH_BOOL:
        return expr_sample_bool(sample, &truth) && truth;
    case EXPR_MATCH_INT:
        return expr_sample_int(sample, &num) && match_range(set, num);
    case EXPR_MATCH_IP:
        return expr_sample_addr(sample, &addr) && expr_networks_match(&set->networks, &addr);
    default:
        return match_str(set, expr_sample_str(sample, scratch));
    }
}
