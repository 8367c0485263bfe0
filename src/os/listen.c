// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"
#include "os/listen.h"

enum { LISTEN_TFO_QUEUE = 1024, LISTEN_DEFER_SECONDS = 1 };

bool os_listen_is_per_slot(const struct os_listen *spec)
{
    return spec->kind == OS_LISTEN_TCP;
}

// What the system does where a line does not say.
static bool v6only_default(void)
{
    static int known = -1;
    int value = 0;
    socklen_t len = sizeof(value);
    int fd = known < 0 ? socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd >= 0) {
        known = getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len) == 0 && value;
        close(fd);
    }
    return known > 0;
}

// The kernel asks only for the wildcard: any other IPv6 address takes IPv6 alone.
static bool is_v6only(const struct os_listen *spec)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&spec->address;
    if (spec->address.ss_family != AF_INET6)
        return false;
    if (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        return !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
    return spec->flags & OS_LISTEN_V6ONLY || (!(spec->flags & OS_LISTEN_V4V6) && v6only_default());
}

// For TCP this is what the kernel makes one group of: two places that differ here have groups of their own.
bool os_listen_same(const struct os_listen *a, const struct os_listen *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == OS_LISTEN_FD)
        return a->fd == b->fd;
    return a->address_len == b->address_len && memcmp(&a->address, &b->address, a->address_len) == 0 &&
           is_v6only(a) == is_v6only(b) && strcmp(a->interface, b->interface) == 0;
}

static void inet_text(char *text, const struct os_listen *spec)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (spec->address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&spec->address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(text, OS_LISTEN_TEXT_LEN, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)&spec->address;
        inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
        snprintf(text, OS_LISTEN_TEXT_LEN, "%s:%u", host, ntohs(in4->sin_port));
    }
}

void os_listen_text(char *text, const struct os_listen *spec)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&spec->address;
    int path_len = (int)spec->address_len - (int)offsetof(struct sockaddr_un, sun_path);
    switch (spec->kind) {
    case OS_LISTEN_TCP:
        inet_text(text, spec);
        break;
    case OS_LISTEN_UNIX:
        snprintf(text, OS_LISTEN_TEXT_LEN, "unix@%.*s", path_len, un->sun_path);
        break;
    case OS_LISTEN_ABNS:
        snprintf(text, OS_LISTEN_TEXT_LEN, "abns@%.*s", path_len - 1, un->sun_path + 1);
        break;
    default:
        snprintf(text, OS_LISTEN_TEXT_LEN, "fd@%d", spec->fd);
    }
}

static int fail(int take_fd, const struct os_listen *spec, char *error, const char *what)
{
    int saved = errno;
    char text[OS_LISTEN_TEXT_LEN];
    const char *advice = "";
    if (spec->kind == OS_LISTEN_TCP && saved == EACCES)
        advice = " (a low port needs root, or cap_net_bind_service: see 'setcap')";
    else if (spec->kind == OS_LISTEN_TCP && saved == EPERM)
        advice = " (it needs root, or cap_net_raw: see 'setcap')";
    os_listen_text(text, spec);
    snprintf(error, OS_LISTEN_ERROR_LEN, "%s for [%s]: %s%s", what, text, strerror(saved), advice);
    if (take_fd >= 0)
        close(take_fd);
    errno = saved;
    return -1;
}

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// A worker that shares the socket must find it non-blocking, and children get it by message only, never by exec.
static int stream_socket(const struct os_listen *spec)
{
    return socket(spec->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static const char *inet_identity(int fd, const struct os_listen *spec)
{
    bool is_v6 = spec->address.ss_family == AF_INET6;
    if (spec->interface[0] &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, spec->interface, (socklen_t)strlen(spec->interface) + 1) < 0)
        return "cannot bind to interface";
    if (is_v6 && (spec->flags & (OS_LISTEN_V6ONLY | OS_LISTEN_V4V6)) &&
        !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (spec->flags & OS_LISTEN_V6ONLY) != 0))
        return "cannot choose IPv6 only";
    if ((spec->flags & OS_LISTEN_TRANSPARENT) &&
        !(is_v6 ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : set(fd, IPPROTO_IP, IP_TRANSPARENT, 1)))
        return "cannot listen transparently";
    return NULL;
}

