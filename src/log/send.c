// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "log/table.h"

struct log_table *log_table_get(struct board *board)
{
    bool fresh;
    return board_section(board, &fresh, "log-sinks", 5, sizeof(struct log_table));
}

bool log_board_prepare(struct board *board)
{
    return log_table_get(board) != NULL;
}

static bool same_entry(const struct log_sink_entry *a, const struct log_sink_entry *b)
{
    return a->to.kind == b->to.kind && a->to.fd == b->to.fd && a->to.socket_len == b->to.socket_len &&
           memcmp(a->to.socket.words, b->to.socket.words, sizeof(a->to.socket.words)) == 0 &&
           memcmp(&a->stream, &b->stream, sizeof(a->stream)) == 0 && a->sample == b->sample &&
           a->max_len == b->max_len && a->format == b->format && a->facility == b->facility &&
           memcmp(a->tag, b->tag, sizeof(a->tag)) == 0 && memcmp(a->hostname, b->hostname, sizeof(a->hostname)) == 0;
}

static uint32_t generation_own(struct board *board)
{
    uint32_t self = board_incarnation_self(board);
    return self ? board_incarnation_at(board, self)->generation : 0;
}

// A place for a new entry: a new one, or that of an entry whose generations are gone.
static bool place_find(struct board *board, const struct log_table *table, uint32_t *sink, uint32_t num)
{
    *sink = num;
    if (num < LOG_MAX_SINKS)
        return true;
    for (*sink = 0; *sink < num; ++*sink) {
        const struct log_sink_entry *entry = &table->sinks[*sink];
        if (entry->first && !board_generations_live(board, entry->first, entry->last))
            return true;
    }
    errno = ENOSPC;
    return false;
}

// Without a serial it is no entry: whoever reads it meanwhile finds none.
static void entry_write(struct log_sink_entry *place, const struct log_sink_entry *entry, uint32_t generation)
{
    uint32_t serial = atomic_load_explicit(&place->serial, memory_order_relaxed) % LOG_SERIAL_MAX + 1;
    atomic_store_explicit(&place->serial, 0, memory_order_release);
    atomic_thread_fence(memory_order_release);
    *place = *entry;
    place->first = place->last = generation;
    atomic_store_explicit(&place->serial, serial, memory_order_release);
}

// Finds or makes the entry. One keeper publishes at a time; readers see an entry once num_sinks counts it.
static bool table_sink(struct board *board, struct log_table *table, uint32_t *sink,
                       const struct log_sink_entry *entry)
{
    uint32_t num = atomic_load_explicit(&table->num_sinks, memory_order_relaxed), generation = generation_own(board);
    if (num > LOG_MAX_SINKS) {
        errno = EBADMSG;
        return false;
    }
    for (*sink = 0; *sink < num; ++*sink) {
        struct log_sink_entry *it = &table->sinks[*sink];
        if (atomic_load_explicit(&it->serial, memory_order_relaxed) && same_entry(it, entry)) {
            it->first = generation < it->first ? generation : it->first;
            it->last = generation > it->last ? generation : it->last;
            return true;
        }
    }
    if (!place_find(board, table, sink, num))
        return false;
    entry_write(&table->sinks[*sink], entry, generation);
    if (*sink == num)
        atomic_store_explicit(&table->num_sinks, num + 1, memory_order_release);
    return true;
}

// What tells samples apart: two lines that differ in it alone count their messages each by itself.
static uint32_t sample_id(const struct log_sample *sample)
{
    uint32_t hash = sample->size;
    for (uint32_t i = 0; i < sample->num_ranges; i++)
        hash = (hash * 31 + sample->ranges[i].low) * 31 + sample->ranges[i].high;
    return hash | 1;
}

// Whether this message is one of the sample; all processes count together.
static bool is_sampled(const struct log_target *target)
{
    const struct log_sample *sample = target->sample;
    uint32_t turn =
        atomic_fetch_add_explicit(&target->table->turns[target->sink], 1, memory_order_relaxed) % sample->size + 1;
    for (uint32_t i = 0; i < sample->num_ranges; i++)
        if (turn >= sample->ranges[i].low && turn <= sample->ranges[i].high)
            return true;
    return false;
}

