// SPDX-License-Identifier: Apache-2.0
//
// What balancing has on the board, and what of it is not as it must be when nothing is to do: every state of a server
// is one that the controller can have written; sums of connections are those of the lanes; places are those of
// connections that are idle in a process that lives; of each stick table the chains, the order and the free places hold
// every entry exactly once, and nobody has any.
#include <unistd.h>
#include "board_look.h"
#include "backend/pool.h"
#include "backend/state.h"
#include "../../src/backend/state_inner.h"
#include "../../src/table/stick_inner.h"

enum { STATES_AT = offsetof(struct backend_states, servers), FULL_SPEED = 100 };

// ---- servers

static void status_check(const char *name, const struct backend_state *it)
{
    uint32_t status = it->status, op = backend_state_op(status), admin = backend_state_admin(status);
    uint32_t whole = it->weight * BACKEND_SHARE_SCALE;
    bool is_up = backend_status_is_up(status), is_starting = op == BACKEND_OP_STARTING;
    if (op > BACKEND_OP_STOPPING || admin > 0x7f)
        fault("server %s has status %x", name, status);
    if (admin & BACKEND_ADMIN_ANY_MAINT && op != BACKEND_OP_STOPPED)
        fault("server %s is in maintenance (%x) and in state %u", name, admin, op);
    if (it->weight > 256 || it->weight_conf > 256)
        fault("server %s has weight %u, of the file %u", name, it->weight, it->weight_conf);
    if (it->share > whole || (!is_starting && it->share != whole) || (whole && !it->share))
        fault("server %s has share %u of weight %u in state %u", name, it->share, it->weight, op);
    if (it->throttle > FULL_SPEED || !is_starting != !it->throttle)
        fault("server %s has throttle %u in state %u", name, it->throttle, op);
    if (is_up != !it->down_since_us)
        fault("server %s in status %x is down since %llu", name, status, (unsigned long long)it->down_since_us);
}

static void probes_check(const char *name, const struct backend_state *it)
{
    uint32_t most = it->check_rise + it->check_fall, agent_most = it->agent_rise + it->agent_fall;
    if (it->check_flags & BACKEND_CHECK_CONFIGURED && (it->health >= most || it->check_rise == 0))
        fault("server %s has health %u, rise %u, fall %u", name, it->health, it->check_rise, it->check_fall);
    if (it->agent_flags & BACKEND_CHECK_CONFIGURED && (it->agent_health >= agent_most || it->agent_rise == 0))
        fault("the agent of %s has health %u, rise %u, fall %u", name, it->agent_health, it->agent_rise,
              it->agent_fall);
    if ((it->check_flags | it->agent_flags) & ~0x1fu)
        fault("server %s has flags %x and %x", name, it->check_flags, it->agent_flags);
    if (it->text_seq & 1)
        fault("the text of %s is being written", name);
    if (memchr(it->check_text, 0, sizeof(it->check_text)) == NULL ||
        memchr(it->agent_text, 0, sizeof(it->agent_text)) == NULL)
        fault("the text of %s has no end", name);
    if (it->asked)
        fault("of server %s is asked %x", name, it->asked);
    if (it->had_checks)
        fault("server %s had checks %x, and nobody cares", name, it->had_checks);
}

static void servers_check(struct balance_sums *sums, const char *pid, struct board *board)
{
    uint32_t limit = board->objects->num + 1;
    size_t len = STATES_AT + limit * sizeof(struct backend_state);
    char *section = section_read(pid, BACKEND_STATES_SECTION, &len);
    for (uint32_t i = 1; section && i < limit; i++) {
        const struct board_object_record *record = &board->objects->records[i];
        const struct backend_state *it = (const void *)(section + STATES_AT + i * sizeof(*it));
        bool is_used = record->state == BOARD_OBJECT_USED, is_server = is_used && !strncmp(record->name, "s/", 2);
        bool is_owned = is_server || (is_used && strncmp(record->name, "b/", 2) == 0);
        is_owned &= record->name[2] != '\0';
        // A server that was deleted by command leaves its object to the end of its generation, and nothing in it.
        if (is_server && !it->owner && it->status >> 8 & BACKEND_ADMIN_ANY_MAINT)
            continue;
        if (is_owned != (it->owner >> 63 & 1) || !is_owned != !it->owner)
            fault("the state of object %u (%s) is owned by %llx", i, is_used ? record->name : "free",
                  (unsigned long long)it->owner);
        if (!is_server || !is_owned)
            continue;
        bool is_chosen = backend_status_is_willing(it->status) && it->share;
        status_check(record->name, it);
        probes_check(record->name, it);
        if (!is_chosen && !board->queues->queues[i].closed)
            fault("server %s gets waiters, and must not be chosen", record->name);
        sums->num_servers++;
        sums->num_down += !backend_status_is_up(it->status);
        sums->num_waits += is_chosen && board->queues->queues[i].closed;
    }
    free(section);
}

