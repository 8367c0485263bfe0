# SPDX-License-Identifier: Apache-2.0
"""What exchanges of many kinds are counted as: an origin that does what the path says, clients that do what they should
not, and cases that are played side by side, each with a frontend and a backend of its own, whose rows are then compared
with what is expected of them. varnishtest runs this with PYTHONPATH=${testdir}/.. and HAPROXY_PROGRAM set."""
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from metrics import stat

# What is compared: a column that a case does not name is 0.
COLUMNS = ("conn_tot stot req_tot dreq dresp ereq econ eresp wretr wredis lbtot cli_abrt srv_abrt connect reuse intercepted "
           "dcon dses wrew eint hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other").split()
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WEBSOCKET = ("Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
# An address of our own: whoever looks for a port that was its own a moment ago does not find us there.
HOST = f"127.{1 + os.getpid() % 250}.{os.getpid() // 250 % 250}.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"


def reset(conn):
    """Closes `conn` so that its peer sees a reset."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def request(path="/", method="GET", fields="", body=b""):
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode() + body


class Origin:
    """Answers by path: /s/404 that status, /100 an interim answer first, and a name for each way to fail. What holds an
    answer back (/wait, /stall) does so until the client, or the balancer, goes. What stands behind a ? is a name for saw."""

    def __init__(self, serve=None):
        self.listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.serve = serve or self.http
        self.heads, self.news = [], threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def saw(self, path):
        """Waits until the head of a request for `path` is here."""
        with self.news:
            assert self.news.wait_for(lambda: path in self.heads, 10), path

    def accept(self):
        while True:
            threading.Thread(target=self.guard, args=self.listener.accept()[:1], daemon=True).start()

    def guard(self, conn):
        try:
            self.serve(conn)
        except OSError:
            pass
        conn.close()

    def http(self, conn):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                piece = conn.recv(65536)
                if not piece:
                    return
                data += piece
            head, _, data = data.partition(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            with self.news:
                self.heads.append(path)
                self.news.notify_all()
            need = sum(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            while len(data) < need:
                piece = conn.recv(65536)
                if not piece:
                    return
                data += piece
            data = data[need:]
            if not self.answer(conn, path, head.startswith(b"HEAD")):
                return

    @staticmethod
    def answer(conn, path, is_head):
        """Whether the connection goes on."""
        path = path.partition("?")[0]
        if path.startswith("/s/"):
            bare = is_head or path in ("/s/204", "/s/304")
            conn.sendall(f"HTTP/1.1 {path[3:]} X\r\n{'' if bare else 'Content-Length: 2'}\r\n{'' if bare else chr(13) + chr(10) + 'ok'}".encode())
        elif path == "/100":
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" + OK)
        elif path == "/junk":
            conn.sendall(b"junk\r\n\r\n")
            return False
        elif path == "/cut-head":
            conn.sendall(CUT[:20])
            return False
        elif path == "/cut":
            conn.sendall(CUT)
            return False
        elif path == "/stall":
            conn.sendall(CUT)
            conn.recv(1)
            return False
        elif path == "/wait":
            conn.recv(1)
            return False
        elif path == "/reset":
            reset(conn)
            return False
        elif path == "/ws":
            conn.sendall(b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                         b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            conn.recv(1)
            return False
        elif path != "/close":
            conn.sendall(OK[:-2] if is_head else OK)
            return True
        else:
            return False
        return path.startswith(("/s/", "/100"))


def echo(conn):
    while data := conn.recv(4096):
        conn.sendall(data)


def hold(conn):
    while conn.recv(4096):
        pass


def reset_late(conn):
    conn.recv(4096)
    reset(conn)


class Client:
    """One connection to a case's frontend. `origin` tells what came of it behind its backend."""

    def __init__(self, port, origin=None):
        self.conn = socket.create_connection((HOST, port), timeout=10)
        self.data, self.port, self.origin = b"", port, origin

    def another(self):
        return Client(self.port, self.origin)

    def send(self, data):
        self.conn.sendall(data)
        return self

    def saw(self, path):
        self.origin.saw(path)
        return self

    def close(self):
        self.conn.close()

    def reset(self):
        reset(self.conn)

    def head(self):
        """The next answer's status; its body is read, too."""
        while b"\r\n\r\n" not in self.data:
            piece = self.conn.recv(65536)
            if not piece:
                return 0
            self.data += piece
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        if 100 <= status < 200 and status != 101:
            return self.head()
        need = sum(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while status != 101 and len(self.data) < need:
            piece = self.conn.recv(65536)
            if not piece:
                break
            self.data += piece
        self.data = self.data[need:]
        return status

    def ask(self, *requests):
        """Sends each request once the answer to the one before is there, then closes."""
        for one in requests:
            self.send(one).head()
        self.conn.close()

    def to_end(self, data=b""):
        """Sends, and reads until the other side closes."""
        try:
            self.conn.sendall(data)
            while self.conn.recv(65536):
                pass
        except OSError:
            pass
        self.conn.close()

    def tls(self, data=b"", **settings):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for name, value in settings.items():
            setattr(context, name, value)
        try:
            self.conn = context.wrap_socket(self.conn)
        except (ssl.SSLError, OSError):
            self.conn.close()
            return
        self.to_end(data)


class Case:
    """`play` is called with a client of a frontend that has the lines `front`, before a backend with the lines `back`
    and `servers`. `expect` has, for f, b and each server, its columns that are not 0: "f: conn_tot=1; f,b: stot=1"."""

    def __init__(self, name, play, expect, front="", back="", servers=("server s1 {at}:{http}",), mode="", bind=""):
        self.name, self.play, self.front, self.back, self.servers = name, play, front, back, servers
        self.mode, self.bind = mode, bind
        self.expect = {"f": {}, "b": {}, **{line.split()[1]: {} for line in servers}}
        for part in filter(None, (part.strip() for part in expect.split(";"))):
            rows, _, columns = part.partition(":")
            for row in rows.split(","):
                self.expect[row].update(column.split("=") for column in columns.split())
        self.listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self.listener.getsockname()[1]

    def lines(self, ports):
        fill = lambda text: [line.strip().format(**ports) for line in text.split("\n") if line.strip()]
        return "\n    ".join([f"frontend f_{self.name}", self.mode and f"mode {self.mode}", f"bind fd@{self.listener.fileno()} {self.bind}",
                              *fill(self.front), f"default_backend b_{self.name}\nbackend b_{self.name}", self.mode and f"mode {self.mode}",
                              *fill(self.back), *fill("\n".join(self.servers))]) + "\n"

    def found(self, rows):
        said = {}
        for row in self.expect:
            key = (f"f_{self.name}", "FRONTEND") if row == "f" else (f"b_{self.name}", "BACKEND" if row == "b" else row)
            said[row] = {name: rows[key][name] for name in COLUMNS if rows[key].get(name, "") not in ("", "0")}
        return said


def run(directory, cases, preface="", before=""):
    """Plays all of `cases` at once, and says where rows are not what was expected within ten seconds."""
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        origin = Origin()
        ports = dict(at=HOST, http=origin.port, echo=Origin(echo).port, hold=Origin(hold).port, reset=Origin(reset_late).port,
                     nobody=nobody.getsockname()[1], certs=os.environ.get("FL_CERTS", ""))
        with open(directory + "/exchanges.cfg", "w", encoding="ascii") as file:
            file.write(f"global\n    stats socket {directory}/exchanges.sock level admin\n{before}\n"
                       "defaults\n    timeout connect 1s\n    timeout client 10s\n    timeout server 10s\n    timeout queue 10s\n"
                       f"    timeout http-request 10s\n    timeout http-keep-alive 100ms\n    retries 1\n    maxconn 100\n{preface}\n")
            file.writelines(case.lines(ports) for case in cases)
        with open(directory + "/exchanges.log", "w", encoding="ascii") as log:
            process = subprocess.Popen([os.environ["HAPROXY_PROGRAM"], "-db", "-f", directory + "/exchanges.cfg"], stdout=log,
                                       stderr=log, pass_fds=[case.listener.fileno() for case in cases])
        try:
            play(directory + "/exchanges.sock", process, cases, origin)
        finally:
            process.terminate()
            process.wait()


def play(path, process, cases, origin):
    end = time.monotonic() + 20
    while True:
        try:
            stat(path)
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < end, "does not start"
            time.sleep(.02)
    threads = [threading.Thread(target=lambda case=case: case.play(Client(case.port, origin))) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end = time.monotonic() + 10
    wrong = cases
    while wrong and time.monotonic() < end:
        rows = stat(path)
        wrong = [case for case in cases if case.found(rows) != case.expect]
        time.sleep(.02 if wrong else 0)
    for case in wrong:
        found = case.found(rows)
        for row, columns in found.items():
            if columns != case.expect[row]:
                print(f"{case.name} {row}: {' '.join(f'{k}={v}' for k, v in columns.items())}"
                      f" instead of {' '.join(f'{k}={v}' for k, v in case.expect[row].items())}")
    if os.environ.get("EXCHANGES_SHOW"):
        rows = stat(path)
        for case in cases:
            print(case.name, "; ".join(f"{row}: {' '.join(f'{k}={v}' for k, v in columns.items())}"
                                       for row, columns in case.found(rows).items() if columns), file=sys.stderr)
    print("as it should be" if not wrong else "wrong")
