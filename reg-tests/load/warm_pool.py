#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pool-min-conn 20 with 4 workers, before a TLS origin that counts handshakes: 20 stand before any request, outlive the
origin's idle timeout by pings, carry a burst of 20 without a further handshake, and come back after any loss. 400 at
once meet no error before the queue's deadline, and then 503 with the reason."""

import asyncio
import collections
import os
import random
import re
import signal
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import lib

WARM = 20


class Origin:
    """A TLS origin in a thread of its own. It closes what was idle for `idle` seconds."""

    def __init__(self, port, certs, seconds, idle):
        self.port, self.certs, self.seconds, self.idle = port, certs, seconds, idle
        self.handshakes = self.open = self.most = self.requests = self.pings = 0
        self.peers = set()
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        lib.check(self.ready.wait(5), "the origin listens")

    def run(self):
        asyncio.set_event_loop(self.loop)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.certs, "a.pem"))
        self.loop.run_until_complete(
            self.loop.create_server(lambda: Peer(self), "127.0.0.1", self.port, ssl=context, backlog=1000))
        self.ready.set()
        self.loop.run_forever()

    def drop(self, num):
        """Closes `num` of its connections."""
        for peer in random.sample(sorted(self.peers, key=id), num):
            self.loop.call_soon_threadsafe(peer.transport.close)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Peer(asyncio.Protocol):
    def __init__(self, origin):
        self.origin, self.data, self.transport, self.timer = origin, b"", None, None

    def connection_made(self, transport):
        self.transport = transport
        self.origin.peers.add(self)
        self.origin.handshakes += 1
        self.origin.open += 1
        self.origin.most = max(self.origin.most, self.origin.open)
        self.wait()

    def connection_lost(self, _):
        self.timer.cancel()
        self.origin.open -= 1
        self.origin.peers.discard(self)

    def wait(self):
        if self.timer:
            self.timer.cancel()
        self.timer = self.origin.loop.call_later(self.origin.idle, self.transport.close)

    def data_received(self, data):
        self.wait()
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, self.data = self.data.split(b"\r\n\r\n", 1)
            if head.startswith(b"HEAD /alive "):
                self.origin.pings += 1
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                continue
            self.origin.requests += 1
            self.origin.loop.call_later(self.origin.seconds, self.answer)

    def answer(self):
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


def burst(port, num):
    """`num` requests at once, each on a connection of its own: [(status, seconds)]."""
    with ThreadPoolExecutor(num) as pool:
        return list(pool.map(lambda _: lib.get(port, timeout=20), range(num)))


def stands(origin, num=WARM):
    return origin.open == num


def idle_time(box, origin, balancer, port):
    time.sleep(1)
    lib.note("one second after the start: %d connections, %d handshakes" % (origin.open, origin.handshakes))
    lib.wait_for(lambda: stands(origin), 20, "%d connections stand before any request" % WARM)
    lib.check(origin.handshakes == WARM and origin.requests == 0, "each by one handshake: %d" % origin.handshakes)
    time.sleep(60 if lib.FULL else 5)
    lib.check(origin.handshakes == WARM, "pings keep them: %d handshakes" % origin.handshakes)
    lib.check(origin.pings > 0, "pings came")
    for _ in range(3):
        results = burst(port, WARM)
        lib.check(all(status == 200 for status, _ in results), "a burst is answered: %s" % results)
        lib.note("a burst of %d: slowest %.0f ms, %d handshakes in all" % (
            WARM, max(seconds for _, seconds in results) * 1000, origin.handshakes))
        lib.check(origin.handshakes == WARM, "a burst makes no handshake: %d" % (origin.handshakes - WARM))
        time.sleep(0.2)


def losses(origin, balancer):
    origin.drop(7)
    lib.wait_for(lambda: origin.handshakes >= WARM + 7 and stands(origin), 20, "those the origin closed are replaced")
    before = origin.handshakes
    lib.kill(balancer.workers()[0], signal.SIGKILL)
    lib.wait_for(lambda: origin.handshakes > before and stands(origin), 20, "so are those of a killed worker")
    origin.most = 0
    before = origin.handshakes
    balancer.reload()
    lib.wait_for(lambda: origin.handshakes >= before + WARM and stands(origin), 20, "the next generation has its own")
    lib.note("after a loss, a killed worker and a reload: %d stand, at most %d stood" % (origin.open, origin.most))


def overload(box, certs):
    port = lib.free_port()
    origin = box.keep(Origin(lib.free_port(), certs, 0.2, 60))
    text = lib.config(port, origin.port, workers=4, glob="log stderr local0", defaults="timeout queue 2s\nlog global\noption httplog",
                      server="ssl verify none maxconn %d pool-min-conn %d" % (WARM, WARM))
    balancer = box.balancer(text, port)
    lib.wait_for(lambda: stands(origin), 20, "%d connections stand" % WARM)
    results = burst(port, 400)
    statuses = collections.Counter(status for status, _ in results)
    early = [seconds for status, seconds in results if status != 200 and seconds < 1.9]
    balancer.reload()
    lib.wait_for(lambda: stands(origin), 20, "%d connections stand after a reload" % WARM)
    lib.note("400 at once: %s; at most %d connections, %d handshakes" % (dict(statuses), origin.most, origin.handshakes))
    lib.check(set(statuses) == {200, 503}, "200 and, after the queue's deadline, 503: %s" % statuses)
    lib.check(not early, "none before the deadline: %s" % early[:5])
    lib.check(origin.most <= WARM, "never more than maxconn: %d" % origin.most)
    lines = lib.wait_for(lambda: (lambda found: found if len(found) >= statuses[503] else None)(
        re.findall(r" 503 \d+ - - (\S\S)", balancer.log())), 5, "each has its line in the log")
    lib.check(set(lines) == {"sQ"}, "which says why: %s" % set(lines))


def test(box):
    certs = lib.certificates()
    port = lib.free_port()
    origin = box.keep(Origin(lib.free_port(), certs, 0.005, 2))
    balancer = box.balancer(lib.config(port, origin.port, workers=4,
                                       server="ssl verify none pool-min-conn %d pool-idle-ping 1s /alive" % WARM), port)
    idle_time(box, origin, balancer, port)
    losses(origin, balancer)
    overload(box, certs)


lib.run(test)
