// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "backend/server_change.h"
#include "backend/state.h"
#include "board/change.h"
#include "proxy/persist_conf.h"
#include "server_wire.h"

// One record for each object, under one lock: they are written by commands alone.
struct places {
    struct board_lock lock;
    struct proxy_place all[BOARD_MAX_OBJECTS];
};

// One configuration and one board to a process; what a keeper has its children inherit.
static struct {
    struct places *places;
    struct board *board;
    struct program_conf *program;
    struct backend_watch *watches;
} self;

bool backend_places_prepare(struct board *board)
{
    bool fresh;
    self.board = board;
    self.places = board_section(board, &fresh, BACKEND_PLACES_SECTION, PROXY_PLACE_VERSION, sizeof(*self.places));
    return self.places != NULL;
}

static void place_write(struct board *board, uint32_t object, const struct proxy_place *place)
{
    // A record that its writer's death left half written belongs to nobody: the owner is written last.
    struct proxy_place *at = &self.places->all[object];
    (void)board_lock_enter(board, &self.places->lock);
    __atomic_store_n(&at->owner, 0, __ATOMIC_SEQ_CST);
    memcpy((char *)at + sizeof(at->owner), (const char *)place + sizeof(at->owner), sizeof(*at) - sizeof(at->owner));
    __atomic_store_n(&at->owner, place->owner, __ATOMIC_SEQ_CST);
    board_lock_leave(board, &self.places->lock);
}

static void place_read(struct board *board, struct proxy_place *out, uint32_t object)
{
    (void)board_lock_enter(board, &self.places->lock);
    memcpy(out, &self.places->all[object], sizeof(*out));
    board_lock_leave(board, &self.places->lock);
}

static struct arena *arena_of(const struct server_conf *server)
{
    return server->arena ? server->arena : self.program->arena;
}

static void adopt(struct server_conf *server)
{
    struct proxy_place place;
    if (!server->object || __atomic_load_n(&self.places->all[server->object].owner, __ATOMIC_RELAXED) == 0)
        return;
    place_read(self.board, &place, server->object);
    if (place.owner == proxy_place_owner(server) && place.file == proxy_place_file(server))
        (void)proxy_place_set(server, &place, arena_of(server));
}

void backend_places_adopt(struct program_conf *program)
{
    self.program = program;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        for (struct server_conf *server = proxy->be.servers; server; server = server->next)
            adopt(server);
        if (proxy->has_backend && !proxy->disabled)
            proxy_cookies_renew(&proxy->be);
    }
}

// Another generation's, for which the file says something else, stays.
static void repair(const struct server_conf *server)
{
    struct proxy_place place, is;
    if (!server->origin || !server->object)
        return;
    proxy_place_get(&place, server);
    place_read(self.board, &is, server->object);
    if (!is.owner || (is.owner == place.owner && is.file == place.file))
        place_write(self.board, server->object, &place);
}

void backend_places_begin(void)
{
    board_changes_apply(UINT32_MAX);
    for (struct proxy_conf *proxy = self.program && self.places ? self.program->proxies : NULL; proxy;
         proxy = proxy->next)
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            repair(server);
}

void backend_watch_begin(struct backend_watch *watch)
{
    watch->next = self.watches;
    self.watches = watch;
}

void backend_watch_end(struct backend_watch *watch)
{
    struct backend_watch **at = &self.watches;
    while (*at && *at != watch)
        at = &(*at)->next;
    if (*at)
        *at = watch->next;
}

struct program_conf *backend_changes_program(void)
{
    return self.program;
}

struct backend_watch *backend_watches(void)
{
    return self.watches;
}

struct proxy_conf *backend_changes_proxy(uint32_t object)
{
    struct proxy_conf *proxy = self.program && object ? self.program->proxies : NULL;
    while (proxy && (proxy->be_object != object || !proxy->has_backend))
        proxy = proxy->next;
    return proxy;
}

struct server_conf *backend_changes_server(const struct proxy_conf *proxy, uint32_t object)
{
    struct server_conf *server = proxy ? proxy->be.servers : NULL;
    while (server && server->object != object)
        server = server->next;
    return server;
}

// ---- applying -----------------------------------------------------------------------------------------------------

