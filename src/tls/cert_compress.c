// SPDX-License-Identifier: Apache-2.0
// Certificate compression (RFC 8879). The library asks for it in every handshake, always with the same bytes but for
// what a client wanted beside the chain (an OCSP response, SCTs): what came of it is kept with the context.
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/siphash.h>
#include <openssl/ssl.h>
#include <zlib.h>
#include "cert_inner.h"

// With and without an OCSP response, with and without SCTs.
enum { VARIANTS = 4 };

// Chains are a few KiB; a small window costs little memory and no ratio.
enum { WINDOW_BITS = 12, MEMORY_LEVEL = 5 };

struct compressed {
    size_t of_len; // of the message that was compressed, and its hash: no peer chooses what is hashed
    uint64_t of_hash;
    uint8_t *data;
    size_t len;
};

struct cache {
    struct compressed variants[VARIANTS];
};

static int ex_index = -1;

static void cache_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)argl;
    (void)argp;
    struct cache *cache = ptr;
    for (int i = 0; cache && i < VARIANTS; i++)
        OPENSSL_free(cache->variants[i].data);
    OPENSSL_free(cache);
}

static bool deflate_into(struct compressed *out, const uint8_t *in, size_t in_len)
{
    z_stream stream = { 0 };
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t cap = deflateBound(&stream, in_len);
    uint8_t *room = OPENSSL_malloc(cap);
    stream.next_in = (uint8_t *)in;
    stream.avail_in = (uInt)in_len;
    stream.next_out = room;
    stream.avail_out = (uInt)cap;
    bool ok = room && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out->len = stream.total_out;
    deflateEnd(&stream);
    out->data = ok ? OPENSSL_memdup(room, out->len) : NULL;
    OPENSSL_free(room);
    return out->data != NULL;
}

static struct cache *cache_of(SSL_CTX *ctx)
{
    struct cache *cache = SSL_CTX_get_ex_data(ctx, ex_index);
    if (cache)
        return cache;
    cache = OPENSSL_malloc(sizeof(*cache));
    if (cache)
        *cache = (struct cache){ 0 };
    if (cache && SSL_CTX_set_ex_data(ctx, ex_index, cache))
        return cache;
    OPENSSL_free(cache);
    return NULL;
}

static int compress_chain(SSL *ssl, CBB *out, const uint8_t *in, size_t in_len)
{
    static const uint64_t no_key[2];
    struct cache *cache = cache_of(SSL_get_SSL_CTX(ssl));
    uint64_t hash = SIPHASH_24(no_key, in, in_len);
    if (!cache)
        return 0;
    struct compressed *slot = NULL;
    for (int i = 0; i < VARIANTS; i++) {
        struct compressed *it = &cache->variants[i];
        if (it->data && it->of_len == in_len && it->of_hash == hash)
            return CBB_add_bytes(out, it->data, it->len);
        if (!it->data && !slot)
            slot = it;
    }
    struct compressed once = { .of_len = in_len, .of_hash = hash };
    if (!deflate_into(&once, in, in_len))
        return 0;
    int ok = CBB_add_bytes(out, once.data, once.len);
    if (slot)
        *slot = once;
    else
        OPENSSL_free(once.data);
    return ok;
}

bool cert_compression_add(SSL_CTX *ctx)
{
    if (ex_index < 0)
        ex_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, cache_free);
    return ex_index >= 0 && SSL_CTX_add_cert_compression_alg(ctx, TLSEXT_cert_compression_zlib, compress_chain, NULL);
}
