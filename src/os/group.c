// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "os/steer.h"

enum { GROUP_ROOM = 32768, GROUP_TIMEOUT_S = 1 };

struct group_request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static uint16_t port_of(const struct os_listen *spec)
{
    return spec->address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&spec->address)->sin6_port
                                               : ((const struct sockaddr_in *)&spec->address)->sin_port;
}

static bool request_send(int fd, const struct os_listen *spec)
{
    struct group_request request = {
        .head = { .nlmsg_len = sizeof(request),
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .body = { .sdiag_family = (uint8_t)spec->address.ss_family,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_ext = 0,
                  .idiag_states = 1 << TCP_LISTEN,
                  .id = { .idiag_sport = port_of(spec) } },
    };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    return sendto(fd, &request, sizeof(request), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) ==
           (ssize_t)sizeof(request);
}

// Whether an IPv6 wildcard takes IPv4 too; the kernel tells with each IPv6 socket.
static bool v6only_of(const struct inet_diag_msg *found, size_t len)
{
    const struct rtattr *at = (const struct rtattr *)(found + 1);
    for (; RTA_OK(at, len); at = RTA_NEXT(at, len))
        if (at->rta_type == INET_DIAG_SKV6ONLY)
            return *(const uint8_t *)RTA_DATA(at);
    return false;
}

static bool is_there(const struct os_listen *spec, const struct inet_diag_msg *found, size_t attributes_len,
                     bool with_hidden)
{
    unsigned interface = spec->interface[0] ? if_nametoindex(spec->interface) : 0;
    bool hidden = found->id.idiag_if == OS_LISTEN_NOWHERE;
    if (found->idiag_state != TCP_LISTEN || found->id.idiag_sport != port_of(spec))
        return false;
    if (found->id.idiag_if != interface && !(hidden && with_hidden))
        return false;
    if (spec->address.ss_family == AF_INET)
        return memcmp(found->id.idiag_src, &((const struct sockaddr_in *)&spec->address)->sin_addr, 4) == 0;
    struct os_listen other = *spec;
    other.flags = v6only_of(found, attributes_len) ? OS_LISTEN_V6ONLY : OS_LISTEN_V4V6;
    return memcmp(found->id.idiag_src, &((const struct sockaddr_in6 *)&spec->address)->sin6_addr, 16) == 0 &&
           os_listen_same(&other, spec);
}

// Adds what one datagram tells to `*num`. False where nothing more will come; `*num` is -1 after an error.
static bool answer_read(int *num, const struct os_listen *spec, const char *data, size_t len, bool with_hidden)
{
    for (const struct nlmsghdr *head = (const struct nlmsghdr *)data; NLMSG_OK(head, len);
         head = NLMSG_NEXT(head, len)) {
        const struct inet_diag_msg *found = NLMSG_DATA(head);
        if (head->nlmsg_type == NLMSG_DONE)
            return false;
        if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_len < NLMSG_LENGTH(sizeof(*found))) {
            *num = -1;
            return false;
        }
        *num += is_there(spec, found, head->nlmsg_len - NLMSG_LENGTH(sizeof(*found)), with_hidden);
    }
    return true;
}

int os_steer_count(const struct os_listen *spec, bool with_hidden)
{
    static _Alignas(struct nlmsghdr) char data[GROUP_ROOM];
    const struct timeval timeout = { .tv_sec = GROUP_TIMEOUT_S };
    int num = 0;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    bool more = request_send(fd, spec);
    if (!more)
        num = -1;
    while (more) {
        ssize_t len = recv(fd, data, sizeof(data), 0);
        if (len < 0 && errno == EINTR)
            continue;
        more = len > 0 && answer_read(&num, spec, data, (size_t)len, with_hidden);
        if (len <= 0)
            num = -1;
    }
    close(fd);
    return num;
}
