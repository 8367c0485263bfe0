// SPDX-License-Identifier: Apache-2.0
// The values of an entry.
#include "stick_inner.h"

enum kind { KIND_COUNT, KIND_COUNT64, KIND_SIGNED, KIND_RATE, KIND_LEVEL };

static const struct {
    const char *name;
    uint8_t kind;
    bool is_array;
} types[STICK_NUM_DATA] = {
    [STICK_SERVER_ID] = { "server_id", KIND_SIGNED, false },
    [STICK_SERVER_KEY] = { "server_key", KIND_COUNT, false },
    [STICK_GPT] = { "gpt", KIND_COUNT, true },
    [STICK_GPT0] = { "gpt0", KIND_COUNT, false },
    [STICK_GPC] = { "gpc", KIND_COUNT, true },
    [STICK_GPC_RATE] = { "gpc_rate", KIND_RATE, true },
    [STICK_GPC0] = { "gpc0", KIND_COUNT, false },
    [STICK_GPC0_RATE] = { "gpc0_rate", KIND_RATE, false },
    [STICK_GPC1] = { "gpc1", KIND_COUNT, false },
    [STICK_GPC1_RATE] = { "gpc1_rate", KIND_RATE, false },
    [STICK_CONN_CNT] = { "conn_cnt", KIND_COUNT, false },
    [STICK_CONN_RATE] = { "conn_rate", KIND_RATE, false },
    [STICK_CONN_CUR] = { "conn_cur", KIND_LEVEL, false },
    [STICK_SESS_CNT] = { "sess_cnt", KIND_COUNT, false },
    [STICK_SESS_RATE] = { "sess_rate", KIND_RATE, false },
    [STICK_HTTP_REQ_CNT] = { "http_req_cnt", KIND_COUNT, false },
    [STICK_HTTP_REQ_RATE] = { "http_req_rate", KIND_RATE, false },
    [STICK_HTTP_ERR_CNT] = { "http_err_cnt", KIND_COUNT, false },
    [STICK_HTTP_ERR_RATE] = { "http_err_rate", KIND_RATE, false },
    [STICK_HTTP_FAIL_CNT] = { "http_fail_cnt", KIND_COUNT, false },
    [STICK_HTTP_FAIL_RATE] = { "http_fail_rate", KIND_RATE, false },
    [STICK_BYTES_IN_CNT] = { "bytes_in_cnt", KIND_COUNT64, false },
    [STICK_BYTES_IN_RATE] = { "bytes_in_rate", KIND_RATE, false },
    [STICK_BYTES_OUT_CNT] = { "bytes_out_cnt", KIND_COUNT64, false },
    [STICK_BYTES_OUT_RATE] = { "bytes_out_rate", KIND_RATE, false },
    [STICK_GLITCH_CNT] = { "glitch_cnt", KIND_COUNT, false },
    [STICK_GLITCH_RATE] = { "glitch_rate", KIND_RATE, false },
};

const char *stick_data_name(enum stick_data data)
{
    must(data < STICK_NUM_DATA);
    return types[data].name;
}

enum stick_data stick_data_find(struct slice name)
{
    uint32_t i = 0;
    while (i < STICK_NUM_DATA && !slice_equal(slice_str(types[i].name), name))
        i++;
    return (enum stick_data)i;
}

bool stick_data_is_rate(enum stick_data data)
{
    return data < STICK_NUM_DATA && types[data].kind == KIND_RATE;
}

bool stick_data_is_array(enum stick_data data)
{
    return data < STICK_NUM_DATA && types[data].is_array;
}

// The words of a value; NULL where it is not stored.
static _Atomic uint64_t *words_of(const struct stick_table *table, const struct stick_entry *entry,
                                  enum stick_data data, uint32_t index)
{
    if (table->words[data] == UINT32_MAX || index >= table->conf->data[data].num)
        return NULL;
    uint32_t each = types[data].kind == KIND_RATE ? 2 : 1;
    return (_Atomic uint64_t *)&entry->data[table->words[data] + index * each];
}

static uint32_t now_ms(void)
{
    return (uint32_t)(stick_now_us() / 1000);
}

static uint32_t period_ms(const struct stick_table *table, enum stick_data data)
{
    uint64_t ms = table->conf->data[data].period_us / 1000;
    return ms ? (uint32_t)ms : 1;
}

