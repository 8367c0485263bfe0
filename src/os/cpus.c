// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "os/cpus.h"

enum { LIST_LEN = 4096 };

_Static_assert(CPU_SETSIZE == OS_CPUS_MAX && sizeof(cpu_set_t) == sizeof(struct os_cpus), "the kernel's set is ours");

uint32_t os_cpus_num(const struct os_cpus *cpus)
{
    uint32_t num = 0;
    for (size_t i = 0; i < NUM_ITEMS(cpus->bits); i++)
        num += (uint32_t)__builtin_popcountll(cpus->bits[i]);
    return num;
}

uint32_t os_cpus_nth(const struct os_cpus *cpus, uint32_t index)
{
    for (uint32_t cpu = 0; cpu < OS_CPUS_MAX; cpu++)
        if (os_cpus_has(cpus, cpu) && !index--)
            return cpu;
    return OS_CPUS_MAX;
}

void os_cpus_keep(struct os_cpus *cpus, const struct os_cpus *others)
{
    for (size_t i = 0; i < NUM_ITEMS(cpus->bits); i++)
        cpus->bits[i] &= others->bits[i];
}

void os_cpus_drop(struct os_cpus *cpus, const struct os_cpus *others)
{
    for (size_t i = 0; i < NUM_ITEMS(cpus->bits); i++)
        cpus->bits[i] &= ~others->bits[i];
}

static bool number(unsigned long *out, const char **at)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    *out = strtoul(*at, &end, 10);
    *at = end;
    return *out < OS_CPUS_MAX;
}

bool os_cpus_read(struct os_cpus *cpus, const char *list)
{
    for (;;) {
        unsigned long first, last;
        if (!number(&first, &list))
            return false;
        last = first;
        if (*list == '-' && (list[1] == ',' || list[1] == '\n' || !list[1])) {
            last = OS_CPUS_MAX - 1;
            list++;
        } else if (*list == '-') {
            list++;
            if (!number(&last, &list))
                return false;
        }
        // As HAProxy has it the ends may stand either way round.
        for (unsigned long cpu = first < last ? first : last; cpu <= (first < last ? last : first); cpu++)
            os_cpus_add(cpus, (uint32_t)cpu);
        if (*list != ',')
            return !*list || *list == '\n';
        list++;
    }
}

// The list in a file of the kernel; nothing where it has none.
static void read_file(struct os_cpus *cpus, const char *path)
{
    char list[LIST_LEN];
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(list, sizeof(list), file))
        os_cpus_read(cpus, list);
    fclose(file);
}

void os_cpus_now(struct os_cpus *cpus)
{
    memset(cpus, 0, sizeof(*cpus));
    // More processors than the set has room for are an error to the kernel: there is nothing to choose from then.
    if (sched_getaffinity(0, sizeof(*cpus), (cpu_set_t *)cpus) < 0)
        memset(cpus, 0xff, sizeof(*cpus));
}

void os_cpus_online(struct os_cpus *cpus)
{
    memset(cpus, 0, sizeof(*cpus));
    read_file(cpus, "/sys/devices/system/cpu/online");
    if (!os_cpus_num(cpus))
        os_cpus_now(cpus);
}

void os_cpus_of_node(struct os_cpus *cpus, uint32_t node)
{
    char path[64];
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
    read_file(cpus, path);
}

void os_cpus_of_thread(struct os_cpus *cpus, uint32_t thread)
{
    struct os_cpus online;
    os_cpus_online(&online);
    for (uint32_t cpu = 0; cpu < OS_CPUS_MAX; cpu++) {
        struct os_cpus core = { 0 };
        char path[80];
        if (!os_cpus_has(&online, cpu))
            continue;
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
        read_file(&core, path);
        if (!os_cpus_num(&core))
            os_cpus_add(&core, cpu);
        if (os_cpus_nth(&core, thread) == cpu)
            os_cpus_add(cpus, cpu);
    }
}

bool os_cpus_confine(const struct os_cpus *cpus)
{
    return sched_setaffinity(0, sizeof(*cpus), (const cpu_set_t *)cpus) == 0;
}
