// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/session.h"

// No duplicate of another: where the system as a whole has run out, that would hold no file back.
void admin_spare_make(struct admin *admin)
{
    if (admin->spare_fd < 0)
        admin->spare_fd = eventfd(0, EFD_CLOEXEC);
}

void admin_spare_free(struct admin *admin)
{
    if (admin->spare_fd >= 0)
        close(admin->spare_fd);
    admin->spare_fd = -1;
}

int admin_accept(struct admin *admin, int fd)
{
    int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0 || (errno != EMFILE && errno != ENFILE) || admin->spare_fd < 0)
        return client;
    admin_spare_free(admin);
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
