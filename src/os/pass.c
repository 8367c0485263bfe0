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

// The kernel puts the sender first, where it was asked for, and cuts the descriptors to what is left.
union pass_control_in {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(OS_PASS_MAX_FDS * sizeof(int))];
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

bool os_pass_identify(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0;
}

// Without the sender there is room for more descriptors than are wanted; those that are too many are closed.
static bool control_take(struct msghdr *msg, int *fds, size_t *num_fds, pid_t *sender)
{
    bool fits = true;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
        size_t len = head->cmsg_len - CMSG_LEN(0);
        if (head->cmsg_level != SOL_SOCKET)
            continue;
        if (head->cmsg_type == SCM_CREDENTIALS && len == sizeof(struct ucred)) {
            struct ucred from;
            memcpy(&from, CMSG_DATA(head), sizeof(from));
            *sender = from.pid;
        }
        for (size_t i = 0; head->cmsg_type == SCM_RIGHTS && i < len / sizeof(int); i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
            if (*num_fds < OS_PASS_MAX_FDS) {
                fds[(*num_fds)++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

enum io os_pass_receive_from(int fd, void *data, size_t *len, int *fds, size_t *num_fds, pid_t *sender, size_t cap)
{
    union pass_control_in control;
    struct iovec iov = { .iov_base = data, .iov_len = cap };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t got;
    *len = *num_fds = 0;
    *sender = 0;
    do
        got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? IO_AGAIN : errno == ECONNRESET ? IO_EOF : IO_FAIL;
    bool fits = control_take(&msg, fds, num_fds, sender);
    // A message without a byte is no end: that has no sender.
    if (got == 0 && fits && !*sender && !*num_fds)
        return IO_EOF;
    *len = (size_t)got;
    if (fits && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return IO_OK;
    // Descriptors that were cut off although there was room for them are our own limit's, not the sender's fault.
    bool by_limit = fits && !(msg.msg_flags & MSG_TRUNC) && *num_fds < OS_PASS_MAX_FDS;
    for (size_t i = 0; i < *num_fds; i++)
        close(fds[i]);
    *len = *num_fds = 0;
    errno = by_limit ? EMFILE : EMSGSIZE;
    return IO_FAIL;
}

enum io os_pass_receive(int fd, void *data, size_t *len, int *fds, size_t *num_fds, size_t cap)
{
    pid_t sender;
    return os_pass_receive_from(fd, data, len, fds, num_fds, &sender, cap);
}
