// SPDX-License-Identifier: Apache-2.0
#include <sys/random.h>
#include <unistd.h>
#include "base/check.h"
#include "expr/subject.h"

void expr_process_begin(struct expr_process *process)
{
    process->pid = getpid();
    must(getrandom(process->random, sizeof(process->random), 0) == sizeof(process->random));
    process->random[0] |= 1; // all zeroes would stay so
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

// xoshiro256** of Blackman and Vigna.
uint64_t expr_process_random(struct expr_process *process)
{
    uint64_t *s = process->random;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}
