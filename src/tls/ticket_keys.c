// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include "base/check.h"
#include "shared_inner.h"

enum {
    KEYS_CLAIM_US = 10000000, // who takes longer to fill a slot in is dead, or as good as
    KEYS_LEAD_US = 60000000,  // how long before its use a key is published at least, where rotations are longer
};

static const char key_label[] = "fairlead ticket key 1";

// Both the name and the cipher's key: who knows a name knows nothing of the key.
struct derived {
    uint8_t name[TLS_KEY_NAME_LEN];
    uint8_t key[32];
};

static bool derive(struct derived *derived, const uint8_t *secret, size_t secret_len)
{
    return HKDF((uint8_t *)derived, sizeof(*derived), EVP_sha256(), secret, secret_len, NULL, 0,
                (const uint8_t *)key_label, sizeof(key_label) - 1);
}

struct tls_key_ready *tls_key_ready_new(const uint8_t *secret, size_t secret_len)
{
    struct derived derived;
    struct tls_key_ready *key = OPENSSL_malloc(sizeof(*key));
    if (!key)
        return NULL;
    EVP_AEAD_CTX_zero(&key->aead);
    bool ok =
        derive(&derived, secret, secret_len) && EVP_AEAD_CTX_init(&key->aead, EVP_aead_aes_256_gcm_siv(), derived.key,
                                                                  sizeof(derived.key), TLS_TICKET_TAG_LEN, NULL);
    memcpy(key->name, derived.name, sizeof(key->name));
    OPENSSL_cleanse(&derived, sizeof(derived));
    if (ok)
        return key;
    tls_key_ready_free(key);
    return NULL;
}

void tls_key_ready_free(struct tls_key_ready *key)
{
    if (!key)
        return;
    EVP_AEAD_CTX_cleanup(&key->aead);
    OPENSSL_cleanse(key, sizeof(*key));
    OPENSSL_free(key);
}

// ---- writers: controllers and keepers

static bool is_ready(const struct tls_key_slot *slot)
{
    return atomic_load_explicit(&slot->state, memory_order_acquire) == TLS_KEY_READY;
}

static uint64_t begins_of(const struct tls_key_slot *slot)
{
    return atomic_load_explicit(&slot->begins_us, memory_order_relaxed);
}

static void forget(struct tls_keys *keys, struct tls_key_slot *slot, uint64_t state)
{
    // Claimed for the time of the wiping, so that nobody fills it in meanwhile.
    if (!atomic_compare_exchange_strong(&slot->state, &state, state == TLS_KEY_READY ? 2 : state + 1))
        return;
    state = state == TLS_KEY_READY ? 2 : state + 1;
    OPENSSL_cleanse(slot->secret, sizeof(slot->secret));
    OPENSSL_cleanse(slot->name, sizeof(slot->name));
    atomic_store(&slot->begins_us, 0);
    atomic_store(&slot->ends_us, 0);
    atomic_compare_exchange_strong(&slot->state, &state, TLS_KEY_FREE);
    atomic_fetch_add(&keys->version, 1);
}

static struct tls_key_slot *claim_free(struct tls_keys *keys, uint64_t claim)
{
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        uint64_t state = TLS_KEY_FREE;
        if (atomic_compare_exchange_strong(&keys->slots[i].state, &state, claim))
            return &keys->slots[i];
    }
    return NULL;
}

static void forget_oldest(struct tls_keys *keys)
{
    struct tls_key_slot *oldest = NULL;
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        struct tls_key_slot *slot = &keys->slots[i];
        if (is_ready(slot) && (!oldest || begins_of(slot) < begins_of(oldest)))
            oldest = slot;
    }
    if (oldest)
        forget(keys, oldest, TLS_KEY_READY);
}

// Everything is in place before the state says so: who is killed before leaves a claim, which runs out.
static bool publish(struct tls_keys *keys, const uint8_t *secret, const uint8_t *name, uint64_t begins_us,
                    uint64_t now_us)
{
    uint64_t claim = now_us | 1 << 8; // far from the states that have a name, whatever the clock says
    struct tls_key_slot *slot = claim_free(keys, claim);
    if (!slot) {
        forget_oldest(keys);
        slot = claim_free(keys, claim);
    }
    if (!slot)
        return false;
    memcpy(slot->secret, secret, sizeof(slot->secret));
    memcpy(slot->name, name, sizeof(slot->name));
    atomic_store(&slot->begins_us, begins_us);
    atomic_store(&slot->ends_us, 0);
    bool ok = atomic_compare_exchange_strong(&slot->state, &claim, TLS_KEY_READY);
    atomic_fetch_add(&keys->version, 1);
    return ok;
}

