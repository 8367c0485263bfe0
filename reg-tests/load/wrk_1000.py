#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand connections at once: nothing but good answers."""

import re
import subprocess

import lib


def test(box):
    wrk = lib.need("wrk")
    origin = box.origin()
    port = lib.free_port()
    box.balancer(lib.config(port, origin.port, workers=4), port)
    done = subprocess.run([wrk, "-t", "1", "-c", "1000", "-d", "10s" if lib.FULL else "3s", "--timeout", "5s",
                           "http://127.0.0.1:%d/128" % port], stdout=subprocess.PIPE, text=True, timeout=40, check=True)
    requests = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    lib.note("%d requests" % requests)
    lib.check(requests > 1000, "more than one request for each connection")
    lib.check("Socket errors" not in done.stdout and "Non-2xx" not in done.stdout, "no errors:\n" + done.stdout)


lib.run(test)
