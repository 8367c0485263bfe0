// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "stick_inner.h"

static struct {
    struct stick_table *first;
    uint32_t num;
    struct stick_table *numbers[STICK_MAX_TABLES];
} tables;

struct stick_table *stick_tables_first(void)
{
    return tables.first;
}

struct stick_table *stick_table_number(uint32_t number)
{
    return number < STICK_MAX_TABLES ? tables.numbers[number] : NULL;
}

const struct stick_table_conf *stick_conf_of(const struct stick_table *table)
{
    return table->conf;
}

uint64_t stick_now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

// ---- shape

static uint32_t power_up(uint32_t num)
{
    uint32_t power = 1;
    while (power < num)
        power <<= 1;
    return power;
}

static uint32_t round_up(uint32_t len, uint32_t to)
{
    return (len + to - 1) / to * to;
}

static bool places_lay_out(struct stick_table *table, const struct stick_table_conf *conf)
{
    uint32_t words = 0;
    for (uint32_t i = 0; i < STICK_NUM_DATA; i++) {
        table->words[i] = conf->data[i].stored ? words : UINT32_MAX;
        if (conf->data[i].stored)
            words += conf->data[i].num * (stick_data_is_rate(i) ? 2u : 1u);
    }
    table->key_at = (uint32_t)sizeof(struct stick_entry) + words * 8;
    table->entry_len = round_up(table->key_at + conf->key_len, 16);
    bool small = conf->size <= STICK_SMALL;
    // A little more than its share, for keys do not spread evenly; a table that grows within a power of 2 keeps its
    // entries.
    uint32_t most = small ? STICK_SMALL : power_up(conf->size);
    table->num_shards = small ? 1 : STICK_SHARDS;
    table->capacity = small ? STICK_SMALL : most / STICK_SHARDS * 3 / 2 + 128;
    table->num_buckets = most / table->num_shards;
    return conf->size > 0 && conf->size <= UINT32_C(1) << 30;
}

static size_t entries_at(const struct stick_table *table)
{
    size_t buckets_len = (size_t)table->num_buckets * table->num_shards * sizeof(uint32_t);
    return sizeof(struct stick_section) + (buckets_len + 4095) / 4096 * 4096;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// What decides the shape, as the section's version.
static uint32_t version_of(const struct stick_table *table, const struct stick_table_conf *conf)
{
    uint64_t hash = mix(STICK_LAYOUT ^ UINT64_C(0x9e3779b97f4a7c15), conf->type ^ UINT64_C(0xd1b54a32d192ed03));
    hash = mix(hash ^ conf->key_len, UINT64_C(0xaef17502108ef2d9) ^ table->num_buckets);
    hash = mix(hash ^ table->num_shards, UINT64_C(0x9e3779b97f4a7c15) ^ table->capacity);
    for (uint32_t i = 0; i < STICK_NUM_DATA; i++)
        if (conf->data[i].stored)
            hash = mix(hash ^ conf->data[i].period_us,
                       UINT64_C(0xd1b54a32d192ed03) ^ ((uint64_t)i << 32 | conf->data[i].num));
    return (uint32_t)(hash ^ hash >> 32);
}

void stick_section_name(char *name, const struct stick_table_conf *conf)
{
    size_t len = strlen(conf->name);
    if (len < BOARD_NAME_MAX - sizeof("stick/")) {
        snprintf(name, BOARD_NAME_MAX, "stick/%s", conf->name);
        return;
    }
    uint64_t hash = 0;
    for (size_t i = 0; i < len; i++)
        hash = mix(hash ^ (unsigned char)conf->name[i], UINT64_C(0x9e3779b97f4a7c15));
    snprintf(name, BOARD_NAME_MAX, "stick/%.80s~%016llx", conf->name, (unsigned long long)hash);
}

static uint64_t order_of(const struct stick_table_conf *conf)
{
    enum { SMALL_US = 1000, LARGE_US = 1000000, SHARE = 16 };
    if (conf->size <= STICK_SMALL)
        return SMALL_US;
    uint64_t share_us = conf->expire_us / SHARE;
    return share_us && share_us < LARGE_US ? share_us : LARGE_US;
}

// The table of that name where this process has one already: its section may be about to move.
static struct stick_table *table_for(const struct stick_table_conf *conf)
{
    struct stick_table *table = tables.first;
    while (table && strcmp(table->conf->name, conf->name) != 0)
        table = table->next;
    if (table || tables.num + 1 >= STICK_MAX_TABLES || !(table = calloc(1, sizeof(*table))))
        return table;
    table->number = ++tables.num;
    table->next = tables.first;
    tables.first = table;
    tables.numbers[table->number] = table;
    return table;
}

bool stick_table_prepare(struct stick_table_conf *conf, struct board *board)
{
    char name[BOARD_NAME_MAX];
    bool fresh;
    struct stick_table *table = table_for(conf);
    if (!table || !places_lay_out(table, conf)) {
        errno = table ? EINVAL : ENOMEM;
        return false;
    }
    table->conf = conf;
    table->board = board;
    size_t len = entries_at(table) + (size_t)table->capacity * table->num_shards * table->entry_len;
    stick_section_name(name, conf);
    table->section = board_section(board, &fresh, name, version_of(table, conf), len);
    if (!table->section || (fresh && getrandom(table->section->hash_key, sizeof(table->section->hash_key), 0) < 0))
        return false;
    table->section->shape = (struct stick_shape){
        entries_at(table),  table->num_shards,          table->num_buckets,
        table->capacity,    (uint32_t)table->entry_len, table->key_at,
    };
    table->entries = (char *)table->section + entries_at(table);
    table->order_us = order_of(conf);
    conf->table = table;
    stick_enter(board, board_incarnation_self(board));
    return true;
}

void stick_enter(struct board *board, uint32_t inc)
{
    uint32_t at = inc ? inc : (uint32_t)BOARD_MAX_INCARNATIONS;
    for (struct stick_table *table = tables.first; table; table = table->next) {
        if (!table->section)
            continue;
        struct stick_pins *pins = &table->section->pins[at];
        for (uint32_t i = 0; i < STICK_MAX_PINS; i++)
            atomic_store_explicit(&pins->entries[i], 0, memory_order_relaxed);
        atomic_store(&pins->mark, inc ? board_mark(board, inc) : (uint32_t)BOARD_MAX_INCARNATIONS);
        table->pins = pins;
        table->num_free_holds = 0;
    }
}

// ---- keys

uint64_t stick_hash(const struct stick_table *table, struct slice key)
{
    const uint64_t *secret = table->section->hash_key;
    uint64_t hash = secret[0] ^ key.len, word;
    for (; key.len >= 8; key = slice_from(key, 8)) {
        memcpy(&word, key.ptr, 8);
        hash = mix(hash ^ word, secret[1] ^ UINT64_C(0x9e3779b97f4a7c15));
    }
    word = 0;
    if (key.len)
        memcpy(&word, key.ptr, key.len);
    hash = mix(hash ^ word, secret[1] ^ UINT64_C(0xd1b54a32d192ed03));
    return mix(hash, secret[0] ^ UINT64_C(0xaef17502108ef2d9));
}

static bool key_of_address(char *room, uint8_t type, const struct expr_addr *addr)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    if (type == STICK_IP && addr->family == 4) {
        memcpy(room, addr->bytes, 4);
        return true;
    }
    if (type == STICK_IP) {
        bool is_mapped = memcmp(addr->bytes, mapped, sizeof(mapped)) == 0;
        if (is_mapped)
            memcpy(room, addr->bytes + 12, 4);
        return is_mapped;
    }
    if (addr->family == 4) {
        memcpy(room, mapped, sizeof(mapped));
        memcpy(room + 12, addr->bytes, 4);
    } else {
        memcpy(room, addr->bytes, 16);
    }
    return true;
}

