#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Controllers and workers are killed in the middle of commands: of large lists, of payloads on their way, of commits, of
servers that are added, of rings that are followed, while others leave half a command. ROUNDS (6; FULL=1: 50) later what
is asked is answered, all processes agree, and a change that was answered is there."""

import os
import random
import re
import socket
import time

import kills
import life
import lib

SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
ROUNDS = int(os.environ.get("ROUNDS", 50 if lib.FULL else 6))
WORKERS = 2
ENTRIES = 20000


def text(directory, port, origin):
    return """\
global
    nbthread %d
    maxconn 2000
    stats socket %s/admin level admin
    stats maxconn 200
    log ring@own format raw local0
ring own
    size 65536
defaults
    mode http
    log global
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout tarpit 60s
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem
    http-request tarpit if { path_beg /hold }
    http-request set-header x-map %%[path,map(%s/m.map)]
    default_backend app
backend app
    server s0 127.0.0.1:%d
""" % (WORKERS, directory, *port, lib.certificates(), directory, origin)


class Session:
    """A connection to the admin socket that a kill may cut."""

    def __init__(self, path, said):
        self.said = said
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        lib.wait_for(lambda: self.connect(path), 30, "the admin socket is served")
        try:
            self.socket.sendall(said.encode())
        except OSError:
            pass  # killed already

    def connect(self, path):
        try:
            self.socket.connect(path)
            return True
        except OSError:
            return False

    def part(self, size=4096):
        self.socket.settimeout(0.02)
        try:
            return self.socket.recv(size)
        except OSError:
            return b""
        finally:
            self.socket.settimeout(5)

    def rest(self):
        """What comes until the end; a hang is a failure."""
        parts = []
        try:
            parts = list(iter(lambda: self.socket.recv(1 << 20), b""))
        except socket.timeout:
            raise lib.Failure("a cut session hangs: %r" % self.said[:100]) from None
        except OSError:
            pass
        self.socket.close()
        return b"".join(parts).decode(errors="replace")


def hold(port, num):
    """Requests that stay."""
    held = []
    for number in range(num):
        connection = socket.create_connection(("127.0.0.1", port), 5)
        connection.sendall(b"GET /hold/%d HTTP/1.1\r\nhost: a\r\n\r\n" % number)
        held.append(connection)
    return held


def words(directory, turn):
    """What is said in this round, each to be cut somewhere, and whether its end is said."""
    name, pem = directory + "/m.map", lib.certificates() + "/a.pem"
    with open(pem) as file:
        chain = "".join(line for line in file if line.strip())
    lines = "".join("n%d %d\n" % (number, turn) for number in range(ENTRIES))
    return ["show sess all\n", "show map %s\n" % name, "add map %s <<\n%s" % (name, lines[:len(lines) // 2]),
            "prepare map %s; add map @%%d %s <<\n%s\n" % (name, name, lines),
            "set ssl cert %s <<\n%s\n" % (pem, chain), "set ssl cert %s <<\n%s" % (pem, chain[:1000]), "commit ssl cert %s\n" % pem,
            "prompt\nset ssl cert %s <<\n%s\ncommit ssl cert %s\n" % (pem, chain, pem),
            "add server app/k%d 127.0.0.1:1; set server app/k%d state ready; set server app/k%d state maint; del server app/k%d\n"
            % (turn, turn, turn, turn), "show pools; show fd; show activity; show tasks\n",
            "clear map %s\n" % name, "wait 1s\n", "show stat json\n", "show errors; show events\n"]


KILLED = {"controller": 0, "worker": 0}


def kill_one(balancer, role):
    found = life.processes(balancer, role)
    if found and KILLED[role] < 4:
        KILLED[role] += 1
        lib.kill(random.choice(found), life.signal.SIGKILL)


def answered(path, command):
    """Says it again until it was answered whole."""
    return life.ask(path, command + "; echo whole", 20)


def round_once(balancer, directory, turn):
    path = directory + "/admin"
    said = words(directory, turn)
    random.shuffle(said)
    open_sessions = []
    for line in said:
        # The version that `prepare` gives is not known before: any number does, it is refused then.
        open_sessions.append(Session(path, line.replace("@%d", "@%d" % (turn + 1))))
        if random.random() < 0.3:
            open_sessions[-1].part(random.randrange(1, 20000))
        if random.random() < 0.35 and KILLED["controller"] < 3:
            kill_one(balancer, random.choice(["controller", "controller", "worker"]))
    follower = Session(path, "show ring own -w\n")
    halves = []
    for _ in range(100):
        halves.append(socket.socket(socket.AF_UNIX))
        try:
            halves[-1].connect(path)
            halves[-1].sendall(random.choice([b"show st", b"add map x <<\nk", b"\\", b"@1", b"show sess;"]))
        except OSError:
            pass
    if random.random() < 0.5:
        kill_one(balancer, "controller")
    for half in halves:
        half.close()
    for session in open_sessions:
        try:
            session.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        session.rest()
    follower.socket.close()
    # What is answered is there, whoever is killed thereafter.
    key = "round%d" % turn
    lib.wait_for(lambda: "whole" in answered(path, "add map %s/m.map %s %d" % (directory, key, turn)), 20, "a change is answered")
    kill_one(balancer, "controller")
    lib.wait_for(lambda: 'value="%d"' % turn in told(path, "get map %s/m.map %s" % (directory, key)), 20,
                 "round %d: what was answered is there" % turn)


def told(path, command):
    try:
        return life.admin(path, command, 10)
    except OSError:
        return ""


def entries(answer):
    return [line.partition(" ")[2] for line in answer.splitlines() if line.startswith("0x")]


def check_agree(directory):
    name = directory + "/m.map"
    lib.wait_for(lambda: len(re.findall("worker", life.ask(directory + "/master", "show proc"))) >= WORKERS, 20, "workers")
    answers = [life.ask(directory + "/master", "@%d show map %s" % (number + 1, name)) for number in range(WORKERS)]
    answers.append(life.ask(directory + "/admin", "show map " + name))
    maps = [entries(answer) for answer in answers]
    lib.check(maps[0] and all(one == maps[0] for one in maps), "all hold the same map: %s" % [len(one) for one in maps])
    states = [life.ask(directory + "/master", "@%d show servers state app" % (number + 1)) for number in range(WORKERS)]
    lib.check(all(one == states[0] for one in states), "all know the same servers: %s" % states)
    certs = [life.ask(directory + "/master", "@%d show ssl cert %s/a.pem" % (number + 1, lib.certificates()))
             for number in range(WORKERS)]
    lib.check("Serial" in certs[0] and all(one == certs[0] for one in certs), "all have the same certificate: %s" % certs)


def test(box):
    random.seed(SEED)
    lib.note("SEED=%d ROUNDS=%d" % (SEED, ROUNDS))
    origin = box.origin()
    ports = lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/life-%d" % os.getpid())).path
    with open(directory + "/m.map", "w") as file:
        file.write("k0 0\n")
    balancer = box.balancer(text(directory, ports, origin.port), ports[0], args=("-W", "-S", directory + "/master"))
    life.ask(directory + "/admin", "show info")
    load = box.load(ports[0], mode="close", conns=2, milliseconds=400000, timeout=10000, think=5)
    start = time.monotonic()
    for turn in range(ROUNDS):
        # What dies five times a minute is started again ever later, but in a new generation.
        life.reload(balancer)
        KILLED["controller"] = KILLED["worker"] = 0
        held = hold(ports[0], 100 if not turn % 5 else 10)
        round_once(balancer, directory, turn)
        for connection in held:
            connection.close()
    lib.note("%d rounds in %.1f s" % (ROUNDS, time.monotonic() - start))
    lib.check(load.finish()["requests"] > 0, "requests are served")
    for role, num in (("controller", 1), ("worker", WORKERS)):
        lib.wait_for(lambda: len(life.processes(balancer, role)) == num, 30, "all %ss are there" % role)
    lib.check("Uptime_sec: " in life.ask(directory + "/admin", "show info"), "show info answers")
    check_agree(directory)
    check_board(balancer)


def check_board(balancer):
    faults = ""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        summary, faults = kills.board_check(balancer)
        if summary:
            return
        time.sleep(0.1)
    raise lib.Failure("the board:\n" + faults)


if __name__ == "__main__":
    lib.run(test, 150)
