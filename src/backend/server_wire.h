// SPDX-License-Identifier: Apache-2.0
// How changes of servers stand in the journal, and what a process looks up to apply them; private to the area.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "backend/server_change.h"

// They keep their meaning from one version of the program to the next; each is followed by what it needs.
enum server_op {
    SERVER_OP_MOVE = 1, // struct proxy_place
    SERVER_OP_COOKIES_ON,
    SERVER_OP_COOKIES_OFF,
    SERVER_OP_COOKIE_KEY, // the key
    SERVER_OP_ADD,        // the words of its line, each with a NUL behind it
    SERVER_OP_DEL,
};

struct server_wire {
    uint32_t op;
    uint32_t generation; // that it is for, 0: all
    uint32_t backend;    // objects on the board
    uint32_t server;
    uint32_t pool;
    uint32_t id;
};

// backend_change_publish publishes `wire` and what follows it, and gives the number of the change; 0 where the journal
// has no room.
uint64_t backend_change_publish(const struct server_wire *wire, const void *data, size_t len);

// backend_changes_program gives the configuration of this process, NULL before backend_places_adopt.
struct program_conf *backend_changes_program(void);

// backend_changes_proxy gives the backend whose number on the board is `object`, or NULL.
struct proxy_conf *backend_changes_proxy(uint32_t object);

// backend_changes_server gives the server of `proxy`, which may be NULL, whose number is `object`, or NULL.
struct server_conf *backend_changes_server(const struct proxy_conf *proxy, uint32_t object);

// backend_apply_add and backend_apply_del apply changes of these kinds; `number` is that of the change.
void backend_apply_add(const struct server_wire *wire, const char *words, size_t len);
void backend_apply_del(const struct server_wire *wire, uint64_t number);

// backend_watches gives the first of those who are told.
struct backend_watch *backend_watches(void);
