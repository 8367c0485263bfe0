// SPDX-License-Identifier: Apache-2.0
// The stick-table line: what a table's keys are, how many it has, and what it stores with each.
#include <string.h>
#include "proxy/stick_conf.h"
#include "proxy/words.h"

enum { STICK_DEFAULT_LEN = 32 };

struct table_args {
    struct config *config;
    const struct config_line *line;
    struct stick_table_conf *conf;
    uint32_t at; // the argument being read
    bool has_type;
    bool has_size;
};

static bool parse_len(struct table_args *args, uint8_t type)
{
    uint64_t len = STICK_DEFAULT_LEN;
    const struct config_arg *word = config_arg_at(args->line, args->at + 1);
    if (word && strcmp(word->str, "len") == 0) {
        args->at += 2;
        if (!config_parse_u64(args->config, &len, args->line, args->at, 1, STICK_MAX_KEY))
            return false;
    }
    args->conf->type = type;
    args->conf->key_len = (uint32_t)len;
    return true;
}

static bool parse_type(struct table_args *args)
{
    static const char *const known[] = { "ip", "ipv4", "ipv6", "integer", "string", "binary" };
    const struct config_arg *arg = config_arg_at(args->line, ++args->at);
    args->has_type = true;
    if (!arg)
        return config_error(args->config, args->line, args->at, "stick-table: missing argument after 'type'");
    if (strcmp(arg->str, "ip") == 0 || strcmp(arg->str, "ipv4") == 0) {
        args->conf->type = STICK_IP;
        args->conf->key_len = 4;
    } else if (strcmp(arg->str, "ipv6") == 0) {
        args->conf->type = STICK_IPV6;
        args->conf->key_len = 16;
    } else if (strcmp(arg->str, "integer") == 0) {
        args->conf->type = STICK_INTEGER;
        args->conf->key_len = 4;
    } else if (strcmp(arg->str, "string") == 0) {
        return parse_len(args, STICK_STRING);
    } else if (strcmp(arg->str, "binary") == 0) {
        return parse_len(args, STICK_BINARY);
    } else {
        return config_error_unknown(args->config, args->line, args->at, "stick table type", known, NUM_ITEMS(known));
    }
    return true;
}

static bool parse_size(struct table_args *args)
{
    uint64_t size;
    if (!config_parse_size(args->config, &size, args->line, ++args->at))
        return false;
    args->has_size = size > 0;
    if (size > UINT32_C(1) << 30)
        return config_error(args->config, args->line, args->at, "stick-table: the most entries are 1g");
    args->conf->size = (uint32_t)size;
    return true;
}

static bool parse_expire(struct table_args *args)
{
    return config_parse_time(args->config, &args->conf->expire_us, args->line, ++args->at, 1000);
}

static bool parse_nopurge(struct table_args *args)
{
    args->conf->nopurge = true;
    return true;
}

static bool parse_srvkey(struct table_args *args)
{
    static const char *const known[] = { "name", "addr" };
    const struct config_arg *arg = config_arg_at(args->line, ++args->at);
    bool is_addr = arg && strcmp(arg->str, "addr") == 0;
    if (!arg || (!is_addr && strcmp(arg->str, "name") != 0))
        return config_error_unknown(args->config, args->line, args->at, "stick-table: server key type", known,
                                    NUM_ITEMS(known));
    args->conf->srvkey_addr = is_addr;
    return true;
}

static bool parse_factor(struct table_args *args)
{
    uint64_t factor;
    if (!config_parse_u64(args->config, &factor, args->line, ++args->at, 1, 1024))
        return false;
    args->conf->brates_factor = (uint32_t)factor;
    return true;
}

static bool parse_peers(struct table_args *args)
{
    return config_error(args->config, args->line, args->at,
                        "stick-table: 'peers' needs the peers protocol, which fairlead does not have; all workers and "
                        "generations share one table without it");
}

static bool parse_of_peers(struct table_args *args)
{
    return config_error(args->config, args->line, args->at,
                        "stick-table: '%s' concerns what comes from peers, which fairlead does not have",
                        config_arg_at(args->line, args->at)->str);
}

// ---- store

