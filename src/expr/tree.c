// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "base/fold.h"
#include "expr/tree.h"

// In memory the label follows the children. The byte that leads to a child is not in its label.
struct expr_tree_node {
    expr_spot spot;
    uint32_t label_len;
    uint32_t num; // of children; where there is none, there is no bitmap either
    struct branch {
        uint64_t bits[4];
        struct expr_tree_node *nodes[];
    } branch[];
};

static inline size_t branch_size(uint32_t num)
{
    return num ? sizeof(struct branch) + num * sizeof(struct expr_tree_node *) : 0;
}

static inline char *label_of(const struct expr_tree_node *node)
{
    return (char *)node->branch + branch_size(node->num);
}

static inline uint8_t byte_at(const struct expr_tree *tree, struct slice key, size_t i)
{
    char c = tree->backward ? key.ptr[key.len - 1 - i] : key.ptr[i];
    return (uint8_t)(tree->nocase ? slice_lower(c) : c);
}

// How many bytes of the label agree with `key` from `at` on.
static inline uint32_t label_agrees(const struct expr_tree *tree, const struct expr_tree_node *node, struct slice key,
                                    size_t at)
{
    const char *label = label_of(node);
    uint32_t len = node->label_len < key.len - at ? node->label_len : (uint32_t)(key.len - at), i = 0;
    while (i < len && (uint8_t)label[i] == byte_at(tree, key, at + i))
        i++;
    return i;
}

// Whether all of the label stands in `key` at `at`.
static inline bool label_is(const struct expr_tree *tree, const struct expr_tree_node *node, struct slice key,
                            size_t at)
{
    if (node->label_len > key.len - at)
        return false;
    const char *label = label_of(node);
    uint32_t i = 0;
    if (!tree->backward)
        return fold_same(label, key.ptr + at, node->label_len, tree->nocase);
    for (; i + 8 <= node->label_len; i += 8) {
        uint64_t word = __builtin_bswap64(fold_load(key.ptr + key.len - at - i - 8));
        if ((tree->nocase ? fold_word(word) : word) != fold_load(label + i))
            return false;
    }
    while (i < node->label_len && (uint8_t)label[i] == byte_at(tree, key, at + i))
        i++;
    return i == node->label_len;
}

static inline bool branch_has(const struct expr_tree_node *node, uint8_t byte)
{
    return node->branch->bits[byte >> 6] >> (byte & 63) & 1;
}

// The number of children before that of `byte`.
static inline uint32_t branch_rank(const struct expr_tree_node *node, uint8_t byte)
{
    const uint64_t *bits = node->branch->bits;
    uint32_t word = byte >> 6;
    int rank = __builtin_popcountll(bits[word] & ((UINT64_C(1) << (byte & 63)) - 1));
    for (uint32_t i = 0; i < word; i++)
        rank += __builtin_popcountll(bits[i]);
    return (uint32_t)rank;
}

// In a big tree each node is a miss of the caches, and one with many children several: they are asked for at once.
static inline struct expr_tree_node *child_of(const struct expr_tree_node *node, uint8_t byte)
{
    if (!node->num || !branch_has(node, byte))
        return NULL;
    struct expr_tree_node *child = node->branch->nodes[branch_rank(node, byte)];
    __builtin_prefetch((const char *)child + 64);
    __builtin_prefetch((const char *)child + 128);
    return child;
}

static struct expr_tree_node *node_new(const struct expr_tree *tree, struct slice key, size_t from, size_t label_len,
                                       uint32_t num)
{
    struct expr_tree_node *node = expr_memory(NULL, sizeof(*node) + branch_size(num) + label_len);
    memset(node, 0, sizeof(*node) + branch_size(num));
    node->label_len = (uint32_t)label_len;
    node->num = num;
    char *label = label_of(node);
    for (size_t i = 0; i < label_len; i++)
        label[i] = (char)byte_at(tree, key, from + i);
    return node;
}

void expr_tree_init(struct expr_tree *tree, bool nocase, bool backward)
{
    *tree = (struct expr_tree){ .nocase = nocase, .backward = backward };
}

// Keys may nest as deep as they are long: no recursion. A node whose spot was seen to holds the next one to do there.
bool expr_tree_fini_some(struct expr_tree *tree, void (*fini)(expr_spot spot), uint32_t *budget)
{
    struct expr_tree_node *todo = tree->root;
    if (todo && !tree->ends) {
        if (todo->spot && fini)
            fini(todo->spot);
        todo->spot = 0;
        tree->ends = true;
    }
    for (; todo && *budget; --*budget) {
        struct expr_tree_node *node = todo;
        todo = (struct expr_tree_node *)node->spot;
        for (uint32_t i = 0; i < node->num; i++) {
            struct expr_tree_node *child = node->branch->nodes[i];
            if (child->spot && fini)
                fini(child->spot);
            child->spot = (expr_spot)todo;
            todo = child;
        }
        free(node);
    }
    tree->root = todo;
    return !todo;
}

