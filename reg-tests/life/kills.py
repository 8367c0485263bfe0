#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processes are killed at random points for DURATION seconds (12, by hand 600) while the cache of sessions, the queue, the
journal and the counters of the board are busy, between reloads that rename servers. Meanwhile no counter decreases; in
the end board_check, which looks at the board from outside, finds every invariant intact."""

import csv
import io
import json
import os
import random
import re
import socket
import subprocess
import threading
import time

import life
import lib
import tools

DURATION = float(os.environ.get("DURATION", "12"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
WORKERS = 4
RELOAD_S = 2.5
COUNTED = ("stot", "bin", "bout", "req_tot", "hrsp_2xx", "hrsp_5xx", "econ", "wretr", "lbtot", "conn_tot")
COUNTED_INFO = ("CumConns", "CumReq", "CumSslConns", "Total_bytes_out", "TotalBytesOut")


def text(directory, ports, origin, turn):
    return """\
global
    nbthread %d
    maxconn 4000
    tune.ssl.cachesize 500
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    timeout queue 2s
    timeout http-keep-alive 2s
    option redispatch
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem no-tls-tickets
    http-request set-map(%s/some.map) k%%[rand(200)] %%[rand(1000000)] if { rand(4) 0 }
    http-request del-map(%s/some.map) k%%[rand(200)] if { rand(8) 0 }
    http-request set-header x-map %%[str(k7),map(%s/some.map)]
    default_backend origin
backend origin
    server same 127.0.0.1:%d maxconn 2
    server s%d 127.0.0.1:%d maxconn 2
    server s%d 127.0.0.1:%d maxconn 2
""" % (WORKERS, directory, *ports, lib.certificates(), directory, directory, directory, origin, turn, origin, turn + 1,
       origin)


class Scraper(threading.Thread):
    """Asks 20 times a second and remembers what decreased."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.seen = {}
        self.decreased = []
        self.num = 0
        self.ending = False
        self.start()

    def compare(self, key, value):
        if value < self.seen.get(key, 0):
            self.decreased.append("%s: %d after %d" % (key, value, self.seen[key]))
        self.seen[key] = value

    def look(self):
        rows = csv.DictReader(io.StringIO(life.admin(self.path, "show stat", 2).lstrip("# ")))
        for row in rows:
            # Servers that are renamed come back under a name they had, afresh.
            if re.match(r"s\d", row["svname"] or ""):
                continue
            for name in COUNTED:
                if row.get(name):
                    self.compare("%s/%s %s" % (row["pxname"], row["svname"], name), int(row[name]))
        for line in life.admin(self.path, "show info", 2).splitlines():
            name, _, value = line.partition(": ")
            if name in COUNTED_INFO:
                self.compare(name, int(value))
        self.num += 1

    def run(self):
        while not self.ending:
            try:
                self.look()
            except (OSError, ValueError, KeyError):
                pass  # the controller is being replaced, maybe in the middle of its answer
            time.sleep(0.05)


def roles(balancer):
    """{role: pids} of all generations."""
    found = {"keeper": [], "controller": [], "worker": []}
    for pid, title in life.titles(balancer).items():
        found.setdefault(title.partition(" ")[0], []).append(pid)
    return found


def on_board(balancer):
    """The processes that the board knows: all but helpers, which touch nothing of it."""
    return sorted(set(tools.tree(balancer.pid)) - set(roles(balancer).get("helper", [])))


def settled(balancer):
    found = roles(balancer)
    return (len(found["keeper"]), len(found["controller"]), len(found["worker"])) == (1, 1, WORKERS) and len(
        on_board(balancer)) == WORKERS + 3 and len(found.get("helper", [])) <= 1


def board_check(balancer):
    """The checker's summary, or None and its complaints."""
    result = subprocess.run([tools.tool("board_check"), str(balancer.pid)], capture_output=True, text=True, timeout=30)
    return (json.loads(result.stdout), "") if result.returncode == 0 else (None, result.stdout + result.stderr)


def pause():
    """For a moment that is in step with nothing."""
    until = time.monotonic() + random.random() ** 2 * 0.1
    time.sleep(max(0, until - time.monotonic() - 0.001))
    while time.monotonic() < until:
        pass


