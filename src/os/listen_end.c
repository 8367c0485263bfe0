// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "os/listen.h"
#include "os/quiet.h"

uint32_t os_listen_waiting(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    int domain = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){ sizeof(domain) }) == 0 && domain == AF_UNIX)
        return poll(&ready, 1, 0) == 1 && ready.revents == POLLIN;
    // Of a listening socket the kernel gives the length of its queue there.
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_state != TCP_LISTEN)
        return 0;
    return info.tcpi_unacked;
}

void os_listen_block(int fd, const struct os_listen *spec)
{
    if (spec->kind == OS_LISTEN_TCP)
        os_listen_quiet(fd);
    else if (spec->kind != OS_LISTEN_FD)
        shutdown(fd, SHUT_RD);
}

void os_listen_unblock(int fd)
{
    const int none = 0;
    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
}

// The kernel passes a socket over whose interface is not the one that a connection comes by. What is under way is not
// looked up again, and those that were made have their own.
void os_listen_hide(int fd)
{
    const int nowhere = OS_LISTEN_NOWHERE;
    setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &nowhere, sizeof(nowhere));
}

uint64_t os_listen_file(const struct os_listen *spec)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&spec->address;
    struct stat st;
    bool there = spec->kind == OS_LISTEN_UNIX && lstat(un->sun_path, &st) == 0 && S_ISSOCK(st.st_mode);
    return there ? (uint64_t)st.st_ino : 0;
}

void os_listen_unlink(const struct os_listen *spec, uint64_t file)
{
    if (file && os_listen_file(spec) == file)
        unlink(((const struct sockaddr_un *)&spec->address)->sun_path);
}

bool os_listen_is_deserted(const struct os_listen *spec)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool deserted =
        connect(fd, (const struct sockaddr *)&spec->address, spec->address_len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return deserted;
}

void os_listen_close(int take_fd, const struct os_listen *spec, uint64_t file)
{
    os_listen_unlink(spec, file);
    if (spec->kind != OS_LISTEN_FD)
        shutdown(take_fd, SHUT_RDWR);
    close(take_fd);
}

static int int_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

bool os_listen_fits(int fd, const struct os_listen *spec)
{
    struct sockaddr_storage name = { 0 };
    socklen_t len = sizeof(name);
    if (int_option(fd, SO_TYPE) != SOCK_STREAM || int_option(fd, SO_ACCEPTCONN) != 1 ||
        getsockname(fd, (struct sockaddr *)&name, &len) < 0)
        return false;
    // A unix socket keeps the temporary name that it was bound to.
    if (spec->kind == OS_LISTEN_UNIX)
        return name.ss_family == AF_UNIX;
    if (spec->kind == OS_LISTEN_FD)
        return true;
    return len == spec->address_len && memcmp(&name, &spec->address, len) == 0;
}
