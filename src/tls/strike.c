// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "base/check.h"
#include "shared_inner.h"

// An entry: 28 bits of monotonic seconds (8 years), so that the older of two is the lesser, above 36 bits of the tag.
enum { STRIKE_TAG_BITS = 36, STRIKE_TRIES = 64 };

static uint64_t seconds_of(uint64_t entry)
{
    return entry >> STRIKE_TAG_BITS;
}

// That only one of two processes that ask for the same ticket wins rests on this: both take the least entry of the
// bucket, an entry only ever grows, and who finds that it changed meanwhile looks at all of them again. A choice that
// depended on anything else (on which have run out, say) could lead the two to different places.
bool tls_strike_first(struct tls_strikes *strikes, const uint8_t tag[TLS_TICKET_TAG_LEN], uint64_t now_s)
{
    uint64_t bits, place;
    memcpy(&bits, tag, sizeof(bits));
    memcpy(&place, tag + sizeof(bits), sizeof(place));
    bits &= (UINT64_C(1) << STRIKE_TAG_BITS) - 1;
    _Atomic uint64_t *bucket = strikes->entries[place % TLS_STRIKE_BUCKETS];
    uint64_t mine = (now_s + 1) << STRIKE_TAG_BITS | bits; // never 0, which is an entry never used
    for (int tries = 0; tries < STRIKE_TRIES; tries++) {
        uint32_t least = 0;
        uint64_t entries[TLS_STRIKE_WAYS];
        for (uint32_t i = 0; i < TLS_STRIKE_WAYS; i++) {
            entries[i] = atomic_load(&bucket[i]);
            if (entries[i] && (entries[i] ^ mine) << (64 - STRIKE_TAG_BITS) == 0)
                return false;
            if (entries[i] < entries[least])
                least = i;
        }
        if (entries[least] && seconds_of(entries[least]) + TLS_STRIKE_WINDOW_S > seconds_of(mine))
            return false;
        if (atomic_compare_exchange_strong(&bucket[least], &entries[least], mine))
            return true;
    }
    return false;
}