static void apply_move(const struct server_wire *wire, const struct proxy_place *place)
{
    struct proxy_conf *proxy = backend_changes_proxy(wire->backend);
    struct server_conf *server = backend_changes_server(proxy, wire->server);
    // Another generation may have a server of that name elsewhere; what the operator says counts for all.
    if (!server || proxy_place_owner(server) != place->owner)
        return;
    bool moved = proxy_place_set(server, place, arena_of(server));
    proxy_cookies_renew(&proxy->be);
    for (struct backend_watch *watch = self.watches; moved && watch; watch = watch->next)
        if (watch->moved)
            watch->moved(watch, server);
}

static void apply_key(struct proxy_conf *proxy, const char *key, size_t len)
{
    struct backend_conf *backend = &proxy->be;
    if (!backend->cookie_key_room)
        backend->cookie_key_room = arena_alloc(self.program->arena, PROXY_COOKIE_KEY_MAX + 1);
    memcpy(backend->cookie_key_room, key, len);
    backend->cookie_key_room[len] = '\0';
    backend->dynamic_cookie_key = backend->cookie_key_room;
}

static void apply_cookies(const struct server_wire *wire, const char *key, size_t len)
{
    struct proxy_conf *proxy = backend_changes_proxy(wire->backend);
    if (!proxy || len > PROXY_COOKIE_KEY_MAX)
        return;
    if (wire->op == SERVER_OP_COOKIE_KEY)
        apply_key(proxy, key, len);
    else
        proxy->be.cookie.dynamic = wire->op == SERVER_OP_COOKIES_ON;
    proxy_cookies_renew(&proxy->be);
}

static void entry_apply(const struct board_change *change)
{
    struct server_wire wire;
    struct proxy_place place;
    if (!self.program || change->len < sizeof(wire))
        return;
    memcpy(&wire, change->data, sizeof(wire));
    const char *rest = (const char *)change->data + sizeof(wire);
    size_t len = change->len - sizeof(wire);
    switch ((enum server_op)wire.op) {
    case SERVER_OP_MOVE:
        if (len != sizeof(place))
            return;
        memcpy(&place, rest, sizeof(place));
        apply_move(&wire, &place);
        return;
    case SERVER_OP_COOKIES_ON:
    case SERVER_OP_COOKIES_OFF:
    case SERVER_OP_COOKIE_KEY:
        apply_cookies(&wire, rest, len);
        return;
    case SERVER_OP_ADD:
        backend_apply_add(&wire, rest, len);
        return;
    case SERVER_OP_DEL:
        backend_apply_del(&wire, change->number);
        return;
    }
}

static const struct board_change_kind servers = { .type = BOARD_CHANGE_SERVER, .apply = entry_apply };
BOARD_CHANGES(servers);

// ---- publishing ---------------------------------------------------------------------------------------------------

uint64_t backend_change_publish(const struct server_wire *wire, const void *data, size_t len)
{
    char entry[BOARD_JOURNAL_ENTRY_MAX];
    if (sizeof(*wire) + len > sizeof(entry))
        return 0;
    memcpy(entry, wire, sizeof(*wire));
    if (len)
        memcpy(entry + sizeof(*wire), data, len);
    return board_change_publish(BOARD_CHANGE_SERVER, entry, sizeof(*wire) + len);
}

// On the board last: a generation that starts between the two has what the journal says, or nothing yet.
uint64_t backend_server_move(struct board *board, const struct server_conf *server, const struct proxy_place *place)
{
    const struct server_wire wire = { .op = SERVER_OP_MOVE,
                                      .backend = server->backend->proxy->be_object,
                                      .server = server->object };
    uint64_t number = backend_change_publish(&wire, place, sizeof(*place));
    if (number && self.places)
        place_write(board, server->object, place);
    return number;
}

uint64_t backend_cookies_change(const struct proxy_conf *proxy, const struct backend_cookie_change *change)
{
    struct server_wire wire = { .op = change->sets_key  ? SERVER_OP_COOKIE_KEY
                                      : change->dynamic ? SERVER_OP_COOKIES_ON
                                                        : SERVER_OP_COOKIES_OFF,
                                .backend = proxy->be_object };
    return backend_change_publish(&wire, change->key, change->sets_key ? strlen(change->key) : 0);
}
