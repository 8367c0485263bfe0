// SPDX-License-Identifier: Apache-2.0
// Certificates that change: drafts, their way to other processes, and the swap.
#include <stdlib.h>
#include <string.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "bind_inner.h"
#include "change_inner.h"
#include "target_inner.h"

// What a certificate is sent as: parts of these kinds, each with its length before it.
enum { IMAGE_KEY = 1, IMAGE_CHAIN, IMAGE_ISSUER, IMAGE_OCSP, IMAGE_SCTL };

enum { CHAIN_MAX = 100 };

// ---- drafts

static struct tls_cert *cert_new(const char *name)
{
    struct arena *arena = malloc(sizeof(*arena));
    if (!arena)
        check_out_of_memory(sizeof(*arena));
    arena_init(arena);
    struct tls_cert *cert = arena_alloc(arena, sizeof(*cert));
    cert->refs = 1;
    cert->own = arena;
    cert->name = arena_str(arena, name);
    // Room for what issuers-chain-path adds, too.
    cert->chain = arena_alloc(arena, CHAIN_MAX * sizeof(*cert->chain));
    return cert;
}

static struct slice copied(struct tls_cert *cert, struct slice bytes)
{
    return bytes.len ? slice_of(arena_copy(cert->own, bytes.ptr, bytes.len), bytes.len) : (struct slice){ 0 };
}

static CRYPTO_BUFFER *shared(CRYPTO_BUFFER *buffer)
{
    if (buffer)
        CRYPTO_BUFFER_up_ref(buffer);
    return buffer;
}

static struct tls_cert *cert_copy(const struct tls_cert *old)
{
    struct tls_cert *cert = cert_new(old->name);
    for (uint32_t i = 0; i < old->num_chain && i < CHAIN_MAX; i++)
        cert->chain[cert->num_chain++] = shared(old->chain[i]);
    cert->key = old->key;
    if (cert->key)
        EVP_PKEY_up_ref(cert->key);
    cert->issuer = shared(old->issuer);
    cert->ocsp = copied(cert, old->ocsp);
    cert->sctl = copied(cert, old->sctl);
    return cert;
}

struct tls_cert *tls_draft_new(const char *name)
{
    bool exists;
    const struct tls_cert *old = tls_change_cert(name, &exists);
    return old ? cert_copy(old) : cert_new(name);
}

struct tls_cert *tls_draft_copy(const struct tls_cert *draft, const char *name)
{
    return draft ? cert_copy(draft) : tls_draft_new(name);
}

// A store that reports to `reader` and reads no file.
static struct tls_store reading_store(struct change_reader *reader, struct arena *arena)
{
    const struct tls_store *live = cert_store_live();
    reader->config.arena = arena;
    return (struct tls_store){
        .config = &reader->config, .conf = live->conf, .pool = live->pool, .chains = live->chains, .chains_read = true
    };
}

static void drop_chain(struct tls_cert *cert)
{
    for (uint32_t i = 0; i < cert->num_chain; i++)
        CRYPTO_BUFFER_free(cert->chain[i]);
    cert->num_chain = 0;
}

static bool put_chain(struct tls_cert *draft, struct text *why, struct slice text, bool is_key)
{
    struct change_reader reader;
    change_reader_init(&reader);
    struct tls_cert *read = cert_new(draft->name);
    struct tls_store store = reading_store(&reader, read->own);
    struct cert_reader cert_reader = { .store = &store, .cert = read };
    bool ok = cert_read_text(&cert_reader, draft->name, text, is_key);
    if (!ok)
        change_reader_tell(&reader, why);
    else if (is_key ? !read->key : !read->num_chain)
        text_printf(why, "unable to load %s from file '%s'.", is_key ? "a private key" : "certificate", draft->name);
    ok = ok && (is_key ? read->key != NULL : read->num_chain != 0);
    if (ok && !is_key) {
        // What belongs to another certificate does not belong to this one.
        if (!draft->num_chain || draft->chain[0] != read->chain[0])
            draft->ocsp = draft->sctl = (struct slice){ 0 };
        drop_chain(draft);
        memcpy(draft->chain, read->chain, read->num_chain * sizeof(*read->chain));
        draft->num_chain = read->num_chain;
        read->num_chain = 0;
    }
    if (ok && read->key) {
        EVP_PKEY_free(draft->key);
        draft->key = read->key;
        read->key = NULL;
    }
    if (ok && cert_reader.issuer) {
        CRYPTO_BUFFER_free(draft->issuer);
        draft->issuer = cert_reader.issuer;
    } else {
        CRYPTO_BUFFER_free(cert_reader.issuer);
    }
    tls_cert_release(read);
    change_reader_fini(&reader);
    return ok;
}

