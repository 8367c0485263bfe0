// SPDX-License-Identifier: Apache-2.0
//
// The floor of the benchmark: a relay that accepts a connection, opens one of its own to the origin and moves bytes
// both ways with recv and send until both ends are done. It parses nothing, so that nothing which understands HTTP can
// be much cheaper. Edge-triggered, one registration per descriptor, a read that comes back short means drained.
#define _GNU_SOURCE
#include "net.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RELAY_BUFFER = 65536,
    RELAY_EVENTS = 256,
};

struct relay_pair;

struct relay_end {
    struct relay_pair *pair;
    int fd;
    bool read_closed; // nothing more comes from this end
    bool write_shut;  // the other end finished and everything of it was written here
    char *stash;      // bytes this end did not take yet, or NULL
    size_t stash_off, stash_len;
};

struct relay_pair {
    struct relay_end client, origin;
    struct relay_pair *next_dead;
};

static struct relay_pair *dead; // freed after the batch of events which may still name them
static char buffer[RELAY_BUFFER];

static struct relay_end *end_other(struct relay_end *end)
{
    return end == &end->pair->client ? &end->pair->origin : &end->pair->client;
}

static void pair_kill(struct relay_pair *pair)
{
    if (pair->client.fd < 0)
        return;
    close(pair->client.fd);
    close(pair->origin.fd);
    pair->client.fd = -1;
    pair->origin.fd = -1;
    pair->next_dead = dead;
    dead = pair;
}

static void dead_free(void)
{
    while (dead != NULL) {
        struct relay_pair *pair = dead;

        dead = pair->next_dead;
        free(pair->client.stash);
        free(pair->origin.stash);
        free(pair);
    }
}

// Returns false when the end is broken. A full socket leaves the rest in the stash.
static bool end_write(struct relay_end *end, const char *data, size_t len)
{
    ssize_t sent = send(end->fd, data, len, MSG_NOSIGNAL);

    if (sent == (ssize_t)len)
        return true;
    if (sent < 0) {
        if (errno != EAGAIN && errno != ENOTCONN)
            return false;
        sent = 0;
    }
    end->stash_len = len - (size_t)sent;
    end->stash_off = 0;
    end->stash = malloc(end->stash_len);
    if (end->stash == NULL)
        net_die("malloc");
    memcpy(end->stash, data + sent, end->stash_len);
    return true;
}

static bool end_flush(struct relay_end *end)
{
    while (end->stash != NULL) {
        ssize_t sent = send(end->fd, end->stash + end->stash_off, end->stash_len - end->stash_off, MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN;
        end->stash_off += (size_t)sent;
        if (end->stash_off == end->stash_len) {
            free(end->stash);
            end->stash = NULL;
        }
    }
    return true;
}

// Moves what `from` has to its other end, until one of them has no more to give or to take.
static bool end_pump(struct relay_end *from, bool expect_end)
{
    struct relay_end *to = end_other(from);

    while (to->stash == NULL && !from->read_closed) {
        ssize_t got = recv(from->fd, buffer, sizeof(buffer), 0);

        if (got < 0)
            return errno == EAGAIN || errno == ENOTCONN;
        if (got == 0)
            from->read_closed = true;
        else if (!end_write(to, buffer, (size_t)got))
            return false;
        else if ((size_t)got < sizeof(buffer) && !expect_end)
            break;
    }
    if (from->read_closed && to->stash == NULL && !to->write_shut) {
        to->write_shut = true;
        shutdown(to->fd, SHUT_WR);
    }
    return true;
}

static void end_event(struct relay_end *end, uint32_t events)
{
    bool ok = end->fd >= 0;

    if (!ok)
        return;
    if ((events & EPOLLOUT) != 0 && end->stash != NULL)
        ok = end_flush(end) && end_pump(end_other(end), true);
    if (ok && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        ok = end_pump(end, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    if (!ok || (end->pair->client.write_shut && end->pair->origin.write_shut))
        pair_kill(end->pair);
}

static void end_watch(int epoll_fd, struct relay_end *end)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end };

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, end->fd, &event) != 0)
        net_die("epoll_ctl");
}

static void relay_accept(int epoll_fd, int listen_fd, uint16_t origin_port)
{
    int fd;

    while ((fd = net_accept(listen_fd)) >= 0) {
        struct relay_pair *pair = calloc(1, sizeof(*pair));

        if (pair == NULL)
            net_die("calloc");
        pair->client.pair = pair;
        pair->origin.pair = pair;
        pair->client.fd = fd;
        pair->origin.fd = net_connect(origin_port);
        if (pair->origin.fd < 0) {
            close(fd);
            free(pair);
            continue;
        }
        end_watch(epoll_fd, &pair->client);
        end_watch(epoll_fd, &pair->origin);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[RELAY_EVENTS];
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    uint16_t origin_port;
    int listen_fd, epoll_fd;

    if (argc != 2)
        net_usage("relay ORIGIN-PORT");
    origin_port = (uint16_t)net_number(argv[1], 65535);
    net_raise_nofile();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        net_die("epoll_create1");
    listen_fd = net_listen(0);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0)
        net_die("epoll_ctl");
    for (;;) {
        int num_events = epoll_wait(epoll_fd, events, RELAY_EVENTS, -1);

        if (num_events < 0 && errno != EINTR)
            net_die("epoll_wait");
        for (int i = 0; i < num_events; i++) {
            if (events[i].data.ptr == NULL)
                relay_accept(epoll_fd, listen_fd, origin_port);
            else
                end_event(events[i].data.ptr, events[i].events);
        }
        dead_free();
    }
}
