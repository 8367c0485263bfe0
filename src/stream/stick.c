// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "expr/cond.h"
#include "proxy/persist_conf.h"
#include "proxy/stick_conf.h"
#include "stream/steps.h"
#include "stream/stick.h"

// Keys of this length together cost no allocation, once the process has served some.
enum { STICK_SMALL_ROOM = 448, STICK_MAX_FREE = 256 };

// What a request found to store, kept until its answer says which server it was.
struct stream_stick {
    struct stream_stick *next_free;
    uint32_t room;
    uint32_t used;
    uint32_t num;
    struct {
        struct stick_table *table;
        uint32_t at, len; // of the key
    } stores[PROXY_STICK_STORES];
    char keys[];
};

static struct stream_stick *notes_take(struct stream *stream, uint32_t room)
{
    struct stream_ctx *ctx = stream->ctx;
    struct stream_stick *notes = ctx->free_sticks;
    if (room <= STICK_SMALL_ROOM && notes) {
        ctx->free_sticks = notes->next_free;
        ctx->num_free_sticks--;
    } else {
        room = room > STICK_SMALL_ROOM ? room : (uint32_t)STICK_SMALL_ROOM;
        notes = malloc(sizeof(*notes) + room);
        if (!notes)
            return NULL;
        notes->room = room;
    }
    notes->used = notes->num = 0;
    stream->stick = notes;
    return notes;
}

void stream_stick_drop(struct stream *stream)
{
    struct stream_ctx *ctx = stream->ctx;
    struct stream_stick *notes = stream->stick;
    stream->stick = NULL;
    if (notes->room > STICK_SMALL_ROOM || ctx->num_free_sticks >= STICK_MAX_FREE) {
        free(notes);
        return;
    }
    notes->next_free = ctx->free_sticks;
    ctx->free_sticks = notes;
    ctx->num_free_sticks++;
}

void stream_sticks_fini(struct stream_ctx *ctx)
{
    while (ctx->free_sticks) {
        struct stream_stick *notes = ctx->free_sticks;
        ctx->free_sticks = notes->next_free;
        free(notes);
    }
}

// What the lines of a list may need: each stores at most once.
static uint32_t room_for(const struct proxy_stick *list)
{
    uint32_t room = 0;
    for (; list; list = list->next)
        room += list->store ? list->table->key_len : 0;
    return room;
}

// Only the first key of a request, and the first of its answer, goes into a table; `from`: those noted before are the
// request's.
static bool is_noted(const struct stream_stick *notes, const struct stick_table *table, uint32_t from)
{
    for (uint32_t i = from; notes && i < notes->num; i++)
        if (notes->stores[i].table == table)
            return true;
    return false;
}

static void note(struct stream *stream, struct stick_table *table, struct slice key)
{
    const struct backend_conf *conf = &stream->backend->conf->be;
    struct stream_stick *notes = stream->stick;
    if (!notes)
        notes = notes_take(stream, room_for(conf->sticks) + room_for(conf->stick_learns));
    if (!notes || notes->num == PROXY_STICK_STORES || notes->room - notes->used < key.len)
        return;
    memcpy(notes->keys + notes->used, key.ptr, key.len);
    notes->stores[notes->num].table = table;
    notes->stores[notes->num].at = notes->used;
    notes->stores[notes->num].len = (uint32_t)key.len;
    notes->num++;
    notes->used += (uint32_t)key.len;
}

// The key that a line gives for the subject; false where it gives none.
static bool key_of(struct slice *key, char room[STICK_KEY_ROOM], struct stream *stream, const struct proxy_stick *stick)
{
    struct expr_scratch *scratch = &stream->ctx->expr.scratch;
    struct expr_sample sample;
    uint32_t mark = expr_scratch_mark(scratch);
    bool found = expr_eval(&stick->expr, &stream->subject, &sample) && stick_key(key, room, stick->table, &sample);
    expr_scratch_release(scratch, mark);
    return found;
}

// ---- the server of an entry

static bool counts(const struct stream *stream, const struct server *server)
{
    return stream->force_persist || stream->backend->conf->options & PROXY_OPT_PERSIST ||
           backend_server_is_usable(server);
}

