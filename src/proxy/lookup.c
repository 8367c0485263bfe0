// SPDX-License-Identifier: Apache-2.0
// Backends by names that only a request knows: a hash table of open addresses, at most half full.
#include <string.h>
#include "proxy/conf.h"

static uint32_t hash_name(struct slice name)
{
    uint32_t hash = 0x811c9dc5; // FNV-1a
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 0x01000193;
    return hash;
}

void proxy_backends_index(struct program_conf *program)
{
    uint32_t size = 2;
    while (size < 2 * program->num_proxies)
        size *= 2;
    program->backends = arena_alloc(program->arena, size * sizeof(struct proxy_conf *));
    program->backends_mask = size - 1;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (!proxy->has_backend || proxy->disabled)
            continue;
        uint32_t at = hash_name(slice_str(proxy->name));
        while (program->backends[at & program->backends_mask])
            at++;
        program->backends[at & program->backends_mask] = proxy;
    }
}

const struct proxy_conf *proxy_backend_named(const struct program_conf *program, struct slice name)
{
    uint32_t at = hash_name(name);
    const struct proxy_conf *proxy;
    while ((proxy = program->backends[at & program->backends_mask]) && !slice_equal(slice_str(proxy->name), name))
        at++;
    return proxy;
}
