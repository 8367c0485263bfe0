// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "base/hash.h"
#include "cert_inner.h"
#include "tls/trust.h"

static struct tls_store *live;

struct tls_store *cert_store_live(void)
{
    return live;
}

struct tls_store *tls_store_new(struct config *config, const struct tls_store_conf *conf)
{
    struct tls_store *store = arena_alloc(config->arena, sizeof(*store));
    *store = (struct tls_store){ .config = config, .conf = conf, .pool = CRYPTO_BUFFER_POOL_new() };
    if (!store->pool)
        check_out_of_memory(sizeof(*store));
    return live = store;
}

static void cert_fini(struct tls_cert *cert)
{
    SSL_CTX_free(cert->ctx);
    EVP_PKEY_free(cert->key);
    CRYPTO_BUFFER_free(cert->issuer);
    for (uint32_t i = 0; i < cert->num_chain; i++)
        CRYPTO_BUFFER_free(cert->chain[i]);
    free(cert->ciphers);
    cert->ctx = NULL;
    cert->key = NULL;
    cert->issuer = NULL;
    cert->ciphers = NULL;
    cert->num_chain = 0;
}

const struct tls_cert *tls_cert_get1(const struct tls_cert *cert)
{
    ((struct tls_cert *)cert)->refs++;
    return cert;
}

void tls_cert_release(const struct tls_cert *cert)
{
    struct tls_cert *own = (struct tls_cert *)cert;
    if (!own || --own->refs)
        return;
    cert_fini(own);
    // The certificate itself lies in there.
    struct arena *arena = own->own;
    if (!arena)
        return;
    arena_fini(arena);
    free(arena);
}

static void item_free(struct store_item *item)
{
    tls_cert_release(item->cert);
    item->cert = NULL;
    if (item->is_heap)
        free(item);
}

void tls_store_free(struct tls_store *store)
{
    if (!store || !store->pool)
        return;
    for (uint32_t i = 0; i < store->cap_items; i++)
        if (store->items[i])
            item_free(store->items[i]);
    cert_chains_free(store);
    crt_lists_free(store);
    free(store->items);
    store->items = NULL;
    store->num_items = store->cap_items = 0;
    CRYPTO_BUFFER_POOL_free(store->pool);
    store->pool = NULL;
    if (live == store)
        live = NULL;
}

void tls_store_lend(struct tls_store *store, struct config *config)
{
    store->config = config;
    store->is_closed = true;
    tls_trust_close();
}

// The place where `name` is, or belongs.
static struct store_item **item_slot(const struct tls_store *store, const char *name)
{
    uint32_t at = hash_crc32c(0, slice_str(name));
    for (;; at++) {
        struct store_item **slot = &store->items[at & (store->cap_items - 1)];
        if (!*slot || strcmp((*slot)->name, name) == 0)
            return slot;
    }
}

static void items_grow(struct tls_store *store)
{
    struct store_item **old = store->items;
    uint32_t old_cap = store->cap_items;
    store->cap_items = old_cap ? old_cap * 2 : 64;
    store->items = calloc(store->cap_items, sizeof(struct store_item *));
    if (!store->items)
        check_out_of_memory(store->cap_items * sizeof(struct store_item *));
    for (uint32_t i = 0; i < old_cap; i++)
        if (old[i])
            *item_slot(store, old[i]->name) = old[i];
    free(old);
}

struct store_item *cert_store_find(const struct tls_store *store, const char *name)
{
    return store->cap_items ? *item_slot(store, name) : NULL;
}

static void item_enter(struct tls_store *store, struct store_item *item, const char *name)
{
    if (store->num_items >= store->cap_items / 2)
        items_grow(store);
    item->name = name;
    struct store_item **slot = item_slot(store, name);
    must(!*slot);
    *slot = item;
    store->num_items++;
}

static struct store_item *item_add(struct tls_store *store, const char *name)
{
    struct store_item *item = arena_alloc(store->config->arena, sizeof(*item));
    item_enter(store, item, arena_str(store->config->arena, name));
    return item;
}

struct store_item *cert_store_enter(struct tls_store *store, const char *name)
{
    size_t len = strlen(name) + 1;
    struct store_item *item = calloc(1, sizeof(*item) + len);
    if (!item)
        check_out_of_memory(len);
    item->is_heap = true;
    item_enter(store, item, memcpy(item + 1, name, len));
    return item;
}

