#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reloads with 10,000 servers and 1,000 certificates, under load: with the same names, and with other names for all
servers. Nothing fails; how long a reload takes and what it costs the requests is told, not asserted."""

import os
import subprocess
import time

import life
import lib
import tools

SERVERS = 10000
BACKENDS = 10
CERTIFICATES = 1000
WORKERS = 2
SECONDS = 10


def text(directory, port, tls_port, origin, turn):
    parts = ["""\
global
    nbthread %d
    maxconn 4000
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/certificates
    default_backend b0
""" % (WORKERS, directory, port, tls_port, directory)]
    for backend in range(BACKENDS):
        parts.append("backend b%d\n" % backend)
        parts.extend("    server s%d-%d 127.0.0.1:%d maxconn 100\n" % (turn, i, origin)
                     for i in range(SERVERS // BACKENDS))
    return "".join(parts)


def measure(box, name, port, change):
    """Load for a while, in the middle of which `change` is called."""
    load = box.load(port, conns=8, milliseconds=SECONDS * 1000, think=5)
    time.sleep(2)
    took = change()
    time.sleep(3)
    report = load.finish()
    lib.note("%-28s %.2f s; %d requests, %d failures; p50 %.1f ms, p99 %.1f, p99.9 %.1f, longest %.1f" % (
        name, took, report["requests"], report["failed"], report["p50_us"] / 1000, report["p99_us"] / 1000,
        report["p999_us"] / 1000, report["max_us"] / 1000))
    lib.check(report["failed"] == 0, "no failure, but " + lib.failures(report))


def test(box):
    origin = box.origin()
    port, tls_port = lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/life-big-%d" % os.getpid())).path
    for kind in ("rsa", "ec"):
        os.mkdir(directory + "/" + kind)
        subprocess.run([tools.tool("certificates"), "-k", kind, str(CERTIFICATES // 2), directory + "/" + kind],
                       check=True, timeout=60)
    os.mkdir(directory + "/certificates")
    for kind in ("rsa", "ec"):
        for name in os.listdir(directory + "/" + kind):
            os.rename("%s/%s/%s" % (directory, kind, name), "%s/certificates/%s-%s" % (directory, kind, name))
    start = time.monotonic()
    balancer = box.balancer(text(directory, port, tls_port, origin.port, 0), port, wait=60)
    lib.note("the start took %.2f s; memory %.1f MiB" % (
        time.monotonic() - start, tools.pss_kib(balancer.pid) / 1024))
    measure(box, "without a reload", port, lambda: 0)
    measure(box, "reload, the same names", port, lambda: life.reload(balancer, 60))
    for turn in (1, 2):
        balancer.write(text(directory, port, tls_port, origin.port, turn))
        measure(box, "reload, all servers renamed", port, lambda: life.reload(balancer, 60))
    lib.wait_for(lambda: len(tools.tree(balancer.pid)) == WORKERS + 3, 30, "old generations leave")
    lib.note("memory %.1f MiB" % (tools.pss_kib(balancer.pid) / 1024))
    life.ask(directory + "/admin", "show info")


lib.run(test, 200)
