// SPDX-License-Identifier: Apache-2.0
// The crypto library's heap: all it allocates, keys and session secrets among it, comes from memory of its own that
// core dumps leave out and that is wiped when freed. Sizes are sorted into classes with a free list each; a process is
// single-threaded, so there is no lock. It replaces the library's allocator by its documented hooks, and is linked in
// wherever the library is.
#pragma once

#include <stddef.h>

// tls_heap_used gives the bytes in use and, in `*held`, those asked of the kernel; for statistics and tests.
size_t tls_heap_used(size_t *held);
