// SPDX-License-Identifier: Apache-2.0
// Stick tables: show table, set table, clear table. Management guide, section 9.3. A large table is listed in pieces of
// a few hundred entries, each of which holds its entry for no longer than it takes to write the line.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "event/loop.h"
#include "proxy/conf.h"
#include "table/stick.h"

enum { STICK_FILTERS = 4, STICK_PIECE = 200, STICK_STEPS = 20000 };

enum stick_op { STICK_OP_EQ, STICK_OP_NE, STICK_OP_LE, STICK_OP_GE, STICK_OP_LT, STICK_OP_GT, STICK_NUM_OPS };

static const char *const ops[STICK_NUM_OPS] = { "eq", "ne", "le", "ge", "lt", "gt" };

struct stick_filter {
    enum stick_data data;
    uint32_t index;
    enum stick_op op;
    int64_t value;
};

// Where an answer stands between two pieces of it.
struct stick_state {
    struct stick_table *table;
    uint32_t place;
    uint32_t num_filters;
    struct stick_filter filters[STICK_FILTERS];
};

static enum admin_verdict refuse(struct admin_call *call, const char *text)
{
    return admin_refuse(call, "%s\n", text);
}

static struct stick_table *table_named(const struct admin_call *call, const char *name)
{
    for (const struct proxy_conf *it = call->admin->start.conf->proxies; it; it = it->next)
        if (it->stick_table && strcmp(it->name, name) == 0)
            return it->stick_table->table;
    return NULL;
}

// ---- lines

// Rates of bytes are counted in blocks.
static uint64_t value_of(const struct stick_table *table, const struct stick_entry *entry, enum stick_data data,
                         uint32_t index)
{
    uint64_t value = stick_read(table, entry, data, index);
    return data == STICK_BYTES_IN_RATE || data == STICK_BYTES_OUT_RATE ? value * stick_conf_of(table)->brates_factor
                                                                       : value;
}

static void put_header(struct text *out, const struct stick_table *table)
{
    const struct stick_table_conf *conf = stick_conf_of(table);
    text_printf(out, "# table: %s, type: %s, size:%u, used:%u\n", conf->name,
                stick_type_name((enum stick_type)conf->type), conf->size, stick_num_entries(table));
}

// What would end the word, or cannot be shown, is escaped.
static void put_text(struct text *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '=' && c != '\\')
            text_add(out, &text.ptr[i], 1);
        else if (c == ' ' || c == '=' || c == '\\')
            text_printf(out, "\\%c", c);
        else if (c == '\t' || c == '\n' || c == '\r' || c == 0x1b)
            text_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : 'e');
        else
            text_printf(out, "\\x%02X", c);
    }
}

static void put_key(struct text *out, const struct stick_table *table, const struct stick_entry *entry)
{
    struct expr_sample sample;
    char room[EXPR_TEXT_LEN];
    stick_entry_sample(&sample, table, entry);
    struct slice text = expr_sample_str(&sample, room);
    if (sample.type == EXPR_BIN) {
        for (size_t i = 0; i < text.len; i++)
            text_printf(out, "%02X", (unsigned char)text.ptr[i]);
    } else if (sample.type == EXPR_STR) {
        put_text(out, text);
    } else {
        text_add(out, text.ptr, text.len);
    }
}

static void put_data(struct text *out, const struct stick_table *table, const struct stick_entry *entry,
                     enum stick_data data, uint32_t index)
{
    const struct stick_table_conf *conf = stick_conf_of(table);
    const char *name = stick_data_name(data);
    text_add(out, " ", 1);
    if (data == STICK_GPC_RATE)
        text_printf(out, "gpc%u_rate", index);
    else if (stick_data_is_array(data))
        text_printf(out, "%s%u", name, index);
    else
        text_printf(out, "%s", name);
    if (stick_data_is_rate(data))
        text_printf(out, "(%llu)", (unsigned long long)(conf->data[data].period_us / 1000));
    text_add(out, "=", 1);
    if (data == STICK_SERVER_KEY) {
        struct slice text = stick_server_key(table, entry);
        text_printf(out, "%.*s", text.len ? (int)text.len : 1, text.len ? text.ptr : "-");
    } else if (data == STICK_SERVER_ID) {
        text_printf(out, "%d", (int)stick_read(table, entry, data, index));
    } else {
        text_printf(out, "%llu", (unsigned long long)value_of(table, entry, data, index));
    }
}