def kill_for(seconds, balancer, rewrite, wait=pause, shares=(92, 5, 3), reload_s=RELOAD_S):
    """Kills, most of the time a worker, and reloads now and then. {role: kills}, reloads."""
    kills = {"keeper": 0, "controller": 0, "worker": 0}
    turn, end, reload_at = 0, time.monotonic() + seconds, time.monotonic() + reload_s
    while time.monotonic() < end:
        wait()
        if time.monotonic() > reload_at:
            turn += 1
            rewrite(turn)
            balancer.signal(life.signal.SIGUSR2)
            reload_at += reload_s
        found = roles(balancer)
        role = random.choices(("worker", "controller", "keeper"), shares)[0]
        # Somebody has to serve: what is measured is what death leaves, not that there is none left.
        if not found[role] or len(found["worker"]) < 2:
            continue
        lib.kill(random.choice(found[role]), life.signal.SIGKILL)
        kills[role] += 1
    return kills, turn


def quiet(balancer):
    """Waits until one generation alone is there and the board is as it must be when nothing is to do."""
    lib.wait_for(lambda: settled(balancer), 90, "one whole generation is left")
    faults = ""
    for _ in range(40):
        summary, faults = board_check(balancer)
        if summary:
            lib.check(sorted(summary["pids"]) == on_board(balancer), "the board knows who lives: %s, %s" % (
                summary["pids"], tools.tree(balancer.pid)))
            return summary
        time.sleep(0.25)
    raise lib.Failure("the board:\n" + faults)


def resumes(port):
    """Whether a TLS 1.2 session is resumed by its id."""
    told = subprocess.run("openssl s_client -connect 127.0.0.1:%d -tls1_2 -no_ticket -reconnect </dev/null 2>/dev/null" % port,
                          shell=True, capture_output=True, text=True, timeout=20).stdout
    return told.count("Reused, ") > 0


def test(box):
    random.seed(SEED)
    lib.note("SEED=%d DURATION=%g" % (SEED, DURATION))
    origin = box.origin()
    ports = lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/life-%d" % os.getpid())).path
    with open(directory + "/some.map", "w") as file:
        file.write("k0 0\n")

    def rewrite(turn):
        balancer.write(text(directory, ports, origin.port, turn % 5))

    balancer = box.balancer(text(directory, ports, origin.port, 0), ports[0])
    path = directory + "/admin"
    life.ask(path, "show info")
    quiet(balancer)
    scraper = Scraper(path)
    milliseconds = int(DURATION * 1000) + 5000
    loads = [box.load(ports[0], conns=24, milliseconds=milliseconds, path="/128"),
             box.load(ports[0], mode="close", conns=6, milliseconds=milliseconds, path="/128"),
             box.load(ports[0], conns=12, milliseconds=milliseconds, path="/slow/20"),
             box.load(ports[1], mode="close", conns=6, milliseconds=milliseconds, tls="1.2", resume="ids"),
             box.load(ports[1], conns=6, milliseconds=milliseconds, tls="1.2")]
    kills, reloads = kill_for(DURATION, balancer, rewrite)
    reports = [load.finish() for load in loads]
    done = sum(report["requests"] for report in reports)
    lib.note("%d workers, %d controllers and %d keepers killed, %d reloads; %d requests done, %d failed" % (
        kills["worker"], kills["controller"], kills["keeper"], reloads, done,
        sum(report["failed"] for report in reports)))
    summary = quiet(balancer)
    scraper.ending = True
    scraper.join(5)
    lib.note("%d looks at the counters; %d objects, %d entries in the journal, %d sessions in the cache, %d torn" % (
        scraper.num, summary["objects"], summary["entries"], summary["sessions"], summary["torn"]))
    lib.check(not scraper.decreased, "counters decrease: " + "; ".join(scraper.decreased[:10]))
    lib.check(scraper.num > DURATION, "the counters were looked at")
    lib.check(summary["entries"] > 0 and summary["sessions"] > 0 and done > 0, "the board was busy")
    # A request that was answered is counted, unless its worker died just then; one that was not may be counted too.
    counted = life.stat(path, "load", "FRONTEND", "hrsp_2xx")
    most = sum(kills.values()) * 54
    lib.check(done - most <= counted <= done + most, "%d requests counted, %d done" % (counted, done))
    lib.check(resumes(ports[1]), "a session is resumed")
    lib.check(life.ask(path, "show map " + directory + "/some.map").strip() != "", "the map is there")
    with socket.create_connection(("127.0.0.1", ports[0]), 5):
        pass


if __name__ == "__main__":
    lib.run(test, int(DURATION * 1.5 + 150))
