// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/fold.h"
#include "expr/handle.h"

struct join {
    struct join *next;
    const struct expr_patterns *set;
};

struct expr_patterns {
    struct arena *arena; // NULL for those of a list
    enum expr_match match;
    bool sealed;
    bool is_handle;              // what it finds is a list's
    struct expr_index *index[2]; // as written, in either case; NULL: none of that kind
    struct expr_entry *entries;  // inline ones, the last one first
    uint64_t order;
    struct join *joined;
    // A set of one text, which most are, is compared with that alone: no hash and no tree. ptr NULL: another set.
    struct slice lone;
    bool lone_nocase;
    const struct expr_index *only; // sealed, and there is no other nor a list; else NULL
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
    [EXPR_MATCH_VERSION] = { "int", TYPE(INT) },
};

const char *expr_match_name(enum expr_match match)
{
    return matches[match].name;
}

enum expr_match expr_match_find(struct slice name)
{
    for (int match = EXPR_MATCH_FOUND; match < EXPR_MATCH_VERSION; match++)
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

bool expr_match_is_number(enum expr_match match)
{
    return match == EXPR_MATCH_INT || match == EXPR_MATCH_LEN || match == EXPR_MATCH_VERSION;
}

bool expr_match_allows(enum expr_match match, enum expr_type type)
{
    return matches[match].types & 1u << type;
}

static void patterns_drop(void *arg)
{
    struct expr_patterns *set = arg;
    for (int nocase = 0; nocase < 2 && !set->is_handle; nocase++)
        expr_index_free(set->index[nocase]);
    while (set->entries) {
        struct expr_entry *next = set->entries->next;
        expr_entry_free(set->entries);
        set->entries = next;
    }
}

struct expr_patterns *expr_patterns_new(struct arena *arena, enum expr_match match)
{
    must(match > EXPR_MATCH_DEFAULT && match < EXPR_NUM_MATCHES);
    struct expr_patterns *set = arena_alloc(arena, sizeof(*set));
    *set = (struct expr_patterns){ .arena = arena, .match = match };
    arena_defer(arena, patterns_drop, set);
    return set;
}

struct expr_patterns *expr_handle_new(enum expr_match match)
{
    struct expr_patterns *set = expr_memory(NULL, sizeof(*set));
    *set = (struct expr_patterns){ .match = match, .sealed = true };
    return set;
}

void expr_handle_free(struct expr_patterns *handle)
{
    if (handle && !handle->arena)
        free(handle);
}

// How to find out sooner, where `set` has so little that this is possible. `sole`: its only own entry, NULL for others.
static void shorten(struct expr_patterns *set, const struct expr_entry *sole)
{
    bool is_text = set->match == EXPR_MATCH_STR || set->match == EXPR_MATCH_BEG || set->match == EXPR_MATCH_END;
    bool is_one = !set->joined && !(set->index[0] && set->index[1]);
    set->only = !is_one ? NULL : set->index[0] ? set->index[0] : set->index[1];
    set->lone = is_one && is_text && sole ? expr_entry_key(sole) : (struct slice){ 0 };
    set->lone_nocase = set->index[1] != NULL;
}

void expr_handle_set(struct expr_patterns *handle, bool nocase, struct expr_index *index, const struct expr_entry *sole)
{
    must(handle->sealed);
    handle->index[nocase] = index;
    shorten(handle, sole);
}

static struct expr_entry *entry_add(struct expr_patterns *set, struct slice text)
{
    struct expr_entry *entry = expr_entry_new(text, slice_of(NULL, 0), set->order++, 0);
    entry->next = set->entries;
    set->entries = entry;
    return entry;
}

static struct expr_index *index_for(struct expr_patterns *set, bool nocase)
{
    // What has no letters is one index whatever the flags.
    nocase &= set->match >= EXPR_MATCH_STR;
    if (!set->index[nocase])
        set->index[nocase] = expr_index_new(set->match, nocase);
    return set->index[nocase];
}

struct expr_index *expr_handle_take(struct expr_patterns *set, struct expr_entry **first, bool nocase)
{
    must(set->arena && !set->sealed && !set->index[!nocase]);
    struct expr_index *index = index_for(set, nocase);
    *first = NULL;
    while (set->entries) {
        struct expr_entry *next = set->entries->next;
        set->entries->next = *first;
        *first = set->entries;
        set->entries = next;
    }
    set->index[nocase] = NULL;
    set->sealed = set->is_handle = true;
    return index;
}

const char *expr_patterns_add(struct expr_patterns *set, struct slice text, bool nocase)
{
    must(set->arena && !set->sealed);
    if (set->match == EXPR_MATCH_FOUND || set->match == EXPR_MATCH_BOOL)
        return "this method takes no values";
    const char *wrong = expr_index_add(index_for(set, nocase), entry_add(set, text));
    return wrong ? arena_str(set->arena, wrong) : NULL;
}

// The numbers that `op` means with `num`; NULL, or what is wrong.
static const char *read_op(int64_t *min, int64_t *max, struct slice op, int64_t num)
{
    *min = INT64_MIN;
    *max = INT64_MAX;
    if (slice_equal(op, SLICE("ge")))
        *min = num;
    else if (slice_equal(op, SLICE("le")))
        *max = num;
    else if (slice_equal(op, SLICE("gt")) && num < INT64_MAX)
        *min = num + 1;
    else if (slice_equal(op, SLICE("lt")) && num > INT64_MIN)
        *max = num - 1;
    else
        return *max == num ? "nothing is greater than this integer" : "nothing is less than this integer";
    return NULL;
}

const char *expr_patterns_add_op(struct expr_patterns *set, struct slice op, struct slice text)
{
    must(!set->sealed && expr_match_is_number(set->match));
    int64_t min, max;
    if (slice_equal(op, SLICE("eq")))
        return expr_patterns_add(set, text, false);
    if (slice_find(text, ':') < text.len)
        return "an order is a comparison with one number";
    const char *wrong = expr_pattern_range(set->match, &min, &max, text);
    if (!wrong)
        wrong = read_op(&min, &max, op, min);
    if (wrong)
        return wrong;
    // As a range, which is how it is told and found again where the values of the line change.
    char range[48], bound[40];
    bool is_lower = max == INT64_MAX;
    int64_t num = is_lower ? min : max;
    if (set->match == EXPR_MATCH_VERSION)
        (void)snprintf(bound, sizeof(bound), "%u.%u", (unsigned)(num >> 16), (unsigned)(num & UINT16_MAX));
    else
        (void)snprintf(bound, sizeof(bound), "%" PRId64, num);
    int len = snprintf(range, sizeof(range), is_lower ? "%s:" : ":%s", bound);
    return expr_patterns_add(set, slice_of(range, (size_t)len), false);
}

void expr_patterns_join(struct expr_patterns *set, const struct expr_patterns *other)
{
    must(set->arena && set->match == other->match);
    struct join *join = arena_alloc(set->arena, sizeof(*join)), **end = &set->joined;
    while (*end)
        end = &(*end)->next;
    join->set = other;
    *end = join;
}

void expr_patterns_seal(struct expr_patterns *set)
{
    set->sealed = true;
    shorten(set, set->entries && !set->entries->next ? set->entries : NULL);
}

uint32_t expr_patterns_num(const struct expr_patterns *set)
{
    uint32_t num = 0;
    for (int nocase = 0; nocase < 2; nocase++)
        num += set->index[nocase] ? expr_index_num(set->index[nocase]) : 0;
    for (const struct join *join = set->joined; join; join = join->next)
        num += expr_patterns_num(join->set);
    return num;
}

static const struct expr_entry *find(const struct expr_patterns *set, const struct expr_sample *sample,
                                     struct expr_groups *groups)
{
    const struct expr_entry *entry = NULL;
    if (LIKELY(set->only))
        return expr_index_find(set->only, sample, groups);
    for (int nocase = 0; nocase < 2 && !entry; nocase++)
        entry = set->index[nocase] ? expr_index_find(set->index[nocase], sample, groups) : NULL;
    for (const struct join *join = set->joined; join && !entry; join = join->next)
        entry = find(join->set, sample, groups);
    return entry;
}

const struct expr_entry *expr_handle_find(const struct expr_patterns *set, const struct expr_sample *sample,
                                          struct expr_groups *groups)
{
    return find(set, sample, groups);
}

bool expr_patterns_find(const struct expr_patterns *set, const struct expr_sample *sample, struct slice *value,
                        struct expr_groups *groups)
{
    bool truth;
    if (groups)
        groups->num = 0;
    *value = slice_of("", 0);
    if (set->match == EXPR_MATCH_FOUND)
        return true;
    if (set->match == EXPR_MATCH_BOOL)
        return expr_sample_bool(sample, &truth) && truth;
    const struct expr_entry *entry = find(set, sample, groups);
    if (entry)
        *value = expr_entry_value(entry);
    return entry != NULL;
}

static inline bool match_lone(const struct expr_patterns *set, struct slice str)
{
    size_t len = set->lone.len;
    if (str.len < len || (str.len > len && set->match == EXPR_MATCH_STR))
        return false;
    if (set->match == EXPR_MATCH_END)
        str = slice_from(str, str.len - len);
    return fold_same(str.ptr, set->lone.ptr, len, set->lone_nocase);
}

bool expr_patterns_match(const struct expr_patterns *set, const struct expr_sample *sample)
{
    bool truth;
    if (set->lone.ptr && sample->type >= EXPR_STR)
        return match_lone(set, expr_sample_text(sample));
    if (set->match == EXPR_MATCH_FOUND)
        return true;
    if (set->match == EXPR_MATCH_BOOL)
        return expr_sample_bool(sample, &truth) && truth;
    return find(set, sample, NULL) != NULL;
}