static void put_entry(struct text *out, const struct stick_table *table, const struct stick_entry *entry)
{
    const struct stick_table_conf *conf = stick_conf_of(table);
    text_printf(out, "0x%llx: key=", (unsigned long long)stick_place_of(table, entry));
    put_key(out, table, entry);
    text_printf(out, " use=%u exp=%llu shard=0", stick_num_holders(entry),
                (unsigned long long)(stick_expires_us(table, entry) / 1000));
    for (uint32_t data = 0; data < STICK_NUM_DATA; data++)
        for (uint32_t i = 0; conf->data[data].stored && i < conf->data[data].num; i++)
            put_data(out, table, entry, (enum stick_data)data, i);
    text_add(out, "\n", 1);
}

// ---- what is asked for

// "data.NAME" or "data.NAME[INDEX]"; what is wrong with it, or NULL.
static const char *read_data(enum stick_data *data, uint32_t *index, const struct stick_table *table, const char *word)
{
    struct slice name = slice_str(word + strlen("data."));
    size_t open = slice_find(name, '[');
    uint64_t number = 0;
    struct slice digits = slice_from(name, open + 1);
    name.len = open;
    *data = stick_data_find(name);
    if (*data == STICK_NUM_DATA)
        return "Unknown data type";
    if (digits.ptr != name.ptr && digits.len) {
        digits.len--;
        if (!stick_data_is_array(*data) || digits.ptr[digits.len] != ']' || !slice_to_u64(digits, &number))
            return "Unknown data type";
    }
    const struct stick_table_conf *conf = stick_conf_of(table);
    if (!conf->data[*data].stored || number >= conf->data[*data].num)
        return "Data type not stored in this table";
    *index = (uint32_t)number;
    return NULL;
}

static bool is_data(const char *word)
{
    return strncmp(word, "data.", strlen("data.")) == 0;
}

// Reads the filters from argument `at` on; false after answering what is wrong.
static bool read_filters(struct admin_call *call, struct stick_state *state, uint32_t at)
{
    for (; at < call->num_args; at += 3) {
        struct stick_filter *filter = &state->filters[state->num_filters];
        const char *op = at + 1 < call->num_args ? call->args[at + 1] : "";
        if (state->num_filters == STICK_FILTERS) {
            (void)admin_refuse(call, "Detected extra data in filter, %uth word of input, after '%s'\n", at + 3,
                               call->args[at - 1]);
            return false;
        }
        uint32_t number = ++state->num_filters;
        const char *wrong = "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"";
        if (is_data(call->args[at]))
            wrong = read_data(&filter->data, &filter->index, state->table, call->args[at]);
        if (!wrong) {
            filter->op = STICK_OP_EQ;
            while (filter->op < STICK_NUM_OPS && strcmp(ops[filter->op], op) != 0)
                filter->op++;
            if (filter->op == STICK_NUM_OPS)
                wrong = "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"";
            else if (at + 2 >= call->num_args || !slice_to_i64(slice_str(call->args[at + 2]), &filter->value))
                wrong = "Require a valid integer value to compare against";
        }
        if (wrong) {
            (void)admin_refuse(call, "Filter entry #%u: %s\n", number, wrong);
            return false;
        }
    }
    return true;
}

