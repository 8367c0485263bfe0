// SPDX-License-Identifier: Apache-2.0
// Feeds the PROXY header parser: the answer must not depend on how the bytes arrive, what was parsed must survive being
// built and parsed again, and what is built from arbitrary addresses and TLVs must parse to the same.
#include <stdlib.h>

#include "base/check.h"
#include "transport/proxy_protocol.h"

static char built[TRANSPORT_PROXY_V2_MAX];

static bool same_address(const union transport_proxy_address *a, const union transport_proxy_address *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    switch (a->sa.sa_family) {
    case AF_INET:
        return a->in4.sin_port == b->in4.sin_port && a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    case AF_INET6:
        return a->in6.sin6_port == b->in6.sin6_port && memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
    case AF_UNIX:
        return memcmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path)) == 0;
    }
    return true;
}

static void check_splits(struct slice data)
{
    struct transport_proxy_info info;
    const char *reason, *whole_reason;
    size_t used, whole_used;
    enum transport_proxy_parse whole = transport_proxy_read(&info, &whole_used, &whole_reason, data);
    must((whole == TRANSPORT_PROXY_BAD) == (whole_reason != NULL));
    must(whole == TRANSPORT_PROXY_DONE ? whole_used > 0 && whole_used <= data.len : whole_used == 0);
    bool ended = false;
    for (size_t len = 0; len <= data.len; len++) {
        enum transport_proxy_parse part = transport_proxy_read(&info, &used, &reason, slice_of(data.ptr, len));
        if (part == TRANSPORT_PROXY_MORE) {
            must(!ended);
            continue;
        }
        ended = true;
        must(part == whole && used == whole_used);
        must(part != TRANSPORT_PROXY_DONE || len >= used);
    }
    must(ended == (whole != TRANSPORT_PROXY_MORE));
}

// Builds `what` and checks that parsing gives it back; `info` is what it was made of.
static void check_round(const struct transport_proxy_write *what, const struct transport_proxy_info *info)
{
    struct transport_proxy_info again;
    const char *reason;
    size_t used, len = transport_proxy_build(built, sizeof(built), what);
    must(len > 0);
    must(transport_proxy_read(&again, &used, &reason, slice_of(built, len)) == TRANSPORT_PROXY_DONE);
    must(used == len && again.version == what->version && again.local == info->local);
    must(same_address(&again.src, &info->src) && same_address(&again.dst, &info->dst));
    if (what->version == 1)
        return;
    uint32_t at = 0;
    if (what->crc32c)
        must(again.tlvs[at++].type == TRANSPORT_PROXY_TLV_CRC32C);
    if (what->authority.len)
        must(slice_equal(again.tlvs[at++].value, what->authority));
    if (what->unique_id.len)
        must(slice_equal(again.tlvs[at++].value, what->unique_id));
    for (uint32_t i = 0; i < what->num_tlvs; i++) {
        if (what->tlvs[i].type == TRANSPORT_PROXY_TLV_CRC32C)
            continue;
        must(again.tlvs[at].type == what->tlvs[i].type);
        must(slice_equal(again.tlvs[at++].value, what->tlvs[i].value));
    }
    must(at == again.num_tlvs);
}

static void check_rebuild(struct slice data)
{
    struct transport_proxy_info info;
    const char *reason;
    size_t used;
    if (transport_proxy_read(&info, &used, &reason, data) != TRANSPORT_PROXY_DONE)
        return;
    struct transport_proxy_write what = { .version = info.version,
                                          .local = info.local,
                                          .src = &info.src,
                                          .dst = &info.dst,
                                          .tlvs = info.tlvs,
                                          .num_tlvs = info.num_tlvs };
    for (uint32_t i = 0; i < info.num_tlvs; i++)
        what.crc32c = what.crc32c || info.tlvs[i].type == TRANSPORT_PROXY_TLV_CRC32C;
    check_round(&what, &info);
}

static size_t take(void *into, size_t want, struct slice *from)
{
    size_t len = want < from->len ? want : from->len;
    if (len)
        memcpy(into, from->ptr, len);
    *from = slice_from(*from, len);
    return len;
}

// A header made of the input's bytes as addresses and TLVs.
static void check_build(struct slice data)
{
    static const sa_family_t families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX };
    struct transport_proxy_info info = { 0 };
    struct transport_proxy_tlv tlvs[20];
    unsigned char how[4] = { 0 };
    take(how, sizeof(how), &data);
    struct transport_proxy_write what = {
        .version = how[0] & 1 ? 1 : 2, .local = how[0] & 2, .crc32c = how[0] & 4, .tlvs = tlvs
    };
    sa_family_t family = families[(how[0] >> 3) & 3];
    if (what.version == 1 && family == AF_UNIX)
        family = AF_UNSPEC;
    info.local = what.local || family == AF_UNSPEC;
    if (!info.local) {
        take((char *)&info.src + 2, sizeof(struct sockaddr_un) - 2, &data);
        take((char *)&info.dst + 2, sizeof(struct sockaddr_un) - 2, &data);
        info.src.sa.sa_family = info.dst.sa.sa_family = family;
        what.src = &info.src;
        what.dst = &info.dst;
    }
    what.unique_id = slice_of(data.ptr, how[1] % 129 < data.len ? how[1] % 129 : data.len);
    what.authority = slice_of(data.ptr, how[2] < data.len ? how[2] : data.len);
    while (data.len > 1 && what.num_tlvs < NUM_ITEMS(tlvs)) {
        unsigned char head[2];
        take(head, 2, &data);
        struct slice value = slice_of(data.ptr, head[1] < data.len ? head[1] : data.len);
        if (head[0] == TRANSPORT_PROXY_TLV_UNIQUE_ID && value.len > TRANSPORT_PROXY_UNIQUE_ID_MAX)
            value.len = TRANSPORT_PROXY_UNIQUE_ID_MAX;
        data = slice_from(data, value.len);
        tlvs[what.num_tlvs++] = (struct transport_proxy_tlv){ .type = head[0], .value = value };
    }
    check_round(&what, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len > 4096)
        return 0;
    struct slice data = slice_of((const char *)bytes, len);
    check_splits(data);
    check_rebuild(data);
    check_build(data);
    return 0;
}
