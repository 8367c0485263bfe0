// SPDX-License-Identifier: Apache-2.0
// The chunked coding (RFC 9112 section 7.1): a decoder that walks over bytes in place and an encoder for chunk heads.
// Pure and without memory: it tells where data is, the caller moves it. Strict: only CRLF ends a line, sizes are at
// most 16 hex digits below 2^63, white space after a size only before an extension; extensions are skipped but checked
// for control characters and bounded in length.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

struct http_chunk {
    uint64_t left;    // data bytes that remain in the current chunk
    uint32_t ext_len; // bytes of the current chunk line so far, bounded (HTTP_CHUNK_LINE_MAX)
    uint8_t state;
    uint8_t digits;
};

enum { HTTP_CHUNK_LINE_MAX = 4096, HTTP_CHUNK_HEAD_MAX = 20 };

enum http_chunk_step {
    HTTP_CHUNK_MORE,    // all given bytes are used, more are needed
    HTTP_CHUNK_DATA,    // `*data_len` bytes of body stand at `*data_off`
    HTTP_CHUNK_TRAILER, // the last chunk is over: the trailer section starts at `*used` (see http_trailer_len)
    HTTP_CHUNK_BAD,     // malformed
};

// http_chunk_init makes `chunk` ready for the first chunk of a body.
void http_chunk_init(struct http_chunk *chunk);

// http_chunk_decode walks over the `len` bytes at `data` up to the next event. `*used` counts all bytes that are done
// with, framing and data; on HTTP_CHUNK_DATA the data stands at `data + *data_off`, ends at `data + *used`, and may be
// a part of its chunk. After HTTP_CHUNK_TRAILER or HTTP_CHUNK_BAD every call says the same again and uses nothing.
enum http_chunk_step http_chunk_decode(struct http_chunk *chunk, size_t *used, size_t *data_off, size_t *data_len,
                                       const char *data, size_t len);

// http_trailer_len gives the length of a whole trailer section at `data`, its empty line included (2 when there are no
// trailers), 0 when more bytes are needed. The content is checked by http_fields_parse.
size_t http_trailer_len(const char *data, size_t len);

// http_chunk_head writes the line before a chunk of `len` bytes to `dst` (room: HTTP_CHUNK_HEAD_MAX) and returns its
// length. `first` leaves out the CRLF that ends the chunk before.
size_t http_chunk_head(char *dst, uint64_t len, bool first);
