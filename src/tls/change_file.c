// SPDX-License-Identifier: Apache-2.0
// Authorities and revocation lists that change.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "bind_inner.h"
#include "change_inner.h"
#include "target_inner.h"
#include "trust_inner.h"

const struct trust_file **tls_change_files(uint32_t *num, bool is_crl)
{
    *num = 0;
    for (const struct trust_file *file = trust_files(); file; file = file->next)
        *num += file->is_crl == is_crl;
    const struct trust_file **found = calloc(*num + 1, sizeof(*found));
    uint32_t at = 0;
    for (const struct trust_file *file = trust_files(); found && file; file = file->next)
        if (file->is_crl == is_crl)
            found[at++] = file;
    return found;
}

const struct trust_file *tls_change_file(const char *name, bool is_crl)
{
    return trust_file_find(name, is_crl);
}

const char *tls_change_file_name(const struct trust_file *file)
{
    return file->path;
}

bool tls_change_file_is_used(const struct trust_file *file)
{
    return trust_file_is_used(file);
}

static bool believes(const struct tls_trust *trust, const struct trust_file *file)
{
    for (size_t i = 0; trust && i < TRUST_NUM_FILES; i++)
        if (trust->files[i] == file)
            return true;
    return false;
}

uint32_t tls_change_file_uses(const struct trust_file *file)
{
    const struct tls_store *store = cert_store_live();
    uint32_t num = 0;
    for (const struct tls_bind *bind = store ? store->binds : NULL; bind; bind = bind->next)
        for (const struct tls_entry *entry = bind->entries; entry; entry = entry->next)
            num += believes(entry->trust, file);
    for (const struct tls_target *target = store ? store->targets : NULL; target; target = target->next)
        num += believes(target->trust, file);
    return num;
}

uint64_t tls_change_file_new(const char *name, bool is_crl)
{
    struct change change = { .op = CHANGE_FILE_NEW, .name = name, .is_crl = is_crl };
    return change_publish(&change);
}

uint64_t tls_change_file_del(const char *name, bool is_crl)
{
    struct change change = { .op = CHANGE_FILE_DEL, .name = name, .is_crl = is_crl };
    return change_publish(&change);
}

struct trust_file *tls_change_file_draft(const char *name, struct text *why, bool is_crl, struct slice text)
{
    struct change_reader reader;
    struct trust_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(name)))
        check_out_of_memory(sizeof(*file));
    file->is_crl = is_crl;
    change_reader_init(&reader);
    struct trust_reader trust_reader = { .config = &reader.config, .file = file };
    bool ok = trust_read_text(&trust_reader, name, text);
    if (!ok)
        change_reader_tell(&reader, why);
    change_reader_fini(&reader);
    if (ok)
        return file;
    tls_change_file_drop(file);
    return NULL;
}

void tls_change_file_drop(struct trust_file *file)
{
    if (!file)
        return;
    trust_items_free(file);
    free(file->path);
    free(file);
}

uint64_t tls_change_file_commit(const char *name, bool is_crl, struct slice text)
{
    struct change change = { .op = CHANGE_FILE_SET, .name = name, .is_crl = is_crl, .secret = text };
    return change_publish(&change);
}

// Sessions that were made for whom we believed do not open what we believe now: those of clients by the context, which
// is another one.
static void renew_users(struct tls_store *store, const struct trust_file *file)
{
    for (struct tls_target *target = store->targets; target; target = target->next)
        if (believes(target->trust, file))
            tls_target_forget_all(target);
}

static void set(struct tls_store *store, const struct change *change)
{
    struct text why;
    text_init(&why);
    struct trust_file *draft = tls_change_file_draft(change->name, &why, change->is_crl, change->secret);
    text_fini(&why);
    struct trust_file *file = trust_file_find(change->name, change->is_crl);
    if (!draft)
        return;
    if (!file)
        file = trust_file_new(change->name, change->is_crl);
    struct trust_file old = *file;
    file->items = draft->items;
    file->num = draft->num;
    file->cap = draft->cap;
    file->is_new = false;
    if (trust_file_changed(file)) {
        draft->items = old.items;
        draft->num = old.num;
    } else {
        file->items = old.items;
        file->num = old.num;
        file->cap = old.cap;
    }
    tls_change_file_drop(draft);
    renew_users(store, file);
}

void change_file_apply(struct tls_store *store, const struct change *change)
{
    struct trust_file *file = trust_file_find(change->name, change->is_crl);
    switch (change->op) {
    case CHANGE_FILE_NEW:
        if (!file)
            (void)trust_file_new(change->name, change->is_crl);
        return;
    case CHANGE_FILE_SET:
        set(store, change);
        return;
    default:
        if (file)
            trust_file_remove(file);
        return;
    }
}
