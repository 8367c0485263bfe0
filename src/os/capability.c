// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include "base/check.h"
#include "os/identity.h"

static const struct {
    const char *name;
    enum os_capability bit;
} capabilities_known[] = {
    { "cap_net_admin", OS_CAP_NET_ADMIN },
    { "cap_net_raw", OS_CAP_NET_RAW },
    { "cap_net_bind_service", OS_CAP_NET_BIND_SERVICE },
    { "cap_sys_admin", OS_CAP_SYS_ADMIN },
    { "cap_dac_override", OS_CAP_DAC_OVERRIDE },
};

uint64_t os_capability_parse(const char *name)
{
    for (size_t i = 0; i < NUM_ITEMS(capabilities_known); i++)
        if (strcmp(capabilities_known[i].name, name) == 0)
            return capabilities_known[i].bit;
    return 0;
}

void os_capability_text(char *text, uint64_t capabilities)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < NUM_ITEMS(capabilities_known); i++)
        if (capabilities & capabilities_known[i].bit)
            len += (size_t)snprintf(text + len, OS_CAPABILITY_TEXT_LEN - len, "%s%s", len ? ", " : "",
                                    capabilities_known[i].name);
}

void os_capability_raise(uint64_t capabilities)
{
    cap_t now = cap_get_proc();
    bool changed = false;
    for (cap_value_t value = 0; now && value <= CAP_LAST_CAP; value++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        if (!(capabilities >> value & 1) || cap_get_flag(now, value, CAP_PERMITTED, &permitted) < 0)
            continue;
        if (permitted == CAP_SET)
            changed |= cap_set_flag(now, CAP_EFFECTIVE, 1, &value, CAP_SET) == 0;
    }
    if (changed)
        (void)cap_set_proc(now);
    cap_free(now);
}
