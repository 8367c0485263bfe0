// SPDX-License-Identifier: Apache-2.0
// One process's event loop: an edge-triggered epoll, a run queue and lazy timers. Every process but the master's
// helpers has exactly one, on its only thread. It owns none of the objects it calls: sources, tasks and timers are
// embedded in them and must be taken out before they are freed. A turn is: wait, dispatch descriptors, run what is
// queued, fire timers; the clock is read once, right after the wait.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "base/list.h"

struct event_loop;

// A descriptor of interest. `ready` is called with the EPOLL* bits that came; more than one edge may be folded.
struct event_source {
    int fd;
    int batch; // place in the batch being dispatched + 1, 0 outside of it
    void (*ready)(struct event_source *source, uint32_t events);
};

// A piece of work for the end of this turn (or the next one where it is queued while the queue runs).
struct event_task {
    struct list link;
    void (*run)(struct event_task *task);
};

// A deadline. It fires once, at or after `due_us`; pushing it back is a plain store (event_timer_set).
struct event_timer {
    uint64_t due_us; // when it is wanted, 0 for never
    union {
        uint64_t key_us;          // when the heap looks at it next
        struct event_timer *next; // outside of the heap, for want of memory
    };
    uint32_t place; // index in the heap + 1, 0 while it is not set, EVENT_TIMER_OUTSIDE
    void (*fire)(struct event_timer *timer);
};

#define EVENT_TIMER_OUTSIDE UINT32_MAX

enum {
    EVENT_LATE_US = 5000,       // a turn that others notice
    EVENT_WINDOW_US = 10000000, // what was longest of late is known for one to two of these
};

struct event_loop {
    int epoll_fd;
    bool stop;             // set it to leave event_loop_run after this turn
    uint64_t now_us;       // monotonic, of this turn
    uint64_t wall_us;      // time of day, of this turn
    uint64_t turns;        // since the start
    uint64_t num_events;   // of descriptors, dispatched so far
    uint64_t num_tasks;    // run so far
    uint64_t num_fired;    // timers
    uint64_t max_sleep_us; // the longest a wait may last, so that an idle process still shows that it lives
    uint64_t idle_us;      // time spent waiting, for the idle percentage
    uint64_t longest_us;   // the longest turn so far, by the clock: also what the system gave to others counts
    uint64_t recent_us[2]; // likewise of the window that ends at window_us, and of the one before
    uint64_t window_us;
    uint64_t num_late; // turns longer than EVENT_LATE_US
    struct list run_queue;
    struct event_timer **heap;
    uint32_t num_timers;
    uint32_t cap_timers;
    struct event_timer
        *outside; // timers that the heap has no room for: memory is exhausted, and each turn sees them all
    struct epoll_event *batch;
    int batch_len;
    void (*before_wait)(struct event_loop *loop); // called each turn before the wait, may be NULL
    void *owner;                                  // the process's own struct (worker, controller, keeper, master)
};

// event_loop_init makes `loop` ready; false with errno where the kernel refuses a descriptor.
bool event_loop_init(struct event_loop *loop);

// event_loop_fini closes the loop's descriptor and frees its tables; nothing registered is touched.
void event_loop_fini(struct event_loop *loop);

// event_loop_run turns until `loop->stop` is set.
void event_loop_run(struct event_loop *loop);

// event_loop_turn does one turn: waits at most until the next deadline, then serves all that is due.
void event_loop_turn(struct event_loop *loop);

// event_loop_recent_us gives the longest turn of the last EVENT_WINDOW_US, or a little longer.
uint64_t event_loop_recent_us(const struct event_loop *loop);

// event_source_add registers `source` for `events` (EPOLLET is added); false with errno on failure.
bool event_source_add(struct event_loop *loop, struct event_source *source, uint32_t events);

// event_source_add_level is event_source_add without EPOLLET: for listening sockets that only this process serves.
bool event_source_add_level(struct event_loop *loop, struct event_source *source, uint32_t events);

// event_source_del takes `source` out; events of this turn that were not dispatched yet are dropped. Does not close.
void event_source_del(struct event_loop *loop, struct event_source *source);

// event_source_forget is event_source_del for a descriptor that is about to be closed, which leaves epoll by itself as
// no other process holds it: it saves the system call.
void event_source_forget(struct event_loop *loop, struct event_source *source);

// event_task_init makes `task` idle; `run` is what it will do.
void event_task_init(struct event_task *task, void (*run)(struct event_task *task));

// event_task_wake queues `task`, once however often it is called.
static inline void event_task_wake(struct event_loop *loop, struct event_task *task)
{
    if (list_is_empty(&task->link))
        list_append(&loop->run_queue, &task->link);
}

// event_task_cancel takes `task` off the queue.
static inline void event_task_cancel(struct event_task *task)
{
    list_remove(&task->link);
}

// event_timer_init makes `timer` idle; `fire` is what it will do.
void event_timer_init(struct event_timer *timer, void (*fire)(struct event_timer *timer));

// event_timer_insert puts `timer` into the heap or moves it up; event_timer_set calls it where the heap would be late.
void event_timer_insert(struct event_loop *loop, struct event_timer *timer);

// event_timer_set makes `timer` due at `due_us` (monotonic; 0 for never). Moving a deadline later or off costs a store:
// the heap finds out when the old one comes.
static inline void event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t due_us)
{
    timer->due_us = due_us;
    if (due_us && (!timer->place || due_us < timer->key_us))
        event_timer_insert(loop, timer);
}

// event_timer_del takes `timer` out of the heap; needed before its memory is freed.
void event_timer_del(struct event_loop *loop, struct event_timer *timer);
