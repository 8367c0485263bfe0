// SPDX-License-Identifier: Apache-2.0
// What one image of the master leaves for the next: whatever stands there, it is refused or makes objects that can be
// dropped again, and what is taken can be written and read again.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "process/upgrade_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct master master;
    static struct upgrade_state state;
    char error[UPGRADE_ERROR_LEN];
    memset(&master, 0, sizeof(master));
    list_init(&master.generations);
    list_init(&master.listeners);
    list_init(&master.reloads);
    text_init(&master.latest);
    // The kernel gives it at the start of a page.
    uint64_t *copy = malloc(len + sizeof(*copy));
    if (!copy)
        return 0;
    memcpy(copy, data, len);
    if (!upgrade_state_load(&master, &state, error, copy, len) && !error[0])
        abort();
    upgrade_state_drop(&master);
    upgrade_state_fini(&state);
    free(copy);
    return 0;
}
