// SPDX-License-Identifier: Apache-2.0
// What of a message's body is here already: rules look at it where it stands in the connection's buffer, behind the
// head, without taking anything away from those who pass it on. Runs in workers.
#pragma once

#include "expr/subject.h"

// stream_body_of gives the body, without chunk framing, of the answer in response rules, else of the request, as far as
// it is buffered, in `*out`, and in `*complete` whether that is all of it. A body in one piece is a slice of the
// buffer; one in several chunks is put together in the subject's scratch. False where there is no message, part of its
// body has left already, or the scratch has no room.
bool stream_body_of(struct expr_subject *subject, struct slice *out, bool *complete);
