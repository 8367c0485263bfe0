#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""show sess while thousands of sessions are open and others come and go: each that is there all the time is listed once,
and requests are served as before. With FULL=1 there are 20,000 of them."""

import collections
import os
import re
import socket
import sys
import time

import lib
import tools

NUM = 20000 if lib.FULL else 2000
HOLDERS = 4
WORKERS = 3


def child(work):
    """Runs `work(pipe)` in a process of its own; gives its pid and the other end of the pipe."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        ours.settimeout(60)
        return pid, ours
    ours.close()
    try:
        work(theirs)
    except BaseException as error:  # noqa: B902
        theirs.sendall(("failed: %r" % error).encode())
    os._exit(0)


class Child:
    """A child process with a stop(), for the box."""

    def __init__(self, work):
        self.pid, self.pipe = child(work)

    def line(self):
        return self.pipe.recv(4096).decode()

    def stop(self):
        self.pipe.close()
        lib.kill(self.pid, lib.signal.SIGKILL)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass


def hold(port, number, num):
    """Opens `num` connections, each with a request that a rule holds, and keeps them until it is ended."""
    def work(pipe):
        tools.raise_nofile()
        held = []
        for index in range(num):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(("127.0.1.%d" % (number + 1), 0))
            connection.connect(("127.0.0.1", port))
            connection.sendall(b"GET /hold/%d HTTP/1.1\r\nHost: load\r\n\r\n" % (number * num + index))
            held.append(connection)
        pipe.sendall(b"open")
        pipe.recv(1)
    return work


def churn(port):
    """Connections that come, are served and go, for as long as it lives."""
    def work(pipe):
        pipe.sendall(b"on")
        while True:
            lib.get(port, "/churn")
    return work


def probe(port):
    """Requests on one kept connection after the other; tells how long they took each time it is asked."""
    def work(pipe):
        connections = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(4 * WORKERS)]
        for connection in connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pipe.setblocking(False)
        times = []
        while True:
            for connection in connections:
                start = time.monotonic()
                connection.sendall(b"GET /probe HTTP/1.1\r\nHost: load\r\n\r\n")
                lib.check(connection.recv(4096).startswith(b"HTTP/1.1 200 "), "a probe is answered")
                times.append(time.monotonic() - start)
            try:
                if not pipe.recv(1):
                    return
            except BlockingIOError:
                continue
            times.sort()
            pipe.sendall(b"%d requests, half of them within %.2f ms, 99 of 100 within %.2f ms, the longest %.2f ms" % (
                len(times), 1e3 * times[len(times) // 2], 1e3 * times[len(times) * 99 // 100], 1e3 * times[-1]))
            times = []
    return work


def ask(path, command, piece=1 << 20, pause=0.0):
    """The answer of the admin socket, read `piece` bytes at a time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        pieces = []
        while True:
            data = connection.recv(piece)
            if not data:
                return b"".join(pieces).decode()
            pieces.append(data)
            time.sleep(pause)


def check_list(text, pattern, what):
    """Every held request is there, once, and so is everything else at most."""
    ids = re.findall(r"^0x[0-9a-f]+", text, re.M)
    lib.check(len(ids) == len(set(ids)), "%s: no stream twice" % what)
    held = collections.Counter(int(n) for n in re.findall(pattern, text))
    lib.check(sorted(held) == list(range(NUM)), "%s: %d of %d held requests" % (what, len(held), NUM))
    lib.check(max(held.values()) == 1, "%s: none twice" % what)
    lib.check("# worker" not in text, "%s: all workers answer" % what)


def test(box):
    port = lib.free_port()
    directory = box.keep(lib.Directory(os.path.join("/tmp", "show-sess-%d" % os.getpid()))).path
    path = os.path.join(directory, "sock")
    balancer = box.balancer("""\
global
    nbthread %d
    maxconn 25000
    stats socket %s level admin
    stats timeout 30s
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tarpit 100s
frontend load
    bind 127.0.0.1:%d
    http-request tarpit if { path_beg /hold/ }
    http-request return status 200
""" % (WORKERS, path, port), port)
    holders = [box.keep(Child(hold(port, number, NUM // HOLDERS))) for number in range(HOLDERS)]
    for holder in holders:
        lib.check(holder.line() == "open", "the sessions open")
    prober = box.keep(Child(probe(port)))
    comers = [box.keep(Child(churn(port))) for _ in range(2)]
    lib.wait_for(lambda: len(re.findall("^0x", ask(path, "show sess older 0"), re.M)) >= NUM, 20, "all are there")
    time.sleep(0.3)
    prober.pipe.sendall(b"?")
    lib.note("before: " + prober.line())
    measures = [("show sess show-uri", {}, r' uri="GET /hold/(\d+) '),
                ("show sess all", {}, r' uri="GET /hold/(\d+) '),
                ("show sess show-uri frontend load", {"piece": 65536, "pause": 0.002}, r' uri="GET /hold/(\d+) ')]
    for command, how, pattern in measures:
        start = time.monotonic()
        text = ask(path, command, **how)
        took = time.monotonic() - start
        prober.pipe.sendall(b"?")
        lib.note("%s%s: %.1f MB in %.2f s; %s" % (command, ", read slowly" if how else "", len(text) / 1e6, took,
                                                   prober.line()))
        check_list(text, pattern, command)
    start = time.monotonic()
    lib.check(ask(path, "show sess older 1h") == "\n", "none is that old")
    prober.pipe.sendall(b"?")
    lib.note("none of all: %.3f s; %s" % (time.monotonic() - start, prober.line()))
    # Ended from outside while they are listed: what is left is what is listed.
    ids = re.findall(r"^(0x[0-9a-f]+): .* uri=\"GET /hold/", ask(path, "show sess show-uri"), re.M)
    lib.check(ask(path, ";".join("shutdown session " + id for id in ids[:50])).strip() == "", "50 are ended")
    left = re.findall(r"^(0x[0-9a-f]+): .* uri=\"GET /hold/", ask(path, "show sess show-uri"), re.M)
    lib.check(sorted(left) == sorted(ids[50:]), "the others are left")
    figures = ask(path, "show activity")
    lib.note("the longest turn of each worker so far: %s us; turns over 5 ms: %s" % tuple(
        re.search(r"^%s: \d+ \[ (.*) \]$" % name, figures, re.M)[1] for name in ("max_loop_us", "late_loops")))
    lib.check(not any(child.line() for child in comers if select_ready(child)), "those who come are served")
    lib.check(balancer.process.poll() is None and len(balancer.workers()) == WORKERS, "no worker died")


def select_ready(child):
    """Whether it said more than that it began."""
    child.line()
    return bool(lib.select.select([child.pipe], [], [], 0)[0])


lib.run(test)
