// SPDX-License-Identifier: Apache-2.0
// Processes that take and free lanes, queue, count, write rings and apply the journal are killed at random points,
// BOARD_KILLS times (2000 unless that is set, and then as many as fit in KILL_US on a slow machine), and so is, now and
// then, the process that cleans up after one; others are held for silent meanwhile (board_queue_pass_over). Beside the
// board stands an oracle, kept by each process in memory of its own; it must agree at any time.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "board/layout.h"

enum {
    NUM_WORKERS = 5,
    NUM_BACKENDS = 2,
    NUM_SERVERS = 4,
    MAX_HELD = 8, // units a worker holds at once, over all servers
    MAX_WAITING = 8,
    NUM_COUNTERS = 3,
    KILLS_PER_DRAIN = 100,
    DRAIN_US = 5000000,
    MAX_STEPS = 2500,   // instructions to wait for a lock to be taken
    LOCKED_STEPS = 250, // and to go on at most, then
    PAIR_STEPS = 600,
    KILL_US = 15000000,
    WALK_US = 6000, // on a busy machine each step may cost a time slice
    PHASE_RUN = 0,
    PHASE_DRAIN = 1,
};

static const uint32_t limits[NUM_SERVERS] = { 1, 2, 3, 7 };

struct oracle {
    _Atomic uint32_t phase;
    _Atomic uint32_t num_breaches;
    _Atomic uint32_t num_errors;
    _Atomic uint64_t num_acquired;
    _Atomic uint64_t num_granted;
    _Atomic uint64_t num_lost; // granted, but the lane failed
    _Atomic uint64_t progress[NUM_WORKERS];
    _Atomic uint64_t held[NUM_SERVERS]; // one bit for each unit: worker * MAX_HELD + its number
    uint64_t counts[BOARD_MAX_INCARNATIONS][NUM_SERVERS][NUM_COUNTERS];
};

struct record {
    uint64_t life; // which life of the incarnation wrote it
    uint64_t sequence;
};

struct unit {
    int server; // -1 none
};

struct worker {
    struct board *board;
    struct oracle *oracle;
    uint32_t inc, slot, seed;
    uint64_t life, sequence;
    int epoll;
    struct unit units[MAX_HELD];
    uint32_t num_held, num_waiting;
    uint32_t waiting[MAX_WAITING];
    uint64_t cookies[MAX_WAITING];
    uint32_t backends[NUM_BACKENDS], servers[NUM_SERVERS];
};

static uint32_t draw(struct worker *w, uint32_t below)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)w->seed * below) >> 32);
}

static void hold(struct worker *w, int server)
{
    uint32_t at = 0;
    while (w->units[at].server >= 0) {
        at++;
    }
    w->units[at].server = server;
    w->num_held++;
    uint64_t bit = UINT64_C(1) << (w->slot * MAX_HELD + at);
    uint64_t all = atomic_fetch_or(&w->oracle->held[server], bit) | bit;
    if ((uint32_t)__builtin_popcountll(all) > limits[server]) {
        atomic_fetch_add(&w->oracle->num_breaches, 1);
    }
    atomic_fetch_add(&w->oracle->num_acquired, 1);
}

static void release(struct worker *w, uint32_t at)
{
    int server = w->units[at].server;
    atomic_fetch_and(&w->oracle->held[server], ~(UINT64_C(1) << (w->slot * MAX_HELD + at)));
    w->units[at].server = -1;
    w->num_held--;
    board_lane_release(w->board, w->servers[server], w->inc);
    board_queue_slot_freed(w->board, w->backends[server / 2], w->servers[server]);
}

// Tries the lanes of the servers this request may use; the server or -1.
static int try_lanes(struct worker *w, int backend, int pin, bool newcomer)
{
    for (int server = backend * 2; server < backend * 2 + 2; server++) {
        if ((pin >= 0 && pin != server) ||
            (newcomer && board_queue_ahead(w->board, w->backends[backend], w->servers[server]) > 0)) {
            continue;
        }
        if (board_lane_acquire(w->board, w->servers[server], w->inc, limits[server])) {
            return server;
        }
    }
    return -1;
}

