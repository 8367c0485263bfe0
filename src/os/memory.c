// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "os/memory.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int make(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) { // before Linux 6.3
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    return fd;
}

static int close_failed(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int memory_file_new(const char *name, size_t len)
{
    int fd = make(name);
    if (fd < 0) {
        return -1;
    }
    if (ftruncate(fd, (off_t)len) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        return close_failed(fd);
    }
    return fd;
}

int memory_file_of(const char *name, const void *data, size_t len)
{
    int fd = make(name);
    if (fd < 0) {
        return -1;
    }
    const char *from = data;
    while (len > 0) {
        ssize_t done = write(fd, from, len);
        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            return close_failed(fd);
        }
        from += done;
        len -= (size_t)done;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return close_failed(fd);
    }
    return fd;
}

int memory_file_bounded(const char *name, size_t len)
{
    int fd = make(name);
    if (fd < 0) {
        return -1;
    }
    if (ftruncate(fd, (off_t)len) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return close_failed(fd);
    }
    return fd;
}

bool memory_file_grow(int fd, size_t len)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return false;
    }
    return (size_t)st.st_size >= len || ftruncate(fd, (off_t)len) == 0;
}

bool memory_file_check(int fd, size_t *len)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 || st.st_size < 0) {
        return false;
    }
    *len = (size_t)st.st_size;
    return true;
}

bool memory_file_same(int a, int b)
{
    struct stat of_a, of_b;
    return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

bool memory_file_keep(int fd, bool keep)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && fcntl(fd, F_SETFD, keep ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC) == 0;
}

void *memory_map(int fd, size_t len, bool writable)
{
    void *addr = mmap(NULL, len, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_NORESERVE, fd, 0);
    return addr == MAP_FAILED ? NULL : addr;
}

void memory_unmap(void *addr, size_t len)
{
    if (addr) {
        munmap(addr, len);
    }
}
