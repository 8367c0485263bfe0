// SPDX-License-Identifier: Apache-2.0
// From a server name to an entry. Exact names and wildcards stand in one hash table; a wildcard is kept without its
// star, for it stands for the first label of a name and nothing else. Entries come and go while traffic waits for it,
// so that each costs what its own names cost, however many others there are.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/hash.h"
#include "tls/entry.h"

// A name in a ClientHello is a host name (RFC 1035 section 2.3.4).
enum { NAME_MAX_LEN = 255, NUM_KEY_TYPES = TLS_KEY_ED25519 + 1 };

// An entry that a name leads to, or must not lead to. Lists of them are in the order of the configuration.
struct names_item {
    struct names_item *next;
    const struct tls_entry *entry;
};

struct names_node {
    struct names_node *next;                 // of the same slot
    struct names_item *serve[NUM_KEY_TYPES]; // of an exact name or a wildcard
    struct names_item *negative;             // of an exact name: wildcards of these do not lead from it
    uint32_t len;
    bool wild;
    char name[];
};

struct tls_names {
    struct names_node **table;
    uint32_t cap; // a power of two
    uint32_t num_nodes;
    uint64_t last_order;
    struct names_item *defaults[NUM_KEY_TYPES];
};

static void *zeroed(size_t num, size_t len)
{
    void *ptr = calloc(num ? num : 1, len);
    if (!ptr)
        check_out_of_memory(num * len);
    return ptr;
}

static uint32_t hash_of(struct slice name, bool wild)
{
    return hash_crc32c(wild, name);
}

// The place of the pointer to the node of that name, or to NULL at the end of its slot.
static struct names_node **place_of(const struct tls_names *names, struct slice name, bool wild)
{
    struct names_node **at = &names->table[hash_of(name, wild) & (names->cap - 1)];
    while (*at && ((*at)->wild != wild || !slice_equal(slice_of((*at)->name, (*at)->len), name)))
        at = &(*at)->next;
    return at;
}

static void grow(struct tls_names *names)
{
    struct names_node **old = names->table;
    uint32_t num = names->cap;
    names->cap *= 2;
    names->table = zeroed(names->cap, sizeof(struct names_node *));
    for (uint32_t i = 0; i < num; i++)
        while (old[i]) {
            struct names_node *node = old[i];
            old[i] = node->next;
            struct names_node **slot =
                &names->table[hash_of(slice_of(node->name, node->len), node->wild) & (names->cap - 1)];
            node->next = *slot;
            *slot = node;
        }
    free(old);
}

static struct names_node *node_get(struct tls_names *names, struct slice name, bool wild)
{
    struct names_node **at = place_of(names, name, wild);
    if (*at)
        return *at;
    if (names->num_nodes == names->cap) {
        grow(names);
        at = place_of(names, name, wild);
    }
    struct names_node *node = zeroed(1, sizeof(*node) + name.len);
    node->wild = wild;
    node->len = (uint32_t)name.len;
    memcpy(node->name, name.ptr, name.len);
    *at = node;
    names->num_nodes++;
    return node;
}

static void insert(struct names_item **at, const struct tls_entry *entry)
{
    while (*at && (*at)->entry->order < entry->order)
        at = &(*at)->next;
    // A name may stand twice on a line.
    if (*at && (*at)->entry == entry)
        return;
    struct names_item *item = zeroed(1, sizeof(*item));
    *item = (struct names_item){ .next = *at, .entry = entry };
    *at = item;
}

static void remove_from(struct names_item **at, const struct tls_entry *entry)
{
    while (*at && (*at)->entry != entry)
        at = &(*at)->next;
    struct names_item *item = *at;
    if (!item)
        return;
    *at = item->next;
    free(item);
}

static void items_free(struct names_item *item)
{
    while (item) {
        struct names_item *next = item->next;
        free(item);
        item = next;
    }
}

static bool is_empty(const struct names_node *node)
{
    for (size_t i = 0; i < NUM_KEY_TYPES; i++)
        if (node->serve[i])
            return false;
    return !node->negative;
}

// A name of an entry, as it is looked up. False for one that leads nowhere: a star alone is of the default's, a
// wildcard that is negated is ignored.
static bool name_read(struct slice *name, bool *wild, bool negative)
{
    *wild = name->len && name->ptr[0] == '*';
    *name = slice_from(*name, *wild);
    return name->len && !(*wild && negative);
}

static void put_name(struct tls_names *names, struct slice name, bool negative, const struct tls_entry *entry)
{
    bool wild;
    if (!name_read(&name, &wild, negative))
        return;
    struct names_node *node = node_get(names, name, wild);
    insert(negative ? &node->negative : &node->serve[entry->cert->key_type], entry);
}

static void cut_name(struct tls_names *names, struct slice name, bool negative, const struct tls_entry *entry)
{
    bool wild;
    if (!name_read(&name, &wild, negative))
        return;
    struct names_node **at = place_of(names, name, wild), *node = *at;
    if (!node)
        return;
    remove_from(negative ? &node->negative : &node->serve[entry->cert->key_type], entry);
    if (!is_empty(node))
        return;
    *at = node->next;
    names->num_nodes--;
    free(node);
}

typedef void (*names_do)(struct tls_names *names, struct slice name, bool negative, const struct tls_entry *entry);

