// SPDX-License-Identifier: Apache-2.0
// The streams and tunnels of a server, as lists that hang on it (struct server), so that they can be found when the
// server goes down, comes up, or an operator ends them; and what is said of a request that no server can take. Private
// to the area; in workers.
#pragma once

#include "stream/stream.h"

// What the backend floor calls when a server's guests must go.
extern const struct backend_guests stream_guests;

// stream_server_join says that `stream` is on `server` from now on, or waits for that one: its server is `server`.
void stream_server_join(struct stream *stream, struct server *server);

// stream_server_part says that it no longer is; what its server was is still known.
void stream_server_part(struct stream *stream);

// stream_no_server notes that no server can take the request of `stream`: it is counted, and now and then the backend's
// log is told why.
void stream_no_server(struct stream *stream);

// stream_no_server_reason gives why `backend` has no server at the moment, such as "all are down".
const char *stream_no_server_reason(const struct backend *backend);

// stream_shutdown ends a stream that does not run at the moment, by order of an operator: its client gets an error page
// where no answer has begun. The stream is gone, or on its way.
void stream_shutdown(struct stream *stream);
