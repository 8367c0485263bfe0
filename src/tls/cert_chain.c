// SPDX-License-Identifier: Apache-2.0
// Chains that certificates share (issuers-chain-path): found by the name of the issuer, read when the first certificate
// without a chain needs them.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/pool.h>
#include "base/check.h"
#include "cert_inner.h"

struct cert_chain {
    struct cert_chain *next;
    CRYPTO_BUFFER **buffers; // the first one's subject is the issuer that certificates name
    uint32_t num;
    CBS subject;
};

static bool add_buffer(struct cert_chain *chain, CRYPTO_BUFFER *buffer)
{
    struct cert_parts parts;
    if (!buffer || !cert_parts_read(&parts, CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer))) {
        CRYPTO_BUFFER_free(buffer);
        return false;
    }
    CRYPTO_BUFFER **grown = realloc(chain->buffers, (chain->num + 1) * sizeof(CRYPTO_BUFFER *));
    if (!grown)
        check_out_of_memory((chain->num + 1) * sizeof(CRYPTO_BUFFER *));
    chain->buffers = grown;
    if (!chain->num)
        chain->subject = parts.subject;
    chain->buffers[chain->num++] = buffer;
    return true;
}

static bool read_file(struct cert_reader *reader, const char *path)
{
    struct tls_store *store = reader->store;
    struct cert_file file;
    struct cert_pem_block block;
    const char *error;
    if (!cert_file_read(&file, &error, path))
        return cert_error(reader, path, "it cannot be read", error);
    struct cert_pem pem = { .rest = slice_of(file.data, file.len) };
    struct cert_chain *chain = arena_alloc(store->config->arena, sizeof(*chain));
    bool ok = true;
    while (ok && cert_pem_next(&pem, &block)) {
        if (slice_ends(block.label, SLICE("CERTIFICATE")))
            ok = add_buffer(chain, CRYPTO_BUFFER_new(block.der, block.der_len, store->pool));
        cert_pem_block_fini(&block);
    }
    cert_file_fini(&file);
    chain->next = store->chains;
    store->chains = chain;
    if (!ok || pem.error)
        return cert_error(reader, path, "it cannot be used as a chain",
                          pem.error ? pem.error : "a certificate in it is malformed");
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

// Of two chains for one issuer the one whose file's name comes first is used: the list holds the last one first.
static int later_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static bool read_directory(struct cert_reader *reader, const char *dir)
{
    struct dirent **entries;
    int num = scandir(dir, &entries, is_visible, later_first);
    if (num < 0)
        return cert_error(reader, dir, "the directory of 'issuers-chain-path' cannot be read", strerror(errno));
    bool ok = true;
    for (int i = 0; i < num; i++) {
        struct stat st;
        const char *path = arena_printf(reader->store->config->arena, "%s/%s", dir, entries[i]->d_name);
        if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
            ok &= read_file(reader, path);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool cert_chain_complete(struct cert_reader *reader)
{
    struct tls_store *store = reader->store;
    struct tls_cert *cert = reader->cert;
    struct cert_parts parts;
    if (!store->conf->issuers_chain_path || cert->num_chain != 1)
        return true;
    if (!store->chains_read) {
        store->chains_read = true;
        if (!read_directory(reader, store->conf->issuers_chain_path))
            return false;
    }
    must(cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])));
    for (const struct cert_chain *it = store->chains; it; it = it->next) {
        if (!it->num || !CBS_mem_equal(&it->subject, CBS_data(&parts.issuer), CBS_len(&parts.issuer)))
            continue;
        CRYPTO_BUFFER **chain = arena_alloc(store->config->arena, (1 + it->num) * sizeof(CRYPTO_BUFFER *));
        chain[0] = cert->chain[0];
        cert->chain = chain;
        for (uint32_t i = 0; i < it->num; i++) {
            CRYPTO_BUFFER_up_ref(it->buffers[i]);
            chain[cert->num_chain++] = it->buffers[i];
        }
        return true;
    }
    return true;
}

void cert_chains_free(struct tls_store *store)
{
    for (const struct cert_chain *it = store->chains; it; it = it->next) {
        for (uint32_t i = 0; i < it->num; i++)
            CRYPTO_BUFFER_free(it->buffers[i]);
        free(it->buffers);
    }
    store->chains = NULL;
}