static void each_name(struct tls_names *names, const struct tls_entry *entry, names_do run)
{
    const struct tls_cert *cert = entry->cert;
    for (uint32_t i = 0; i < entry->num_filters; i++) {
        struct slice filter = slice_str(entry->filters[i]);
        bool negative = filter.len && filter.ptr[0] == '!';
        run(names, slice_from(filter, negative), negative, entry);
    }
    for (uint32_t i = 0; i < cert->num_names && !entry->num_filters; i++)
        run(names, cert->names[i], false, entry);
}

void tls_names_add(struct tls_names *names, struct tls_entry *entry)
{
    if (!entry->order)
        entry->order = ++names->last_order;
    each_name(names, entry, put_name);
    if (entry->is_default)
        insert(&names->defaults[entry->cert->key_type], entry);
}

void tls_names_cut(struct tls_names *names, const struct tls_entry *entry)
{
    each_name(names, entry, cut_name);
    if (entry->is_default)
        remove_from(&names->defaults[entry->cert->key_type], entry);
}

struct tls_names *tls_names_new(struct tls_entry *entries)
{
    struct tls_names *names = zeroed(1, sizeof(*names));
    uint32_t num = 0, num_entries = 0;
    for (struct tls_entry *it = entries; it; it = it->next) {
        num += it->num_filters ? it->num_filters : it->cert->num_names;
        it->order = ++names->last_order;
        num_entries++;
    }
    for (names->cap = 16; names->cap < num * 2;)
        names->cap *= 2;
    names->table = zeroed(names->cap, sizeof(struct names_node *));
    // From the last to the first, each finds its place at the head of the lists.
    struct tls_entry **all = zeroed(num_entries, sizeof(struct tls_entry *));
    for (struct tls_entry *it = entries; it; it = it->next)
        all[it->order - 1] = it;
    while (num_entries)
        tls_names_add(names, all[--num_entries]);
    free(all);
    return names;
}

void tls_names_free(struct tls_names *names)
{
    if (!names)
        return;
    for (uint32_t i = 0; i < names->cap; i++)
        while (names->table[i]) {
            struct names_node *node = names->table[i];
            names->table[i] = node->next;
            for (size_t type = 0; type < NUM_KEY_TYPES; type++)
                items_free(node->serve[type]);
            items_free(node->negative);
            free(node);
        }
    for (size_t type = 0; type < NUM_KEY_TYPES; type++)
        items_free(names->defaults[type]);
    free(names->table);
    free(names);
}

// Of the first entry of each type: one that the client can check, ECDSA before RSA; if there is none, any, for the
// client's own alert says more than ours would.
static const struct tls_entry *choose(const struct tls_entry *const first[NUM_KEY_TYPES], uint32_t can)
{
    static const uint8_t preferred[] = { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_ED25519 };
    static const uint8_t fallback[] = { TLS_KEY_ED25519, TLS_KEY_ECDSA, TLS_KEY_RSA };
    for (size_t i = 0; i < NUM_ITEMS(preferred); i++)
        if (first[preferred[i]] && can >> preferred[i] & 1)
            return first[preferred[i]];
    for (size_t i = 0; i < NUM_ITEMS(fallback); i++)
        if (first[fallback[i]])
            return first[fallback[i]];
    return NULL;
}

// The first of `serve` that is not among `negative`.
static const struct tls_entry *first_of(const struct names_item *serve, const struct names_item *negative)
{
    for (; serve; serve = serve->next) {
        while (negative && negative->entry->order < serve->entry->order)
            negative = negative->next;
        if (!negative || negative->entry != serve->entry)
            return serve->entry;
    }
    return NULL;
}

// Notes the first entry of each type that `node` leads to, where none of that type is noted yet.
static void note(const struct tls_entry *first[NUM_KEY_TYPES], const struct names_node *node,
                 const struct names_node *exact)
{
    for (size_t type = 0; node && type < NUM_KEY_TYPES; type++)
        if (!first[type])
            first[type] = first_of(node->serve[type], node->wild && exact ? exact->negative : NULL);
}

// For each type of key the exact name comes before the wildcard, and then the types are compared: an ECDSA certificate
// for the wildcard is preferred to an RSA one for the exact name, as HAProxy does.
const struct tls_entry *tls_names_find(const struct tls_names *names, struct slice name, uint32_t can)
{
    const struct tls_entry *first[NUM_KEY_TYPES] = { NULL };
    char lower[NAME_MAX_LEN];
    if (!name.len || name.len > sizeof(lower))
        return NULL;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = slice_lower(name.ptr[i]);
    name.ptr = lower;
    const struct names_node *exact = *place_of(names, name, false);
    note(first, exact, exact);
    size_t dot = slice_find(name, '.');
    if (dot < name.len)
        note(first, *place_of(names, slice_from(name, dot), true), exact);
    return choose(first, can);
}

const struct tls_entry *tls_names_default(const struct tls_names *names, uint32_t can)
{
    const struct tls_entry *first[NUM_KEY_TYPES];
    for (size_t type = 0; type < NUM_KEY_TYPES; type++)
        first[type] = names->defaults[type] ? names->defaults[type]->entry : NULL;
    return choose(first, can);
}
