// SPDX-License-Identifier: Apache-2.0
// A check that is a list of steps, while it is under way: its connection, its buffers, where it is. Private to
// src/check. A run exists from the moment the check begins until its result is told; a connection holds memory for
// bytes only while there are some.
#pragma once

#include "check/answer.h"
#include "check/engine.h"
#include "transport/conn.h"
#include "transport/socks4.h"

enum { CHECK_TEXT_LEN = 128 };

struct check_run {
    struct transport_conn conn;
    struct event_task task;
    struct check *check;
    struct check_run *next_free;
    const struct check_step *step;    // that is being done
    const struct check_step *connect; // the last of them
    struct buf in;                    // what came since the last step that sent
    struct buf out;                   // what is to be sent
    struct expr_subject subject;
    struct check_facts facts; // for the subject, as check_run_facts found them last
    struct check_answer answer;
    struct transport_address to; // where the connection leads, which is behind `socks4` where it is used
    struct transport_socks4 socks4;
    uint16_t code; // HTTP status of the last answer
    uint16_t port; // that was connected to
    uint8_t num_connects;
    bool started; // the step's connect was begun
    bool greeted; // what goes before TLS, a PROXY header and the like, was made
    bool sent;    // the step's bytes were made
    bool read;    // something was read since the last bytes were sent
    bool waits;   // the step wants more than that
    bool ended;   // the peer's end was seen
};

// check_runs_free frees what is kept for the next runs.
void check_runs_free(void);

// check_run_ready gives the function that goes on with a run after an event on its connection.
void (*check_run_ready(void))(struct transport_conn *conn);

// check_run_deadline sets the timer anew: for a connect, or for what comes after it.
void check_run_deadline(struct check_run *run, bool connected);

// check_run_end ends `run` with its result; it is gone afterwards.
void check_run_end(struct check_run *run, enum check_status status, uint16_t code, const char *text);

// check_run_postpone ends it without one: this process has no descriptor for it. The next check is due as usual.
void check_run_postpone(struct check_run *run);

// check_run_failed ends it with what `error` (an errno; 0: none is known) or the time that is `out` means for the step
// it is at.
void check_run_failed(struct check_run *run, int error, bool out);

// check_run_look makes the facts for expressions those of now.
void check_run_look(struct check_run *run);

// check_run_flush sends what waits: IO_OK all of it is out.
enum io check_run_flush(struct check_run *run);

// check_run_connect is the step of that name, as the two below: true: done; false: it waits for an event, or the run is
// over and gone.
bool check_run_connect(struct check_run *run);

// check_run_send sends what its step says.
bool check_run_send(struct check_run *run);

// check_run_expect looks whether the answer is what its step expects.
bool check_run_expect(struct check_run *run);

// check_run_success_text writes what is told of a last step that expected something into `text` (CHECK_TEXT_LEN bytes),
// and sets `*code` where it says which.
void check_run_success_text(struct check_run *run, const struct check_step *last, char *text, uint16_t *code);

// check_request_write writes the request of a step into run->out; false where there is no room.
bool check_request_write(struct check_run *run, const struct check_request *request);
