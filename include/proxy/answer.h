// SPDX-License-Identifier: Apache-2.0
// Answers the balancer gives itself: error pages and `http-request return`. Each is made once at boot, its head already
// parsed, so that it goes out through the same path as any answer of an origin.
#pragma once

#include "http/head.h"
#include "proxy/conf.h"

struct proxy_answer {
    struct http_head head;
    struct slice body;
    bool close; // the connection ends after it
};

// proxy_answer_new makes an answer in `arena` from its status, a content type (NULL: none), further header lines (each
// ended by CRLF, or NULL) and a body. Never NULL; `false` in `*ok` where the header lines are malformed.
const struct proxy_answer *proxy_answer_new(struct arena *arena, bool *ok, uint16_t status, const char *content_type,
                                            const char *fields, struct slice body);

// proxy_answer_from_file makes an answer from a whole HTTP/1 answer as `errorfile` holds it; NULL with `*error` where
// it is none. Content-Length is made right; its Connection fields do not matter.
const struct proxy_answer *proxy_answer_from_file(struct arena *arena, const char **error, struct slice data);

// proxy_answer_for_error gives the answer for the error `status` (400, 408, 500, 502, 503, 504, ...) that the errorfile
// lines of `backend` (NULL: none chosen yet), those of `frontend` or else the built-in pages say; NULL where the
// errorfile says to close without an answer.
const struct proxy_answer *proxy_answer_for_error(const struct proxy_conf *backend, const struct proxy_conf *frontend,
                                                  uint16_t status);

// proxy_answer_boot makes the built-in error pages; once, before any configuration is read.
void proxy_answer_boot(struct arena *arena);
