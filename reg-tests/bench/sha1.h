// SPDX-License-Identifier: Apache-2.0
//
// SHA-1, for the one place in the benchmark which needs it: the key a WebSocket handshake has to answer (RFC 6455
// section 4.2.2). One call, whole input at hand, no care for speed or secrecy.
#ifndef BENCH_SHA1_H
#define BENCH_SHA1_H

#include <stddef.h>

enum { SHA1_LEN = 20 };

// sha1 writes the digest of `len` bytes of `data` (at most 247) to `digest`. FIPS 180-4 section 6.1.
void sha1(unsigned char digest[SHA1_LEN], const void *data, size_t len);

#endif
