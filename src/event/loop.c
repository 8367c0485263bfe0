// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "event/loop.h"

enum { EVENT_BATCH = 256, EVENT_TIMERS_MIN = 64 };

bool event_loop_init(struct event_loop *loop)
{
    *loop = (struct event_loop){ .max_sleep_us = 1000000 };
    list_init(&loop->run_queue);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return false;
    loop->batch = calloc(EVENT_BATCH, sizeof(*loop->batch));
    if (!loop->batch) {
        close(loop->epoll_fd);
        errno = ENOMEM;
        return false;
    }
    loop->now_us = clock_mono_us();
    loop->wall_us = clock_wall_us();
    return true;
}

void event_loop_fini(struct event_loop *loop)
{
    close(loop->epoll_fd);
    free(loop->batch);
    free(loop->heap);
}

bool event_source_add_level(struct event_loop *loop, struct event_source *source, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = source };
    source->batch = 0;
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

bool event_source_add(struct event_loop *loop, struct event_source *source, uint32_t events)
{
    return event_source_add_level(loop, source, events | EPOLLET);
}

void event_source_forget(struct event_loop *loop, struct event_source *source)
{
    if (source->batch) {
        loop->batch[source->batch - 1].data.ptr = NULL;
        source->batch = 0;
    }
}

void event_source_del(struct event_loop *loop, struct event_source *source)
{
    event_source_forget(loop, source);
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
}

void event_task_init(struct event_task *task, void (*run)(struct event_task *task))
{
    list_init(&task->link);
    task->run = run;
}

void event_timer_init(struct event_timer *timer, void (*fire)(struct event_timer *timer))
{
    *timer = (struct event_timer){ .fire = fire };
}

// A 4-ary heap: half the depth of a binary one, and the four children share a cache line of pointers.

static void heap_put(struct event_loop *loop, uint32_t at, struct event_timer *timer)
{
    loop->heap[at] = timer;
    timer->place = at + 1;
}

static void heap_up(struct event_loop *loop, uint32_t at, struct event_timer *timer)
{
    while (at) {
        uint32_t parent = (at - 1) / 4;
        if (loop->heap[parent]->key_us <= timer->key_us)
            break;
        heap_put(loop, at, loop->heap[parent]);
        at = parent;
    }
    heap_put(loop, at, timer);
}

static void heap_down(struct event_loop *loop, uint32_t at, struct event_timer *timer)
{
    for (;;) {
        uint32_t first = at * 4 + 1;
        if (first >= loop->num_timers)
            break;
        uint32_t least = first;
        uint32_t end = first + 4 < loop->num_timers ? first + 4 : loop->num_timers;
        for (uint32_t i = first + 1; i < end; i++)
            if (loop->heap[i]->key_us < loop->heap[least]->key_us)
                least = i;
        if (timer->key_us <= loop->heap[least]->key_us)
            break;
        heap_put(loop, at, loop->heap[least]);
        at = least;
    }
    heap_put(loop, at, timer);
}

static bool heap_has_room(struct event_loop *loop)
{
    if (loop->num_timers < loop->cap_timers)
        return true;
    uint32_t cap = loop->cap_timers ? loop->cap_timers * 2 : EVENT_TIMERS_MIN;
    struct event_timer **heap = realloc(loop->heap, cap * sizeof(struct event_timer *));
    if (!heap)
        return false;
    loop->heap = heap;
    loop->cap_timers = cap;
    return true;
}

void event_timer_insert(struct event_loop *loop, struct event_timer *timer)
{
    if (timer->place == EVENT_TIMER_OUTSIDE)
        return;
    if (!timer->place && UNLIKELY(!heap_has_room(loop))) {
        timer->place = EVENT_TIMER_OUTSIDE;
        timer->next = loop->outside;
        loop->outside = timer;
        return;
    }
    timer->key_us = timer->due_us;
    heap_up(loop, timer->place ? timer->place - 1 : loop->num_timers++, timer);
}

static void outside_del(struct event_loop *loop, struct event_timer *timer)
{
    struct event_timer **at = &loop->outside;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->place = 0;
}

static void outside_enter(struct event_loop *loop)
{
    while (loop->outside && heap_has_room(loop)) {
        struct event_timer *timer = loop->outside;
        outside_del(loop, timer);
        if (timer->due_us)
            event_timer_insert(loop, timer);
    }
}

// Those that nobody wants leave on the way. Firing one may take any other out: so the search begins anew.
static void outside_fire(struct event_loop *loop)
{
    uint32_t left = 0;
    for (struct event_timer *timer = loop->outside; timer; timer = timer->next)
        left++;
    struct event_timer *timer = loop->outside;
    while (timer && left) {
        if (timer->due_us > loop->now_us) {
            timer = timer->next;
            continue;
        }
        bool wanted = timer->due_us != 0;
        timer->due_us = 0;
        outside_del(loop, timer);
        left--;
        if (wanted)
            timer->fire(timer);
        timer = loop->outside;
    }
}

