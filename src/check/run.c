// SPDX-License-Identifier: Apache-2.0
// A check that is a list of steps. Each is done as far as the connection lets it; then the run waits for an event on
// the connection or for its timer.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "check/run.h"
#include "rule/rule.h"
#include "transport/tls.h"

static struct check_run *run_take(void)
{
    struct check_run *run = checks.free_runs;
    if (run)
        checks.free_runs = run->next_free;
    else
        run = malloc(sizeof(*run));
    if (run) {
        *run = (struct check_run){ .conn = { .source = { .fd = -1 } } };
        event_task_init(&run->task, NULL);
    }
    return run;
}

static void run_close(struct check_run *run)
{
    bool reset = !run->connect || !run->connect->connect.linger;
    transport_conn_close(checks.loop, &run->conn, reset);
    run->conn.tls = NULL;
    buf_release(&run->in, &checks.bufs);
    buf_release(&run->out, &checks.bufs);
    check_answer_fini(&run->answer);
}

static void run_give(struct check_run *run)
{
    run->check->run = NULL;
    run_close(run);
    event_task_cancel(&run->task);
    expr_vars_end(&run->subject, EXPR_SCOPE_CHECK);
    expr_vars_end(&run->subject, EXPR_SCOPE_SESS);
    run->next_free = checks.free_runs;
    checks.free_runs = run;
}

void check_runs_free(void)
{
    while (checks.free_runs) {
        struct check_run *run = checks.free_runs;
        checks.free_runs = run->next_free;
        free(run);
    }
}

void check_run_end(struct check_run *run, enum check_status status, uint16_t code, const char *text)
{
    struct check *check = run->check;
    run_give(run);
    check_report(check, status, code, text);
}

void check_run_look(struct check_run *run)
{
    const struct check_answer *answer = &run->answer;
    struct slice data = slice_of(buf_data(&run->in), buf_len(&run->in));
    bool has_head = answer->fields && answer->head.len;
    run->facts.data = data;
    run->facts.room = checks.bufs.chunk_len;
    run->facts.head = has_head ? &answer->head : NULL;
    run->facts.body = has_head ? check_answer_body(answer, data) : slice_of(NULL, 0);
}

// True: the step is done. False: it waits, or the run is over and gone.
static bool do_step(struct check_run *run)
{
    switch (run->step->action) {
    case CHECK_CONNECT:
        return check_run_connect(run);
    case CHECK_SEND:
        return check_run_send(run);
    case CHECK_EXPECT:
        return check_run_expect(run);
    default:
        check_run_look(run);
        (void)rule_run_list(run->step->rule, &run->subject, NULL);
        return true;
    }
}

void check_run_postpone(struct check_run *run)
{
    struct check *check = run->check;
    run_give(run);
    check_drop(check);
}

// All steps went well: what the last one was says how well.
static void run_finish(struct check_run *run, const struct check_step *last)
{
    char text[CHECK_TEXT_LEN] = "(tcp-check)";
    enum check_status status = CHECK_L7OK;
    uint16_t code = run->code;
    if (last->action == CHECK_CONNECT) {
        status = transport_tls_of(&run->conn) ? CHECK_L6OK : CHECK_L4OK;
        if (last->connect.implicit)
            text[0] = '\0';
    } else if (last->action == CHECK_EXPECT) {
        status = last->expect.ok_status ? last->expect.ok_status : CHECK_L7OK;
        check_run_success_text(run, last, text, &code);
    }
    check_run_end(run, status, code, text);
}

static void run_go(struct check_run *run)
{
    for (;;) {
        const struct check_step *step = run->step;
        if (!do_step(run))
            return;
        // An expectation may have ended it all.
        if (run->step == step && !step->next) {
            run_finish(run, step);
            return;
        }
        run->step = step->next;
        run->sent = run->started = false;
    }
}

static void conn_ready(struct transport_conn *conn)
{
    run_go(CONTAINER_OF(conn, struct check_run, conn));
}

void (*check_run_ready(void))(struct transport_conn *conn)
{
    return conn_ready;
}

// HAProxy gives a connect the time of `timeout connect` where there is `timeout check`, and never more than an
// interval.
void check_run_deadline(struct check_run *run, bool connected)
{
    const struct check *check = run->check;
    const struct proxy_timeouts *timeouts = &check->proxy->timeouts;
    uint64_t limit_us = check->inter_us;
    if (connected && timeouts->check)
        limit_us = timeouts->check;
    else if (!connected && timeouts->check && timeouts->connect && timeouts->connect < limit_us)
        limit_us = timeouts->connect;
    event_timer_set(checks.loop, &run->check->timer, checks.loop->now_us + limit_us);
}

static void steps_begin(struct check *check)
{
    struct check_run *run = run_take();
    if (!run) {
        check_report(check, CHECK_SOCKERR, 0, "out of memory");
        return;
    }
    check->run = run;
    run->check = check;
    run->step = check->steps;
    run->facts = (struct check_facts){ .server = check->server, .proxy = check->proxy, .conn = &run->conn };
    run->subject = (struct expr_subject){
        .process = &checks.expr,
        .when = EXPR_AT_CHECK,
        .check = &run->facts,
        .scopes = 1U << EXPR_SCOPE_CHECK | 1U << EXPR_SCOPE_SESS,
        .final = true,
    };
    check_run_deadline(run, false);
    run_go(run);
}

static void steps_timeout(struct check *check)
{
    check_run_failed(check->run, ETIMEDOUT, true);
}

static void steps_drop(struct check *check)
{
    run_give(check->run);
}

const struct check_ops check_ops_steps = { .begin = steps_begin, .timeout = steps_timeout, .drop = steps_drop };
