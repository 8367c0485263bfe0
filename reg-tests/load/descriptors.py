#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More clients than descriptors: those who came first are served, nothing spins or dies, and all is well afterwards."""

import select
import socket
import time

import lib
import tools

NOFILE = 300


def begin(port):
    """Starts a connection; whether it is accepted, waits or is refused is the balancer's business."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", port))
    return connection


def ask(connection):
    try:
        connection.send(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
    except OSError:
        pass


def answer_of(connection):
    """The status of its answer, None while it waits in the kernel's queue."""
    if not select.select([connection], [], [], 0.005)[0]:
        return None
    try:
        return int(connection.recv(4096).split()[1])
    except (OSError, IndexError):
        return None


def test(box):
    origin = box.origin()
    port = lib.free_port()
    text = lib.config(port, origin.port).replace("    maxconn 4000\n", "")
    balancer = box.balancer(text, port, nofile=NOFILE)
    workers = balancer.workers()
    early = socket.create_connection(("127.0.0.1", port), 5)
    reader = early.makefile("rb")
    # It has its place among all that may be served before the crowd comes.
    early.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
    lib.check(lib.read_answer(reader).status == 200, "the first connection is served")
    crowd = [begin(port) for _ in range(3 * NOFILE)]
    time.sleep(0.5)
    for connection in crowd:
        ask(connection)
    statuses = [answer_of(connection) for connection in crowd]
    lib.note("at once: %s" % {status: statuses.count(status) for status in set(statuses)})
    lib.check(statuses.count(200) > 5, "those who came first are served")
    lib.check(statuses.count(503) == 0, "who is accepted finds a descriptor for the way to the server")
    before = tools.cpu(balancer.pid)
    time.sleep(1)
    used, _ = tools.cpu_between(before, tools.cpu(balancer.pid))
    lib.note("%.0f ms of CPU in a second without descriptors" % (used / 1000))
    lib.check(used < 700000, "it does not spin")
    early.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
    answer = lib.read_answer(reader)
    lib.check(answer is not None and answer.status in (200, 503), "a connection from before is answered")
    for connection in crowd:
        connection.close()
    early.close()
    lib.wait_for(lambda: lib.answers(port), 20, "new connections are served after the crowd has left")
    load = box.load(port, conns=10, milliseconds=500)
    report = load.report()
    lib.check(report["failed"] == 0, "and go on to be: " + lib.failures(report))
    lib.check(set(balancer.workers()) == set(workers), "no process died")


lib.run(test)
