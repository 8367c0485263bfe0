// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "upgrade_fields.h"

struct loading {
    struct master *master;
    struct upgrade_state *state;
    char *error;
    struct generation *generation; // the latest
    uint32_t num_seats;            // that came of it
    struct messages *line;         // that messages which come now wait on
    bool has_about;
    bool has_master;
    bool has_ended;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct loading *loading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(loading->error, UPGRADE_ERROR_LEN, format, args);
    va_end(args);
    return false;
}

static void *zeroed(size_t num, size_t len)
{
    void *memory = calloc(num, len);
    if (!memory)
        check_out_of_memory(num * len);
    return memory;
}

#define OBJECT_GET(object, record, fields) record_get_object(object, record, fields, NUM_ITEMS(fields))

static bool about_load(struct loading *loading, const struct record *record)
{
    struct upgrade_state *state = loading->state;
    if (!OBJECT_GET(state, record, about_fields))
        return wrong(loading, "it is not told what this is");
    state->version[sizeof(state->version) - 1] = '\0';
    if (state->protocol != WIRE_PROTOCOL || state->shape != upgrade_wire_shape())
        return wrong(loading,
                     "fairlead %s talks with its processes in another way (%u/%x, here %u/%x): start a new one beside "
                     "it, with -sf and its pid",
                     state->version, state->protocol, state->shape, (unsigned)WIRE_PROTOCOL, upgrade_wire_shape());
    loading->has_about = true;
    return true;
}

static bool listener_load(struct loading *loading, const struct record *record)
{
    struct listener *listener = zeroed(1, sizeof(*listener));
    list_append(&loading->master->listeners, &listener->link);
    bool good = OBJECT_GET(listener, record, listener_fields);
    struct os_listen *spec = &listener->spec;
    if (!good || (!listener->num_fds && !listener->paused_in) || listener->num_fds > PROCESS_MAX_WORKERS ||
        listener->num_begun > listener->num_fds || listener->retire_to > PROCESS_MAX_WORKERS ||
        listener->num_group > LISTENER_GROUP_MAX || listener->phase > LISTENER_LEAVE || spec->kind > OS_LISTEN_FD ||
        spec->address_len > sizeof(spec->address) || spec->interface[sizeof(spec->interface) - 1])
        return wrong(loading, "a listener cannot be read");
    return true;
}

static bool generation_finish(struct loading *loading)
{
    const struct generation *generation = loading->generation;
    loading->line = NULL;
    if (!generation)
        return true;
    if (loading->num_seats != generation->num_seats)
        return wrong(loading, "generation %u has %u seats, not %u", generation->number, loading->num_seats,
                     generation->num_seats);
    if (generation->state == GENERATION_LEAVING)
        return true;
    bool whole = generation->binds && generation->sockets && generation->seats;
    for (uint32_t i = 0; whole && i < generation->plan.num_binds; i++)
        whole = generation->binds[i] != NULL;
    for (uint32_t i = 0; whole && i < generation->plan.num_sockets; i++)
        whole = generation->sockets[i] != NULL;
    return whole || wrong(loading, "generation %u lacks sockets", generation->number);
}

static bool generation_load(struct loading *loading, const struct record *record)
{
    struct master *master = loading->master;
    if (!generation_finish(loading))
        return false;
    struct generation *generation = zeroed(1, sizeof(*generation));
    generation->master = master;
    text_init(&generation->said);
    list_append(&master->generations, &generation->link);
    loading->generation = generation;
    loading->num_seats = 0;
    loading->line = &generation->line;
    bool good = OBJECT_GET(generation, record, generation_fields);
    uint32_t num_seats = generation->num_seats;
    generation->num_seats = 0;
    generation->plan.pidfile[WIRE_PATH_LEN - 1] = '\0';
    // Nothing starts while an image ends.
    if (!good || (generation->state != GENERATION_ACTIVE && generation->state != GENERATION_LEAVING) ||
        (generation->state == GENERATION_ACTIVE && master->active))
        return wrong(loading, "a generation cannot be read");
    if (num_seats) {
        if (num_seats > PROCESS_MAX_WORKERS + 1 || num_seats != generation->plan.num_workers + 1)
            return wrong(loading, "generation %u has %u workers, at most %d can be", generation->number, num_seats - 1,
                         PROCESS_MAX_WORKERS);
        seats_open(generation);
    }
    if (generation->state == GENERATION_ACTIVE)
        master->active = generation;
    return true;
}