static bool make(struct tls_keys *keys, uint64_t begins_us, uint64_t now_us)
{
    uint8_t secret[TLS_KEY_SECRET_LEN];
    struct derived derived;
    bool ok = RAND_bytes(secret, sizeof(secret)) && derive(&derived, secret, sizeof(secret)) &&
              publish(keys, secret, derived.name, begins_us, now_us);
    OPENSSL_cleanse(&derived, sizeof(derived));
    OPENSSL_cleanse(secret, sizeof(secret));
    return ok;
}

// Keys that are over, and claims of writers that died.
static void sweep(struct tls_keys *keys, uint64_t now_us)
{
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        struct tls_key_slot *slot = &keys->slots[i];
        uint64_t state = atomic_load(&slot->state);
        uint64_t ends_us = atomic_load(&slot->ends_us);
        if (state == TLS_KEY_FREE)
            continue;
        bool over = state == TLS_KEY_READY ? ends_us && ends_us <= now_us
                                           : state + KEYS_CLAIM_US < now_us || state > now_us + KEYS_CLAIM_US;
        if (over)
            forget(keys, slot, state);
    }
}

// A key that begins later than the next one should was made for longer rotations, or before the clock was set back.
static void bring_forward(struct tls_keys *keys, uint64_t now_us, uint64_t rotation_us)
{
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        struct tls_key_slot *slot = &keys->slots[i];
        if (!is_ready(slot) || begins_of(slot) <= now_us + 2 * rotation_us)
            continue;
        atomic_store(&slot->begins_us, now_us + rotation_us);
        atomic_store(&slot->ends_us, 0);
        atomic_fetch_add(&keys->version, 1);
    }
}

// When the key after the one that begins at `after_us` does; 0: there is none.
static uint64_t following(const struct tls_keys *keys, uint64_t after_us)
{
    uint64_t first = 0;
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        const struct tls_key_slot *slot = &keys->slots[i];
        uint64_t begins_us = begins_of(slot);
        if (is_ready(slot) && begins_us > after_us && (!first || begins_us < first))
            first = begins_us;
    }
    return first;
}

static uint64_t latest_until(const struct tls_keys *keys, uint64_t now_us)
{
    uint64_t latest = 0;
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        const struct tls_key_slot *slot = &keys->slots[i];
        if (is_ready(slot) && begins_of(slot) <= now_us && begins_of(slot) > latest)
            latest = begins_of(slot);
    }
    return latest;
}

// A key ends a lifetime after its successor began. Who made the successor may have been held up on the way, so that it
// came later than it says: what counts then is when it is first seen. While a key still seals, a longer lifetime of a
// new configuration counts; afterwards its last ticket is made.
static void date(struct tls_keys *keys, uint64_t now_us, uint64_t lifetime_us)
{
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        struct tls_key_slot *slot = &keys->slots[i];
        uint64_t successor_us = is_ready(slot) ? following(keys, begins_of(slot)) : 0;
        uint64_t ends_us = atomic_load(&slot->ends_us);
        if (!successor_us || (ends_us && (successor_us <= now_us || ends_us >= successor_us + lifetime_us)))
            continue;
        uint64_t last_us = successor_us > now_us ? successor_us : now_us;
        atomic_compare_exchange_strong(&slot->ends_us, &ends_us, last_us + lifetime_us);
    }
}

uint64_t tls_keys_turn(struct tls_keys *keys, uint64_t now_us, uint64_t rotation_us, uint64_t lifetime_us)
{
    sweep(keys, now_us);
    bring_forward(keys, now_us, rotation_us);
    date(keys, now_us, lifetime_us); // before a key is made: by then `now_us` may be long ago
    uint64_t current_us = latest_until(keys, now_us);
    if (!current_us && make(keys, now_us, now_us))
        current_us = now_us;
    if (!following(keys, now_us)) {
        uint64_t lead_us = rotation_us < KEYS_LEAD_US ? rotation_us : KEYS_LEAD_US;
        uint64_t at_us = current_us + rotation_us;
        make(keys, at_us > now_us + lead_us ? at_us : now_us + lead_us, now_us);
    }
    uint64_t next_us = following(keys, now_us);
    return next_us ? next_us : now_us + rotation_us;
}

