// SPDX-License-Identifier: Apache-2.0
#include "proxy/session.h"

const struct transport_address *proxy_session_dst(struct proxy_session *session)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    if (session->dst.family == AF_UNSPEC && getsockname(session->fd, (struct sockaddr *)&storage, &len) == 0)
        transport_address_from_sockaddr(&session->dst, (struct sockaddr *)&storage, len);
    return &session->dst;
}
