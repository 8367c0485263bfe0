#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The controller is killed in the middle of sending log lines, again and again: each line arrives all the same, over UDP
and over TCP. At most what was in its last system call arrives twice."""

import os
import signal
import socket
import threading
import time

import life  # noqa: F401
import lib
import tools

BURSTS = 100
BURST = 200
KILLS = 6  # it is started again with longer and longer pauses
BATCH = 64  # lines of one system call, at most


def text(directory, ports):
    return """\
global
    nbthread 2
    stats socket %s/admin level admin
ring lines
    format raw
    size 4194304
    server s 127.0.0.1:%d
defaults
    mode http
    timeout client 20s
frontend web
    bind 127.0.0.1:%d
    log 127.0.0.1:%d format raw local0
    log ring@lines format raw local0
    log-format "line%%HU/"
    http-request return status 200 content-type text/plain string ok
""" % (directory, ports["tcp"], ports["web"], ports["udp"])


class Receiver:
    """Counts how often each line came."""

    def __init__(self, name):
        self.name, self.lines, self.total = name, {}, 0

    def take(self, data):
        for part in data.split(b"line/")[1:]:
            number = int(part.split(b"/")[0])
            self.lines[number] = self.lines.get(number, 0) + 1
            self.total += 1

    def check(self, num, killed):
        twice = sum(count - 1 for count in self.lines.values())
        lost = num - len(self.lines)
        lib.note("%-6s %6d lines, %d lost, %d twice" % (self.name, num, lost, twice))
        lib.check(lost == 0, "no line is lost over " + self.name)
        lib.check(twice <= killed * BATCH, "few lines come twice over " + self.name)


class Killer:
    """Kills the controller when a datagram of a burst has just come: more of it is under way."""

    def __init__(self, balancer):
        self.balancer, self.num, self.wanted = balancer, 0, False

    def find(self):
        return [pid for pid in tools.tree(self.balancer.pid) if lib.process_title(pid).startswith("fairlead: controller")]

    def prepare(self):
        self.pid = lib.wait_for(self.find, 30, "a controller")[0]
        self.wanted = True

    def strike(self):
        if self.wanted:
            self.wanted = False
            os.kill(self.pid, signal.SIGKILL)
            self.num += 1


def datagrams(receiver, sock, killer):
    sock.settimeout(0.2)
    while not killer.over:
        try:
            receiver.take(sock.recv(65536))
        except TimeoutError:
            continue
        if receiver.total % 7 == 0:
            killer.strike()


def streams(receiver, listener, killer):
    listener.settimeout(0.2)
    threads = []
    while not killer.over:
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            continue
        threads.append(threading.Thread(target=stream, args=(receiver, connection, killer)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def stream(receiver, connection, killer):
    connection.settimeout(0.2)
    rest = b""
    while not killer.over:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not data:
            break
        whole, _, rest = (rest + data).rpartition(b"\n")
        receiver.take(whole)


def burst(stream, first):
    for number in range(first, first + BURST):
        stream.write(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number)
    stream.flush()
    for _ in range(BURST):
        lib.check(lib.read_answer(stream).status == 200, "an answer")


def test(box):
    directory = box.keep(lib.Directory("/tmp/loglines-%d" % os.getpid())).path
    udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_STREAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    udp.bind(("127.0.0.1", 0))
    tcp.bind(("127.0.0.1", 0))
    tcp.listen(16)
    ports = {"web": lib.free_port(), "udp": udp.getsockname()[1], "tcp": tcp.getsockname()[1]}
    balancer = box.balancer(text(directory, ports), ports["web"])
    killer = Killer(balancer)
    killer.over = False
    receivers = [Receiver(name) for name in ("UDP", "TCP")]
    threads = [threading.Thread(target=run, args=args, daemon=True) for run, args in (
        (datagrams, (receivers[0], udp, killer)), (streams, (receivers[1], tcp, killer)))]
    for thread in threads:
        thread.start()
    client = socket.create_connection(("127.0.0.1", ports["web"]), 10).makefile("rwb")
    for turn in range(BURSTS):
        if turn % (BURSTS // KILLS) == 2:
            killer.prepare()
        burst(client, turn * BURST)
        time.sleep(0.02)
    total = BURSTS * BURST
    end = time.monotonic() + 20
    while min(len(receiver.lines) for receiver in receivers) < total and time.monotonic() < end:
        time.sleep(0.1)
    killer.over = True
    for thread in threads:
        thread.join()
    lib.check(killer.num >= KILLS, "the controller was killed, %d times" % killer.num)
    lib.note("the controller was killed %d times" % killer.num)
    for receiver in receivers:
        receiver.check(total, killer.num)


if __name__ == "__main__":
    lib.run(test, 150)
