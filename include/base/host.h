// SPDX-License-Identifier: Apache-2.0
// The name of this machine. Asked for once, where a configuration is read, so that the processes forked from there know
// it when they may no longer ask.
#pragma once

// host_name gives the name of this machine, as gethostname tells it, of 255 bytes at most; "" where it is not known.
const char *host_name(void);
