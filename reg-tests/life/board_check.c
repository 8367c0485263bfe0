// SPDX-License-Identifier: Apache-2.0
//
// board_check PID looks at the board of the master PID from outside, through its descriptors, and says of a service
// that has nothing to do what is not as it must be then: a line on stdout for each fault, and exit status 1. Where all
// is well it prints one line of JSON: the pids that the board thinks are alive, and how much of everything it found.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/siphash.h>
#include "board_look.h"
#include "../../src/tls/shared_inner.h"

static void *core(const char *pid, const char *name, size_t len)
{
    void *copy = section_read(pid, name, &len);
    if (copy == NULL)
        die(name);
    return copy;
}

// What a process leaves behind must be gone, or its own.
static void incarnations_check(struct board *board)
{
    const struct board_incarnations *all = board->incarnations;
    if (all->reaper.owner)
        fault("the reaper's lock is held by %x", all->reaper.owner);
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        const struct board_incarnation *it = &all->records[inc];
        const struct board_estate *estate = &all->estates[inc];
        if (it->state != BOARD_STATE_FREE && it->state != BOARD_STATE_LIVE)
            fault("incarnation %u is in state %x", inc, it->state);
        if (it->state == BOARD_STATE_LIVE && it->pid <= 0)
            fault("incarnation %u lives and has no pid", inc);
        if (it->state == BOARD_STATE_LIVE && it->sessions)
            fault("incarnation %u has %u sessions", inc, it->sessions);
        if (it->state == BOARD_STATE_LIVE && it->role != BOARD_ROLE_MASTER && it->applied != board->journal->last)
            fault("incarnation %u applied %llu of %llu entries", inc, (unsigned long long)it->applied,
                  (unsigned long long)board->journal->last);
        if (estate->lock)
            fault("incarnation %u takes or holds lock %u", inc, estate->lock);
        if (estate->waking)
            fault("incarnation %u was about to wake %u", inc, estate->waking);
        if (it->state == BOARD_STATE_FREE && (estate->has_chunks || estate->has_touched || estate->chunk))
            fault("incarnation %u left something", inc);
    }
}

static void objects_check(struct board *board, uint32_t *num_used)
{
    const struct board_objects *objects = board->objects;
    if (objects->lock.owner)
        fault("the objects' lock is held by %x", objects->lock.owner);
    for (uint32_t i = 1; i < BOARD_MAX_OBJECTS; i++) {
        const struct board_object_record *record = &objects->records[i];
        *num_used += record->state == BOARD_OBJECT_USED;
        if (record->state == BOARD_OBJECT_FREEING)
            fault("object %u is being freed", i);
        if (record->state == BOARD_OBJECT_USED && i > objects->num)
            fault("object %u is beyond the last, %u", i, objects->num);
        for (uint32_t j = 0; record->state == BOARD_OBJECT_FREE && j < BOARD_GAUGES; j++)
            if (objects->gauges[i][j])
                fault("gauge %u of object %u, which is free, is %llu", j, i, (unsigned long long)objects->gauges[i][j]);
    }
    for (uint32_t i = 0; i < BOARD_HASH_SLOTS; i++)
        if (objects->slots[i] >= BOARD_MAX_OBJECTS)
            fault("entry %u of the index is %u", i, objects->slots[i]);
    if (board->base->sequence & 1 || board->base->stage)
        fault("counters are on the move: sequence %u, stage %u", board->base->sequence, board->base->stage);
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++)
        for (uint32_t i = 0; i < BOARD_BITMAP_WORDS; i++)
            if (board->incarnations->records[inc].state == BOARD_STATE_FREE &&
                (board->base->touched[inc][i] || board->lanes->touched[inc][i]))
                fault("incarnation %u is free and touched objects", inc);
}

// Idle connections have their place among those to a server (balance_check), and some speak TLS.
static void lanes_check(uint32_t *num_tls, struct board *board)
{
    for (uint32_t i = 1; i < BOARD_MAX_OBJECTS; i++) {
        const char *name = board->objects->records[i].name;
        for (uint32_t inc = 0; inc < BOARD_MAX_INCARNATIONS; inc++) {
            uint32_t units = board->lanes->units[i][inc];
            if (!units || strncmp(name, "c/", 2) == 0)
                continue;
            if (strcmp(name, "g/tls") == 0 && board->incarnations->records[inc].state == BOARD_STATE_LIVE)
                *num_tls += units;
            else
                fault("lane %u of object %u (%s) is %u", inc, i, name, units);
        }
    }
}

static void queues_check(struct board *board)
{
    for (uint32_t i = 0; i < BOARD_MAX_OBJECTS; i++) {
        const struct board_queue *queue = &board->queues->queues[i];
        if (queue->lock.owner)
            fault("the queue of object %u is locked by %x", i, queue->lock.owner);
        if (queue->num || queue->num_any || queue->head || queue->tail)
            fault("the queue of object %u has %u and %u waiters, from %u to %u", i, queue->num, queue->num_any,
                  queue->head, queue->tail);
    }
    for (uint32_t i = 0; i < BOARD_WAITERS; i++) {
        const struct board_waiter *waiter = &board->queues->waiters[i];
        if (waiter->state)
            fault("waiter %u of incarnation %u is in state %u", i + 1, waiter->inc, waiter->state);
    }
    for (uint32_t i = 0; i < BOARD_CHUNKS; i++) {
        const struct board_chunk *chunk = &board->queues->chunks[i];
        if (chunk->owner >= BOARD_MAX_INCARNATIONS ||
            (chunk->owner && board->incarnations->records[chunk->owner].state != BOARD_STATE_LIVE))
            fault("chunk %u is owned by %u", i, chunk->owner);
        if (chunk->used)
            fault("chunk %u of %u has waiters %llx in use", i, chunk->owner, (unsigned long long)chunk->used);
    }
    // Each list of chunks with room is a list, of its owner's alone.
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        uint32_t prev = 0, steps = 0;
        for (uint32_t at = board->incarnations->estates[inc].chunk; at; at = board->queues->chunks[at - 1].next) {
            const struct board_chunk *chunk = at <= BOARD_CHUNKS ? &board->queues->chunks[at - 1] : NULL;
            if (chunk == NULL || chunk->owner != inc || chunk->prev != prev || ++steps > BOARD_CHUNKS) {
                fault("the chunks of incarnation %u are no list", inc);
                break;
            }
            prev = at;
        }
    }
}

