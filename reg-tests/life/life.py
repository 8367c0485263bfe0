# SPDX-License-Identifier: Apache-2.0
"""What the tests of a long life share: load of every kind at once, through whatever happens to the balancer, and its sum.

Each test prints one line for each kind of load with requests, failures, resets and refusals; 0 is the only passing figure,
but where a process was killed that owned the connection. A test is a program, as those of ../load are; its frame, origin
and balancer are theirs."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "load"))
import lib  # noqa: E402
import tools  # noqa: E402

# What fails is a reset or a refusal, or something else that a client would call an error.
RESETS = ("reset", "closed", "short", "lost")


class Mix:
    """Load of several kinds at once. `port` speaks plain HTTP, `tls_port` TLS where it is given; both lead to the origin
    of the load tests. `seconds` bounds it, `finish` ends it before."""

    KINDS = ("keep-alive", "with pauses", "connection per request", "slow answers", "slow uploads", "TLS keep-alive",
             "TLS handshakes")

    def __init__(self, box, port, tls_port=None, seconds=120, scale=1):
        def load(name, where, **options):
            if where:
                self.loads[name] = box.load(where, milliseconds=seconds * 1000, timeout=10000, **options)

        self.loads = {}
        self.tunnels = None
        load("keep-alive", port, conns=4 * scale)
        load("with pauses", port, conns=20 * scale, think=30)
        load("connection per request", port, mode="close", conns=2 * scale)
        load("slow answers", port, conns=4 * scale, path="/slow/150")
        load("slow uploads", port, mode="upload", conns=4 * scale, path="/sink")
        load("TLS keep-alive", tls_port, conns=10 * scale, tls="1.3", think=20)
        load("TLS handshakes", tls_port, mode="close", conns=1 * scale, tls="1.3", resume="tickets")
        self.num_tunnels = 4 * scale
        self.tunnels = box.load(port, mode="tunnel", conns=self.num_tunnels, milliseconds=seconds * 1000)
        lib.check(self.tunnels.report()["requests"] == self.num_tunnels, "tunnels open")

    def finish(self):
        """Ends the load: {kind: report}. Tunnels, which live on, are asked last."""
        reports = {name: load.finish() for name, load in self.loads.items()}
        self.tunnels.process.stdin.close()
        reports["tunnels"] = self.tunnels.report()
        self.tunnels.process.stdin = open(os.devnull, "w")
        return reports

    def wait(self, requests, seconds=20):
        """Nothing to see from outside before the end: it only gives the load time."""
        time.sleep(min(seconds, requests / 1000))


class KeyClient(threading.Thread):
    """Asks with its own keys, and remembers the server of each: in a header of its own, or in sessions of the origin."""

    def __init__(self, number, port, num_keys, by_session=False):
        super().__init__(daemon=True)
        self.number, self.port, self.num_keys, self.by_session = number, port, num_keys, by_session
        self.servers = {}
        self.moved = []
        self.done = self.lost = 0
        self.ending = False
        self.start()

    def ask(self, connection):
        key = headers = None
        if not self.by_session:
            key = "c%dk%d" % (self.number, random.randrange(self.num_keys))
            headers = {"x": key}
        elif len(self.servers) >= self.num_keys or (self.servers and random.random() < 0.7):
            key = random.choice(list(self.servers))
            headers = {"cookie": "SID=" + key}
        connection.request("GET", "/128", headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise OSError("status %d" % answer.status)
        key = key or (answer.getheader("set-cookie") or "=").partition("=")[2]
        server = answer.getheader("srv")
        if self.servers.setdefault(key, server) != server:
            self.moved.append("%s: %s after %s" % (key, server, self.servers[key]))
        self.done += 1

    def run(self):
        while not self.ending:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                for _ in range(random.randrange(1, 30)):
                    self.ask(connection)
                    if self.ending:
                        break
            except (OSError, http.client.HTTPException):
                self.lost += 1
                time.sleep(0.02)
            connection.close()


class Connects:
    """A connection of its own for each request, `rate` of them a second over the addresses in turn (see connects.c)."""

    def __init__(self, *addresses, rate=5000, seconds=60, timeout=5000):
        self.process = subprocess.Popen([tools.tool("connects"), "-v", "-r", str(rate), "-s", str(seconds), "-t",
                                         str(timeout), *addresses], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def finish(self):
        """Ends it, after those that are open: its sums."""
        self.process.stdin.close()
        return self.wait()

    def wait(self):
        self.process.stdin = None
        out, self.errors = self.process.communicate(timeout=60)
        return json.loads(out)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def tell_connects(name, report):
    lib.note("%-34s %7d connects, %d refused, %d reset, %d without an answer, %d hung; slowest %.0f ms" % (
        name, report["tried"] - report["skipped"], report["refused"], report["reset"],
        report["short"] + report["timeout"] + report["other"], report["slow_connects"], report["connect_max_ms"]))


def check_connects(name, connects):
    """Ends it; fails the test where any connect did not go as it should."""
    report = connects.finish()
    tell_connects(name, report)
    bad = sum(report[key] for key in ("refused", "reset", "short", "timeout", "other", "slow_connects"))
    lib.check(bad == 0 and report["ok"] > 0, "%s: all connects are served at once:\n%s" % (name, connects.errors))


def resets(report):
    return sum(report[name] for name in RESETS)


def tell(reports):
    """Prints the sums; returns the number of failures of all kinds."""
    for name, report in reports.items():
        lib.note("%-22s %6d requests, %d failures, %d resets, %d refusals%s" % (
            name, report["requests"], report["failed"], resets(report), report["refused"],
            ": " + lib.failures(report) if report["failed"] else ""))
    return sum(report["failed"] for report in reports.values())


def check_clean(reports):
    """Prints the sums and fails the test where anything failed."""
    failed = tell(reports)
    lib.check(failed == 0, "no failure, not %d" % failed)
    for name, report in reports.items():
        lib.check(report["requests"] > 0, "requests of kind " + name)
        lib.check(report["slow_connects"] == 0, "no connect hangs with " + name)


def admin(path, command, timeout=5):
    """The answer to a command at an admin socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        parts = []
        for part in iter(lambda: connection.recv(65536), b""):
            parts.append(part)
    return b"".join(parts).decode()


