# SPDX-License-Identifier: Apache-2.0
#
# What scenarios of the admin sockets share: one conversation, plain or over TLS, with what comes before it; and a
# program of its own with a master's socket. Nothing here waits for ever.

import contextlib
import os
import socket
import ssl
import subprocess
import tempfile
import time

CERTS = os.environ.get("FL_CERTS", "")
HAPROXY = os.environ.get("HAPROXY_PROGRAM", "fairlead")
IS_HAPROXY = os.path.basename(HAPROXY) == "haproxy"


def dial(to, context=None, before=b""):
    """A connection to a path or a port of this machine."""
    if isinstance(to, int):
        conn = socket.create_connection(("127.0.0.1", to), 10)
    else:
        conn = socket.socket(socket.AF_UNIX)
        conn.settimeout(10)
        conn.connect(to)
    conn.sendall(before)
    return context.wrap_socket(conn) if context else conn


def until_end(conn):
    got = b""
    while part := conn.recv(65536):
        got += part
    return got.decode()


def ask(to, command, context=None, before=b""):
    """All that comes back until the other end closes."""
    with contextlib.closing(dial(to, context, before)) as conn:
        conn.sendall(command if isinstance(command, bytes) else command.encode())
        return until_end(conn)


def command(text, payload=None):
    """The bytes of a command, and of its payload, which holds no empty line."""
    return (text + ("\n" if payload is None else " <<\n" + payload.rstrip("\n") + "\n\n")).encode()


def until(conn, end):
    got = b""
    while not got.endswith(end):
        part = conn.recv(65536)
        if not part:
            break
        got += part
    return got


def client(cert=None):
    context = ssl.create_default_context(cafile=CERTS + "/ca.pem")
    context.check_hostname = False
    if cert:
        context.load_cert_chain(CERTS + "/" + cert)
    return context


def expect(got, want):
    if got != want:
        raise SystemExit("got %r\nwant %r" % (got, want))


def holds(what, *told):
    if not what:
        raise SystemExit(" ".join(repr(one) for one in told) or "it does not hold")


def wait_for(test, seconds=10):
    end = time.monotonic() + seconds
    while not (got := test()):
        holds(time.monotonic() < end, "waited in vain")
        time.sleep(0.02)
    return got


@contextlib.contextmanager
def program(directory, conf, *args):
    """The program in the foreground with a master's socket; gives the paths of both sockets and what it says."""
    directory = tempfile.mkdtemp(dir=directory)
    path, master, said = directory + "/admin", directory + "/master", directory + "/said"
    with open(directory + "/cfg", "w") as file:
        file.write(conf.replace("{D}", directory))
    with open(said, "w") as out:
        process = subprocess.Popen([HAPROXY, "-W", "-S", master, "-f", directory + "/cfg", *args], stderr=out, stdout=out)

    def is_there():
        holds(process.poll() is None, open(said).read())
        try:
            return all(ask(to, "show version\n") for to in (path, ) if os.path.exists(to)) and os.path.exists(path)
        except OSError:
            return False

    try:
        wait_for(is_there)
        yield path, master, lambda: open(said).read()
    finally:
        process.terminate()
        process.wait(20)