static void journal_check(struct board *board)
{
    const struct board_journal *journal = board->journal;
    uint64_t last = journal->last, first = last > BOARD_JOURNAL_SLOTS - 1 ? last - (BOARD_JOURNAL_SLOTS - 2) : 1;
    uint64_t end = 0;
    if (journal->lock.owner)
        fault("the journal is locked by %x", journal->lock.owner);
    for (uint64_t number = first; number <= last; number++) {
        const struct board_entry *entry = &journal->entries[number % BOARD_JOURNAL_SLOTS];
        if (entry->number != number || entry->len > BOARD_JOURNAL_ENTRY_MAX || entry->at < end ||
            entry->at % BOARD_JOURNAL_LEN + entry->len > BOARD_JOURNAL_LEN) {
            fault("entry %llu of the journal says %llu, at %llu, length %u", (unsigned long long)number,
                  (unsigned long long)entry->number, (unsigned long long)entry->at, entry->len);
            return;
        }
        end = entry->at + entry->len;
    }
}

// Only what a killed writer had begun may be busy; all else is as it was put there.
static uint32_t cache_check(const char *pid, const struct board_directory *directory, uint32_t *num_busy)
{
    uint32_t num = 0, size = 0;
    for (uint32_t i = 0; i < directory->num && i < BOARD_MAX_SECTIONS; i++)
        if (strcmp(directory->entries[i].name, "tls-cache") == 0)
            size = directory->entries[i].version & ((1u << 27) - 1);
    size_t len = 0;
    uint8_t *memory = size ? section_read(pid, "tls-cache", &len) : NULL;
    if (memory == NULL)
        return 0;
    const struct tls_cache_head *head = (const void *)memory;
    const uint8_t *at = memory + sizeof(*head);
    const uint32_t lens[] = { TLS_CACHE_SMALL, TLS_CACHE_LARGE };
    for (int class = 0; class < 2; class ++) {
        uint32_t want = class ? size / TLS_CACHE_LARGE_SHARE + 1 : size;
        uint32_t slots = (want / TLS_CACHE_WAYS + (want % TLS_CACHE_WAYS != 0)) * TLS_CACHE_WAYS;
        for (uint32_t i = 0; i < slots; i++, at += lens[class]) {
            const struct tls_cache_slot *slot = (const void *)at;
            size_t from = offsetof(struct tls_cache_slot, ends_s);
            if (slot->word >> 32 & 1) {
                ++*num_busy;
            } else if (slot->word) {
                num++;
                if (slot->id_len == 0 || slot->id_len > TLS_CACHE_ID_LEN || slot->len > lens[class] - sizeof(*slot) ||
                    SIPHASH_24(head->hash_key, at + from, sizeof(*slot) - from + slot->len) != slot->check)
                    fault("slot %u of the cache of sessions is damaged", i);
            }
        }
    }
    free(memory);
    return num;
}

int main(int argc, char **argv)
{
    struct board board = { 0 };
    if (argc != 2) {
        fprintf(stderr, "usage: board_check PID\n");
        return 2;
    }
    const char *pid = argv[1];
    board.directory = core(pid, "board/directory", sizeof(*board.directory));
    board.incarnations = core(pid, "board/incarnations", sizeof(*board.incarnations));
    board.objects = core(pid, "board/objects", sizeof(*board.objects));
    board.base = core(pid, "board/base", sizeof(*board.base));
    board.lanes = core(pid, "board/lanes", sizeof(*board.lanes));
    board.queues = core(pid, "board/queues", sizeof(*board.queues));
    board.journal = core(pid, "board/journal", sizeof(*board.journal));
    uint32_t num_used = 0, num_busy = 0, num_tls = 0;
    incarnations_check(&board);
    objects_check(&board, &num_used);
    lanes_check(&num_tls, &board);
    queues_check(&board);
    journal_check(&board);
    uint32_t num_cached = cache_check(pid, board.directory, &num_busy);
    struct balance_sums sums = { 0 };
    balance_check(&sums, pid, &board);
    if (num_faults) {
        printf("%u faults\n", num_faults);
        return 1;
    }
    printf("{\"pids\": [");
    const char *between = "";
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        if (board.incarnations->records[inc].state == BOARD_STATE_LIVE) {
            printf("%s%d", between, board.incarnations->records[inc].pid);
            between = ", ";
        }
    }
    printf("], \"objects\": %u, \"entries\": %llu, \"sessions\": %u, \"torn\": %u", num_used,
           (unsigned long long)board.journal->last, num_cached, num_busy);
    printf(", \"servers\": %u, \"down\": %u, \"places\": %u, \"tls\": %u, \"tables\": %u, \"keys\": %u, \"shut\": %u}\n",
           sums.num_servers, sums.num_down, sums.num_places, num_tls, sums.num_tables, sums.num_entries, sums.num_waits);
    return 0;
}
