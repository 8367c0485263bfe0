// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "event/messages.h"

// What goes over the wire: the type, eight bytes so that the data behind it is aligned, and the data.
struct wire {
    uint64_t type;
    char data[];
};

struct unsent {
    struct list link;
    size_t len;
    size_t num_fds;
    int fds[OS_PASS_MAX_FDS];
    struct wire wire;
};

enum { MESSAGES_OF_A_TURN = 64 };

static void source_ready(struct event_source *source, uint32_t events);
static void more_take(struct event_task *task);

void messages_init(struct messages *messages, const char *peer, const struct messages_kind *kinds, size_t num_kinds,
                   void *owner, void (*lost)(struct messages *messages), int take_fd)
{
    *messages = (struct messages){
        .source = { .fd = take_fd, .ready = source_ready },
        .kinds = kinds,
        .num_kinds = num_kinds,
        .peer = peer,
        .owner = owner,
        .lost = lost,
    };
    list_init(&messages->unsent);
    event_task_init(&messages->more, more_take);
    (void)os_pass_identify(take_fd); // where it fails, nobody is asked who sent
}

void messages_refuse(struct messages *messages, const char *why)
{
    if (!messages->violation)
        messages->violation = why;
}

bool messages_attach(struct messages *messages, struct event_loop *loop)
{
    messages->loop = loop;
    return event_source_add(loop, &messages->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

static void unsent_free(struct unsent *unsent)
{
    list_remove(&unsent->link);
    for (size_t i = 0; i < unsent->num_fds; i++)
        close(unsent->fds[i]);
    free(unsent);
}

void messages_fini(struct messages *messages)
{
    if (messages->source.fd < 0)
        return;
    LIST_EACH(unsent, &messages->unsent, struct unsent, link)
    unsent_free(unsent);
    // Another process may hold this end for a moment (a fork in flight): leaving epoll must not depend on the close.
    if (messages->loop)
        event_source_del(messages->loop, &messages->source);
    event_task_cancel(&messages->more);
    close(messages->source.fd);
    messages->source.fd = -1;
    messages->ended = true;
}

static void conversation_lost(struct messages *messages)
{
    if (messages->ended)
        return;
    messages->ended = true;
    messages->lost(messages);
}

static bool unsent_keep(struct messages *messages, uint32_t type, const void *data, size_t len, const int *fds,
                        size_t num_fds)
{
    struct unsent *unsent = malloc(sizeof(*unsent) + len);
    if (!unsent)
        return false;
    unsent->len = len;
    unsent->num_fds = 0;
    unsent->wire.type = type;
    if (len)
        memcpy(unsent->wire.data, data, len);
    list_append(&messages->unsent, &unsent->link);
    for (size_t i = 0; i < num_fds; i++) {
        int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            unsent_free(unsent);
            return false;
        }
        unsent->fds[unsent->num_fds++] = copy;
    }
    return true;
}

bool messages_send(struct messages *messages, uint32_t type, const void *data, size_t len, const int *fds,
                   size_t num_fds)
{
    union {
        struct wire wire;
        char room[MESSAGES_MAX_LEN];
    } out;
    must(len <= MESSAGES_MAX_LEN - sizeof(struct wire) && num_fds <= OS_PASS_MAX_FDS);
    if (messages->ended)
        return false;
    if (!list_is_empty(&messages->unsent))
        return unsent_keep(messages, type, data, len, fds, num_fds);
    out.wire.type = type;
    if (len)
        memcpy(out.wire.data, data, len);
    switch (os_pass_send(messages->source.fd, &out, sizeof(struct wire) + len, fds, num_fds)) {
    case IO_OK:
        return true;
    case IO_AGAIN:
        return unsent_keep(messages, type, data, len, fds, num_fds);
    default:
        return false;
    }
}

static void unsent_send(struct messages *messages)
{
    LIST_EACH(unsent, &messages->unsent, struct unsent, link)
    {
        enum io io = os_pass_send(messages->source.fd, &unsent->wire, sizeof(struct wire) + unsent->len, unsent->fds,
                                  unsent->num_fds);
        if (io != IO_OK)
            return;
        unsent_free(unsent);
    }
}

static const struct messages_kind *kind_of(struct messages *messages, const struct messages_event *event)
{
    for (size_t i = 0; i < messages->num_kinds; i++) {
        const struct messages_kind *kind = &messages->kinds[i];
        if (kind->type != event->type)
            continue;
        if (event->len < kind->min_len || event->len > kind->max_len)
            messages_refuse(messages, "sent a message of a wrong size");
        else if (event->num_fds != kind->num_fds && (!kind->fds_optional || event->num_fds))
            messages_refuse(messages, "sent a message with a wrong number of descriptors");
        else
            return kind;
        return NULL;
    }
    messages_refuse(messages, "sent a message that is none of its own");
    return NULL;
}

// The line's end may have come to somebody else, by a fork or a message.
static bool sender_check(struct messages *messages, pid_t sender)
{
    if (!messages->peer_pid)
        messages->peer_pid = sender;
    if (sender && sender != messages->peer_pid)
        messages_refuse(messages, "lets another process send its messages");
    return !messages->violation;
}

// One message in; false when there is no more for now or the conversation is over.
static bool message_take(struct messages *messages)
{
    union {
        struct wire wire;
        char room[MESSAGES_MAX_LEN];
    } in;
    int fds[OS_PASS_MAX_FDS];
    size_t len;
    size_t num_fds;
    pid_t sender;
    enum io io = os_pass_receive_from(messages->source.fd, &in, &len, fds, &num_fds, &sender, sizeof(in));
    if (io == IO_AGAIN)
        return false;
    struct messages_event event = { .data = in.wire.data, .fds = fds, .num_fds = num_fds };
    const struct messages_kind *kind = NULL;
    if (io == IO_FAIL && errno == EMSGSIZE)
        messages_refuse(messages, "sent a message that is too long");
    if (io == IO_OK && (len < sizeof(struct wire) || in.wire.type > UINT32_MAX))
        messages_refuse(messages, "sent what is no message");
    if (io == IO_OK && !messages->violation && sender_check(messages, sender)) {
        event.type = (uint32_t)in.wire.type;
        event.len = len - sizeof(struct wire);
        kind = kind_of(messages, &event);
    }
    if (kind)
        kind->take(messages, &event);
    for (size_t i = 0; i < num_fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (!kind || messages->violation)
        conversation_lost(messages);
    return kind && !messages->ended;
}

static void turn_take(struct messages *messages)
{
    for (int i = 0; i < MESSAGES_OF_A_TURN; i++)
        if (!message_take(messages))
            return;
    event_task_wake(messages->loop, &messages->more);
}

static void more_take(struct event_task *task)
{
    struct messages *messages = CONTAINER_OF(task, struct messages, more);
    if (!messages->ended)
        turn_take(messages);
}

static void source_ready(struct event_source *source, uint32_t events)
{
    struct messages *messages = CONTAINER_OF(source, struct messages, source);
    if (messages->ended)
        return;
    if (events & EPOLLOUT)
        unsent_send(messages);
    // The end of the conversation is read as such, behind whatever the peer said before it.
    turn_take(messages);
}

static bool waiting(struct messages *messages, const bool *done, bool for_input, uint64_t end_us)
{
    uint64_t now_us = clock_mono_us();
    if (messages->ended || *done || now_us >= end_us)
        return false;
    struct pollfd pfd = { .fd = messages->source.fd, .events = for_input ? POLLIN : 0 };
    if (!list_is_empty(&messages->unsent))
        pfd.events |= POLLOUT;
    return poll(&pfd, 1, (int)((end_us - now_us + 999) / 1000)) >= 0 || errno == EINTR;
}

bool messages_wait(struct messages *messages, const bool *done, int timeout_ms)
{
    uint64_t end_us = clock_mono_us() + (uint64_t)timeout_ms * 1000;
    unsent_send(messages);
    while (waiting(messages, done, true, end_us)) {
        unsent_send(messages);
        while (!*done && message_take(messages))
            continue;
    }
    return *done;
}

bool messages_flush(struct messages *messages, int timeout_ms)
{
    uint64_t end_us = clock_mono_us() + (uint64_t)timeout_ms * 1000;
    bool done = list_is_empty(&messages->unsent);
    while (waiting(messages, &done, false, end_us)) {
        unsent_send(messages);
        done = list_is_empty(&messages->unsent);
    }
    return done;
}

void messages_unsent_each(const struct messages *messages,
                          void (*fn)(void *arg, uint32_t type, const void *data, size_t len, const int *fds,
                                     size_t num_fds),
                          void *arg)
{
    LIST_EACH(unsent, &messages->unsent, struct unsent, link)
    fn(arg, (uint32_t)unsent->wire.type, unsent->wire.data, unsent->len, unsent->fds, unsent->num_fds);
}
