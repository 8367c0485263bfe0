// SPDX-License-Identifier: Apache-2.0
// Fetches of what the connection or the stream tracks: sc_NAME(<ctr>) and its short forms sc0_NAME to sc2_NAME. With a
// table they ask the entry of the same key there. What is not tracked has no value.
#include "stream/track_words.h"
#include "expr/put.h"

// The entry that the words with counter `number` mean, a reference where it is another table's (`*is_ours` then).
// False where nothing is tracked.
static bool find_entry(struct stick_table **table, struct stick_entry **entry, bool *is_ours,
                       const struct stream_track_counter *counter, const struct expr_arg *arg)
{
    if (!counter)
        return false;
    const struct stick_table_conf *other = stream_track_table(arg), *own = stick_conf_of(counter->table);
    *table = counter->table;
    *entry = counter->entry;
    *is_ours = other && other != own;
    if (*is_ours) {
        *table = other->table;
        *entry = other->type == own->type ? stick_find1(other->table, stick_entry_key(counter->table, counter->entry))
                                          : NULL;
    }
    return true;
}

static bool ask(struct expr_subject *subject, struct expr_sample *out, uint64_t number, const struct expr_arg *table,
                const struct stream_track_what *what)
{
    struct stick_table *where;
    struct stick_entry *entry;
    bool is_ours;
    if (!find_entry(&where, &entry, &is_ours, stream_track_of(subject, number), table))
        return false;
    bool found = stream_track_ask(out, where, entry, what);
    if (is_ours && entry)
        stick_put(where, entry);
    return found;
}

// The key as it is stored.
static bool ask_key(struct expr_subject *subject, struct expr_sample *out, uint64_t number)
{
    const struct stream_track_counter *counter = stream_track_of(subject, number);
    if (counter)
        stick_entry_sample(out, counter->table, counter->entry);
    return counter != NULL;
}

static const char *prepare_number(struct expr_arg *arg)
{
    if (!slice_to_i64(arg->str, &arg->num) || arg->num < 0)
        return "the number of a tracked counter is wanted: 0 for track-sc0";
    return NULL;
}

static const char *prepare_given(struct config *config, struct expr_arg *arg)
{
    return arg->str.ptr ? stream_track_prepare_table(config, arg) : NULL;
}

static const char *prepare_key(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    return prepare_number(&args[0]);
}

static const char *prepare_short(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return prepare_given(config, &args[0]);
}

static const char *prepare_long(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    const char *wrong = prepare_number(&args[0]);
    return wrong ? wrong : prepare_given(config, &args[1]);
}

static const char *prepare_array(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    const char *wrong = stream_track_prepare_index(&args[0]);
    wrong = wrong ? wrong : prepare_number(&args[1]);
    return wrong ? wrong : prepare_given(config, &args[2]);
}

#define FETCH(name)                                                                                                    \
    static bool name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,               \
                     struct expr_walk *walk)

