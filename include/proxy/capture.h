// SPDX-License-Identifier: Apache-2.0
// Capture slots of a frontend, as the configuration declares them. Used while it is read, by words and by actions that
// make slots of their own; const afterwards.
#pragma once

#include "proxy/conf.h"

// A slot takes room in every stream that captures anything.
enum { PROXY_CAPTURE_LEN_MAX = 65535 };

// proxy_capture_add gives the frontend `proxy` a slot of `len` bytes, of requests (`side` 0) or answers (1), and
// returns its number. `name` is the header field that fills it, or NULL: rules do.
uint32_t proxy_capture_add(struct arena *arena, struct proxy_conf *proxy, unsigned side, const char *name,
                           uint32_t len);
