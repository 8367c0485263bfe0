// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include "base/check.h"
#include "trust_inner.h"

// All that were loaded: few, and each is found by its files' names.
static struct tls_trust *trusts;
static struct trust_file *files;
static bool is_closed; // no file is read any more

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
    if (name[0] == '/' || name[0] == '@' || !ca_base || asprintf(&path, "%s/%s", ca_base, name) < 0)
        path = strdup(name);
    if (!path)
        check_out_of_memory(strlen(name));
    return path;
}

// ---- files

struct trust_file *trust_files(void)
{
    return files;
}

// A file is found by whoever reads the same configuration; at run time, where there is one, by all.
static struct trust_file *file_find(const struct arena *arena, const char *path, bool is_crl)
{
    struct trust_file *file = files;
    while (file && (file->is_crl != is_crl || (!is_closed && file->arena != arena) || strcmp(file->path, path) != 0))
        file = file->next;
    return file;
}

struct trust_file *trust_file_find(const char *path, bool is_crl)
{
    struct trust_file *file = files;
    while (file && (file->is_crl != is_crl || strcmp(file->path, path) != 0))
        file = file->next;
    return file;
}

static struct trust_file *file_new(const struct arena *arena, const char *path, bool is_crl)
{
    struct trust_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path)))
        check_out_of_memory(sizeof(*file));
    file->arena = arena;
    file->is_crl = is_crl;
    struct trust_file **at = &files;
    while (*at && strcmp((*at)->path, path) < 0)
        at = &(*at)->next;
    file->next = *at;
    *at = file;
    return file;
}

struct trust_file *trust_file_new(const char *path, bool is_crl)
{
    struct trust_file *file = file_new(NULL, path, is_crl);
    file->is_new = true;
    return file;
}

static void file_free(struct trust_file *file)
{
    for (struct trust_file **at = &files; *at; at = &(*at)->next)
        if (*at == file) {
            *at = file->next;
            break;
        }
    trust_items_free(file);
    free(file->path);
    free(file);
}

static struct trust_file *file_get(struct config *config, const char *path, bool is_crl, struct config_place place)
{
    struct trust_file *file = file_find(config->arena, path, is_crl);
    if (file && !file->is_new)
        return file;
    if (file || is_closed) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "'%s': %s", path,
                        file ? "it is empty" : "no such file was loaded when the service started");
        return NULL;
    }
    file = file_new(config->arena, path, is_crl);
    struct trust_reader reader = { .config = config, .place = place, .file = file };
    if (trust_read_path(&reader, strcmp(path, "@system-ca") == 0 ? system_path() : path))
        return file;
    file_free(file);
    return NULL;
}

// ---- what is made of them

static bool holds(const struct tls_trust *trust, const struct trust_file *file)
{
    for (size_t i = 0; i < TRUST_NUM_FILES; i++)
        if (trust->files[i] == file)
            return true;
    return false;
}

bool trust_file_is_used(const struct trust_file *file)
{
    for (const struct tls_trust *trust = trusts; trust; trust = trust->next)
        if (trust->num_users && holds(trust, file))
            return true;
    return false;
}

static void trust_free(struct tls_trust *trust)
{
    X509_STORE_free(trust->store);
    sk_CRYPTO_BUFFER_pop_free(trust->names, CRYPTO_BUFFER_free);
    free(trust);
}

void trust_file_remove(struct trust_file *file)
{
    for (struct tls_trust **at = &trusts; *at;) {
        struct tls_trust *trust = *at;
        if (holds(trust, file)) {
            *at = trust->next;
            trust_free(trust);
        } else {
            at = &trust->next;
        }
    }
    file_free(file);
}

void tls_trust_close(void)
{
    is_closed = true;
}

void tls_trust_join(const struct tls_trust *trust)
{
    if (trust)
        ((struct tls_trust *)trust)->num_users++;
}

void tls_trust_leave(const struct tls_trust *trust)
{
    if (trust)
        ((struct tls_trust *)trust)->num_users--;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, 33);
}

static size_t num_items(const struct tls_trust *trust)
{
    size_t num = 0;
    for (size_t i = 0; i < TRUST_NUM_FILES; i++)
        num += trust->files[i] ? trust->files[i]->num : 0;
    return num;
}

// The digest is of what stands in the files, in no order. Each thing counts once, so that a file that repeats a
// certificate is like one that does not.
static void make_digest(struct tls_trust *trust)
{
    size_t num = 0, cap = num_items(trust);
    uint8_t(*digests)[33] = calloc(cap + 1, sizeof(*digests));
    SHA256_CTX hash;
    if (!digests)
        check_out_of_memory(cap * sizeof(*digests));
    for (size_t f = 0; f < TRUST_NUM_FILES; f++)
        for (size_t i = 0; trust->files[f] && i < trust->files[f]->num; i++, num++) {
            const struct trust_item *item = &trust->files[f]->items[i];
            digests[num][0] = (uint8_t)(item->crl ? TRUST_CRL : f);
            memcpy(digests[num] + 1, item->digest, sizeof(item->digest));
        }
    qsort(digests, num, sizeof(*digests), compare_digests);
    SHA256_Init(&hash);
    for (size_t i = 0; i < num; i++)
        if (i == 0 || compare_digests(digests[i - 1], digests[i]) != 0)
            SHA256_Update(&hash, digests[i], sizeof(digests[i]));
    // A check of revocation with an empty list is another check than none.
    uint8_t checks_crls = trust->files[TRUST_CRL] != NULL;
    SHA256_Update(&hash, &checks_crls, 1);
    SHA256_Final(trust->digest, &hash);
    free(digests);
}

