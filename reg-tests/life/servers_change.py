#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers are added, moved and deleted CHANGES times (300) under load, while workers and controllers are killed in between:
no request that a living worker carries fails, no command is half done, and in the end all workers have the same servers,
at the same places, those that were asked for."""

import collections
import http.client
import os
import random
import threading
import time

import kills
import life
import lib

CHANGES = int(os.environ.get("CHANGES", "300"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
KILLS = 10  # few enough that no process is thought to be one that cannot live
NAMES = ["d%d" % number for number in range(12)]


def text(directory, port, origins):
    return """\
global
    nbthread %d
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
    timeout queue 10s
    option redispatch
frontend load
    bind 127.0.0.1:%d
    http-request return status 200 hdr x-servers %%[nbsrv(origin)] if { path /servers }
    http-response set-header x-from %%s:%%sp
    default_backend origin
backend origin
    balance leastconn
    server file 127.0.0.1:%d
""" % (kills.WORKERS, directory, port, origins[0].port)


class Client(threading.Thread):
    """One request after the other; what is not an answer is told apart from what a killed worker took along."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.done = self.lost = 0
        self.wrong = []
        self.ending = False
        self.start()

    def run(self):
        while not self.ending:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                for _ in range(random.randrange(1, 40)):
                    connection.request("GET", random.choice(("/128", "/slow/5")))
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        self.wrong.append(answer.status)
                    self.done += 1
                    if self.ending:
                        break
            except (OSError, http.client.HTTPException):
                self.lost += 1
                time.sleep(0.01)
            connection.close()


class Operator:
    """Gives commands, and again where the controller was killed before it answered."""

    def __init__(self, path, ports):
        self.path, self.ports = path, ports
        self.places = {}
        self.count = collections.Counter()

    def say(self, command, *fine):
        for _ in range(200):
            try:
                said = life.admin(self.path, command, 5).strip()
            except OSError:
                said = None
            if said is not None and (said in fine or any(said.startswith(word) for word in fine if word)):
                return said
            if said and "connections attached" not in said:
                raise lib.Failure("'%s' is answered with: %s" % (command, said))
            time.sleep(0.02)
        raise lib.Failure("'%s' is not done, but answered with: %s" % (command, said))

    def add(self, name):
        port = random.choice(self.ports)
        self.say("add server origin/%s 127.0.0.1:%d maxconn %d" % (name, port, random.choice((0, 4, 30))), "New server",
                 "Already exists")
        self.say("enable server origin/" + name, "")
        self.places[name] = port
        self.count["added"] += 1

    def move(self, name):
        port = random.choice(self.ports)
        self.say("set server origin/%s addr 127.0.0.1 port %d" % (name, port), "no need")
        self.places[name] = port
        self.count["moved"] += 1

    def delete(self, name):
        self.say("disable server origin/" + name, "")
        self.say("del server origin/" + name, "Server deleted", "No such server")
        del self.places[name]
        self.count["deleted"] += 1

    def change(self):
        there = sorted(self.places)
        free = [name for name in NAMES if name not in self.places]
        what = random.choices((self.add, self.move, self.delete), (3 if free else 0, 3 if there else 0,
                                                                   2 if there else 0))[0]
        what(random.choice(free if what == self.add else there))


def states(path):
    """{server: (operational state, port)}"""
    rows = [line.split() for line in life.ask(path, "show servers state origin").splitlines()[2:] if line]
    return {row[3]: (int(row[5]), int(row[18])) for row in rows}


def answers_of(port, num):
    """What different connections, which meet all workers, say: numbers of servers, and {server:port}."""
    numbers, places = set(), set()
    for _ in range(num):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/servers")
        answer = connection.getresponse()
        answer.read()
        numbers.add(int(answer.getheader("x-servers")))
        connection.request("GET", "/128")
        answer = connection.getresponse()
        answer.read()
        places.add(answer.getheader("x-from"))
        connection.close()
    return numbers, places


def strike(balancer, done):
    found = kills.roles(balancer)
    role = random.choice(("worker", "worker", "controller"))
    if found[role] and len(found["worker"]) > 2:
        lib.kill(random.choice(found[role]), life.signal.SIGKILL)
        done[role] += 1


def test(box):
    random.seed(SEED)
    lib.note("SEED=%d CHANGES=%d" % (SEED, CHANGES))
    origins = [box.origin(), box.origin()]
    port = lib.free_port()
    directory = box.keep(lib.Directory("/tmp/servers-%d" % os.getpid())).path
    balancer = box.balancer(text(directory, port, origins), port)
    path = directory + "/admin"
    life.ask(path, "show info")
    operator = Operator(path, [origin.port for origin in origins])
    clients = [Client(port) for _ in range(6)]
    done = collections.Counter()
    for number in range(CHANGES):
        operator.change()
        if number % (CHANGES // KILLS) == CHANGES // KILLS // 2:
            strike(balancer, done)
    for client in clients:
        client.ending = True
    for client in clients:
        client.join(15)
    lost = sum(client.lost for client in clients)
    lib.note("%d added, %d moved, %d deleted; %d workers and %d controllers killed; %d requests, %d connections lost" % (
        operator.count["added"], operator.count["moved"], operator.count["deleted"], done["worker"], done["controller"],
        sum(client.done for client in clients), lost))
    wrong = [status for client in clients for status in client.wrong]
    lib.check(not wrong, "%d requests fail: %s" % (len(wrong), wrong[:10]))
    lib.check(lost <= done["worker"] * len(clients), "%d connections are lost with %d workers" % (lost, done["worker"]))
    kills.quiet(balancer)
    want = {name: (2, place) for name, place in operator.places.items()}
    want["file"] = (2, origins[0].port)
    lib.check(states(path) == want, "%s are there, not %s" % (states(path), want))
    numbers, places = answers_of(port, 200)
    lib.check(numbers == {len(want)}, "workers count %s servers of %d" % (numbers, len(want)))
    expected = {"%s:%d" % (name, place) for name, (_, place) in want.items()}
    lib.check(places == expected, "requests go to %s, not to %s" % (sorted(places), sorted(expected)))
    for name in sorted(operator.places):
        operator.delete(name)
    balancer.signal(life.signal.SIGUSR2)
    lib.wait_for(lambda: "eneration 2 is ready" in balancer.log(), 20, "a reload")
    kills.quiet(balancer)
    lib.check(list(states(path)) == ["file"], "nothing is left")
    bad = [line for line in balancer.log().splitlines() if "could not be added" in line or "Sanitizer" in line]
    lib.check(not bad, "; ".join(bad[:5]))


if __name__ == "__main__":
    lib.run(test, 120)
