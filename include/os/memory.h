// SPDX-License-Identifier: Apache-2.0
// Memory files (memfd): memory that processes share through descriptors. Whoever makes one owns the descriptor; a
// mapping lives on without it. Used by the board for its sections and for payloads that travel with a message. These
// functions never open anything by a path and never wait.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// memory_file_new makes a memory file of `len` zero bytes that can grow but never shrink, so that no process that
// mapped it meets SIGBUS. Sparse: untouched pages cost nothing. Close-on-exec. `name` shows in /proc. -1 with errno on
// failure.
int memory_file_new(const char *name, size_t len);

// memory_file_of makes a memory file that holds the `len` bytes of `data` and that nobody can change any more. -1 with
// errno on failure.
int memory_file_of(const char *name, const void *data, size_t len);

// memory_file_grow makes the file at least `len` bytes long; the new bytes are zero. False with errno on failure.
bool memory_file_grow(int fd, size_t len);

// memory_file_check says whether `fd` is a memory file that cannot shrink and gives its length in bytes: what must be
// asked of a descriptor that came from another process before it is mapped.
bool memory_file_check(int fd, size_t *len);

// memory_file_same says whether both descriptors are of the same file.
bool memory_file_same(int a, int b);

// memory_file_keep lets `fd` survive an exec of this process (`keep`) or makes it close-on-exec again. False with
// errno.
bool memory_file_keep(int fd, bool keep);

// memory_file_bounded makes a memory file of `len` zero bytes that neither grows nor shrinks: for the words of a
// process that is not trusted to be brief. Close-on-exec. -1 with errno on failure.
int memory_file_bounded(const char *name, size_t len);

// memory_map maps the first `len` bytes of `fd`, shared, for reading and, with `writable`, for writing, without
// reserving swap. NULL with errno on failure. Unmap with memory_unmap.
void *memory_map(int fd, size_t len, bool writable);

// memory_unmap ends a mapping of memory_map; NULL is fine.
void memory_unmap(void *addr, size_t len);
