#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reload after reload with a tunnel held open in each worker of each generation: processes pile up only as far as their
numbers go, then the oldest generation is ended with an alert, and no reload fails or waits for long. A fresh connection
is served all the time, and the newest tunnels live."""

import re
import socket

import life
import lib
import tools

WORKERS = 8
RELOADS = 60 if lib.FULL else 36
NUMBERS = 255  # processes of all generations


def tunnel(port, origin):
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.sendall(b"hello")
    server = origin.accept()[0]
    server.settimeout(5)
    lib.check(server.recv(100) == b"hello", "the tunnel's bytes come through")
    return client, server


def lives(ends):
    client, server = ends
    try:
        server.sendall(b"x")
        client.settimeout(2)
        return client.recv(1) == b"x"
    except OSError:
        return False


def text(port, raw, origin):
    return lib.config(port, origin, workers=WORKERS, listen="http-request return status 200 if { path /own }") + """
listen raw
    mode tcp
    bind 127.0.0.1:%d
    server s 127.0.0.1:%d
""" % (raw, origin)


def test(box):
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as origin:
        port, raw = lib.free_port(), lib.free_port()
        balancer = box.balancer(text(port, raw, origin.getsockname()[1]), port)
        size, alone = len(tools.tree(balancer.pid)), tools.pss_kib(balancer.pid)
        tunnels, took, most, memory = [], [], 0, 0
        for turn in range(RELOADS):
            # Enough that hardly a worker is without one.
            tunnels.append([tunnel(raw, origin) for _ in range(3 * WORKERS)])
            took.append(life.reload(balancer))
            num = len(tools.tree(balancer.pid))
            if num > most:
                most, memory = num, tools.pss_kib(balancer.pid)
            lib.check(num <= NUMBERS, "%d processes at most" % NUMBERS)
            lib.check(lib.get(port, "/own")[0] == 200, "it serves after reload %d" % (turn + 1))
        live = [all(map(lives, batch)) for batch in tunnels]
        gone = [not any(map(lives, batch)) for batch in tunnels]
        ended = [int(number) for number in re.findall(r"generation (\d+), the oldest, ends now", balancer.log())]
        took.sort()
        lib.note("%d reloads of %d workers, slowest %.0f ms; %d processes at most with %.1f MiB, %.1f MiB alone" % (
            RELOADS, WORKERS, took[-1] * 1000, most, memory / 1024, alone / 1024))
        lib.note("generations ended for want of numbers: %s; tunnels of %d live" % (len(ended), sum(live)))
        lib.check(ended == list(range(1, len(ended) + 1)), "the oldest end first: %s" % ended)
        lib.check(len(ended) >= 5, "numbers run out")
        lib.check(gone == [True] * len(ended) + [False] * (RELOADS - len(ended)) and
                  live == [False] * len(ended) + [True] * (RELOADS - len(ended)),
                  "who was not ended lives")
        for batch in tunnels:
            for ends in batch:
                for end in ends:
                    end.close()
        lib.wait_for(lambda: len(tools.tree(balancer.pid)) <= size, 20, "all leave once the tunnels end")


lib.run(test, 150)