void event_timer_del(struct event_loop *loop, struct event_timer *timer)
{
    timer->due_us = 0;
    if (!timer->place)
        return;
    if (UNLIKELY(timer->place == EVENT_TIMER_OUTSIDE)) {
        outside_del(loop, timer);
        return;
    }
    uint32_t at = timer->place - 1;
    timer->place = 0;
    struct event_timer *last = loop->heap[--loop->num_timers];
    if (last == timer)
        return;
    if (at && last->key_us < loop->heap[(at - 1) / 4]->key_us)
        heap_up(loop, at, last);
    else
        heap_down(loop, at, last);
}

// A timer that asks for now again waits for the next turn: at most as many fire as there were.
static void timers_fire(struct event_loop *loop)
{
    if (UNLIKELY(loop->outside != NULL)) {
        outside_enter(loop);
        outside_fire(loop);
    }
    for (uint32_t left = loop->num_timers; left && loop->num_timers && loop->heap[0]->key_us <= loop->now_us; left--) {
        struct event_timer *timer = loop->heap[0];
        if (timer->due_us > loop->now_us) {
            // It was pushed back since: this is the one late look that a lazy deadline costs.
            timer->key_us = timer->due_us;
            heap_down(loop, 0, timer);
            continue;
        }
        bool wanted = timer->due_us != 0;
        event_timer_del(loop, timer);
        loop->num_fired += wanted;
        if (wanted)
            timer->fire(timer);
    }
}

// The kernel counts in milliseconds: rounding up avoids a turn that finds nothing due.
static int wait_ms(const struct event_loop *loop)
{
    if (!list_is_empty(&loop->run_queue))
        return 0;
    uint64_t sleep_us = loop->max_sleep_us;
    if (loop->num_timers) {
        uint64_t key_us = loop->heap[0]->key_us;
        uint64_t left_us = key_us > loop->now_us ? key_us - loop->now_us : 0;
        sleep_us = left_us < sleep_us ? left_us : sleep_us;
    }
    for (const struct event_timer *timer = loop->outside; timer; timer = timer->next) {
        uint64_t left_us = timer->due_us > loop->now_us ? timer->due_us - loop->now_us : 0;
        sleep_us = left_us < sleep_us ? left_us : sleep_us;
    }
    return (int)((sleep_us + 999) / 1000);
}

// What is queued while the queue runs waits for the next turn, so that descriptors get theirs in between.
static void tasks_run(struct event_loop *loop)
{
    struct list now;
    if (list_is_empty(&loop->run_queue))
        return;
    now = loop->run_queue;
    now.next->prev = &now;
    now.prev->next = &now;
    list_init(&loop->run_queue);
    while (!list_is_empty(&now)) {
        struct event_task *task = LIST_FIRST(&now, struct event_task, link);
        list_remove(&task->link);
        loop->num_tasks++;
        task->run(task);
    }
}

// The turn that began at now_us ended at `end_us`.
static void note_length(struct event_loop *loop, uint64_t end_us)
{
    // What came before the first one is none.
    uint64_t took_us = loop->turns ? end_us - loop->now_us : 0;
    if (UNLIKELY(end_us >= loop->window_us)) {
        bool is_next = end_us < loop->window_us + EVENT_WINDOW_US;
        loop->recent_us[1] = is_next ? loop->recent_us[0] : 0;
        loop->recent_us[0] = 0;
        loop->window_us = end_us + EVENT_WINDOW_US;
    }
    loop->num_late += took_us > EVENT_LATE_US;
    if (LIKELY(took_us <= loop->recent_us[0]))
        return;
    loop->recent_us[0] = took_us;
    if (took_us > loop->longest_us)
        loop->longest_us = took_us;
}

uint64_t event_loop_recent_us(const struct event_loop *loop)
{
    return loop->recent_us[0] > loop->recent_us[1] ? loop->recent_us[0] : loop->recent_us[1];
}

void event_loop_turn(struct event_loop *loop)
{
    if (loop->before_wait)
        loop->before_wait(loop);
    int timeout_ms = wait_ms(loop);
    uint64_t before_us = timeout_ms ? clock_mono_us() : 0;
    int num = epoll_wait(loop->epoll_fd, loop->batch, EVENT_BATCH, timeout_ms);
    uint64_t now_us = clock_mono_us();
    // Without a wait the look at descriptors counts, too: it saves reading the clock.
    uint64_t end_us = before_us ? before_us : now_us;
    note_length(loop, end_us);
    loop->now_us = now_us;
    loop->wall_us = clock_wall_us();
    loop->turns++;
    if (before_us)
        loop->idle_us += loop->now_us - before_us;
    if (num > 0)
        loop->num_events += (uint64_t)num;
    for (int i = 0; i < num; i++)
        ((struct event_source *)loop->batch[i].data.ptr)->batch = i + 1;
    for (int i = 0; i < num; i++) {
        struct event_source *source = loop->batch[i].data.ptr;
        if (!source)
            continue;
        source->batch = 0;
        source->ready(source, loop->batch[i].events);
    }
    tasks_run(loop);
    timers_fire(loop);
}

void event_loop_run(struct event_loop *loop)
{
    while (!loop->stop)
        event_loop_turn(loop);
}
