// SPDX-License-Identifier: Apache-2.0
#include <openssl/base64.h>
#include <openssl/sha.h>
#include "http/websocket.h"

enum { KEY_LEN = 24, KEY_BYTES = 16 };

bool http_ws_accept(char *out, struct slice key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t nonce[KEY_LEN]; // as much as EVP_DecodeBase64 may ask for
    size_t nonce_len = 0;
    if (key.len != KEY_LEN || !EVP_DecodeBase64(nonce, &nonce_len, sizeof(nonce), (const uint8_t *)key.ptr, key.len) ||
        nonce_len != KEY_BYTES)
        return false;
    char text[KEY_LEN + sizeof(guid) - 1];
    memcpy(text, key.ptr, KEY_LEN);
    memcpy(text + KEY_LEN, guid, sizeof(guid) - 1);
    uint8_t digest[SHA_DIGEST_LENGTH], encoded[HTTP_WS_ACCEPT_LEN + 1];
    SHA1((const uint8_t *)text, sizeof(text), digest);
    EVP_EncodeBlock(encoded, digest, sizeof(digest));
    memcpy(out, encoded, HTTP_WS_ACCEPT_LEN);
    return true;
}

static bool opcode_is_sound(const struct http_ws_frame *frame, unsigned short_len)
{
    if (frame->opcode >= 8)
        return frame->opcode <= 10 && frame->fin && short_len <= 125;
    return frame->opcode <= 2;
}

enum http_ws_parse http_ws_parse_head(struct http_ws_frame *frame, struct slice data)
{
    const uint8_t *p = (const uint8_t *)data.ptr;
    if (data.len >= 1 && (p[0] & 0x70))
        return HTTP_WS_BAD;
    if (data.len < 2)
        return HTTP_WS_MORE;
    unsigned short_len = p[1] & 0x7f;
    unsigned num_len_bytes = short_len == 127 ? 8 : short_len == 126 ? 2 : 0;
    *frame = (struct http_ws_frame){
        .opcode = p[0] & 0x0f,
        .fin = p[0] >> 7,
        .masked = p[1] >> 7,
        .payload_len = num_len_bytes ? 0 : short_len,
        .head_len = (uint8_t)(2 + num_len_bytes + (p[1] >> 7) * 4u),
    };
    if (!opcode_is_sound(frame, short_len))
        return HTTP_WS_BAD;
    if (data.len < frame->head_len)
        return HTTP_WS_MORE;
    for (unsigned i = 0; i < num_len_bytes; i++)
        frame->payload_len = frame->payload_len << 8 | p[2 + i];
    if ((num_len_bytes == 2 && frame->payload_len < 126) ||
        (num_len_bytes == 8 && (frame->payload_len <= UINT16_MAX || frame->payload_len > INT64_MAX)))
        return HTTP_WS_BAD;
    if (frame->masked)
        memcpy(frame->mask, p + frame->head_len - 4, 4);
    return HTTP_WS_DONE;
}

size_t http_ws_write_head(char *dst, uint8_t opcode, bool fin, uint64_t payload_len)
{
    unsigned num_len_bytes = payload_len > UINT16_MAX ? 8 : payload_len > 125 ? 2 : 0;
    dst[0] = (char)((fin ? 0x80 : 0) | (opcode & 0x0f));
    dst[1] = (char)(num_len_bytes == 8 ? 127 : num_len_bytes == 2 ? 126 : payload_len);
    for (unsigned i = 0; i < num_len_bytes; i++)
        dst[2 + i] = (char)(payload_len >> (num_len_bytes - 1 - i) * 8);
    return 2 + num_len_bytes;
}

void http_ws_unmask(char *data, size_t len, const uint8_t mask[4], uint64_t offset)
{
    uint8_t turned[8];
    for (unsigned i = 0; i < sizeof(turned); i++)
        turned[i] = mask[(offset + i) % 4];
    uint64_t wide;
    memcpy(&wide, turned, sizeof(wide));
    size_t pos = 0;
    for (; len - pos >= sizeof(wide); pos += sizeof(wide)) {
        uint64_t word;
        memcpy(&word, data + pos, sizeof(word));
        word ^= wide;
        memcpy(data + pos, &word, sizeof(word));
    }
    for (size_t i = 0; pos < len; i++, pos++)
        data[pos] = (char)((uint8_t)data[pos] ^ turned[i]);
}