static bool put_issuer(struct tls_cert *draft, struct text *why, struct slice text)
{
    struct cert_pem pem = { .rest = text };
    struct cert_pem_block block;
    struct cert_parts parts;
    bool ok = cert_pem_next(&pem, &block);
    if (ok && (ok = cert_parts_read(&parts, block.der, block.der_len))) {
        CRYPTO_BUFFER_free(draft->issuer);
        draft->issuer = CRYPTO_BUFFER_new(block.der, block.der_len, cert_store_live()->pool);
    }
    cert_pem_block_fini(&block);
    if (!ok)
        text_printf(why, "%s.issuer holds no certificate of an issuer", draft->name);
    return ok;
}

// The bytes that base64 stands for, line feeds in it left out; empty where it is none.
static struct slice decoded(struct arena *arena, struct slice text)
{
    char *digits = arena_alloc(arena, text.len + 1);
    size_t num = 0, len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i]))
            digits[num++] = text.ptr[i];
    uint8_t *out = arena_alloc(arena, num + 1);
    if (!num || !EVP_DecodeBase64(out, &len, num, (const uint8_t *)digits, num))
        return (struct slice){ 0 };
    return slice_of((const char *)out, len);
}

static const CRYPTO_BUFFER *issuer_of(const struct tls_cert *cert)
{
    return cert->issuer ? cert->issuer : cert->num_chain > 1 ? cert->chain[1] : NULL;
}

static bool put_ocsp(struct tls_cert *draft, struct text *why, struct slice text)
{
    struct slice old = draft->ocsp;
    const char *wrong = "there is no certificate that it could be for";
    draft->ocsp = decoded(draft->own, text);
    if (draft->num_chain)
        wrong = draft->ocsp.len ? cert_ocsp_check(draft, issuer_of(draft)) : "it is not in base64";
    if (!wrong)
        return true;
    draft->ocsp = old;
    text_printf(why, "%s.ocsp: %s", draft->name, wrong);
    return false;
}

static bool put_sctl(struct tls_cert *draft, struct text *why, struct slice text)
{
    struct slice list = decoded(draft->own, text);
    if (list.len && cert_sctl_is_valid(list)) {
        draft->sctl = list;
        return true;
    }
    text_printf(why, "%s.sctl: it is no list of SCTs in base64 (RFC 6962 section 3.3)", draft->name);
    return false;
}

bool tls_draft_put(struct tls_cert *draft, struct text *why, enum tls_part part, struct slice text)
{
    switch (part) {
    case TLS_PART_ALL:
    case TLS_PART_KEY:
        return put_chain(draft, why, text, part == TLS_PART_KEY);
    case TLS_PART_ISSUER:
        return put_issuer(draft, why, text);
    case TLS_PART_OCSP:
        return put_ocsp(draft, why, text);
    default:
        return put_sctl(draft, why, text);
    }
}

static bool key_matches(const struct tls_cert *cert)
{
    struct cert_parts parts;
    EVP_PKEY *key = NULL;
    if (cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])))
        key = EVP_parse_public_key(&parts.key);
    bool matches = key && EVP_PKEY_cmp(key, cert->key) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return matches;
}

// Makes a certificate of its parts. False with the reason in `reader`.
static bool cert_make(struct tls_cert *cert, struct change_reader *reader)
{
    struct cert_parts parts;
    struct tls_store store = reading_store(reader, cert->own);
    struct cert_reader cert_reader = { .store = &store, .cert = cert };
    const char *error = !cert->num_chain ? "it holds no certificate" : !cert->key ? "it holds no private key" : NULL;
    if (!error)
        error = cert_key_describe(cert);
    if (error)
        return cert_error(&cert_reader, cert->name, "the certificate cannot be used", error);
    must(cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])));
    cert->num_names = cert_parts_names(&parts, &cert->names, cert->own);
    SSL_CTX_free(cert->ctx);
    cert->ctx = NULL;
    return cert_chain_complete(&cert_reader) && cert_context_make(&cert_reader, cert->name);
}

