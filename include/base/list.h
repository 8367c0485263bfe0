// SPDX-License-Identifier: Apache-2.0
// An intrusive doubly linked list with a sentinel. The list owns nothing; an entry is on at most one list at a time,
// and an entry that is on none points at itself, so that removal is always allowed.
#pragma once

#include <stdbool.h>
#include "base/check.h"

struct list {
    struct list *next;
    struct list *prev;
};

// list_init makes `entry` an empty list, or an entry that is on no list.
static inline void list_init(struct list *entry)
{
    entry->next = entry;
    entry->prev = entry;
}

// list_is_empty says whether `entry` is an empty list, or an entry on no list.
static inline bool list_is_empty(const struct list *entry)
{
    return entry->next == entry;
}

// list_append puts `entry`, which must be on no list, last on `list`.
static inline void list_append(struct list *list, struct list *entry)
{
    entry->prev = list->prev;
    entry->next = list;
    list->prev->next = entry;
    list->prev = entry;
}

// list_prepend puts `entry`, which must be on no list, first on `list`.
static inline void list_prepend(struct list *list, struct list *entry)
{
    entry->next = list->next;
    entry->prev = list;
    list->next->prev = entry;
    list->next = entry;
}

// list_remove takes `entry` off the list it is on, if any, and leaves it on none.
static inline void list_remove(struct list *entry)
{
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    list_init(entry);
}

// list_move appends all entries of `from` to `to`, in their order, at the cost of one.
static inline void list_move(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_FIRST(list, type, member) CONTAINER_OF((list)->next, type, member)

// LIST_EACH walks the list `ends`; `it` may be removed or freed in the body, nothing else may.
#define LIST_EACH(it, ends, type, member)                                                                              \
    for (struct list *it##_pos = (ends)->next, *it##_next = it##_pos->next; it##_pos != (ends);                        \
         it##_pos = it##_next, it##_next = it##_pos->next)                                                             \
        for (type *it = CONTAINER_OF(it##_pos, type, member); it; it = NULL)
