// SPDX-License-Identifier: Apache-2.0
// What key an entry has. It does not change while there is a reference to it.
#include "stick_inner.h"

struct slice stick_entry_key(const struct stick_table *table, const struct stick_entry *entry)
{
    uint32_t len = entry->key_len < table->conf->key_len ? entry->key_len : table->conf->key_len;
    return slice_of(stick_key_of(table, entry), len);
}

void stick_entry_sample(struct expr_sample *out, const struct stick_table *table, const struct stick_entry *entry)
{
    struct slice key = stick_entry_key(table, entry);
    uint32_t num;
    switch ((enum stick_type)table->conf->type) {
    case STICK_IP:
    case STICK_IPV6:
        *out = (struct expr_sample){ .type = EXPR_ADDR, .addr.family = key.len == 4 ? 4 : 6 };
        memcpy(out->addr.bytes, key.ptr, key.len);
        break;
    case STICK_INTEGER:
        memcpy(&num, key.ptr, sizeof(num));
        *out = (struct expr_sample){ .type = EXPR_INT, .num = num };
        break;
    case STICK_STRING:
    case STICK_BINARY:
        *out = (struct expr_sample){ .type = table->conf->type == STICK_STRING ? EXPR_STR : EXPR_BIN, .str = key };
        break;
    }
}
