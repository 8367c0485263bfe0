#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A flood of handshakes: `maxsslrate` holds over all workers, and the clients that are there are served meanwhile. What it
costs them in time is told, not judged: here the flood's own client takes half of the machine."""

import os
import time

import lib

RATE = 100
SECONDS = 4


def test(box):
    origin = box.origin()
    plain, port = lib.free_port(), lib.free_port()
    text = lib.config(plain, origin.port, glob="maxsslrate %d" % RATE)
    text += "listen tls\n    bind 127.0.0.1:%d ssl crt %s\n    server origin 127.0.0.1:%d\n" % (
        port, os.path.join(lib.certificates(), "server.pem"), origin.port)
    box.balancer(text, plain)
    lib.wait_for(lambda: lib.connects(port), 20, "the port of TLS accepts")

    def others(milliseconds):
        """Clients that were there before: over TLS, and plain."""
        return [box.load(port, conns=5, milliseconds=milliseconds, tls="1.3"),
                box.load(plain, conns=5, milliseconds=milliseconds)]

    quiet = [load.report() for load in others(1500)]
    loads = others(600000)
    time.sleep(0.5)
    start = time.monotonic()
    flood = box.load(port, mode="close", conns=50, milliseconds=SECONDS * 1000, tls="1.3", timeout=20000)
    report = flood.report()
    took = time.monotonic() - start
    reports = [load.finish() for load in loads]

    lib.note("%d handshakes in %.1f s where %d a second are allowed, slowest answer after %.0f ms" % (
        report["handshakes"], took, RATE, report["max_us"] / 1000))
    for name, before, during in zip(("over TLS", "plain"), quiet, reports):
        lib.note("the others %s: %d requests, p99 %.1f ms; without the flood %.1f ms" % (
            name, during["requests"], during["p99_us"] / 1000, before["p99_us"] / 1000))
    lib.check(0 < report["handshakes"] <= RATE * (took + 2), "the rate holds: %d handshakes" % report["handshakes"])
    lib.check(report["failed"] == 0, "who waits for a handshake gets it: " + lib.failures(report))
    for during in reports:
        lib.check(during["failed"] == 0, "the others are served: " + lib.failures(during))
        lib.check(during["requests"] > 100, "the others are served: %d requests" % during["requests"])


lib.run(test, seconds=150)
