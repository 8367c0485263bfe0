// SPDX-License-Identifier: Apache-2.0
// Fetches that ask a stick table for the client's address, src_NAME([<table>]), and how full a table is.
#include "stream/act.h"
#include "stream/put.h"
#include "stream/track_words.h"

static bool client(struct expr_sample *key, const struct expr_subject *subject)
{
    const struct stream *stream = subject->stream;
    const struct proxy_session *session = subject->session;
    return session && put_addr(key, stream ? stream_src(stream) : &session->src);
}

static bool ask(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *table,
                const struct stream_track_what *what)
{
    return client(out, subject) && stream_track_ask_key(out, stream_track_table(table), out, what);
}

static const char *prepare_table(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    return stream_track_prepare_table(config, &args[0]);
}

static const char *prepare_array(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    const char *wrong = stream_track_prepare_index(&args[0]);
    return wrong ? wrong : stream_track_prepare_table(config, &args[1]);
}

#define FETCH(name)                                                                                                    \
    static bool name(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,               \
                     struct expr_walk *walk)

#define FETCHES(name, op, data, text)                                                                                  \
    FETCH(src_##name)                                                                                                  \
    {                                                                                                                  \
        (void)walk;                                                                                                    \
        return ask(subject, out, &args[0], STREAM_TRACK_WHAT(op, data, 0));                                            \
    }
#define ARRAYS(name, op, data, text)                                                                                   \
    FETCH(src_##name)                                                                                                  \
    {                                                                                                                  \
        (void)walk;                                                                                                    \
        return ask(subject, out, &args[1], STREAM_TRACK_WHAT(op, data, (uint32_t)args[0].num));                        \
    }
#define GETS(name, op, data, text)       FETCHES(get_##name, op, data, text)
#define ARRAY_GETS(name, op, data, text) ARRAYS(get_##name, op, data, text)

STREAM_TRACK_COMMON(FETCHES)
STREAM_TRACK_ARRAYS(ARRAYS)
STREAM_TRACK_GETS(GETS)
STREAM_TRACK_ARRAY_GETS(ARRAY_GETS)

FETCH(src_updt_conn_cnt)
{
    const struct stick_table_conf *conf = stream_track_table(&args[0]);
    char room[STICK_KEY_ROOM];
    struct slice key;
    (void)walk;
    if (!conf->data[STICK_CONN_CNT].stored || !client(out, subject) || !stick_key(&key, room, conf, out))
        return false;
    struct stick_entry *entry = stick_make1(conf->table, key);
    if (!entry)
        return false;
    uint64_t num = stick_add(conf->table, entry, STICK_CONN_CNT, 0, 1);
    stick_touch(conf->table, entry);
    stick_put(conf->table, entry);
    return put_int(out, (int64_t)num);
}

FETCH(fetch_cnt)
{
    (void)subject, (void)walk;
    return put_int(out, stick_num_entries(stream_track_table(&args[0])->table));
}

FETCH(fetch_avl)
{
    const struct stick_table_conf *conf = stream_track_table(&args[0]);
    (void)subject, (void)walk;
    return put_int(out, (int64_t)conf->size - stick_num_entries(conf->table));
}

#define TABLE_ROW(word, function, text)                                                                                \
    { .name = word,                                                                                                    \
      .args = "[<table>]",                                                                                             \
      .max_args = 1,                                                                                                   \
      .out = EXPR_INT,                                                                                                 \
      .prepare = prepare_table,                                                                                        \
      .when = EXPR_FROM_CONNECT,                                                                                       \
      .fetch = function,                                                                                               \
      .help = text,                                                                                                    \
      .good = word "(sticky) gt 1",                                                                                    \
      .bad = word "(a,b)",                                                                                             \
      .bad_says = "takes (" },
#define ROW(word, op, data, text)                                                                                      \
    TABLE_ROW("src_" #word, src_##word, text " of the client's address in the table (that of this proxy).")
#define GET_ROW(word, op, data, text) ROW(get_##word, op, data, text)
#define ARRAY_ROW(word, op, data, text)                                                                                \
    { .name = "src_" #word,                                                                                            \
      .args = "<idx>[,<table>]",                                                                                       \
      .min_args = 1,                                                                                                   \
      .max_args = 2,                                                                                                   \
      .out = EXPR_INT,                                                                                                 \
      .prepare = prepare_array,                                                                                        \
      .when = EXPR_FROM_CONNECT,                                                                                       \
      .fetch = src_##word,                                                                                             \
      .help = text " of the client's address in the table (that of this proxy).",                                      \
      .good = "src_" #word "(0,sticky) 1",                                                                             \
      .bad = "src_" #word "(100,sticky)",                                                                              \
      .bad_says = "from 0 to 99" },
#define GET_ARRAY_ROW(word, op, data, text) ARRAY_ROW(get_##word, op, data, text)

// clang-format off
static const struct expr_fetch fetches[] = {
    STREAM_TRACK_COMMON(ROW)
    STREAM_TRACK_ARRAYS(ARRAY_ROW)
    STREAM_TRACK_GETS(GET_ROW)
    STREAM_TRACK_ARRAY_GETS(GET_ARRAY_ROW)
    TABLE_ROW("src_updt_conn_cnt", src_updt_conn_cnt,
              "Counts a connection of the client's address in the table (that of this proxy), and gives the sum.")
    TABLE_ROW("table_cnt", fetch_cnt, "The entries that a table (that of this proxy) has.")
    TABLE_ROW("table_avl", fetch_avl, "The entries that a table (that of this proxy) has room for.")
};
// clang-format on
EXPR_FETCHES(fetches);
