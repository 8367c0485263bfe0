// SPDX-License-Identifier: Apache-2.0
// What an expression is evaluated for: a connection, a request with its answer, a check. The facts themselves belong to
// higher floors and are opaque here; this area knows where their variables, the room for made values and the clock are.
// A subject lives as long as what it describes (a stream holds its own; a connection's is made for one list of rules).
// Not shared between processes; nothing here allocates.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct config_place;
struct expr_sample;
struct expr_var_store;
struct expr_var_pool;

// Moments of a connection's life. A fetch says at which ones it has its fact; a rule is evaluated at one of them.
enum {
    EXPR_AT_BOOT = 1 << 0,             // while the configuration is read, without a subject
    EXPR_AT_CONNECT = 1 << 1,          // a connection was accepted
    EXPR_AT_SESSION = 1 << 2,          // handshakes are done
    EXPR_AT_REQUEST_CONTENT = 1 << 3,  // first bytes of the client
    EXPR_AT_REQUEST_HEAD = 1 << 4,     // a whole request head
    EXPR_AT_REQUEST_BODY = 1 << 5,     // as much of its body as was waited for
    EXPR_AT_RESPONSE_CONTENT = 1 << 6, // first bytes of the server
    EXPR_AT_RESPONSE_HEAD = 1 << 7,    // a whole response head
    EXPR_AT_RESPONSE_BODY = 1 << 8,    // its body
    EXPR_AT_LOG = 1 << 9,              // the stream has ended
    EXPR_AT_CHECK = 1 << 10,           // a health check

    // Unions for fetches. Facts of a connection stay known to its streams.
    EXPR_FROM_RESPONSE_HEAD = EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY | EXPR_AT_LOG,
    EXPR_FROM_REQUEST_HEAD = EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY, // what needs the head itself: gone afterwards
    EXPR_FROM_CONNECT = 0x3ff & ~EXPR_AT_BOOT,
    EXPR_FROM_CONTENT = EXPR_FROM_CONNECT & ~(EXPR_AT_CONNECT | EXPR_AT_SESSION), // what needs a stream
    EXPR_FROM_SERVER = EXPR_AT_RESPONSE_CONTENT | EXPR_FROM_RESPONSE_HEAD,        // what needs a server
    EXPR_ALWAYS = 0x7ff,
};

// Where variables live (manual section 2.8).
enum expr_scope {
    EXPR_SCOPE_PROC,
    EXPR_SCOPE_SESS,
    EXPR_SCOPE_TXN,
    EXPR_SCOPE_REQ,
    EXPR_SCOPE_RES,
    EXPR_SCOPE_CHECK,
    EXPR_NUM_SCOPES
};

// Room for values that converters and format strings make: one block per process, handed out from its start. What is
// taken holds until expr_scratch_release; running out is no error but a value that is not there.
struct expr_scratch {
    char *mem;
    uint32_t cap;
    uint32_t len;
};

// Variables of the whole service, on the board; the functions belong to the area that has it.
struct expr_proc_vars {
    // get puts the value of the variable `id` into `out`, its text into `scratch`; false where it has none.
    bool (*get)(void *arg, struct expr_sample *out, uint64_t id, struct expr_scratch *scratch);
    // set gives it a value, unset takes it away; false where there is no room.
    bool (*set)(void *arg, uint64_t id, struct slice name, const struct expr_sample *value);
    bool (*unset)(void *arg, uint64_t id);
    void *arg;
};

// What the converter when() may ask of a stream.
enum expr_condition {
    EXPR_IF_ERROR,
    EXPR_IF_NORMAL,
    EXPR_IF_FORWARDED,
    EXPR_IF_TO_APPLET,
    EXPR_IF_PROCESSED,
    EXPR_IF_STOPPING, // answered from expr_process.stopping
};

struct expr_subject;

// What all subjects of a process share.
struct expr_process {
    struct expr_scratch scratch;
    const uint64_t *now_us;  // monotonic, of this turn of the loop
    const uint64_t *wall_us; // time of day
    struct expr_var_pool *vars;
    const struct expr_proc_vars *proc_vars;
    uint64_t start_us; // monotonic, when the process began
    uint32_t worker;   // its number, from 0
    int32_t pid;
    uint64_t random[4];   // state of xoshiro256**, seeded by expr_process_begin
    const bool *stopping; // a soft stop is under way; NULL: it is not known
    bool (*holds)(const struct expr_subject *subject, enum expr_condition condition); // NULL: none does
    void *owner; // of the areas above: struct stream_ctx
};

struct expr_subject {
    struct expr_process *process;
    void *session;                                // struct proxy_session
    void *stream;                                 // struct stream; NULL before there is one, and for connections' rules
    void *log;                                    // struct stream_log, at EXPR_AT_LOG
    const void *check;                            // struct check_facts (proxy/check_conf.h), at EXPR_AT_CHECK
    struct expr_var_store *vars[EXPR_NUM_SCOPES]; // NULL: none set yet, or no such scope here (see `scopes`)
    uint32_t scopes;                              // bit per scope that may be set; proc needs none
    uint32_t when;                                // the EXPR_AT_* bit of now
    bool final;                                   // in: no more data will come, decide now
    bool may_change;                              // out: a fetch could answer differently once more data is here
    uint8_t depth;                                // of ACLs that name ACLs
    bool acted;                           // out, of rule_run_list: RULE_WAIT came from an action, not a condition
    const struct config_place *last_rule; // of the last rule that ended its list, or NULL
};

// expr_process_begin notes the number of the calling process and seeds `random`. After the fork.
void expr_process_begin(struct expr_process *process);

// expr_process_random gives 64 random bits. They are no secret: who sees some can tell the next.
uint64_t expr_process_random(struct expr_process *process);

// expr_scratch_take gives `len` bytes, or NULL where there are not as many.
static inline char *expr_scratch_take(struct expr_scratch *scratch, size_t len)
{
    if (len > scratch->cap - scratch->len)
        return NULL;
    char *mem = scratch->mem + scratch->len;
    scratch->len += (uint32_t)len;
    return mem;
}

// expr_scratch_rest gives all that is left, for a caller who does not know yet how much it needs: it writes there and
// then takes what it used.
static inline char *expr_scratch_rest(const struct expr_scratch *scratch, size_t *len)
{
    *len = scratch->cap - scratch->len;
    return scratch->mem + scratch->len;
}

// expr_scratch_mark remembers how much is taken, for expr_scratch_release.
static inline uint32_t expr_scratch_mark(const struct expr_scratch *scratch)
{
    return scratch->len;
}

// expr_scratch_release gives back what was taken since `mark`.
static inline void expr_scratch_release(struct expr_scratch *scratch, uint32_t mark)
{
    scratch->len = mark;
}
