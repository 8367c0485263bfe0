#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients which send a byte a second: each gets 408 after `timeout http-request`, and nobody else notices."""

import socket
import time

import lib

SLOW = 100


def test(box):
    origin = box.origin()
    port = lib.free_port()
    box.balancer(lib.config(port, origin.port, defaults="timeout http-request 2s"), port)
    load = box.load(port, conns=10)
    slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(SLOW)]
    start = time.monotonic()
    for byte in (b"G", b"E"):
        for connection in slow:
            connection.sendall(byte)
        time.sleep(0.8)
    for connection in slow:
        answer = lib.read_answer(connection.makefile("rb"))
        status = answer.status if answer is not None else "an end"
        lib.check(status == 408, "408 for a head that does not come, not %s" % status)
        connection.close()
    took = time.monotonic() - start
    report = load.finish()
    lib.note("%d slow clients answered after %.1f s; beside them %d requests, slowest %.0f ms" % (
        SLOW, took, report["requests"], report["max_us"] / 1000))
    lib.check(1.5 < took < 15, "the timeout is kept: %.1f s" % took)
    lib.check(report["failed"] == 0, "the others are served: " + lib.failures(report))


lib.run(test)
