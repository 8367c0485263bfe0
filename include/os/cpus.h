// SPDX-License-Identifier: Apache-2.0
// Sets of the machine's processors: which of them a process may run on, and which belong together. A plain value, owned
// by whoever holds it; the keeper reads what the configuration says of them, and a worker confines itself at its fork.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { OS_CPUS_MAX = 1024 }; // numbers go from 0 to one less

struct os_cpus {
    uint64_t bits[OS_CPUS_MAX / 64];
};

// os_cpus_add puts processor `cpu` into the set.
static inline void os_cpus_add(struct os_cpus *cpus, uint32_t cpu)
{
    cpus->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

// os_cpus_has says whether `cpu` is in the set.
static inline bool os_cpus_has(const struct os_cpus *cpus, uint32_t cpu)
{
    return cpus->bits[cpu / 64] >> (cpu % 64) & 1;
}

// os_cpus_num gives how many are in the set.
uint32_t os_cpus_num(const struct os_cpus *cpus);

// os_cpus_nth gives the number of the one with `index` others before it, OS_CPUS_MAX where there are not so many.
uint32_t os_cpus_nth(const struct os_cpus *cpus, uint32_t index);

// os_cpus_keep takes everything out of `cpus` that is not in `others`.
void os_cpus_keep(struct os_cpus *cpus, const struct os_cpus *others);

// os_cpus_drop takes everything out of `cpus` that is in `others`.
void os_cpus_drop(struct os_cpus *cpus, const struct os_cpus *others);

// os_cpus_read adds the processors of a list such as "0-3,8" to the set; false where it is none. An open range ends
// with the last number there is.
bool os_cpus_read(struct os_cpus *cpus, const char *list);

// os_cpus_now gives those that the calling process may run on.
void os_cpus_now(struct os_cpus *cpus);

// os_cpus_online gives those that the machine runs.
void os_cpus_online(struct os_cpus *cpus);

// os_cpus_of_node adds those of NUMA node `node`; without such a node nothing.
void os_cpus_of_node(struct os_cpus *cpus, uint32_t node);

// os_cpus_of_thread adds those that are hardware thread number `thread`, from 0, of their core.
void os_cpus_of_thread(struct os_cpus *cpus, uint32_t thread);

// os_cpus_confine has the calling process and those it forks run on `cpus` alone; false with errno (EINVAL: there is
// none of them here).
bool os_cpus_confine(const struct os_cpus *cpus);