static void wait_or_hold(struct worker *w, int backend, int pin, bool first)
{
    uint64_t cookie = (uint64_t)backend << 32 | (uint32_t)(pin + 1);
    uint32_t waiter = (first ? board_queue_wait_first : board_queue_wait)(
        w->board, w->backends[backend], pin >= 0 ? w->servers[pin] : 0, w->inc, cookie);
    if (!waiter) {
        atomic_fetch_add(&w->oracle->num_errors, 1);
        return;
    }
    bool offer = draw(w, 2);
    for (int i = backend * 2; offer && i < backend * 2 + 2; i++) {
        if (pin < 0 || pin == i) {
            board_queue_offer(w->board, w->backends[backend], w->servers[i], limits[i]);
        }
    }
    int server = offer ? -1 : try_lanes(w, backend, pin, false);
    if (server >= 0) {
        board_queue_leave(w->board, waiter, w->inc);
        hold(w, server);
        return;
    }
    w->waiting[w->num_waiting] = waiter;
    w->cookies[w->num_waiting++] = cookie;
}

static void arrive(struct worker *w)
{
    if (w->num_held + w->num_waiting >= MAX_HELD) {
        return;
    }
    int backend = (int)draw(w, NUM_BACKENDS);
    int pin = draw(w, 2) ? backend * 2 + (int)draw(w, 2) : -1;
    int server = try_lanes(w, backend, pin, true);
    if (server >= 0) {
        hold(w, server);
    } else {
        wait_or_hold(w, backend, pin, false);
    }
}

static void fetch_grants(struct worker *w)
{
    uint32_t waiter, object;
    uint64_t cookie;
    while (board_queue_granted(w->board, &waiter, &cookie, &object, w->inc)) {
        uint32_t at = 0;
        while (at < w->num_waiting && w->waiting[at] != waiter) {
            at++;
        }
        if (at == w->num_waiting || w->cookies[at] != cookie) {
            atomic_fetch_add(&w->oracle->num_errors, 1);
            continue;
        }
        w->waiting[at] = w->waiting[--w->num_waiting];
        w->cookies[at] = w->cookies[w->num_waiting];
        int server = 0, pin = (int)(uint32_t)cookie - 1;
        while (w->servers[server] != object) {
            server++;
        }
        if ((pin >= 0 && pin != server) || (int)(cookie >> 32) != server / 2) {
            atomic_fetch_add(&w->oracle->num_errors, 1);
        }
        atomic_fetch_add(&w->oracle->num_granted, 1);
        if (board_lane_acquire(w->board, object, w->inc, limits[server])) {
            hold(w, server);
        } else {
            atomic_fetch_add(&w->oracle->num_lost, 1);
            wait_or_hold(w, server / 2, pin, true);
        }
    }
}

static void give_up_one(struct worker *w)
{
    if (w->num_waiting > 0) {
        uint32_t at = draw(w, w->num_waiting);
        board_queue_leave(w->board, w->waiting[at], w->inc);
        w->waiting[at] = w->waiting[--w->num_waiting];
        w->cookies[at] = w->cookies[w->num_waiting];
    }
}

// The board first, then the oracle: killed in between, the board is one ahead.
static void count_one(struct worker *w)
{
    uint32_t server = draw(w, NUM_SERVERS), counter = draw(w, NUM_COUNTERS);
    board_counter_count(&board_counters(w->board, w->inc, w->servers[server])[counter], 1);
    __atomic_store_n(&w->oracle->counts[w->inc][server][counter], w->oracle->counts[w->inc][server][counter] + 1,
                     __ATOMIC_RELEASE);
}

static void write_ring(struct worker *w)
{
    char fill[700];
    struct record record = { .life = w->life, .sequence = w->sequence + 1 };
    size_t len = draw(w, sizeof(fill));
    memset(fill, (int)(record.sequence & 0xff), len);
    if (board_ring_put(w->board, w->inc, slice_of((char *)&record, sizeof(record)), slice_of(fill, len))) {
        w->sequence++;
    }
}

