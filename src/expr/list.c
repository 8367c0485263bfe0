// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/handle.h"
#include "expr/list_file.h"
#include "expr/set.h"

enum { LIST_MAX_VERSIONS = 16 }; // prepared at once

struct version {
    struct version *next; // older
    uint32_t number;
    uint32_t num;
    uint64_t order;
    struct expr_entry *first;
    struct expr_entry *last;
    struct expr_set keys; // by their text, whole
    struct expr_index *index[EXPR_NUM_MATCHES][2];
};

struct expr_list {
    struct expr_list *next;
    struct registry *registry;
    char *name;
    char *path; // of its file, for messages; NULL for a virtual one
    uint32_t id;
    bool is_map;
    uint32_t value_types; // 1 << EXPR_INT, 1 << EXPR_ADDR: what all values must be read as
    uint32_t last_number;
    uint32_t num_prepared;
    struct version *current;
    struct version *prepared;
    struct expr_patterns *handles[EXPR_NUM_MATCHES][2];
};

// The lists of one configuration. They are not in its arena, for they change while it is const, but go with it.
struct registry {
    struct registry *next;
    struct arena *arena;
    struct expr_list *first;
    struct expr_list **last;
    uint32_t num;
};

// The configuration that was read last comes first: it is the one this process works by.
static struct registry *registries;

static void entries_free(struct expr_entry *entry)
{
    while (entry) {
        struct expr_entry *next = entry->next;
        expr_entry_free(entry);
        entry = next;
    }
}

static struct version *version_new(const struct expr_list *list, uint32_t number)
{
    struct version *version = expr_memory(NULL, sizeof(*version));
    *version = (struct version){ .number = number };
    expr_set_init(&version->keys, false, false);
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            if (list->handles[match][nocase])
                version->index[match][nocase] = expr_index_new((enum expr_match)match, nocase);
    return version;
}

static void version_free(struct version *version)
{
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            expr_index_free(version->index[match][nocase]);
    expr_set_fini(&version->keys);
    entries_free(version->first);
    free(version);
}

static void version_use(struct expr_list *list, struct version *version)
{
    list->current = version;
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            if (list->handles[match][nocase])
                expr_handle_set(list->handles[match][nocase], nocase, version->index[match][nocase]);
}

static void list_free(struct expr_list *list)
{
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            expr_handle_free(list->handles[match][nocase]);
    while (list->prepared) {
        struct version *next = list->prepared->next;
        version_free(list->prepared);
        list->prepared = next;
    }
    version_free(list->current);
    free(list->name);
    free(list->path);
    free(list);
}

static void registry_drop(void *arg)
{
    struct registry *registry = arg, **at = &registries;
    while (*at != registry)
        at = &(*at)->next;
    *at = registry->next;
    while (registry->first) {
        struct expr_list *next = registry->first->next;
        list_free(registry->first);
        registry->first = next;
    }
    free(registry);
}

static struct registry *registry_of(struct config *config)
{
    for (struct registry *registry = registries; registry; registry = registry->next)
        if (registry->arena == config->arena)
            return registry;
    struct registry *registry = expr_memory(NULL, sizeof(*registry));
    *registry = (struct registry){ .next = registries, .arena = config->arena, .last = &registry->first };
    registries = registry;
    arena_defer(config->arena, registry_drop, registry);
    return registry;
}

// The name a list goes by: without "file@" and "opt@", which say how to read it alone.
static struct slice name_bare(struct slice name, bool *is_optional, bool *is_virtual)
{
    *is_optional = slice_begins(name, SLICE("opt@"));
    *is_virtual = slice_begins(name, SLICE("virt@"));
    return slice_from(name, *is_optional ? 4 : slice_begins(name, SLICE("file@")) ? 5 : 0);
}

static struct expr_list *list_named(const struct registry *registry, struct slice name)
{
    for (struct expr_list *list = registry ? registry->first : NULL; list; list = list->next)
        if (slice_equal(slice_str(list->name), name))
            return list;
    return NULL;
}

static struct expr_list *list_new(struct registry *registry, struct slice name, bool is_map)
{
    struct expr_list *list = expr_memory(NULL, sizeof(*list));
    *list = (struct expr_list){ .registry = registry, .is_map = is_map, .name = expr_text_new(name) };
    list->current = version_new(list, 0);
    list->id = registry->num++;
    *registry->last = list;
    registry->last = &list->next;
    return list;
}

