# SPDX-License-Identifier: Apache-2.0
#
# What scenarios share that play an operator: a balancer with an admin socket at sock and, where asked for, a master's at
# master, all of it in one directory; its clients and origins on unix sockets there. They are run with
# PYTHONPATH=${testdir}/.. and HAPROXY_PROGRAM set. Every wait here ends.

import os
import re
import signal
import socket
import subprocess
import time

PATIENCE = 20
UPGRADE = "Connection: upgrade\r\nUpgrade: x\r\n"


def until(test):
    """What `test()` gives once that is true; what it looks at may not be there yet."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            got = test()
            if got:
                return got
        except OSError:
            got = "an error"
        assert time.monotonic() < end, "it does not come to that: %r" % got
        time.sleep(0.01)


def read_until(connection, what):
    """All bytes up to and with the first piece in which `what` ends."""
    got = b""
    while what not in got:
        more = connection.recv(65536)
        assert more, got
        got += more
    return got


def is_closed(connection):
    """Whether nothing but the end comes."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


class Service:
    """A balancer that runs `text` with {d} for its directory; ended at the end of a `with`."""

    def __init__(self, directory, text, master=False):
        self.dir = directory
        self.args = ["-W", "-S", directory + "/master,mode,600"] if master else []
        self.cfg = directory + "/service.cfg"
        self.write(text)

    def write(self, text):
        with open(self.cfg, "w", encoding="ascii") as file:
            file.write(text.replace("{d}", self.dir))

    def __enter__(self):
        with open(self.dir + "/said", "wb") as said:
            self.process = subprocess.Popen([os.environ["HAPROXY_PROGRAM"], *self.args, "-db", "-f", self.cfg],
                                            stdout=said, stderr=said)
        try:
            until(lambda: self.process.poll() is not None or self.ask("show info"))
            assert self.process.poll() is None, open(self.dir + "/said", encoding="ascii").read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(PATIENCE)

    def dial(self, name):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(self.dir + "/" + name)
        return connection

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.dir + "/" + name)
        listener.listen(64)
        listener.settimeout(PATIENCE)
        return listener

    def ask(self, command, name="sock"):
        """The whole answer, without the empty line at its end."""
        with self.dial(name) as connection:
            connection.sendall(command.encode() + b"\n")
            if name == "master":
                connection.shutdown(socket.SHUT_WR)
            text = connection.makefile("rb").read().decode()
        return text[:-1] if text.endswith("\n") else text

    def get(self, path, name="fe", more=""):
        """A client that has asked for `path`."""
        connection = self.dial(name)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode())
        return connection

    def tunnel(self, listener, name="fe", path="/"):
        """Client and origin of a tunnel."""
        client = self.get(path, name, UPGRADE)
        there, _ = listener.accept()
        there.settimeout(PATIENCE)
        read_until(there, b"\r\n\r\n")
        there.sendall(b"HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        return client, there

    def streams(self, options=""):
        """The lines of show sess as dictionaries, `id` and all that stands as name=value."""
        got = []
        for line in self.ask("show sess " + options).splitlines():
            assert re.match("0x[0-9a-f]+: ", line), line
            got.append(dict(re.findall(r"(\w+)=(\[.*?\]|\"[^\"]*\"|\S*)", line), id=line.split(":")[0]))
        return got

    def stat(self, proxy, name):
        """A row of show stat."""
        lines = self.ask("show stat").splitlines()
        names = lines[0][2:].split(",")
        for line in lines[1:]:
            row = dict(zip(names, line.split(",")))
            if row.get("pxname") == proxy and row.get("svname") == name:
                return row
        raise AssertionError("no %s/%s" % (proxy, name))

    def workers(self):
        """The pids of the workers, of all generations."""
        return [int(pid) for pid in re.findall(r"/(\d+)", self.ask("show activity").splitlines()[0])]

    def reload(self):
        assert "Success=1" in self.ask("reload", "master")

    def processes(self):
        """The titles of this service's processes by their pids."""
        found, left = {}, [self.process.pid]
        while left:
            pid = left.pop()
            try:
                with open("/proc/%d/cmdline" % pid, encoding="ascii") as title:
                    found[pid] = title.read()
                with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as children:
                    left += [int(child) for child in children.read().split()]
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def controllers(self):
        return [pid for pid, title in self.processes().items() if ": controller " in title]

    def end(self, pid, number=signal.SIGKILL):
        """Sends a signal to a process of this service."""
        assert pid in self.processes(), pid
        os.kill(pid, number)
