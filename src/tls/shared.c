// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include "base/clock.h"
#include "tls/bind.h"
#include "tls/shared.h"
#include "shared_inner.h"

// Of what the configuration leaves open.
#define SHARED_ROTATION_US (UINT64_C(12) * 3600 * 1000000)
#define SHARED_TICKETS_US  (UINT64_C(24) * 3600 * 1000000)

static struct tls_shared shared;

struct tls_shared *tls_shared_of_process(void)
{
    return &shared;
}

static size_t page_up(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (len + page - 1) / page * page;
}

// Secrets are no part of a core dump. Kernels that cannot leave them out do not fail a start.
static void keep_out_of_dumps(void *addr, size_t len)
{
    (void)madvise(addr, page_up(len), MADV_DONTDUMP);
}

static uint32_t cache_size(const struct tls_global_conf *global)
{
    return global->cache_size < TLS_CACHE_MAX ? global->cache_size : TLS_CACHE_MAX;
}

// The size is part of what must match: another one starts an empty cache.
static bool cache_prepare(struct board *board, const struct tls_global_conf *global)
{
    bool fresh;
    uint32_t num = cache_size(global);
    size_t len = tls_cache_len(num);
    void *memory = board_section(board, &fresh, TLS_SHARED_CACHE_SECTION, (uint32_t)TLS_CACHE_VERSION << 27 | num, len);
    if (!memory)
        return false;
    keep_out_of_dumps(memory, len);
    tls_cache_init(&shared.cache, memory, num, fresh);
    shared.counts = shared.cache.head;
    if (!num)
        shared.cache = (struct tls_cache){ 0 };
    return true;
}

static bool strikes_prepare(struct board *board)
{
    bool fresh;
    uint64_t origin;
    shared.strikes =
        board_section(board, &fresh, TLS_SHARED_STRIKES_SECTION, TLS_STRIKES_VERSION, sizeof(*shared.strikes));
    if (!shared.strikes)
        return false;
    if (fresh && RAND_bytes((uint8_t *)&origin, sizeof(origin)))
        atomic_store(&shared.strikes->origin, origin);
    return true;
}

bool tls_shared_prepare(struct board *board, const struct tls_global_conf *global)
{
    bool fresh;
    tls_keyring_fini(&shared.ring);
    shared = (struct tls_shared){ .global = global };
    size_t len = page_up(sizeof(*shared.keys));
    struct tls_keys *keys = board_section(board, &fresh, TLS_SHARED_KEYS_SECTION, TLS_KEYS_VERSION, len);
    if (!keys || !strikes_prepare(board) || !cache_prepare(board, global))
        return false;
    keep_out_of_dumps(keys, len);
    shared.keys = keys;
    shared.ring.keys = keys;
    tls_shared_turn(clock_wall_us());
    return true;
}

static bool cache_make_private(void)
{
    uint32_t num = cache_size(shared.global);
    size_t len = tls_cache_len(num);
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    keep_out_of_dumps(memory, len);
    tls_cache_init(&shared.cache, memory, num, true);
    return true;
}

bool tls_shared_seal(void)
{
    if (!shared.keys)
        return true;
    if (mprotect(shared.keys, page_up(sizeof(*shared.keys)), PROT_READ) != 0)
        return false;
    return !shared.global->private_cache || !shared.cache.head || cache_make_private();
}

static uint64_t rotation_of(const struct tls_global_conf *global)
{
    return global->rotation_us ? global->rotation_us : SHARED_ROTATION_US;
}

uint64_t tls_shared_turn(uint64_t wall_us)
{
    if (!shared.keys)
        return UINT64_MAX;
    return tls_keys_turn(shared.keys, wall_us, rotation_of(shared.global),
                         (uint64_t)tls_shared_lifetime(shared.global) * 1000000);
}

void tls_shared_stats_get(struct tls_shared_stats *stats)
{
    *stats = (struct tls_shared_stats){ 0 };
    if (!shared.counts)
        return;
    stats->lookups = atomic_load(&shared.counts->lookups);
    stats->misses = atomic_load(&shared.counts->misses);
    stats->too_large = atomic_load(&shared.counts->too_large);
}

uint32_t tls_shared_lifetime(const struct tls_global_conf *global)
{
    uint64_t kept_us = rotation_of(global) * (TLS_KEYS_MAX - TLS_KEYS_SPARE);
    uint64_t lifetime_us = global->ticket_lifetime_us ? global->ticket_lifetime_us : SHARED_TICKETS_US;
    lifetime_us = lifetime_us < kept_us ? lifetime_us : kept_us;
    uint64_t lifetime_s = lifetime_us / 1000000;
    return lifetime_s < 1                           ? 1
           : lifetime_s > TLS_SHARED_MAX_LIFETIME_S ? TLS_SHARED_MAX_LIFETIME_S
                                                    : (uint32_t)lifetime_s;
}

static void file_gone(void *parent, void *file, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    tls_ticket_file_free(file);
}

static int file_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, file_gone);
    return index;
}

const struct tls_ticket_file *tls_shared_file_of(const struct ssl_ctx_st *ctx)
{
    return SSL_CTX_get_ex_data(ctx, file_index());
}

bool tls_shared_serve(struct ssl_ctx_st *ctx, const struct tls_global_conf *global, const struct tls_ticket_file *file)
{
    uint32_t lifetime_s = tls_shared_lifetime(global);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_timeout(ctx, lifetime_s);
    SSL_CTX_set_session_psk_dhe_timeout(ctx, lifetime_s);
    SSL_CTX_set_ticket_aead_method(ctx, tls_ticket_methods());
    if (cache_size(global))
        tls_cache_serve(ctx);
    else
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return !file || SSL_CTX_set_ex_data(ctx, file_index(), (void *)file);
}
