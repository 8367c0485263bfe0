# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of TLS on the wire share: a balancer on sockets that are bound before it starts, an origin in a
# thread, and clients whose bytes pass through the hands of the test. varnishtest runs them with PYTHONPATH=${testdir}
# and HAPROXY_PROGRAM and FL_CERTS set. Every wait ends.

import base64
import contextlib
import hashlib
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

CERTS = os.environ.get("FL_CERTS", "")
DEFAULTS = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
"""


def pattern(length):
    """Bytes that a hole or a repeat cannot hide in."""
    block = hashlib.sha512(b"wire").digest() * 2 + bytes(range(251))
    return (block * (length // len(block) + 1))[:length]


def listener(backlog=128):
    return socket.create_server(("127.0.0.1", 0), backlog=backlog)


class Origin(threading.Thread):
    """GET /N gives N bytes, /chunked/N the same in chunks, /close/N ended by the end of the connection; POST gives the
    SHA-256 of the body; Upgrade gives 101 and every byte back."""

    def __init__(self, context=None, rude=False):
        super().__init__(daemon=True)
        self.sock = listener()
        self.port = self.sock.getsockname()[1]
        self.context = context
        self.rude = rude  # a TLS connection ends without close_notify
        self.seen = []
        self.start()

    def run(self):
        while True:
            conn, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        conn.settimeout(10)
        raw = conn
        try:
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True)
            file = conn.makefile("rb")
            while self.answer(conn, file):
                pass
            if self.context and not self.rude:
                conn.unwrap()
        except (OSError, ValueError):
            pass
        finally:
            conn.close()
            raw.close()

    def answer(self, conn, file):
        line = file.readline().split()
        if not line:
            return False
        fields = {}
        for text in iter(file.readline, b"\r\n"):
            if not text:
                return False
            name, _, value = text.partition(b":")
            fields[name.strip().lower()] = value.strip()
        self.seen.append((line, fields))
        path = line[1].decode().split("/")
        if b"upgrade" in fields:
            key = fields[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         b"Sec-WebSocket-Accept: %s\r\n\r\n" % base64.b64encode(hashlib.sha1(key).digest()))
            while data := conn.recv(65536):
                conn.sendall(data)
            return False
        if line[0] == b"POST":
            digest = hashlib.sha256()
            for part in self.body(file, fields):
                digest.update(part)
            body = digest.hexdigest().encode()
        else:
            body = pattern(int(path[-1] or 0))
        if path[1] == "chunked":
            conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 7000):
                part = body[at : at + 7000]
                conn.sendall(b"%x\r\n%s\r\n" % (len(part), part))
            conn.sendall(b"0\r\n\r\n")
            return True
        if path[1] == "close":
            conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            return False
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return True

    @staticmethod
    def body(file, fields):
        if b"transfer-encoding" in fields:
            while length := int(file.readline(), 16):
                yield file.read(length)
                file.readline()
            file.readline()
            return
        left = int(fields.get(b"content-length", 0))
        while left:
            part = file.read(min(left, 65536))
            if not part:
                raise OSError("cut")
            left -= len(part)
            yield part


@contextlib.contextmanager
def balancer(directory, text, *fronts, args=("-db",)):
    """The balancer on the sockets `fronts`, which `text` names as fd@{0}, fd@{1}, and so on."""
    cfg = pathlib.Path(directory) / "cfg"
    log = pathlib.Path(directory) / "log"
    cfg.write_text(re.sub(r"fd@\{(\d)\}", lambda m: "fd@%d" % fronts[int(m[1])].fileno(), text))
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [os.environ["HAPROXY_PROGRAM"], *args, "-f", str(cfg)],
            pass_fds=[front.fileno() for front in fronts], stdout=out, stderr=out)
    process.cfg, process.log = cfg, log
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def trusting(version=None, **settings):
    """A client's context that believes the tests' authority."""
    context = ssl.create_default_context(cafile=CERTS + "/ca.pem")
    context.check_hostname = settings.get("check", True)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def connect(address, context=None, sni="a.test", first=b""):
    """A TLS connection, behind the bytes `first`. An end without close_notify is an error (ssl.SSLEOFError)."""
    raw = socket.create_connection(address, 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.sendall(first)
    return (context or trusting()).wrap_socket(raw, server_hostname=sni, suppress_ragged_eofs=False)


class Hands:
    """A TLS client whose wire the test holds: what it has to say stands in `out`, what came goes in by feed()."""

    def __init__(self, address, context=None, sni="a.test"):
        self.raw = socket.create_connection(address, 10)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or trusting()).wrap_bio(self.into, self.out, server_hostname=sni)

    def feed(self, length=65536):
        data = self.raw.recv(length)
        if data:
            self.into.write(data)
        else:
            self.into.write_eof()
        return data

    def flush(self, piece=0, pause=0.0):
        data = self.out.read()
        piece = piece or len(data)
        for at in range(0, len(data), piece or 1):
            self.raw.sendall(data[at : at + piece])
            time.sleep(pause)

    def until(self, call, *args, piece=0, pause=0.0):
        """Calls until the library wants no more of the wire."""
        while True:
            try:
                result = call(*args)
                self.flush(piece, pause)
                return result
            except ssl.SSLWantReadError:
                self.flush(piece, pause)
                self.feed()

    def handshake(self, piece=0, pause=0.0):
        self.until(self.tls.do_handshake, piece=piece, pause=pause)

    def send(self, data, piece=0):
        for at in range(0, len(data), 16384):
            self.tls.write(data[at : at + 16384])
        self.flush(piece)

    def recv(self, length=65536):
        return self.until(self.tls.read, length)

    def close(self):
        self.raw.close()


def read_answer(conn):
    """Status and body of the next answer on a connection: anything with recv()."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = conn.recv(65536)
        if not part:
            return None, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length:
        while len(body) < int(length[1]):
            part = conn.recv(65536)
            if not part:
                break
            body += part
        conn_rest(conn, body[int(length[1]) :])
        return status, body[: int(length[1])]
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        while not body.endswith(b"0\r\n\r\n"):
            part = conn.recv(65536)
            if not part:
                raise EOFError("the last chunk is missing")
            body += part
        plain = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            plain, body = plain + body[: int(size, 16)], body[int(size, 16) + 2 :]
        return status, plain
    if status in (101, 204):
        return status, body
    while part := conn.recv(65536):
        body += part
    return status, body


