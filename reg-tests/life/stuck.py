#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A process of a coming generation is stopped as soon as it is forked: its keeper, its controller, or a worker. Whoever asked
for the reload hears within the time that a start may take (a minute) how it went; somebody serves all the time, the
next reload works, and the stopped process does not stay."""

import os
import signal
import threading
import time

import life
import lib
import workers

ANSWER_S = 90  # a minute, on a busy machine


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return sorted(map(int, file.read().split()))
    except OSError:
        return []


def is_there(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Case(threading.Thread):
    """One balancer, whose `which`th child of a coming keeper is stopped; 0: the keeper itself."""

    turn = threading.Lock()

    def __init__(self, box, which):
        super().__init__(daemon=True)
        self.which, self.error, self.first, self.took = which, "did not come to an end", None, None
        directory = box.keep(lib.Directory("/tmp/stuck-%d-%d" % (os.getpid(), which))).path
        self.port, self.admin = lib.free_port(), directory + "/master"
        self.balancer = box.balancer(workers.text(directory, 2, ["127.0.0.1:%d" % self.port]), self.port,
                                     args=("-W", "-S", self.admin))

    def stop_one(self, known):
        for _ in range(100000):
            for keeper in set(children(self.balancer.pid)) - known:
                found = [keeper] if self.which == 0 else children(keeper)[self.which - 1:self.which]
                for pid in found:
                    os.kill(pid, signal.SIGSTOP)
                    return pid
        raise lib.Failure("no process to stop")

    def ask(self):
        start = time.monotonic()
        self.first = life.admin(self.admin, "reload", ANSWER_S)
        self.took = time.monotonic() - start

    def attack(self):
        asking = threading.Thread(target=self.ask, daemon=True)
        # One at a time, for it has to be quick.
        with self.turn:
            known = set(children(self.balancer.pid))
            asking.start()
            pid = self.stop_one(known)
        asking.join(ANSWER_S + 5)
        lib.check(self.first is not None, "an answer to the reload")
        lib.check(lib.answers(self.port, "/"), "the service goes on")
        lib.check("Success=1" in life.admin(self.admin, "reload", ANSWER_S), "the next reload works")
        lib.check(lib.answers(self.port, "/"), "the service goes on after it")
        lib.wait_for(lambda: not is_there(pid), 90, "the stopped process is gone")

    def run(self):
        try:
            self.attack()
            self.error = None
        except (lib.Failure, OSError) as error:
            self.error = repr(error)


def test(box):
    if not lib.FULL:
        raise lib.Skip("it takes more than a minute: FULL=1")
    cases = [Case(box, which) for which in range(3)]
    for case in cases:
        case.start()
    for case in cases:
        case.join(250)
    for case, name in zip(cases, ("keeper", "controller", "worker")):
        lib.note("%-10s stopped: the reload was answered after %.0f s with %r" % (name, case.took or 0, case.first))
        lib.check(case.error is None, "%s: %s" % (name, case.error))


if __name__ == "__main__":
    lib.run(test, 280)
