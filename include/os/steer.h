// SPDX-License-Identifier: Apache-2.0
// Steering a group of SO_REUSEPORT sockets: a small classic BPF program that the kernel asks which socket gets a new
// connection. The master attaches it, by way of any socket of the group. It needs no privilege. The kernel numbers the
// sockets of a group in the order in which they began to listen; when one is closed the last takes its number, so that
// only the last may be closed without attaching again. Numbers that no socket has leave the choice to the kernel's
// hash.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "os/listen.h"

enum { OS_STEER_MAX = 128 };

// os_steer_attach makes the group of `fd` choose at random among the `num` (1 to OS_STEER_MAX) sockets whose numbers
// stand in `indices`. It replaces the program before it in one step. False with errno.
bool os_steer_attach(int fd, const uint32_t *indices, uint32_t num);

// os_steer_detach gives the choice back to the kernel's hash. False with errno.
bool os_steer_detach(int fd);

// os_steer_count gives how many sockets of any program listen at the place of `spec` (TCP), which are one group where
// they share it; `with_hidden` also those that no new connection finds any more (os_listen_hide), which keep the place
// in their group. -1 where the kernel does not tell.
int os_steer_count(const struct os_listen *spec, bool with_hidden);
