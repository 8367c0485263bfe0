// SPDX-License-Identifier: Apache-2.0
// The four answers of everything that moves bytes.
#pragma once

enum io {
    IO_OK,    // bytes moved
    IO_AGAIN, // nothing can move now; an event will say when
    IO_EOF,   // the peer ended this direction in order
    IO_FAIL,  // the connection is gone; errno says why
};
