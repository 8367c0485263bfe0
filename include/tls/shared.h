// SPDX-License-Identifier: Apache-2.0
// What all processes and generations share so that sessions resume wherever a client lands: ticket keys, the cache of
// TLS 1.2 sessions, and the register of tickets whose early data was accepted. It lives on the board. Keys are made and
// rotated by the controller; workers map them read-only and only use them.
//
// How long a ticket lives is written inside it, and a key outlives every ticket it sealed: which key seals follows from
// the time of day alone (each says when it begins), the next one is on the board a whole rotation before it is used,
// and a controller that stands still only delays the one after that.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "board/board.h"
#include "config/config.h"

struct ssl_ctx_st;
struct tls_global_conf;

// The board's sections, for those who pass them on to the next generation.
#define TLS_SHARED_KEYS_SECTION    "tls-keys"
#define TLS_SHARED_CACHE_SECTION   "tls-cache"
#define TLS_SHARED_STRIKES_SECTION "tls-strikes"

// tls_shared_prepare makes or adopts the sections on the board. Keeper only, before it forks; later calls replace what
// this process refers to. False with errno on failure.
bool tls_shared_prepare(struct board *board, const struct tls_global_conf *global);

// tls_shared_seal makes the keys read-only in this process: in workers, right after the fork. With
// tune.ssl.force-private-cache it also gives the process a cache of its own. False with errno on failure.
bool tls_shared_seal(void);

// tls_shared_turn rotates keys when it is time: in the controller, at least once a minute; gives the time (us, wall
// clock) of the next rotation.
uint64_t tls_shared_turn(uint64_t wall_us);

// What became of the cache since the master started, over all processes.
struct tls_shared_stats {
    uint64_t lookups;   // sessions that clients asked for by their id
    uint64_t misses;    // of those: not there, or over
    uint64_t too_large; // sessions that were not kept, for their client's certificates are too long
};

// tls_shared_stats_get fills in `stats`; zeros before tls_shared_prepare.
void tls_shared_stats_get(struct tls_shared_stats *stats);

enum { TLS_SHARED_MAX_LIFETIME_S = 7 * 86400 };

// tls_shared_lifetime gives how long a ticket may be used, in seconds: what the configuration says, but never longer
// than keys are kept (with a rotation of a few seconds that is less) nor than 7 days (RFC 8446 section 4.6.1).
uint32_t tls_shared_lifetime(const struct tls_global_conf *global);

// A file of keys for a fleet (tls-ticket-keys): each line one key in base64, 48 or 80 bytes; the last but one seals,
// all of them open. The keys that are used are derived from it (HKDF, RFC 5869).
struct tls_ticket_file;

// tls_ticket_file_read reads `path`. NULL after reporting. It is freed with the context that serves it.
const struct tls_ticket_file *tls_ticket_file_read(struct config *config, const char *path, struct config_place place);

// tls_shared_serve makes `ctx` (of a bind) use tickets and the cache. `file` NULL: the board's own keys.
bool tls_shared_serve(struct ssl_ctx_st *ctx, const struct tls_global_conf *global, const struct tls_ticket_file *file);
