// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include "base/check.h"
#include "trust_inner.h"

// All that were loaded: few, and each is found by its files' names.
static struct tls_trust *trusts;

// Where distributions keep the authorities of the system, in one file.
static const char *system_path(void)
{
    static const char *const paths[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/etc/ssl/certs",
    };
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && *chosen)
        return chosen;
    for (size_t i = 0; i < NUM_ITEMS(paths); i++)
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    return paths[0];
}

static char *full_path(const char *name, const char *ca_base)
{
    char *path;
    if (!name)
        return NULL;
    if (strcmp(name, "@system-ca") == 0)
        path = strdup(system_path());
    else if (name[0] == '/' || !ca_base || asprintf(&path, "%s/%s", ca_base, name) < 0)
        path = strdup(name);
    if (!path)
        check_out_of_memory(strlen(name));
    return path;
}

static bool same_paths(char *const a[TRUST_NUM_FILES], char *const b[TRUST_NUM_FILES])
{
    for (size_t i = 0; i < TRUST_NUM_FILES; i++)
        if (!a[i] != !b[i] || (a[i] && strcmp(a[i], b[i]) != 0))
            return false;
    return true;
}

static void trust_free(struct tls_trust *trust)
{
    X509_STORE_free(trust->store);
    sk_CRYPTO_BUFFER_pop_free(trust->names, CRYPTO_BUFFER_free);
    for (size_t i = 0; i < TRUST_NUM_FILES; i++)
        free(trust->paths[i]);
    free(trust);
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, 33);
}

// Each thing counts once, so that a file that repeats a certificate is like one that does not.
static void finish_digest(struct trust_reader *reader)
{
    SHA256_CTX hash;
    SHA256_Init(&hash);
    if (reader->num)
        qsort(reader->digests, reader->num, sizeof(*reader->digests), compare_digests);
    for (size_t i = 0; i < reader->num; i++)
        if (i == 0 || compare_digests(reader->digests[i - 1], reader->digests[i]) != 0)
            SHA256_Update(&hash, reader->digests[i], sizeof(reader->digests[i]));
    // A check of revocation with an empty list is another check than none.
    uint8_t checks_crls = reader->trust->paths[TRUST_CRL] != NULL;
    SHA256_Update(&hash, &checks_crls, 1);
    SHA256_Final(reader->trust->digest, &hash);
}

static bool trust_read(struct tls_trust *trust, struct config *config, struct config_place place)
{
    struct trust_reader reader = { .config = config, .place = place, .trust = trust };
    bool ok = true;
    for (int file = 0; file < TRUST_NUM_FILES; file++) {
        reader.file = (enum trust_file)file;
        if (trust->paths[file] && !trust_read_path(&reader, trust->paths[file]))
            ok = false;
    }
    if (trust->paths[TRUST_CRL])
        X509_STORE_set_flags(trust->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    finish_digest(&reader);
    free(reader.digests);
    return ok;
}

const struct tls_trust *tls_trust_load(struct config *config, const struct tls_conf *conf, const char *ca_base,
                                       struct config_place place)
{
    struct tls_trust *trust = calloc(1, sizeof(*trust));
    if (!trust)
        check_out_of_memory(sizeof(*trust));
    trust->arena = config->arena;
    trust->paths[TRUST_CA] = full_path(conf->ca_file, ca_base);
    trust->paths[TRUST_CA_VERIFY] = full_path(conf->ca_verify_file, ca_base);
    trust->paths[TRUST_CRL] = full_path(conf->crl_file, ca_base);
    for (struct tls_trust *old = trusts; old; old = old->next)
        if ((config->loaded_only || old->arena == trust->arena) && same_paths(old->paths, trust->paths)) {
            trust_free(trust);
            return old;
        }
    if (config->loaded_only) {
        config_diag_add(config->diag, CONFIG_ERROR, place,
                        "'ca-file' and 'crl-file': at run time only those can be used together that a line of the "
                        "configuration uses together");
        trust_free(trust);
        return NULL;
    }
    trust->store = X509_STORE_new();
    trust->names = sk_CRYPTO_BUFFER_new_null();
    if (!trust->store || !trust->names)
        check_out_of_memory(sizeof(*trust));
    if (!trust_read(trust, config, place)) {
        trust_free(trust);
        return NULL;
    }
    trust->next = trusts;
    trusts = trust;
    return trust;
}

void tls_trust_free_all(void)
{
    while (trusts) {
        struct tls_trust *trust = trusts;
        trusts = trust->next;
        trust_free(trust);
    }
}

void tls_trust_digest(const struct tls_trust *trust, uint8_t digest[32])
{
    memcpy(digest, trust->digest, sizeof(trust->digest));
}

const struct stack_st_CRYPTO_BUFFER *tls_trust_names(const struct tls_trust *trust)
{
    return trust->names;
}
