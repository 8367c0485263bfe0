// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"

static struct check_failure failure;

const struct check_failure *check_failure(void)
{
    return &failure;
}

void check_failed(const char *expr, const char *file, int line)
{
    failure = (struct check_failure){ .expr = expr, .file = file, .line = line };
    fprintf(stderr, "fairlead: must(%s) failed at %s:%d, this is a bug\n", expr, file, line);
    abort();
}

void check_out_of_memory(size_t len)
{
    fprintf(stderr, "fairlead: out of memory: %zu bytes could not be had\n", len);
    exit(1);
}