static void apply_journal(struct worker *w)
{
    char data[BOARD_JOURNAL_ENTRY_MAX];
    size_t len;
    uint32_t type;
    uint64_t number;
    while ((number = board_journal_next(w->board, &type, data, &len, w->inc)) != 0) {
        bool good = len == type % BOARD_JOURNAL_ENTRY_MAX;
        for (size_t i = 0; good && i < len; i++) {
            good = data[i] == (char)type;
        }
        if (!good) {
            atomic_fetch_add(&w->oracle->num_errors, 1);
        }
        board_journal_applied(w->board, w->inc, number);
    }
}

static void release_some(struct worker *w, bool all)
{
    for (uint32_t at = 0; at < MAX_HELD; at++) {
        if (w->units[at].server >= 0 && (all || draw(w, 3) == 0)) {
            release(w, at);
        }
    }
}

// Held for silent for a moment: what stayed free meanwhile is offered.
static void wake_up(struct worker *w)
{
    if (!board_queue_awake(w->board, w->inc)) {
        return;
    }
    for (int i = 0; i < NUM_SERVERS; i++) {
        uint32_t len = board_queue_len(w->board, w->backends[i / 2], 0);
        while (len-- > 0 && board_queue_offer(w->board, w->backends[i / 2], w->servers[i], limits[i])) {
        }
    }
}

// In the drain nobody comes or gives up, and a worker that has nothing to do sleeps until it is woken: a wake-up lost
// shows as a queue that does not empty.
static void worker_run(struct worker *w)
{
    struct epoll_event event;
    for (;;) {
        if (atomic_load(&w->oracle->phase) == PHASE_DRAIN) {
            wake_up(w);
            fetch_grants(w);
            release_some(w, true);
            apply_journal(w);
            epoll_wait(w->epoll, &event, 1, 60000);
            continue;
        }
        wake_up(w);
        fetch_grants(w);
        arrive(w);
        release_some(w, false);
        if (draw(w, 8) == 0) {
            give_up_one(w);
        }
        count_one(w);
        if (draw(w, 32) == 0) {
            write_ring(w);
            apply_journal(w);
        }
        if (draw(w, 256) == 0) {
            epoll_wait(w->epoll, &event, 1, 1);
        }
    }
}

static bool pair_take(struct worker *w)
{
    return board_lane_acquire(w->board, w->servers[0], w->inc, 1);
}

// One of a pair that shares a single slot: each has one request at a time and sleeps without end until it is granted,
// so that a wake-up lost stops them for good.
static void pair_run(struct worker *w)
{
    struct epoll_event event;
    uint32_t waiter, server;
    uint64_t cookie;
    for (;;) {
        bool have = board_queue_ahead(w->board, w->backends[0], w->servers[0]) == 0 && pair_take(w);
        bool first = false;
        while (!have) {
            waiter = (first ? board_queue_wait_first : board_queue_wait)(w->board, w->backends[0],
                                                                         draw(w, 2) ? w->servers[0] : 0, w->inc, 1);
            if (draw(w, 2)) {
                board_queue_offer(w->board, w->backends[0], w->servers[0], 1);
            } else if (pair_take(w)) {
                board_queue_leave(w->board, waiter, w->inc);
                break;
            }
            while (!board_queue_granted(w->board, &waiter, &cookie, &server, w->inc)) {
                epoll_wait(w->epoll, &event, 1, -1);
            }
            have = pair_take(w);
            first = true;
        }
        if (board_lane_sum(w->board, w->servers[0]) == 0) {
            atomic_fetch_add(&w->oracle->num_errors, 1);
        }
        atomic_fetch_add(&w->oracle->progress[w->slot], 1);
        board_lane_release(w->board, w->servers[0], w->inc);
        board_queue_slot_freed(w->board, w->backends[0], w->servers[0]);
        if (draw(w, 4) == 0) {
            for (volatile uint32_t i = draw(w, 200); i > 0; i--) {
            }
        }
    }
}

