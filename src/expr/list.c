// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "expr/handle.h"
#include "expr/list_body.h"
#include "expr/list_file.h"

// The lists of one configuration. They are not in its arena, for they change while it is const, but go with it.
struct expr_registry {
    struct expr_registry *next;
    struct arena *arena;
    struct expr_list *first;
    struct expr_list **last;
    struct expr_list *named;
    struct expr_list **last_named;
    uint32_t num;
    bool is_numbered; // all lists have their ids
};

// The configuration that was read last comes first: it is the one this process works by.
static struct expr_registry *registries;

static void list_free(struct expr_list *list)
{
    for (int match = 0; match < EXPR_NUM_MATCHES; match++)
        for (int nocase = 0; nocase < 2; nocase++)
            expr_handle_free(list->handles[match][nocase]);
    while (list->prepared) {
        struct expr_version *next = list->prepared->next;
        expr_version_drop(list->prepared);
        list->prepared = next;
    }
    expr_version_drop(list->current);
    (void)expr_lists_tidy(UINT32_MAX);
    free(list->used_by);
    free(list->name);
    free(list->path);
    free(list);
}

static void registry_drop(void *arg)
{
    struct expr_registry *registry = arg, **at = &registries;
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

static struct expr_registry *registry_of(struct config *config)
{
    for (struct expr_registry *registry = registries; registry; registry = registry->next)
        if (registry->arena == config->arena)
            return registry;
    struct expr_registry *registry = expr_memory(NULL, sizeof(*registry));
    *registry = (struct expr_registry){
        .next = registries, .arena = config->arena, .last = &registry->first, .last_named = &registry->named
    };
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

static struct expr_list *list_named(const struct expr_registry *registry, struct slice name)
{
    for (struct expr_list *list = registry ? registry->named : NULL; list; list = list->next_named)
        if (slice_equal(slice_str(list->name), name))
            return list;
    return NULL;
}

static struct expr_list *list_new(struct expr_registry *registry, bool is_map)
{
    struct expr_list *list = expr_memory(NULL, sizeof(*list));
    *list = (struct expr_list){ .registry = registry, .is_map = is_map };
    list->current = expr_version_new(list, 0);
    *registry->last = list;
    registry->last = &list->next;
    registry->num++;
    registry->is_numbered = false;
    return list;
}

static struct expr_list *list_new_named(struct expr_registry *registry, struct slice name, bool is_map)
{
    struct expr_list *list = list_new(registry, is_map);
    list->name = expr_text_new(name);
    list->is_named = true;
    *registry->last_named = list;
    registry->last_named = &list->next_named;
    return list;
}

static int id_compare(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

// Ids count up in the order in which the lists were read and leave out those that the configuration gives itself, which
// may come last: nobody knows them before all is read.
static void lists_number(struct expr_registry *registry)
{
    if (registry->is_numbered)
        return;
    uint32_t *forced = expr_memory(NULL, (registry->num + 1) * sizeof(*forced)), num_forced = 0, at = 0, id = 0;
    for (const struct expr_list *list = registry->first; list; list = list->next)
        if (list->is_forced)
            forced[num_forced++] = list->id;
    qsort(forced, num_forced, sizeof(*forced), id_compare);
    for (struct expr_list *list = registry->first; list; list = list->next) {
        for (; !list->is_forced && at < num_forced && forced[at] == id; at++)
            id++;
        if (!list->is_forced)
            list->id = id++;
        if (!list->is_named) {
            char name[16];
            snprintf(name, sizeof(name), "#%u", list->id);
            free(list->name);
            list->name = expr_text_new(slice_str(name));
        }
    }
    free(forced);
    registry->is_numbered = true;
}

static void entry_from_file(void *arg, struct slice key, struct slice value, uint32_t line)
{
    struct expr_list *list = arg;
    expr_version_append(list->current, expr_entry_new(key, value, list->order++, line));
}

const char *expr_list_load(struct expr_list **out, struct config *config, struct slice name, bool is_map)
{
    bool is_optional, is_virtual;
    if (config->no_files)
        return "no list can be read here";
    struct expr_registry *registry = registry_of(config);
    struct slice bare = name_bare(name, &is_optional, &is_virtual);
    if (bare.len == 0 || memchr(bare.ptr, '\0', bare.len))
        return "the name of a file is expected";
    if (bare.ptr[0] == '#')
        return "a name that begins with '#' would be taken for an id";
    *out = list_named(registry, bare);
    if (*out && (*out)->is_map != is_map)
        return arena_printf(config->arena, "'%s' is used as %s already and cannot be %s too", (*out)->name,
                            is_map ? "an ACL file" : "a map", is_map ? "a map" : "an ACL file");
    if (*out)
        return NULL;
    struct expr_list *list = list_new_named(registry, bare, is_map);
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
    expr_version_show(list);
    return list->handles[match][nocase];
}

const char *expr_list_from_line(struct config *config, struct expr_patterns *set, enum expr_match match, bool nocase,
                                struct slice fetch, struct config_place place, const uint32_t *id)
{
    struct expr_registry *registry = registry_of(config);
    for (const struct expr_list *other = registry->first; id && other; other = other->next)
        if (other->is_forced && other->id == *id)
            return arena_printf(config->arena, "the id %u is taken by %s", *id, other->used_by);
    struct expr_list *list = list_new(registry, false);
    list->is_forced = id != NULL;
    list->id = id ? *id : 0;
    list->used_by = expr_text_new(slice_str(arena_printf(config->arena, "acl '%.*s' file '%s' line %u", (int)fetch.len,
                                                         fetch.ptr, place.file ? place.file : "", place.line)));
    nocase &= match >= EXPR_MATCH_STR;
    struct expr_entry *entry;
    list->current->index[match][nocase] = expr_handle_take(set, &entry, nocase);
    while (entry) {
        struct expr_entry *next = entry->next;
        entry->next = NULL;
        expr_version_append(list->current, entry);
        list->order = entry->order + 1;
        entry = next;
    }
    list->handles[match][nocase] = set;
    expr_version_show(list);
    return NULL;
}

void expr_list_used(struct expr_list *list, bool by_map, struct config_place place)
{
    const char *before = list->used_by ? list->used_by : "", *file = place.file ? place.file : "";
    const char *format = "%s%s by %s at file '%s' line %u", *what = by_map ? "map" : "acl";
    int len = snprintf(NULL, 0, format, before, list->used_by ? "," : "used", what, file, place.line);
    must(list->is_named && len > 0);
    char *text = expr_memory(NULL, (size_t)len + 1);
    snprintf(text, (size_t)len + 1, format, before, list->used_by ? "," : "used", what, file, place.line);
    free(list->used_by);
    list->used_by = text;
}

const char *expr_list_value_wrong(uint32_t types, struct slice value)
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
        const char *wrong = expr_list_value_wrong(1u << type, expr_entry_value(entry));
        if (wrong)
            return wrong_at(config, list, entry, wrong);
    }
    list->value_types |= 1u << type;
    return NULL;
}

static int list_compare(const void *left, const void *right)
{
    const struct expr_list *const *a = left, *const *b = right;
    return id_compare(&(*a)->id, &(*b)->id);
}

void expr_lists_each(void (*visit)(struct expr_list *list, void *arg), void *arg)
{
    if (!registries)
        return;
    lists_number(registries);
    struct expr_list **lists = expr_memory(NULL, (registries->num + 1) * sizeof(struct expr_list *));
    uint32_t num = 0;
    for (struct expr_list *list = registries->first; list; list = list->next)
        lists[num++] = list;
    qsort(lists, num, sizeof(struct expr_list *), list_compare);
    for (uint32_t i = 0; i < num; i++)
        visit(lists[i], arg);
    free(lists);
}

struct expr_list *expr_list_find(struct slice name)
{
    uint64_t id;
    bool is_optional, is_virtual;
    if (!registries)
        return NULL;
    if (name.len > 1 && name.ptr[0] == '#' && slice_to_u64(slice_from(name, 1), &id)) {
        lists_number(registries);
        struct expr_list *list = registries->first;
        while (list && list->id != id)
            list = list->next;
        return list;
    }
    return list_named(registries, name_bare(name, &is_optional, &is_virtual));
}

const char *expr_list_name(const struct expr_list *list)
{
    if (!list->is_named)
        lists_number(list->registry);
    return list->name;
}

uint32_t expr_list_id(const struct expr_list *list)
{
    lists_number(list->registry);
    return list->id;
}

bool expr_list_is_named(const struct expr_list *list)
{
    return list->is_named;
}

bool expr_list_is_map(const struct expr_list *list)
{
    return list->is_map;
}

void expr_list_serve_acl(struct expr_list *list)
{
    list->serves_acl = true;
}

bool expr_list_serves_acl(const struct expr_list *list)
{
    return list->serves_acl || !list->is_map;
}

uint32_t expr_list_num(const struct expr_list *list)
{
    return list->current->num;
}

uint32_t expr_list_num_all(const struct expr_list *list)
{
    uint32_t num = list->current->num;
    for (const struct expr_version *version = list->prepared; version; version = version->next)
        num += version->num;
    return num;
}

uint32_t expr_list_version(const struct expr_list *list)
{
    return list->current->number;
}

uint32_t expr_list_version_next(const struct expr_list *list)
{
    return list->last_number;
}

void expr_list_describe(const struct expr_list *list, void (*put)(void *arg, const char *text), void *arg)
{
    if (list->is_named) {
        put(arg, list->path ? "pattern loaded from file '" : "pattern list '");
        put(arg, list->name);
        put(arg, list->used_by ? "' " : "'");
    }
    put(arg, list->used_by ? list->used_by : "");
}
