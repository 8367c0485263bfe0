#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""20 upgrades between two builds under load of every kind: no request fails, no connect is refused, no counter decreases,
sessions resume afterwards, the first process stays the same one, old processes leave."""

import os
import socket
import ssl
import time

import life
import lib
import tools

UPGRADES = 20
WORKERS = 4


def text(directory, port, tls_port, origin):
    return """\
global
    nbthread %d
    maxconn 4000
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
    default_backend app
backend app
    server s1 127.0.0.1:%d maxconn 200
""" % (WORKERS, directory, port, tls_port, lib.certificates(), origin)


class Client:
    """Comes back with the session it got."""

    def __init__(self, port):
        self.port = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.session = None

    def connect(self):
        """Whether the session was resumed."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
            with self.context.wrap_socket(plain, server_hostname="a.test", session=self.session) as conn:
                conn.sendall(b"GET /128 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                data = b"".join(iter(lambda: conn.recv(4096), b""))
                lib.check(data.startswith(b"HTTP/1.1 200 "), "an answer, not %r" % data[:60])
                self.session = conn.session
                return conn.session_reused


def test(box):
    origin = box.origin()
    port, tls_port = lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/upgrades-%d" % os.getpid())).path
    both = life.builds(directory)
    target = directory + "/fairlead"
    life.install(both[0][0], target)
    os.environ["FAIRLEAD"] = target
    balancer = box.balancer(text(directory, port, tls_port, origin.port), port)
    path = directory + "/admin"
    life.ask(path, "show info")
    client = Client(tls_port)
    client.connect()
    mix = life.Mix(box, port, tls_port, seconds=150)
    took = []
    resumed = seen = 0
    for turn in range(1, UPGRADES + 1):
        build, version = both[turn % 2]
        life.install(build, target)
        took.append(life.reload(balancer))
        lib.check("Version: %s\n" % version in life.ask(path, "show info"), "version %s answers" % version)
        now = life.stat(path, "load", "FRONTEND", "stot")
        lib.check(now >= seen, "sessions so far do not decrease: %d after %d" % (now, seen))
        seen = now
        resumed += client.connect()
        time.sleep(0.1)
    reports = mix.finish()
    took.sort()
    log = balancer.log()
    lib.note("%d upgrades, half of them within %.0f ms, slowest %.0f ms; %d sessions resumed; %d processes then" % (
        len(took), took[len(took) // 2] * 1000, took[-1] * 1000, resumed, len(tools.tree(balancer.pid))))
    life.check_clean(reports)
    lib.check(balancer.process.poll() is None, "the first process is the same")
    lib.check(log.count("Upgraded: ") == UPGRADES, "%d upgrades, not %d" % (UPGRADES, log.count("Upgraded: ")))
    lib.check(resumed == UPGRADES, "%d sessions resume, not %d" % (UPGRADES, resumed))
    lib.check("afresh" not in log, "nothing starts afresh")
    lib.wait_for(lambda: len(tools.tree(balancer.pid)) == WORKERS + 3, 30, "old generations leave: %s" % [
        lib.process_title(pid) for pid in tools.tree(balancer.pid)])


lib.run(test, 160)
