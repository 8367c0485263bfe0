// SPDX-License-Identifier: Apache-2.0
//
// What the programs of the benchmark (origin, relay, client) share: loopback sockets, a clock, fatal errors. Each of
// them is one process with one epoll loop, runs beside the balancer under test and is no part of it: nothing here
// includes a header of the balancer, so that a fault there cannot hide here.
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stddef.h>
#include <stdint.h>

// NET_LOOPBACK is where everything listens and connects: 127.0.0.1, host byte order.
#define NET_LOOPBACK 0x7f000001u

// net_die prints `what` with errno's text on stderr and exits with status 2.
void net_die(const char *what) __attribute__((noreturn));

// net_usage prints `text` on stderr and exits with status 2.
void net_usage(const char *text) __attribute__((noreturn));

// net_number returns `text` read as a decimal number from 0 to `max`, or exits through net_die when it is none.
uint64_t net_number(const char *text, uint64_t max);

// net_clock_us returns the monotonic clock in microseconds.
uint64_t net_clock_us(void);

// net_listen returns a non-blocking listening socket on the loopback address and `port` (0: any free one), and prints
// `port N` as a line on stdout for whoever started the program. Exits on failure.
int net_listen(uint16_t port);

// net_accept returns a non-blocking connection without Nagle's delay from `listen_fd`, or -1 when none is waiting.
int net_accept(int listen_fd);

// net_connect starts a non-blocking connection without Nagle's delay to `port` of the loopback address and returns its
// descriptor, or -1 with errno set. EINPROGRESS is not an error.
int net_connect(uint16_t port);

// net_raise_nofile raises the soft limit of descriptors to the hard one.
void net_raise_nofile(void);

#endif
