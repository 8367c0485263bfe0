// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void net_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

void net_usage(const char *text)
{
    fprintf(stderr, "usage: %s\n", text);
    exit(2);
}

uint64_t net_number(const char *text, uint64_t max)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > max)
        errno = ERANGE;
    if (errno != 0)
        net_die(text);
    return value;
}

uint64_t net_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void set_option(int fd, int level, int name)
{
    int one = 1;

    if (setsockopt(fd, level, name, &one, sizeof(one)) != 0)
        net_die("setsockopt");
}

int net_listen(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(NET_LOOPBACK),
    };
    socklen_t address_len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        net_die("socket");
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        net_die("bind");
    if (listen(fd, 4096) != 0)
        net_die("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &address_len) != 0)
        net_die("getsockname");
    printf("port %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int net_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
            return -1;
        net_die("accept");
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    return fd;
}

int net_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(NET_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

void net_raise_nofile(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        net_die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        net_die("setrlimit");
}
