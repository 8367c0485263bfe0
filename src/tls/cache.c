// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/siphash.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "base/clock.h"
#include "tls/bind.h"
#include "shared_inner.h"

enum { CLASS_SMALL, CLASS_LARGE, NUM_CLASSES };
enum { CACHE_TRIES = 4, CACHE_LIFETIME_US = 300000000 };

static const uint32_t slot_lens[NUM_CLASSES] = { TLS_CACHE_SMALL, TLS_CACHE_LARGE };

#define WORD_BUSY    (UINT64_C(1) << 32)
#define WORD_CHANGED (UINT64_C(1) << 33)

// ---- shape

static uint32_t sets_of(uint32_t num)
{
    return num / TLS_CACHE_WAYS + (num % TLS_CACHE_WAYS != 0);
}

static size_t class_len(int class, uint32_t num)
{
    return (size_t)sets_of(class == CLASS_SMALL ? num : num / TLS_CACHE_LARGE_SHARE + 1) * TLS_CACHE_WAYS *
           slot_lens[class];
}

size_t tls_cache_len(uint32_t num)
{
    return sizeof(struct tls_cache_head) + class_len(CLASS_SMALL, num) + class_len(CLASS_LARGE, num);
}

void tls_cache_init(struct tls_cache *cache, void *memory, uint32_t num, bool fresh)
{
    cache->head = memory;
    uint8_t *at = (uint8_t *)memory + sizeof(struct tls_cache_head);
    for (int class = 0; class < NUM_CLASSES; class ++) {
        cache->slots[class] = at;
        cache->num_sets[class] = (uint32_t)(class_len(class, num) / slot_lens[class] / TLS_CACHE_WAYS);
        at += class_len(class, num);
    }
    if (fresh)
        RAND_bytes((uint8_t *)cache->head->hash_key, sizeof(cache->head->hash_key));
}

static struct tls_cache_slot *slot_at(const struct tls_cache *cache, int class, uint64_t hash, uint32_t way)
{
    size_t set = hash % cache->num_sets[class];
    return (struct tls_cache_slot *)(cache->slots[class] + (set * TLS_CACHE_WAYS + way) * slot_lens[class]);
}

// ---- slots

// What the check covers: all that stands behind it.
enum {
    CHECKED_FROM = offsetof(struct tls_cache_slot, ends_s),
    CHECKED_HEAD = sizeof(struct tls_cache_slot) - CHECKED_FROM
};

static bool has_id(const struct tls_cache_slot *slot, const uint8_t *id, size_t id_len)
{
    return slot->id_len == id_len && memcmp(slot->id, id, id_len) == 0;
}

// A writer that was killed leaves its claim; after a while anybody may take the slot from it.
static bool is_claimed(uint64_t word, uint32_t now_s)
{
    return word & WORD_BUSY && now_s - (uint32_t)word < TLS_CACHE_CLAIM_S;
}

static struct tls_cache_slot *choose(const struct tls_cache *cache, uint64_t *word, int class, uint64_t hash,
                                     const uint8_t *id, size_t id_len, uint32_t now_s)
{
    struct tls_cache_slot *best = NULL;
    uint32_t best_age = 0;
    for (uint32_t way = 0; way < TLS_CACHE_WAYS; way++) {
        struct tls_cache_slot *slot = slot_at(cache, class, hash, way);
        uint64_t seen = atomic_load_explicit(&slot->word, memory_order_acquire);
        if (is_claimed(seen, now_s))
            continue;
        uint32_t age = !seen || seen & WORD_BUSY || has_id(slot, id, id_len) ? UINT32_MAX : now_s - (uint32_t)seen;
        if (best && age <= best_age)
            continue;
        best = slot;
        best_age = age;
        *word = seen;
    }
    return best;
}

bool tls_cache_put(struct tls_cache *cache, const uint8_t *id, size_t id_len, const uint8_t *data, size_t len,
                   uint64_t ends_s, uint32_t now_s)
{
    int class = len <= TLS_CACHE_SMALL - sizeof(struct tls_cache_slot) ? CLASS_SMALL : CLASS_LARGE;
    if (id_len == 0 || id_len > TLS_CACHE_ID_LEN || len > slot_lens[class] - sizeof(struct tls_cache_slot))
        return false;
    uint64_t hash = SIPHASH_24(cache->head->hash_key, id, id_len);
    struct tls_cache_slot *slot = NULL;
    uint64_t claim = 0;
    for (int tries = 0; tries < CACHE_TRIES; tries++) {
        uint64_t word = 0;
        slot = choose(cache, &word, class, hash, id, id_len, now_s);
        claim = (word & -WORD_CHANGED) + WORD_CHANGED + WORD_BUSY + now_s;
        if (!slot || atomic_compare_exchange_strong(&slot->word, &word, claim))
            break;
        slot = NULL;
    }
    if (!slot)
        return false;
    atomic_thread_fence(memory_order_release);
    slot->ends_s = ends_s;
    slot->len = (uint32_t)len;
    slot->id_len = (uint32_t)id_len;
    memset(slot->id, 0, sizeof(slot->id));
    memcpy(slot->id, id, id_len);
    memcpy(slot->data, data, len);
    slot->check = SIPHASH_24(cache->head->hash_key, (const uint8_t *)slot + CHECKED_FROM, CHECKED_HEAD + len);
    return atomic_compare_exchange_strong(&slot->word, &claim, claim - WORD_BUSY);
}

