// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "os/handover.h"
#include "os/pass.h"

static const char magic[8] = { 'S', 'O', 'C', 'K', 'E', 'T', 'S', '\n' };

enum io os_handover_head_send(int fd, uint32_t num)
{
    struct os_handover_head head = { .version = OS_HANDOVER_VERSION,
                                     .record_len = sizeof(struct os_handover_record),
                                     .num = num };
    memcpy(head.magic, magic, sizeof(magic));
    return os_pass_send(fd, &head, sizeof(head), NULL, 0);
}

enum io os_handover_send(int fd, const struct os_handover_record *record, int socket)
{
    return os_pass_send(fd, record, sizeof(*record), &socket, 1);
}

// Exactly `len` bytes, and at most one descriptor. `*got` says how many came before the end.
static bool receive(int fd, void *data, size_t *got, int *socket, size_t len, uint64_t end_us)
{
    *got = 0;
    *socket = -1;
    while (*got < len) {
        int fds[OS_PASS_MAX_FDS];
        size_t num_fds;
        size_t here;
        uint64_t now_us = clock_mono_us();
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        if (now_us >= end_us || poll(&pfd, 1, (int)((end_us - now_us + 999) / 1000)) == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        enum io io = os_pass_receive(fd, (char *)data + *got, &here, fds, &num_fds, len - *got);
        *got += here;
        for (size_t i = 0; i < num_fds; i++) {
            if (*socket < 0)
                *socket = fds[i];
            else
                close(fds[i]);
        }
        if (io == IO_EOF)
            errno = 0;
        if (io == IO_EOF || io == IO_FAIL)
            return false;
    }
    return true;
}

// A peer that has nothing to give says so in words.
static void quote(char *error, const char *text, size_t len)
{
    char line[160];
    size_t num = 0;
    for (size_t i = 0; i < len && num + 1 < sizeof(line) && text[i] != '\n'; i++)
        line[num++] = isprint((unsigned char)text[i]) ? text[i] : '?';
    line[num] = '\0';
    if (num)
        snprintf(error, OS_LISTEN_ERROR_LEN, "the old process answers: %s", line);
    else
        snprintf(error, OS_LISTEN_ERROR_LEN, "the old process gives no answer");
}

bool os_handover_head_receive(int fd, uint32_t *num, char *error, uint64_t end_us)
{
    struct os_handover_head head = { 0 };
    size_t got;
    int socket;
    bool whole = receive(fd, &head, &got, &socket, sizeof(head), end_us);
    if (socket >= 0)
        close(socket);
    if (!whole || memcmp(head.magic, magic, sizeof(magic)) != 0) {
        char text[160];
        memcpy(text, &head, got);
        size_t more = 0;
        if (whole)
            receive(fd, text + got, &more, &socket, sizeof(text) - got, end_us);
        if (whole && socket >= 0)
            close(socket);
        quote(error, text, got + more);
        return false;
    }
    *num = head.num;
    if (head.version == OS_HANDOVER_VERSION && head.record_len == sizeof(struct os_handover_record) &&
        head.num <= OS_HANDOVER_MAX)
        return true;
    snprintf(error, OS_LISTEN_ERROR_LEN, "the old process is of another version and describes its sockets differently");
    return false;
}

static bool is_sound(const struct os_listen *listen)
{
    return listen->kind <= OS_LISTEN_FD && listen->address_len <= sizeof(listen->address) &&
           memchr(listen->interface, '\0', sizeof(listen->interface));
}

bool os_handover_receive(int fd, struct os_handover_record *record, int *socket, char *error, uint64_t end_us)
{
    size_t got;
    if (receive(fd, record, &got, socket, sizeof(*record), end_us) && *socket >= 0 && is_sound(&record->listen) &&
        os_listen_fits(*socket, &record->listen))
        return true;
    if (*socket >= 0)
        close(*socket);
    snprintf(error, OS_LISTEN_ERROR_LEN, "what the old process sends is no listening socket");
    return false;
}
