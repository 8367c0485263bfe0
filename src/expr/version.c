// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/handle.h"
#include "expr/list_body.h"

// What was given up, the oldest first. The frees of one process touch memory it shares with those it was forked with or
// from, so that most of their time is the kernel's, for copies of pages.
static struct {
    struct expr_version *first;
    struct expr_version **last;
} dropped = { .last = &dropped.first };

struct expr_version *expr_version_new(const struct expr_list *list, uint32_t number)
{
    struct expr_version *version = expr_memory(NULL, sizeof(*version));
    *version = (struct expr_version){ .number = number };
    expr_set_init(&version->keys, false, false);
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            if (list->handles[match][nocase])
                version->index[match][nocase] = expr_index_new((enum expr_match)match, nocase);
    return version;
}

void expr_version_append(struct expr_version *version, struct expr_entry *entry)
{
    entry->prev = version->last;
    if (version->last)
        version->last->next = entry;
    else
        version->first = entry;
    version->last = entry;
    version->num++;
    expr_set_add(&version->keys, expr_entry_key(entry), entry);
}

void expr_version_show(const struct expr_list *list)
{
    const struct expr_version *version = list->current;
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            if (list->handles[match][nocase])
                expr_handle_set(list->handles[match][nocase], nocase,
                                version->num ? version->index[match][nocase] : NULL,
                                version->num == 1 ? version->first : NULL);
}

void expr_version_drop(struct expr_version *version)
{
    version->next = NULL;
    *dropped.last = version;
    dropped.last = &version->next;
}

static bool free_some(struct expr_version *version, uint32_t *budget)
{
    for (int match = 0; match < EXPR_NUM_MATCHES; match++) {
        for (int nocase = 0; nocase < 2; nocase++) {
            struct expr_index **index = &version->index[match][nocase];
            if (*index && !expr_index_free_some(*index, budget))
                return false;
            *index = NULL;
        }
    }
    if (!expr_set_fini_some(&version->keys, budget))
        return false;
    for (; version->first && *budget; --*budget) {
        struct expr_entry *next = version->first->next;
        expr_entry_free(version->first);
        version->first = next;
    }
    return !version->first;
}

static __attribute__((noinline, cold)) bool tidy_some(uint32_t budget)
{
    while (dropped.first && budget && free_some(dropped.first, &budget)) {
        struct expr_version *next = dropped.first->next;
        free(dropped.first);
        dropped.first = next;
        if (!next)
            dropped.last = &dropped.first;
    }
    return dropped.first != NULL;
}

bool expr_lists_tidy(uint32_t budget)
{
    return UNLIKELY(dropped.first != NULL) && tidy_some(budget);
}
