// SPDX-License-Identifier: Apache-2.0
#include "http/chunk.h"
#include "http/scan.h"

enum {
    STATE_SIZE,
    STATE_SPACE,
    STATE_EXT,
    STATE_LINE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER,
    STATE_BAD
};
enum { DIGITS_MAX = 16 };

void http_chunk_init(struct http_chunk *chunk)
{
    *chunk = (struct http_chunk){ .state = STATE_SIZE };
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static uint8_t after_size(char c)
{
    switch (c) {
    case '\r':
        return STATE_LINE_LF;
    case ';':
        return STATE_EXT;
    case ' ':
    case '\t':
        return STATE_SPACE;
    default:
        return STATE_BAD;
    }
}

static uint8_t take_size(struct http_chunk *chunk, char c)
{
    if (!(http_class[(uint8_t)c] & HTTP_CLASS_HEX))
        return chunk->digits ? after_size(c) : STATE_BAD;
    // The top bit stays clear, so that sums of lengths do not wrap.
    if (++chunk->digits > DIGITS_MAX || chunk->left >> 59)
        return STATE_BAD;
    chunk->left = chunk->left << 4 | hex_value(c);
    return STATE_SIZE;
}

static uint8_t end_of_line(struct http_chunk *chunk, char c)
{
    if (c != '\n')
        return STATE_BAD;
    chunk->digits = 0;
    chunk->ext_len = 0;
    return chunk->left ? STATE_DATA : STATE_TRAILER;
}

// next_state takes one byte of framing.
static uint8_t next_state(struct http_chunk *chunk, char c)
{
    if (chunk->state < STATE_DATA && ++chunk->ext_len > HTTP_CHUNK_LINE_MAX)
        return STATE_BAD;
    switch (chunk->state) {
    case STATE_SIZE:
        return take_size(chunk, c);
    case STATE_SPACE: // only before an extension
        return c == ';' ? STATE_EXT : c == ' ' || c == '\t' ? STATE_SPACE : STATE_BAD;
    case STATE_EXT:
        if (c == '\r')
            return STATE_LINE_LF;
        return http_class[(uint8_t)c] & HTTP_CLASS_VALUE ? STATE_EXT : STATE_BAD;
    case STATE_LINE_LF:
        return end_of_line(chunk, c);
    case STATE_DATA_CR:
        return c == '\r' ? STATE_DATA_LF : STATE_BAD;
    case STATE_DATA_LF:
        return c == '\n' ? STATE_SIZE : STATE_BAD;
    default:
        return STATE_BAD;
    }
}

enum http_chunk_step http_chunk_decode(struct http_chunk *chunk, size_t *used, size_t *data_off, size_t *data_len,
                                       const char *data, size_t len)
{
    size_t pos = 0;
    *data_off = *data_len = 0;
    while (pos < len && chunk->state != STATE_DATA && chunk->state < STATE_TRAILER)
        chunk->state = next_state(chunk, data[pos++]);
    *used = pos;
    if (chunk->state == STATE_BAD)
        return HTTP_CHUNK_BAD;
    if (chunk->state == STATE_TRAILER)
        return HTTP_CHUNK_TRAILER;
    if (pos == len)
        return HTTP_CHUNK_MORE;
    size_t run = len - pos;
    if (run >= chunk->left) {
        run = (size_t)chunk->left;
        chunk->state = STATE_DATA_CR;
    }
    chunk->left -= run;
    *data_off = pos;
    *data_len = run;
    *used = pos + run;
    return HTTP_CHUNK_DATA;
}

size_t http_trailer_len(const char *data, size_t len)
{
    if (len >= 2 && data[0] == '\r' && data[1] == '\n')
        return 2;
    for (size_t pos = 0; len - pos >= 4; pos++) {
        const char *hit = memchr(data + pos, '\r', len - pos - 3);
        if (!hit)
            return 0;
        pos = (size_t)(hit - data);
        if (memcmp(hit, "\r\n\r\n", 4) == 0)
            return pos + 4;
    }
    return 0;
}

size_t http_chunk_head(char *dst, uint64_t len, bool first)
{
    size_t pos = 0;
    if (!first) {
        dst[pos++] = '\r';
        dst[pos++] = '\n';
    }
    unsigned digits = len ? (67u - (unsigned)__builtin_clzll(len)) / 4 : 1;
    for (unsigned i = digits; i > 0; i--)
        dst[pos++] = "0123456789abcdef"[len >> (i - 1) * 4 & 15];
    dst[pos++] = '\r';
    dst[pos++] = '\n';
    return pos;
}