static _Noreturn void worker_start(struct worker *w, void (*run)(struct worker *))
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 1); // who kills must get a turn beside those who spin
    board_incarnation_enter(w->board, w->inc);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(w->epoll, EPOLL_CTL_ADD, board_incarnation_at(w->board, w->inc)->wake_fd, &event);
    for (uint32_t i = 0; i < MAX_HELD; i++) {
        w->units[i].server = -1;
    }
    run(w);
    _exit(1);
}

struct stage {
    struct board *board;
    struct oracle *oracle;
    struct worker model;
    void (*run)(struct worker *);
    uint32_t seed;
    pid_t pids[NUM_WORKERS];
    uint32_t incs[NUM_WORKERS];
    uint64_t lives;
    struct record last[BOARD_MAX_INCARNATIONS];
    uint64_t gone[NUM_SERVERS][NUM_COUNTERS]; // what exited processes have counted
    uint64_t num_records, num_entries, num_walks, num_locks, num_cleaners, num_ahead;
};

static uint32_t stage_draw(struct stage *s, uint32_t below)
{
    s->seed = s->seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)s->seed * below) >> 32);
}

static void spawn(struct stage *s, uint32_t slot)
{
    uint32_t inc = board_incarnation_take(s->board, BOARD_ROLE_WORKER, slot, 1);
    assert_int_not_equal(inc, 0);
    assert_int_equal(board_counters(s->board, inc, s->model.servers[0])[0], 0);
    memset(s->oracle->counts[inc], 0, sizeof(s->oracle->counts[inc]));
    s->lives++;
    s->incs[slot] = inc;
    s->pids[slot] = fork();
    assert_true(s->pids[slot] >= 0);
    if (s->pids[slot] == 0) {
        struct worker w = s->model;
        w.inc = inc;
        w.slot = slot;
        w.life = s->lives;
        w.seed = s->seed ^ (uint32_t)(s->lives * 2654435761u);
        worker_start(&w, s->run);
    }
}

// Reads a record and has done with it.
static int ring_get(struct board *board, uint32_t inc, void *data, size_t cap)
{
    uint64_t next = 0, at;
    int len = board_ring_next(board, inc, &next, &at, data, cap);
    if (len >= 0) {
        board_ring_done(board, inc, at);
        assert_true(board_ring_commit(board, inc, next, false));
    }
    return len;
}

static void read_rings(struct stage *s)
{
    static char data[2048];
    for (uint32_t inc = 1; inc < board_incarnation_limit(s->board); inc++) {
        int len;
        while ((len = ring_get(s->board, inc, data, sizeof(data))) >= 0) {
            struct record record, *last = &s->last[inc];
            assert_true((size_t)len >= sizeof(record));
            memcpy(&record, data, sizeof(record));
            assert_true(record.life == last->life ? record.sequence == last->sequence + 1
                                                  : record.life > last->life && record.sequence == 1);
            for (int i = sizeof(record); i < len; i++) {
                assert_int_equal((unsigned char)data[i], record.sequence & 0xff);
            }
            *last = record;
            s->num_records++;
        }
    }
}

static void append(struct stage *s)
{
    static char data[BOARD_JOURNAL_ENTRY_MAX];
    uint32_t type = stage_draw(s, 1 << 20);
    memset(data, (int)type, sizeof(data));
    s->num_entries += board_journal_append(s->board, type, data, type % BOARD_JOURNAL_ENTRY_MAX) != 0;
}

// Lets another process clean up and kills it somewhere on the way.
static void clean_killed(struct stage *s, uint32_t dead)
{
    uint32_t inc = board_incarnation_take(s->board, BOARD_ROLE_KEEPER, 0, 1);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        board_incarnation_enter(s->board, inc);
        append(s);
        board_incarnation_dead(s->board, dead);
        _exit(0);
    }
    uint64_t until = clock_mono_us() + stage_draw(s, 400);
    while (clock_mono_us() < until) {
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    board_incarnation_dead(s->board, inc);
    s->num_cleaners++;
}

