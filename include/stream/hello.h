// SPDX-License-Identifier: Apache-2.0
// What the first bytes of a connection say that is not HTTP: a TLS hello, an RDP cookie, distcc's tokens. Pure parsers
// of bytes that nobody has vouched for: no I/O, no memory, each reads once from front to back and never past the end.
// Private to the area.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum stream_hello {
    STREAM_HELLO_OK,
    STREAM_HELLO_MORE, // it may be one, once more bytes are here
    STREAM_HELLO_BAD,  // it is none, whatever comes
};

// A ClientHello (RFC 8446 section 4.1.2). Slices point into the data; ptr NULL: not sent.
struct stream_client_hello {
    uint32_t version; // major * 65536 + minor, as the message says, not its extensions
    struct slice ciphers;
    struct slice name;       // of the server, RFC 6066 section 3
    struct slice alpn;       // the first protocol, RFC 7301
    struct slice groups;     // RFC 8422 section 5.1.1
    struct slice algorithms; // of signatures, RFC 8446 section 4.2.3
    struct slice key_shares; // the groups' numbers alone stand at every entry's start; RFC 8446 section 4.2.8
    uint8_t ticket;          // 0: no session ticket extension, 1: an empty one, 2: with a ticket
};

// stream_hello_client reads `data` as a TLS record with a whole ClientHello. One that is spread over records is BAD.
enum stream_hello stream_hello_client(struct stream_client_hello *out, struct slice data);

// stream_hello_server says whether `data` begins with a TLS record that holds a ServerHello.
enum stream_hello stream_hello_server(struct slice data);

// stream_hello_version reads the version of a ClientHello, or of the older hello of SSL 2 (RFC 5246 appendix E.2),
// likewise.
enum stream_hello stream_hello_version(uint32_t *version, struct slice data);

// stream_hello_rdp finds the cookie of an RDP connection request ([MS-RDPBCGR] section 2.2.1.1): its name and value.
enum stream_hello stream_hello_rdp(struct slice *name, struct slice *value, struct slice data);

// A token of the distcc protocol: four letters and a number, which for some is the length of what follows.
struct stream_distcc {
    struct slice name;
    uint32_t param;
    bool has_body;
    struct slice body; // as much of it as is there
};

// stream_hello_distcc reads the token at the start of `*data` and moves `*data` behind it. MORE: not all of it is here;
// where its head is, `out` says what is known, else its name's ptr is NULL.
enum stream_hello stream_hello_distcc(struct stream_distcc *out, struct slice *data);
