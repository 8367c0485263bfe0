// SPDX-License-Identifier: Apache-2.0
// First bytes of connections: what a prefix decides stays decided, and all that is found stands within the data.
#include <stdint.h>
#include <stdlib.h>
#include "base/check.h"
#include "stream/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_within(struct slice part, struct slice data)
{
    must(!part.ptr || (part.ptr >= data.ptr && part.ptr + part.len <= data.ptr + data.len));
}

static void check_tls(struct slice data)
{
    struct stream_client_hello hello, piece;
    uint32_t version;
    enum stream_hello result = stream_hello_client(&hello, data);
    enum stream_hello early = stream_hello_client(&piece, slice_of(data.ptr, data.len / 2));
    must(early == STREAM_HELLO_MORE || early == result);
    const struct slice parts[] = { hello.ciphers, hello.name,       hello.alpn,
                                   hello.groups,  hello.algorithms, hello.key_shares };
    for (size_t i = 0; i < NUM_ITEMS(parts); i++)
        check_within(parts[i], data);
    must(hello.ticket <= 2);
    (void)stream_hello_version(&version, data);
    (void)stream_hello_server(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, bytes, len);
    struct slice data = slice_of(copy, len), name, value, rest = data;
    check_tls(data);
    if (stream_hello_rdp(&name, &value, data) == STREAM_HELLO_OK) {
        check_within(name, data);
        check_within(value, data);
    }
    struct stream_distcc token;
    while (stream_hello_distcc(&token, &rest) == STREAM_HELLO_OK)
        check_within(token.body, data);
    free(copy);
    return 0;
}
