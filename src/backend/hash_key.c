// SPDX-License-Identifier: Apache-2.0
#include "backend/hash_key.h"

#include "base/hash.h"
#include "expr/sample.h"

uint32_t backend_hash_key(const struct balance_conf *conf, struct slice key)
{
    struct expr_sample text = { .type = EXPR_STR, .str = key };
    int64_t num = 0;
    uint32_t hash;
    switch (conf->function) {
    case PROXY_HASH_DJB2:
        hash = hash_djb2(key);
        break;
    case PROXY_HASH_WT6:
        hash = hash_wt6(key);
        break;
    case PROXY_HASH_CRC32:
        hash = hash_crc32(0, key);
        break;
    case PROXY_HASH_NONE:
        (void)expr_sample_int(&text, &num);
        hash = (uint32_t)num;
        break;
    default:
        hash = hash_sdbm(key);
        break;
    }
    return conf->avalanche ? hash_avalanche(hash) : hash;
}