// Copies a slot and believes what it holds only where nobody wrote meanwhile and the check is right.
static size_t take(const struct tls_cache *cache, struct tls_cache_slot *slot, uint8_t *out, int class,
                   uint64_t *ends_s, const uint8_t *id, size_t id_len)
{
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
    if (!word || word & WORD_BUSY || !has_id(slot, id, id_len))
        return 0;
    uint64_t check = slot->check;
    size_t len = slot->len;
    if (len > slot_lens[class] - sizeof(*slot))
        return 0;
    memcpy(out, (const uint8_t *)slot + CHECKED_FROM, CHECKED_HEAD + len);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->word, memory_order_relaxed) != word ||
        SIPHASH_24(cache->head->hash_key, out, CHECKED_HEAD + len) != check)
        return 0;
    memcpy(ends_s, out, sizeof(*ends_s));
    memmove(out, out + CHECKED_HEAD, len);
    return len;
}

size_t tls_cache_get(struct tls_cache *cache, uint8_t *out, const uint8_t *id, size_t id_len, uint64_t wall_s)
{
    if (id_len == 0 || id_len > TLS_CACHE_ID_LEN)
        return 0;
    uint64_t hash = SIPHASH_24(cache->head->hash_key, id, id_len);
    for (int class = 0; class < NUM_CLASSES; class ++) {
        for (uint32_t way = 0; way < TLS_CACHE_WAYS; way++) {
            uint64_t ends_s;
            size_t len = take(cache, slot_at(cache, class, hash, way), out, class, &ends_s, id, id_len);
            if (len)
                return ends_s > wall_s ? len : 0;
        }
    }
    return 0;
}

// ---- the library's way to it

static uint64_t wall_s(void)
{
    return clock_wall_us() / 1000000;
}

static int session_new(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    struct tls_shared *shared = tls_shared_of_process();
    unsigned id_len;
    const uint8_t *id = SSL_SESSION_get_id(session, &id_len);
    uint8_t *data;
    size_t len;
    if (!shared->cache.head || !id_len)
        return 0;
    // The context's time is that of tickets.
    uint64_t lifetime_s = (shared->global->lifetime_us ? shared->global->lifetime_us : CACHE_LIFETIME_US) / 1000000;
    if (lifetime_s < SSL_SESSION_get_timeout(session))
        SSL_SESSION_set_timeout(session, (uint32_t)lifetime_s);
    if (!SSL_SESSION_to_bytes(session, &data, &len)) {
        ERR_clear_error();
        return 0;
    }
    uint64_t ends_s = SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session);
    if (len > TLS_CACHE_LARGE - sizeof(struct tls_cache_slot))
        atomic_fetch_add_explicit(&shared->counts->too_large, 1, memory_order_relaxed);
    else
        tls_cache_put(&shared->cache, id, id_len, data, len, ends_s, (uint32_t)(clock_mono_us() / 1000000));
    OPENSSL_free(data);
    return 0;
}

static SSL_SESSION *session_get(SSL *ssl, const uint8_t *id, int id_len, int *copy)
{
    struct tls_shared *shared = tls_shared_of_process();
    uint8_t data[TLS_CACHE_LARGE];
    SSL_SESSION *session = NULL;
    *copy = 0;
    if (!shared->cache.head || id_len <= 0)
        return NULL;
    size_t len = tls_cache_get(&shared->cache, data, id, (size_t)id_len, wall_s());
    if (len)
        session = SSL_SESSION_from_bytes(data, len, SSL_get_SSL_CTX(ssl));
    OPENSSL_cleanse(data, len);
    atomic_fetch_add_explicit(&shared->counts->lookups, 1, memory_order_relaxed);
    if (session)
        return session;
    atomic_fetch_add_explicit(&shared->counts->misses, 1, memory_order_relaxed);
    ERR_clear_error();
    return NULL;
}

void tls_cache_serve(struct ssl_ctx_st *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, session_new);
    SSL_CTX_sess_set_get_cb(ctx, session_get);
}
