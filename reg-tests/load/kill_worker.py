#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker dies under load: only its own connections break, nobody is refused or hangs, and another takes its place."""

import os
import signal
import time

import lib

WORKERS = 4


def kill_one(balancer, port, load):
    """Kills a worker which holds connections; returns how many it held and the seconds until its replacement."""
    before = balancer.workers()
    lib.check(len(before) == WORKERS, "%d workers, not %d" % (WORKERS, len(before)))
    victim = max(before, key=lambda pid: lib.connections_of(pid, port))
    held = lib.connections_of(victim, port)
    start = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    lib.wait_for(lambda: len(set(balancer.workers()) - {victim}) >= WORKERS, 20, "a replacement appears")
    took = time.monotonic() - start
    time.sleep(0.5)
    return held, took, load.finish()


def test(box):
    origin = box.origin()
    port = lib.free_port()
    balancer = box.balancer(lib.config(port, origin.port, workers=WORKERS), port)
    for mode, conns in (("keep", 40), ("close", 12)):
        load = box.load(port, mode=mode, conns=conns, timeout=8000)
        time.sleep(0.5)
        held, took, report = kill_one(balancer, port, load)
        lib.note("%s: %d connections held, %d requests, replacement after %.0f ms, slowest connect %.0f ms, slowest answer "
                 "%.0f ms; failed: %s" % (mode, held, report["requests"], took * 1000, report["connect_max_us"] / 1000,
                                          report["max_us"] / 1000, lib.failures(report) or "none"))
        # Connections come and go in mode close: there each of the client's may have been the worker's.
        bound = held if mode == "keep" else conns
        lib.check(report["failed"] <= bound, "at most %d failures: %s" % (bound, lib.failures(report)))
        lib.check(report["refused"] == 0, "no connect is refused")
        lib.check(report["slow_connects"] == 0 and report["timeout"] == 0, "nothing hangs: " + lib.failures(report))
        lib.check(took < 5, "a replacement within seconds")
    lib.check(lib.answers(port), "service goes on")


lib.run(test)