bool tls_draft_check(struct tls_cert *draft, struct text *why)
{
    struct change_reader reader;
    if (draft->num_chain && draft->key && !key_matches(draft)) {
        text_printf(why,
                    "inconsistencies between private key and certificate loaded '%s': the private key does not belong "
                    "to the certificate.",
                    draft->name);
        return false;
    }
    if (!draft->num_chain || !draft->key) {
        text_printf(why, "The transaction must contain at least a certificate and a private key! It holds no %s.",
                    draft->num_chain ? "private key" : "certificate");
        return false;
    }
    change_reader_init(&reader);
    bool ok = cert_make(draft, &reader);
    if (!ok)
        change_reader_tell(&reader, why);
    change_reader_fini(&reader);
    return ok;
}

// ---- on the way

static bool add_part(CBB *image, uint8_t kind, const void *data, size_t len)
{
    return CBB_add_u8(image, kind) && CBB_add_u32(image, (uint32_t)len) && CBB_add_bytes(image, data, len);
}

static bool add_buffer(CBB *image, uint8_t kind, const CRYPTO_BUFFER *buffer)
{
    return add_part(image, kind, CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));
}

static bool add_key(CBB *image, const EVP_PKEY *key)
{
    CBB der;
    uint8_t *bytes = NULL;
    size_t len;
    bool ok = CBB_init(&der, 0) && EVP_marshal_private_key(&der, key) && CBB_finish(&der, &bytes, &len);
    ok = ok && add_part(image, IMAGE_KEY, bytes, len);
    if (!bytes)
        CBB_cleanup(&der);
    OPENSSL_free(bytes);
    return ok;
}

uint64_t tls_draft_commit(const struct tls_cert *draft)
{
    CBB image;
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t number = 0;
    bool ok = CBB_init(&image, 0) && add_key(&image, draft->key);
    for (uint32_t i = 0; ok && i < draft->num_chain; i++)
        ok = add_buffer(&image, IMAGE_CHAIN, draft->chain[i]);
    ok = ok && (!draft->issuer || add_buffer(&image, IMAGE_ISSUER, draft->issuer)) &&
         (!draft->ocsp.len || add_part(&image, IMAGE_OCSP, draft->ocsp.ptr, draft->ocsp.len)) &&
         (!draft->sctl.len || add_part(&image, IMAGE_SCTL, draft->sctl.ptr, draft->sctl.len)) &&
         CBB_finish(&image, &bytes, &len);
    if (ok) {
        struct change change = { .op = CHANGE_CERT_SET,
                                 .name = draft->name,
                                 .secret = slice_of((const char *)bytes, len) };
        number = change_publish(&change);
    } else {
        CBB_cleanup(&image);
    }
    // The library's heap wipes it.
    OPENSSL_free(bytes);
    return number;
}

static bool take_part(struct tls_cert *cert, uint8_t kind, const CBS *data)
{
    CBS der = *data;
    struct slice bytes = slice_of((const char *)CBS_data(data), CBS_len(data));
    switch (kind) {
    case IMAGE_KEY:
        return !cert->key && (cert->key = EVP_parse_private_key(&der));
    case IMAGE_CHAIN:
        if (cert->num_chain == CHAIN_MAX)
            return false;
        return (cert->chain[cert->num_chain++] = CRYPTO_BUFFER_new_from_CBS(&der, cert_store_live()->pool));
    case IMAGE_ISSUER:
        return !cert->issuer && (cert->issuer = CRYPTO_BUFFER_new_from_CBS(&der, cert_store_live()->pool));
    case IMAGE_OCSP:
        cert->ocsp = copied(cert, bytes);
        return true;
    case IMAGE_SCTL:
        cert->sctl = copied(cert, bytes);
        return true;
    default:
        return false;
    }
}

static struct tls_cert *cert_read_image(const char *name, struct slice image)
{
    struct tls_cert *cert = cert_new(name);
    struct change_reader reader;
    CBS all, data;
    uint8_t kind;
    uint32_t len;
    CBS_init(&all, (const uint8_t *)image.ptr, image.len);
    bool ok = true;
    while (ok && CBS_len(&all))
        ok = CBS_get_u8(&all, &kind) && CBS_get_u32(&all, &len) && CBS_get_bytes(&all, &data, len) &&
             take_part(cert, kind, &data);
    change_reader_init(&reader);
    ok = ok && cert_make(cert, &reader);
    change_reader_fini(&reader);
    if (ok)
        return cert;
    tls_cert_release(cert);
    return NULL;
}