def conn_rest(conn, rest):
    """What came behind an answer is an error, but for those who pipeline and read with a Stream."""
    if rest:
        if not isinstance(conn, Stream):
            raise ValueError("more than was asked for: %r" % rest[:100])
        conn.rest = rest + conn.rest


class Stream:
    """A connection on which several answers may come at once."""

    def __init__(self, conn):
        self.conn, self.rest = conn, b""

    def recv(self, length):
        if self.rest:
            data, self.rest = self.rest, b""
            return data
        return self.conn.recv(length)


def get(conn, path="/100", extra=""):
    data = f"GET {path} HTTP/1.1\r\nHost: a.test\r\n{extra}\r\n".encode()
    (conn.send if isinstance(conn, Hands) else conn.sendall)(data)
    return read_answer(conn)


def wire_end(conn):
    """How a connection ends from the client's side: "close_notify", "cut" or "reset"."""
    try:
        while conn.recv(65536):
            pass
        return "close_notify"
    except (ssl.SSLEOFError, ssl.SSLSyscallError):
        return "cut"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "silence"


class Log:
    """Receives the balancer's log lines; `at` is what stands in the configuration."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5)
        self.at = "127.0.0.1:%d" % self.sock.getsockname()[1]

    def line(self, seconds=15):
        """The next line, None where none comes. What the master says of a machine that is late is passed over."""
        self.sock.settimeout(seconds)
        try:
            while True:
                text = self.sock.recv(65536).decode(errors="replace").strip()
                if not re.search(r"worker \d+ (\(\d+\) has not answered for|answers again and gets) ", text):
                    return text
        except TimeoutError:
            return None


def wait_for(what, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


__all__ = ["CERTS", "DEFAULTS", "Hands", "Log", "Origin", "Stream", "balancer", "connect", "get", "hashlib", "listener",
           "pattern", "read_answer", "select", "signal", "socket", "ssl", "threading", "time", "trusting", "wait_for", "wire_end"]
