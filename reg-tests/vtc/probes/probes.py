# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios about watched servers share: servers and agents whose
# answers change, the balancer in front of them, and waits that end.

import http.client
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).parent.parent))
from balancer import free_ports

TMP = pathlib.Path(tempfile.mkdtemp(prefix="probes."))


def until(condition, what, seconds=20):
    """Waits until condition() holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.03)


class Server:
    """Listens, and gives each connection to `talk(self, conn)` in a thread. `num` counts them."""

    def __init__(self, talk):
        self.talk = talk
        self.num = 0
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.num += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn:
            conn.settimeout(20)
            try:
                self.talk(self, conn)
            except OSError:
                pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class Agent(Server):
    """Says `line` to everybody; remembers in `heard` what was sent to it first, where `listens`."""

    def __init__(self, line, listens=False):
        self.line = line
        self.listens = listens
        self.heard = b""
        super().__init__(Agent._say)

    def _say(self, conn):
        if self.listens:
            self.heard = conn.recv(4096)
        conn.sendall(self.line)
        # The peer has read it all once it closes.
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):
            pass

    def say(self, line):
        """Changes the line, and returns once an answer with it was heard and obeyed."""
        self.line = line
        num = self.num
        until(lambda: self.num >= num + 3, "the agent is asked again")


class Web(Server):
    """Answers every request with `status`; 0: closes instead."""

    def __init__(self, status=200):
        self.status = status
        super().__init__(Web._answer)

    def _answer(self, conn):
        data = b""
        while b"\r\n\r\n" not in data:
            got = conn.recv(4096)
            if not got:
                return
            data += got
        if self.status:
            conn.sendall(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


class Balancer:
    """The balancer with `conf`, in which {fe} is a port for a frontend; `globals` are lines of its global section.
    `patient`: it waits longer for what it asked servers than until it asks again."""

    def __init__(self, conf, mode="http", globals="", patient=True):
        self.program = os.environ["HAPROXY_PROGRAM"]
        self.fe = free_ports(1)
        self.path = TMP / "admin.sock"
        file = TMP / "conf.cfg"
        file.write_text(
            f"global\n    stats socket {self.path} level admin\n{globals}\n"
            f"defaults\n    mode {mode}\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n"
            f"    retries 0\n{'    timeout check 10s' if patient else ''}\n" + conf.replace("{fe}", str(self.fe))
        )
        self.log = TMP / "log"
        self.process = subprocess.Popen(
            [self.program, "-db", "-f", str(file)], stdout=subprocess.DEVNULL, stderr=self.log.open("wb")
        )
        until(self._answers, "the balancer starts")

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return "Name:" in self.cli("show info")
        except OSError:
            return False

    def cli(self, command):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(self.path))
            sock.sendall(command.encode() + b"\n")
            answer = b""
            while got := sock.recv(65536):
                answer += got
            return answer.decode()

    def state(self, name):
        """The columns of server `name` ("backend/server") in `show servers state`."""
        backend, server = name.split("/")
        lines = self.cli(f"show servers state {backend}").splitlines()
        names = lines[1].lstrip("# ").split()
        for line in lines[2:]:
            row = dict(zip(names, line.split()))
            if row.get("srv_name") == server:
                return row
        raise AssertionError(f"no server {name}")

    def is_up(self, name):
        row = self.state(name)
        return row["srv_op_state"] != "0" and not int(row["srv_admin_state"]) & 0x27

    def admin(self, name):
        return int(self.state(name)["srv_admin_state"])

    def weight(self, name):
        return int(self.state(name)["srv_uweight"])

    def wait_up(self, name):
        until(lambda: self.is_up(name), f"{name} is up")

    def wait_down(self, name):
        until(lambda: not self.is_up(name), f"{name} is down")

    def get(self, path="/", header=None):
        conn = http.client.HTTPConnection("127.0.0.1", self.fe, timeout=20)
        try:
            conn.request("GET", path, headers=header or {})
            answer = conn.getresponse()
            answer.read()
            return answer.status
        finally:
            conn.close()

    def says(self, text):
        return text in self.log.read_text()

    def wait_says(self, text):
        until(lambda: self.says(text), f"it says {text!r}: {self.log.read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def refused(conf, text, globals="", mode="http"):
    """Says whether the configuration is refused; ours says why with `text`."""
    file = TMP / "bad.cfg"
    file.write_text(
        f"global\n{globals}\ndefaults\n    mode {mode}\n    timeout connect 5s\n    timeout client 5s\n"
        f"    timeout server 5s\n" + conf
    )
    done = subprocess.run(
        [os.environ["HAPROXY_PROGRAM"], "-c", "-f", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = done.stdout.decode()
    assert done.returncode != 0, f"accepted: {conf}"
    assert "haproxy" in os.environ["HAPROXY_PROGRAM"] or text in said, said