const char *stick_type_name(enum stick_type type)
{
    static const char *const names[] = { "ip", "ipv6", "integer", "string", "binary" };
    must(type < NUM_ITEMS(names));
    return names[type];
}

enum expr_type stick_type_of(enum stick_type type)
{
    static const enum expr_type types[] = { EXPR_ADDR, EXPR_ADDR, EXPR_INT, EXPR_STR, EXPR_BIN };
    must(type < NUM_ITEMS(types));
    return types[type];
}

// Bytes as the cast to binary has them: of an address its own, of a number eight, the highest first.
static struct slice bytes_of(char scratch[EXPR_TEXT_LEN], const struct expr_sample *sample)
{
    if (sample->type == EXPR_ADDR) {
        size_t len = sample->addr.family == 4 ? 4 : 16;
        memcpy(scratch, sample->addr.bytes, len);
        return slice_of(scratch, len);
    }
    if (sample->type != EXPR_INT && sample->type != EXPR_BOOL)
        return sample->str;
    uint64_t num = sample->type == EXPR_BOOL ? sample->boolean : (uint64_t)sample->num;
    for (int i = 0; i < 8; i++)
        scratch[i] = (char)(num >> (56 - 8 * i));
    return slice_of(scratch, 8);
}

bool stick_key(struct slice *key, char room[STICK_KEY_ROOM], const struct stick_table_conf *conf,
               const struct expr_sample *sample)
{
    struct expr_addr addr;
    int64_t num;
    char scratch[EXPR_TEXT_LEN];
    struct slice text;
    uint32_t low;
    *key = slice_of(room, conf->key_len);
    switch ((enum stick_type)conf->type) {
    case STICK_IP:
    case STICK_IPV6:
        // A text is one of the table's own family; only addresses change theirs.
        return expr_sample_addr(sample, &addr) &&
               (sample->type == EXPR_ADDR || (addr.family == 4) == (conf->type == STICK_IP)) &&
               key_of_address(room, conf->type, &addr);
    case STICK_INTEGER:
        if (!expr_sample_int(sample, &num))
            return false;
        low = (uint32_t)num;
        memcpy(room, &low, sizeof(low));
        return true;
    case STICK_BINARY:
        text = bytes_of(scratch, sample);
        memset(room, 0, conf->key_len);
        break;
    default:
        text = expr_sample_str(sample, scratch);
        text.len = slice_find(text, '\0');
        key->len = text.len < conf->key_len ? text.len : conf->key_len;
        break;
    }
    text.len = text.len < conf->key_len ? text.len : conf->key_len;
    if (text.len)
        memcpy(room, text.ptr, text.len);
    return true;
}
