# SPDX-License-Identifier: Apache-2.0
#
# A farm of servers for scenarios that hold many connections at once and ask
# which server each one reached. The servers are one socket that listens on all
# loopback addresses: server i is 127.0.0.(i+1), and the address that a
# connection was accepted on tells which one was chosen.

import socket
import tempfile
import time

from balancer import Balancer, free_ports


class Farm:
    """A balancer in mode tcp with servers s0, s1, ... whose lines end as `options` says; `lines` are the backend's."""

    def __init__(self, directory, lines, options, workers=1):
        self.port = free_ports(3)
        text = f"""
global
    nbthread {workers}
    stats socket {directory}/farm.sock level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend ready
    mode http
    bind 127.0.0.1:{self.port + 2}
    http-request return status 200
frontend fe
    bind 127.0.0.1:{self.port} accept-proxy
    default_backend be
backend be
"""
        text += "".join(f"    {line}\n" for line in lines)
        text += "".join(f"    server s{i} 127.0.0.{i + 1}:{self.port + 1} {option}\n" for i, option in enumerate(options))
        self.admin = f"{directory}/farm.sock"
        self.origin = socket.socket()
        self.origin.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.origin.bind(("0.0.0.0", self.port + 1))
        self.origin.listen(4096)
        self.origin.settimeout(5)
        self.room = tempfile.TemporaryDirectory(dir=directory)
        self.balancer = Balancer(self.room.name, text, self.port + 2)

    def __enter__(self):
        self.balancer.__enter__()
        return self

    def __exit__(self, *_):
        self.balancer.__exit__()
        self.origin.close()

    def open(self, source="192.0.2.1"):
        """Opens a connection from `source`, to be held: the server's number and both ends of it."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        client.sendall(f"PROXY TCP4 {source} 192.0.2.2 1000 80\r\nx".encode())
        end, _ = self.origin.accept()
        end.settimeout(5)
        return int(end.getsockname()[0].rsplit(".")[-1]) - 1, client, end

    def wait_queued(self, number):
        """Returns once that many connections wait for servers of their own."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(10)
                admin.connect(self.admin)
                admin.sendall(b"show stat be 4 -1\n")
                rows = [line.split(",") for line in admin.makefile("rb").read().decode().splitlines()[1:] if line]
            if sum(int(row[2]) for row in rows) == number:
                return
            time.sleep(0.01)
        raise AssertionError(f"not {number} wait: {rows}")

    def close(self, held):
        """Ends a connection, and returns once the balancer has let go of the server's side, too."""
        _, client, end = held
        client.close()
        while end.recv(100):
            pass
        end.close()

    def spread(self, number):
        """How many of `number` connections that are held at once reach each server: {server: count}."""
        held = [self.open() for _ in range(number)]
        counts = {}
        for one in held:
            counts[one[0]] = counts.get(one[0], 0) + 1
        for one in held:
            self.close(one)
        return counts