#define SHORT(name, number, what)                                                                                      \
    FETCH(sc##number##_##name)                                                                                         \
    {                                                                                                                  \
        (void)walk;                                                                                                    \
        return ask(subject, out, number, &args[0], what);                                                              \
    }

#define FETCHES(name, op, data, text)                                                                                  \
    FETCH(sc_##name)                                                                                                   \
    {                                                                                                                  \
        (void)walk;                                                                                                    \
        return ask(subject, out, (uint64_t)args[0].num, &args[1], STREAM_TRACK_WHAT(op, data, 0));                     \
    }                                                                                                                  \
    SHORT(name, 0, STREAM_TRACK_WHAT(op, data, 0))                                                                     \
    SHORT(name, 1, STREAM_TRACK_WHAT(op, data, 0))                                                                     \
    SHORT(name, 2, STREAM_TRACK_WHAT(op, data, 0))

#define ARRAYS(name, op, data, text)                                                                                   \
    FETCH(sc_##name)                                                                                                   \
    {                                                                                                                  \
        (void)walk;                                                                                                    \
        return ask(subject, out, (uint64_t)args[1].num, &args[2], STREAM_TRACK_WHAT(op, data, (uint32_t)args[0].num)); \
    }

#define GETS(name, op, data, text)       FETCHES(get_##name, op, data, text)
#define ARRAY_GETS(name, op, data, text) ARRAYS(get_##name, op, data, text)

STREAM_TRACK_COMMON(FETCHES)
STREAM_TRACK_ARRAYS(ARRAYS)
STREAM_TRACK_GETS(GETS)
STREAM_TRACK_ARRAY_GETS(ARRAY_GETS)
FETCHES(trackers, TRACKERS, CONN_CUR, "")

#define STATE(number)                                                                                                  \
    FETCH(sc##number##_tracked)                                                                                        \
    {                                                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return put_bool(out, stream_track_of(subject, number) != NULL);                                                \
    }                                                                                                                  \
    FETCH(sc##number##_key)                                                                                            \
    {                                                                                                                  \
        (void)args, (void)walk;                                                                                        \
        return ask_key(subject, out, number);                                                                          \
    }
STATE(0)
STATE(1)
STATE(2)

FETCH(sc_tracked)
{
    (void)walk;
    return put_bool(out, stream_track_of(subject, (uint64_t)args[0].num) != NULL);
}

FETCH(sc_key)
{
    (void)walk;
    return ask_key(subject, out, (uint64_t)args[0].num);
}

#define LONG_ROW(word, type, text)                                                                                     \
    {                                                                                                                  \
        .name = "sc_" #word, .args = "<ctr>[,<table>]", .min_args = 1, .max_args = 2, .out = type,                     \
        .prepare = prepare_long, .when = EXPR_FROM_CONNECT, .fetch = sc_##word, .help = text,                          \
        .good = "sc_" #word "(0) 1", .bad = "sc_" #word "(x)", .bad_says = "the number of a tracked counter"           \
    }
#define SHORT_ROW(word, number, type, text)                                                                            \
    {                                                                                                                  \
        .name = "sc" #number "_" #word, .args = "[<table>]", .max_args = 1, .out = type, .prepare = prepare_short,     \
        .when = EXPR_FROM_CONNECT, .fetch = sc##number##_##word, .help = text, .good = "sc" #number "_" #word " 1",    \
        .bad = "sc" #number "_" #word "(a,b)", .bad_says = "takes ("                                                   \
    }
#define ROWS_OF(word, type, text)                                                                                      \
    LONG_ROW(word, type, text " of the entry that the counter tracks."),                                               \
        SHORT_ROW(word, 0, type, text " of the entry that counter 0 tracks."),                                         \
        SHORT_ROW(word, 1, type, text " of the entry that counter 1 tracks."),                                         \
        SHORT_ROW(word, 2, type, text " of the entry that counter 2 tracks."),
#define ROWS(word, op, data, text)     ROWS_OF(word, EXPR_INT, text)
#define GET_ROWS(word, op, data, text) ROWS_OF(get_##word, EXPR_INT, text)
#define ARRAY_ROW(word, op, data, text)                                                                                \
    { .name = "sc_" #word,                                                                                             \
      .args = "<idx>,<ctr>[,<table>]",                                                                                 \
      .min_args = 2,                                                                                                   \
      .max_args = 3,                                                                                                   \
      .out = EXPR_INT,                                                                                                 \
      .prepare = prepare_array,                                                                                        \
      .when = EXPR_FROM_CONNECT,                                                                                       \
      .fetch = sc_##word,                                                                                              \
      .help = text " of the entry that the counter tracks.",                                                           \
      .good = "sc_" #word "(0,0) 1",                                                                                   \
      .bad = "sc_" #word "(100,0)",                                                                                    \
      .bad_says = "from 0 to 99" },
#define GET_ARRAY_ROW(word, op, data, text) ARRAY_ROW(get_##word, op, data, text)
#define KEY_ROW(number)                                                                                                \
    {                                                                                                                  \
        .name = "sc" #number "_key", .out = EXPR_ANY, .when = EXPR_FROM_CONNECT, .fetch = sc##number##_key,            \
        .help = "The key of the entry that counter " #number " tracks.", .good = "sc" #number "_key -m found"          \
    }

// clang-format off
static const struct expr_fetch fetches[] = {
    STREAM_TRACK_COMMON(ROWS)
    STREAM_TRACK_ARRAYS(ARRAY_ROW)
    STREAM_TRACK_GETS(GET_ROWS)
    STREAM_TRACK_ARRAY_GETS(GET_ARRAY_ROW)
    ROWS_OF(trackers, EXPR_INT, "The number of those that track at this moment, connections and streams,")
    LONG_ROW(tracked, EXPR_BOOL, "Whether the counter tracks an entry."),
    SHORT_ROW(tracked, 0, EXPR_BOOL, "Whether counter 0 tracks an entry."),
    SHORT_ROW(tracked, 1, EXPR_BOOL, "Whether counter 1 tracks an entry."),
    SHORT_ROW(tracked, 2, EXPR_BOOL, "Whether counter 2 tracks an entry."),
    { .name = "sc_key", .args = "<ctr>", .min_args = 1, .max_args = 1, .out = EXPR_ANY, .prepare = prepare_key,
      .when = EXPR_FROM_CONNECT, .fetch = sc_key, .help = "The key of the entry that the counter tracks.",
      .good = "sc_key(0) -m found", .bad = "sc_key(x)", .bad_says = "the number of a tracked counter" },
    KEY_ROW(0),
    KEY_ROW(1),
    KEY_ROW(2),
};
// clang-format on
EXPR_FETCHES(fetches);