bool os_listen_probe(const struct os_listen *spec, char *error)
{
    if (spec->kind != OS_LISTEN_TCP)
        return true;
    int fd = stream_socket(spec);
    if (fd < 0) {
        fail(fd, spec, error, "cannot create a socket");
        return false;
    }
    const char *what = set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ? inet_identity(fd, spec) : "cannot reuse the address";
    if (!what && bind(fd, (const struct sockaddr *)&spec->address, spec->address_len) < 0)
        what = "cannot bind socket";
    if (what) {
        fail(fd, spec, error, what);
        return false;
    }
    close(fd);
    return true;
}

static int backlog_of(const struct os_listen *spec)
{
    return spec->backlog && spec->backlog < INT32_MAX ? (int)spec->backlog : INT32_MAX;
}

static int tcp_open(const struct os_listen *spec, char *error)
{
    int fd = stream_socket(spec);
    if (fd < 0)
        return fail(fd, spec, error, "cannot create a socket");
    if (!set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return fail(fd, spec, error, "cannot share the address between workers");
    const char *what = inet_identity(fd, spec);
    if (what)
        return fail(fd, spec, error, what);
    if (spec->mss && !set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)spec->mss))
        return fail(fd, spec, error, "cannot set the segment size");
    if (bind(fd, (const struct sockaddr *)&spec->address, spec->address_len) < 0)
        return fail(fd, spec, error, "cannot bind socket");
    return fd;
}

static const char *unix_dress(const char *path, const struct os_listen *spec)
{
    if ((spec->flags & (OS_LISTEN_HAS_UID | OS_LISTEN_HAS_GID)) &&
        chown(path, spec->flags & OS_LISTEN_HAS_UID ? spec->uid : (uid_t)-1,
              spec->flags & OS_LISTEN_HAS_GID ? spec->gid : (gid_t)-1) < 0)
        return "cannot change the owner of the socket";
    if ((spec->flags & OS_LISTEN_HAS_MODE) && chmod(path, spec->mode) < 0)
        return "cannot change the mode of the socket";
    return NULL;
}

// Where a socket stands until it listens: a client must find either the old socket or the new one under the name,
// dressed and listening, at every moment.
static bool unix_temporary(struct sockaddr_un *temporary, const struct os_listen *spec)
{
    const struct sockaddr_un *wanted = (const struct sockaddr_un *)&spec->address;
    size_t path_len = strnlen(wanted->sun_path, sizeof(wanted->sun_path));
    *temporary = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int len = snprintf(temporary->sun_path, sizeof(temporary->sun_path), "%.*s.%d", (int)path_len, wanted->sun_path,
                       (int)getpid());
    return path_len < sizeof(wanted->sun_path) && len > 0 && (size_t)len < sizeof(temporary->sun_path);
}

