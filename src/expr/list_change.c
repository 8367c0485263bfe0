// SPDX-License-Identifier: Apache-2.0
#include "expr/handle.h"
#include "expr/list_body.h"

static struct expr_version *version_of(const struct expr_list *list, uint32_t number)
{
    if (number == 0 || number == list->current->number)
        return list->current;
    struct expr_version *version = list->prepared;
    while (version && version->number != number)
        version = version->next;
    return version;
}

bool expr_list_has_version(const struct expr_list *list, uint32_t number)
{
    return version_of(list, number) != NULL;
}

static void index_all_del(struct expr_version *version, const struct expr_entry *entry, int until)
{
    for (int i = 0; i < until; i++)
        if (version->index[i / 2][i % 2])
            expr_index_del(version->index[i / 2][i % 2], entry);
}

const char *expr_list_add(struct expr_list *list, uint32_t number, struct slice key, struct slice value)
{
    struct expr_version *version = version_of(list, number);
    if (!version)
        return "there is no such version";
    const char *wrong = expr_list_value_wrong(list->value_types, value);
    if (wrong)
        return wrong;
    struct expr_entry *entry = expr_entry_new(key, list->is_map ? value : slice_of("", 0), version->order, 0);
    for (int i = 0; i < EXPR_NUM_MATCHES * 2; i++) {
        struct expr_index *index = version->index[i / 2][i % 2];
        wrong = index ? expr_index_add(index, entry) : NULL;
        if (wrong) {
            index_all_del(version, entry, i);
            expr_entry_free(entry);
            return wrong;
        }
    }
    version->order++;
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
    if (list->num_prepared == EXPR_LIST_VERSIONS)
        return 0;
    struct expr_version *version = expr_version_new(list, ++list->last_number);
    // What is prepared is mostly another edition of what is in use.
    expr_set_reserve(&version->keys, &list->current->keys);
    for (int i = 0; i < EXPR_NUM_MATCHES * 2; i++)
        if (version->index[i / 2][i % 2])
            expr_index_reserve(version->index[i / 2][i % 2], list->current->index[i / 2][i % 2]);
    version->next = list->prepared;
    list->prepared = version;
    list->num_prepared++;
    return version->number;
}

bool expr_list_commit(struct expr_list *list, uint32_t number)
{
    struct expr_version *version = number ? version_of(list, number) : NULL;
    if (!version || version == list->current)
        return false;
    struct expr_version *old = list->current, **at = &list->prepared;
    // Those that were prepared before it are given up with the one in use.
    while (*at) {
        struct expr_version *it = *at;
        if (it->number > number) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        list->num_prepared--;
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