// Argument `index` of a data type, as if it were one of a line.
static bool type_arg(struct table_args *args, struct slice *rest, struct config_line *line, struct config_arg *arg,
                     const char *type, const char *list)
{
    const struct config_arg *whole = config_arg_at(args->line, args->at);
    size_t len = slice_find(*rest, ',');
    size_t at = (size_t)(rest->ptr - list);
    if (len == 0)
        return config_error(args->config, args->line, args->at, "stick-table: missing argument to store option '%s'",
                            type);
    *arg = (struct config_arg){ .str = arena_copy(args->config->arena, rest->ptr, len), .len = (uint32_t)len };
    arg->column = whole->quoted ? whole->column : whole->column + (uint32_t)at;
    arg->width = whole->quoted ? whole->width : (uint32_t)len;
    *line = *args->line;
    line->args = arg;
    line->num_args = 1;
    line->first = 0;
    *rest = slice_from(*rest, len + 1);
    return true;
}

static bool store_args(struct table_args *args, enum stick_data data, struct slice rest, const char *list)
{
    const char *name = stick_data_name(data);
    struct config_line line;
    struct config_arg arg;
    uint64_t num = 1, period_us = 0;
    if (stick_data_is_array(data) && (!type_arg(args, &rest, &line, &arg, name, list) ||
                                      !config_parse_u64(args->config, &num, &line, 0, 1, STICK_MAX_ARRAY)))
        return false;
    if (stick_data_is_rate(data)) {
        if (!type_arg(args, &rest, &line, &arg, name, list) ||
            !config_parse_time(args->config, &period_us, &line, 0, 1000))
            return false;
        if (period_us < 1000)
            return config_error(args->config, &line, 0, "stick-table: the period of '%s' is less than a millisecond",
                                name);
    }
    if (rest.len)
        return config_error(args->config, args->line, args->at, "stick-table: unexpected argument to store option '%s'",
                            name);
    args->conf->data[data].num = (uint16_t)num;
    args->conf->data[data].period_us = period_us;
    return true;
}

