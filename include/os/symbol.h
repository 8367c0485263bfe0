// SPDX-License-Identifier: Apache-2.0
// Names of the places in this program, for backtraces: read from the program file's own symbol table, which is mapped
// at the start, while the file can be reached, and touched only when somebody asks. Any process; a child inherits it.
#pragma once

#include <stdint.h>
#include <stddef.h>

enum { SYMBOL_TEXT_LEN = 160, SYMBOL_PATH_LEN = 256 };

// symbols_open maps the program file. Where that cannot be, or the file was stripped, places have offsets alone.
void symbols_open(void);

// symbols_path gives the path of the program file, as it was at symbols_open, or "" before.
const char *symbols_path(void);

// symbols_program gives a number that tells the program's file from others, 0 where it is not known. It does not change
// when another file takes its place, and takes no system call.
uint64_t symbols_program(void);

// symbol_text writes what stands at `place` in the memory of a process whose program was `program` (symbols_program)
// and stood at `image` (crash_image): of another program only the offset, for its symbols are not known. It goes into
// `text` (room SYMBOL_TEXT_LEN): "stream_run+0x34 (+0x1a2b4)" for the program, where the number in brackets is what
// addr2line takes; "memcpy+0x10 (/lib/libc.so.6+0x8a010)" for a library. `is_return`: it is where a call returns to.
void symbol_text(char *text, uint64_t place, uint64_t program, uint64_t image, int is_return);