// Those behind it move up, for a search ends at the first free slot.
void cert_store_remove(struct tls_store *store, struct store_item *item)
{
    uint32_t at = (uint32_t)(item_slot(store, item->name) - store->items), mask = store->cap_items - 1;
    store->items[at] = NULL;
    store->num_items--;
    item_free(item);
    for (at = (at + 1) & mask; store->items[at]; at = (at + 1) & mask) {
        struct store_item *moved = store->items[at];
        store->items[at] = NULL;
        *item_slot(store, moved->name) = moved;
    }
}

bool tls_store_define(struct tls_store *store, const char *name, const struct tls_cert_files *files,
                      struct config_place place)
{
    const struct store_item *there = cert_store_find(store, name);
    if (there) {
        config_diag_add(store->config->diag, CONFIG_ERROR, place, "the certificate '%s' is %s at line %u of %s already",
                        name, there->explicit_files ? "defined" : "used", there->place.line, there->place.file);
        return false;
    }
    struct store_item *item = item_add(store, name);
    item->files = *files;
    item->place = place;
    item->explicit_files = true;
    return true;
}

static struct tls_cert *item_read(struct tls_store *store, struct store_item *item, struct config_place place)
{
    if (item->cert || item->failed)
        return item->cert;
    if (store->is_closed) {
        config_diag_add(store->config->diag, CONFIG_ERROR, place, "the certificate '%s' is empty", item->name);
        return NULL;
    }
    struct tls_cert *cert = arena_alloc(store->config->arena, sizeof(*cert));
    struct cert_reader reader = {
        .store = store, .cert = cert, .place = place, .explicit_files = item->explicit_files
    };
    if (item->explicit_files)
        reader.place = item->place;
    cert->name = item->name;
    cert->refs = 1;
    bool ok = cert_read(&reader, &item->files);
    cert->issuer = reader.issuer;
    if (!ok) {
        item->failed = true;
        cert_fini(cert);
        return NULL;
    }
    return item->cert = cert;
}

// The certificates that a name turns out to stand for.
struct store_found {
    struct tls_cert **certs;
    uint32_t num;
    uint32_t cap;
    bool failed;
};

static void found_add(struct tls_store *store, struct store_found *found, struct tls_cert *cert)
{
    if (!cert) {
        found->failed = true;
        return;
    }
    if (found->num == found->cap) {
        uint32_t cap = found->cap ? found->cap * 4 : 2;
        struct tls_cert **certs = arena_alloc(store->config->arena, cap * sizeof(struct tls_cert *));
        if (found->num)
            memcpy(certs, found->certs, found->num * sizeof(struct tls_cert *));
        found->certs = certs;
        found->cap = cap;
    }
    found->certs[found->num++] = cert;
}

static void found_file(struct tls_store *store, struct store_found *found, const char *path, struct config_place place)
{
    struct store_item *item = cert_store_find(store, path);
    if (!item) {
        item = item_add(store, path);
        item->files.crt = item->name;
        item->place = place;
    }
    found_add(store, found, item_read(store, item, place));
}

