// SPDX-License-Identifier: Apache-2.0
// Cookies as the steps of a stream see them, private to the area: taking Cookie and Set-Cookie fields apart, and the
// affinity cookie (`cookie NAME rewrite|insert|prefix`), which names a client's server. In workers.
#pragma once

#include "stream/stream.h"

// A pair NAME=VALUE within a field: offsets into its value.
struct stream_cookie_pair {
    size_t name;
    size_t name_end; // without the white space before '='
    size_t equal;    // where '=' stands, or else the separator, or the end
    size_t value;    // without white space around it; quotes are part of it
    size_t value_end;
    size_t next; // the separator behind it, or the end
    bool has_value;
};

// stream_cookie_pair reads the pair of `text` that begins at `at`; separators are ';' and, with `commas`, ','. Nothing
// in quotes is one.
void stream_cookie_pair(struct stream_cookie_pair *pair, struct slice text, size_t at, bool commas);

// How the dates of a cookie with `maxidle` or `maxlife` are written: NAME=VALUE|LAST|FIRST.
enum { STREAM_COOKIE_DATE_LEN = 5 };
#define STREAM_COOKIE_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// stream_cookie_look reads the request's affinity cookie, notes what was seen and gives the server it names where that
// one may serve, else NULL; of several cookies the first decides. With `assigned` none does. What servers are not to
// see of it is taken out. False where there is no room for that.
bool stream_cookie_look(struct stream *stream, struct server **server, bool assigned);

// stream_cookie_answer changes the answer's head: what the server itself sets under the cookie's name, and what the
// client must learn. False where there is no room for that.
bool stream_cookie_answer(struct stream *stream);
