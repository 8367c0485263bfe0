#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One queue for 4 workers: 400 requests on 400 connections, spread over all workers, wait for a server that takes one at
a time. They are served in the order in which they came, as exactly as it is known when they came."""

import asyncio
import time

import lib

REQUESTS = 400
EVERY = 0.002
HELD = 0.004
ACCURACY = 0.020


class Origin(asyncio.Protocol):
    """Takes its time for each request, and tells its number."""

    served = 0
    now = 0
    most = 0

    def connection_made(self, transport):
        self.transport = transport
        self.got = b""

    def data_received(self, data):
        self.got += data
        if b"\r\n\r\n" in self.got:
            self.got = b""
            Origin.now += 1
            Origin.most = max(Origin.most, Origin.now)
            Origin.served += 1
            asyncio.get_running_loop().call_later(HELD, self.answer, Origin.served)

    def answer(self, number):
        Origin.now -= 1
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Number: %d\r\n\r\n" % number)


async def one(port, ready, go, sent, served, at):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ready.release()
    await go.wait()
    await asyncio.sleep(max(0, go.start + at * EVERY - time.monotonic()))
    sent[at] = time.monotonic()
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    lib.check(head.startswith(b"HTTP/1.1 200"), "every request is served: %r" % head)
    served[int(head.lower().split(b"x-number:")[1].split()[0])] = at
    writer.close()


async def session(box):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", 0, backlog=1024)
    port = lib.free_port()
    text = lib.config(port, server.sockets[0].getsockname()[1], workers=4, defaults="timeout queue 30s",
                      server="maxconn 1")
    await loop.run_in_executor(None, box.balancer, text, port)
    ready, go, sent, served = asyncio.Semaphore(0), asyncio.Event(), [0.0] * REQUESTS, {}
    clients = [asyncio.ensure_future(one(port, ready, go, sent, served, at)) for at in range(REQUESTS)]
    for _ in range(REQUESTS):
        await ready.acquire()
    go.start = time.monotonic() + 0.1
    go.set()
    await asyncio.gather(*clients)
    latest, late, worst = 0.0, 0, 0.0
    for number in sorted(served):
        overtaken = latest - sent[served[number]]
        late += overtaken > ACCURACY
        worst = max(worst, overtaken)
        latest = max(latest, sent[served[number]])
    lib.note("%d requests through one queue: at worst one was overtaken by one that came %.1f ms later" % (
        REQUESTS, worst * 1000))
    lib.check(Origin.most == 1, "the server had %d at once" % Origin.most)
    lib.check(len(served) == REQUESTS, "each request was served once")
    lib.check(late <= REQUESTS // 100, "%d were overtaken by more than the accuracy of arrival times" % late)


def test(box):
    asyncio.run(session(box))


lib.run(test, seconds=150)
