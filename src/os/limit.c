// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include "os/identity.h"

uint64_t os_limit_files(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    struct rlimit next = limit;
    next.rlim_cur = wanted ? wanted : limit.rlim_max;
    if (next.rlim_cur > next.rlim_max)
        next.rlim_max = next.rlim_cur;
    if (setrlimit(RLIMIT_NOFILE, &next) < 0) {
        next = (struct rlimit){ .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };
        if (setrlimit(RLIMIT_NOFILE, &next) < 0)
            next = limit;
    }
    return next.rlim_cur;
}

uint64_t os_limit_files_left(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);
    if (lowest < 0)
        return errno == EMFILE ? 0 : limit.rlim_cur;
    close(lowest);
    return limit.rlim_cur - (uint64_t)lowest;
}

bool os_limit_memory(uint64_t bytes)
{
    struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };
    // Not the address space: that is mostly the board's, which is shared and sparse.
    return setrlimit(RLIMIT_DATA, &limit) == 0;
}

uint32_t os_cpus_usable(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
        return 1;
    int num = CPU_COUNT(&cpus);
    return num > 0 ? (uint32_t)num : 1;
}