static bool name_is_there(const STACK_OF(CRYPTO_BUFFER) * names, const uint8_t *der, size_t len)
{
    for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(names); i++) {
        const CRYPTO_BUFFER *name = sk_CRYPTO_BUFFER_value(names, i);
        if (CRYPTO_BUFFER_len(name) == len && memcmp(CRYPTO_BUFFER_data(name), der, len) == 0)
            return true;
    }
    return false;
}

static bool add_name(STACK_OF(CRYPTO_BUFFER) * names, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(cert), &der);
    if (len < 0)
        return false;
    bool ok = true;
    if (!name_is_there(names, der, (size_t)len)) {
        CRYPTO_BUFFER *name = CRYPTO_BUFFER_new(der, (size_t)len, NULL);
        ok = name && sk_CRYPTO_BUFFER_push(names, name);
        if (!ok)
            CRYPTO_BUFFER_free(name);
    }
    OPENSSL_free(der);
    return ok;
}

// What the store holds already is no error there: files of authorities repeat themselves.
static bool fill(X509_STORE *store, STACK_OF(CRYPTO_BUFFER) * names, const struct tls_trust *trust)
{
    for (size_t f = 0; f < TRUST_NUM_FILES; f++)
        for (size_t i = 0; trust->files[f] && i < trust->files[f]->num; i++) {
            const struct trust_item *item = &trust->files[f]->items[i];
            if (item->crl ? !X509_STORE_add_crl(store, item->crl) : !X509_STORE_add_cert(store, item->cert))
                return false;
            if (item->cert && f == TRUST_CA && !add_name(names, item->cert))
                return false;
        }
    return !trust->files[TRUST_CRL] || X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

// Makes of the files what checks need; what was made of them before goes.
static bool make(struct tls_trust *trust)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(CRYPTO_BUFFER) *names = sk_CRYPTO_BUFFER_new_null();
    if (!store || !names || !fill(store, names, trust)) {
        X509_STORE_free(store);
        sk_CRYPTO_BUFFER_pop_free(names, CRYPTO_BUFFER_free);
        ERR_clear_error();
        return false;
    }
    X509_STORE_free(trust->store);
    sk_CRYPTO_BUFFER_pop_free(trust->names, CRYPTO_BUFFER_free);
    trust->store = store;
    trust->names = names;
    make_digest(trust);
    trust->version++;
    return true;
}

bool trust_file_changed(const struct trust_file *file)
{
    bool ok = true;
    for (struct tls_trust *trust = trusts; trust; trust = trust->next)
        ok = (!holds(trust, file) || make(trust)) && ok;
    return ok;
}

static bool get_files(struct trust_file *out[TRUST_NUM_FILES], struct config *config, const struct tls_conf *conf,
                      const char *ca_base, struct config_place place)
{
    const char *const names[TRUST_NUM_FILES] = { conf->ca_file, conf->ca_verify_file, conf->crl_file };
    bool ok = true;
    for (size_t i = 0; i < TRUST_NUM_FILES; i++) {
        char *path = full_path(names[i], ca_base);
        out[i] = path ? file_get(config, path, i == TRUST_CRL, place) : NULL;
        ok = ok && (!path || out[i]);
        free(path);
    }
    return ok;
}

const struct tls_trust *tls_trust_load(struct config *config, const struct tls_conf *conf, const char *ca_base,
                                       struct config_place place)
{
    struct trust_file *found[TRUST_NUM_FILES];
    if (!get_files(found, config, conf, ca_base, place))
        return NULL;
    for (struct tls_trust *old = trusts; old; old = old->next)
        if ((is_closed || old->arena == config->arena) && memcmp(old->files, found, sizeof(found)) == 0)
            return old;
    struct tls_trust *trust = calloc(1, sizeof(*trust));
    if (!trust)
        check_out_of_memory(sizeof(*trust));
    trust->arena = config->arena;
    memcpy(trust->files, found, sizeof(found));
    if (!make(trust)) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "no memory left for the authorities");
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
    while (files)
        file_free(files);
    is_closed = false;
}

void tls_trust_digest(const struct tls_trust *trust, uint8_t digest[32])
{
    memcpy(digest, trust->digest, sizeof(trust->digest));
}

uint64_t tls_trust_version(const struct tls_trust *trust)
{
    return trust->version;
}

const struct stack_st_CRYPTO_BUFFER *tls_trust_names(const struct tls_trust *trust)
{
    return trust->names;
}