static bool passes(const struct stick_state *state, const struct stick_entry *entry)
{
    for (uint32_t i = 0; i < state->num_filters; i++) {
        const struct stick_filter *filter = &state->filters[i];
        int64_t value = (int64_t)value_of(state->table, entry, filter->data, filter->index);
        bool less = value < filter->value, same = value == filter->value;
        const bool holds[STICK_NUM_OPS] = {
            [STICK_OP_EQ] = same,  [STICK_OP_NE] = !same, [STICK_OP_LE] = less || same,
            [STICK_OP_GE] = !less, [STICK_OP_LT] = less,  [STICK_OP_GT] = !less && !same
        };
        if (!holds[filter->op])
            return false;
    }
    return true;
}

// The key that argument 2 gives; false after answering what is wrong.
static bool read_key(struct admin_call *call, struct slice *key, char room[STICK_KEY_ROOM],
                     const struct stick_table *table, const char *what)
{
    const struct stick_table_conf *conf = stick_conf_of(table);
    const char *text = call->num_args > 2 ? call->args[2] : "";
    struct expr_sample sample = { .type = EXPR_STR, .str = slice_str(text) };
    char *end;
    if (!*text) {
        (void)admin_refuse(call, "Key value expected\n");
        return false;
    }
    if (conf->type == STICK_BINARY) {
        (void)admin_refuse(call, "%s keys %s tables of type other than ip, ipv6, string and integer is not supported\n",
                           what, *what == 'I' ? "into" : "from");
        return false;
    }
    bool right = true;
    if (conf->type == STICK_INTEGER) {
        errno = 0;
        unsigned long number = strtoul(text, &end, 10);
        right = errno == 0 && end != text && number <= UINT32_MAX;
        sample = (struct expr_sample){ .type = EXPR_INT, .num = (int64_t)number };
    } else if (conf->type != STICK_STRING) {
        // An IPv4 address is no key of a table of IPv6 ones here.
        struct expr_addr addr;
        right = expr_addr_parse(&addr, slice_str(text)) && addr.family == (conf->type == STICK_IP ? 4 : 6);
    }
    if (right && stick_key(key, room, conf, &sample))
        return true;
    (void)admin_refuse(call, "Invalid key\n");
    return false;
}

// The entry that "ptr 0x..." names; NULL after answering.
static struct stick_entry *read_ptr1(struct admin_call *call, struct stick_table *table)
{
    const char *text = call->num_args > 2 ? call->args[2] : "";
    char *end;
    if (!*text) {
        (void)admin_refuse(call, "Pointer value expected\n");
        return NULL;
    }
    unsigned long long place = strtoull(text, &end, 16);
    struct stick_entry *entry = *end || strncmp(text, "0x", 2) != 0 ? NULL : stick_at_place1(table, place);
    if (!entry)
        (void)admin_refuse(call, "No entry can be found matching ptr.\n");
    return entry;
}

static bool may_change(struct admin_call *call)
{
    if (call->session->level >= ADMIN_LEVEL_OPERATOR)
        return true;
    (void)admin_refuse(call, "Permission denied\n");
    return false;
}

// ---- show table

static enum admin_verdict show_all(struct admin_call *call)
{
    const struct program_conf *conf = call->admin->start.conf;
    const struct proxy_conf **list = malloc((conf->num_proxies + 1) * sizeof(const struct proxy_conf *));
    uint32_t num = 0;
    // The newest first, as HAProxy lists them.
    for (const struct proxy_conf *it = conf->proxies; list && it; it = it->next)
        if (it->stick_table && num < conf->num_proxies)
            list[num++] = it;
    while (num)
        put_header(call->out, list[--num]->stick_table->table);
    free(list);
    return ADMIN_DONE;
}

static enum admin_verdict show_one(struct admin_call *call, struct stick_table *table, struct stick_entry *entry)
{
    if (!entry)
        return ADMIN_DONE;
    if (call->session->level >= ADMIN_LEVEL_OPERATOR) {
        put_header(call->out, table);
        put_entry(call->out, table, entry);
    } else {
        (void)admin_refuse(call, "Permission denied\n");
    }
    stick_put(table, entry);
    return ADMIN_DONE;
}

