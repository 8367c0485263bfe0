# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of log backends share: receivers of log lines, and a
# balancer whose only frontend logs one line per request, its path. varnishtest
# runs them with PYTHONPATH=${testdir}/..:${testdir}. Every wait here ends.

import contextlib
import select
import socket
import threading

from balancer import Balancer, DEFAULTS, free_ports, get, signal, wait_for


class Receiver:
    """A syslog server: the messages it got, in `lines`. kind: udp, tcp, uxdg or unix."""

    def __init__(self, kind="udp", path=None, port=0):
        self.kind = kind
        self.lines = []
        self.raw = b""
        self.conns = []
        family = socket.AF_UNIX if path else socket.AF_INET
        datagram = kind in ("udp", "uxdg")
        self.sock = socket.socket(family, socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(path or ("127.0.0.1", port))
        if not datagram:
            self.sock.listen(16)
        self.port = None if path else self.sock.getsockname()[1]
        self.address = f"{kind}@{path or '127.0.0.1:%d' % self.port}"
        self.ends, self.end = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.ends, self.sock] + self.conns, [], [], 60)
            if not ready or self.ends in ready:
                return
            for it in ready:
                if it is not self.sock:
                    data = it.recv(65536)
                    if not data:
                        self.conns.remove(it)
                        it.close()
                    self.raw += data
                    self.lines = self.raw.decode().splitlines()
                elif self.kind in ("udp", "uxdg"):
                    self.lines.append(it.recv(65536).decode().rstrip("\n"))
                else:
                    self.conns.append(it.accept()[0])

    def close(self):
        self.end.send(b"x")
        self.thread.join(20)
        for it in [self.sock, self.ends, self.end] + self.conns:
            it.close()

    def paths(self):
        """The paths that were logged; messages of the balancer itself do not begin with a slash."""
        return [word for word in (line.split(" ")[-1] for line in list(self.lines)) if word.startswith("/")]


class Rig(Balancer):
    """A balancer that logs `%HP` of each request to backend@logs, which `backend` describes."""

    def __init__(self, directory, backend, workers=1, line="log backend@logs format raw local0", more=""):
        port = free_ports(1)
        self.cli = f"{directory}/cli"
        text = f"""
global
    nbthread {workers}
    stats socket {self.cli} level admin
    {more}
{DEFAULTS}
frontend fe
    bind 127.0.0.1:{port}
    {line}
    log-format %HP
    option dontlognull
    http-request return status 200 if {{ path /alive }}
    http-request return status 200

backend logs
    mode log
{backend}
"""
        super().__init__(directory, text, port)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            admin.connect(self.cli)
            admin.sendall(command.encode() + b"\n")
            text = b""
            while part := admin.recv(65536):
                text += part
        return text.decode()

    def info(self, field):
        for line in self.ask("show info").splitlines():
            name, _, value = line.partition(": ")
            if name == field:
                return value
        return None

    def stat(self, server, field, proxy="logs"):
        rows = [row.split(",") for row in self.ask("show stat").splitlines() if row]
        names = rows[0]
        for row in rows[1:]:
            if row[0] == proxy and row[1] == server:
                return row[names.index(field)]
        return None

    def generation(self):
        """The newest generation that the admin socket knows to serve."""
        rows = [row.split() for row in self.ask("show proc").splitlines()]
        return max((int(row[5]) for row in rows if len(row) > 5 and row[1] == "worker"), default=0)

    def send(self, *paths):
        """One request each, on connections of their own."""
        for path in paths:
            get(self.port, path)


def settle(receivers, number, prefix="/"):
    """Waits until all receivers together have that many lines of paths that begin with `prefix`."""
    return wait_for(lambda: sum(len(of(r, prefix)) for r in receivers) >= number, 10)


def of(receiver, prefix):
    return [path for path in receiver.paths() if path.startswith(prefix)]


@contextlib.contextmanager
def receivers(number, kind="udp", directory=None):
    made = [Receiver(kind, f"{directory}/{kind}{i}" if directory else None) for i in range(number)]
    try:
        yield made
    finally:
        for it in made:
            it.close()


__all__ = ["Receiver", "Rig", "get", "of", "receivers", "settle", "signal", "wait_for"]
