#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker which stands still: new connections go to the others, and it comes back as if nothing had been."""

import os
import signal
import time

import lib

WORKERS = 4


def test(box):
    origin = box.origin()
    port = lib.free_port()
    balancer = box.balancer(lib.config(port, origin.port, workers=WORKERS), port)
    workers = balancer.workers()
    lib.check(len(workers) == WORKERS, "%d workers, not %d" % (WORKERS, len(workers)))
    for victim in workers[:2]:
        os.kill(victim, signal.SIGSTOP)
        took = []
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                status, seconds = lib.get(port, timeout=4)
            except OSError as error:
                raise lib.Failure("connection %d while a worker stands still: %s" % (len(took) + 1, error)) from None
            lib.check(status == 200, "status %d while a worker stands still" % status)
            took.append(seconds)
        os.kill(victim, signal.SIGCONT)
        lib.note("%d connections while one of %d stood still, slowest %.0f ms (aim: 200), over 50 ms: %d" % (
            len(took), WORKERS, max(took) * 1000, sum(seconds > 0.05 for seconds in took)))
        lib.check(max(took) < 3.5, "no connection waits for it")
    load = box.load(port, mode="close", conns=8)
    time.sleep(1)
    report = load.finish()
    lib.check(report["failed"] == 0, "no failure after it goes on: " + lib.failures(report))


lib.run(test)