// The next piece: at once where this one wrote something, which leaves first; else in the next turn, for a large table
// of which nothing is listed shall not keep the controller from all else.
static enum admin_verdict go_on(struct admin_call *call, size_t len_before)
{
    if (call->out->len > len_before)
        return ADMIN_MORE;
    call->wake_us = call->admin->start.loop->now_us + 1;
    return ADMIN_WAIT;
}

static enum admin_verdict show_more(struct admin_call *call)
{
    struct stick_state *state = call->state;
    uint32_t steps = STICK_STEPS;
    size_t before = call->out->len;
    for (uint32_t i = 0; i < STICK_PIECE; i++) {
        struct stick_entry *entry = stick_walk1(state->table, &state->place, &steps);
        if (!entry)
            return steps ? ADMIN_DONE : go_on(call, before);
        if (passes(state, entry))
            put_entry(call->out, state->table, entry);
        stick_put(state->table, entry);
    }
    return go_on(call, before);
}

// The state of an answer for the table that argument 0 names; NULL after answering.
static struct stick_state *state_new(struct admin_call *call, struct stick_table *table)
{
    struct stick_state *state = calloc(1, sizeof(*state));
    if (!state) {
        (void)admin_refuse(call, "Out of memory\n");
        return NULL;
    }
    state->table = table;
    call->state = state;
    return state;
}

static enum admin_verdict run_show(struct admin_call *call)
{
    if (call->turn)
        return show_more(call);
    if (!call->num_args)
        return show_all(call);
    struct stick_table *table = table_named(call, call->args[0]);
    char room[STICK_KEY_ROOM];
    struct slice key;
    if (!table)
        return refuse(call, "No such table");
    const char *how = call->num_args > 1 ? call->args[1] : NULL;
    if (how && strcmp(how, "key") == 0)
        return read_key(call, &key, room, table, "Showing") ? show_one(call, table, stick_find1(table, key))
                                                            : ADMIN_DONE;
    if (how && strcmp(how, "ptr") == 0)
        return show_one(call, table, read_ptr1(call, table));
    if (how && !is_data(how))
        return refuse(call,
                      "Optional argument only supports \"data.<store_data_type>\" <operator> <value> and key <key>");
    struct stick_state *state = state_new(call, table);
    if (!state || !read_filters(call, state, 1))
        return ADMIN_DONE;
    put_header(call->out, table);
    if (call->session->level < ADMIN_LEVEL_OPERATOR) {
        text_printf(call->out, "# contents not dumped due to insufficient privileges\n");
        return ADMIN_DONE;
    }
    return ADMIN_MORE;
}

// ---- clear table

static enum admin_verdict clear_more(struct admin_call *call)
{
    struct stick_state *state = call->state;
    uint32_t steps = STICK_STEPS / 10;
    struct stick_entry *entry;
    while ((entry = stick_walk1(state->table, &state->place, &steps))) {
        if (passes(state, entry))
            stick_remove(state->table, entry);
        else
            stick_put(state->table, entry);
    }
    return steps ? ADMIN_DONE : go_on(call, call->out->len);
}

// `key` is that of `entry`, ptr NULL where it was named by its place.
static enum admin_verdict clear_one(struct admin_call *call, struct stick_table *table, struct stick_entry *entry,
                                    struct slice key)
{
    enum { TRIES = 100 };
    if (!entry)
        return ADMIN_DONE;
    uint64_t place = stick_place_of(table, entry);
    // Somebody may be counting in it at this very moment.
    for (int i = 0; entry; i++) {
        if (stick_num_holders(entry) || i == TRIES) {
            stick_put(table, entry);
            return refuse(call, "Entry currently in use, cannot remove");
        }
        if (stick_remove(table, entry))
            break;
        entry = key.ptr ? stick_find1(table, key) : stick_at_place1(table, place);
    }
    return ADMIN_DONE;
}

#define CLEAR_USAGE "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key>"

