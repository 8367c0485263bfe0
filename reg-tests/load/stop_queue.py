#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker which stands still while requests of all workers queue for a server: places that come free go to the
others, and the end finds every place free."""

import os
import signal
import time

import lib

WORKERS = 4


def test(box):
    origin = box.origin()
    port = lib.free_port()
    text = lib.config(port, origin.port, workers=WORKERS, defaults="timeout queue 10s", server="maxconn 12")
    balancer = box.balancer(text, port)
    load = box.load(port, conns=80, path="/slow/10", timeout=15000)
    time.sleep(1)
    victim = balancer.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    time.sleep(0.5)
    took = []
    end = time.monotonic() + 3
    while time.monotonic() < end:
        status, seconds = lib.get(port, "/slow/1", timeout=5)
        lib.check(status == 200, "status %d while a worker stands still" % status)
        took.append(seconds)
    os.kill(victim, signal.SIGCONT)
    lib.note("%d requests through the queue while one of %d workers stood still, slowest %.0f ms" % (
        len(took), WORKERS, max(took) * 1000))
    time.sleep(1)
    report = load.finish()
    lib.check(report["failed"] == 0, "no failure: " + lib.failures(report))
    lib.check(max(took) < 4.5, "the queue moves on")
    for _ in range(24):
        lib.check(lib.get(port, "/slow/1", timeout=8)[1] < 5, "all places came back")


lib.run(test)
