// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/bytes.h"
#include "expr/index.h"
#include "expr/network.h"
#include "expr/search.h"
#include "expr/set.h"
#include "expr/tree.h"

// What is tried in turn.
struct item {
    struct expr_entry *entry;
    union {
        struct {
            int64_t min;
            int64_t max;
        };
        struct slice text; // a heap block
        struct expr_regex *regex;
    };
};

struct items {
    struct item *items; // in the order of the entries
    uint32_t num;
    uint32_t cap;
};

struct expr_index {
    enum expr_match match;
    bool nocase;
    uint32_t num_networks;
    struct expr_set set; // STR, BIN; INT, LEN and VERSION: single numbers, by their bytes
    struct expr_tree tree;
    struct expr_networks networks;
    struct items items; // INT, LEN, VERSION: ranges; SUB, DIR, DOM, REG
};

struct expr_index *expr_index_new(enum expr_match match, bool nocase)
{
    struct expr_index *index = expr_memory(NULL, sizeof(*index));
    *index = (struct expr_index){ .match = match, .nocase = nocase };
    expr_set_init(&index->set, nocase && match == EXPR_MATCH_STR, match != EXPR_MATCH_STR);
    expr_tree_init(&index->tree, nocase, match == EXPR_MATCH_END);
    expr_networks_init(&index->networks);
    return index;
}

void expr_index_reserve(struct expr_index *index, const struct expr_index *like)
{
    expr_set_reserve(&index->set, &like->set);
}

static void item_fini(const struct expr_index *index, struct item *item)
{
    if (index->match == EXPR_MATCH_REG)
        expr_regex_free(item->regex);
    else if (!expr_match_is_number(index->match))
        free((char *)item->text.ptr);
}

bool expr_index_free_some(struct expr_index *index, uint32_t *budget)
{
    struct items *items = &index->items;
    for (; items->num && *budget; --*budget)
        item_fini(index, &items->items[--items->num]);
    if (items->num || !expr_set_fini_some(&index->set, budget) ||
        !expr_tree_fini_some(&index->tree, expr_spot_fini, budget) ||
        !expr_networks_fini_some(&index->networks, budget))
        return false;
    free(items->items);
    free(index);
    return true;
}

void expr_index_free(struct expr_index *index)
{
    uint32_t budget = UINT32_MAX;
    if (index)
        (void)expr_index_free_some(index, &budget);
}

static void item_add(struct expr_index *index, struct item item)
{
    struct items *items = &index->items;
    if (items->num == items->cap) {
        items->cap = items->cap ? items->cap * 2 : 4;
        items->items = expr_memory(items->items, items->cap * sizeof(*items->items));
    }
    items->items[items->num++] = item;
}

static void item_del(struct expr_index *index, const struct expr_entry *entry)
{
    struct items *items = &index->items;
    uint32_t low = 0, high = items->num;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items->items[middle].entry->order < entry->order)
            low = middle + 1;
        else
            high = middle;
    }
    must(low < items->num && items->items[low].entry == entry);
    item_fini(index, &items->items[low]);
    items->num--;
    memmove(&items->items[low], &items->items[low + 1], (items->num - low) * sizeof(*items->items));
}

static bool parse_int(struct slice text, int64_t *out)
{
    return text.len && text.ptr[0] != '+' && slice_to_i64(text, out);
}

// "3.1", or "3" for "3.0": both parts have 16 bits.
static bool parse_version(struct slice text, int64_t *out)
{
    uint64_t major, minor = 0;
    size_t dot = slice_find(text, '.');
    if (!slice_to_u64(slice_of(text.ptr, dot), &major) || major > UINT16_MAX)
        return false;
    if (dot < text.len && (!slice_to_u64(slice_from(text, dot + 1), &minor) || minor > UINT16_MAX))
        return false;
    *out = (int64_t)(major << 16 | minor);
    return true;
}

const char *expr_pattern_range(enum expr_match match, int64_t *min, int64_t *max, struct slice text)
{
    bool is_version = match == EXPR_MATCH_VERSION;
    bool (*parse)(struct slice text, int64_t * out) = is_version ? parse_version : parse_int;
    *min = INT64_MIN;
    *max = INT64_MAX;
    size_t colon = slice_find(text, ':');
    if (colon == text.len) {
        if (!parse(text, min))
            return is_version ? "this is no version such as 3.1" : "this is no integer";
        *max = *min;
        return NULL;
    }
    struct slice low = slice_of(text.ptr, colon), high = slice_from(text, colon + 1);
    if ((low.len && !parse(low, min)) || (high.len && !parse(high, max)) || text.len == 1)
        return is_version ? "this is no range of versions such as 3.1:3.3" : "this is no range of integers";
    return *min > *max ? "this range is empty: its lower bound comes first" : NULL;
}