static enum admin_verdict run_clear(struct admin_call *call)
{
    if (call->turn)
        return clear_more(call);
    if (!call->num_args)
        return refuse(call, CLEAR_USAGE);
    struct stick_table *table = table_named(call, call->args[0]);
    char room[STICK_KEY_ROOM];
    struct slice key;
    if (!table)
        return refuse(call, "No such table");
    if (!may_change(call))
        return ADMIN_DONE;
    const char *how = call->num_args > 1 ? call->args[1] : NULL;
    if (how && strcmp(how, "key") == 0)
        return read_key(call, &key, room, table, "Removing") ? clear_one(call, table, stick_find1(table, key), key)
                                                             : ADMIN_DONE;
    if (how && strcmp(how, "ptr") == 0)
        return clear_one(call, table, read_ptr1(call, table), (struct slice){ 0 });
    if (how && !is_data(how))
        return refuse(call, CLEAR_USAGE);
    struct stick_state *state = state_new(call, table);
    if (!state || !read_filters(call, state, 1))
        return ADMIN_DONE;
    return clear_more(call);
}

// ---- set table

// Reads "data.X V" pairs, and with `entry` stores them; what is wrong, or NULL.
static const char *read_values(const struct admin_call *call, struct stick_table *table, struct stick_entry *entry)
{
    for (uint32_t at = 3; at < call->num_args; at += 2) {
        enum stick_data data;
        uint32_t index;
        int64_t value;
        if (!is_data(call->args[at]))
            return "\"data.<type>\" followed by a value expected";
        const char *wrong = read_data(&data, &index, table, call->args[at]);
        if (wrong)
            return wrong;
        if (at + 1 >= call->num_args || data == STICK_SERVER_KEY ||
            !slice_to_i64(slice_str(call->args[at + 1]), &value))
            return "Require a valid integer value to store";
        if (entry)
            stick_set(table, entry, data, index, (uint64_t)value);
    }
    return NULL;
}

static enum admin_verdict run_set(struct admin_call *call)
{
    if (!call->num_args)
        return refuse(call, "Required arguments: <table> key <key> [data.<store_data_type> <value>]*");
    struct stick_table *table = table_named(call, call->args[0]);
    char room[STICK_KEY_ROOM];
    struct slice key;
    struct stick_entry *entry;
    if (!table)
        return refuse(call, "No such table");
    if (call->num_args == 1) {
        call->is_refused = true;
        return ADMIN_DONE;
    }
    if (is_data(call->args[1]))
        return refuse(call, "content-based lookup is only supported with the \"show\" and \"clear\" actions");
    bool is_ptr = strcmp(call->args[1], "ptr") == 0;
    if (!is_ptr && strcmp(call->args[1], "key") != 0)
        return refuse(call, "Required arguments: <table> key <key> [data.<store_data_type> <value>]*");
    if (!may_change(call) || (!is_ptr && !read_key(call, &key, room, table, "Inserting")))
        return ADMIN_DONE;
    const char *wrong = read_values(call, table, NULL);
    if (wrong)
        return refuse(call, wrong);
    entry = is_ptr ? read_ptr1(call, table) : stick_make1(table, key);
    if (!entry)
        return is_ptr ? ADMIN_DONE : refuse(call, "Unable to allocate a new entry");
    read_values(call, table, entry);
    stick_touch(table, entry);
    stick_put(table, entry);
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "clear table",
      .level = ADMIN_LEVEL_USER,
      .changes = true,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS - 2,
      .args = "<table> [data.<type> <op> <value>]... | key <key> | ptr <ptr>",
      .help = "remove entries of a stick table that nobody tracks",
      .run = run_clear },
    { .name = "set table",
      .level = ADMIN_LEVEL_USER,
      .changes = true,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS - 2,
      .args = "<table> { key <key> | ptr <ptr> } [data.<type> <value>]...",
      .help = "make or change an entry of a stick table",
      .run = run_set },
    { .name = "show table",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS - 2,
      .args = "[<table> [data.<type> <op> <value>]... | key <key> | ptr <ptr>]",
      .help = "list stick tables, or entries of one",
      .run = run_show },
};
ADMIN_COMMANDS(commands);
