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

// proxy_answer_find_error gives the error page for `status` that the lines of `backend` (NULL: none chosen yet) or else
// those of `frontend` say (proxy/errors.h); NULL where they leave it to the built-in ones.
const struct errorfile_conf *proxy_answer_find_error(const struct proxy_conf *backend,
                                                     const struct proxy_conf *frontend, uint16_t status);

// proxy_answer_built_in gives the built-in page for `status`, that of 500 where there is none. Never NULL.
const struct proxy_answer *proxy_answer_built_in(uint16_t status);

// proxy_answer_boot makes the built-in error pages; once, before any configuration is read.
void proxy_answer_boot(struct arena *arena);