// Each server of a log backend has a sink of its own for each line that names the backend.
static bool target_publish(struct board *board, struct log_table *table, struct log_target *target,
                           struct log_sink_entry *entry)
{
    if (!target->group)
        return table_sink(board, table, &target->sink, entry);
    for (uint32_t i = 0; i < target->group->num; i++) {
        entry->to = target->group->members[i].to;
        entry->stream = target->group->members[i].stream;
        if (!table_sink(board, table, &target->sinks[i], entry))
            return false;
    }
    target->sink = target->group->num ? target->sinks[0] : 0;
    return true;
}

bool log_targets_publish(struct board *board, struct log_target *list, const char *tag, const char *hostname)
{
    struct log_table *table = log_table_get(board);
    if (!table)
        return false;
    size_t hostname_len = hostname ? strlen(hostname) : 0;
    for (struct log_target *target = list; target; target = target->next) {
        const char *own_tag = target->tag ? target->tag : tag;
        size_t tag_len = strlen(own_tag);
        if (tag_len > LOG_TAG_MAX || hostname_len > LOG_HOSTNAME_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        struct log_sink_entry entry = { .to = target->to, .max_len = target->max_len, .format = target->format };
        if (target->format == LOG_FORMAT_UNSET)
            entry.format = hostname ? LOG_FORMAT_RFC3164 : LOG_FORMAT_LOCAL;
        entry.facility = target->facility;
        entry.stream = target->stream;
        entry.sample = target->sample ? sample_id(target->sample) : 0;
        memcpy(entry.tag, own_tag, tag_len);
        if (hostname)
            memcpy(entry.hostname, hostname, hostname_len);
        if (!target_publish(board, table, target, &entry))
            return false;
        target->table = table;
    }
    return true;
}

bool log_target_is_failing(const struct log_target *target, uint32_t member)
{
    must(target->group && member < target->group->num && target->table);
    const struct log_sink_entry *entry = &target->table->sinks[target->sinks[member]];
    return atomic_load_explicit(&entry->is_failing, memory_order_relaxed);
}

// The drain reads rings up to the highest number that ever wrote, so that the last words of the dead are sent too.
static void mark_writer(struct log_table *table, uint32_t inc)
{
    uint32_t limit = atomic_load_explicit(&table->inc_limit, memory_order_relaxed);
    while (limit <= inc && !atomic_compare_exchange_weak(&table->inc_limit, &limit, inc + 1))
        ;
}

void log_record_put(struct board *board, uint32_t inc, struct log_table *table, uint32_t sink, enum log_level level,
                    uint64_t wall_us, struct slice sd, struct slice message)
{
    const struct log_sink_entry *entry = &table->sinks[sink];
    struct log_record record = { .wall_us = wall_us, .level = level };
    record.sink = sink | atomic_load_explicit(&entry->serial, memory_order_relaxed) << 16;
    record.pid = atomic_load_explicit(&board_incarnation_at(board, inc)->pid, memory_order_relaxed);
    mark_writer(table, inc);
    if (message.len > entry->max_len)
        message.len = entry->max_len;
    if (entry->format != LOG_FORMAT_RFC5424 || !sd.len || sd.len > entry->max_len) {
        board_ring_put(board, inc, slice_of((const char *)&record, sizeof(record)), message);
        return;
    }
    char both[sizeof(record) + LOG_SD_MAX];
    if (sd.len > LOG_SD_MAX)
        sd.len = LOG_SD_MAX;
    record.sd_len = (uint32_t)sd.len;
    memcpy(both, &record, sizeof(record));
    memcpy(both + sizeof(record), sd.ptr, sd.len);
    board_ring_put(board, inc, slice_of(both, sizeof(record) + sd.len), message);
}

void log_send_one(struct board *board, uint32_t inc, const struct log_target *target, enum log_level level,
                  uint64_t wall_us, struct slice sd, struct slice message)
{
    if (level > target->max_level)
        return;
    must(target->table);
    if (target->sample && !is_sampled(target))
        return;
    uint32_t sink = target->sink;
    if (target->group) {
        uint32_t member = target->group->choose(target->group->owner, message);
        if (member >= target->group->num) {
            atomic_fetch_add_explicit(&target->table->dropped, 1, memory_order_relaxed);
            return;
        }
        sink = target->sinks[member];
    }
    log_record_put(board, inc, target->table, sink, level < target->min_level ? target->min_level : level, wall_us, sd,
                   message);
}

void log_send(struct board *board, uint32_t inc, const struct log_target *list, enum log_level level, uint64_t wall_us,
              struct slice message)
{
    for (; list; list = list->next)
        log_send_one(board, inc, list, level, wall_us, (struct slice){ 0 }, message);
}