// Gives `*ref` a child more, for `byte`.
static void child_add(struct expr_tree_node **ref, uint8_t byte, struct expr_tree_node *child)
{
    struct expr_tree_node *old = *ref;
    size_t size = branch_size(old->num + 1);
    struct expr_tree_node *node = expr_memory(NULL, sizeof(*node) + size + old->label_len);
    *node = (struct expr_tree_node){ .spot = old->spot, .label_len = old->label_len, .num = old->num + 1 };
    memset(node->branch->bits, 0, sizeof(node->branch->bits));
    uint32_t rank = 0;
    if (old->num) {
        memcpy(node->branch->bits, old->branch->bits, sizeof(node->branch->bits));
        rank = branch_rank(old, byte);
        memcpy(node->branch->nodes, old->branch->nodes, rank * sizeof(child));
        memcpy(node->branch->nodes + rank + 1, old->branch->nodes + rank, (old->num - rank) * sizeof(child));
    }
    node->branch->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
    node->branch->nodes[rank] = child;
    memcpy(label_of(node), label_of(old), old->label_len);
    free(old);
    *ref = node;
}

static void child_remove(struct expr_tree_node **ref, uint8_t byte)
{
    struct expr_tree_node *old = *ref;
    uint32_t num = old->num - 1, rank = branch_rank(old, byte);
    struct expr_tree_node *node = expr_memory(NULL, sizeof(*node) + branch_size(num) + old->label_len);
    *node = (struct expr_tree_node){ .spot = old->spot, .label_len = old->label_len, .num = num };
    if (num) {
        memcpy(node->branch->bits, old->branch->bits, sizeof(node->branch->bits));
        node->branch->bits[byte >> 6] &= ~(UINT64_C(1) << (byte & 63));
        memcpy(node->branch->nodes, old->branch->nodes, rank * sizeof(node));
        memcpy(node->branch->nodes + rank, old->branch->nodes + rank + 1, (num - rank) * sizeof(node));
    }
    memcpy(label_of(node), label_of(old), old->label_len);
    free(old);
    *ref = node;
}

// Cuts the label of `*ref` after `keep` bytes: what is left, with all children, becomes a child.
static void label_split(struct expr_tree_node **ref, uint32_t keep)
{
    struct expr_tree_node *low = *ref;
    uint8_t byte = (uint8_t)label_of(low)[keep];
    struct expr_tree_node *high = expr_memory(NULL, sizeof(*high) + branch_size(1) + keep);
    *high = (struct expr_tree_node){ .label_len = keep, .num = 1 };
    memset(high->branch->bits, 0, sizeof(high->branch->bits));
    high->branch->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
    memcpy(label_of(high), label_of(low), keep);
    low->label_len -= keep + 1;
    memmove(label_of(low), label_of(low) + keep + 1, low->label_len);
    low = expr_memory(low, sizeof(*low) + branch_size(low->num) + low->label_len);
    high->branch->nodes[0] = low;
    *ref = high;
}

// Makes one node of `*ref` and its only child.
static void child_merge(struct expr_tree_node **ref)
{
    struct expr_tree_node *high = *ref, *low = high->branch->nodes[0];
    uint32_t byte = 0;
    while (!branch_has(high, (uint8_t)byte))
        byte++;
    uint32_t len = high->label_len + 1 + low->label_len;
    struct expr_tree_node *node = expr_memory(NULL, sizeof(*node) + branch_size(low->num) + len);
    memcpy(node, low, sizeof(*low) + branch_size(low->num));
    node->label_len = len;
    char *label = label_of(node);
    memcpy(label, label_of(high), high->label_len);
    label[high->label_len] = (char)byte;
    memcpy(label + high->label_len + 1, label_of(low), low->label_len);
    free(high);
    free(low);
    *ref = node;
}

expr_spot *expr_tree_spot(struct expr_tree *tree, struct slice key)
{
    struct expr_tree_node **ref = &tree->root;
    must(key.len < UINT32_MAX && tree->num < UINT32_MAX);
    tree->max_len = (uint32_t)key.len > tree->max_len ? (uint32_t)key.len : tree->max_len;
    if (!*ref) {
        *ref = node_new(tree, key, 0, key.len, 0);
        tree->num++;
        return &(*ref)->spot;
    }
    for (size_t at = 0;;) {
        uint32_t agrees = label_agrees(tree, *ref, key, at);
        if (agrees < (*ref)->label_len)
            label_split(ref, agrees);
        at += agrees;
        if (at == key.len) {
            tree->num += !(*ref)->spot;
            return &(*ref)->spot;
        }
        uint8_t byte = byte_at(tree, key, at++);
        if (!child_of(*ref, byte)) {
            struct expr_tree_node *leaf = node_new(tree, key, at, key.len - at, 0);
            child_add(ref, byte, leaf);
            tree->num++;
            return &leaf->spot;
        }
        ref = &(*ref)->branch->nodes[branch_rank(*ref, byte)];
    }
}