static struct slice number_key(const int64_t *num)
{
    return slice_of((const char *)num, sizeof(*num));
}

static void add_range(struct expr_index *index, struct expr_entry *entry, int64_t min, int64_t max)
{
    if (min == max)
        expr_set_add(&index->set, number_key(&min), entry);
    else
        item_add(index, (struct item){ .entry = entry, .min = min, .max = max });
}

// The bytes of `text` as a heap block in `*out`; NULL, or what is wrong.
static const char *hex_read(struct slice *out, struct slice text)
{
    if (text.len == 0 || text.len % 2)
        return "hexadecimal digits are expected in pairs";
    char *bytes = expr_memory(NULL, text.len / 2);
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = slice_hex_digit(text.ptr[2 * i]), low = slice_hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return "hexadecimal digits are expected";
        }
        bytes[i] = (char)(high << 4 | low);
    }
    *out = slice_of(bytes, text.len / 2);
    return NULL;
}

static const char *add_search(struct expr_index *index, struct expr_entry *entry)
{
    struct slice text = expr_entry_key(entry);
    const char *delimiters = expr_search_delimiters(index->match);
    const char *wrong = delimiters ? expr_search_trim(&text, delimiters) : NULL;
    if (wrong)
        return wrong;
    char *copy = expr_memory(NULL, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = index->nocase ? slice_lower(text.ptr[i]) : text.ptr[i];
    item_add(index, (struct item){ .entry = entry, .text = slice_of(copy, text.len) });
    return NULL;
}

static const char *add_regex(struct expr_index *index, struct expr_entry *entry)
{
    static char message[256];
    const char *error = NULL;
    struct arena errors;
    arena_init(&errors);
    struct expr_regex *regex = expr_regex_new(&errors, &error, expr_entry_key(entry), index->nocase);
    if (regex)
        item_add(index, (struct item){ .entry = entry, .regex = regex });
    else
        snprintf(message, sizeof(message), "%s", error);
    arena_fini(&errors);
    return regex ? NULL : message;
}

const char *expr_index_add(struct expr_index *index, struct expr_entry *entry)
{
    struct slice key = expr_entry_key(entry), bytes;
    struct expr_network net;
    int64_t min, max;
    const char *wrong = NULL;
    switch (index->match) {
    case EXPR_MATCH_FOUND:
    case EXPR_MATCH_BOOL:
        return NULL; // whatever stands there, nothing is compared with it
    case EXPR_MATCH_INT:
    case EXPR_MATCH_LEN:
    case EXPR_MATCH_VERSION:
        wrong = expr_pattern_range(index->match, &min, &max, key);
        if (!wrong)
            add_range(index, entry, min, max);
        return wrong;
    case EXPR_MATCH_IP:
        wrong = expr_network_parse(&net, key);
        if (!wrong)
            index->num_networks += expr_networks_add(&index->networks, &net, entry);
        return wrong;
    case EXPR_MATCH_BIN:
        wrong = hex_read(&bytes, key);
        if (!wrong) {
            expr_set_add(&index->set, bytes, entry);
            free((char *)bytes.ptr);
        }
        return wrong;
    case EXPR_MATCH_STR:
        expr_set_add(&index->set, key, entry);
        return NULL;
    case EXPR_MATCH_BEG:
    case EXPR_MATCH_END:
        expr_spot_add(expr_tree_spot(&index->tree, key), entry);
        return NULL;
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
        return add_search(index, entry);
    case EXPR_MATCH_REG:
        return add_regex(index, entry);
    default:
        return "this method takes no values";
    }
}

static void del_part(struct expr_index *index, struct slice key, const struct expr_entry *entry)
{
    expr_spot *spot = expr_tree_find(&index->tree, key);
    must(spot);
    expr_spot_del(spot, entry);
    if (!*spot)
        expr_tree_remove(&index->tree, key);
}

void expr_index_del(struct expr_index *index, const struct expr_entry *entry)
{
    struct slice key = expr_entry_key(entry), bytes;
    struct expr_network net;
    int64_t min, max;
    switch (index->match) {
    case EXPR_MATCH_INT:
    case EXPR_MATCH_LEN:
    case EXPR_MATCH_VERSION:
        must(!expr_pattern_range(index->match, &min, &max, key));
        if (min == max)
            expr_set_del(&index->set, number_key(&min), entry);
        else
            item_del(index, entry);
        return;
    case EXPR_MATCH_IP:
        must(!expr_network_parse(&net, key));
        index->num_networks -= expr_networks_del(&index->networks, &net, entry);
        return;
    case EXPR_MATCH_BIN:
        must(!hex_read(&bytes, key));
        expr_set_del(&index->set, bytes, entry);
        free((char *)bytes.ptr);
        return;
    case EXPR_MATCH_STR:
        expr_set_del(&index->set, key, entry);
        return;
    case EXPR_MATCH_BEG:
    case EXPR_MATCH_END:
        del_part(index, key, entry);
        return;
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
    case EXPR_MATCH_REG:
        item_del(index, entry);
        return;
    default:
        return;
    }
}

uint32_t expr_index_num(const struct expr_index *index)
{
    return index->set.num + index->tree.num + index->num_networks + index->items.num;
}

static const struct expr_entry *first_of(expr_spot spot)
{
    return spot ? expr_spot_first(spot) : NULL;
}

static const struct expr_entry *find_number(const struct expr_index *index, int64_t num)
{
    const struct expr_entry *exact = first_of(expr_set_find(&index->set, number_key(&num)));
    for (uint32_t i = 0; i < index->items.num; i++) {
        const struct item *item = &index->items.items[i];
        if (exact && item->entry->order > exact->order)
            break;
        if (num >= item->min && num <= item->max)
            return item->entry;
    }
    return exact;
}

static const struct expr_entry *find_text(const struct expr_index *index, struct slice str)
{
    const char *delimiters = expr_search_delimiters(index->match);
    for (uint32_t i = 0; i < index->items.num; i++)
        if (expr_search_match(index->items.items[i].text, index->nocase, delimiters, str))
            return index->items.items[i].entry;
    return NULL;
}

static const struct expr_entry *find_regex(const struct expr_index *index, struct slice str, struct expr_groups *groups)
{
    for (uint32_t i = 0; i < index->items.num; i++)
        if (expr_regex_exec(index->items.items[i].regex, str, groups))
            return index->items.items[i].entry;
    return NULL;
}

static const struct expr_entry *find_str(const struct expr_index *index, struct slice str, struct expr_groups *groups)
{
    switch (index->match) {
    case EXPR_MATCH_STR:
    case EXPR_MATCH_BIN:
        return first_of(expr_set_find(&index->set, str));
    case EXPR_MATCH_BEG:
        return first_of(expr_tree_longest(&index->tree, str));
    case EXPR_MATCH_END:
        return expr_tree_first(&index->tree, str);
    case EXPR_MATCH_SUB:
    case EXPR_MATCH_DIR:
    case EXPR_MATCH_DOM:
        return find_text(index, str);
    case EXPR_MATCH_REG:
        return find_regex(index, str, groups);
    case EXPR_MATCH_LEN:
        return find_number(index, (int64_t)str.len);
    default:
        return NULL;
    }
}

const struct expr_entry *expr_index_find(const struct expr_index *index, const struct expr_sample *sample,
                                         struct expr_groups *groups)
{
    char scratch[EXPR_TEXT_LEN];
    struct expr_addr addr;
    int64_t num;
    switch (index->match) {
    case EXPR_MATCH_INT:
    case EXPR_MATCH_VERSION:
        return expr_sample_int(sample, &num) ? find_number(index, num) : NULL;
    case EXPR_MATCH_IP:
        if (sample->type == EXPR_ADDR)
            return first_of(expr_networks_find(&index->networks, &sample->addr));
        return expr_sample_addr(sample, &addr) ? first_of(expr_networks_find(&index->networks, &addr)) : NULL;
    default:
        if (sample->type == EXPR_BIN && index->match != EXPR_MATCH_BIN)
            return find_str(index, expr_sample_text(sample), groups);
        return find_str(index, expr_sample_str(sample, scratch), groups);
    }
}