static bool holds_lock(struct stage *s, uint32_t inc)
{
    uint32_t owners[NUM_BACKENDS];
    for (int backend = 0; backend < NUM_BACKENDS; backend++) {
        owners[backend] = atomic_load(&s->board->queues->queues[s->model.backends[backend]].lock.owner) & 0xffff;
    }
    return owners[0] == inc || owners[1] == inc;
}

static bool step(pid_t pid)
{
    int status;
    return ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

// Walks a process to where it holds the lock of a queue and a random number of instructions on: chance alone would hit
// those few hundred rarely. Where tracing is not allowed, chance must do.
static void walk_into_lock(struct stage *s, uint32_t slot)
{
    int status;
    pid_t pid = s->pids[slot];
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        return;
    }
    s->num_walks++;
    uint64_t until = clock_mono_us() + WALK_US;
    for (int i = 0; i < MAX_STEPS && clock_mono_us() < until && !holds_lock(s, s->incs[slot]); i++) {
        if (!step(pid)) {
            return;
        }
    }
    for (uint32_t i = stage_draw(s, LOCKED_STEPS); i > 0 && step(pid); i--) {
    }
}

static void bury(struct stage *s, uint32_t slot)
{
    uint32_t inc = s->incs[slot];
    int status;
    do {
        assert_int_equal(waitpid(s->pids[slot], &status, 0), s->pids[slot]);
    } while (WIFSTOPPED(status));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (int server = 0; server < NUM_SERVERS; server++) {
        atomic_fetch_and(&s->oracle->held[server], ~(UINT64_C(0xff) << (slot * MAX_HELD)));
        const uint64_t *cells = board_counters(s->board, inc, s->model.servers[server]);
        for (int counter = 0; counter < NUM_COUNTERS; counter++) {
            uint64_t ahead = cells[counter] - s->oracle->counts[inc][server][counter];
            assert_true(ahead <= 1);
            s->num_ahead += ahead;
            s->gone[server][counter] += cells[counter];
        }
    }
    s->num_locks += holds_lock(s, inc);
    if (stage_draw(s, 8) == 0) {
        clean_killed(s, inc);
    }
    board_incarnation_dead(s->board, inc);
    assert_int_equal(board_incarnation_at(s->board, inc)->state, BOARD_STATE_FREE);
    for (int server = 0; server < NUM_SERVERS; server++) {
        assert_int_equal(board_lane_own(s->board, s->model.servers[server], inc), 0);
    }
}

// What the board says is at least what was counted before it was asked, and at most what was after.
static void check_sums(struct stage *s)
{
    for (int server = 0; server < NUM_SERVERS; server++) {
        for (int counter = 0; counter < NUM_COUNTERS; counter++) {
            uint64_t low = s->gone[server][counter], high = low;
            for (int slot = 0; slot < NUM_WORKERS; slot++) {
                low += __atomic_load_n(&s->oracle->counts[s->incs[slot]][server][counter], __ATOMIC_ACQUIRE);
            }
            uint64_t sum = board_counter_sum(s->board, s->model.servers[server], (uint32_t)counter);
            for (int slot = 0; slot < NUM_WORKERS; slot++) {
                high += __atomic_load_n(&s->oracle->counts[s->incs[slot]][server][counter], __ATOMIC_ACQUIRE) + 1;
            }
            assert_true(low <= sum && sum <= high);
        }
    }
}

static bool drained(struct stage *s)
{
    uint32_t left = board_journal_laggard(s->board, s->board->journal->last);
    for (int backend = 0; backend < NUM_BACKENDS; backend++) {
        left += board_queue_len(s->board, s->model.backends[backend], 0);
    }
    for (int server = 0; server < NUM_SERVERS; server++) {
        left += board_lane_sum(s->board, s->model.servers[server]);
    }
    return left == 0;
}