def ask(path, command, seconds=10):
    """As admin, but waits until somebody serves the socket."""
    def attempt():
        try:
            return admin(path, command)
        except OSError:
            return None
    return lib.wait_for(attempt, seconds, "%s answers '%s'" % (path, command))


def stat(path, proxy, name, field):
    """A field of `show stat`, as a number."""
    lines = ask(path, "show stat").splitlines()
    columns = lines[0].lstrip("# ").split(",")
    for line in lines[1:]:
        cells = line.split(",")
        if cells[:2] == [proxy, name]:
            return int(cells[columns.index(field)] or 0)
    raise lib.Failure("no line for %s/%s in show stat" % (proxy, name))


def titles(balancer):
    """{pid: title} of all processes, as in "worker 2 gen 7"."""
    return {pid: lib.process_title(pid).removeprefix("fairlead: ") for pid in tools.tree(balancer.pid)}


def processes(balancer, title):
    """Pids of the processes, of all generations, whose title begins so."""
    return [pid for pid, is_title in titles(balancer).items() if is_title.startswith(title)]


def descriptors(pid):
    """How many descriptors a process has open."""
    return len(os.listdir("/proc/%d/fd" % pid))


def generation(balancer):
    """The newest generation whose worker runs."""
    numbers = [int(lib.process_title(pid).rpartition(" gen ")[2] or 0) for pid in balancer.workers()]
    return max(numbers, default=0)


def reload(balancer, seconds=20, number=signal.SIGUSR2):
    """Reloads, and waits until the new generation serves. Seconds it took."""
    start = time.monotonic()
    said = balancer.log().count("is ready:")
    balancer.signal(number)
    lib.wait_for(lambda: balancer.log().count("is ready:") > said, seconds, "a new generation serves")
    return time.monotonic() - start


def builds(directory):
    """The program, and one that differs in nothing but its version: [(file, version)]."""
    with open(lib.binary(), "rb") as file:
        program = file.read()
    version = subprocess.run([lib.binary(), "-v"], capture_output=True, text=True, timeout=10).stdout.split()[2]
    other = version[:-1] + ("7" if version[-1] != "7" else "8")
    found = []
    for name, number in (("a", version), ("b", other)):
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(program.replace(version.encode() + b"\0", number.encode() + b"\0"))
        os.chmod(path, 0o755)
        said = subprocess.run([path, "-v"], capture_output=True, text=True, timeout=10).stdout.split()[2]
        lib.check(said == number, "a build of version %s, not %s" % (number, said))
        found.append((path, number))
    return found


def install(build, target):
    """Puts the file in the place of the program's."""
    shutil.copy(build, target + ".new")
    os.rename(target + ".new", target)
