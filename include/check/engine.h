// SPDX-License-Identifier: Apache-2.0
// The engine of health checks, for the files of src/check alone: one `struct check` for each server and kind, which its
// timer begins and ends, and a `struct check_run` with the connection and the buffers while it is under way
// (check/run.h). What a check found goes to check_report, whatever way it found it. Active controller only, on its
// loop; nothing blocks.
#pragma once

#include "backend/state.h"
#include "base/buf.h"
#include "base/clock.h"
#include "check/check.h"
#include "event/loop.h"
#include "expr/expr.h"
#include "expr/subject.h"
#include "expr/var.h"
#include "proxy/check_conf.h"
#include "table/proc_vars.h"

struct check;
struct check_run;
struct transport_tls_ctx;

enum check_kind { CHECK_HEALTH, CHECK_AGENT, CHECK_NUM_KINDS };

// How checks of one sort are done. All are called on the loop.
struct check_ops {
    // begin starts one. It ends with check_report, at once or later; until then check->timer is the check's own, set
    // to when it times out.
    void (*begin)(struct check *check);
    // timeout says that check->timer fired: it must call check_report.
    void (*timeout)(struct check *check);
    // drop ends one that is under way without a result.
    void (*drop)(struct check *check);
    // report takes the place of what check_report does for a health check (counting to rise and fall); NULL: that.
    void (*report)(struct check *check, enum check_status status, uint16_t code, const char *text);
};

// check_ops_steps runs check->steps (check/run.c).
extern const struct check_ops check_ops_steps;

struct check {
    struct event_timer timer; // when it begins, or, while it is under way, times out
    const struct server_conf *server;
    const struct proxy_conf *proxy;
    struct backend_state *state;
    const struct check_ops *ops;
    const struct check_step *steps;
    struct check_run *run; // of check_ops_steps
    void *own;             // of other ops
    uint64_t inter_us;
    uint64_t fastinter_us;
    uint64_t downinter_us;
    uint64_t began_us; // monotonic, of the one under way or the last
    uint32_t rise;
    uint32_t fall;
    uint8_t kind; // enum check_kind
    bool running; // one is under way
    bool again;   // begin the next one at once, as it ended by a wish
};

// What all checks share.
struct checks {
    struct event_loop *loop;
    const struct program_conf *conf;
    struct board *board;
    uint32_t inc;
    struct check **all; // servers come and go (backend/server_change.h)
    uint32_t num;
    uint32_t room;
    struct check **by_object[CHECK_NUM_KINDS]; // by the server's object, NULL where it has none
    uint32_t num_objects;
    struct buf_pool bufs;
    struct expr_process expr;
    struct table_proc_vars proc_vars;
    struct transport_tls_ctx *tls; // made with the first check that needs it
    struct check_run *free_runs;
};

// checks gives them; `loop` is NULL while there are none.
extern struct checks checks;

// check_of gives the check of `server`, or NULL where it has none of that kind.
struct check *check_of(const struct server_conf *server, enum check_kind kind);

// check_report ends the check that is under way with its result, and sets the timer for the next one: it counts to rise
// and fall, changes the server's state where that is reached, puts all on the board and into the log. `code` 0: none;
// `text`, for logs and statistics, may be NULL.
void check_report(struct check *check, enum check_status status, uint16_t code, const char *text);

// check_drop ends it without a result, and sets the timer for the next one.
void check_drop(struct check *check);

// check_note is the part of check_report that counts and tells, for what was not found by a check (`observe`): one that
// is under way goes on. `duration_ms` is -1 where there is none.
void check_note(struct check *check, enum check_status status, uint16_t code, const char *text, int32_t duration_ms);

struct check_result;

// check_show puts a result on the board, for statistics, and does nothing else.
void check_show(const struct check *check, const struct check_result *result);

// A result, as it is told.
struct check_result {
    enum check_status status;
    int32_t code;
    const char *text;    // or NULL
    int32_t duration_ms; // -1: none
};

// check_describe writes "reason: Layer7 wrong status, code: 503, info: "...", check duration: 1ms" to `out`.
void check_describe(char *out, size_t cap, const struct check_result *result);

// check_set_op changes the state of the check's server for what `result` says, and tells the log.
void check_set_op(struct check *check, enum backend_op op, const struct check_result *result);

// check_health gives the health that the check has counted, from 0 to rise + fall - 1.
uint32_t check_health(const struct check *check);

// check_set_health sets it.
void check_set_health(const struct check *check, uint32_t health);

// check_flags gives where the check's bits (BACKEND_CHECK_*) stand.
_Atomic uint32_t *check_flags(const struct check *check);

// check_status_is_failure says whether `status` counts towards `fall`.
bool check_status_is_failure(enum check_status status);

// check_begin_soon makes the next check begin `delay_us` from now, unless it begins earlier.
void check_begin_soon(struct check *check, uint64_t delay_us);

// check_interval gives how long to wait from the end of one check to the next, in microseconds, spread-checks included.
uint64_t check_interval(const struct check *check);
