#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""5,000 servers that are checked every 2 s, by a connection and in HTTP: all stay up; what the controller takes of a core
is told."""

import socket
import threading
import time

import lib
import tools

BACKENDS = 10
SERVERS = 500
SECONDS = 4


def serve(listener, answers):
    """Accepts every check; one at a time is quick enough for a machine's own."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            if not answers:
                continue
            try:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            except OSError:
                pass


def config(port, origin, how, admin):
    lines = ["global", "    maxconn 1000", "    nbthread 1", "    stats socket %s level admin" % admin,
             "defaults", "    mode http", "    timeout connect 5s", "    timeout client 5s", "    timeout server 5s",
             "    timeout check 5s", "frontend fe", "    bind 127.0.0.1:%d" % port,
             "    http-request return status 200"]
    for backend in range(BACKENDS):
        lines += ["backend b%d" % backend, "    " + how]
        lines += ["    server s%d 127.0.0.1:%d check inter 2s" % (i, origin) for i in range(SERVERS)]
    return "\n".join(lines) + "\n"


def controller_of(balancer):
    for pid in tools.tree(balancer.pid):
        if "controller" in lib.process_title(pid):
            return pid
    raise lib.Failure("there is no controller")


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(10)
        admin.connect(path)
        admin.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: admin.recv(65536), b"")).decode()


def num_not_up(path):
    rows = [line.split() for line in ask(path, "show servers state").splitlines()]
    states = [row[5] for row in rows if len(row) > 10 and row[0].isdigit()]
    lib.check(len(states) == BACKENDS * SERVERS, "the states of all servers are shown, not %d" % len(states))
    return sum(state != "2" for state in states)


def run(how):
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    threading.Thread(target=serve, args=(listener, "httpchk" in how), daemon=True).start()
    port = lib.free_port()
    admin = "/tmp/fairlead-checks-%d.sock" % port
    balancer = lib.Balancer(config(port, listener.getsockname()[1], how, admin), port, wait=30)
    try:
        time.sleep(3)
        before = tools.cpu(controller_of(balancer))
        time.sleep(SECONDS)
        used, _ = tools.cpu_between(before, tools.cpu(controller_of(balancer)))
        down = num_not_up(admin)
        lib.note("%-16s %.1f %% of a core for 5,000 servers every 2 s" % (how, used / 1e4 / SECONDS))
        lib.check(down == 0, "%d of 5,000 servers are not up" % down)
    finally:
        balancer.stop()
        listener.close()


def test(box):
    del box
    run("option tcp-check")
    run("option httpchk")


lib.run(test)
