# SPDX-License-Identifier: Apache-2.0
#
# What the kernel says of a TCP connection, asked through its socket monitor
# (sock_diag(7)): it needs no rights and sees sockets of other processes.

import contextlib
import socket
import struct
import time

from balancer import Balancer, DEFAULTS, free_ports

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
DUMP_REQUEST = 0x301
SKMEMINFO = 7
TIMER_KEEPALIVE = 2
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def connections():
    """A dict for each TCP socket of this network namespace."""
    for family in FAMILIES:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as ask:
            ask.settimeout(5)
            ask.send(struct.pack("=IHHII", 72, SOCK_DIAG_BY_FAMILY, DUMP_REQUEST, 1, 0)
                     + struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 1 << SKMEMINFO - 1, 0, 0xffffffff))
            done = False
            while not done:
                data = ask.recv(1 << 16)
                while len(data) >= 16:
                    length, kind = struct.unpack_from("=IH", data)
                    if kind != SOCK_DIAG_BY_FAMILY:
                        done = True
                        break
                    yield one(data[16:length])
                    data = data[length + 3 & ~3:]


def one(body):
    found = {"timer": body[2]}
    found["port"], found["peer"] = struct.unpack_from(">HH", body, 4)
    at = 72
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if kind == SKMEMINFO:
            memory = struct.unpack_from("=4I", body, at + 4)
            found["rcvbuf"], found["sndbuf"] = memory[1], memory[3]
        at += length + 3 & ~3
    return found


def connection(port, peer):
    """The socket at `port` whose other end is at `peer`."""
    for found in connections():
        if found["port"] == port and found["peer"] == peer:
            return found
    raise LookupError("no connection from %d to %d" % (port, peer))


@contextlib.contextmanager
def through(sections, words, directory):
    """The two sockets of a balancer that carries one open request: (its client's side, its origin's side)."""
    with socket.create_server(("127.0.0.1", 0)) as origin:
        origin.settimeout(5)
        port = free_ports(1)
        text = sections + DEFAULTS + (
            "listen fe\n    bind 127.0.0.1:%d\n%s    http-request return status 200 if { path / }\n"
            "    server s1 127.0.0.1:%d\n" % (port, words, origin.getsockname()[1]))
        with Balancer(directory, text, port), socket.create_connection(("127.0.0.1", port), 5) as client:
            client.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            server, address = origin.accept()
            with server:
                server.recv(1000)  # nothing is on its way, so that no other timer runs
                time.sleep(0.1)
                yield (connection(port, client.getsockname()[1]), connection(address[1], origin.getsockname()[1]))
