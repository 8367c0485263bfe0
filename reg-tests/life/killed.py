#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers are killed every 300 ms under 5,000 connects a second. Only connections that the killed worker had accepted may
fail; what waited in its socket's queue is served by a neighbour, and its slot gets nothing new until somebody is there."""

import os
import re
import signal
import subprocess
import time

import life
import lib
from workers import text

WORKERS = 8
KILLS = 30  # fewer than five of each worker: it would be started again with a pause


def owned_by(pid, port):
    """How many connections of `port` a process holds. The kernel looks them up: its list in /proc is long after so many."""
    out = subprocess.run([lib.need("ss"), "-Htne", "sport", "=", ":%d" % port], capture_output=True, text=True, timeout=10)
    inodes = set("socket:[%s]" % ino for ino in re.findall(r" ino:(\d+)", out.stdout))
    return lib.sockets_of(pid, inodes)


def test(box):
    lib.need("ss")
    directory = box.keep(lib.Directory("/tmp/killed-%d" % os.getpid())).path
    port = lib.free_port()
    balancer = box.balancer(text(directory, WORKERS, ["127.0.0.1:%d" % port, directory + "/front"]), port)
    load = box.keep(life.Connects("127.0.0.1:%d" % port, rate=5000, seconds=120))
    shared = box.keep(life.Connects(directory + "/front", rate=500, seconds=120))
    owned = 0
    for turn in range(KILLS):
        time.sleep(0.3)
        name = "fairlead: worker %d " % (turn % WORKERS + 1)
        victim = lib.wait_for(lambda: [pid for pid in balancer.workers() if lib.process_title(pid).startswith(name)], 30,
                              name + "is there")[0]
        # Stopped for a moment, so that what it owns can be counted.
        os.kill(victim, signal.SIGSTOP)
        owned += owned_by(victim, port)
        os.kill(victim, signal.SIGKILL)
    time.sleep(0.5)
    for name, connects in (("TCP", load), ("unix", shared)):
        report = connects.finish()
        life.tell_connects("%d kills, %s" % (KILLS, name), report)
        failed = report["reset"] + report["short"]
        lib.check(report["refused"] + report["timeout"] + report["other"] + report["slow_connects"] == 0,
                  "no connect is refused or hangs:\n" + connects.errors)
        if connects is load:
            lib.note("%d of the connections that the killed workers had accepted failed: they had %d" % (failed, owned))
            lib.check(failed <= owned, "only those fail that a killed worker had accepted")


if __name__ == "__main__":
    lib.run(test, 150)
