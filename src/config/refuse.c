// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/check.h"
#include "config/line.h"

static const struct config_refusal *refuse_find(const struct config_refusal *table, size_t num, const char *name,
                                                uint32_t in)
{
    for (size_t i = 0; i < num; i++) {
        if ((in ? table[i].in & in : table[i].in == 0) && strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const char *config_refuse_reason(const char *name, uint32_t in)
{
    const struct {
        const struct config_refusal *table;
        size_t num;
    } tables[] = {
        { config_refuse_global, config_refuse_global_num },
        { config_refuse_proxy, config_refuse_proxy_num },
        { config_refuse_rule, config_refuse_rule_num },
        { config_refuse_option, config_refuse_option_num },
    };
    for (size_t i = 0; i < NUM_ITEMS(tables); i++) {
        const struct config_refusal *refusal = refuse_find(tables[i].table, tables[i].num, name, in);
        if (refusal)
            return refusal->reason ? refusal->reason : "is a HAProxy keyword that fairlead does not support yet";
    }
    return NULL;
}
