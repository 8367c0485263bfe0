// SPDX-License-Identifier: Apache-2.0
// The status page as the steps of rules see it: is a request for it, and who asks? The page itself is a built-in
// service of a higher floor (stream/service.h). Runs in workers.
#pragma once

#include "stream/stream.h"

struct stats_conf;

// stream_stats_asked says whether the stream's request is one for the page.
bool stream_stats_asked(const struct stream *stream, const struct stats_conf *stats);

// stream_stats_served says whether the page answered it.
bool stream_stats_served(const struct stream *stream);

// stream_stats_known says whether its credentials are those of a `stats auth`.
bool stream_stats_known(struct stream *stream, const struct stats_conf *stats);

// stream_credentials gives user and password of the Basic credentials that are meant for us (RFC 7617), in the scratch;
// false where there are none.
bool stream_credentials(struct expr_subject *subject, struct slice *user, struct slice *password);
