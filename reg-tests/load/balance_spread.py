#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What four workers give each server together: exact shares of 10,000 requests for the rotations, near ones for random, one
server for each key of a hash; and leastconn over held connections stays even when a worker is killed with its share."""

import os
import signal
import socket
import time

import lib

WORKERS = 4
REQUESTS = 10000
CONNECTIONS = 16
WEIGHTS = (1, 2, 3, 4)
HELD = 200
SERVERS = 20


def config(port, origin, held_port, held_origin):
    text = lib.config(port, origin, workers=WORKERS, defaults="    option http-keep-alive")
    text = text[:text.index("listen")]
    text += """
frontend origin
    bind 127.0.0.1:%d
    http-request return status 200
frontend fe
    bind 127.0.0.1:%d
    use_backend %%[req.hdr(backend)]
""" % (origin, port)
    for name, lines in BACKENDS.items():
        text += "backend %s\n    http-response set-header server %%s\n%s\n" % (name, lib.indent(lines))
        for i, weight in enumerate(WEIGHTS):
            text += "    server s%d 127.0.0.1:%d weight %d\n" % (i, origin, weight)
    text += "listen held\n    mode tcp\n    balance leastconn\n    bind 127.0.0.1:%d\n" % held_port
    for i in range(SERVERS):
        text += "    server s%d 127.0.0.%d:%d\n" % (i, i + 1, held_origin)
    return text


BACKENDS = {
    "roundrobin": "balance roundrobin",
    "static": "balance static-rr",
    "random": "balance random(1)",
    "map": "balance hdr(key)",
    "ring": "balance hdr(key)\nhash-type consistent",
}


def ask(port, backend):
    """The server of each request, by its key: {key: {server: count}}."""
    found = {}
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CONNECTIONS)]
    streams = [client.makefile("rb") for client in clients]
    batch = 125
    for start in range(0, REQUESTS, CONNECTIONS * batch):
        keys = {}
        for i, client in enumerate(clients):
            keys[i] = [(start + i * batch + j) % 500 for j in range(batch)]
            client.sendall(b"".join(b"GET / HTTP/1.1\r\nhost: a\r\nbackend: %s\r\nkey: %d\r\n\r\n" % (backend.encode(), key)
                                    for key in keys[i]))
        for i, stream in enumerate(streams):
            for key in keys[i]:
                server = lib.read_answer(stream).headers["server"]
                servers = found.setdefault(key, {})
                servers[server] = servers.get(server, 0) + 1
    for client, stream in zip(clients, streams):
        stream.close()
        client.close()
    return found


def totals(found):
    counts = [0] * len(WEIGHTS)
    for servers in found.values():
        for server, count in servers.items():
            counts[int(server[1:])] += count
    return counts


def check_shares(port):
    for backend in BACKENDS:
        found = ask(port, backend)
        counts = totals(found)
        lib.note("%s: %s" % (backend, counts))
        lib.check(sum(counts) == REQUESTS, "%d answers" % sum(counts))
        wanted = [REQUESTS * weight // sum(WEIGHTS) for weight in WEIGHTS]
        if backend in ("roundrobin", "static"):
            lib.check(counts == wanted, "%s gave %s, not %s" % (backend, counts, wanted))
        elif backend == "random":
            lib.check(all(abs(count - want) < want / 5 for count, want in zip(counts, wanted)), "random gave %s" % counts)
        else:
            lib.check(all(len(servers) == 1 for servers in found.values()), "a key of %s reached several servers" % backend)
            lib.check(all(counts), "%s left a server out: %s" % (backend, counts))


class Holder:
    """Connections that are held open through the balancer, and the servers' ends of them."""

    def __init__(self, port, origin):
        self.port = port
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", origin))
        self.listener.listen(4096)
        self.listener.settimeout(5)
        self.clients = []
        self.ends = []

    def open(self, number):
        for _ in range(number):
            self.clients.append(socket.create_connection(("127.0.0.1", self.port), timeout=5))
            end, _ = self.listener.accept()
            self.ends.append(end)

    def forget_closed(self):
        """Takes out what was closed or reset."""
        left = []
        for end in self.ends:
            end.setblocking(False)
            try:
                closed = end.recv(1) == b""
            except BlockingIOError:
                closed = False
            except OSError:
                closed = True
            if closed:
                end.close()
            else:
                left.append(end)
        self.ends = left

    def counts(self):
        counts = [0] * SERVERS
        for end in self.ends:
            counts[int(end.getsockname()[0].rsplit(".")[-1]) - 1] += 1
        return counts

    def stop(self):
        for one in self.clients + self.ends + [self.listener]:
            one.close()


def check_held(box, balancer, holder):
    holder.open(HELD)
    counts = holder.counts()
    lib.check(counts == [HELD // SERVERS] * SERVERS, "leastconn gave %s" % counts)
    victim = max(balancer.workers(), key=lambda pid: lib.connections_of(pid, holder.port))
    held = lib.connections_of(victim, holder.port)
    before = balancer.workers()
    os.kill(victim, signal.SIGKILL)
    lib.wait_for(lambda: len(set(balancer.workers()) - {victim}) >= len(before), 20, "a replacement appears")
    time.sleep(0.3)
    holder.forget_closed()
    left = holder.counts()
    holder.open(HELD - len(holder.ends) + 2 * SERVERS)
    counts = holder.counts()
    lib.note("leastconn: %d of %d held died with a worker (left: %d to %d), then %d to %d on each server" %
             (held, HELD, min(left), max(left), min(counts), max(counts)))
    lib.check(max(counts) - min(counts) <= 1, "leastconn gave %s after a worker died" % counts)


def test(box):
    port, origin, held_port, held_origin = (lib.free_port() for _ in range(4))
    holder = box.keep(Holder(held_port, held_origin))
    balancer = box.balancer(config(port, origin, held_port, held_origin), port)
    check_shares(port)
    check_held(box, balancer, holder)


lib.run(test, seconds=150)
