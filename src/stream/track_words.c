// SPDX-License-Identifier: Apache-2.0
#include "stream/track_words.h"
#include "expr/put.h"

// The array that holds what `data` names, and where in it.
static bool array_of(enum stick_data *data, uint32_t *index)
{
    switch (*data) {
    case STICK_GPT0:
        *data = STICK_GPT;
        break;
    case STICK_GPC0:
    case STICK_GPC1:
        *index = *data == STICK_GPC1;
        *data = STICK_GPC;
        break;
    case STICK_GPC0_RATE:
    case STICK_GPC1_RATE:
        *index = *data == STICK_GPC1_RATE;
        *data = STICK_GPC_RATE;
        break;
    default:
        return false;
    }
    return true;
}

bool stream_track_find(const struct stick_table_conf *conf, enum stick_data *data, uint32_t *index)
{
    if (!conf->data[*data].stored && !array_of(data, index))
        return false;
    return conf->data[*data].stored && *index < conf->data[*data].num;
}

static enum stick_data rate_of(enum stick_data data)
{
    return data == STICK_GPC ? STICK_GPC_RATE : data == STICK_GPC0 ? STICK_GPC0_RATE : STICK_GPC1_RATE;
}

uint64_t stream_track_add(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
                          uint64_t add)
{
    const struct stick_table_conf *conf = stick_conf_of(table);
    enum stick_data rate = rate_of(data);
    uint32_t rate_index = index;
    uint64_t value = 0;
    if (stream_track_find(conf, &rate, &rate_index))
        value = stick_add(table, entry, rate, rate_index, add);
    if (stream_track_find(conf, &data, &index))
        value = stick_add(table, entry, data, index, add);
    stick_touch(table, entry);
    return value;
}

static uint64_t clear(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index)
{
    uint64_t value = stick_read(table, entry, data, index);
    stick_set(table, entry, data, index, 0);
    stick_touch(table, entry);
    return value;
}

bool stream_track_ask(struct expr_sample *out, struct stick_table *table, struct stick_entry *entry,
                      const struct stream_track_what *what)
{
    enum stick_data data = what->data;
    uint32_t index = what->index;
    if (!entry)
        return put_int(out, 0);
    if (what->op == STREAM_TRACK_TRACKERS)
        return put_int(out, stick_num_holders(entry));
    if (what->op == STREAM_TRACK_INC)
        return put_int(out, (int64_t)stream_track_add(table, entry, data, index, 1));
    if (!stream_track_find(stick_conf_of(table), &data, &index))
        return false;
    if (what->op == STREAM_TRACK_CLEAR)
        return put_int(out, (int64_t)clear(table, entry, data, index));
    uint64_t value = stick_read(table, entry, data, index);
    if (data == STICK_BYTES_IN_RATE || data == STICK_BYTES_OUT_RATE)
        value *= stick_conf_of(table)->brates_factor;
    return put_int(out, (int64_t)(what->op == STREAM_TRACK_KBYTES ? value >> 10 : value));
}

bool stream_track_ask_key(struct expr_sample *out, const struct stick_table_conf *conf, const struct expr_sample *key,
                          const struct stream_track_what *what)
{
    char room[STICK_KEY_ROOM];
    struct slice text;
    if (!stick_key(&text, room, conf, key))
        return false;
    bool makes = stream_track_makes(what->op);
    struct stick_entry *entry = makes ? stick_make1(conf->table, text) : stick_find1(conf->table, text);
    bool found = stream_track_ask(out, conf->table, entry, what);
    if (entry)
        stick_put(conf->table, entry);
    return found;
}

const char *stream_track_prepare_table(struct config *config, struct expr_arg *arg)
{
    arg->data = (void *)proxy_ref_new(config, PROXY_REF_TABLE, arg->str);
    return NULL;
}

const char *stream_track_prepare_index(struct expr_arg *arg)
{
    if (!slice_to_i64(arg->str, &arg->num) || arg->num < 0 || arg->num >= STICK_MAX_ARRAY)
        return "the index of an array is a number from 0 to 99";
    return NULL;
}