static struct listener *listener_at(const struct master *master, uint32_t number)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        if (!number--)
            return listener;
    }
    return NULL;
}

static bool places_load(struct loading *loading, const struct record *record)
{
    struct generation *generation = loading->generation;
    if (!generation)
        return wrong(loading, "places of no generation");
    bool is_binds = record->tag == STATE_BINDS;
    uint32_t num = is_binds ? generation->plan.num_binds : generation->plan.num_sockets;
    struct listener ***places = is_binds ? &generation->binds : &generation->sockets;
    if (*places || record->len != (size_t)num * sizeof(uint32_t))
        return wrong(loading, "places of generation %u cannot be read", generation->number);
    *places = zeroed((size_t)num + 1, sizeof(**places));
    for (uint32_t i = 0; i < num; i++) {
        uint32_t number;
        memcpy(&number, (const char *)record->data + i * sizeof(number), sizeof(number));
        (*places)[i] = listener_at(loading->master, number);
    }
    return true;
}

static bool seat_load(struct loading *loading, const struct record *record)
{
    struct generation *generation = loading->generation;
    if (!generation || loading->num_seats >= generation->num_seats)
        return wrong(loading, "a seat too many");
    struct seat *seat = &generation->seats[loading->num_seats++];
    uint32_t slot = seat->slot;
    loading->line = &seat->line;
    if (!OBJECT_GET(seat, record, seat_fields) || seat->slot != slot)
        return wrong(loading, "a seat of generation %u cannot be read", generation->number);
    return true;
}

static bool unsent_load(struct loading *loading, const struct record *record)
{
    struct state_unsent head;
    if (!loading->line || record->len < sizeof(head))
        return wrong(loading, "a message on no line");
    memcpy(&head, record->data, sizeof(head));
    if (head.num_fds > OS_PASS_MAX_FDS || head.len != record->len - sizeof(head) ||
        head.len > MESSAGES_MAX_LEN - sizeof(uint64_t))
        return wrong(loading, "a message cannot be read");
    struct upgrade_unsent *unsent = zeroed(1, sizeof(*unsent) + head.len);
    unsent->line = loading->line;
    unsent->type = head.type;
    unsent->len = head.len;
    unsent->num_fds = head.num_fds;
    for (uint32_t i = 0; i < head.num_fds; i++)
        unsent->fds[i] = head.fds[i];
    if (head.len)
        memcpy(unsent->data, (const char *)record->data + sizeof(head), head.len);
    list_append(&loading->state->unsent, &unsent->link);
    return true;
}

static struct seat *seat_at(const struct master *master, uint32_t number, uint32_t index)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->number == number)
            return index < generation->num_seats && generation->seats[index].open ? &generation->seats[index] : NULL;
    }
    return NULL;
}

static bool adopter_load(struct loading *loading, const struct record *record)
{
    struct state_adopter adopter = { 0 };
    bool good = OBJECT_GET(&adopter, record, adopter_fields);
    struct listener *listener = listener_at(loading->master, adopter.listener);
    struct seat *seat = seat_at(loading->master, adopter.generation, adopter.seat);
    if (!good || !listener || !seat || adopter.slot >= listener->num_fds)
        return wrong(loading, "a place that a neighbour serves cannot be read");
    listener->adopters[adopter.slot] = seat;
    return true;
}

static bool kept_load(struct loading *loading, const struct record *record)
{
    struct state_kept kept = { 0 };
    bool good = OBJECT_GET(&kept, record, kept_fields);
    struct listener *listener = listener_at(loading->master, kept.listener);
    LIST_EACH(generation, &loading->master->generations, struct generation, link)
    {
        // Who keeps it has it among its own.
        if (listener && generation->number == kept.generation && generation->binds &&
            listener_index(generation, listener) < generation->plan.num_binds)
            listener->kept_by = generation;
    }
    return (good && listener && listener->kept_by) || wrong(loading, "who keeps a listener cannot be read");
}

