// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"
#include "os/listen.h"

enum { LISTEN_TCP_FLAGS = 13, LISTEN_TCP_SYN = 0x02, LISTEN_TCP_ACK = 0x10 };

uint32_t os_listen_waiting(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof(info);
    // Of a listening socket the kernel gives the length of its queue there.
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || info.tcpi_state != TCP_LISTEN)
        return 0;
    return info.tcpi_unacked;
}

// The filter of a listening socket sees TCP headers: a first segment is dropped, whatever belongs to a handshake that
// began before goes through.
void os_listen_block(int fd, const struct os_listen *spec)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, LISTEN_TCP_FLAGS),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, LISTEN_TCP_SYN | LISTEN_TCP_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LISTEN_TCP_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = { .len = NUM_ITEMS(code), .filter = code };
    if (spec->kind == OS_LISTEN_TCP)
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    else if (spec->kind != OS_LISTEN_FD)
        shutdown(fd, SHUT_RD);
}

void os_listen_unblock(int fd)
{
    const int none = 0;
    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
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