// Of conn_cur the word holds what was set apart from the connections that are.
static uint32_t level(const struct stick_entry *entry, uint64_t word)
{
    int64_t sum = (int64_t)word + atomic_load_explicit(&entry->connections, memory_order_relaxed);
    return sum > 0 ? (uint32_t)sum : 0;
}

static uint64_t value_of(const struct stick_entry *entry, enum stick_data data, uint64_t word)
{
    switch ((enum kind)types[data].kind) {
    case KIND_LEVEL:
        return level(entry, word);
    case KIND_COUNT64:
        return word;
    case KIND_SIGNED:
        return (uint64_t)(int64_t)(int32_t)word;
    default:
        return (uint32_t)word;
    }
}

uint64_t stick_read(const struct stick_table *table, const struct stick_entry *entry, enum stick_data data,
                    uint32_t index)
{
    _Atomic uint64_t *words = words_of(table, entry, data, index);
    if (!words)
        return 0;
    if (types[data].kind == KIND_RATE)
        return stick_rate_read(words, period_ms(table, data), now_ms());
    return value_of(entry, data, atomic_load_explicit(words, memory_order_relaxed));
}

uint64_t stick_add(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
                   uint64_t add)
{
    _Atomic uint64_t *words = words_of(table, entry, data, index);
    if (!words)
        return 0;
    if (types[data].kind == KIND_RATE)
        return stick_rate_add(words, add < UINT32_MAX ? (uint32_t)add : UINT32_MAX, period_ms(table, data), now_ms());
    return value_of(entry, data, atomic_fetch_add_explicit(words, add, memory_order_relaxed) + add);
}

void stick_set(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
               uint64_t value)
{
    _Atomic uint64_t *words = words_of(table, entry, data, index);
    if (!words)
        return;
    if (types[data].kind == KIND_RATE) {
        stick_rate_set(words, (uint32_t)value, now_ms());
        return;
    }
    if (types[data].kind == KIND_LEVEL)
        value -= atomic_load_explicit(&entry->connections, memory_order_relaxed);
    atomic_store_explicit(words, value, memory_order_relaxed);
}

// ---- texts of servers

struct slice stick_server_key(const struct stick_table *table, const struct stick_entry *entry)
{
    _Atomic uint64_t *word = words_of(table, entry, STICK_SERVER_KEY, 0);
    uint64_t at = word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
    if (at == 0 || at > STICK_TEXTS)
        return (struct slice){ .ptr = "" };
    const struct stick_text *text = &table->section->texts[at - 1];
    uint32_t len = atomic_load_explicit(&text->len, memory_order_acquire);
    return len > 1 && len <= sizeof(text->text) ? slice_of(text->text, len - 1) : (struct slice){ .ptr = "" };
}

// The place of `text`, from 1, found or made; 0 where there is no more room. Texts stay: a server's name is used again.
static uint32_t text_place(struct stick_table *table, struct slice text)
{
    uint32_t place = 0, first = (uint32_t)stick_hash(table, text) % STICK_TEXTS;
    board_lock_enter(table->board, &table->section->text_lock);
    for (uint32_t i = 0; i < STICK_TEXTS && !place; i++) {
        uint32_t at = (first + i) % STICK_TEXTS;
        struct stick_text *there = &table->section->texts[at];
        uint32_t len = atomic_load_explicit(&there->len, memory_order_acquire);
        if (len == 0) {
            memcpy(there->text, text.ptr, text.len);
            atomic_store_explicit(&there->len, (uint32_t)text.len + 1, memory_order_release);
        }
        if (len == 0 || (len == text.len + 1 && memcmp(there->text, text.ptr, text.len) == 0))
            place = at + 1;
    }
    board_lock_leave(table->board, &table->section->text_lock);
    return place;
}

void stick_set_server_key(struct stick_table *table, struct stick_entry *entry, struct slice text)
{
    _Atomic uint64_t *word = words_of(table, entry, STICK_SERVER_KEY, 0);
    if (!word || slice_equal(stick_server_key(table, entry), text))
        return;
    if (text.len > sizeof(table->section->texts[0].text) - 1)
        return;
    atomic_store_explicit(word, text.len ? text_place(table, text) : 0, memory_order_relaxed);
}
