#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reload after reload under load: no request fails and no connect is refused."""

import time

import lib
import tools


def test(box):
    origin = box.origin()
    port = lib.free_port()
    balancer = box.balancer(lib.config(port, origin.port), port)
    size = len(tools.tree(balancer.pid))
    keep = box.load(port, conns=20, milliseconds=90000)
    once = box.load(port, mode="close", conns=8, milliseconds=90000)
    late = box.load(port, conns=8, path="/slow/150", milliseconds=90000)
    took = []
    for _ in range(50 if lib.FULL else 20):
        start = time.monotonic()
        balancer.reload()
        took.append(time.monotonic() - start)
        time.sleep(0.1)
    reports = {"keep-alive": keep.finish(), "one request a connection": once.finish(), "slow answers": late.finish()}
    lib.note("%d reloads, slowest %.0f ms" % (len(took), max(took) * 1000))
    for name, report in reports.items():
        lib.note("%s: %d requests, %d connects, slowest connect %.0f ms; failed: %s" % (
            name, report["requests"], report["connects"], report["connect_max_us"] / 1000,
            lib.failures(report) or "none"))
    for name, report in reports.items():
        lib.check(report["failed"] == 0, "no failure with " + name)
        lib.check(report["slow_connects"] == 0, "no connect hangs with " + name)
    lib.wait_for(lambda: len(tools.tree(balancer.pid)) <= size, 20, "old generations leave: %s" % [
        lib.process_title(pid) for pid in tools.tree(balancer.pid)])


lib.run(test)
