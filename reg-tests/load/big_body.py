#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gigabyte each way, and one client which does not read: memory stays as it was and every byte arrives in its place."""

import socket
import threading
import time

import lib
import tools

SIZE = 1 << 30
PERIOD = 65536
STEP = 1 << 20
GROWTH_KIB = 8192


class Watch(threading.Thread):
    """Samples the memory of all the balancer's processes."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.before = self.most = tools.pss_kib(pid)
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.1):
            self.most = max(self.most, tools.pss_kib(self.pid))

    def growth(self):
        self.ending.set()
        self.join()
        return self.most - self.before


def request(port, head):
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(head.encode())
    return connection


def download(port, pattern, pause):
    with request(port, "GET /bytes/%d HTTP/1.1\r\nHost: load\r\nConnection: close\r\n\r\n" % SIZE) as connection:
        time.sleep(pause)
        stream = connection.makefile("rb", buffering=0)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.read(1)
        lib.check(head.startswith(b"HTTP/1.1 200"), "the download begins")
        done = 0
        while True:
            data = connection.recv(STEP)
            if not data:
                break
            at = done % PERIOD
            lib.check(pattern.startswith(data, at), "the bytes after %d are those the origin sent" % done)
            done += len(data)
    lib.check(done == SIZE, "all of %d bytes arrive, not %d" % (SIZE, done))


def upload(port, pattern, size, chunked):
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: %d" % size
    with request(port, "POST /sink HTTP/1.1\r\nHost: load\r\n%s\r\n\r\n" % framing) as connection:
        piece = pattern[:STEP]
        if chunked:
            piece = b"%x\r\n%s\r\n" % (STEP, piece)
        for _ in range(size // STEP):
            connection.sendall(piece)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        answer = lib.read_answer(connection.makefile("rb"))
    told = answer.body if answer is not None else b""
    lib.check(told == b"%d same\n" % size, "the origin got all of %d bytes in order: %r" % (size, told))


def test(box):
    origin = box.origin()
    port, tcp_port = lib.free_port(), lib.free_port()
    text = lib.config(port, origin.port) + """
listen tcp
    mode tcp
    bind 127.0.0.1:%d
    server origin 127.0.0.1:%d
""" % (tcp_port, origin.port)
    balancer = box.balancer(text, port)
    with socket.create_connection(("127.0.0.1", origin.port)) as connection:
        connection.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: load\r\n\r\n" % (STEP + PERIOD))
        pattern = lib.read_answer(connection.makefile("rb")).body
    pattern += pattern[:PERIOD]
    # The tables and buffers a first body needs are no growth.
    upload(port, pattern, STEP, False)
    steps = [("download", port, download, (0,)), ("download, not read for a second", port, download, (1,)),
             ("upload", port, upload, (SIZE, False)), ("chunked upload", port, upload, (SIZE // 4, True)),
             ("tcp download, not read for a second", tcp_port, download, (1,)),
             ("tcp upload", tcp_port, upload, (SIZE, False))]
    for name, to_port, step, arguments in steps:
        watch = Watch(balancer.pid)
        start = time.monotonic()
        step(to_port, pattern, *arguments)
        growth = watch.growth()
        lib.note("%s: %.1f s, memory %d KiB and %+d" % (name, time.monotonic() - start, watch.before, growth))
        lib.check(growth < GROWTH_KIB, "memory grows by less than %d KiB" % GROWTH_KIB)


lib.run(test)