static int unix_open(const struct os_listen *spec, char *error)
{
    const struct sockaddr_un *wanted = (const struct sockaddr_un *)&spec->address;
    struct sockaddr_un temporary;
    struct stat st;
    if (!unix_temporary(&temporary, spec)) {
        errno = ENAMETOOLONG;
        return fail(-1, spec, error, "cannot bind UNIX socket");
    }
    if (lstat(wanted->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return fail(-1, spec, error, "what stands there is no socket; cannot bind UNIX socket");
    }
    int fd = stream_socket(spec);
    if (fd < 0)
        return fail(fd, spec, error, "cannot create a socket");
    unlink(temporary.sun_path);
    if (bind(fd, (const struct sockaddr *)&temporary, sizeof(temporary)) < 0)
        return fail(fd, spec, error, "cannot bind UNIX socket");
    const char *what = unix_dress(temporary.sun_path, spec);
    if (what) {
        int saved = errno;
        unlink(temporary.sun_path);
        errno = saved;
        return fail(fd, spec, error, what);
    }
    return fd;
}

static int abns_open(const struct os_listen *spec, char *error)
{
    int fd = stream_socket(spec);
    if (fd < 0)
        return fail(fd, spec, error, "cannot create a socket");
    if (bind(fd, (const struct sockaddr *)&spec->address, spec->address_len) < 0)
        return fail(fd, spec, error, "cannot bind abstract socket");
    return fd;
}

static int inherited_open(const struct os_listen *spec, char *error)
{
    int type = 0;
    socklen_t len = sizeof(type);
    if (getsockopt(spec->fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return fail(-1, spec, error, "no socket was inherited");
    if (type != SOCK_STREAM) {
        errno = ESOCKTNOSUPPORT;
        return fail(-1, spec, error, "the inherited socket is no stream socket");
    }
    int fd = fcntl(spec->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return fail(-1, spec, error, "cannot keep the inherited socket");
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail(fd, spec, error, "cannot make the inherited socket non-blocking");
    return fd;
}

int os_listen_open(const struct os_listen *spec, char *error)
{
    switch (spec->kind) {
    case OS_LISTEN_TCP:
        return tcp_open(spec, error);
    case OS_LISTEN_UNIX:
        return unix_open(spec, error);
    case OS_LISTEN_ABNS:
        return abns_open(spec, error);
    default:
        return inherited_open(spec, error);
    }
}

static const char *tcp_adjust(int fd, const struct os_listen *spec)
{
    bool is_v6 = spec->address.ss_family == AF_INET6;
    bool transparent = spec->flags & OS_LISTEN_TRANSPARENT;
    set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, spec->flags & OS_LISTEN_DEFER_ACCEPT ? LISTEN_DEFER_SECONDS : 0);
    set(fd, IPPROTO_TCP, TCP_FASTOPEN, spec->flags & OS_LISTEN_TFO ? LISTEN_TFO_QUEUE : 0);
    set(fd, IPPROTO_TCP, TCP_MAXSEG, (int)spec->mss);
    // Accepted connections inherit it, which spares a call for each of them.
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return set(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, transparent)
               ? NULL
               : "cannot listen transparently";
}

bool os_listen_adjust(int fd, const struct os_listen *spec, char *error)
{
    const char *what = NULL;
    if (spec->kind == OS_LISTEN_TCP)
        what = tcp_adjust(fd, spec);
    else if (spec->kind == OS_LISTEN_UNIX)
        what = unix_dress(((const struct sockaddr_un *)&spec->address)->sun_path, spec);
    if (!what && listen(fd, backlog_of(spec)) < 0)
        what = "cannot listen";
    if (what)
        fail(-1, spec, error, what);
    return !what;
}

bool os_listen_begin(int fd, const struct os_listen *spec, char *error)
{
    const char *what = spec->kind == OS_LISTEN_TCP ? tcp_adjust(fd, spec) : NULL;
    struct sockaddr_un temporary;
    if (!what && listen(fd, backlog_of(spec)) < 0)
        what = "cannot listen to socket";
    if (!what && spec->kind == OS_LISTEN_UNIX &&
        (!unix_temporary(&temporary, spec) ||
         rename(temporary.sun_path, ((const struct sockaddr_un *)&spec->address)->sun_path) < 0))
        what = "cannot give UNIX socket its name";
    if (what)
        fail(-1, spec, error, what);
    return !what;
}

void os_listen_drop(int take_fd, const struct os_listen *spec)
{
    struct sockaddr_un temporary;
    if (spec->kind == OS_LISTEN_UNIX && unix_temporary(&temporary, spec))
        unlink(temporary.sun_path);
    close(take_fd);
}
