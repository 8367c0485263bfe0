// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "proxy/session.h"

void proxy_session_count_error(const struct proxy_session *session, enum proxy_counter class)
{
    proxy_session_count(session, PROXY_COUNT_REQ_ERRORS, 1);
    proxy_session_count(session, class, 1);
}

const struct transport_address *proxy_session_dst(struct proxy_session *session)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (session->dst.family == AF_UNSPEC && getsockname(session->fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&session->dst, (struct sockaddr *)&storage, len);
    return &session->dst;
}

// Kept as in PROXY protocol version 2, section 2.2.6: type, length in network order, value.
enum { TLV_HEAD_LEN = 3 };

bool proxy_session_keep_tlvs(struct proxy_session *session, const struct transport_proxy_info *info)
{
    size_t len = 0;
    for (uint32_t i = 0; i < info->num_tlvs; i++)
        len += TLV_HEAD_LEN + info->tlvs[i].value.len;
    if (!len)
        return true;
    char *pos = session->tlvs = malloc(len);
    if (!pos)
        return false;
    session->tlvs_len = (uint32_t)len;
    for (uint32_t i = 0; i < info->num_tlvs; i++) {
        struct slice value = info->tlvs[i].value;
        *pos++ = (char)info->tlvs[i].type;
        *pos++ = (char)(value.len >> 8);
        *pos++ = (char)value.len;
        if (value.len)
            memcpy(pos, value.ptr, value.len);
        pos += value.len;
    }
    return true;
}

struct slice proxy_session_tlv(const struct proxy_session *session, uint8_t type)
{
    const unsigned char *pos = (const unsigned char *)session->tlvs;
    const unsigned char *end = pos + session->tlvs_len;
    while (pos < end) {
        size_t len = (size_t)pos[1] << 8 | pos[2];
        if (pos[0] == type)
            return slice_of((const char *)pos + TLV_HEAD_LEN, len);
        pos += TLV_HEAD_LEN + len;
    }
    return (struct slice){ 0 };
}

void proxy_session_fini(struct proxy_session *session)
{
    free(session->tlvs);
    session->tlvs = NULL;
    session->tlvs_len = 0;
}
