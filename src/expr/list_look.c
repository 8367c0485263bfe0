// SPDX-License-Identifier: Apache-2.0
// Lists as an operator looks at them: entry by entry, and what would match.
#include "expr/handle.h"
#include "expr/list_body.h"

static const struct expr_version *version_at(const struct expr_list *list, uint32_t number)
{
    const struct expr_version *version = list->prepared;
    if (number == 0 || number == list->current->number)
        return list->current;
    while (version && version->number != number)
        version = version->next;
    return version;
}

// The first entry behind the one of order `order` and `key`. That one is mostly still there; else all are looked at.
static const struct expr_entry *entry_after(const struct expr_version *version, uint64_t order, struct slice key)
{
    expr_spot spot = expr_set_find(&version->keys, key);
    for (uint32_t i = 0; i < expr_spot_num(spot); i++)
        if (expr_spot_at(spot, i)->order == order)
            return expr_spot_at(spot, i)->next;
    const struct expr_entry *entry = version->first;
    while (entry && entry->order <= order)
        entry = entry->next;
    return entry;
}

bool expr_list_walk(const struct expr_list *list, uint32_t number, const struct expr_list_item *after,
                    bool (*visit)(void *arg, const struct expr_list_item *item), void *arg)
{
    const struct expr_version *version = version_at(list, number);
    if (!version)
        return true;
    const struct expr_entry *entry = after ? entry_after(version, after->ref - 1, after->key) : version->first;
    for (; entry; entry = entry->next) {
        const struct expr_list_item item = { .ref = entry->order + 1,
                                             .key = expr_entry_key(entry),
                                             .value = expr_entry_value(entry) };
        if (!visit(arg, &item))
            return false;
    }
    return true;
}

static bool find_ref(struct expr_list_place *place, const struct expr_version *version, uint64_t order)
{
    const struct expr_entry *entry = version->first;
    while (entry && entry->order < order)
        entry = entry->next;
    if (!entry || entry->order != order)
        return false;
    expr_spot spot = expr_set_find(&version->keys, expr_entry_key(entry));
    uint32_t i = 0;
    while (expr_spot_at(spot, i) != entry)
        i++;
    place->key = expr_entry_key(entry);
    place->nth = i + 1;
    return true;
}

bool expr_list_refer(const struct expr_list *list, struct expr_list_place *place, uint64_t ref)
{
    *place = (struct expr_list_place){ 0 };
    if (!ref)
        return false;
    if (find_ref(place, list->current, ref - 1))
        return true;
    for (const struct expr_version *version = list->prepared; version; version = version->next) {
        place->version = version->number;
        if (find_ref(place, version, ref - 1))
            return true;
    }
    return false;
}

static enum expr_type value_type(const struct expr_list *list)
{
    return list->value_types & 1u << EXPR_INT ? EXPR_INT : list->value_types & 1u << EXPR_ADDR ? EXPR_ADDR : EXPR_STR;
}

void expr_list_ask(const struct expr_list *list, struct slice text,
                   void (*visit)(void *arg, const struct expr_list_answer *answer), void *arg)
{
    const struct expr_sample sample = { .type = EXPR_STR, .str = text };
    for (int i = 0; i < EXPR_NUM_MATCHES * 2; i++) {
        enum expr_match match = (enum expr_match)(i / 2);
        if (!list->handles[match][i % 2])
            continue;
        struct expr_list_answer answer = { .match = match, .nocase = i % 2 != 0, .type = value_type(list) };
        answer.in_tree =
            match == EXPR_MATCH_IP || ((match == EXPR_MATCH_STR || match == EXPR_MATCH_BEG) && !answer.nocase);
        const struct expr_index *index = list->current->index[match][i % 2];
        const struct expr_entry *entry = index && list->current->num ? expr_index_find(index, &sample, NULL) : NULL;
        answer.found = entry != NULL;
        if (entry) {
            answer.key = expr_entry_key(entry);
            answer.value = expr_entry_value(entry);
        }
        visit(arg, &answer);
    }
}