// ---- the swap

static bool same_names(const struct tls_cert *a, const struct tls_cert *b)
{
    if (a->key_type != b->key_type || a->num_names != b->num_names)
        return false;
    for (uint32_t i = 0; i < a->num_names; i++)
        if (!slice_equal(a->names[i], b->names[i]))
            return false;
    return true;
}

// A renewed certificate is found as the one before it was. Only where names or the type of the key differ look-ups
// change, of entries that are found by them.
static void users_move(struct tls_cert *cert, struct tls_cert *old)
{
    bool same = same_names(cert, old), same_type = old->key_type == cert->key_type;
    if (old->users)
        (void)tls_bind_prepare_cert(cert, old->ciphers, old->users->bind->global->keylog);
    for (struct tls_entry *entry = old->users; entry; entry = entry->next_user) {
        bool moves = !same && !(entry->num_filters && same_type);
        if (moves)
            tls_names_cut(entry->bind->names, entry);
        entry->cert = cert;
        if (moves)
            tls_names_add(entry->bind->names, entry);
    }
    cert->users = old->users;
    if (cert->users)
        cert->users->user_at = &cert->users;
    old->users = NULL;
}

static void item_swap(struct tls_store *store, struct store_item *item, struct tls_cert *cert)
{
    struct tls_cert *old = item->cert;
    item->cert = cert;
    if (old)
        users_move(cert, old);
    for (struct tls_target *target = store->targets; target; target = target->next)
        if (target->cert_name && strcmp(target->cert_name, cert->name) == 0) {
            (void)tls_target_show(target, cert);
            tls_target_forget_all(target);
        }
    tls_cert_release(old);
}

static void ocsp_apply(struct tls_store *store, struct slice image);

void change_cert_apply(struct tls_store *store, const struct change *change)
{
    struct store_item *item = cert_store_find(store, change->name);
    struct tls_cert *cert;
    switch (change->op) {
    case CHANGE_CERT_NEW:
        if (!item)
            (void)cert_store_enter(store, change->name);
        return;
    case CHANGE_CERT_SET:
        cert = cert_read_image(change->name, change->secret);
        if (cert)
            item_swap(store, item ? item : cert_store_enter(store, change->name), cert);
        return;
    case CHANGE_CERT_DEL:
        if (item)
            cert_store_remove(store, item);
        return;
    default:
        ocsp_apply(store, change->secret);
        return;
    }
}

// ---- questions and simple changes

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **tls_change_certs(uint32_t *num)
{
    const struct tls_store *store = cert_store_live();
    *num = 0;
    const char **names = calloc((store ? store->num_items : 0) + 1, sizeof(*names));
    if (!names)
        return NULL;
    for (uint32_t i = 0; store && i < store->cap_items; i++)
        // What a crt-store defines and nobody uses was never read.
        if (store->items[i] && (store->items[i]->cert || store->items[i]->is_heap))
            names[(*num)++] = store->items[i]->name;
    qsort(names, *num, sizeof(*names), by_name);
    return names;
}

const struct tls_cert *tls_change_cert(const char *name, bool *exists)
{
    const struct tls_store *store = cert_store_live();
    const struct store_item *item = store ? cert_store_find(store, name) : NULL;
    *exists = item && (item->cert || item->is_heap);
    return item ? item->cert : NULL;
}

uint32_t tls_change_cert_uses(const char *name)
{
    const struct tls_store *store = cert_store_live();
    const struct store_item *item = store ? cert_store_find(store, name) : NULL;
    uint32_t num = 0;
    if (!item || !item->cert)
        return 0;
    for (const struct tls_entry *entry = item->cert->users; entry; entry = entry->next_user)
        num++;
    for (const struct tls_target *target = store->targets; target; target = target->next)
        num += target->cert_name && strcmp(target->cert_name, name) == 0;
    return num;
}

bool tls_change_cert_is_listed(const char *name)
{
    const struct tls_store *store = cert_store_live();
    for (const struct tls_crt_list *list = store ? store->lists : NULL; list; list = list->next)
        if (crt_list_of(list, name))
            return true;
    return false;
}

