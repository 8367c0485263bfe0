// SPDX-License-Identifier: Apache-2.0
// Sessions to resume with one server: the latest of each server name, and no more names than a worker can afford.
#include <stdlib.h>
#include "target_inner.h"

struct name_entry {
    struct list link;   // in tls_sessions.names
    struct list bucket; // in one of its buckets
    uint32_t hash;
    uint32_t num;
    SSL_SESSION *sessions[TLS_SESSIONS_EACH]; // the latest last
    size_t name_len;
    char name[];
};

void tls_sessions_init(struct tls_sessions *sessions)
{
    list_init(&sessions->names);
    for (size_t i = 0; i < TLS_SESSION_BUCKETS; i++)
        list_init(&sessions->buckets[i]);
    sessions->num = 0;
}

static void entry_free(struct tls_sessions *sessions, struct name_entry *entry)
{
    list_remove(&entry->link);
    list_remove(&entry->bucket);
    for (uint32_t i = 0; i < entry->num; i++)
        SSL_SESSION_free(entry->sessions[i]);
    sessions->num--;
    free(entry);
}

void tls_sessions_fini(struct tls_sessions *sessions)
{
    LIST_EACH(entry, &sessions->names, struct name_entry, link)
    {
        entry_free(sessions, entry);
    }
}

static struct name_entry *find(struct tls_sessions *sessions, struct slice name, uint32_t hash)
{
    LIST_EACH(entry, &sessions->buckets[hash % TLS_SESSION_BUCKETS], struct name_entry, bucket)
    {
        if (entry->hash == hash && slice_equal(slice_of(entry->name, entry->name_len), name))
            return entry;
    }
    return NULL;
}

static struct name_entry *add(struct tls_sessions *sessions, struct slice name, uint32_t hash)
{
    struct name_entry *entry = malloc(sizeof(*entry) + name.len);
    if (!entry)
        return NULL;
    *entry = (struct name_entry){ .hash = hash, .name_len = name.len };
    if (name.len)
        memcpy(entry->name, name.ptr, name.len);
    list_init(&entry->link);
    list_init(&entry->bucket);
    list_append(&sessions->buckets[hash % TLS_SESSION_BUCKETS], &entry->bucket);
    if (++sessions->num > TLS_SESSION_NAMES)
        entry_free(sessions, CONTAINER_OF(sessions->names.prev, struct name_entry, link));
    return entry;
}

SSL_SESSION *tls_sessions_get1(struct tls_sessions *sessions, struct slice name, uint32_t hash)
{
    struct name_entry *entry = find(sessions, name, hash);
    if (!entry)
        return NULL;
    list_remove(&entry->link);
    list_prepend(&sessions->names, &entry->link);
    SSL_SESSION *latest = entry->sessions[entry->num - 1];
    if (entry->num > 1 && SSL_SESSION_should_be_single_use(latest))
        entry->num--;
    else
        SSL_SESSION_up_ref(latest);
    return latest;
}

bool tls_sessions_take(struct tls_sessions *sessions, struct slice name, uint32_t hash, SSL_SESSION *session)
{
    struct name_entry *entry = find(sessions, name, hash);
    if (!entry && !(entry = add(sessions, name, hash)))
        return false;
    list_remove(&entry->link);
    list_prepend(&sessions->names, &entry->link);
    if (entry->num == TLS_SESSIONS_EACH) {
        SSL_SESSION_free(entry->sessions[0]);
        memmove(entry->sessions, entry->sessions + 1, (TLS_SESSIONS_EACH - 1) * sizeof(*entry->sessions));
        entry->num--;
    }
    entry->sessions[entry->num++] = session;
    return true;
}

void tls_sessions_forget(struct tls_sessions *sessions, struct slice name, uint32_t hash)
{
    struct name_entry *entry = find(sessions, name, hash);
    if (entry)
        entry_free(sessions, entry);
}
