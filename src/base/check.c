// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"

void check_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "fairlead: must(%s) failed at %s:%d, this is a bug\n", expr, file, line);
    abort();
}

void check_out_of_memory(size_t len)
{
    fprintf(stderr, "fairlead: out of memory: %zu bytes could not be had\n", len);
    exit(1);
}