// ---- readers: workers

static void drop(struct tls_keyring *ring, uint32_t i)
{
    if (ring->sealing == ring->held[i])
        ring->sealing = NULL;
    tls_key_ready_free(ring->held[i]);
    ring->held[i] = NULL;
}

void tls_keyring_fini(struct tls_keyring *ring)
{
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++)
        drop(ring, i);
    ring->until_us = 0;
}

// Keys that the board forgot are forgotten here too.
static void refresh(struct tls_keyring *ring)
{
    uint64_t version = atomic_load_explicit(&ring->keys->version, memory_order_acquire);
    if (version == ring->version)
        return;
    ring->version = version;
    ring->until_us = 0;
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        const struct tls_key_slot *slot = &ring->keys->slots[i];
        if (ring->held[i] && (!is_ready(slot) || memcmp(slot->name, ring->held[i]->name, TLS_KEY_NAME_LEN) != 0))
            drop(ring, i);
    }
}

static struct tls_key_ready *hold(struct tls_keyring *ring, uint32_t i)
{
    const struct tls_key_slot *slot = &ring->keys->slots[i];
    uint8_t secret[TLS_KEY_SECRET_LEN];
    uint8_t name[TLS_KEY_NAME_LEN];
    if (ring->held[i])
        return ring->held[i];
    memcpy(secret, slot->secret, sizeof(secret));
    memcpy(name, slot->name, sizeof(name));
    struct tls_key_ready *key = tls_key_ready_new(secret, sizeof(secret));
    OPENSSL_cleanse(secret, sizeof(secret));
    if (key && (!is_ready(slot) || memcmp(key->name, name, sizeof(name)) != 0)) {
        tls_key_ready_free(key);
        key = NULL;
    }
    return ring->held[i] = key;
}

// Where no key has begun, after the clock was set back, the first one that will is as good.
static bool seals_rather(const struct tls_key_slot *slot, const struct tls_key_slot *best, uint64_t now_us)
{
    uint64_t begins_us = begins_of(slot), other_us = begins_of(best);
    if ((begins_us <= now_us) != (other_us <= now_us))
        return begins_us <= now_us;
    return begins_us <= now_us ? begins_us > other_us : begins_us < other_us;
}

struct tls_key_ready *tls_keyring_sealing(struct tls_keyring *ring, uint64_t now_us)
{
    if (!ring->keys)
        return NULL;
    refresh(ring);
    if (LIKELY(ring->sealing && now_us >= ring->from_us && now_us < ring->until_us))
        return ring->sealing;
    bool unfit[TLS_KEYS_MAX] = { 0 };
    for (uint32_t tries = 0; tries < TLS_KEYS_MAX; tries++) {
        uint32_t best = TLS_KEYS_MAX;
        for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
            const struct tls_key_slot *slot = &ring->keys->slots[i];
            if (!unfit[i] && is_ready(slot) &&
                (best == TLS_KEYS_MAX || seals_rather(slot, &ring->keys->slots[best], now_us)))
                best = i;
        }
        if (best == TLS_KEYS_MAX)
            break;
        if ((ring->sealing = hold(ring, best))) {
            uint64_t next_us = following(ring->keys, now_us);
            ring->from_us = now_us;
            ring->until_us = next_us ? next_us : UINT64_MAX;
            return ring->sealing;
        }
        unfit[best] = true;
    }
    return NULL;
}

struct tls_key_ready *tls_keyring_find(struct tls_keyring *ring, const uint8_t name[TLS_KEY_NAME_LEN])
{
    if (!ring->keys)
        return NULL;
    refresh(ring);
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
        const struct tls_key_slot *slot = &ring->keys->slots[i];
        if (is_ready(slot) && memcmp(slot->name, name, TLS_KEY_NAME_LEN) == 0)
            return hold(ring, i);
    }
    return NULL;
}
