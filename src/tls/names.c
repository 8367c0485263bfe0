// SPDX-License-Identifier: Apache-2.0
// From a server name to an entry. Exact names and wildcards stand in one hash table; a wildcard is kept without its
// star, for it stands for the first label of a name and nothing else.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/hash.h"
#include "tls/entry.h"

// A name in a ClientHello is a host name (RFC 1035 section 2.3.4).
enum { NAME_MAX_LEN = 255, NUM_KEY_TYPES = TLS_KEY_ED25519 + 1 };

// An entry that a name leads to, or that it must not lead to.
struct names_item {
    struct names_item *next;
    const struct tls_entry *entry;
    bool negative;
};

struct names_node {
    struct slice name;
    bool wild;
    struct names_item *items; // in the order of the configuration
};

struct tls_names {
    struct names_node **table;
    uint32_t cap; // a power of two
    struct names_node *nodes;
    uint32_t num_nodes;
    struct names_item *items;
    uint32_t num_items;
    const struct tls_entry *defaults[NUM_KEY_TYPES]; // the first of each type
};

static struct names_node **slot_of(const struct tls_names *names, struct slice name, bool wild)
{
    uint32_t at = hash_crc32c(wild, name);
    for (;; at++) {
        struct names_node **slot = &names->table[at & (names->cap - 1)];
        if (!*slot || ((*slot)->wild == wild && slice_equal((*slot)->name, name)))
            return slot;
    }
}

static bool has_negative(const struct tls_entry *entry)
{
    for (uint32_t i = 0; i < entry->num_filters; i++)
        if (entry->filters[i][0] == '!')
            return true;
    return false;
}

// Behind an entry that always serves a name, a later one with a key of the same type never will.
static bool is_hidden(const struct names_node *node, const struct tls_entry *entry)
{
    for (const struct names_item *it = node->items; it; it = it->next)
        if (!it->negative && it->entry->cert->key_type == entry->cert->key_type && !has_negative(it->entry))
            return true;
    return false;
}

static void add(struct tls_names *names, struct slice name, bool negative, const struct tls_entry *entry)
{
    bool wild = name.len && name.ptr[0] == '*';
    name = slice_from(name, wild);
    // A star alone is of the default's; a wildcard that is negated is ignored.
    if (!name.len || (wild && negative))
        return;
    struct names_node **slot = slot_of(names, name, wild);
    if (!*slot) {
        *slot = &names->nodes[names->num_nodes++];
        **slot = (struct names_node){ .name = name, .wild = wild };
    }
    if (!negative && is_hidden(*slot, entry))
        return;
    struct names_item **end = &(*slot)->items;
    while (*end)
        end = &(*end)->next;
    *end = &names->items[names->num_items++];
    **end = (struct names_item){ .entry = entry, .negative = negative };
}

static void add_entry(struct tls_names *names, const struct tls_entry *entry)
{
    const struct tls_cert *cert = entry->cert;
    for (uint32_t i = 0; i < entry->num_filters; i++) {
        struct slice filter = slice_str(entry->filters[i]);
        bool negative = filter.len && filter.ptr[0] == '!';
        add(names, slice_from(filter, negative), negative, entry);
    }
    for (uint32_t i = 0; i < cert->num_names && !entry->num_filters; i++)
        add(names, cert->names[i], false, entry);
    if (entry->is_default && !names->defaults[cert->key_type])
        names->defaults[cert->key_type] = entry;
}

static void *zeroed(size_t num, size_t len)
{
    void *ptr = calloc(num ? num : 1, len);
    if (!ptr)
        check_out_of_memory(num * len);
    return ptr;
}

struct tls_names *tls_names_new(struct tls_entry *entries)
{
    struct tls_names *names = zeroed(1, sizeof(*names));
    uint32_t num = 0;
    for (const struct tls_entry *it = entries; it; it = it->next)
        num += it->num_filters ? it->num_filters : it->cert->num_names;
    for (names->cap = 16; names->cap < num * 2;)
        names->cap *= 2;
    names->table = zeroed(names->cap, sizeof(struct names_node *));
    names->nodes = zeroed(num, sizeof(*names->nodes));
    names->items = zeroed(num, sizeof(*names->items));
    for (const struct tls_entry *it = entries; it; it = it->next)
        add_entry(names, it);
    return names;
}

void tls_names_free(struct tls_names *names)
{
    if (!names)
        return;
    free(names->table);
    free(names->nodes);
    free(names->items);
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

static bool is_excluded(const struct names_node *exact, const struct tls_entry *entry)
{
    for (const struct names_item *it = exact ? exact->items : NULL; it; it = it->next)
        if (it->negative && it->entry == entry)
            return true;
    return false;
}

// Notes the first entry of each type that `node` leads to, where none of that type is noted yet.
static void note(const struct tls_entry *first[NUM_KEY_TYPES], const struct names_node *node,
                 const struct names_node *exact)
{
    for (const struct names_item *it = node ? node->items : NULL; it; it = it->next) {
        uint8_t type = it->entry->cert->key_type;
        if (!it->negative && !first[type] && !(node->wild && is_excluded(exact, it->entry)))
            first[type] = it->entry;
    }
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
    const struct names_node *exact = *slot_of(names, name, false);
    note(first, exact, exact);
    size_t dot = slice_find(name, '.');
    if (dot < name.len)
        note(first, *slot_of(names, slice_from(name, dot), true), exact);
    return choose(first, can);
}

const struct tls_entry *tls_names_default(const struct tls_names *names, uint32_t can)
{
    return choose(names->defaults, can);
}
