#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of many manners through reload after reload, none of which tries anything twice: idle ones that ask at the very
instant or seconds later, slow uploads and downloads, requests sent ahead, Expect, tunnels, WebSocket, TLS handshakes in
pieces, a queue, PROXY headers that come late. Each request whose first byte went out before its client was told to close
is answered, each answer is whole, and no connection is reset. Then all old processes are gone."""

import asyncio
import base64
import collections
import hashlib
import os
import random
import shutil
import signal
import ssl
import sys
import tempfile
import time

import life
import lib
import tools

RELOADS = 200 if lib.FULL else 40
WORKERS = 3


def text(ports, certs, origin, turn):
    return """\
global
    nbthread %d
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout tunnel 60s
frontend web
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem allow-0rtt
    bind 127.0.0.1:%d accept-proxy
    http-request return status 200 content-type text/plain string own if { path /own }
    use_backend narrow if { path_beg /narrow }
    default_backend b%d
backend b%d
    server s %s
backend narrow
    timeout queue 20s
    server s %s maxconn 2
listen raw
    mode tcp
    bind 127.0.0.1:%d
    server s %s
""" % (WORKERS, ports["web"], ports["tls"], certs, ports["proxy"], turn % 3, turn % 3, origin, origin,
       ports["raw"], origin)


class Lost(Exception):
    """What a client would call an error."""


class Tally:
    def __init__(self):
        self.done = collections.Counter()
        self.lost = collections.defaultdict(list)

    def tell(self):
        for kind in sorted(set(self.done) | set(self.lost)):
            lost = self.lost[kind]
            resets = sum("reset" in what.lower() or "broken pipe" in what.lower() for what in lost)
            refused = sum("refused" in what.lower() for what in lost)
            lib.note("%-24s %6d requests, %d failures, %d resets, %d refusals%s" % (
                kind, self.done[kind], len(lost), resets, refused, ": " + "; ".join(sorted(set(lost))[:3]) if lost else ""))
        return sum(map(len, self.lost.values()))


# ---- the origin -----------------------------------------------------------------------------------------------------


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


async def read_head(reader):
    """(start line, fields) or None at an end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as short:
        if short.partial:
            raise Lost("a head is cut: %r" % short.partial[:60]) from None
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def read_body(reader, fields):
    try:
        if fields.get("transfer-encoding") == "chunked":
            parts = []
            while True:
                size = int(await reader.readuntil(b"\r\n"), 16)
                parts.append(await reader.readexactly(size))
                await reader.readexactly(2)
                if not size:
                    return b"".join(parts)
        return await reader.readexactly(int(fields.get("content-length", 0)))
    except asyncio.IncompleteReadError:
        raise Lost("a body is cut") from None


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def origin_answer(reader, writer, path, fields):
    if fields.get("upgrade") == "websocket":
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n" % accept_key(fields["sec-websocket-key"])).encode())
        await echo(reader, writer)
        return False
    if path.startswith("/drip"):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            writer.write(b"5\r\ndrip \r\n")
            await asyncio.sleep(0.1)
        writer.write(b"0\r\n\r\n")
        return True
    early = path.startswith("/early")
    if early:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path.encode())
    if fields.get("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await read_body(reader, fields)
    if early:
        EARLY[path] = len(body)
        return True
    if "/late/" in path:
        await asyncio.sleep(int(path.split("/late/")[1].split("/")[0]) / 1000)
    said = ("%s %d" % (path, len(body))).encode()
    if path.startswith("/large"):
        said += b"." * 400000
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
    return True


EARLY = {}


async def origin_serve(reader, writer):
    try:
        first = await reader.readexactly(4)
        if first == b"RAW!":
            await echo(reader, writer)
        else:
            rest = first
            while True:
                head = await read_head(reader)
                if not head:
                    break
                line, fields = head
                path = (rest.decode() + line).split(" ")[1]
                rest = b""
                if not await origin_answer(reader, writer, path, fields):
                    break
                await writer.drain()
    except (OSError, Lost, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


# ---- clients --------------------------------------------------------------------------------------------------------


class Client:
    """One connection, and what a careful client does on it."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.told = reader, writer, False

    @classmethod
    async def to(cls, port, tls=None):
        pair = await asyncio.wait_for(asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname="a.test" if tls else None), 10)
        return cls(*pair)

    def say(self, data):
        self.writer.write(data)

    def ask(self, path, body=None, more=""):
        head = "%s %s HTTP/1.1\r\nHost: a.test\r\n%s" % ("GET" if body is None else "POST", path, more)
        if body is not None:
            head += "Content-Length: %d\r\n" % len(body)
        self.say(head.encode() + b"\r\n" + (body or b""))

    async def head(self):
        found = await asyncio.wait_for(read_head(self.reader), 20)
        if not found:
            raise Lost("closed without an answer")
        status = int(found[0].split(" ")[1])
        if status >= 200:
            self.told = "close" in found[1].get("connection", "").lower()
        return status, found[1]

    async def answer(self, start):
        """Reads an answer that is to be 200, and to begin with `start`."""
        status, fields = await self.head()
        body = await asyncio.wait_for(read_body(self.reader, fields), 20)
        if status != 200 or not body.startswith(start):
            raise Lost("%d %r in place of %r" % (status, body[:40], start))
        return body

    async def end(self):
        """Who was told to close sees an end in order."""
        if await asyncio.wait_for(self.reader.read(1), 5):
            raise Lost("bytes after the last answer")

    def close(self):
        self.writer.close()


class Attack:
    def __init__(self, ports, certs, tally):
        self.ports, self.tally, self.over = ports, tally, False
        self.reloading = asyncio.Event()
        self.count = 0
        self.tls = ssl.create_default_context(cafile=os.path.join(certs, "ca.pem"))
        self.tls.check_hostname = False

    def path(self, kind):
        self.count += 1
        return "/%s/%d" % (kind, self.count)

    async def each(self, kind, once, most=10**9):
        """Calls `once` until the end, and notes what went wrong."""
        while not self.over and most > 0:
            most -= 1
            try:
                num = await asyncio.wait_for(once(), 60)
                self.tally.done[kind] += num
            except (Lost, OSError, asyncio.TimeoutError, ssl.SSLError, EOFError) as what:
                self.tally.lost[kind].append("%s %s" % (type(what).__name__, what))
                await asyncio.sleep(0.01)

    async def keep(self, port, tls=None, think=lambda: 0, kind="n"):
        client = await Client.to(self.ports[port], tls)
        num = 0
        try:
            while not self.over and not client.told:
                path = self.path(kind)
                client.ask(path)
                await client.answer(path.encode())
                num += 1
                if not client.told:
                    pause = think()
                    if pause:
                        await asyncio.sleep(pause)
            if client.told:
                await client.end()
        finally:
            client.close()
        return num

    async def instant(self, spread):
        """Idle before the reload; asks right when it happens, give or take."""
        client = await Client.to(self.ports["web"])
        try:
            path = self.path("instant")
            client.ask(path)
            await client.answer(path.encode())
            if client.told:
                return 1
            try:
                await asyncio.wait_for(self.reloading.wait(), 5)
            except asyncio.TimeoutError:
                pass
            await asyncio.sleep(random.random() * spread)
            path = self.path("instant")
            client.ask(path)
            await client.answer(path.encode())
            return 2
        finally:
            client.close()

    async def much_later(self, first):
        client = await Client.to(self.ports["web"])
        try:
            if first:
                client.ask("/own")
                await client.answer(b"own")
            if client.told:
                return 1
            await asyncio.sleep(3)
            path = self.path("later")
            client.ask(path)
            await client.answer(path.encode())
            return 1
        finally:
            client.close()

    async def upload(self, kind, tls=None):
        client = await Client.to(self.ports["tls" if tls else "web"], tls)
        try:
            path = self.path(kind)
            client.say(("POST %s HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\n" % path).encode())
            for _ in range(12):
                client.say(b"x")
                await client.writer.drain()
                await asyncio.sleep(0.1)
            await client.answer(path.encode() + (b"" if kind == "early" else b" 12"))
            if kind == "early":
                await asyncio.sleep(0.2)
                if EARLY.get(path) != 12:
                    raise Lost("the server got %s bytes of 12" % EARLY.get(path))
            return 1
        finally:
            client.close()

    async def download(self):
        client = await Client.to(self.ports["web"])
        try:
            client.ask("/drip")
            await client.answer(b"drip " * 8)
            return 1
        finally:
            client.close()

    async def slow_reader(self):
        client = await Client.to(self.ports["web"])
        client.writer.transport.pause_reading()
        try:
            path = self.path("large")
            client.ask(path)
            await asyncio.sleep(0.5 + random.random())
            client.writer.transport.resume_reading()
            body = await client.answer(path.encode())
            if len(body) < 400000:
                raise Lost("short")
            return 1
        finally:
            client.close()

    async def slow_talker(self):
        """Is told to close in an answer that it takes long to read, and sends one more request, not having seen that: a
        reset for it would take away the rest of the answer."""
        client = await Client.to(self.ports["web"])
        try:
            client.ask("/own")
            await client.answer(b"own")
            if client.told:
                return 1
            try:
                await asyncio.wait_for(self.reloading.wait(), 5)
            except asyncio.TimeoutError:
                return 1
            await asyncio.sleep(0.05)
            client.writer.transport.pause_reading()
            path = self.path("large")
            client.ask(path)
            await asyncio.sleep(2.5)
            client.ask("/own")
            await asyncio.sleep(0.3)
            client.writer.transport.resume_reading()
            body = await client.answer(path.encode())
            if len(body) < 400000:
                raise Lost("short")
            if client.told:
                await client.end()
            return 2
        finally:
            client.close()

    async def ahead(self, pause):
        """A batch in one piece: all of it was there before any answer was."""
        client = await Client.to(self.ports["web"])
        num = 0
        try:
            while not client.told and not self.over:
                paths = ["/own" if random.random() < 0.3 else self.path("ahead") for _ in range(random.randrange(2, 9))]
                client.say("".join("GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n" % path for path in paths).encode())
                for at, path in enumerate(paths):
                    if client.told:
                        raise Lost("told to close after %d of %d" % (at, len(paths)))
                    await client.answer(path.encode() if path != "/own" else b"own")
                    num += 1
                await asyncio.sleep(random.random() * pause)
            if client.told:
                await client.end()
        finally:
            client.close()
        return num

    async def ahead_late(self):
        """A second request sent before the first was answered, after a while. It may find that the first answer said
        close: then the end has to come in order, and the first answer whole."""
        client = await Client.to(self.ports["web"])
        num = 0
        try:
            while not client.told and not self.over:
                first, second = self.path("large/late/20"), self.path("ahead")
                client.ask(first)
                await asyncio.sleep(random.random() * 0.04)
                client.ask(second)
                await client.answer(first.encode())
                num += 1
                if client.told:
                    break
                await client.answer(second.encode())
                num += 1
            if client.told:
                await client.end()
        finally:
            client.close()
        return num

    async def in_pieces(self):
        """A head that takes its time."""
        client = await Client.to(self.ports["web"])
        try:
            path = self.path("pieces")
            for piece in ("GE", "T " + path, " HTTP/1.1\r\nHo", "st: a.test\r\n", "\r\n"):
                client.say(piece.encode())
                await asyncio.sleep(random.random() * 0.1)
            await client.answer(path.encode())
            return 1
        finally:
            client.close()

    async def expect(self):
        client = await Client.to(self.ports["web"])
        try:
            path = self.path("expect")
            client.say(("POST %s HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
                        % path).encode())
            status, _ = await client.head()
            if status != 100:
                raise Lost("%d in place of 100" % status)
            await asyncio.sleep(random.random() * 0.3)
            client.say(b"hello")
            await client.answer(path.encode() + b" 5")
            return 1
        finally:
            client.close()

    async def tunnel(self, kind):
        client = await Client.to(self.ports["raw" if kind == "raw" else "web"])
        try:
            if kind == "raw":
                client.say(b"RAW!")
            else:
                key = base64.b64encode(os.urandom(16)).decode()
                client.say(("GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % key).encode())
                status, _ = await client.head()
                if status != 101:
                    raise Lost("%d in place of 101" % status)
            num = 0
            while not self.over and num < 20:
                message = os.urandom(random.randrange(1, 3000))
                client.say(message)
                if await asyncio.wait_for(client.reader.readexactly(len(message)), 10) != message:
                    raise Lost("other bytes come back")
                num += 1
                await asyncio.sleep(0.1)
            return num
        finally:
            client.close()

    async def proxy(self):
        client = await Client.to(self.ports["proxy"])
        try:
            await asyncio.sleep(random.random() * 0.5)
            for piece in (b"PROXY TCP4 192.0.2.1 ", b"192.0.2.2 1234 80\r\n"):
                client.say(piece)
                await asyncio.sleep(random.random() * 0.2)
            path = self.path("proxy")
            client.ask(path)
            await client.answer(path.encode())
            return 1
        finally:
            client.close()

    async def handshake(self):
        """TLS by hand, with pauses between its messages."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["tls"])
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.tls.wrap_bio(came, goes, server_hostname="a.test")

        async def drive(call):
            while True:
                try:
                    result = call()
                except ssl.SSLWantReadError:
                    result = None
                data = goes.read()
                for piece in (data[:len(data) // 2], data[len(data) // 2:]) if data else ():
                    writer.write(piece)
                    await asyncio.sleep(random.random() * 0.05)
                if result is not None:
                    return result
                data = await asyncio.wait_for(reader.read(65536), 10)
                if not data:
                    raise Lost("closed in the handshake or before an answer")
                came.write(data)

        try:
            await drive(lambda: tls.do_handshake() or True)
            path = self.path("handshake")
            await drive(lambda: tls.write(("GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n" % path).encode()))
            got = b""
            while path.encode() + b" 0" not in got:
                got += await drive(lambda: tls.read(65536))
            return 1
        finally:
            writer.close()

    async def early_data(self):
        """A session begun with one generation, mostly, and resumed with the request on the heels of the hello."""
        with tempfile.TemporaryDirectory(prefix="drain-") as directory:
            session, file = os.path.join(directory, "session"), os.path.join(directory, "request")

            async def openssl(path, *more):
                request = "GET %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" % path
                with open(file, "w", encoding="ascii") as out:
                    out.write(request)
                process = await asyncio.create_subprocess_exec(
                    "openssl", "s_client", "-connect", "127.0.0.1:%d" % self.ports["tls"], "-servername", "a.test",
                    "-ign_eof", *more, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL)
                typed = b"" if more[0] == "-early_data" else request.encode()
                said, _ = await asyncio.wait_for(process.communicate(typed), 20)
                # Early data may be turned down; a client would then send it again.
                if b"Early data was rejected" in said:
                    return
                if b"200 OK" not in said or path.encode() + b" 0" not in said:
                    raise Lost("no answer: %r" % said[-200:])

            await openssl(self.path("first"), "-sess_out", session)
            await asyncio.sleep(random.random() * 0.2)
            await openssl(self.path("zero"), "-early_data", file, "-sess_in", session)
            return 2

    async def connect(self):
        client = await Client.to(self.ports["web"])
        try:
            client.ask("/own", more="Connection: close\r\n")
            await client.answer(b"own")
            await client.end()
            return 1
        finally:
            client.close()

    def clients(self):
        def think(*choices):
            return lambda: random.choice(choices)

        def many(num, name, once, *arguments, **more):
            return [(name, self.each(name, lambda: once(*arguments, **more))) for _ in range(num)]

        return (many(4, "keep-alive", self.keep, "web") +
                many(12, "keep-alive, pauses", self.keep, "web", think=think(0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1)) +
                many(6, "own answers", self.keep_own) +
                many(30, "at the instant", self.instant, 0.002) +
                many(30, "soon after", self.instant, 0.1) +
                many(20, "3 s later", self.much_later, True) +
                many(10, "preconnected", self.much_later, False) +
                many(4, "slow uploads", self.upload, "sink") +
                many(4, "answered early", self.upload, "early") +
                many(4, "slow downloads", self.download) +
                many(4, "slow readers", self.slow_reader) +
                many(10, "slow readers who talk", self.slow_talker) +
                many(6, "sent ahead", self.ahead, 0.02) +
                many(6, "sent ahead, late", self.ahead_late) +
                many(6, "heads in pieces", self.in_pieces) +
                many(6, "Expect", self.expect) +
                many(4, "tcp tunnels", self.tunnel, "raw") +
                many(4, "WebSockets", self.tunnel, "ws") +
                many(8, "PROXY headers", self.proxy) +
                many(6, "TLS keep-alive", self.keep, "tls", self.tls, think(0, 1e-3, 0.05, 0.3)) +
                many(4, "TLS slow uploads", self.upload, "sink", self.tls) +
                many(6, "TLS handshakes", self.handshake) +
                (many(2, "TLS early data", self.early_data) if shutil.which("openssl") else []) +
                many(8, "queued", self.keep, "web", kind="narrow/late/30") +
                many(3, "connection per request", self.connect))

    async def keep_own(self):
        client = await Client.to(self.ports["web"])
        num = 0
        try:
            while not client.told and not self.over:
                client.ask("/own")
                await client.answer(b"own")
                num += 1
                await asyncio.sleep(random.random() * 0.01)
            if client.told:
                await client.end()
        finally:
            client.close()
        return num


async def reload_all(balancer, attack, ports, certs, origin):
    took = []
    for turn in range(1, RELOADS + 1):
        balancer.write(text(ports, certs, origin, turn))
        said = balancer.log().count("is ready:")
        start = time.monotonic()
        balancer.signal(signal.SIGUSR2)
        # The stop of the old generation follows what the log says at once.
        while balancer.log().count("is ready:") == said:
            lib.check(time.monotonic() < start + 20, "generation %d is ready in time" % (turn + 1))
            await asyncio.sleep(0.001)
        attack.reloading.set()
        attack.reloading.clear()
        took.append(time.monotonic() - start)
        await asyncio.sleep(random.random() * 0.2)
    return sorted(took)


async def attack_all(balancer, ports, certs, origin, tally):
    attack = Attack(ports, certs, tally)
    tasks = [asyncio.create_task(client, name=name) for name, client in attack.clients()]
    await asyncio.sleep(0.5)
    try:
        took = await reload_all(balancer, attack, ports, certs, origin)
    finally:
        attack.over = True
    done, late = await asyncio.wait(tasks, timeout=30)
    for task in late:
        lib.note("waits still: %s" % task.get_name())
    lib.check(not late, "all clients come to their end: %d do not" % len(late))
    for task in done:
        task.result()
    lib.note("%d reloads, half of them within %.0f ms, slowest %.0f ms" % (
        len(took), took[len(took) // 2] * 1000, took[-1] * 1000))


async def run(box):
    tally = Tally()
    certs = lib.certificates()
    server = await asyncio.start_server(origin_serve, "127.0.0.1", 0, backlog=1000)
    origin = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    ports = {name: lib.free_port() for name in ("web", "tls", "proxy", "raw")}
    loop = asyncio.get_running_loop()
    balancer = await loop.run_in_executor(None, lambda: box.balancer(text(ports, certs, origin, 0), ports["web"]))
    size = len(tools.tree(balancer.pid))
    try:
        await attack_all(balancer, ports, certs, origin, tally)
    finally:
        lost = tally.tell()
    lib.check(not lost, "nothing is lost, not %d" % lost)
    await loop.run_in_executor(None, lib.wait_for, lambda: len(tools.tree(balancer.pid)) <= size, 10,
                               "old generations leave")
    server.close()


def test(box):
    asyncio.run(run(box))


if __name__ == "__main__":
    random.seed(int(sys.argv[1]) if len(sys.argv) > 1 else None)
    lib.run(test, 150)
