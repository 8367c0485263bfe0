#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""maxconn is the server's: 4 workers and 200 clients, with keep-alive and without, over reloads and killed workers, and
the origin never sees more connections at once, idle ones included; nor does anybody wait for ever. Not even an origin
sees more that is slow to look, so that it finds the next connection beside the end of the one before."""

import asyncio
import random
import signal
import threading
import time

import lib

MAX = 5


class Origin:
    """Counts the connections open at once, and the requests, in a thread of its own."""

    def __init__(self, port, seconds, pause=0):
        self.port, self.seconds, self.pause = port, seconds, pause
        self.open = self.most = self.total = self.requests = 0
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        lib.check(self.ready.wait(5), "the origin listens")

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.loop.create_server(lambda: Peer(self), "127.0.0.1", self.port, backlog=1000))
        self.ready.set()
        self.loop.run_forever()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Peer(asyncio.Protocol):
    def __init__(self, origin):
        self.origin, self.data, self.transport = origin, b"", None

    def connection_made(self, transport):
        self.transport = transport
        self.origin.open += 1
        self.origin.total += 1
        self.origin.most = max(self.origin.most, self.origin.open)
        if self.origin.pause:
            time.sleep(self.origin.pause)

    def connection_lost(self, _):
        self.origin.open -= 1

    def data_received(self, data):
        self.data += data
        while b"\r\n\r\n" in self.data:
            _, self.data = self.data.split(b"\r\n\r\n", 1)
            self.origin.requests += 1
            self.origin.loop.call_later(self.origin.seconds, self.answer)

    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


def disturb(balancer, seconds):
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        time.sleep(0.7)
        turn += 1
        if turn % 3 == 0:
            balancer.reload()
        else:
            lib.kill(random.choice(balancer.workers()), signal.SIGKILL)


def slow(box, seconds):
    port = lib.free_port()
    origin = box.keep(Origin(lib.free_port(), 0.002, 0.002))
    balancer = box.balancer(lib.config(port, origin.port, workers=4, defaults="http-reuse always\ntimeout queue 15s",
                                       server="maxconn %d" % MAX), port)
    loads = [box.load(port, conns=40), box.load(port, mode="close", conns=80)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.4)
        balancer.reload()
    for report in [load.finish() for load in loads]:
        lib.check(report["failed"] == 0, "no request fails: " + lib.failures(report))
    lib.note("a slow origin, with reloads: %d requests on %d connections, %d at once" % (
        origin.requests, origin.total, origin.most))
    lib.check(origin.most <= MAX, "never more than %d connections at a slow origin: %d" % (MAX, origin.most))


def test(box):
    port = lib.free_port()
    origin = box.keep(Origin(lib.free_port(), 0.002))
    seconds = 30 if lib.FULL else 6
    text = lib.config(port, origin.port, workers=4, defaults="http-reuse always\ntimeout queue 15s",
                      server="maxconn %d" % MAX)
    balancer = box.balancer(text, port)
    quiet = [box.load(port, conns=120), box.load(port, mode="close", conns=80)]
    time.sleep(seconds / 2)
    for report in [load.finish() for load in quiet]:
        lib.check(report["failed"] == 0, "no request fails: " + lib.failures(report))
        lib.check(report["requests"] > 20 * seconds, "and all get on: %d" % report["requests"])
    lib.note("undisturbed: %d requests on %d connections, %d at once" % (origin.requests, origin.total, origin.most))
    lib.check(origin.most <= MAX, "never more than %d connections: %d" % (MAX, origin.most))
    loads = [box.load(port, conns=120), box.load(port, mode="close", conns=80)]
    disturb(balancer, seconds)
    reports = [load.finish() for load in loads]
    lib.note("with reloads and killed workers: %d requests on %d connections, %d at once; %s" % (
        origin.requests, origin.total, origin.most, "; ".join(lib.failures(report) or "none" for report in reports)))
    lib.check(origin.most <= MAX, "never more than %d connections: %d" % (MAX, origin.most))
    lib.check(not any(report["timeout"] for report in reports), "nobody waits for ever")
    lib.wait_for(lambda: lib.answers(port), 20, "and it still answers")
    slow(box, seconds / 2)


lib.run(test)