uint64_t tls_change_cert_new(const char *name)
{
    struct change change = { .op = CHANGE_CERT_NEW, .name = name };
    return change_publish(&change);
}

uint64_t tls_change_cert_del(const char *name)
{
    struct change change = { .op = CHANGE_CERT_DEL, .name = name };
    return change_publish(&change);
}

// ---- OCSP responses

static const char *ocsp_wrong(const struct tls_cert *cert, struct slice der)
{
    struct tls_cert copy = *cert;
    copy.ocsp = der;
    return cert_ocsp_check(&copy, issuer_of(cert));
}

static bool has_issuer(const struct tls_cert *cert)
{
    return cert && (cert->issuer || cert->num_chain > 1);
}

static void ocsp_put(struct tls_store *store, struct store_item *item, struct slice der)
{
    struct tls_cert *cert = cert_copy(item->cert);
    struct change_reader reader;
    change_reader_init(&reader);
    cert->ocsp = copied(cert, der);
    if (cert_make(cert, &reader))
        item_swap(store, item, cert);
    else
        tls_cert_release(cert);
    change_reader_fini(&reader);
}

// Whom the response is for was found by who published it: workers look at no other certificate.
static void ocsp_apply(struct tls_store *store, struct slice image)
{
    CBS all, names, name;
    char text[2048];
    CBS_init(&all, (const uint8_t *)image.ptr, image.len);
    if (!CBS_get_u24_length_prefixed(&all, &names))
        return;
    struct slice der = slice_of((const char *)CBS_data(&all), CBS_len(&all));
    while (CBS_get_u16_length_prefixed(&names, &name)) {
        if (CBS_len(&name) >= sizeof(text))
            continue;
        memcpy(text, CBS_data(&name), CBS_len(&name));
        text[CBS_len(&name)] = '\0';
        struct store_item *item = cert_store_find(store, text);
        if (item && item->cert)
            ocsp_put(store, item, der);
    }
}

// Writes the names of all certificates that the response is for. False where there is none, with what is wrong with the
// one that it nearly is for.
static bool ocsp_users(CBB *names, const char **wrong, struct slice der)
{
    const struct tls_store *store = cert_store_live();
    struct cert_ocsp_serials serials;
    bool any = false;
    *wrong = "Certificate ID does not match any certificate or issuer.";
    cert_ocsp_serials_read(&serials, der);
    for (uint32_t i = 0; store && i < store->cap_items; i++) {
        const struct store_item *item = store->items[i];
        CBB name;
        if (!item || !has_issuer(item->cert) || !cert_ocsp_serials_hold(&serials, item->cert))
            continue;
        const char *reason = ocsp_wrong(item->cert, der);
        if (!reason)
            any = CBB_add_u16_length_prefixed(names, &name) &&
                  CBB_add_bytes(&name, (const uint8_t *)item->name, strlen(item->name)) && CBB_flush(names);
        else if (strcmp(reason, "it is for another certificate") != 0)
            *wrong = reason;
    }
    return any;
}

static uint64_t ocsp_publish(struct text *why, struct slice der)
{
    CBB image, names;
    uint8_t *bytes = NULL;
    size_t len;
    const char *wrong;
    uint64_t number = 0;
    if (!cert_ocsp_is_response(der)) {
        text_printf(why, "Unable to parse OCSP response.");
        return 0;
    }
    must(CBB_init(&image, der.len + 256) && CBB_add_u24_length_prefixed(&image, &names));
    if (ocsp_users(&names, &wrong, der) && CBB_add_bytes(&image, (const uint8_t *)der.ptr, der.len) &&
        CBB_finish(&image, &bytes, &len)) {
        struct change change = { .op = CHANGE_CERT_OCSP, .name = "", .secret = slice_of((const char *)bytes, len) };
        number = change_publish(&change);
    } else {
        text_printf(why, "OCSP single response: %s", wrong);
        CBB_cleanup(&image);
    }
    OPENSSL_free(bytes);
    return number;
}

uint64_t tls_change_ocsp(struct text *why, struct slice text)
{
    struct arena arena;
    uint64_t number = 0;
    arena_init(&arena);
    struct slice der = decoded(&arena, text);
    if (der.len)
        number = ocsp_publish(why, der);
    else
        text_printf(why, "'set ssl ocsp-response' received invalid base64 encoded response.");
    arena_fini(&arena);
    return number;
}
