# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios share that start the balancer themselves, because they send
# it signals, reload it or need real ports. varnishtest runs them with
# PYTHONPATH=${testdir}/.. and HAPROXY_PROGRAM set. Every wait here ends.

import http.client
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

DEFAULTS = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""


CLAIMS = []


def claim(port):
    """Keeps other tests from choosing this port while this process lives: between our look and the balancer's bind it
    seems free."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind("\0port-of-a-test-%d" % port)
    except OSError:
        name.close()
        raise
    CLAIMS.append(name)


def free_ports(number):
    """The first of `number` consecutive ports nobody uses now. They lie below those that the kernel gives to connections
    where it leaves room there, so that none is taken before the balancer listens."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = int(file.read().split()[0])
    for _ in range(200):
        first = random.randrange(10000, (end if end > 12000 else 60000) - number)
        sockets = []
        try:
            for port in range(first, first + number):
                claim(port)
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise OSError("no free ports")


def wait_for(what, seconds=20.0):
    """Whether `what()` came true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def get(port, path="/", host="127.0.0.1", timeout=10.0):
    """Status and text of one GET on a connection of its own."""
    client = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        client.request("GET", path, headers={"Connection": "close"})
        answer = client.getresponse()
        return answer.status, answer.read().decode()
    finally:
        client.close()


def answers(port):
    try:
        get(port, timeout=2.0)
        return True
    except OSError:
        return False


class Balancer:
    """One running balancer, its configuration at `cfg`; stopped at the end of a `with`."""

    def __init__(self, directory, text, port, args=("-W", "-db")):
        self.cfg = pathlib.Path(directory) / "cfg"
        self.log = pathlib.Path(directory) / "log"
        self.port = port
        self.args = args
        self.cfg.write_text(text)

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.environ["HAPROXY_PROGRAM"], *self.args, "-f", str(self.cfg)], stdout=log, stderr=log)
        self.pid = self.process.pid
        if not wait_for(lambda: answers(self.port)):
            self.__exit__()
            raise OSError("the balancer does not answer: " + self.log.read_text())
        time.sleep(0.2)  # HAProxy's master is deaf to signals for a moment after its worker serves
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            if not wait_for(lambda: self.process.poll() is not None):
                self.process.kill()
                self.process.wait()

    def signal(self, number):
        os.kill(self.pid, number)

    def ended(self, seconds=20.0):
        """Whether the process ended by itself within `seconds`."""
        return wait_for(lambda: self.process.poll() is not None, seconds)

    def descendants(self):
        """All processes below the first one: {pid: parent}."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
        found = {}
        grown = True
        while grown:
            grown = False
            for pid, parent in parents.items():
                if pid not in found and (parent == self.pid or parent in found):
                    found[pid] = parent
                    grown = True
        return found

    def leaves(self):
        """The processes that have no children: workers and controller."""
        found = self.descendants()
        return sorted(pid for pid in found if pid not in found.values())


__all__ = ["Balancer", "DEFAULTS", "answers", "free_ports", "get", "signal", "wait_for"]
