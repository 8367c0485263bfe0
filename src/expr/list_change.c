// SPDX-License-Identifier: Apache-2.0
#include "expr/handle.h"
#include "expr/list_body.h"

// Numbers wrap: what is later is so by less than half of them.
static bool is_later(uint32_t number, uint32_t than)
{
    return (int32_t)(number - than) > 0;
}

bool expr_list_has_version(const struct expr_list *list, uint32_t number)
{
    return number == 0 || number == list->current->number ||
           (is_later(number, list->current->number) && !is_later(number, list->last_number));
}

// NULL where there is none of that number, or nothing was put into it yet.
static struct expr_version *version_of(const struct expr_list *list, uint32_t number)
{
    if (number == 0 || number == list->current->number)
        return list->current;
    struct expr_version *version = list->prepared;
    while (version && version->number != number)
        version = version->next;
    return version;
}

// What is prepared is mostly another edition of what is in use.
static struct expr_version *version_make(struct expr_list *list, uint32_t number)
{
    struct expr_version *version = expr_version_new(list, number), **at = &list->prepared;
    expr_set_reserve(&version->keys, &list->current->keys);
    for (int i = 0; i < EXPR_NUM_MATCHES * 2; i++)
        if (version->index[i / 2][i % 2])
            expr_index_reserve(version->index[i / 2][i % 2], list->current->index[i / 2][i % 2]);
    while (*at && is_later((*at)->number, number))
        at = &(*at)->next;
    version->next = *at;
    *at = version;
    return version;
}

static void index_all_del(struct expr_version *version, const struct expr_entry *entry, int until)
{
    for (int i = 0; i < until; i++)
        if (version->index[i / 2][i % 2])
            expr_index_del(version->index[i / 2][i % 2], entry);
}

const char *expr_list_add(struct expr_list *list, uint32_t number, struct slice key, struct slice value)
{
    if (!expr_list_has_version(list, number))
        return "there is no such version";
    const char *wrong = expr_list_value_wrong(list->value_types, value);
    if (wrong)
        return wrong;
    struct expr_version *version = version_of(list, number);
    if (!version)
        version = version_make(list, number);
    struct expr_entry *entry = expr_entry_new(key, list->is_map ? value : slice_of("", 0), list->order, 0);
    for (int i = 0; i < EXPR_NUM_MATCHES * 2; i++) {
        struct expr_index *index = version->index[i / 2][i % 2];
        wrong = index ? expr_index_add(index, entry) : NULL;
        if (wrong) {
            index_all_del(version, entry, i);
            expr_entry_free(entry);
            return wrong;
        }
    }
    list->order++;
    expr_version_append(version, entry);
    if (version == list->current)
        expr_version_show(list);
    return NULL;
}

bool expr_list_set(struct expr_list *list, uint32_t number, struct slice key, struct slice value)
{
    struct expr_version *version = version_of(list, number);
    bool is_possible = version && !expr_list_value_wrong(list->value_types, value);
    expr_spot spot = is_possible ? expr_set_find(&version->keys, key) : 0;
    for (uint32_t i = 0; i < expr_spot_num(spot); i++)
        if (list->is_map)
            expr_entry_set_value(expr_spot_at(spot, i), value);
    return spot != 0;
}

// The `nth` of the entries of `key`, or NULL.
static struct expr_entry *entry_nth(const struct expr_version *version, uint32_t nth, struct slice key)
{
    expr_spot spot = version ? expr_set_find(&version->keys, key) : 0;
    return nth && nth <= expr_spot_num(spot) ? expr_spot_at(spot, nth - 1) : NULL;
}

bool expr_list_set_one(struct expr_list *list, uint32_t number, uint32_t nth, struct slice key, struct slice value)
{
    struct expr_entry *entry = entry_nth(version_of(list, number), nth, key);
    if (!entry || expr_list_value_wrong(list->value_types, value))
        return false;
    if (list->is_map)
        expr_entry_set_value(entry, value);
    return true;
}

