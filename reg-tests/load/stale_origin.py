#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An origin closes its idle connections at random, in order or with a reset, while requests come, a third of them POST:
no client sees an error, and no request reaches the origin twice. FULL=1 sends a million."""

import json
import os
import subprocess

import lib
import tools


class Strict:
    """The origin of strict.c."""

    def __init__(self, port, percent):
        self.process = subprocess.Popen([tools.tool("strict"), "origin", str(port), str(percent)],
                                        stdout=subprocess.PIPE, text=True)

    def finish(self):
        """Ends it and returns what it counted."""
        self.process.terminate()
        text, _ = self.process.communicate(timeout=20)
        return json.loads(text)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def run(box, reuse, requests, percent):
    port, origin_port = lib.free_port(), lib.free_port()
    origin = box.keep(Strict(origin_port, percent))
    lib.wait_for(lambda: lib.connects(origin_port), 20, "the origin listens")
    box.balancer(lib.config(port, origin_port, workers=4, defaults="http-reuse " + reuse), port)
    done = subprocess.run([tools.tool("strict"), "client", str(port), str(requests), "40", "30"],
                          stdout=subprocess.PIPE, text=True, timeout=60 + requests / 1000)
    lib.check(done.returncode == 0, "the client comes to an end")
    client, served = json.loads(done.stdout), origin.finish()
    closes = served["fin"] + served["reset"]
    lib.note("http-reuse %s: %d requests, %d connections closed by the origin, in %.1f s: %d wrong answers, %d cut" % (
        reuse, requests, closes, client["seconds"], client["status"], client["cut"]))
    lib.check(closes > requests / 200, "the origin closes some: %d" % closes)
    lib.check(client["ok"] == requests, "every request is answered: %s" % client)
    lib.check(served["twice"] == 0 and served["bad"] == 0, "none comes twice: %s" % served)
    lib.check(served["numbers"] == requests, "each comes once: %s" % served)


def test(box):
    if not os.access(tools.tool("strict"), os.X_OK):
        raise lib.Skip("no strict program; make bench-tools")
    run(box, "always", 1000000 if lib.FULL else 30000, 30)
    run(box, "safe", 10000, 30)


lib.run(test)
