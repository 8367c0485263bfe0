// SPDX-License-Identifier: Apache-2.0
// What the parts of tls/shared.h say to each other: keys, tickets, the session cache, the register of early data. Each
// of the three kinds of shared memory may be read by one process while another was killed in the middle of writing it,
// and none has a lock: what follows says what makes each part whole.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/base.h>
#include <openssl/aead.h>

#define TLS_SHARED_LINE __attribute__((aligned(64)))

// ---- ticket keys --------------------------------------------------------------------------------------------------

enum {
    TLS_KEYS_VERSION = 1,
    TLS_KEYS_MAX = 256,    // at once; with fewer than a handful in use where rotation and lifetime are what they should
    TLS_KEYS_SPARE = 8,    // of them not counted on: the sealing one, the next, those that two controllers made at once
    TLS_KEY_NAME_LEN = 16, // also its place in a ticket
    TLS_KEY_SECRET_LEN = 32,
};

enum { TLS_KEY_FREE, TLS_KEY_READY }; // anything else: when (wall clock, us) somebody began to fill the slot in

// A key never changes after it is ready. Its name is derived from its secret, so that a slot whose writers got in each
// other's way (one was stopped for long, and its slot given away) is found out by every reader.
struct tls_key_slot {
    _Atomic uint64_t state;
    _Atomic uint64_t begins_us; // it seals from this time of day until a later one begins
    _Atomic uint64_t ends_us;   // when it is forgotten: once the last ticket it sealed is over; 0: no later one yet
    uint8_t name[TLS_KEY_NAME_LEN];
    uint8_t secret[TLS_KEY_SECRET_LEN];
} TLS_SHARED_LINE;

struct tls_keys {
    _Atomic uint64_t version; // of all slots together: readers look again when it moved
    struct tls_key_slot slots[TLS_KEYS_MAX] TLS_SHARED_LINE;
};

// tls_keys_turn makes, forgets and dates keys as the time of day asks for, and gives when the next one begins. Safe
// against any number of processes that do the same, and against being killed at any point.
uint64_t tls_keys_turn(struct tls_keys *keys, uint64_t now_us, uint64_t rotation_us, uint64_t lifetime_us);

// A key made ready for use, in one process.
struct tls_key_ready {
    uint8_t name[TLS_KEY_NAME_LEN];
    EVP_AEAD_CTX aead;
};

// tls_key_ready_new derives the key's name and cipher from `secret`. NULL where memory is exhausted.
struct tls_key_ready *tls_key_ready_new(const uint8_t *secret, size_t secret_len);
void tls_key_ready_free(struct tls_key_ready *key);

// The keys of the board as a process uses them: each is prepared once, on first use.
struct tls_keyring {
    const struct tls_keys *keys;
    uint64_t version;
    uint64_t from_us, until_us; // `sealing` seals between these
    struct tls_key_ready *sealing;
    struct tls_key_ready *held[TLS_KEYS_MAX];
};

// tls_keyring_fini forgets all prepared keys.
void tls_keyring_fini(struct tls_keyring *ring);

// tls_keyring_sealing gives the key that seals at `now_us`, NULL where there is none.
struct tls_key_ready *tls_keyring_sealing(struct tls_keyring *ring, uint64_t now_us);

// tls_keyring_find gives the key of that name, NULL where there is none.
struct tls_key_ready *tls_keyring_find(struct tls_keyring *ring, const uint8_t name[TLS_KEY_NAME_LEN]);

// ---- tickets ------------------------------------------------------------------------------------------------------

// name | nonce | sealed (origin | session) and tag. The cipher is AES-256-GCM-SIV (RFC 8452): many processes, and with
// a file of keys many machines, choose nonces at random for one key, and should two ever choose the same nothing is
// lost but that equal tickets look equal. It costs a microsecond. `origin` names the register of early data that saw
// the ticket being made: only there may it be used for early data.
enum {
    TLS_TICKET_NONCE_LEN = 12,
    TLS_TICKET_TAG_LEN = 16,
    TLS_TICKET_ORIGIN_LEN = 8,
    TLS_TICKET_HEAD_LEN = TLS_KEY_NAME_LEN + TLS_TICKET_NONCE_LEN,
    TLS_TICKET_OVERHEAD = TLS_TICKET_HEAD_LEN + TLS_TICKET_ORIGIN_LEN + TLS_TICKET_TAG_LEN,
};

// tls_ticket_seal writes the ticket for the session `in` to `out` (room `cap`, may be `in`); false where it does not
// fit or the library fails.
bool tls_ticket_seal(const struct tls_key_ready *key, uint8_t *out, size_t *out_len, size_t cap, const uint8_t *in,
                     size_t in_len, uint64_t origin);

// tls_ticket_open writes the session in the ticket `in` to `out` (room `cap`) and gives its origin; false where it is
// none that `key` sealed.
bool tls_ticket_open(const struct tls_key_ready *key, uint8_t *out, size_t *out_len, uint64_t *origin, size_t cap,
                     const uint8_t *in, size_t in_len);

// tls_ticket_methods gives the library's way to all of this.
const struct ssl_ticket_aead_method_st *tls_ticket_methods(void);

