// SPDX-License-Identifier: Apache-2.0
// The crt-lists and directories of a configuration, for commands that show and change them.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "cert_inner.h"

// A directory may be named with slashes behind it.
static bool is_named(const struct tls_crt_list *list, const char *name)
{
    size_t len = strlen(list->name);
    return strncmp(list->name, name, len) == 0 &&
           (name[len] == '\0' || (list->is_directory && name[len + strspn(name + len, "/")] == '\0'));
}

struct tls_crt_list *crt_list_find(const struct tls_store *store, const char *name)
{
    struct tls_crt_list *list = store->lists;
    while (list && !is_named(list, name))
        list = list->next;
    return list;
}

struct tls_crt_list *crt_list_enter(struct tls_store *store, const char *name, bool is_directory)
{
    if (crt_list_find(store, name))
        return NULL;
    size_t len = strlen(name) + 1;
    struct tls_crt_list *list = calloc(1, sizeof(*list) + len);
    if (!list)
        check_out_of_memory(len);
    memcpy(list->name, name, len);
    list->last = &list->lines;
    list->is_directory = is_directory;
    struct tls_crt_list **end = &store->lists;
    while (*end && strcmp((*end)->name, name) < 0)
        end = &(*end)->next;
    list->next = *end;
    *end = list;
    return list;
}

void crt_lists_free(struct tls_store *store)
{
    while (store->lists) {
        struct tls_crt_list *list = store->lists;
        store->lists = list->next;
        while (list->lines)
            crt_list_cut(list, list->lines);
        free(list);
    }
}

struct tls_crt_line *crt_list_add(struct tls_crt_list *list, uint32_t number, struct slice name, struct slice rest)
{
    struct tls_crt_line *line = calloc(1, sizeof(*line) + name.len + rest.len + 2);
    if (!line)
        check_out_of_memory(name.len + rest.len);
    memcpy(line->text, name.ptr, name.len);
    if (rest.len)
        memcpy(line->text + name.len + 1, rest.ptr, rest.len);
    line->name = line->text;
    line->rest = line->text + name.len + 1;
    line->number = number;
    if (number > list->last_number)
        list->last_number = number;
    if (!list->latest || list->latest->number != number)
        list->latest = line;
    *list->last = line;
    list->last = &line->next;
    return line;
}

struct tls_crt_line *crt_list_at(struct tls_crt_list *list, uint32_t number, const char *name)
{
    if (number > list->last_number)
        return NULL;
    // A file that is read asks for them one after the other.
    struct tls_crt_line *line = list->latest && list->latest->number <= number ? list->latest : list->lines;
    while (line && line->number < number)
        line = line->next;
    if (line && line->number == number)
        list->latest = line;
    while (line && line->number == number && strcmp(line->name, name) != 0)
        line = line->next;
    return line && line->number == number ? line : NULL;
}

struct tls_crt_line *crt_list_of(const struct tls_crt_list *list, const char *name)
{
    struct tls_crt_line *line = list->lines;
    while (line && strcmp(line->name, name) != 0)
        line = line->next;
    return line;
}

void crt_list_cut(struct tls_crt_list *list, struct tls_crt_line *line)
{
    struct tls_crt_line **at = &list->lines;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    list->latest = NULL;
    if (list->last == &line->next)
        list->last = at;
    free(line);
}
