#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An origin dies and comes back: 503 in bounded time without it, another server where there is one, 200 afterwards."""

import time
from concurrent.futures import ThreadPoolExecutor

import lib


def alone(box):
    origin = box.origin()
    port = lib.free_port()
    box.balancer(lib.config(port, origin.port, defaults="retries 1"), port)
    lib.check(lib.answers(port), "the origin answers")
    load = box.load(port, conns=10)
    origin.stop()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: lib.get(port), range(16)))
    report = load.finish()
    lib.note("without an origin: %s, slowest %.0f ms" % (sorted({status for status, _ in results}),
                                                        max(seconds for _, seconds in results) * 1000))
    lib.check(all(status == 503 for status, _ in results), "503 without an origin")
    lib.check(max(seconds for _, seconds in results) < 10, "no answer hangs")
    lib.check(report["timeout"] == 0 and report["refused"] == 0, "nothing hangs: " + lib.failures(report))
    box.origin(origin.port)
    lib.wait_for(lambda: lib.answers(port), 20, "200 again after the origin is back")


def with_another(box):
    first, second = box.origin(), box.origin()
    port = lib.free_port()
    text = lib.config(port, first.port, defaults="retries 3\noption redispatch 1",
                      listen="server second 127.0.0.1:%d" % second.port)
    box.balancer(text, port)
    load = box.load(port, conns=20)
    lib.check(lib.answers(port), "the origins answer")
    time.sleep(0.3)
    first.stop()
    results = [lib.get(port) for _ in range(40)]
    time.sleep(0.5)
    report = load.finish()
    lib.note("one of two gone: slowest %.0f ms; load with %d requests failed: %s" % (
        max(seconds for _, seconds in results) * 1000, report["requests"], lib.failures(report) or "none"))
    lib.check(all(status == 200 for status, _ in results), "the other server takes over")
    lib.check(max(seconds for _, seconds in results) < 10, "no answer hangs")
    lib.check(report["failed"] <= 20, "at most one request of each connection is lost: " + lib.failures(report))


def test(box):
    alone(box)
    with_another(box)


lib.run(test)
