// SPDX-License-Identifier: Apache-2.0
// Ending a listening socket without loss: the kernel resets what waits for accept when a listening socket is closed,
// and a connection may come between the last accept and the close. Used by a process whose master is gone, so that
// nobody steers connections away from the sockets it is about to leave.
#pragma once

#include <stdbool.h>

// os_listen_quiet makes the TCP listening socket `fd` deaf to new connections, while those under way are still finished
// and accepted: a client that knocks now knocks again a second later, and finds another listener or is refused. False
// with errno, for sockets of other kinds too.
bool os_listen_quiet(int fd);
