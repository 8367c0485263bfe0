// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/entry.h"

void *expr_memory(void *old, size_t len)
{
    void *out = realloc(old, len);
    if (!out)
        check_out_of_memory(len);
    return out;
}

void *expr_memory_zeroed(size_t num, size_t len)
{
    void *out = calloc(num, len);
    if (!out)
        check_out_of_memory(num * len);
    return out;
}

char *expr_text_new(struct slice text)
{
    char *out = expr_memory(NULL, text.len + 1);
    if (text.len)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return out;
}

struct expr_entry *expr_entry_new(struct slice key, struct slice value, uint64_t order, uint32_t line)
{
    must(key.len < UINT32_MAX && value.len < UINT32_MAX);
    struct expr_entry *entry = expr_memory(NULL, sizeof(*entry) + key.len + 1);
    *entry = (struct expr_entry){ .order = order, .line = line, .key_len = (uint32_t)key.len };
    if (key.len)
        memcpy(entry->key, key.ptr, key.len);
    entry->key[key.len] = '\0';
    if (value.len)
        expr_entry_set_value(entry, value);
    return entry;
}

void expr_entry_set_value(struct expr_entry *entry, struct slice value)
{
    // The new one may be a part of the old one.
    char *old = entry->value;
    entry->value = expr_text_new(value);
    entry->value_len = (uint32_t)value.len;
    free(old);
}

void expr_entry_free(struct expr_entry *entry)
{
    free(entry->value);
    free(entry);
}

void expr_spot_add(expr_spot *spot, struct expr_entry *entry)
{
    if (!*spot) {
        *spot = (expr_spot)entry;
        return;
    }
    struct expr_spot_many *many = expr_spot_many(*spot);
    if (!many) {
        many = expr_memory(NULL, sizeof(*many) + 2 * sizeof(many->entries[0]));
        *many = (struct expr_spot_many){ .num = 1, .cap = 2 };
        many->entries[0] = (struct expr_entry *)*spot;
    } else if (many->num == many->cap) {
        many->cap *= 2;
        many = expr_memory(many, sizeof(*many) + many->cap * sizeof(many->entries[0]));
    }
    many->entries[many->num++] = entry;
    *spot = (expr_spot)many | EXPR_SPOT_MANY;
}

void expr_spot_del(expr_spot *spot, const struct expr_entry *entry)
{
    struct expr_spot_many *many = expr_spot_many(*spot);
    if (!many) {
        must(*spot == (expr_spot)entry);
        *spot = 0;
        return;
    }
    uint32_t i = 0;
    while (i < many->num && many->entries[i] != entry)
        i++;
    must(i < many->num);
    memmove(&many->entries[i], &many->entries[i + 1], (many->num - i - 1) * sizeof(many->entries[0]));
    if (--many->num > 1)
        return;
    *spot = (expr_spot)many->entries[0];
    free(many);
}

void expr_spot_fini(expr_spot spot)
{
    free(expr_spot_many(spot));
}
