// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "board_look.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FAULTS = 40 };

unsigned num_faults;

void fault(const char *format, ...)
{
    va_list args;
    if (num_faults++ >= MAX_FAULTS)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

int section_open(const char *pid, const char *name)
{
    char path[64], link[PATH_MAX], want[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    snprintf(want, sizeof(want), "/memfd:%s", name);
    DIR *dir = opendir(path);
    if (dir == NULL)
        die(path);
    int found = -1;
    for (struct dirent *it; found < 0 && (it = readdir(dir)) != NULL;) {
        ssize_t len = readlinkat(dirfd(dir), it->d_name, link, sizeof(link) - 1);
        if (len <= 0)
            continue;
        link[len] = '\0';
        char *deleted = strstr(link, " (deleted)");
        if (deleted != NULL)
            *deleted = '\0';
        if (strcmp(link, want) == 0)
            found = openat(dirfd(dir), it->d_name, O_RDONLY);
    }
    closedir(dir);
    return found;
}

void section_cell(void *out, int fd, size_t at, size_t len)
{
    for (size_t end = at + len; at < end;) {
        ssize_t done = pread(fd, (char *)out + (at + len - end), end - at, (off_t)at);
        if (done <= 0)
            die("a section");
        at += (size_t)done;
    }
}

void *section_read(const char *pid, const char *name, size_t *len)
{
    struct stat st;
    int fd = section_open(pid, name);
    if (fd < 0 || fstat(fd, &st) != 0)
        return NULL;
    *len = *len ? *len : (size_t)st.st_size;
    void *copy = (size_t)st.st_size >= *len ? malloc(*len) : NULL;
    if (copy == NULL)
        die(name);
    section_cell(copy, fd, 0, *len);
    close(fd);
    return copy;
}

bool mark_is_live(const struct board *board, uint32_t mark)
{
    uint32_t inc = mark & 0xffff;
    if (inc == 0 || inc >= BOARD_MAX_INCARNATIONS)
        return false;
    const struct board_incarnation *it = &board->incarnations->records[inc];
    return it->state == BOARD_STATE_LIVE && (it->life & 0xffff) == mark >> 16;
}