static void phase_set(struct stage *s, uint32_t phase)
{
    atomic_store(&s->oracle->phase, phase);
    for (int slot = 0; slot < NUM_WORKERS; slot++) {
        board_wake(s->board, s->incs[slot]);
    }
}

static void drain(struct stage *s)
{
    phase_set(s, PHASE_DRAIN);
    uint64_t until = clock_mono_us() + DRAIN_US;
    while (!drained(s) && clock_mono_us() < until) {
        usleep(200);
    }
    if (!drained(s)) {
        for (int server = 0; server < NUM_SERVERS; server++) {
            fprintf(stderr, "server %d: held %u reserved %u waiters %u\n", server,
                    board_lane_sum(s->board, s->model.servers[server]),
                    s->board->lanes->units[s->model.servers[server]][0],
                    board_queue_len(s->board, s->model.backends[server / 2], s->model.servers[server]));
        }
        fail_msg("somebody waits though slots are free");
    }
    for (int server = 0; server < NUM_SERVERS; server++) {
        assert_int_equal(s->board->lanes->units[s->model.servers[server]][0], 0);
        assert_int_equal(board_queue_len(s->board, s->model.backends[server / 2], s->model.servers[server]), 0);
        assert_int_equal(atomic_load(&s->oracle->held[server]), 0);
    }
    for (int backend = 0; backend < NUM_BACKENDS; backend++) {
        struct board_queue *queue = &s->board->queues->queues[s->model.backends[backend]];
        assert_int_equal(queue->head | queue->tail | queue->num_any | queue->lock.owner, 0);
    }
    phase_set(s, PHASE_RUN);
}

