#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is tracked in stick tables is counted exactly, whatever happens: CLIENTS at once send REQUESTS each to 4 workers,
through a reload, and the table has neither more nor fewer of requests, connections, errors and increments. Then
connections are held, idle, in tarpits, uploading and as tunnels, while workers are killed and generations replaced: as
many as are open count as open, and none in the end."""

import os
import random
import signal
import socket
import threading
import time

import life
import lib

WORKERS = 4
CLIENTS = 16
REQUESTS = 400
HELD = 60
TYPES = "conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,gpc(2),bytes_in_cnt,http_req_rate(10m)"


def text(ports, origin):
    return """\
global
    nbthread %d
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tarpit 60s
frontend load
    bind 127.0.0.1:%d
    tcp-request connection track-sc0 src table address
    http-request track-sc1 path table path
    http-request sc-inc-gpc(1,0)
    http-request deny if { path /deny }
    http-request tarpit if { path /tarpit }
    default_backend origin
listen raw
    mode tcp
    bind 127.0.0.1:%d
    tcp-request connection track-sc0 src table address
    tcp-request content track-sc1 src table path
    server origin 127.0.0.1:%d
frontend look
    bind 127.0.0.1:%d
    http-request return status 200 hdr address "%%[src_conn_cnt(address)] %%[src_conn_cur(address)] \
%%[src_sess_cnt(address)] %%[src_http_req_cnt(address)] %%[src_http_err_cnt(address)] %%[src_get_gpc(1,address)] \
%%[src_http_req_rate(address)]" hdr path "%%[str(/deny),table_http_req_cnt(path)] \
%%[str(/deny),table_http_err_cnt(path)] %%[str(/deny),table_conn_cur(path)] %%[str(/128),table_http_req_cnt(path)]"
backend address
    stick-table type ip size 1k expire 10m store %s
backend path
    stick-table type string len 64 size 1k expire 10m store %s
backend origin
    server origin 127.0.0.1:%d
""" % (WORKERS, *ports[:2], origin, ports[2], TYPES, TYPES, origin)


def look(port):
    """The numbers of both tables."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        headers = lib.read_answer(connection.makefile("rb")).headers
    return [int(number) for number in (headers["address"] + " " + headers["path"]).split()]


class Client(threading.Thread):
    """Sends its requests, each on a new connection where the last one was closed. Counts what it did."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.port, self.random = port, random.Random(seed)
        self.connects = self.denied = self.done = 0
        self.failed = None
        self.start()

    def run(self):
        try:
            self.send_all()
        except Exception as failure:  # told by the test
            self.failed = failure

    def send_all(self):
        connection = stream = None
        while self.done < REQUESTS:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", self.port), 20)
                stream = connection.makefile("rb")
                self.connects += 1
            denied, last = self.random.random() < 0.3, self.random.random() < 0.05
            connection.sendall(("GET %s HTTP/1.1\r\nHost: load\r\n%s\r\n" % (
                "/deny" if denied else "/128", "Connection: close\r\n" if last else "")).encode())
            answer = lib.read_answer(stream)
            lib.check(answer and answer.status == (403 if denied else 200), "an answer to each request")
            self.denied += denied
            self.done += 1
            if answer.headers.get("connection") == "close":
                connection.close()
                connection = None


def count(balancer, ports):
    clients = [Client(ports[0], seed) for seed in range(CLIENTS)]
    lib.wait_for(lambda: sum(client.done for client in clients) > CLIENTS * REQUESTS // 3, 60, "a third is done")
    life.reload(balancer)
    for client in clients:
        client.join(60)
    failed = [client.failed for client in clients if client.failed]
    lib.check(not failed, "no client fails: %r" % failed[:3])
    connects, denied = sum(client.connects for client in clients), sum(client.denied for client in clients)
    requests = CLIENTS * REQUESTS
    want = [connects, 0, connects, requests, denied, requests, requests, denied, denied, 0, requests - denied]
    lib.note("%d requests, %d of them denied, on %d connections" % (requests, denied, connects))
    found = []

    def is_so():
        found[:] = look(ports[2])
        return found == want
    try:
        lib.wait_for(is_so, 30, "all are counted")
    except lib.Failure:
        raise lib.Failure("counted %r, not %r" % (found, want)) from None
    return connects


def hold(port, kind):
    connection = socket.create_connection(("127.0.0.1", port), 10)
    if kind == "idle":
        connection.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
        lib.read_answer(connection.makefile("rb"))
    elif kind == "tarpit":
        connection.sendall(b"GET /tarpit HTTP/1.1\r\nHost: load\r\n\r\n")
    elif kind == "upload":
        connection.sendall(b"POST /sink HTTP/1.1\r\nHost: load\r\nContent-Length: 100000\r\n\r\nabc")
    return connection


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def held(connections, ports, what):
    """As many as are open are counted."""
    found = []

    def is_so():
        found[:] = [look(ports[2])[1], sum(map(is_open, connections))]
        return found[0] == found[1]
    try:
        lib.wait_for(is_so, 30, "those that are open")
    except lib.Failure:
        raise lib.Failure("%s: %d counted, %d open" % (what, *found)) from None
    lib.note("%-28s %d open, %d counted" % (what, found[1], found[0]))
    return found[1]


def kill(balancer, pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    lib.wait_for(lambda: not set(pids) & set(balancer.workers()), 30, "they are gone")


def test(box):
    origin = box.origin()
    ports = [lib.free_port() for _ in range(3)]
    balancer = box.balancer(text(ports, origin.port), ports[2])
    count(balancer, ports)
    kinds = ("idle", "silent", "tarpit", "upload", "tunnel")
    connections = [hold(ports[1] if kinds[i % 5] == "tunnel" else ports[0], kinds[i % 5]) for i in range(HELD)]
    lib.check(held(connections, ports, "held") == HELD, "all are open")
    kill(balancer, random.sample(balancer.workers(), 1))
    left = held(connections, ports, "a worker was killed")
    lib.wait_for(lambda: len(balancer.workers()) >= WORKERS, 30, "it is replaced")
    life.reload(balancer)
    connections += [hold(ports[0], "idle") for _ in range(10)]
    lib.check(held(connections, ports, "a reload") == left + 10, "a reload closes nothing that is held")
    for connection in connections[::2]:
        connection.close()
    connections = connections[1::2]
    held(connections, ports, "half of them closed")
    kill(balancer, random.sample(balancer.workers(), 3))
    held(connections, ports, "three workers were killed")
    for connection in connections:
        connection.close()
    lib.wait_for(lambda: look(ports[2])[1] == 0, 30, "none is counted as open in the end")


if __name__ == "__main__":
    lib.run(test, 120)
