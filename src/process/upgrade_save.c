// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "os/memory.h"
#include "process/command.h"
#include "upgrade_fields.h"

uint32_t upgrade_wire_shape(void)
{
    static const size_t sizes[] = {
        WIRE_NUM_TYPES,
        WIRE_TEXT_LEN,
        sizeof(struct wire_plan),
        sizeof(struct wire_open),
        sizeof(struct wire_opened),
        sizeof(struct wire_section),
        sizeof(struct wire_seat),
        sizeof(struct wire_listen),
        sizeof(struct wire_reload),
        sizeof(struct wire_reloaded),
        sizeof(struct wire_latest),
        sizeof(struct wire_sockets),
        sizeof(struct wire_socket),
    };
    uint32_t shape = 2166136261;
    for (size_t i = 0; i < NUM_ITEMS(sizes); i++)
        shape = (shape ^ (uint32_t)sizes[i]) * 16777619;
    return shape;
}

#define OBJECT_ADD(out, tag, object, fields) records_add_object(out, tag, object, fields, NUM_ITEMS(fields))

static uint32_t listener_number(const struct master *master, const struct listener *listener)
{
    uint32_t number = 0;
    LIST_EACH(other, &master->listeners, struct listener, link)
    {
        if (other == listener)
            return number;
        number++;
    }
    return STATE_NONE;
}

static void places_save(struct text *out, const struct generation *generation, uint32_t tag,
                        struct listener *const *listeners, uint32_t num)
{
    struct text numbers;
    text_init(&numbers);
    for (uint32_t i = 0; i < num; i++) {
        uint32_t number = listener_number(generation->master, listeners[i]);
        text_add(&numbers, (const char *)&number, sizeof(number));
    }
    records_add(out, tag, numbers.ptr, numbers.len);
    out->failed = out->failed || numbers.failed;
    text_fini(&numbers);
}

static void unsent_save(void *arg, uint32_t type, const void *data, size_t len, const int *fds, size_t num_fds)
{
    struct text *out = arg;
    struct text both;
    struct state_unsent head = { .type = type, .num_fds = (uint32_t)num_fds, .len = (uint32_t)len };
    for (size_t i = 0; i < num_fds; i++)
        head.fds[i] = fds[i];
    text_init(&both);
    text_add(&both, (const char *)&head, sizeof(head));
    text_add(&both, data, len);
    records_add(out, STATE_UNSENT, both.ptr, both.len);
    out->failed = out->failed || both.failed;
    text_fini(&both);
}

static void generation_save(struct text *out, const struct generation *generation)
{
    OBJECT_ADD(out, STATE_GENERATION, generation, generation_fields);
    records_add(out, STATE_SAID, generation->said.ptr, generation->said.len);
    if (generation->binds)
        places_save(out, generation, STATE_BINDS, generation->binds, generation->plan.num_binds);
    if (generation->sockets)
        places_save(out, generation, STATE_SOCKETS, generation->sockets, generation->plan.num_sockets);
    if (generation->line_open)
        messages_unsent_each(&generation->line, unsent_save, out);
    for (uint32_t i = 0; i < generation->num_seats; i++) {
        OBJECT_ADD(out, STATE_SEAT, &generation->seats[i], seat_fields);
        if (generation->seats[i].open)
            messages_unsent_each(&generation->seats[i].line, unsent_save, out);
    }
}

static void helpers_save(struct text *out, const struct master *master)
{
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        const struct state_kept kept = {
            .listener = listener_number(master, listener),
            .generation = listener->kept_by ? listener->kept_by->number : 0,
        };
        if (listener->kept_by)
            OBJECT_ADD(out, STATE_KEPT, &kept, kept_fields);
        for (uint32_t slot = 0; slot < listener->num_fds; slot++) {
            const struct seat *seat = listener->adopters[slot];
            if (!seat)
                continue;
            const struct state_adopter adopter = {
                .listener = listener_number(master, listener),
                .slot = slot,
                .generation = seat->generation->number,
                .seat = (uint32_t)(seat - seat->generation->seats),
            };
            OBJECT_ADD(out, STATE_ADOPTER, &adopter, adopter_fields);
        }
    }
}

static void waiters_save(struct text *out, const struct master *master)
{
    LIST_EACH(waiter, &master->reloads, struct reload_waiter, link)
    {
        const struct generation *generation = waiter->seat->generation;
        const struct state_waiter saved = {
            .id = waiter->id,
            .generation = generation->number,
            .seat = (uint32_t)(waiter->seat - generation->seats),
            .next = waiter->next,
        };
        OBJECT_ADD(out, STATE_WAITER, &saved, waiter_fields);
    }
}

void upgrade_state_save(struct text *out, struct master *master, int board_fd)
{
    struct upgrade_state about = { .protocol = WIRE_PROTOCOL, .shape = upgrade_wire_shape(), .board_fd = board_fd };
    int fds[BOARD_MAX_DESCRIPTORS];
    uint32_t num_fds = board_descriptors(master->board, fds);
    snprintf(about.version, sizeof(about.version), "%s", version_text());
    OBJECT_ADD(out, STATE_ABOUT, &about, about_fields);
    OBJECT_ADD(out, STATE_MASTER, master, master_fields);
    records_add(out, STATE_LATEST, master->latest.ptr, master->latest.len);
    LIST_EACH(listener, &master->listeners, struct listener, link)
    OBJECT_ADD(out, STATE_LISTENER, listener, listener_fields);
    LIST_EACH(generation, &master->generations, struct generation, link)
    generation_save(out, generation);
    helpers_save(out, master);
    waiters_save(out, master);
    records_add(out, STATE_BOARD_FDS, fds, num_fds * sizeof(*fds));
    if (master->image->path)
        records_add(out, STATE_PATH, master->image->path, strlen(master->image->path));
    records_add(out, STATE_END, NULL, 0);
}

struct keeping {
    bool keep;
    bool failed;
};

static void descriptor_keep(struct keeping *keeping, int fd)
{
    keeping->failed = !memory_file_keep(fd, keeping->keep) || keeping->failed;
}

static void unsent_keep(void *arg, uint32_t type, const void *data, size_t len, const int *fds, size_t num_fds)
{
    (void)type;
    (void)data;
    (void)len;
    for (size_t i = 0; i < num_fds; i++)
        descriptor_keep(arg, fds[i]);
}

static void line_keep(struct keeping *keeping, const struct messages *line)
{
    descriptor_keep(keeping, line->source.fd);
    messages_unsent_each(line, unsent_keep, keeping);
}

bool upgrade_state_descriptors_keep(struct master *master, bool keep)
{
    struct keeping keeping = { .keep = keep };
    LIST_EACH(listener, &master->listeners, struct listener, link)
    {
        for (uint32_t i = 0; i < listener->num_fds; i++)
            descriptor_keep(&keeping, listener->fds[i]);
    }
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->line_open)
            line_keep(&keeping, &generation->line);
        for (uint32_t i = 0; i < generation->num_seats; i++)
            if (generation->seats[i].open)
                line_keep(&keeping, &generation->seats[i].line);
    }
    return !keeping.failed;
}
