// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"
#include "process/controller.h"
#include "process/worker.h"
#include "evil.h"
#include "toy.h"

enum { TOY_MAX = 16 };

struct toy_conf {
    struct os_listen binds[TOY_MAX];
    struct os_listen sockets[TOY_MAX];
    const struct os_listen *bind_ptrs[TOY_MAX];
    const struct os_listen *socket_ptrs[TOY_MAX];
    char pidfile[256];
    int crash_slot;
    char evil[32]; // what the controller says instead of asking for a reload
};

struct toy_listener {
    struct list link;
    struct event_source source;
    struct toy *toy;
};

struct toy_conn {
    struct event_source source;
    struct toy *toy;
};

struct toy {
    struct worker *worker;
    struct controller *controller;
    struct list listeners;
    uint32_t num_conns;
    const char *at; // what a client asked for, while that is done
    int waiting_fd; // who asked for a reload
    char latest[8192];
};

static struct os_listen tcp_on(int port)
{
    struct os_listen listen = { .kind = OS_LISTEN_TCP, .address_len = sizeof(struct sockaddr_in) };
    struct sockaddr_in *in = (struct sockaddr_in *)&listen.address;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return listen;
}

static struct os_listen unix_on(const char *path)
{
    struct os_listen listen = { .kind = OS_LISTEN_UNIX, .address_len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (struct sockaddr_un *)&listen.address;
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s", path);
    return listen;
}

static bool toy_line(struct toy_conf *conf, struct process_settings *settings, struct text *messages, const char *line)
{
    char word[32] = "";
    char arg[256] = "";
    char *rest;
    if (sscanf(line, "%31s %255[^\n]", word, arg) < 1)
        return true;
    if (strcmp(word, "workers") == 0)
        settings->num_workers = (uint32_t)atoi(arg);
    else if (strcmp(word, "port") == 0)
        conf->binds[settings->num_binds++] = tcp_on(atoi(arg));
    else if (strcmp(word, "unix") == 0)
        conf->binds[settings->num_binds++] = unix_on(arg);
    else if (strcmp(word, "admin") == 0)
        conf->sockets[settings->num_sockets++] = unix_on(arg);
    else if (strcmp(word, "fd") == 0)
        conf->binds[settings->num_binds++] = (struct os_listen){ .kind = OS_LISTEN_FD, .fd = atoi(arg) };
    else if (strcmp(word, "crash") == 0)
        conf->crash_slot = atoi(arg);
    else if (strcmp(word, "hard-stop") == 0)
        settings->hard_stop_us = (uint64_t)atoi(arg) * 1000;
    else if (strcmp(word, "evil-controller") == 0)
        snprintf(conf->evil, sizeof(conf->evil), "%.31s", arg);
    else if (strcmp(word, "evil-keeper") == 0)
        evil_keeper_on(arg);
    else if (strcmp(word, "evil-keeper-now") == 0)
        evil_keeper(arg);
    else if (strcmp(word, "sandbox") == 0)
        settings->sandbox = true;
    else if (strcmp(word, "watchdog") == 0) {
        settings->silent_warn_us = strtoull(arg, &rest, 10) * 1000;
        settings->silent_kill_us = strtoull(rest, NULL, 10) * 1000;
    } else if (strcmp(word, "alone") == 0)
        settings->go_on_alone = true;
    else if (strcmp(word, "daemon") == 0)
        settings->daemon = true;
    else if (strcmp(word, "pidfile") == 0)
        snprintf(conf->pidfile, sizeof(conf->pidfile), "%s", arg);
    else {
        text_printf(messages, "toy: unknown word: %s", line);
        return false;
    }
    return true;
}

static void *toy_load(struct process_settings *settings, struct text *messages, const struct process_options *options)
{
    struct toy_conf *conf = calloc(1, sizeof(*conf));
    *settings = (struct process_settings){ .identity = { .uid = -1, .gid = -1 } };
    conf->crash_slot = -1;
    FILE *file = fopen(options->files[0], "r");
    bool good = file != NULL;
    char line[512];
    while (file && fgets(line, sizeof(line), file))
        good = toy_line(conf, settings, messages, line) && good;
    if (file)
        fclose(file);
    for (int i = 0; i < TOY_MAX; i++) {
        conf->bind_ptrs[i] = &conf->binds[i];
        conf->socket_ptrs[i] = &conf->sockets[i];
    }
    settings->binds = conf->bind_ptrs;
    settings->sockets = conf->socket_ptrs;
    settings->pidfile = conf->pidfile[0] ? conf->pidfile : NULL;
    if (good)
        return conf;
    free(conf);
    return NULL;
}

static void conn_free(struct toy_conn *conn)
{
    struct worker *worker = conn->toy->worker;
    event_source_del(&worker->loop, &conn->source);
    close(conn->source.fd);
    conn->toy->num_conns--;
    free(conn);
}

// What a client may ask for that never comes back.
static void harm(struct toy_conn *conn, const char *word)
{
    volatile int *volatile nowhere = (volatile int *)(uintptr_t)8;
    conn->toy->at = word;
    if (memcmp(word, "loop", 4) == 0)
        for (volatile bool on = true; on;)
            continue;
    if (memcmp(word, "crash", 4) == 0)
        *nowhere = 1;
    must(memcmp(word, "must", 4) != 0);
    conn->toy->at = NULL;
}

// One line in, one line out: "hold" waits for the next line.
static void conn_ready(struct event_source *source, uint32_t events)
{
    (void)events;
    struct toy_conn *conn = CONTAINER_OF(source, struct toy_conn, source);
    struct worker *worker = conn->toy->worker;
    char in[256];
    char out[128];
    ssize_t got = read(source->fd, in, sizeof(in));
    if (got < 0 && errno == EAGAIN)
        return;
    if (got >= 4 && memcmp(in, "hold", 4) == 0)
        return;
    if (got >= 4) {
        in[got - 1] = '\0';
        harm(conn, in);
        if (strncmp(in, "evil ", 5) == 0)
            evil_say(&worker->master, in + 5);
        if (strcmp(in, "file") == 0)
            close(open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    int len = snprintf(out, sizeof(out), "%u %d %u\n", worker->slot, (int)getpid(), worker->generation);
    if (got > 0 && write(source->fd, out, (size_t)len) != len)
        got = 0;
    conn_free(conn);
}

static void accept_all(struct event_source *source, uint32_t events)
{
    (void)events;
    struct toy_listener *listener = CONTAINER_OF(source, struct toy_listener, source);
    int fd;
    while ((fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct toy_conn *conn = calloc(1, sizeof(*conn));
        conn->toy = listener->toy;
        conn->source = (struct event_source){ .fd = fd, .ready = conn_ready };
        listener->toy->num_conns++;
        event_source_add(&listener->toy->worker->loop, &conn->source, EPOLLIN | EPOLLRDHUP);
    }
}

static void *toy_start(struct worker *worker)
{
    const struct toy_conf *conf = worker->conf;
    if (conf->crash_slot == (int)worker->slot)
        abort();
    struct toy *toy = calloc(1, sizeof(*toy));
    toy->worker = worker;
    list_init(&toy->listeners);
    return toy;
}

static bool listener_add(struct toy *toy, struct event_loop *loop, int fd,
                         void (*ready)(struct event_source *source, uint32_t events))
{
    struct toy_listener *listener = calloc(1, sizeof(*listener));
    listener->toy = toy;
    listener->source = (struct event_source){ .fd = fd, .ready = ready };
    list_append(&toy->listeners, &listener->link);
    return event_source_add(loop, &listener->source, EPOLLIN);
}

static void listener_remove(struct toy *toy, struct event_loop *loop, int fd)
{
    LIST_EACH(listener, &toy->listeners, struct toy_listener, link)
    {
        if (listener->source.fd == fd) {
            if (toy->worker)
                accept_all(&listener->source, EPOLLIN);
            event_source_del(loop, &listener->source);
            list_remove(&listener->link);
            free(listener);
        }
    }
}

static bool toy_listen(void *traffic, uint32_t bind_index, int fd)
{
    (void)bind_index;
    struct toy *toy = traffic;
    return listener_add(toy, &toy->worker->loop, fd, accept_all);
}

static void toy_unlisten(void *traffic, uint32_t bind_index, int fd)
{
    (void)bind_index;
    struct toy *toy = traffic;
    listener_remove(toy, &toy->worker->loop, fd);
}

static void toy_soft_stop(void *traffic)
{
    (void)traffic; // what was kept is left later
}

static bool toy_is_idle(void *traffic)
{
    return ((struct toy *)traffic)->num_conns == 0;
}

static void toy_describe(const void *traffic, char *room, size_t cap)
{
    const struct toy *toy = traffic;
    if (toy->at)
        snprintf(room, cap, "the word '%s'", toy->at);
}

static const struct process_traffic traffic = {
    .start = toy_start,
    .listen = toy_listen,
    .unlisten = toy_unlisten,
    .soft_stop = toy_soft_stop,
    .is_idle = toy_is_idle,
    .describe = toy_describe,
};

// A connection to the admin socket is a wish for a reload; the answer is "yes" or the messages.
static void admin_accept(struct event_source *source, uint32_t events)
{
    (void)events;
    struct toy_listener *listener = CONTAINER_OF(source, struct toy_listener, source);
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    listener->toy->waiting_fd = fd;
    const struct toy_conf *conf = listener->toy->controller->conf;
    if (conf->evil[0])
        evil_say(&listener->toy->controller->master, conf->evil);
    else
        controller_reload(listener->toy->controller, 7, false);
}

static void *admin_start(struct controller *controller)
{
    struct toy *toy = calloc(1, sizeof(*toy));
    toy->controller = controller;
    list_init(&toy->listeners);
    return toy;
}

static bool admin_listen(void *admin, uint32_t index, int fd)
{
    (void)index;
    struct toy *toy = admin;
    return listener_add(toy, &toy->controller->loop, fd, admin_accept);
}

static void admin_unlisten(void *admin, uint32_t index, int fd)
{
    (void)index;
    struct toy *toy = admin;
    listener_remove(toy, &toy->controller->loop, fd);
}

static void admin_latest(void *admin, const struct process_latest *latest)
{
    struct toy *toy = admin;
    snprintf(toy->latest, sizeof(toy->latest), "%.*s", (int)latest->text_len, latest->text);
}

static void admin_reloaded(void *admin, uint64_t id, bool done)
{
    struct toy *toy = admin;
    must(id == 7);
    dprintf(toy->waiting_fd, "%s\n", done ? "yes" : toy->latest);
    close(toy->waiting_fd);
    toy->waiting_fd = 0;
}

// The answer comes after the word to leave.
static bool admin_is_idle(void *admin)
{
    const struct toy *toy = admin;
    return !toy->waiting_fd;
}

static const struct process_admin admin = {
    .start = admin_start,
    .listen = admin_listen,
    .unlisten = admin_unlisten,
    .is_idle = admin_is_idle,
    .reloaded = admin_reloaded,
    .latest = admin_latest,
};

const struct process_program toy_program = { .load = toy_load, .traffic = &traffic, .admin = &admin };