expr_spot *expr_tree_find(const struct expr_tree *tree, struct slice key)
{
    struct expr_tree_node *node = tree->root;
    for (size_t at = 0; node;) {
        if (node->label_len && !label_is(tree, node, key, at))
            return NULL;
        at += node->label_len;
        if (at == key.len)
            return node->spot ? &node->spot : NULL;
        node = child_of(node, byte_at(tree, key, at++));
    }
    return NULL;
}

void expr_tree_remove(struct expr_tree *tree, struct slice key)
{
    struct expr_tree_node **ref = &tree->root, **parent = NULL;
    uint8_t byte = 0;
    for (size_t at = (*ref)->label_len; at < key.len; at += (*ref)->label_len) {
        byte = byte_at(tree, key, at++);
        parent = ref;
        ref = &(*ref)->branch->nodes[branch_rank(*ref, byte)];
    }
    must(!(*ref)->spot);
    tree->num--;
    if ((*ref)->num == 0) {
        free(*ref);
        *ref = NULL;
        if (!parent)
            return;
        child_remove(parent, byte);
        ref = parent;
    }
    if ((*ref)->num == 1 && !(*ref)->spot)
        child_merge(ref);
}

// Inlined twice, so that the plain way to read bytes asks no questions for each.
static inline __attribute__((always_inline)) expr_spot longest(const struct expr_tree *tree, struct slice subject)
{
    const struct expr_tree_node *node = tree->root;
    expr_spot found = 0;
    for (size_t at = 0; node;) {
        if (node->label_len && !label_is(tree, node, subject, at))
            break;
        at += node->label_len;
        found = node->spot ? node->spot : found;
        if (at == subject.len)
            break;
        node = child_of(node, byte_at(tree, subject, at++));
    }
    return found;
}

enum { TREE_SPELL_MAX = 256 };

static inline void spell_word(const struct expr_tree *tree, char *out, struct slice subject, size_t at)
{
    uint64_t word =
        tree->backward ? __builtin_bswap64(fold_load(subject.ptr + subject.len - at - 8)) : fold_load(subject.ptr + at);
    word = tree->nocase ? fold_word(word) : word;
    memcpy(out + at, &word, sizeof(word));
}

// spell makes `*subject` what labels are spelled like, as far as any key goes, in `out`: to do so once is less work
// than in each node on the way. False where it is too long for that.
static bool spell(const struct expr_tree *tree, char out[TREE_SPELL_MAX], struct slice *subject)
{
    size_t len = subject->len < tree->max_len ? subject->len : tree->max_len, at = 0;
    if (!tree->nocase && !tree->backward)
        return true;
    if (len > TREE_SPELL_MAX)
        return false;
    for (; at + 8 <= len; at += 8)
        spell_word(tree, out, *subject, at);
    if (len >= 8 && at < len)
        spell_word(tree, out, *subject, len - 8);
    for (; len < 8 && at < len; at++)
        out[at] = (char)byte_at(tree, *subject, at);
    *subject = slice_of(out, len);
    return true;
}

expr_spot expr_tree_longest(const struct expr_tree *tree, struct slice subject)
{
    const struct expr_tree plain = { .root = tree->root };
    char spelled[TREE_SPELL_MAX];
    return spell(tree, spelled, &subject) ? longest(&plain, subject) : longest(tree, subject);
}

static inline __attribute__((always_inline)) const struct expr_entry *first(const struct expr_tree *tree,
                                                                            struct slice subject)
{
    const struct expr_tree_node *node = tree->root;
    const struct expr_entry *found = NULL;
    for (size_t at = 0; node;) {
        if (node->label_len && !label_is(tree, node, subject, at))
            break;
        at += node->label_len;
        const struct expr_entry *entry = node->spot ? expr_spot_first(node->spot) : NULL;
        if (entry && (!found || entry->order < found->order))
            found = entry;
        if (at == subject.len)
            break;
        node = child_of(node, byte_at(tree, subject, at++));
    }
    return found;
}

const struct expr_entry *expr_tree_first(const struct expr_tree *tree, struct slice subject)
{
    const struct expr_tree plain = { .root = tree->root };
    char spelled[TREE_SPELL_MAX];
    return spell(tree, spelled, &subject) ? first(&plain, subject) : first(tree, subject);
}

expr_spot expr_tree_pick(const struct expr_tree *tree, struct slice subject,
                         expr_spot (*pick)(expr_spot spot, int next))
{
    const struct expr_tree like = { .root = tree->root };
    const struct expr_tree_node *node = tree->root;
    expr_spot found = 0;
    for (size_t at = 0; node;) {
        if (node->label_len && !label_is(&like, node, subject, at))
            break;
        at += node->label_len;
        int next = at < subject.len ? (uint8_t)subject.ptr[at] : -1;
        expr_spot spot = node->spot ? pick(node->spot, next) : 0;
        found = spot ? spot : found;
        if (next < 0)
            break;
        node = child_of(node, (uint8_t)next);
        at++;
    }
    return found;
}
