#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stick tables under load for DURATION seconds (12), while workers, controllers and keepers are killed at random points and
the configuration is reloaded: a key whose server a client has seen keeps that server through all of it, an entry is
there once, and what the dead tracked is taken back, to the last connection."""

import os
import random
import re
import time

import life
import lib
from kills import kill_for, settled

DURATION = float(os.environ.get("DURATION", "12"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
WORKERS = 4
CLIENTS = 6
KEYS = 40  # of each client
RELOAD_S = 2


def text(directory, port, origin, turn):
    return """\
global
    nbthread %d
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend load
    bind 127.0.0.1:%d
    tcp-request connection track-sc0 src table conns
    http-request track-sc1 rand(100000) table churn
    default_backend origin
backend origin
    stick-table type string len 32 size 10k
    stick on req.hdr(x)
    http-response set-header srv %%s
    server s1 127.0.0.1:%d
    server s2 127.0.0.1:%d
    server s3 127.0.0.1:%d
backend conns
    stick-table type ip size %d store conn_cur,conn_cnt,http_req_cnt
backend churn
    stick-table type integer size 3000 expire 1s store conn_cur,http_req_rate(1s)
""" % (WORKERS, directory, port, origin, origin, origin, 1000 + turn % 5)


def entries(path, table):
    """What `show table` says: the number in its first line, and the entries as {key: {name: value}}."""
    lines = life.ask(path, "show table " + table).splitlines()
    used = int(re.search(r"used:(\d+)", lines[0]).group(1))
    found = [dict(re.findall(r"([\w()]+)=(\S*)", line)) for line in lines[1:] if "key=" in line]
    lib.check(len(set(entry["key"] for entry in found)) == len(found), "table %s: each key is there once" % table)
    return used, {entry["key"]: entry for entry in found}


def at_rest(path, table):
    """Whether nobody holds anything there any more."""
    used, found = entries(path, table)
    return all(entry["use"] == "0" and entry.get("conn_cur", "0") == "0" for entry in found.values()) and (
        used == len(found) or table == "churn")


def test(box):
    random.seed(SEED)
    lib.note("SEED=%d DURATION=%g" % (SEED, DURATION))
    origin = box.origin()
    port = lib.free_port()
    directory = box.keep(lib.Directory("/tmp/sticks-%d" % os.getpid())).path

    def rewrite(turn):
        balancer.write(text(directory, port, origin.port, turn))

    balancer = box.balancer(text(directory, port, origin.port, 0), port)
    path = directory + "/admin"
    life.ask(path, "show info")
    clients = [life.KeyClient(number, port, KEYS) for number in range(CLIENTS)]
    loads = [box.load(port, mode="close", conns=4, milliseconds=int(DURATION * 1000) + 5000, path="/128"),
             box.load(port, conns=8, milliseconds=int(DURATION * 1000) + 5000, path="/slow/20")]
    kills, reloads = kill_for(DURATION, balancer, rewrite, lambda: time.sleep(random.random() * 0.3), (90, 6, 4), RELOAD_S)
    for client in clients:
        client.ending = True
    for client in clients:
        client.join(10)
    reports = [load.finish() for load in loads]
    lib.wait_for(lambda: settled(balancer), 60, "one whole generation is left")
    done = sum(client.done for client in clients)
    lib.note("%d workers, %d controllers and %d keepers killed, %d reloads; %d requests with a key done, %d connections "
             "lost; %d other requests" % (kills["worker"], kills["controller"], kills["keeper"], reloads, done,
                                          sum(client.lost for client in clients),
                                          sum(report["requests"] for report in reports)))
    moved = [line for client in clients for line in client.moved]
    lib.check(not moved, "%d keys moved: %s" % (len(moved), "; ".join(moved[:10])))
    seen = {key: server for client in clients for key, server in client.servers.items()}
    lib.check(done > 1000 and len(seen) == CLIENTS * KEYS, "all keys were used: %d of them, %d times" % (len(seen), done))
    _, found = entries(path, "origin")
    wrong = [key for key, server in seen.items() if found.get(key, {}).get("server_key") != server]
    lib.check(not wrong, "the table has what was seen, but of %s" % wrong[:10])
    for table in ("conns", "churn", "origin"):
        lib.wait_for(lambda: at_rest(path, table), 20, "nothing is held in table " + table)
    lib.wait_for(lambda: entries(path, "churn")[0] == 0, 20, "what was not used has gone")
    _, found = entries(path, "conns")
    most = int(found["127.0.0.1"]["http_req_cnt"])
    lib.check(most >= done, "requests are counted: %d of more than %d" % (most, done))


if __name__ == "__main__":
    lib.run(test, int(DURATION * 1.5 + 120))