// tls_ticket_file_free frees what tls_ticket_file_read gave; NULL is fine.
struct tls_ticket_file;
void tls_ticket_file_free(struct tls_ticket_file *file);

// tls_ticket_file_sealing and tls_ticket_file_find are tls_keyring_*'s for a file.
struct tls_key_ready *tls_ticket_file_sealing(const struct tls_ticket_file *file);
struct tls_key_ready *tls_ticket_file_find(const struct tls_ticket_file *file, const uint8_t name[TLS_KEY_NAME_LEN]);

// ---- early data ---------------------------------------------------------------------------------------------------

enum {
    TLS_STRIKES_VERSION = 1,
    TLS_STRIKE_BUCKETS = 1 << 17,
    TLS_STRIKE_WAYS = 8, // one cache line
    // How long a ticket must be remembered. The library takes early data whose ticket's age, as the client says, is up
    // to 60 s off: what was accepted at one end of that may be replayed until the other, 120 s later. The rest is for
    // clocks that are set.
    TLS_STRIKE_WINDOW_S = 180,
};

struct tls_strikes {
    _Atomic uint64_t origin; // random, of this register
    _Atomic uint64_t entries[TLS_STRIKE_BUCKETS][TLS_STRIKE_WAYS] TLS_SHARED_LINE;
};

// tls_strike_first says whether the ticket that ends with `tag` is seen for the first time, and remembers it: of any
// number of processes that ask at once exactly one hears yes. Where its bucket is full of tickets that must still be
// remembered the answer is no. `now_s` is monotonic. A tag is as good as a hash: nobody makes a ticket with a chosen
// one.
bool tls_strike_first(struct tls_strikes *strikes, const uint8_t tag[TLS_TICKET_TAG_LEN], uint64_t now_s);

// ---- the cache of sessions ----------------------------------------------------------------------------------------

enum {
    TLS_CACHE_VERSION = 1,
    TLS_CACHE_WAYS = 8,
    TLS_CACHE_ID_LEN = 32,
    TLS_CACHE_SMALL = 384,     // bytes of a slot for sessions without a client's certificate
    TLS_CACHE_LARGE = 8192,    // and with
    TLS_CACHE_LARGE_SHARE = 4, // of so many small ones there is one large
    TLS_CACHE_CLAIM_S = 2,     // a writer that takes longer is dead, or finds that it lost its slot
    TLS_CACHE_MAX = 1 << 26,   // sessions
};

// What stands before a session in its slot. `word` is busy << 32 | changes << 33 | seconds: the monotonic time of the
// last change, or, while busy, of the claim.
struct tls_cache_slot {
    _Atomic uint64_t word;
    uint64_t check;  // SipHash of the rest: a session whose writers got in each other's way is found out
    uint64_t ends_s; // wall clock
    uint32_t len;
    uint32_t id_len;
    uint8_t id[TLS_CACHE_ID_LEN];
    uint8_t data[];
};

struct tls_cache_head {
    uint64_t hash_key[2]; // of this cache
    _Atomic uint64_t lookups TLS_SHARED_LINE;
    _Atomic uint64_t misses;
    _Atomic uint64_t too_large;
} TLS_SHARED_LINE;

// A cache as a process refers to it: the shape comes from the configuration, never from shared memory.
struct tls_cache {
    struct tls_cache_head *head; // NULL: none
    uint8_t *slots[2];           // small, large
    uint32_t num_sets[2];
};

// tls_cache_len gives the bytes a cache of `num` sessions takes; tls_cache_init points `cache` at them, and chooses the
// hash's key where they are fresh.
size_t tls_cache_len(uint32_t num);
void tls_cache_init(struct tls_cache *cache, void *memory, uint32_t num, bool fresh);

// tls_cache_put remembers a session until `ends_s` (wall clock) in place of the oldest there; `now_s` is monotonic.
// False where it is too large, or the place was being written by others.
bool tls_cache_put(struct tls_cache *cache, const uint8_t *id, size_t id_len, const uint8_t *data, size_t len,
                   uint64_t ends_s, uint32_t now_s);

// tls_cache_get copies the session `id` to `out` (room TLS_CACHE_LARGE) and gives its length, 0 where there is none
// that lasts beyond `wall_s`.
size_t tls_cache_get(struct tls_cache *cache, uint8_t *out, const uint8_t *id, size_t id_len, uint64_t wall_s);

// ---- of the process -----------------------------------------------------------------------------------------------

// What this process refers to.
struct tls_shared {
    const struct tls_global_conf *global;
    struct tls_keys *keys;
    struct tls_keyring ring;
    struct tls_cache cache;
    struct tls_cache_head *counts; // of the cache that all share
    struct tls_strikes *strikes;
};

// tls_shared_of_process lends it.
struct tls_shared *tls_shared_of_process(void);

// tls_cache_serve makes `ctx` use the cache.
void tls_cache_serve(struct ssl_ctx_st *ctx);

// tls_shared_file_of gives the file of keys that `ctx` serves, NULL for the board's.
const struct tls_ticket_file *tls_shared_file_of(const struct ssl_ctx_st *ctx);