static void entry_append(struct version *version, struct expr_entry *entry)
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

static void entry_from_file(void *arg, struct slice key, struct slice value, uint32_t line)
{
    struct version *version = ((struct expr_list *)arg)->current;
    entry_append(version, expr_entry_new(key, value, version->order++, line));
}

const char *expr_list_load(struct expr_list **out, struct config *config, struct slice name, bool is_map)
{
    bool is_optional, is_virtual;
    struct registry *registry = registry_of(config);
    struct slice bare = name_bare(name, &is_optional, &is_virtual);
    if (bare.len == 0 || memchr(bare.ptr, '\0', bare.len))
        return "the name of a file is expected";
    *out = list_named(registry, bare);
    if (*out && (*out)->is_map != is_map)
        return arena_printf(config->arena, "'%s' is used as %s already and cannot be %s too", (*out)->name,
                            is_map ? "an ACL file" : "a map", is_map ? "a map" : "an ACL file");
    if (*out)
        return NULL;
    struct expr_list *list = list_new(registry, bare, is_map);
    if (!is_virtual) {
        bool joins = list->name[0] != '/' && config->base_dir;
        const char *path = joins ? arena_printf(config->arena, "%s/%s", config->base_dir, list->name) : list->name;
        const char *wrong = expr_list_file_read(config->arena, path, is_optional, is_map, entry_from_file, list);
        if (wrong)
            return wrong; // the empty list stays, so that nobody reads the file again
        list->path = expr_text_new(slice_str(path));
    }
    *out = list;
    return NULL;
}

static const char *wrong_at(struct config *config, const struct expr_list *list, const struct expr_entry *entry,
                            const char *wrong)
{
    int len = entry->key_len < 80 ? (int)entry->key_len : 80;
    return arena_printf(config->arena, "%s:%u: '%.*s': %s", list->path ? list->path : list->name, entry->line, len,
                        entry->key, wrong);
}

struct expr_patterns *expr_list_index(struct expr_list *list, const char **error, struct config *config,
                                      enum expr_match match, bool nocase)
{
    must(match > EXPR_MATCH_DEFAULT && match < EXPR_NUM_MATCHES && !list->prepared);
    nocase &= match >= EXPR_MATCH_STR;
    if (list->handles[match][nocase])
        return list->handles[match][nocase];
    struct expr_index *index = expr_index_new(match, nocase);
    for (struct expr_entry *entry = list->current->first; entry; entry = entry->next) {
        const char *wrong = expr_index_add(index, entry);
        if (wrong) {
            *error = wrong_at(config, list, entry, wrong);
            expr_index_free(index);
            return NULL;
        }
    }
    list->current->index[match][nocase] = index;
    list->handles[match][nocase] = expr_handle_new(match);
    expr_handle_set(list->handles[match][nocase], nocase, index);
    return list->handles[match][nocase];
}

static const char *value_wrong(uint32_t types, struct slice value)
{
    struct expr_sample sample = { .type = EXPR_STR, .str = value };
    struct expr_addr addr;
    int64_t num;
    if (types & 1u << EXPR_INT && !expr_list_value_int(value, &num))
        return "its value is no integer";
    if (types & 1u << EXPR_ADDR && !expr_sample_addr(&sample, &addr))
        return "its value is no IP address";
    return NULL;
}

bool expr_list_value_int(struct slice value, int64_t *out)
{
    bool negative = value.len > 1 && (value.ptr[0] == '-' || value.ptr[0] == '+');
    uint64_t num;
    if (!slice_to_u64(slice_from(value, negative), &num) || num > INT64_MAX)
        return false;
    *out = negative && value.ptr[0] == '-' ? -(int64_t)num : (int64_t)num;
    return true;
}

const char *expr_list_want_values(struct expr_list *list, struct config *config, enum expr_type type)
{
    for (const struct expr_entry *entry = list->current->first; entry; entry = entry->next) {
        const char *wrong = value_wrong(1u << type, expr_entry_value(entry));
        if (wrong)
            return wrong_at(config, list, entry, wrong);
    }
    list->value_types |= 1u << type;
    return NULL;
}

