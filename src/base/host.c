// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include "base/host.h"

const char *host_name(void)
{
    static char name[256];
    if (!name[0] && gethostname(name, sizeof(name) - 1) != 0)
        name[0] = '\0';
    return name;
}
