// SPDX-License-Identifier: Apache-2.0
// What keeps a client at its server besides cookies, private to the area: the server its own connection leads to, the
// one an RDP cookie names; and servers that are elsewhere (`redir`). In workers.
#pragma once

#include "stream/steps.h"

// stream_persist_rdp gives the server that `persist rdp-cookie` names, where it may serve, else NULL.
struct server *stream_persist_rdp(struct stream *stream);

// stream_persist_last gives the server that the client's own idle connection leads to, where it is preferred to
// balancing (option prefer-last-server, or it asked the client to authenticate), else NULL.
struct server *stream_persist_last(const struct stream *stream);

// stream_redirect_away answers a request for `server` with a redirection, where its `redir` says so. False: not.
bool stream_redirect_away(struct stream *stream, struct server *server, enum stream_verdict *verdict);
