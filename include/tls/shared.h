// SPDX-License-Identifier: Apache-2.0
// What all processes and generations share so that sessions resume wherever a client lands: ticket keys, the cache of
// TLS 1.2 sessions, and the register of tickets whose early data was accepted. It lives on the board. Keys are made and
// rotated by the controller; workers map them read-only and only use them.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "board/board.h"
#include "config/config.h"

struct ssl_ctx_st;
struct tls_global_conf;

// tls_shared_prepare makes or adopts the sections on the board. Keeper only, before it forks; later calls replace what
// this process refers to. False with errno on failure.
bool tls_shared_prepare(struct board *board, const struct tls_global_conf *global);

// tls_shared_seal makes the keys read-only in this process: in workers, right after the fork.
void tls_shared_seal(void);

// tls_shared_turn rotates keys when it is time: in the controller, at least once a minute; gives the time (us, wall
// clock) of the next rotation.
uint64_t tls_shared_turn(uint64_t wall_us);

// A file of keys for a fleet (tls-ticket-keys): each line one key in base64, 48 or 80 bytes; the last but one seals.
struct tls_ticket_file;

// tls_ticket_file_read reads `path`. NULL after reporting.
const struct tls_ticket_file *tls_ticket_file_read(struct config *config, const char *path, struct config_place place);

// tls_shared_serve makes `ctx` (of a bind) use tickets and the cache. `file` NULL: the board's own keys.
bool tls_shared_serve(struct ssl_ctx_st *ctx, const struct tls_global_conf *global, const struct tls_ticket_file *file);
