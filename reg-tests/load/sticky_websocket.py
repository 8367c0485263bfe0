#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What socket.io does: a client polls once, learns its cookie, and upgrades to WebSocket on another connection. Of 10,000
such pairs, spread over 4 workers, each lands on one server, and all servers are used."""

import asyncio
import base64
import collections
import hashlib
import time

import lib

PAIRS = 10000
AT_ONCE = 64
SERVERS = 4
KEY = base64.b64encode(b"0123456789abcdef").decode()
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
UPGRADE = ("GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: " + KEY + "\r\nCookie: %s\r\n\r\n")


class Origin(asyncio.Protocol):
    def __init__(self, name):
        self.name = name
        self.head = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.head += data
        while b"\r\n\r\n" in self.head:
            head, self.head = self.head.split(b"\r\n\r\n", 1)
            if b"pgrade: websocket" in head or b"pgrade: WebSocket" in head:
                self.transport.write(("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                      "Sec-WebSocket-Accept: %s\r\nX-Server: %s\r\n\r\n" % (ACCEPT, self.name)).encode())
            else:
                self.transport.write(("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Server: %s\r\n\r\nok" %
                                      self.name).encode())


class Exchange(asyncio.Protocol):
    """Sends one request on a connection of its own; `done` gets the answer's head as text."""

    def __init__(self, request, done):
        self.request = request
        self.done = done
        self.got = b""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request.encode())

    def data_received(self, data):
        self.got += data
        if b"\r\n\r\n" in self.got and not self.done.done():
            self.done.set_result(self.got.split(b"\r\n\r\n", 1)[0].decode())
            self.transport.close()

    def connection_lost(self, error):
        if not self.done.done():
            self.done.set_exception(lib.Failure("a connection ended without an answer: %s" % error))


def field(head, name):
    for line in head.split("\r\n")[1:]:
        key, value = line.split(":", 1)
        if key.lower() == name:
            return value.strip()
    return None


async def ask(loop, port, request):
    done = loop.create_future()
    await loop.create_connection(lambda: Exchange(request, done), "127.0.0.1", port)
    return await asyncio.wait_for(done, 20)


async def pairs(loop, port, number, used):
    for _ in range(number):
        head = await ask(loop, port, "GET /poll HTTP/1.1\r\nHost: a\r\n\r\n")
        cookie = field(head, "set-cookie")
        lib.check(cookie, "the first answer sets the cookie: " + head)
        first = field(head, "x-server")
        head = await ask(loop, port, UPGRADE % cookie.split(";")[0])
        lib.check(head.startswith("HTTP/1.1 101 "), "the upgrade is accepted: " + head)
        lib.check(field(head, "set-cookie") is None, "who has the cookie does not get it again")
        lib.check(field(head, "x-server") == first, "%s after %s" % (field(head, "x-server"), first))
        used[first] += 1


async def session(box):
    loop = asyncio.get_running_loop()
    lines = []
    for number in range(SERVERS):
        name = "s%d" % number
        server = await loop.create_server(lambda name=name: Origin(name), "127.0.0.1", 0, backlog=1024)
        lines.append("server %s 127.0.0.1:%d cookie %s" % (name, server.sockets[0].getsockname()[1], name))
    port = lib.free_port()
    text = """
global
    nbthread 4
    maxconn 4000
defaults
    mode http
    timeout connect 10s
    timeout client 20s
    timeout server 20s
    timeout tunnel 20s
frontend fe
    bind 127.0.0.1:%d
    default_backend be
backend be
    balance random
    cookie ID insert indirect nocache
    %s
""" % (port, "\n    ".join(lines))
    await loop.run_in_executor(None, box.balancer, text, port)
    used = collections.Counter()
    start = time.monotonic()
    await asyncio.gather(*[pairs(loop, port, PAIRS // AT_ONCE + (at < PAIRS % AT_ONCE), used) for at in range(AT_ONCE)])
    lib.note("%d polls and upgrades in %.1f s, servers %s" % (PAIRS, time.monotonic() - start, dict(used)))
    lib.check(sum(used.values()) == PAIRS, "all pairs were made")
    lib.check(len(used) == SERVERS, "all servers were used")


def test(box):
    asyncio.run(session(box))


lib.run(test, seconds=110)
