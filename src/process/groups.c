// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "os/steer.h"
#include "master.h"

// The kernel numbers a group's sockets as they come, and moves the last into the place of one that goes. What others
// have in the group is only counted: of those it is taken that they leave in the order that the last came first goes.

static void changed(struct listener *listener)
{
    memset(listener->steered_to, 0, sizeof(listener->steered_to));
}

static void unknown(struct listener *listener)
{
    if (listener->steered && listener->num_begun)
        os_steer_detach(listener->fds[0]);
    listener->steered = false;
}

void group_begin(struct listener *listener)
{
    int num = listener->spec.kind == OS_LISTEN_TCP ? os_steer_count(&listener->spec, false) : -1;
    listener->steered = num >= 0 && (uint32_t)num + PROCESS_MAX_WORKERS <= LISTENER_GROUP_MAX;
    if (!listener->steered)
        return;
    memset(listener->group, LISTENER_FOREIGN, (size_t)num);
    listener->num_group = (uint32_t)num;
}

void group_join(struct listener *listener, uint32_t slot)
{
    changed(listener);
    if (listener->num_group < LISTENER_GROUP_MAX)
        listener->group[listener->num_group++] = (uint8_t)slot;
    else
        unknown(listener);
}

static void part_at(struct listener *listener, uint32_t number)
{
    changed(listener);
    listener->group[number] = listener->group[--listener->num_group];
}

int group_number(const struct listener *listener, uint32_t slot)
{
    for (uint32_t i = 0; listener->steered && i < listener->num_group; i++)
        if (listener->group[i] == slot)
            return (int)i;
    return -1;
}

void group_part(struct listener *listener, uint32_t slot)
{
    int number = group_number(listener, slot);
    if (number >= 0 && listener->is_shared)
        listener->group[number] = LISTENER_FOREIGN;
    else if (number >= 0)
        part_at(listener, (uint32_t)number);
}

void group_yield(struct listener *listener)
{
    uint32_t others[OS_STEER_MAX];
    int num = listener->steered ? os_steer_count(&listener->spec, false) : -1;
    uint32_t num_others = 0;
    for (int i = 0; i < num && num_others < OS_STEER_MAX; i++)
        if (i >= (int)listener->num_group || listener->group[i] == LISTENER_FOREIGN)
            others[num_others++] = (uint32_t)i;
    if (num_others)
        os_steer_attach(listener->fds[0], others, num_others);
}

void group_look(struct listener *listener)
{
    if (!listener->steered || listener->num_group <= listener->num_begun)
        return;
    int num = os_steer_count(&listener->spec, true);
    if (num < 0 || (uint32_t)num < listener->num_begun) {
        unknown(listener);
        return;
    }
    for (uint32_t i = listener->num_group; i-- > 0 && listener->num_group > (uint32_t)num;)
        if (listener->group[i] == LISTENER_FOREIGN)
            part_at(listener, i);
}
