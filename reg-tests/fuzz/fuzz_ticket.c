// SPDX-License-Identifier: Apache-2.0
// Tickets as clients send them, sessions as the cache may hold them after a crash, and files of ticket keys: whatever
// the bytes are, nothing but what was sealed opens, and nothing breaks.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "os/memory.h"
#include "tls/shared.h"
#include "tls/shared_inner.h"

enum { MAX_LEN = 4096 };

static struct tls_key_ready *key;
static SSL_CTX *ctx;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static const uint8_t secret[TLS_KEY_SECRET_LEN] = "a key that everybody may know";
    key = tls_key_ready_new(secret, sizeof(secret));
    ctx = SSL_CTX_new(TLS_with_buffers_method());
    return 0;
}

// A ticket of a known key: every byte behind its name is the client's.
static void open_any(const uint8_t *data, size_t len)
{
    uint8_t ticket[MAX_LEN + TLS_KEY_NAME_LEN], out[MAX_LEN + TLS_KEY_NAME_LEN];
    size_t out_len;
    uint64_t origin;
    memcpy(ticket, key->name, TLS_KEY_NAME_LEN);
    memcpy(ticket + TLS_KEY_NAME_LEN, data, len);
    must(!tls_ticket_open(key, out, &out_len, &origin, sizeof(out), ticket, len + TLS_KEY_NAME_LEN));
    must(!tls_ticket_open(key, out, &out_len, &origin, sizeof(out), data, len));
}

// What was sealed comes back, is a session or not, and does not survive any change.
static void seal_any(const uint8_t *data, size_t len)
{
    uint8_t ticket[MAX_LEN + TLS_TICKET_OVERHEAD], out[sizeof(ticket)];
    size_t ticket_len, out_len;
    uint64_t origin;
    must(tls_ticket_seal(key, ticket, &ticket_len, sizeof(ticket), data, len, 5));
    must(tls_ticket_open(key, out, &out_len, &origin, ticket_len, ticket, ticket_len));
    must(out_len == len && memcmp(out, data, len) == 0 && origin == 5);
    SSL_SESSION_free(SSL_SESSION_from_bytes(out, out_len, ctx));
    ticket[(len * 7 + (len ? data[0] : 0)) % ticket_len] ^= 1;
    must(!tls_ticket_open(key, out, &out_len, &origin, sizeof(out), ticket, ticket_len));
}

// Memory of the cache that a process left behind in the middle of something.
static void cache_any(const uint8_t *data, size_t len)
{
    static uint8_t *memory;
    struct tls_cache cache;
    uint8_t out[TLS_CACHE_LARGE], id[TLS_CACHE_ID_LEN] = { 1 };
    size_t room = tls_cache_len(8);
    if (!memory)
        memory = aligned_alloc(64, (room + 63) / 64 * 64);
    must(memory);
    memset(memory, 0, room);
    tls_cache_init(&cache, memory, 8, false);
    for (uint32_t way = 0; way < TLS_CACHE_WAYS; way++)
        memcpy(cache.slots[0] + way * TLS_CACHE_SMALL, data, len < TLS_CACHE_SMALL ? len : TLS_CACHE_SMALL);
    memcpy(cache.slots[1], data, len);
    if (len >= sizeof(struct tls_cache_slot))
        memcpy(id, data + offsetof(struct tls_cache_slot, id), sizeof(id));
    tls_cache_get(&cache, out, id, sizeof(id), 0);
    if (tls_cache_put(&cache, id, sizeof(id), data, len, 9, 5))
        must(tls_cache_get(&cache, out, id, sizeof(id), 0) == len && memcmp(out, data, len) == 0);
}

static void file_any(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct config_diag diag;
    struct config config;
    char path[64];
    int fd = memory_file_of("keys", data, len);
    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    struct tls_ticket_file *file =
        (struct tls_ticket_file *)tls_ticket_file_read(&config, path, (struct config_place){ 0 });
    must(file ? diag.num_errors == 0 && tls_ticket_file_sealing(file) : diag.num_errors > 0);
    tls_ticket_file_free(file);
    config_fini(&config);
    arena_fini(&arena);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0 || len > MAX_LEN)
        return 0;
    static void (*const runs[])(const uint8_t *, size_t) = { open_any, seal_any, cache_any, file_any };
    runs[data[0] % NUM_ITEMS(runs)](data + 1, len - 1);
    return 0;
}