static bool waiter_load(struct loading *loading, const struct record *record)
{
    struct state_waiter saved = { 0 };
    bool good = OBJECT_GET(&saved, record, waiter_fields);
    struct seat *seat = seat_at(loading->master, saved.generation, saved.seat);
    if (!good || !seat)
        return wrong(loading, "who waits for a reload cannot be read");
    struct reload_waiter *waiter = zeroed(1, sizeof(*waiter));
    *waiter = (struct reload_waiter){ .seat = seat, .id = saved.id, .next = saved.next };
    list_init(&waiter->link);
    list_append(&loading->master->reloads, &waiter->link);
    seat->num_waiting++;
    return true;
}

static bool board_fds_load(struct loading *loading, const struct record *record)
{
    size_t num = record->len / sizeof(int);
    if (num > BOARD_MAX_DESCRIPTORS)
        num = BOARD_MAX_DESCRIPTORS;
    if (num)
        memcpy(loading->state->board_fds, record->data, num * sizeof(int));
    loading->state->num_board_fds = (uint32_t)num;
    return true;
}

static bool text_load(struct text *text, const struct record *record)
{
    text_fini(text);
    text_add(text, record->len ? record->data : "", record->len);
    return true;
}

static bool record_load(struct loading *loading, const struct record *record)
{
    struct master *master = loading->master;
    switch (record->tag) {
    case STATE_ABOUT:
        return !loading->has_about ? about_load(loading, record) : wrong(loading, "it is told twice what this is");
    case STATE_MASTER:
        loading->has_master = OBJECT_GET(master, record, master_fields);
        return loading->has_master || wrong(loading, "the master's own state cannot be read");
    case STATE_LATEST:
        return text_load(&master->latest, record);
    case STATE_LISTENER:
        return listener_load(loading, record);
    case STATE_GENERATION:
        return generation_load(loading, record);
    case STATE_SAID:
        return loading->generation ? text_load(&loading->generation->said, record) : true;
    case STATE_BINDS:
    case STATE_SOCKETS:
        return places_load(loading, record);
    case STATE_SEAT:
        return seat_load(loading, record);
    case STATE_UNSENT:
        return unsent_load(loading, record);
    case STATE_ADOPTER:
        return adopter_load(loading, record);
    case STATE_KEPT:
        return kept_load(loading, record);
    case STATE_WAITER:
        return waiter_load(loading, record);
    case STATE_BOARD_FDS:
        return board_fds_load(loading, record);
    case STATE_PATH:
        return text_load(&loading->state->path, record);
    case STATE_END:
        loading->has_ended = true;
        return generation_finish(loading);
    default:
        return !(record->tag & RECORD_VITAL) || wrong(loading, "it tells something unknown (%x)", record->tag);
    }
}

bool upgrade_state_load(struct master *master, struct upgrade_state *state, char *error, const void *data, size_t len)
{
    struct loading loading = { .master = master, .state = state, .error = error };
    struct records records;
    struct record record;
    *state = (struct upgrade_state){ .board_fd = -1 };
    list_init(&state->unsent);
    error[0] = '\0';
    records_open(&records, data, len);
    while (!loading.has_ended && records_next(&records, &record)) {
        if (!loading.has_about && record.tag != STATE_ABOUT)
            return wrong(&loading, "it is not told what this is");
        if (!record_load(&loading, &record))
            return false;
    }
    if (!loading.has_ended || !loading.has_master || records.left)
        return wrong(&loading, "it is cut off or damaged");
    return true;
}

void upgrade_state_fini(struct upgrade_state *state)
{
    LIST_EACH(unsent, &state->unsent, struct upgrade_unsent, link)
    {
        list_remove(&unsent->link);
        free(unsent);
    }
    text_fini(&state->path);
}

void upgrade_state_drop(struct master *master)
{
    reload_fini(master);
    LIST_EACH(generation, &master->generations, struct generation, link)
    generation_free(generation);
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        list_remove(&listener->link);
        free(listener);
    }
    master->active = NULL;
}