static void entry_remove(struct expr_version *version, struct expr_entry *entry)
{
    index_all_del(version, entry, EXPR_NUM_MATCHES * 2);
    expr_set_del(&version->keys, expr_entry_key(entry), entry);
    *(entry->prev ? &entry->prev->next : &version->first) = entry->next;
    *(entry->next ? &entry->next->prev : &version->last) = entry->prev;
    version->num--;
    expr_entry_free(entry);
}

bool expr_list_del(struct expr_list *list, uint32_t number, struct slice key)
{
    struct expr_version *version = version_of(list, number);
    bool found = false;
    // From the last one on: then nothing moves up where there are many.
    for (expr_spot spot; version && (spot = expr_set_find(&version->keys, key)) != 0; found = true)
        entry_remove(version, expr_spot_at(spot, expr_spot_num(spot) - 1));
    if (found && version == list->current)
        expr_version_show(list);
    return found;
}

bool expr_list_del_one(struct expr_list *list, uint32_t number, uint32_t nth, struct slice key)
{
    struct expr_version *version = version_of(list, number);
    struct expr_entry *entry = entry_nth(version, nth, key);
    if (!entry)
        return false;
    entry_remove(version, entry);
    if (version == list->current)
        expr_version_show(list);
    return true;
}

void expr_list_clear(struct expr_list *list, uint32_t number)
{
    struct expr_version *old = version_of(list, number);
    if (!old)
        return;
    struct expr_version *version = expr_version_new(list, old->number);
    version->next = old->next;
    if (old == list->current) {
        list->current = version;
        expr_version_show(list);
    } else {
        struct expr_version **at = &list->prepared;
        while (*at != old)
            at = &(*at)->next;
        *at = version;
    }
    expr_version_drop(old);
}

uint32_t expr_list_prepare(struct expr_list *list)
{
    // 0 is the version in use, whatever its number.
    if (!++list->last_number)
        list->last_number++;
    return list->last_number;
}

bool expr_list_commit(struct expr_list *list, uint32_t number)
{
    if (!number || number == list->current->number || !expr_list_has_version(list, number))
        return false;
    struct expr_version *version = version_of(list, number);
    if (!version)
        version = version_make(list, number);
    struct expr_version *old = list->current, **at = &list->prepared;
    // Those that were prepared before it are given up with the one in use.
    while (*at) {
        struct expr_version *it = *at;
        if (is_later(it->number, number)) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        if (it != version)
            expr_version_drop(it);
    }
    version->next = NULL;
    list->current = version;
    expr_version_show(list);
    expr_version_drop(old);
    return true;
}

const char *expr_list_check(const struct expr_list *list, struct slice key, struct slice value)
{
    const char *wrong = expr_list_value_wrong(list->value_types, value);
    struct expr_entry *entry = wrong ? NULL : expr_entry_new(key, value, 0, 0);
    for (int match = 0; !wrong && match < EXPR_NUM_MATCHES; match++) {
        if (!list->handles[match][0] && !list->handles[match][1])
            continue;
        struct expr_index *index = expr_index_new((enum expr_match)match, false);
        wrong = expr_index_add(index, entry);
        expr_index_free(index);
    }
    if (entry)
        expr_entry_free(entry);
    return wrong;
}

bool expr_list_get(const struct expr_list *list, struct slice key, struct slice *value)
{
    expr_spot spot = expr_set_find(&list->current->keys, key);
    *value = spot ? expr_entry_value(expr_spot_first(spot)) : slice_of("", 0);
    return spot != 0;
}

void expr_list_each(const struct expr_list *list, bool (*visit)(void *arg, struct slice key, struct slice value),
                    void *arg)
{
    for (const struct expr_entry *entry = list->current->first; entry; entry = entry->next)
        if (!visit(arg, expr_entry_key(entry), expr_entry_value(entry)))
            return;
}
