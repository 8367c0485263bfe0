#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reload with a broken file changes nothing but the log; the next good one works."""

import signal

import lib


def test(box):
    origin = box.origin()
    port, second = lib.free_port(), lib.free_port()
    good = lib.config(port, origin.port)
    balancer = box.balancer(good, port)
    workers = balancer.workers()
    load = box.load(port, conns=10)
    balancer.write(good + "\n    nosuchkeyword here\n")
    balancer.signal(signal.SIGUSR2)
    lib.wait_for(lambda: "nosuchkeyword" in balancer.log(), 20, "the log names the broken word")
    lib.check(set(workers) <= set(balancer.workers()), "the old workers go on")
    lib.check(lib.answers(port), "a new connection is served after a bad reload")
    balancer.write(good + "\nlisten second\n    bind 127.0.0.1:%d\n    server origin 127.0.0.1:%d\n" % (
        second, origin.port))
    balancer.signal(signal.SIGUSR2)
    lib.wait_for(lambda: lib.answers(second), 20, "a good reload works after a bad one")
    lib.check(lib.answers(port), "the first listener goes on")
    report = load.finish()
    lib.check(report["failed"] == 0, "no request fails: " + lib.failures(report))


lib.run(test)