static void stage_init(struct stage *s, void (*run)(struct worker *))
{
    static const char *servers[NUM_SERVERS] = { "s/one/1", "s/one/2", "s/two/1", "s/two/2" };
    s->board = board_new();
    assert_non_null(s->board);
    s->oracle = mmap(NULL, sizeof(*s->oracle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s->oracle != MAP_FAILED);
    board_incarnation_enter(s->board, board_incarnation_take(s->board, BOARD_ROLE_MASTER, 0, 0));
    s->run = run;
    s->model.board = s->board;
    s->model.oracle = s->oracle;
    s->model.backends[0] = board_object(s->board, "b/one");
    s->model.backends[1] = board_object(s->board, "b/two");
    for (int i = 0; i < NUM_SERVERS; i++) {
        s->model.servers[i] = board_object(s->board, servers[i]);
    }
    s->seed = getenv("BOARD_SEED") ? (uint32_t)atoi(getenv("BOARD_SEED")) : (uint32_t)clock_wall_us();
    printf("BOARD_SEED=%u\n", s->seed);
}

// Whether to go on after `kills` of them.
static bool kills_on(uint64_t start, int kills, int part)
{
    const char *told = getenv("BOARD_KILLS");
    return kills < (told ? atoi(told) : 2000) / part && (told || clock_mono_us() - start < KILL_US);
}

static void test_kill(void **state)
{
    (void)state;
    static struct stage s;
    stage_init(&s, worker_run);
    for (uint32_t slot = 0; slot < NUM_WORKERS; slot++) {
        spawn(&s, slot);
    }
    uint64_t start = clock_mono_us();
    int kills = 0;
    for (int i = 1; kills_on(start, kills, 1); i++, kills++) {
        if (stage_draw(&s, 3)) {
            usleep(stage_draw(&s, 2500));
        }
        uint32_t slot = stage_draw(&s, NUM_WORKERS);
        if (i % 2 == 0) {
            uint32_t other = s.incs[(slot + 1) % NUM_WORKERS];
            board_queue_pass_over(s.board, other);
            board_wake(s.board, other);
        }
        if (i % 3 == 0) {
            walk_into_lock(&s, slot);
        }
        kill(s.pids[slot], SIGKILL);
        append(&s);
        bury(&s, slot);
        spawn(&s, slot);
        read_rings(&s);
        check_sums(&s);
        assert_int_equal(atomic_load(&s.oracle->num_breaches), 0);
        assert_int_equal(atomic_load(&s.oracle->num_errors), 0);
        if (i % KILLS_PER_DRAIN == 0) {
            drain(&s);
        }
    }
    drain(&s);
    for (uint32_t slot = 0; slot < NUM_WORKERS; slot++) {
        kill(s.pids[slot], SIGKILL);
        bury(&s, slot);
    }
    for (int server = 0; server < NUM_SERVERS; server++) {
        assert_int_equal(board_lane_sum(s.board, s.model.servers[server]), 0);
        for (uint32_t counter = 0; counter < NUM_COUNTERS; counter++) {
            assert_int_equal(board_counter_sum(s.board, s.model.servers[server], counter), s.gone[server][counter]);
        }
    }
    for (uint32_t chunk = 0; chunk < BOARD_CHUNKS; chunk++) {
        assert_int_equal(s.board->queues->chunks[chunk].owner, 0);
    }
    assert_true(s.num_walks < 100 || s.num_locks > 0);
    assert_true(kills == 0 || (s.num_records > 0 && s.num_entries > 0));
    printf("%d kills, %llu with the queue's lock held, %llu between count and oracle, %llu cleaners killed; "
           "%llu units taken, %llu granted, %llu granted in vain, %llu records, %llu entries\n",
           kills, (unsigned long long)s.num_locks, (unsigned long long)s.num_ahead, (unsigned long long)s.num_cleaners,
           (unsigned long long)s.oracle->num_acquired, (unsigned long long)s.oracle->num_granted,
           (unsigned long long)s.oracle->num_lost, (unsigned long long)s.num_records,
           (unsigned long long)s.num_entries);
    munmap(s.oracle, sizeof(*s.oracle));
    board_free(s.board);
}

static void await_progress(struct stage *s, uint32_t slot)
{
    uint64_t before = atomic_load(&s->oracle->progress[slot]), until = clock_mono_us() + DRAIN_US;
    while (atomic_load(&s->oracle->progress[slot]) == before) {
        if (clock_mono_us() > until) {
            fail_msg("it sleeps though the slot is free");
        }
        usleep(20);
    }
}

// Of a pair one is killed anywhere; the other must get the slot, for nobody else is there to free it.
static void test_pair(void **state)
{
    (void)state;
    static struct stage s;
    stage_init(&s, pair_run);
    spawn(&s, 0);
    spawn(&s, 1);
    uint64_t start = clock_mono_us();
    for (int i = 1; kills_on(start, i, 5); i++) {
        uint32_t slot = stage_draw(&s, 2);
        await_progress(&s, 0);
        await_progress(&s, 1);
        usleep(stage_draw(&s, 1000));
        await_progress(&s, slot);
        if (i % 2 && ptrace(PTRACE_ATTACH, s.pids[slot], 0, 0) == 0) {
            int status;
            assert_int_equal(waitpid(s.pids[slot], &status, 0), s.pids[slot]);
            uint64_t until = clock_mono_us() + WALK_US;
            uint32_t steps = stage_draw(&s, PAIR_STEPS);
            for (; steps > 0 && clock_mono_us() < until && step(s.pids[slot]); steps--) {
            }
        }
        kill(s.pids[slot], SIGKILL);
        bury(&s, slot);
        await_progress(&s, !slot);
        spawn(&s, slot);
        assert_int_equal(atomic_load(&s.oracle->num_errors), 0);
    }
    for (uint32_t slot = 0; slot < 2; slot++) {
        kill(s.pids[slot], SIGKILL);
        bury(&s, slot);
    }
    assert_int_equal(board_queue_len(s.board, s.model.backends[0], 0), 0);
    assert_int_equal(board_lane_sum(s.board, s.model.servers[0]), 0);
    munmap(s.oracle, sizeof(*s.oracle));
    board_free(s.board);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill), cmocka_unit_test(test_pair) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