void expr_lists_each(void (*visit)(struct expr_list *list, void *arg), void *arg)
{
    for (struct expr_list *list = registries ? registries->first : NULL; list; list = list->next)
        visit(list, arg);
}

struct expr_list *expr_list_find(struct slice name)
{
    uint64_t id;
    bool is_optional, is_virtual;
    if (!registries)
        return NULL;
    if (name.len > 1 && name.ptr[0] == '#' && slice_to_u64(slice_from(name, 1), &id)) {
        struct expr_list *list = registries->first;
        while (list && list->id != id)
            list = list->next;
        return list;
    }
    return list_named(registries, name_bare(name, &is_optional, &is_virtual));
}

const char *expr_list_name(const struct expr_list *list)
{
    return list->name;
}

uint32_t expr_list_id(const struct expr_list *list)
{
    return list->id;
}

bool expr_list_is_map(const struct expr_list *list)
{
    return list->is_map;
}

uint32_t expr_list_num(const struct expr_list *list)
{
    return list->current->num;
}

// ---- changes --------------------------------------------------------------------------------------------------------

static struct version *version_of(const struct expr_list *list, uint32_t number)
{
    if (number == 0 || number == list->current->number)
        return list->current;
    struct version *version = list->prepared;
    while (version && version->number != number)
        version = version->next;
    return version;
}

static void index_all_del(struct version *version, const struct expr_entry *entry, int until)
{
    for (int i = 0; i < until; i++)
        if (version->index[i / 2][i % 2])
            expr_index_del(version->index[i / 2][i % 2], entry);
}

const char *expr_list_add(struct expr_list *list, uint32_t number, struct slice key, struct slice value)
{
    struct version *version = version_of(list, number);
    if (!version)
        return "there is no such version";
    const char *wrong = value_wrong(list->value_types, value);
    if (wrong)
        return wrong;
    struct expr_entry *entry = expr_entry_new(key, value, version->order, 0);
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
    entry_append(version, entry);
    return NULL;
}

bool expr_list_set(struct expr_list *list, uint32_t number, struct slice key, struct slice value)
{
    struct version *version = version_of(list, number);
    expr_spot spot = version && !value_wrong(list->value_types, value) ? expr_set_find(&version->keys, key) : 0;
    for (uint32_t i = 0; i < expr_spot_num(spot); i++)
        expr_entry_set_value(expr_spot_at(spot, i), value);
    return spot != 0;
}

static void entry_remove(struct version *version, struct expr_entry *entry)
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
    struct version *version = version_of(list, number);
    bool found = false;
    // From the last one on: then nothing moves up where there are many.
    for (expr_spot spot; version && (spot = expr_set_find(&version->keys, key)) != 0; found = true)
        entry_remove(version, expr_spot_at(spot, expr_spot_num(spot) - 1));
    return found;
}

void expr_list_clear(struct expr_list *list, uint32_t number)
{
    struct version *old = version_of(list, number);
    if (!old)
        return;
    struct version *version = version_new(list, old->number);
    version->next = old->next;
    if (old == list->current) {
        version_use(list, version);
    } else {
        struct version **at = &list->prepared;
        while (*at != old)
            at = &(*at)->next;
        *at = version;
    }
    version_free(old);
}

uint32_t expr_list_prepare(struct expr_list *list)
{
    if (list->num_prepared == LIST_MAX_VERSIONS)
        return 0;
    struct version *version = version_new(list, ++list->last_number);
    version->next = list->prepared;
    list->prepared = version;
    list->num_prepared++;
    return version->number;
}

bool expr_list_commit(struct expr_list *list, uint32_t number)
{
    struct version *version = number ? version_of(list, number) : NULL;
    if (!version || version == list->current)
        return false;
    struct version *old = list->current, **at = &list->prepared;
    // Those that were prepared before it are given up with the one in use.
    while (*at) {
        struct version *it = *at;
        if (it->number > number) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        list->num_prepared--;
        if (it != version)
            version_free(it);
    }
    version->next = NULL;
    version_use(list, version);
    version_free(old);
    return true;
}

const char *expr_list_check(const struct expr_list *list, struct slice key, struct slice value)
{
    const char *wrong = value_wrong(list->value_types, value);
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
