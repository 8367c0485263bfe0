// SPDX-License-Identifier: Apache-2.0
// What the words that ask stick tables have in common: sc_NAME, sc0_NAME to sc2_NAME and src_NAME are fetches,
// table_NAME are converters, and all mean the same of an entry that they find in different ways. Private to this area;
// runs in workers.
#pragma once

#include "expr/conv.h"
#include "proxy/ref.h"
#include "stream/track.h"

enum stream_track_op {
    STREAM_TRACK_READ,
    STREAM_TRACK_KBYTES,   // likewise, in units of 1024
    STREAM_TRACK_INC,      // of a counter: one more, in its rate too; gives the new value
    STREAM_TRACK_CLEAR,    // gives the value of before
    STREAM_TRACK_TRACKERS, // how many hold the entry
};

// What a word asks for.
struct stream_track_what {
    enum stream_track_op op;
    enum stick_data data;
    uint32_t index; // of arrays
};

// stream_track_makes says whether an entry that is not there is made for `op`.
static inline bool stream_track_makes(enum stream_track_op op)
{
    return op == STREAM_TRACK_INC || op == STREAM_TRACK_CLEAR;
}

// stream_track_find gives the place of `*data` and `*index` in tables of `conf`: where an array is stored, gpc0 and its
// kin are its first elements. False where nothing of that kind is stored.
bool stream_track_find(const struct stick_table_conf *conf, enum stick_data *data, uint32_t *index);

// stream_track_add counts `add` in the general purpose counter `index` of `entry`, named by `data` (STICK_GPC,
// STICK_GPC0 or STICK_GPC1), and in its rate. Gives the counter's new value, or the rate's where that alone is stored.
uint64_t stream_track_add(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
                          uint64_t add);

// stream_track_ask puts what `what` asks of `entry` into `out`. 0 where `entry` is NULL; false where it is not stored.
bool stream_track_ask(struct expr_sample *out, struct stick_table *table, struct stick_entry *entry,
                      const struct stream_track_what *what);

// stream_track_ask_key does so of the entry of `key`, which may be `out`, made where the operation wants it. False
// where the key is of another kind.
bool stream_track_ask_key(struct expr_sample *out, const struct stick_table_conf *conf, const struct expr_sample *key,
                          const struct stream_track_what *what);

// stream_track_table gives the table that the prepared argument `arg` means, NULL where it is absent.
static inline const struct stick_table_conf *stream_track_table(const struct expr_arg *arg)
{
    const struct proxy_ref *ref = arg->data;
    return ref ? ref->table : NULL;
}

// stream_track_prepare_table notes the table that `arg` means: that of its proxy where it is absent.
const char *stream_track_prepare_table(struct config *config, struct expr_arg *arg);

// stream_track_prepare_index reads `arg` as the index of an array. NULL, or what is wrong.
const char *stream_track_prepare_index(struct expr_arg *arg);

// What all three kinds of words have: X(name, operation, data, what it is). The name is that behind "sc_"; an array's
// (Y) take an index first.
#define STREAM_TRACK_COMMON(X)                                                                                         \
    X(bytes_in_rate, READ, BYTES_IN_RATE, "Bytes that came from clients in a period")                                  \
    X(bytes_out_rate, READ, BYTES_OUT_RATE, "Bytes that went to clients in a period")                                  \
    X(clr_gpc0, CLEAR, GPC0, "Sets the general purpose counter 0 to 0, and gives what it was,")                        \
    X(clr_gpc1, CLEAR, GPC1, "Sets the general purpose counter 1 to 0, and gives what it was,")                        \
    X(conn_cnt, READ, CONN_CNT, "The number of connections")                                                           \
    X(conn_cur, READ, CONN_CUR, "The number of open connections")                                                      \
    X(conn_rate, READ, CONN_RATE, "Connections in a period")                                                           \
    X(glitch_cnt, READ, GLITCH_CNT, "The number of small faults of connections (none in HTTP/1)")                      \
    X(glitch_rate, READ, GLITCH_RATE, "Small faults of connections in a period (none in HTTP/1)")                      \
    X(gpc0_rate, READ, GPC0_RATE, "Increments of the general purpose counter 0 in a period")                           \
    X(gpc1_rate, READ, GPC1_RATE, "Increments of the general purpose counter 1 in a period")                           \
    X(http_err_cnt, READ, HTTP_ERR_CNT,                                                                                \
      "The number of HTTP errors of clients: bad, denied and tarpitted requests, "                                     \
      "and those answered with http-err-codes (4xx),")                                                                 \
    X(http_err_rate, READ, HTTP_ERR_RATE, "HTTP errors of clients in a period")                                        \
    X(http_fail_cnt, READ, HTTP_FAIL_CNT,                                                                              \
      "The number of HTTP failures of servers: bad answers, and those with "                                           \
      "http-fail-codes (5xx),")                                                                                        \
    X(http_fail_rate, READ, HTTP_FAIL_RATE, "HTTP failures of servers in a period")                                    \
    X(http_req_cnt, READ, HTTP_REQ_CNT, "The number of HTTP requests, good or bad,")                                   \
    X(http_req_rate, READ, HTTP_REQ_RATE, "HTTP requests in a period, good or bad,")                                   \
    X(inc_gpc0, INC, GPC0, "Adds 1 to the general purpose counter 0, and gives the sum,")                              \
    X(inc_gpc1, INC, GPC1, "Adds 1 to the general purpose counter 1, and gives the sum,")                              \
    X(kbytes_in, KBYTES, BYTES_IN_CNT, "Units of 1024 bytes that came from clients")                                   \
    X(kbytes_out, KBYTES, BYTES_OUT_CNT, "Units of 1024 bytes that went to clients")                                   \
    X(sess_cnt, READ, SESS_CNT,                                                                                        \
      "The number of connections that the rules of 'tcp-request connection' and "                                      \
      "'tcp-request session' let pass")                                                                                \
    X(sess_rate, READ, SESS_RATE, "Connections in a period that those rules let pass")

#define STREAM_TRACK_ARRAYS(Y)                                                                                         \
    Y(clr_gpc, CLEAR, GPC, "Sets that element of gpc to 0, and gives what it was,")                                    \
    Y(gpc_rate, READ, GPC_RATE, "That element of gpc_rate: increments in a period")                                    \
    Y(inc_gpc, INC, GPC, "Adds 1 to that element of gpc, and gives the sum,")

// Of fetches these begin with get_, of converters they do not.
#define STREAM_TRACK_GETS(X)                                                                                           \
    X(gpc0, READ, GPC0, "The general purpose counter 0")                                                               \
    X(gpc1, READ, GPC1, "The general purpose counter 1")                                                               \
    X(gpt0, READ, GPT0, "The general purpose tag 0")

#define STREAM_TRACK_ARRAY_GETS(Y)                                                                                     \
    Y(gpc, READ, GPC, "That element of gpc")                                                                           \
    Y(gpt, READ, GPT, "That element of gpt")

#define STREAM_TRACK_WHAT(operation, kind, at)                                                                         \
    (&(const struct stream_track_what){ .op = STREAM_TRACK_##operation, .data = STICK_##kind, .index = (at) })
