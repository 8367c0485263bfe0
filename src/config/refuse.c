// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/check.h"
#include "config/line.h"

const struct config_refusal *config_refusal_at(size_t i)
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
    for (size_t t = 0; t < NUM_ITEMS(tables); i -= tables[t++].num)
        if (i < tables[t].num)
            return &tables[t].table[i];
    return NULL;
}

const char *config_refuse_reason(const char *name, uint32_t in)
{
    const struct config_refusal *row;
    for (size_t i = 0; (row = config_refusal_at(i)); i++)
        if ((in ? row->in & in : row->in == 0) && strcmp(row->name, name) == 0)
            return row->reason ? row->reason : "is a HAProxy keyword that fairlead does not support yet";
    return NULL;
}
