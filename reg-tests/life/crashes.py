#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every process is killed, crashed or stopped under load of every kind. Connections of a worker that dies may break; nothing
else may: no other request fails, no connect is refused, counters do not decrease, the admin socket answers again soon."""

import os
import signal
import time

import life
import lib
import tools

WORKERS = 4
STUCK = 1.5  # seconds until the watchdog ends a process


def text(directory, port, tls_port, origin, more=""):
    return """\
global
    nbthread %d
    %s
    watchdog warn 500ms kill %dms
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout tunnel 300s
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem
    default_backend origin
backend origin
    server s1 127.0.0.1:%d maxconn 60
""" % (WORKERS, more, STUCK * 1000, directory, port, tls_port, lib.certificates(), origin)


def of_role(balancer, role):
    """Pids of the processes with that role, of the newest generation."""
    found = {}
    for pid, title in life.titles(balancer).items():
        if title.startswith(role):
            number = title.rpartition(" gen ")[2]
            found.setdefault(int(number) if number.isdigit() else 0, []).append(pid)
    return found[max(found)] if found else []


def settled(balancer):
    """Whether one generation alone is there, and whole."""
    return len(tools.tree(balancer.pid)) == WORKERS + 3 and len(of_role(balancer, "worker")) == WORKERS


def ended(pid):
    """Whether the process ended; who waits for it does not matter."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Scene:
    """One life under load: victims die one after the other."""

    def __init__(self, box, more=""):
        self.box = box
        self.origin = box.origin()
        self.port, self.tls_port = lib.free_port(), lib.free_port()
        self.directory = box.keep(lib.Directory("/tmp/life-%d" % self.port)).path
        self.balancer = box.balancer(text(self.directory, self.port, self.tls_port, self.origin.port, more), self.port)
        self.path = self.directory + "/admin"
        self.sessions = 0

    def run(self, what, act, owned):
        """Load while `act` harms somebody; with `owned` it gives how many connections may break."""
        lib.wait_for(lambda: settled(self.balancer), 20, "all is well before '%s'" % what)
        mix = life.Mix(self.box, self.port, self.tls_port, seconds=60)
        time.sleep(0.7)
        bound = act() or 0
        time.sleep(0.5)
        reports = mix.finish()
        lib.note("-- " + what)
        failed = life.tell(reports)
        # A connection that its owner had accepted already, but that was not there to be counted yet.
        lib.check(failed <= (bound + 4 if owned else 0), "%s: %d failures, %d connections owned" % (what, failed, bound))
        lib.check(sum(report["refused"] for report in reports.values()) == 0, what + ": no connect is refused")
        lib.check(all(report["slow_connects"] == 0 for report in reports.values()), what + ": no connect hangs")
        now = life.stat(self.path, "load", "FRONTEND", "stot")
        lib.check(now >= self.sessions, "sessions so far do not decrease: %d after %d" % (now, self.sessions))
        self.sessions = now
        mix.tunnels.process.kill()
        lib.wait_for(lambda: life.stat(self.path, "origin", "s1", "scur") == 0, 30, "nobody holds a share of the server")

    def worker(self, number, seconds):
        victim = max(of_role(self.balancer, "worker"),
                     key=lambda pid: lib.connections_of(pid, self.port) + lib.connections_of(pid, self.tls_port))
        held = lib.connections_of(victim, self.port) + lib.connections_of(victim, self.tls_port)
        start = time.monotonic()
        os.kill(victim, number)
        lib.wait_for(lambda: victim not in of_role(self.balancer, "worker") and
                     len(of_role(self.balancer, "worker")) == WORKERS, seconds + 5, "a replacement appears")
        lib.note("   a replacement after %.0f ms" % ((time.monotonic() - start) * 1000))
        # Those that were queued at its socket, and one of each that opens connections all the time.
        return held + 8

    def controller(self, number, seconds):
        victim = of_role(self.balancer, "controller")[0]
        start = time.monotonic()
        os.kill(victim, number)
        lib.wait_for(lambda: of_role(self.balancer, "controller") not in ([], [victim]), seconds + 5, "another controller")
        life.ask(self.path, "show info", seconds + 5)
        lib.note("   the admin socket answers after %.0f ms" % ((time.monotonic() - start) * 1000))

    def keeper(self, number, seconds):
        victim = of_role(self.balancer, "keeper")[0]
        before = life.generation(self.balancer)
        start = time.monotonic()
        os.kill(victim, number)
        lib.wait_for(lambda: life.generation(self.balancer) > before, seconds + 10, "a new generation")
        lib.note("   a new generation after %.0f ms" % ((time.monotonic() - start) * 1000))

    def keeper_and_worker(self, number, seconds):
        """A generation that cannot be replaced goes on without its keeper, and a worker of it dies."""
        before = life.generation(self.balancer)
        with open(self.balancer.config_path) as file:
            good = file.read()
        self.balancer.write(good + "    no-such-word\n")
        os.kill(of_role(self.balancer, "keeper")[0], number)
        lib.wait_for(lambda: "goes on without its keeper" in self.balancer.log(), seconds + 5, "the keeper is missed")
        victim = [pid for pid in self.balancer.workers() if "gen %d" % before in lib.process_title(pid)][0]
        held = lib.connections_of(victim, self.port) + lib.connections_of(victim, self.tls_port)
        os.kill(victim, signal.SIGKILL)
        lib.wait_for(lambda: "which has no keeper, was killed by signal 9" in self.balancer.log(), 30, "its death is told")
        time.sleep(0.5)
        self.balancer.write(good)
        lib.wait_for(lambda: life.generation(self.balancer) > before, 40, "a new generation")
        return held + 8


def master_dies(box, alone):
    scene = Scene(box, "master-worker no-exit-on-failure" if alone else "")
    lib.wait_for(lambda: settled(scene.balancer), 20, "all is well")
    keeper = of_role(scene.balancer, "keeper")[0]
    mix = life.Mix(box, scene.port, scene.tls_port, seconds=60)
    time.sleep(0.7)
    os.kill(scene.balancer.pid, signal.SIGKILL)
    time.sleep(2)
    if alone:
        life.ask(scene.path, "show info", 2)
    reports = mix.finish()
    lib.note("-- the master is killed" + (", and the others go on" if alone else ", and the others finish"))
    failed = life.tell(reports)
    refused = sum(report["refused"] for report in reports.values())
    resets = sum(life.resets(report) for name, report in reports.items() if name != "tunnels")
    if alone:
        lib.check(failed == 0, "no failure, not %d" % failed)
        os.kill(keeper, signal.SIGUSR1)
    else:
        lib.check(refused > 0, "what is new is refused in the end")
        lib.check(resets == 0, "what was accepted is served: %d resets" % resets)
    mix.tunnels.process.kill()
    lib.wait_for(lambda: ended(keeper), 20, "the keeper ends")


def test(box):
    scene = Scene(box)
    kill, crash, stop = signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP
    for name, number, seconds in (("killed", kill, 1), ("crashed", crash, 1), ("stopped", stop, STUCK + 2)):
        scene.run("a worker is " + name, lambda: scene.worker(number, seconds), True)
        scene.run("the controller is " + name, lambda: scene.controller(number, seconds), False)
        scene.run("the keeper is " + name, lambda: scene.keeper(number, seconds + 3), False)
    scene.run("the keeper is killed, and a worker after it", lambda: scene.keeper_and_worker(kill, 1), True)
    for alone in (False, True):
        master_dies(box, alone)


lib.run(test, 200)
