// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/check.h"
#include "os/pass.h"

union pass_control {
    struct cmsghdr head;
    char room[CMSG_SPACE(OS_PASS_MAX_FDS * sizeof(int))];
};

bool os_pass_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0;
}

enum io os_pass_send(int fd, const void *data, size_t len, const int *fds, size_t num_fds)
{
    union pass_control control = { 0 };
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    must(len > 0 && num_fds <= OS_PASS_MAX_FDS);
    if (num_fds) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
        memcpy(CMSG_DATA(head), fds, num_fds * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return IO_OK;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS ? IO_AGAIN : IO_FAIL;
}

static size_t fds_take(struct msghdr *msg, int *fds)
{
    size_t num = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        must(num + here <= OS_PASS_MAX_FDS);
        memcpy(fds + num, CMSG_DATA(head), here * sizeof(int));
        num += here;
    }
    return num;
}

enum io os_pass_receive(int fd, void *data, size_t *len, int *fds, size_t *num_fds, size_t cap)
{
    union pass_control control;
    struct iovec iov = { .iov_base = data, .iov_len = cap };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t got;
    *len = *num_fds = 0;
    do
        got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : errno == ECONNRESET ? IO_EOF : IO_FAIL;
    if (got == 0)
        return IO_EOF;
    *num_fds = fds_take(&msg, fds);
    *len = (size_t)got;
    if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return IO_OK;
    for (size_t i = 0; i < *num_fds; i++)
        close(fds[i]);
    *len = *num_fds = 0;
    errno = EMSGSIZE;
    return IO_FAIL;
}