// What lies beside certificates is none.
static int is_cert_file(const struct dirent *entry)
{
    static const char *const companions[] = { ".key", ".issuer", ".ocsp", ".sctl" };
    if (entry->d_name[0] == '.')
        return 0;
    for (size_t i = 0; i < NUM_ITEMS(companions); i++)
        if (slice_ends(slice_str(entry->d_name), slice_str(companions[i])))
            return 0;
    return 1;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void found_directory(struct tls_store *store, struct store_found *found, const char *path,
                            struct config_place place)
{
    struct dirent **entries;
    int num = scandir(path, &entries, is_cert_file, by_name);
    struct slice dir = slice_str(path);
    if (num < 0) {
        config_diag_add(store->config->diag, CONFIG_ERROR, place, "'%s': the directory cannot be read: %s", path,
                        strerror(errno));
        found->failed = true;
        return;
    }
    while (dir.len > 1 && dir.ptr[dir.len - 1] == '/')
        dir.len--;
    struct tls_crt_list *list = crt_list_enter(store, arena_copy(store->config->arena, path, dir.len), true);
    for (int i = 0; i < num; i++) {
        struct stat st;
        const char *file = arena_printf(store->config->arena, "%.*s/%s", (int)dir.len, path, entries[i]->d_name);
        // Only files: a directory, or a device, is passed over; a link that leads nowhere is an error.
        if (stat(file, &st) != 0 || S_ISREG(st.st_mode)) {
            found_file(store, found, file, place);
            if (list)
                (void)crt_list_add(list, 0, slice_str(file), (struct slice){ 0 });
        }
        free(entries[i]);
    }
    free(entries);
}

// A name without a file of its own may stand for one file per kind of key.
static bool found_bundle(struct tls_store *store, struct store_found *found, const char *path,
                         struct config_place place)
{
    static const char *const kinds[] = { ".ecdsa", ".rsa" };
    bool any = false;
    for (size_t i = 0; i < NUM_ITEMS(kinds) && store->conf->extra & TLS_EXTRA_BUNDLE; i++) {
        struct stat st;
        const char *file = arena_printf(store->config->arena, "%s%s", path, kinds[i]);
        if (!cert_store_find(store, file) && stat(file, &st) != 0)
            continue;
        any = true;
        found_file(store, found, file, place);
    }
    return any;
}

static void found_path(struct tls_store *store, struct store_found *found, const char *path, struct config_place place)
{
    struct stat st;
    if (cert_store_find(store, path)) {
        found_file(store, found, path, place);
    } else if (store->is_closed) {
        config_diag_add(store->config->diag, CONFIG_ERROR, place, "the certificate '%s' does not exist", path);
        found->failed = true;
    } else if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            found_directory(store, found, path, place);
        else
            found_file(store, found, path, place);
    } else {
        int error = errno;
        if (found_bundle(store, found, path, place))
            return;
        config_diag_add(store->config->diag, CONFIG_ERROR, place, "'%s': it cannot be read: %s", path, strerror(error));
        found->failed = true;
    }
}

static const char *based(const struct tls_store *store, const char *name, const char *base)
{
    if (!name || name[0] == '/' || name[0] == '@' || !base)
        return name;
    return arena_printf(store->config->arena, "%s/%s", base, name);
}

struct tls_cert **tls_store_get(struct tls_store *store, uint32_t *num, const char *name, struct config_place place)
{
    struct store_found found = { 0 };
    *num = 0;
    if (name[0] == '@') {
        struct store_item *item = cert_store_find(store, name);
        if (!item)
            config_diag_add(store->config->diag, CONFIG_ERROR, place,
                            "there is no certificate '%s': no 'load' of a crt-store above defines it", name);
        found_add(store, &found, item ? item_read(store, item, place) : NULL);
    } else {
        if (!cert_store_find(store, name))
            name = based(store, name, store->conf->crt_base);
        found_path(store, &found, name, place);
    }
    if (found.failed)
        return NULL;
    *num = found.num;
    // An empty directory has none, which is no error of this function's.
    return found.certs ? found.certs : arena_alloc(store->config->arena, sizeof(struct tls_cert *));
}

static bool same_path(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct tls_cert **cert_store_get(struct tls_store *store, uint32_t *num, const char *name,
                                 const struct tls_cert_files *files, struct config_place place)
{
    if (!files->crt && !files->key && !files->ocsp && !files->issuer && !files->sctl)
        return tls_store_get(store, num, name, place);
    const struct tls_store_conf *conf = store->conf;
    struct tls_cert_files full = {
        .crt = based(store, files->crt ? files->crt : name, conf->crt_base),
        .key = based(store, files->key, conf->key_base),
        .ocsp = based(store, files->ocsp, conf->crt_base),
        .issuer = based(store, files->issuer, conf->crt_base),
        .sctl = based(store, files->sctl, conf->crt_base),
    };
    name = based(store, name, conf->crt_base);
    const struct store_item *there = cert_store_find(store, name);
    *num = 0;
    if (!there) {
        if (!tls_store_define(store, name, &full, place))
            return NULL;
    } else if (!there->explicit_files || !same_path(there->files.crt, full.crt) ||
               !same_path(there->files.key, full.key) || !same_path(there->files.ocsp, full.ocsp) ||
               !same_path(there->files.issuer, full.issuer) || !same_path(there->files.sctl, full.sctl)) {
        config_diag_add(store->config->diag, CONFIG_ERROR, place,
                        "the certificate '%s' is used with other files at line %u of %s", name, there->place.line,
                        there->place.file);
        return NULL;
    }
    return tls_store_get(store, num, name, place);
}