static struct server *server_with_address(struct backend *backend, struct slice text)
{
    char room[TRANSPORT_ADDRESS_TEXT_MAX];
    for (uint32_t i = 0; i < backend->num_servers; i++) {
        size_t len = transport_address_text(&backend->servers[i]->conf->addr, room);
        if (slice_equal(slice_of(room, len), text))
            return backend->servers[i];
    }
    return NULL;
}

static struct server *server_of(struct backend *backend, const struct stick_table *table,
                                const struct stick_entry *entry)
{
    struct slice text = stick_server_key(table, entry);
    if (text.len && stick_conf_of(table)->srvkey_addr) {
        struct server *server = server_with_address(backend, text);
        if (server)
            return server;
    } else if (text.len) {
        const struct server_conf *conf = proxy_server_find(&backend->conf->be, text);
        if (conf)
            return backend->servers[conf->index];
    }
    uint64_t id = stick_read(table, entry, STICK_SERVER_ID, 0);
    for (uint32_t i = 0; id && i < backend->num_servers; i++)
        if (backend->servers[i]->conf->id == id)
            return backend->servers[i];
    return NULL;
}

static struct server *match(struct stream *stream, struct stick_table *table, struct slice key, bool wanted)
{
    struct stick_entry *entry = stick_find1(table, key);
    if (!entry)
        return NULL;
    struct server *server = wanted ? server_of(stream->backend, table, entry) : NULL;
    stick_touch(table, entry);
    stick_put(table, entry);
    return server && counts(stream, server) ? server : NULL;
}

struct server *stream_stick_pick(struct stream *stream, bool assigned)
{
    const struct proxy_stick *stick = stream->backend->conf->be.sticks;
    struct server *server = NULL;
    char room[STICK_KEY_ROOM];
    struct slice key;
    if (LIKELY(!stick) || stream->stick_done)
        return NULL;
    stream->stick_done = true;
    stream_looks_at_bytes(stream);
    stream->subject.when = stream->head_valid ? EXPR_AT_REQUEST_HEAD : EXPR_AT_REQUEST_CONTENT;
    stream->subject.final = true;
    for (; stick; stick = stick->next) {
        struct stick_table *table = stick->table->table;
        if ((stick->store && is_noted(stream->stick, table, 0)) || !expr_cond_true(stick->cond, &stream->subject) ||
            !key_of(&key, room, stream, stick))
            continue;
        struct server *found = stick->match ? match(stream, table, key, !assigned && !server) : NULL;
        server = server ? server : found;
        if (stick->store)
            note(stream, table, key);
    }
    stream_looked(stream);
    return server;
}

// ---- what is learned

static void store(struct stream *stream, struct stick_table *table, struct slice key)
{
    const struct server_conf *server = stream->server->conf;
    char room[TRANSPORT_ADDRESS_TEXT_MAX];
    struct stick_entry *entry = stick_make1(table, key);
    if (!entry)
        return;
    struct slice text = slice_str(server->name);
    if (stick_conf_of(table)->srvkey_addr)
        text = slice_of(room, transport_address_text(&server->addr, room));
    stick_set(table, entry, STICK_SERVER_ID, 0, server->id);
    stick_set_server_key(table, entry, text);
    stick_touch(table, entry);
    stick_put(table, entry);
}

static void note_learned(struct stream *stream, uint32_t when)
{
    uint32_t from = stream->stick ? stream->stick->num : 0;
    char room[STICK_KEY_ROOM];
    struct slice key;
    stream->subject.when = when;
    stream->subject.final = true;
    for (const struct proxy_stick *it = stream->backend->conf->be.stick_learns; it; it = it->next)
        if (!is_noted(stream->stick, it->table->table, from) && expr_cond_true(it->cond, &stream->subject) &&
            key_of(&key, room, stream, it))
            note(stream, it->table->table, key);
}

void stream_stick_learn_now(struct stream *stream, uint32_t when)
{
    if (stream->stick_learned)
        return;
    stream->stick_learned = true;
    note_learned(stream, when);
    const struct stream_stick *notes = stream->stick;
    if (stream->server && !stream->server->conf->non_stick)
        for (uint32_t i = 0; notes && i < notes->num; i++)
            store(stream, notes->stores[i].table, slice_of(notes->keys + notes->stores[i].at, notes->stores[i].len));
    stream_stick_free(stream);
}
