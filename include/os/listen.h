// SPDX-License-Identifier: Apache-2.0
// Listening sockets as the kernel sees them. A struct os_listen says where and how to listen; it holds no pointer, so
// that it travels in a message as it is: the keeper reads it from the configuration, the master opens it. Owned by
// whoever holds it by value. These functions run in the master (and for tests) and never accept, wait or keep state.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <net/if.h>
#include <sys/socket.h>

enum os_listen_kind {
    OS_LISTEN_TCP,  // `address` is IPv4 or IPv6
    OS_LISTEN_UNIX, // `address` is a path in the file system
    OS_LISTEN_ABNS, // `address` is an abstract name: sun_path starts with a NUL, address_len says where it ends
    OS_LISTEN_FD,   // `fd`, inherited from whoever started the master, is already bound
};

// Bits of os_listen.flags.
enum {
    OS_LISTEN_V6ONLY = 1 << 0,       // IPv6 alone on an IPv6 wildcard
    OS_LISTEN_V4V6 = 1 << 1,         // IPv4 too on an IPv6 wildcard, whatever the system's default is
    OS_LISTEN_TRANSPARENT = 1 << 2,  // addresses that are not this machine's may be bound; needs CAP_NET_ADMIN
    OS_LISTEN_DEFER_ACCEPT = 1 << 3, // accept once data came
    OS_LISTEN_TFO = 1 << 4,          // TCP Fast Open
    OS_LISTEN_HAS_MODE = 1 << 5,     // `mode` is meant
    OS_LISTEN_HAS_UID = 1 << 6,
    OS_LISTEN_HAS_GID = 1 << 7,
};

enum { OS_LISTEN_NOWHERE = INT32_MAX }; // the interface that a hidden socket is bound to

enum { OS_LISTEN_TEXT_LEN = 160, OS_LISTEN_ERROR_LEN = 512 };

struct os_listen {
    uint32_t kind; // enum os_listen_kind
    uint32_t flags;
    struct sockaddr_storage address; // for TCP, UNIX and ABNS
    uint32_t address_len;            // bytes of `address`
    int32_t fd;                      // for FD
    uint32_t backlog;                // connections waiting for accept; 0: the system's maximum
    uint32_t mode;                   // of a UNIX socket's file
    uint32_t uid;
    uint32_t gid;
    uint32_t mss;             // largest TCP segment announced; 0: the system's choice
    char interface[IFNAMSIZ]; // SO_BINDTODEVICE, "" for none
};

// os_listen_is_per_slot says whether each worker slot has a socket of its own for `spec` (TCP). The others are one
// socket that all workers share.
bool os_listen_is_per_slot(const struct os_listen *spec);

// os_listen_same says whether `a` and `b` are the same place, so that an open socket of one serves the other after
// os_listen_adjust. Backlog and the options that can change later do not count. Of TCP sockets, those of one place are
// one group to the kernel (os/steer.h).
bool os_listen_same(const struct os_listen *a, const struct os_listen *b);

// os_listen_text writes `spec` as an operator would ("127.0.0.1:80", "[::1]:80", "unix@/run/x", "abns@x", "fd@3") into
// `text`, room for OS_LISTEN_TEXT_LEN bytes.
void os_listen_text(char *text, const struct os_listen *spec);

// os_listen_probe says whether `spec` (TCP only; others always pass) can be bound while nobody else listens there.
// SO_REUSEPORT would let a second program of the same user join an address in silence; this tells. False with a message
// in `error` (room OS_LISTEN_ERROR_LEN).
bool os_listen_probe(const struct os_listen *spec, char *error);

// os_listen_open opens and binds: TCP sockets with SO_REUSEPORT, unix ones under a temporary name. Nobody can connect
// before os_listen_begin, so that one that is not needed after all is dropped without harm. For FD it checks that the
// descriptor is a bound stream socket and gives a duplicate; whoever gave it may listen there already. The result is
// close-on-exec and non-blocking. -1 with a message that names the address and the reason in `error` (room
// OS_LISTEN_ERROR_LEN).
int os_listen_open(const struct os_listen *spec, char *error);

// os_listen_begin makes what os_listen_open opened listen. A unix socket gets its name, where it replaces the file
// that stood there in one step. False with a message in `error`.
bool os_listen_begin(int fd, const struct os_listen *spec, char *error);

// os_listen_drop closes what os_listen_open opened and never began to listen.
void os_listen_drop(int take_fd, const struct os_listen *spec);

// os_listen_adjust gives the listening socket `fd` the backlog and options of `spec`, and a unix socket's file its mode
// and owner. What fails stays as it was: false then, with a message in `error`.
bool os_listen_adjust(int fd, const struct os_listen *spec, char *error);

// os_listen_waiting gives how many connections wait to be accepted on the listening socket `fd`, 0 where that is not
// known; of a unix one, which must not be blocked, it only says whether there are any.
uint32_t os_listen_waiting(int fd);

// os_listen_block makes `fd` take no new connections, for every holder of the socket, while those that wait or that are
// being set up can still be accepted. A TCP client is not answered: it tries again after a second, and then meets
// another socket of the group or is refused. Clients of unix and abstract sockets are refused at once. FD sockets are
// left alone. Only TCP can be undone, by os_listen_unblock.
void os_listen_block(int fd, const struct os_listen *spec);

// os_listen_unblock undoes os_listen_block of a TCP socket.
void os_listen_unblock(int fd);

// os_listen_hide makes the kernel pass the TCP socket `fd` over, for good: new connections meet another socket that
// covers the address, or are refused. With os_listen_block before it none comes at all, whatever a group's program
// says.
void os_listen_hide(int fd);

// os_listen_file gives the inode number of the file of a UNIX socket that listens, 0 for other kinds.
uint64_t os_listen_file(const struct os_listen *spec);

// os_listen_unlink removes the file of a unix socket where it is still `file`, from os_listen_file.
void os_listen_unlink(const struct os_listen *spec, uint64_t file);

// os_listen_is_deserted says whether nobody listens behind the file of a unix socket.
bool os_listen_is_deserted(const struct os_listen *spec);

// os_listen_close stops the listening of `fd` for every holder and closes it. `file` is what os_listen_file said at its
// opening: the socket's file is removed where it is still the same, and left alone with 0. A socket of kind FD is only
// closed: it belongs to whoever gave it.
void os_listen_close(int take_fd, const struct os_listen *spec, uint64_t file);

// os_listen_fits says whether `fd` is a listening stream socket at the place of `spec`, as far as the kernel tells.
bool os_listen_fits(int fd, const struct os_listen *spec);
