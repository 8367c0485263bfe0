// SPDX-License-Identifier: Apache-2.0
// HTTP/1 request heads: see fuzz_h1.h for what must hold.
#include "fuzz_h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    return fuzz_one(http_head_parse_request, data, len);
}
