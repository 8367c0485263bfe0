#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""200 reloads under load of every kind, with changing servers, certificates and timeouts: no request fails, no connect is
refused, no counter decreases, memory and descriptors stay, and the old processes leave."""

import os
import shutil
import time

import life
import lib
import tools

RELOADS = 200
WORKERS = 4


def text(directory, port, tls_port, origin, turn):
    servers = "\n".join("    server s%d 127.0.0.1:%d maxconn %d weight %d" % (turn + i, origin, 50 + turn % 7, 1 + i)
                        for i in range(2 + turn % 3))
    return """\
global
    nbthread %d
    maxconn 4000
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 2s
    timeout client %ds
    timeout server %ds
    timeout tunnel 300s
    timeout http-keep-alive %ds
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/site.pem
    default_backend b%d
backend b%d
%s
""" % (WORKERS, directory, 20 + turn % 5, 20 + turn % 3, 2 + turn % 4, port, tls_port, directory, turn % 4, turn % 4,
       servers)


def test(box):
    certs = lib.certificates()
    origin = box.origin()
    port, tls_port = lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/life-%d" % os.getpid())).path
    shutil.copy(certs + "/a.pem", directory + "/site.pem")
    balancer = box.balancer(text(directory, port, tls_port, origin.port, 0), port)
    path = directory + "/admin"
    life.ask(path, "show info")
    for turn in range(1, 4):
        balancer.write(text(directory, port, tls_port, origin.port, turn))
        life.reload(balancer)
    # What load of this kind takes in a worker by itself is not what reloads cost: these workers have carried it, too.
    warm = life.Mix(box, port, tls_port, seconds=30)
    time.sleep(3)
    life.check_clean(warm.finish())
    lib.wait_for(lambda: len(tools.tree(balancer.pid)) == WORKERS + 3, 20, "old generations leave")
    memory, files = tools.pss_kib(balancer.pid), life.descriptors(balancer.pid)
    mix = life.Mix(box, port, tls_port, seconds=220)
    took = []
    seen = 0
    for turn in range(4, 4 + RELOADS):
        shutil.copy(certs + ("/a.pem" if turn % 2 else "/rsa.pem"), directory + "/next.pem")
        os.rename(directory + "/next.pem", directory + "/site.pem")
        balancer.write(text(directory, port, tls_port, origin.port, turn))
        took.append(life.reload(balancer))
        now = life.stat(path, "load", "FRONTEND", "stot")
        lib.check(now >= seen, "sessions so far do not decrease: %d after %d" % (now, seen))
        seen = now
        time.sleep(0.05)
    most = len(tools.tree(balancer.pid))
    reports = mix.finish()
    took.sort()
    lib.note("%d reloads, half of them within %.0f ms, slowest %.0f ms; %d processes at the end of them" % (
        len(took), took[len(took) // 2] * 1000, took[-1] * 1000, most))
    life.check_clean(reports)
    lib.wait_for(lambda: len(tools.tree(balancer.pid)) == WORKERS + 3, 30, "old generations leave: %s" % [
        lib.process_title(pid) for pid in tools.tree(balancer.pid)])
    time.sleep(0.2)
    after = tools.pss_kib(balancer.pid)
    lib.note("memory %.1f MiB before, %.1f MiB after: %.2f; descriptors of the master %d, %d" % (
        memory / 1024, after / 1024, after / memory, files, life.descriptors(balancer.pid)))
    lib.check(after <= memory * 1.10, "memory stays")
    lib.check(life.descriptors(balancer.pid) <= files, "descriptors stay")


lib.run(test, 230)
