# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios about servers that change share: origins that say their
# name, the balancer behind sockets with paths, and waits that end.

import atexit
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TMP = pathlib.Path(tempfile.mkdtemp(prefix="dyn."))
atexit.register(shutil.rmtree, TMP, True)


def until(condition, what, seconds=20):
    """Waits until condition() holds, and gives what it gave."""
    end = time.monotonic() + seconds
    while True:
        try:
            got = condition()
        except OSError:
            got = None
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


class Listener:
    """Gives each connection to `serve(conn)`, in a thread; `num` counts what it served."""

    def __init__(self):
        self.num = 0
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            conn, _ = self.sock.accept()
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn:
            try:
                self.serve(conn)
            except OSError:
                pass


class Origin(Listener):
    """An HTTP server that answers with its name; while `held` is not set it lets all wait. `num` counts requests."""

    def __init__(self, name):
        self.name = name
        self.held = threading.Event()
        self.held.set()
        super().__init__()

    def serve(self, conn):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                part = conn.recv(65536)
                if not part:
                    return
                data += part
            data = data.partition(b"\r\n\r\n")[2]
            self.num += 1
            self.held.wait(20)
            body = self.name.encode()
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class Agent(Listener):
    """Answers each connection with `says`. `num` counts connections."""

    def __init__(self, says):
        self.says = says
        super().__init__()

    def serve(self, conn):
        self.num += 1
        conn.sendall(self.says)


class Balancer:
    """The program, with a frontend `fe` at the path `fe`, and what `conf` adds; its admin socket is at `sock`."""

    def __init__(self, conf, more="", backend="be", args=()):
        self.cfg = TMP / "cfg"
        self.args = args
        self.write(conf, more, backend)
        self.out = TMP / "out"
        self.process = subprocess.Popen([os.environ["HAPROXY_PROGRAM"], *args, "-db", "-f", str(self.cfg)],
                                        stdout=open(self.out, "w"), stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        atexit.register(self.process.terminate)  # where an assertion ends the scenario
        until(lambda: "Name: " in self.ask("show info"), "it starts")

    def write(self, conf, more="", backend="be"):
        self.cfg.write_text(f"""
global
    nbthread 2
    stats socket {TMP}/sock level admin
    stats timeout 1m
{more}
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout queue 20s
frontend fe
    bind unix@{TMP}/fe
    default_backend {backend}
{conf}
""")

    def dial(self, name):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(str(TMP / name))
        return s

    def ask(self, command, name="sock"):
        """The answer to a line of commands, without the empty lines around."""
        with self.dial(name) as s:
            s.sendall(command.encode() + b"\n")
            return s.makefile("rb").read().decode().strip("\n")

    def get(self, header="", path="/", name="fe"):
        """Status and body of one GET on a connection of its own."""
        with self.dial(name) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n".encode())
            head, _, body = s.makefile("rb").read().decode().partition("\r\n\r\n")
        return int(head.split()[1]), body

    def froms(self, num=12):
        """Whose answers come."""
        return {self.get()[1] for _ in range(num)}

    def stat(self, name, column, proxy="be"):
        rows = [line.split(",") for line in self.ask("show stat").splitlines()]
        at = rows[0].index(column)
        return next((row[at] for row in rows if row[:2] == [proxy, name]), None)

    def state(self, name):
        """The fields of `show servers state` from the address on."""
        for line in self.ask("show servers state").splitlines():
            fields = line.split()
            if len(fields) > 4 and fields[3] == name:
                return fields[4:]
        return None

    def pids(self, title):
        """The processes below the first one whose title says so."""
        table = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    line = (entry / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
                if fields[0] != "Z":
                    table[int(entry.name)] = (int(fields[1]), line)

        def is_ours(pid):
            while pid in table and pid != self.pid:
                pid = table[pid][0]
            return pid == self.pid

        return sorted(pid for pid, (_, line) in table.items() if title in line and pid != self.pid and is_ours(pid))

    def kill(self, *titles):
        """Kills all processes of these titles, and waits for those in their place."""
        old = [pid for title in titles for pid in self.pids(title)]
        assert old, titles
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        until(lambda: all(self.pids(t) and not set(old) & set(self.pids(t)) for t in titles), "others take their place")
        until(lambda: "Name: " in self.ask("show info"), "a controller answers")

    def reload(self):
        before = self.out.read_text().count("is ready")
        os.kill(self.pid, signal.SIGUSR2)
        until(lambda: self.out.read_text().count("is ready") > before, "the reload is done")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