static void loads_check(const char *pid, struct board *board)
{
    size_t len = (board->objects->num + 1) * sizeof(uint32_t);
    uint32_t *loads = section_read(pid, BACKEND_LOADS_SECTION, &len);
    for (uint32_t i = 1; loads && i <= board->objects->num; i++) {
        uint32_t sum = 0;
        if (strncmp(board->objects->records[i].name, "s/", 2) != 0)
            continue;
        for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++)
            sum += board->lanes->units[i][inc];
        if (loads[i] != sum && board->objects->records[i].state == BOARD_OBJECT_USED)
            fault("the load of %s is %d, its lanes have %u", board->objects->records[i].name, (int)loads[i], sum);
    }
    free(loads);
}

// A process has places for what is idle in it, no more and no fewer.
static void places_check(struct balance_sums *sums, const char *pid, struct board *board)
{
    int fd = section_open(pid, "board/counters");
    for (uint32_t i = 1; i <= board->objects->num; i++) {
        const struct board_object_record *record = &board->objects->records[i];
        for (uint32_t inc = 0; !strncmp(record->name, "c/", 2) && inc < BOARD_MAX_INCARNATIONS; inc++) {
            uint32_t units = board->lanes->units[i][inc];
            uint64_t level = 0;
            if (units)
                section_cell(&level, fd, offsetof(struct board_counters, cells[inc][i][BOARD_LEVEL]), sizeof(level));
            if (units && (inc == 0 || board->incarnations->records[inc].state != BOARD_STATE_LIVE ||
                          units != backend_level_spare(level)))
                fault("incarnation %u has %u places of %s, and %u connections", inc, units, record->name,
                      backend_level_spare(level));
            sums->num_places += units;
        }
    }
    close(fd);
}

// ---- stick tables

struct table {
    const char *name;
    const struct board *board;
    const struct stick_section *section;
    const struct stick_shape *shape;
    const char *entries;
    uint8_t *seen;     // by place: how often, as a bit for each kind of list
    uint32_t *holders; // by place: holds found
    uint32_t num_places;
};

enum { SEEN_CHAIN = 1, SEEN_ORDER = 2, SEEN_FREE = 4 };

static const struct stick_entry *entry_at(const struct table *table, uint32_t id)
{
    return (const void *)(table->entries + (size_t)(id - 1) * table->shape->entry_len);
}

// Whether a list may go on to `id` of the shard `index`, and not for the second time.
static bool see(struct table *table, uint32_t index, uint32_t id, uint8_t kind, const char *what)
{
    uint32_t first = index * table->shape->capacity + 1;
    bool is_right = id >= first && id < first + table->section->shards[index].fresh && !(table->seen[id - 1] & kind);
    if (is_right)
        table->seen[id - 1] |= kind;
    else
        fault("table %s, shard %u: %s goes to %u, again or out of bounds", table->name, index, what, id);
    return is_right;
}

static bool is_same_key(const struct table *table, const struct stick_entry *a, const struct stick_entry *b)
{
    return a->hash == b->hash && a->key_len == b->key_len &&
           memcmp((const char *)a + table->shape->key_at, (const char *)b + table->shape->key_at, a->key_len) == 0;
}

static void chains_check(struct table *table, uint32_t index)
{
    uint32_t num = table->shape->num_buckets;
    for (uint32_t bucket = 0; bucket < num; bucket++) {
        uint32_t head = table->section->buckets[(size_t)index * num + bucket];
        for (uint32_t id = head; id && see(table, index, id, SEEN_CHAIN, "a chain"); id = entry_at(table, id)->next) {
            const struct stick_entry *entry = entry_at(table, id);
            if ((entry->hash & (num - 1)) != bucket)
                fault("table %s: entry %u of hash %x stands in bucket %u", table->name, id, entry->hash, bucket);
            for (uint32_t other = head; other != id; other = entry_at(table, other)->next)
                if (is_same_key(table, entry, entry_at(table, other)))
                    fault("table %s: entries %u and %u have the same key", table->name, id, other);
        }
    }
}

static void order_check(struct table *table, uint32_t index)
{
    const struct stick_shard *shard = &table->section->shards[index];
    uint32_t newer = 0;
    for (uint32_t id = shard->newest; id && see(table, index, id, SEEN_ORDER, "the order");
         newer = id, id = entry_at(table, id)->older)
        if (entry_at(table, id)->newer != newer)
            fault("table %s: entry %u follows %u, and says %u", table->name, id, newer, entry_at(table, id)->newer);
    if (shard->oldest != newer)
        fault("table %s, shard %u: the oldest is %u, not %u", table->name, index, shard->oldest, newer);
    for (uint32_t id = shard->free; id && see(table, index, id, SEEN_FREE, "the free list");)
        id = entry_at(table, id)->next;
}

