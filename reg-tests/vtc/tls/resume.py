# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of resumption share: clients that come back with the session they got.

import os
import subprocess

from wire import *
from wire import __all__ as wire_all

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
FRONT = """
frontend fe
    http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed]" if TRUE
"""


class Client:
    """Comes back with its latest session; visit() says whether it was resumed, as both sides see it."""

    def __init__(self, version=V13, ids=False, cert=None):
        self.context = trusting(version, check=False)
        self.context.verify_mode = ssl.CERT_NONE
        if ids:
            self.context.options |= ssl.OP_NO_TICKET
        if cert:
            self.context.load_cert_chain(CERTS + "/" + cert)
        self.session = None
        self.name = "%s%s" % (version.name, ", ids" if ids else "")

    def visit(self, address, sni="a.test", keep=True):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family) as raw:
            raw.settimeout(10)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.connect(address[:2])
            with self.context.wrap_socket(raw, server_hostname=sni, session=self.session) as conn:
                conn.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                status, body = read_answer(conn)
                assert status == 200, (status, body)
                assert body == (b"1" if conn.session_reused else b"0"), (body, conn.session_reused)
                if keep:
                    self.session = conn.session
                return conn.session_reused


def clients(**settings):
    """One that resumes by each of the three means."""
    return [Client(V13, **settings), Client(V12, **settings), Client(V12, ids=True, **settings)]


def titled(pid, title):
    """The processes of the balancer `pid` with that title."""
    found = []
    for child in subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines():
        fields = child.split(None, 2)
        if len(fields) == 3 and title in fields[2]:
            parent, steps = int(fields[1]), 0
            while parent > 1 and parent != pid and steps < 8:
                try:
                    with open("/proc/%d/stat" % parent) as stat:
                        parent, steps = int(stat.read().rpartition(")")[2].split()[1]), steps + 1
                except OSError:  # somebody else's, gone since
                    break
            if parent == pid:
                found.append(int(fields[0]))
    return found


def started(address):
    """Waits until somebody serves."""
    def serves():
        try:
            Client().visit(address)
            return True
        except (OSError, AssertionError):
            return False
    assert wait_for(serves, 10)


def reload(process, address, new=None):
    """Reloads, with another configuration where it is given; over once the log says so."""
    if new:
        process.cfg.write_text(new)
    before = process.log.read_text().count("is ready:")
    process.send_signal(signal.SIGUSR2)
    assert wait_for(lambda: process.log.read_text().count("is ready:") > before, 10)
    started(address)


def ask(path, command):
    """What the admin socket at `path` answers."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(5)
        admin.connect(path)
        admin.sendall(command.encode() + b"\n")
        data = b""
        while part := admin.recv(65536):
            data += part
        return data.decode()


__all__ = wire_all + ["Client", "FRONT", "V12", "V13", "ask", "clients", "os", "reload", "started", "subprocess", "titled"]