static bool store_unknown(struct table_args *args, struct slice name)
{
    const char *known[STICK_NUM_DATA];
    for (uint32_t i = 0; i < STICK_NUM_DATA; i++)
        known[i] = stick_data_name((enum stick_data)i);
    const char *text = arena_copy(args->config->arena, name.ptr, name.len);
    const char *nearest = config_nearest(text, known, NUM_ITEMS(known));
    return config_error(args->config, args->line, args->at, "stick-table: unknown store option '%s'%s%s%s", text,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

// One of the list: NAME or NAME(ARGS).
static bool store_one(struct table_args *args, struct slice word, const char *list)
{
    size_t open = slice_find(word, '(');
    struct slice name = slice_of(word.ptr, open), rest = slice_from(word, open + 1);
    enum stick_data data = stick_data_find(name);
    if (data == STICK_NUM_DATA)
        return store_unknown(args, name);
    if (open < word.len && !slice_ends(rest, SLICE(")")))
        return config_error(args->config, args->line, args->at, "stick-table: missing ')' after store option '%s'",
                            stick_data_name(data));
    if (rest.len)
        rest.len--;
    if (args->conf->data[data].stored)
        return config_warning(args->config, args->line, args->at,
                              "stick-table: store option '%s' already enabled, ignored", stick_data_name(data));
    args->conf->data[data].stored = true;
    if (open == word.len) {
        args->conf->data[data].num = 1;
        if (stick_data_is_array(data) || stick_data_is_rate(data))
            return config_error(args->config, args->line, args->at,
                                "stick-table: missing argument to store option '%s', expected: %s(<%s>)",
                                stick_data_name(data), stick_data_name(data),
                                !stick_data_is_rate(data)   ? "number"
                                : stick_data_is_array(data) ? "number>,<period"
                                                            : "period");
        return true;
    }
    if (!stick_data_is_array(data) && !stick_data_is_rate(data))
        return config_error(args->config, args->line, args->at, "stick-table: unexpected argument to store option '%s'",
                            stick_data_name(data));
    return store_args(args, data, rest, list);
}

static bool parse_store(struct table_args *args)
{
    const struct config_arg *arg = config_arg_at(args->line, ++args->at);
    struct slice rest = arg ? slice_of(arg->str, arg->len) : slice_of("", 0);
    while (rest.len) {
        size_t len = 0;
        for (int depth = 0; len < rest.len && (depth || rest.ptr[len] != ','); len++)
            depth += rest.ptr[len] == '(' ? 1 : rest.ptr[len] == ')' && depth ? -1 : 0;
        if (!store_one(args, slice_of(rest.ptr, len), arg->str))
            return false;
        rest = slice_from(rest, len + 1);
    }
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(struct table_args *args);
} table_words[] = {
    { "type", parse_type },          { "size", parse_size },
    { "expire", parse_expire },      { "nopurge", parse_nopurge },
    { "recv-only", parse_of_peers }, { "srvkey", parse_srvkey },
    { "write-to", parse_of_peers },  { "brates-factor", parse_factor },
    { "peers", parse_peers },        { "store", parse_store },
};

static bool parse_table_words(struct table_args *args)
{
    const struct config_arg *arg;
    for (; (arg = config_arg_at(args->line, args->at)); args->at++) {
        size_t i = 0;
        while (i < NUM_ITEMS(table_words) && strcmp(table_words[i].name, arg->str) != 0)
            i++;
        if (i == NUM_ITEMS(table_words)) {
            const char *known[NUM_ITEMS(table_words)];
            for (size_t j = 0; j < NUM_ITEMS(table_words); j++)
                known[j] = table_words[j].name;
            return config_error_unknown(args->config, args->line, args->at, "stick-table: argument", known,
                                        NUM_ITEMS(known));
        }
        if (!table_words[i].parse(args))
            return false;
    }
    return true;
}

// An array takes the place of the single counters of its name.
static bool check_arrays(struct table_args *args)
{
    static const struct {
        enum stick_data array, single[2];
        const char *text;
    } pairs[] = {
        { STICK_GPT, { STICK_GPT0, STICK_GPT0 }, "'gpt' and 'gpt0'" },
        { STICK_GPC, { STICK_GPC0, STICK_GPC1 }, "'gpc' and 'gpc[0/1]'" },
        { STICK_GPC_RATE, { STICK_GPC0_RATE, STICK_GPC1_RATE }, "'gpc_rate' and 'gpc[0/1]_rate'" },
    };
    for (size_t i = 0; i < NUM_ITEMS(pairs); i++) {
        bool single = args->conf->data[pairs[i].single[0]].stored || args->conf->data[pairs[i].single[1]].stored;
        if (single && args->conf->data[pairs[i].array].stored)
            return config_error(args->config, args->line, 0, "stick-table: %s exclude each other", pairs[i].text);
    }
    return true;
}

static bool parse_stick_table(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct table_args args = { .config = config, .line = line };
    args.conf = arena_alloc(config->arena, sizeof(*args.conf));
    *args.conf = (struct stick_table_conf){ .name = proxy->name, .brates_factor = 1 };
    (void)word;
    if (proxy->stick_table || proxy_stick_table(proxy_program(config), slice_str(proxy->name)))
        return proxy_word_error(config, line, "there is a stick-table '%s' already", proxy->name);
    if (!parse_table_words(&args))
        return false;
    if (!args.has_type)
        return proxy_word_error(config, line, "stick-table: missing type");
    if (!args.has_size)
        return proxy_word_error(config, line, "stick-table: missing size");
    if (!check_arrays(&args))
        return false;
    proxy->stick_table = args.conf;
    return true;
}

static const struct config_word words[] = {
    { .name = "stick-table",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_stick_table,
      .args = "type { ip | ipv4 | ipv6 | integer | string [len <len>] | binary [len <len>] } size <size> [expire "
              "<time>] [nopurge] [srvkey { name | addr }] [brates-factor <factor>] "
              "[store <data>[,<data>]...]...",
      .help =
          "Declares the section's stick table, named like it: up to <size> entries, found by keys of one type, each "
          "with the data that 'store' names. There is one table for all processes; it stays over reloads as long "
          "as its type, its data and the power of 2 above its size are the same. Keys of up to 4096 bytes; longer "
          "strings are cut, shorter bytes are filled up with zeroes. An entry goes when it was not used for "
          "'expire'; when the table is full the oldest goes that nobody tracks, or, with 'nopurge', the new one "
          "is not made.",
      .good = "stick-table type ip size 1m expire 5m store gpc0,conn_rate(30s)",
      .bad = "stick-table type ip size 1m store gpc",
      .bad_says = "missing argument to store option 'gpc'" },
};
CONFIG_WORDS(words);
