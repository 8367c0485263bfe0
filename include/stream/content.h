// SPDX-License-Identifier: Apache-2.0
// The bytes that wait in the buffers of a stream, for the fetches that look at them. Private to the area; reads only.
#pragma once

#include "expr/subject.h"

// When bytes of the client, and of the server, still stand there.
enum {
    STREAM_CONTENT_REQUEST = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY,
    STREAM_CONTENT_RESPONSE = EXPR_AT_RESPONSE_CONTENT | EXPR_AT_RESPONSE_HEAD | EXPR_AT_RESPONSE_BODY,
};

// stream_content_raw gives what waits of the client, or of the server, in tcp mode: in http mode the bytes are not
// looked at as such. False there, and where there is no such side.
bool stream_content_raw(struct slice *out, const struct expr_subject *subject, bool response);

// stream_content_more says that there is no value before more bytes came, and none at all where none will; always
// false.
bool stream_content_more(struct expr_subject *subject);
