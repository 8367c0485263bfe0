#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: everything stops at once, no process stays, and no unix socket either."""

import os
import shutil
import signal
import tempfile
import time

import lib
import tools


def test(box):
    origin = box.origin()
    port = lib.free_port()
    directory = box.keep(Directory()).path
    listener, stats = os.path.join(directory, "listener"), os.path.join(directory, "stats")
    balancer = box.balancer(lib.config(port, origin.port, glob="stats socket %s" % stats,
                                       listen="bind unix@%s" % listener), port)
    lib.check(os.path.exists(listener) and os.path.exists(stats), "the unix sockets are there")
    box.load(port, conns=20)
    tunnels = box.load(port, mode="tunnel", conns=20, path="/ws")
    lib.check(tunnels.report()["requests"] == 20, "the tunnels are open")
    members = tools.tree(balancer.pid)
    start = time.monotonic()
    balancer.signal(signal.SIGTERM)
    status = balancer.wait_exit(10)
    lib.note("gone after %.0f ms, status %d" % ((time.monotonic() - start) * 1000, status))
    left = [pid for pid in tools.tree(os.getpid()) if pid in members]
    lib.check(not left, "no process stays: %s" % [lib.process_title(pid) for pid in left])
    lib.check(not lib.connects(port), "nobody listens any more")
    lib.check(os.listdir(directory) == [], "unix sockets are removed: %s" % os.listdir(directory))


class Directory:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="load-")

    def stop(self):
        shutil.rmtree(self.path)


lib.run(test)
