#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/run-quickstart, on ports of its own: what it says one may try with curl works as printed, TLS included."""

import os
import re
import signal
import subprocess
import tempfile

import lib
import tools


class Quickstart:
    """The script in the foreground, as `make run` starts it, until it has printed what to try."""

    def __init__(self, text):
        self.directory = tempfile.mkdtemp(prefix="load-")
        self.path = os.path.join(self.directory, "quickstart.cfg")
        with open(self.path, "w") as file:
            file.write(text)
        self.log_path = os.path.join(self.directory, "said")
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([os.path.join(tools.ROOT, "scripts", "run-quickstart"), self.path],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in tools.tree(self.process.pid):
                lib.kill(pid, signal.SIGKILL)
        lib.Directory(self.directory).stop()


def test(box):
    lib.need("curl")
    lib.need("openssl")
    if os.path.realpath(lib.binary()) != os.path.realpath(os.path.join(tools.ROOT, "fairlead")):
        raise lib.Skip("the script starts the release build, and another one is tested")
    os.environ.pop("FAIRLEAD_CERTS", None)
    text, ports = lib.quickstart(None)
    quickstart = box.keep(Quickstart(text))
    lib.wait_for(lambda: "Control-C ends it." in quickstart.log(), 15, "it says what to try:\n" + quickstart.log())
    tried = [line.strip() for line in quickstart.log().splitlines() if re.match(r"\s*curl ", line)]
    lib.check(sum("https://localhost:%s" % ports["8443"] in line for line in tried) >= 3, "lines for TLS: %s" % tried)
    for line in tried:
        done = subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=20, text=True)
        upgrade = "Upgrade: websocket" in line
        # A tunnel stays open until the client's time is over.
        lib.check(done.returncode == (28 if upgrade else 0), "%s\n%s%s" % (line, done.stdout, done.stderr))
        if "-i" in line.split():
            want = "101" if upgrade else "503" if "/-/off" in line else "200"
            lib.check(re.search(r"HTTP/1.1 %s " % want, done.stdout), "%s in\n%s\n%s" % (want, line, done.stdout))
    lib.note("%d lines tried" % len(tried))


lib.run(test, seconds=150)
