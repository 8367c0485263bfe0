// SPDX-License-Identifier: Apache-2.0
// Payloads: what a change (board/change.h) brings along that no entry of the journal has room for, or that must not
// stand there, such as private keys. A controller puts one down, publishes the change that names it, and ties it to the
// change's number: once all live processes have applied that, the bytes are wiped and the memory goes back to the
// system. Never written to a file, never dumped with a core.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct board;

enum { BOARD_PAYLOADS = 64, BOARD_PAYLOADS_LEN = 64 << 20 };

// board_payload_put copies `len` bytes of `data` and gives the payload's id; 0 where there is no room.
uint64_t board_payload_put(struct board *board, const void *data, size_t len);

// board_payload_tie says that the change `number` was the last to name the payload `id`; 0: that it was not published.
void board_payload_tie(struct board *board, uint64_t id, uint64_t number);

// board_payload_at gives the bytes of the payload `id`, to be read while the change that names it is applied, and
// their number; NULL where there is none.
const void *board_payload_at(struct board *board, uint64_t id, size_t *len);

// board_payloads_sweep wipes the payloads that nobody needs any more: all have applied their change, or who put them
// down died before it was published. By controllers, now and then; cheap where there is none.
void board_payloads_sweep(struct board *board);
