// SPDX-License-Identifier: Apache-2.0
// What is known of a client's connection: the facts a stream may read without knowing who accepted it. Written by the
// frontend at accept (and by the PROXY protocol header), const for streams but for `num_requests`.
#pragma once

#include <stdint.h>
#include "proxy/conf.h"
#include "proxy/counters.h"
#include "transport/proxy_protocol.h"

struct expr_var_store;
struct stream_track;
struct tls_conn;

struct proxy_session {
    const struct proxy_conf *conf; // the frontend's
    const struct bind_conf *bind;
    uint64_t *counters;           // this worker's for the frontend
    uint64_t *bind_counters;      // and for the bind, NULL without `option socket-stats`
    struct transport_address src; // the client, as the PROXY protocol or the kernel says
    struct transport_address dst; // AF_UNSPEC until proxy_session_dst asked
    int fd;
    uint32_t num_requests;
    uint32_t number;             // counts the sessions of this process, from 1
    struct expr_var_store *vars; // of the scope sess, NULL for none; a stream takes them while it runs
    const struct tls_conn *tls;  // what is known of the handshake, NULL: the connection is plain
    struct stream_track *track;  // what the connection tracks in stick tables (stream/track.h), or NULL
    void *own_conn;              // idle server connection that is this client's alone (struct backend_conn), or NULL
    uint64_t accept_us;          // monotonic
    uint64_t idle_us;            // when the wait for the next request began
    uint64_t accept_wall_us;
    char *tlvs; // the TLVs of a PROXY header version 2 as they came, or NULL: proxy_session_tlv reads them
    uint32_t tlvs_len;
    uint8_t error;     // what failed before there was a stream (enum stream_error), 0: nothing
    bool expect_proxy; // a rule says that a PROXY header comes first
    bool prefers_last; // a server or proxy asked it to authenticate: it will come back there
    bool silent;       // a rule wants the connection closed without a packet to the client
};

// proxy_session_count adds to a counter of the session's frontend, and of its bind where those are kept.
static inline void proxy_session_count(const struct proxy_session *session, enum proxy_counter which, uint64_t add)
{
    board_counter_count(&session->counters[which], add);
    if (__builtin_expect(session->bind_counters != NULL, 0))
        board_counter_count(&session->bind_counters[which], add);
}

// proxy_session_count_error counts a request error, and of which class: PROXY_COUNT_REQ_BAD, _LATE or _CUT.
void proxy_session_count_error(const struct proxy_session *session, enum proxy_counter class);

// proxy_session_keep_tlvs copies the TLVs of a PROXY header, for whoever asks later what the balancer before us said.
// False where memory is exhausted.
bool proxy_session_keep_tlvs(struct proxy_session *session, const struct transport_proxy_info *info);

// proxy_session_tlv gives the value of the first kept TLV of `type`; an empty slice with a NULL pointer for none.
struct slice proxy_session_tlv(const struct proxy_session *session, uint8_t type);

// proxy_session_fini frees what the session keeps.
void proxy_session_fini(struct proxy_session *session);

// proxy_session_dst gives the address the client connected to, asking the kernel the first time.
const struct transport_address *proxy_session_dst(struct proxy_session *session);
