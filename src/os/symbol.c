// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os/crash.h"
#include "os/symbol.h"

static struct {
    char path[SYMBOL_PATH_LEN];
    const unsigned char *file;
    size_t len;
    uint64_t number;
} program;

extern const char __executable_start[];
extern const char _end[];

// Two programs may stand at the same place, where the kernel does not draw it.
static uint64_t number_of(const struct stat *about)
{
    const uint64_t parts[] = { about->st_dev, about->st_ino, (uint64_t)about->st_size, (uint64_t)about->st_mtim.tv_sec,
                               (uint64_t)about->st_mtim.tv_nsec };
    uint64_t number = UINT64_C(0xcbf29ce484222325); // FNV-1a, by words
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        number = (number ^ parts[i]) * UINT64_C(0x100000001b3);
    return number ? number : 1;
}

uint64_t symbols_program(void)
{
    return program.number;
}

void symbols_open(void)
{
    struct stat about;
    ssize_t len = readlink("/proc/self/exe", program.path, sizeof(program.path) - 1);
    program.path[len > 0 ? len : 0] = '\0';
    int fd = program.file ? -1 : open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &about) == 0 && about.st_size > (off_t)sizeof(ElfW(Ehdr))) {
        void *file = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        program.file = file == MAP_FAILED ? NULL : file;
        program.len = (size_t)about.st_size;
        program.number = number_of(&about);
    }
    close(fd);
}

const char *symbols_path(void)
{
    return program.path;
}

// A part of the file, NULL where it does not lie in it.
static const void *part(uint64_t at, uint64_t len)
{
    return at <= program.len && len <= program.len - at ? program.file + at : NULL;
}

static const ElfW(Shdr) * section_at(const ElfW(Ehdr) * head, size_t index)
{
    if (index >= head->e_shnum || head->e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    return part(head->e_shoff + index * sizeof(ElfW(Shdr)), sizeof(ElfW(Shdr)));
}

static const ElfW(Sym) * find_in(const ElfW(Shdr) * table, uint64_t offset)
{
    const ElfW(Sym) *symbols = part(table->sh_offset, table->sh_size);
    for (size_t i = 0; symbols && i < table->sh_size / sizeof(*symbols); i++) {
        const ElfW(Sym) *it = &symbols[i];
        if ((it->st_info & 0xf) == STT_FUNC && offset >= it->st_value && offset - it->st_value < it->st_size)
            return it;
    }
    return NULL;
}

// The name of the function at that offset and how far into it, or NULL.
static const char *name_at(uint64_t offset, uint64_t *into)
{
    const ElfW(Ehdr) *head = program.file ? part(0, sizeof(*head)) : NULL;
    for (size_t i = 0; head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && i < head->e_shnum; i++) {
        const ElfW(Shdr) *table = section_at(head, i);
        if (!table || (table->sh_type != SHT_SYMTAB && table->sh_type != SHT_DYNSYM))
            continue;
        const ElfW(Shdr) *names = section_at(head, table->sh_link);
        const ElfW(Sym) *symbol = names ? find_in(table, offset) : NULL;
        const char *name = symbol && symbol->st_name < names->sh_size
                               ? part(names->sh_offset + symbol->st_name, names->sh_size - symbol->st_name)
                               : NULL;
        if (name && memchr(name, '\0', names->sh_size - symbol->st_name)) {
            *into = offset - symbol->st_value;
            return name;
        }
    }
    return NULL;
}

static void library_text(char *text, uint64_t place)
{
    Dl_info info;
    if (!dladdr((const void *)(uintptr_t)place, &info) || !info.dli_fname) {
        snprintf(text, SYMBOL_TEXT_LEN, "0x%llx", (unsigned long long)place);
        return;
    }
    unsigned long long offset = place - (uint64_t)(uintptr_t)info.dli_fbase;
    if (info.dli_sname)
        snprintf(text, SYMBOL_TEXT_LEN, "%s+0x%llx (%s+0x%llx)", info.dli_sname,
                 (unsigned long long)(place - (uint64_t)(uintptr_t)info.dli_saddr), info.dli_fname, offset);
    else
        snprintf(text, SYMBOL_TEXT_LEN, "(%s+0x%llx)", info.dli_fname, offset);
}

// A call that never returns may be the last thing in its function: so the place before is looked up.
void symbol_text(char *text, uint64_t place, uint64_t number, uint64_t image, int is_return)
{
    uint64_t len = (uint64_t)(_end - __executable_start);
    uint64_t into;
    if (is_return && place)
        place--;
    uint64_t offset = place - image;
    if (place < image || offset >= len) {
        // Where the libraries stand is known for this very image only.
        if (image == crash_image() && number == program.number)
            library_text(text, place);
        else
            snprintf(text, SYMBOL_TEXT_LEN, "0x%llx", (unsigned long long)place);
        return;
    }
    // Another image may be another build: its offsets are for its file.
    const char *name = number == program.number ? name_at(offset, &into) : NULL;
    if (name)
        snprintf(text, SYMBOL_TEXT_LEN, "%s+0x%llx (+0x%llx)", name, (unsigned long long)into,
                 (unsigned long long)offset);
    else
        snprintf(text, SYMBOL_TEXT_LEN, "(+0x%llx)", (unsigned long long)offset);
}