static void entry_check(const struct table *table, uint32_t id, uint32_t *num_used)
{
    const struct stick_entry *entry = entry_at(table, id);
    uint32_t want = entry->state == STICK_USED ? SEEN_CHAIN | SEEN_ORDER : SEEN_FREE;
    *num_used += entry->state == STICK_USED;
    if ((entry->state != STICK_USED && entry->state != STICK_FREE) || table->seen[id - 1] != want)
        fault("table %s: entry %u in state %u stands in lists %x", table->name, id, entry->state, table->seen[id - 1]);
    if (entry->state != STICK_USED)
        return;
    if (entry->holders != table->holders[id - 1])
        fault("table %s: entry %u says %u holders, of %u", table->name, id, entry->holders, table->holders[id - 1]);
    if (entry->connections > entry->holders)
        fault("table %s: entry %u has %u connections, %u holders", table->name, id, entry->connections, entry->holders);
    if (entry->holders || entry->connections)
        fault("table %s: entry %u has %u holders, %u connections", table->name, id, entry->holders, entry->connections);
    if (entry->key_len > table->shape->entry_len - table->shape->key_at)
        fault("table %s: entry %u has a key of %u bytes", table->name, id, entry->key_len);
}

static void shard_check(struct table *table, uint32_t index, uint32_t *num_used)
{
    const struct stick_shard *shard = &table->section->shards[index];
    uint32_t first = index * table->shape->capacity + 1, num = 0;
    if (shard->lock.owner || shard->changes & 1)
        fault("table %s: shard %u is locked by %x, changes %u", table->name, index, shard->lock.owner, shard->changes);
    if (shard->fresh > table->shape->capacity) {
        fault("table %s: shard %u has %u places", table->name, index, shard->fresh);
        return;
    }
    chains_check(table, index);
    order_check(table, index);
    for (uint32_t i = 0; i < shard->fresh; i++)
        entry_check(table, first + i, &num);
    if (num != shard->num)
        fault("table %s: shard %u has %u entries, and says %u", table->name, index, num, shard->num);
    *num_used += num;
}

// Of chunks that belong to nobody no hold is left; nor, now, of any.
static void holds_check(struct table *table)
{
    const struct stick_section *section = table->section;
    for (uint32_t chunk = 0; chunk < STICK_HOLD_CHUNKS; chunk++) {
        uint32_t owner = section->chunk_owners[chunk];
        if (owner && (chunk >= section->chunks_end || !mark_is_live(table->board, owner)))
            fault("table %s: chunk %u of holds is %x's, who is gone", table->name, chunk, owner);
        for (uint32_t at = chunk * STICK_CHUNK_HOLDS; at < (chunk + 1) * STICK_CHUNK_HOLDS; at++) {
            uint32_t id = section->holds[at] & ~STICK_COUNTS;
            if (!section->holds[at])
                continue;
            fault("table %s: %x holds %x", table->name, owner, section->holds[at]);
            if (id && id <= table->num_places)
                table->holders[id - 1]++;
        }
    }
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++)
        for (uint32_t i = 0; mark_is_live(table->board, section->pins[inc].mark) && i < STICK_MAX_PINS; i++)
            if (section->pins[inc].entries[i])
                fault("table %s: incarnation %u has pinned %u", table->name, inc, section->pins[inc].entries[i]);
}

static void table_check(struct balance_sums *sums, const char *pid, const struct board *board, const char *name)
{
    size_t len = 0;
    const struct stick_section *section = section_read(pid, name, &len);
    const struct stick_shape *shape = section ? &section->shape : NULL;
    struct table table = { .name = name, .board = board, .section = section, .shape = shape };
    uint32_t num = 0;
    if (!section || !shape->num_shards || shape->num_shards > STICK_SHARDS ||
        len < shape->entries_at + (size_t)shape->num_shards * shape->capacity * shape->entry_len) {
        fault("table %s has no right shape", name);
        return;
    }
    table.entries = (const char *)section + shape->entries_at;
    table.num_places = shape->num_shards * shape->capacity;
    table.seen = calloc(table.num_places, 1);
    table.holders = calloc(table.num_places, sizeof(*table.holders));
    if (!table.seen || !table.holders)
        die(name);
    if (section->text_lock.owner)
        fault("table %s: the texts are locked by %x", name, section->text_lock.owner);
    holds_check(&table);
    for (uint32_t i = 0; i < shape->num_shards; i++)
        shard_check(&table, i, &num);
    if (num != section->num)
        fault("table %s has %u entries, and says %u", name, num, section->num);
    sums->num_tables++;
    sums->num_entries += num;
    free(table.holders);
    free(table.seen);
    free((void *)section);
}

void balance_check(struct balance_sums *sums, const char *pid, struct board *board)
{
    servers_check(sums, pid, board);
    loads_check(pid, board);
    places_check(sums, pid, board);
    for (uint32_t i = 0; i < board->directory->num && i < BOARD_MAX_SECTIONS; i++)
        if (strncmp(board->directory->entries[i].name, "stick/", 6) == 0)
            table_check(sums, pid, board, board->directory->entries[i].name);
}
