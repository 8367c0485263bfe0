// SPDX-License-Identifier: Apache-2.0
// Which of a worker's descriptors `show fd` asks for: the question that a controller asks and a worker answers.
#pragma once

#include <stdint.h>

enum {
    FRONTEND_FD_PIPE = 1 << 0,
    FRONTEND_FD_LISTENER = 1 << 1,
    FRONTEND_FD_FRONT = 1 << 2,    // connections of clients
    FRONTEND_FD_SERVER = 1 << 3,   // connections to servers
    FRONTEND_FD_DISPATCH = 1 << 4, // connections to what is no server: we have none
    FRONTEND_FD_OTHER = 1 << 5,    // of the process itself
    FRONTEND_FD_ALL = (1 << 6) - 1,
};

struct frontend_fd_question {
    int32_t fd; // -1: all
    uint32_t kinds;
};
