// SPDX-License-Identifier: Apache-2.0
// Converters that look their sample up in a stick table. A key that has no entry gives 0; one that cannot be of the
// table's type, and data that the table does not store, give nothing. Looking does not start an entry's time anew.
#include "expr/put.h"
#include "stream/track_words.h"

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

static const char *prepare_default(struct config *config, struct expr_arg *args, uint32_t num)
{
    if (num > 1 && !slice_to_i64(args[1].str, &args[1].num))
        return "the value for keys without an entry is a number";
    return stream_track_prepare_table(config, &args[0]);
}

#define CONVERT(name)                                                                                                  \
    static bool name(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)

#define CONVERTERS(name, op, data, text)                                                                               \
    CONVERT(table_##name)                                                                                              \
    {                                                                                                                  \
        (void)subject;                                                                                                 \
        return stream_track_ask_key(sample, stream_track_table(&args[0]), sample, STREAM_TRACK_WHAT(op, data, 0));     \
    }
#define ARRAYS(name, op, data, text)                                                                                   \
    CONVERT(table_##name)                                                                                              \
    {                                                                                                                  \
        (void)subject;                                                                                                 \
        return stream_track_ask_key(sample, stream_track_table(&args[1]), sample,                                      \
                                    STREAM_TRACK_WHAT(op, data, (uint32_t)args[0].num));                               \
    }

STREAM_TRACK_COMMON(CONVERTERS)
STREAM_TRACK_ARRAYS(ARRAYS)
STREAM_TRACK_GETS(CONVERTERS)
STREAM_TRACK_ARRAY_GETS(ARRAYS)
CONVERTERS(server_id, READ, SERVER_ID, "")
CONVERTERS(trackers, TRACKERS, CONN_CUR, "")

// The entry of a sample, a reference, or NULL; false where it cannot be a key.
static bool look_up(struct stick_entry **entry, const struct stick_table_conf *conf, const struct expr_sample *sample)
{
    char room[STICK_KEY_ROOM];
    struct slice key;
    if (!stick_key(&key, room, conf, sample))
        return false;
    *entry = stick_find1(conf->table, key);
    return true;
}

CONVERT(in_table)
{
    const struct stick_table_conf *conf = stream_track_table(&args[0]);
    struct stick_entry *entry;
    (void)subject;
    if (!look_up(&entry, conf, sample))
        return false;
    if (entry)
        stick_put(conf->table, entry);
    return put_bool(sample, entry != NULL);
}

typedef uint64_t age_fn(const struct stick_table *table, const struct stick_entry *entry);

// In milliseconds.
static bool ask_age(struct expr_sample *sample, const struct expr_arg *args, age_fn *age)
{
    const struct stick_table_conf *conf = stream_track_table(&args[0]);
    struct stick_entry *entry;
    if (!look_up(&entry, conf, sample))
        return false;
    if (!entry)
        return args[1].str.ptr && put_int(sample, args[1].num);
    uint64_t us = age(conf->table, entry);
    stick_put(conf->table, entry);
    return put_int(sample, (int64_t)(us / 1000));
}

CONVERT(table_expire)
{
    (void)subject;
    return ask_age(sample, args, stick_expires_us);
}

CONVERT(table_idle)
{
    (void)subject;
    return ask_age(sample, args, stick_idle_us);
}

#define TABLE_ROW(word, function, type, text)                                                                          \
    { .name = word,                                                                                                    \
      .args = "[<table>]",                                                                                             \
      .max_args = 1,                                                                                                   \
      .in = EXPR_ANY,                                                                                                  \
      .out = type,                                                                                                     \
      .prepare = prepare_table,                                                                                        \
      .convert = function,                                                                                             \
      .help = text,                                                                                                    \
      .good = "src," word "(sticky)",                                                                                  \
      .bad = "src," word "(a,b)",                                                                                      \
      .bad_says = "takes (" },
#define ROW(word, op, data, text)                                                                                      \
    TABLE_ROW("table_" #word, table_##word, EXPR_INT, text " of that key in the table (that of this proxy).")
#define ARRAY_ROW(word, op, data, text)                                                                                \
    { .name = "table_" #word,                                                                                          \
      .args = "<idx>[,<table>]",                                                                                       \
      .min_args = 1,                                                                                                   \
      .max_args = 2,                                                                                                   \
      .in = EXPR_ANY,                                                                                                  \
      .out = EXPR_INT,                                                                                                 \
      .prepare = prepare_array,                                                                                        \
      .convert = table_##word,                                                                                         \
      .help = text " of that key in the table (that of this proxy).",                                                  \
      .good = "src,table_" #word "(0,sticky)",                                                                         \
      .bad = "src,table_" #word "(100,sticky)",                                                                        \
      .bad_says = "from 0 to 99" },
#define AGE_ROW(word, function, text)                                                                                  \
    { .name = word,                                                                                                    \
      .args = "[<table>[,<default>]]",                                                                                 \
      .max_args = 2,                                                                                                   \
      .in = EXPR_ANY,                                                                                                  \
      .out = EXPR_INT,                                                                                                 \
      .prepare = prepare_default,                                                                                      \
      .convert = function,                                                                                             \
      .help = text,                                                                                                    \
      .good = "src," word "(sticky,0)",                                                                                \
      .bad = "src," word "(sticky,x)",                                                                                 \
      .bad_says = "is a number" },

// clang-format off
static const struct expr_conv converters[] = {
    STREAM_TRACK_COMMON(ROW)
    STREAM_TRACK_ARRAYS(ARRAY_ROW)
    STREAM_TRACK_GETS(ROW)
    STREAM_TRACK_ARRAY_GETS(ARRAY_ROW)
    ROW(server_id, READ, SERVER_ID, "The number of the server")
    ROW(trackers, TRACKERS, CONN_CUR, "The number of those that track at this moment, connections and streams,")
    TABLE_ROW("in_table", in_table, EXPR_BOOL, "Whether the table (that of this proxy) has an entry of that key.")
    AGE_ROW("table_expire", table_expire,
            "The milliseconds that the entry of that key in the table (that of this proxy) has to live; for a key "
            "that has none the default value, or nothing.")
    AGE_ROW("table_idle", table_idle,
            "The milliseconds since the entry of that key in the table (that of this proxy) was changed last; for a "
            "key that has none the default value, or nothing.")
};
// clang-format on
EXPR_CONVERTERS(converters);
