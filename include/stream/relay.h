// SPDX-License-Identifier: Apache-2.0
// One direction of a body or of a tunnel: moves bytes from a source to a sink with bounded memory. Small pieces are
// copied once behind what is already on its way; larger ones are sent from where they stand; long runs between plain
// sockets go through a kernel pipe without entering the process. Back-pressure: when the sink is full nothing more is
// read.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "mux/h1.h"

struct stream_relay {
    struct mux_h1 *src;
    struct mux_h1 *dst;
    struct transport_pipe *pipe; // lent while bytes are inside
    uint64_t spliced;            // bytes that left through pipes and are not counted yet
    uint32_t share;              // bytes it may move before others get their turn
    uint8_t full_reads;          // reads in a row that filled the buffer: worth a pipe
    uint8_t waits;               // enum stream_relay_state of the last run
    bool ended;                  // the end was passed on
    bool broken;                 // the sink failed: nothing more goes this way
};

enum stream_relay_state {
    STREAM_RELAY_NEEDS_SRC, // waits for the source
    STREAM_RELAY_NEEDS_DST, // waits for the sink
    STREAM_RELAY_DONE,      // all passed on and flushed, the end included
    STREAM_RELAY_SRC_FAILED,
    STREAM_RELAY_DST_FAILED,
    STREAM_RELAY_PAUSED, // its share of this turn is used up: run again
};

// stream_relay_init makes a relay from `src` to `dst`.
void stream_relay_init(struct stream_relay *relay, struct mux_h1 *src, struct mux_h1 *dst);

// stream_relay_set_nice changes how much it moves before others get their turn: less for a nice one, down to a few KiB
// at 1024, more for one that is not (down to -1024).
void stream_relay_set_nice(struct stream_relay *relay, int nice);

// stream_relay_run moves what can be moved, at most a fair share; `*moved` counts the bytes of body.
enum stream_relay_state stream_relay_run(struct stream_relay *relay, uint64_t *moved);

// stream_relay_can_move says, without a look at the kernel, whether running the relay could do anything now.
static inline bool stream_relay_can_move(const struct stream_relay *relay)
{
    const struct transport_conn *src = &relay->src->conn;
    return src->can_read || src->read_closed || src->failed || relay->dst->conn.failed || relay->pipe ||
           buf_len(&relay->src->in) || buf_len(&relay->dst->out) || relay->src->stream.rx_done;
}

// stream_relay_fini gives the pipe back; bytes inside are lost.
void stream_relay_fini(struct stream_relay *relay);
