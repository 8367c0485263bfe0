# SPDX-License-Identifier: Apache-2.0
#
# What scenarios share that look at the status page: requests on a connection of their own, and answers as they came.
# They are run with PYTHONPATH=${testdir}:${testdir}/.. and use the services of operate.py.

import re
import socket


class Answer:
    """An answer that ended with its connection, or was cut: then it is not `whole`."""

    def __init__(self, connection):
        raw = b""
        try:
            while True:
                more = connection.recv(65536)
                if not more:
                    break
                raw += more
        except ConnectionError:
            pass
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if raw else 0
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()
        self.whole = bool(raw)
        if self.fields.get("transfer-encoding") == "chunked":
            rest = self.unchunk(rest)
        self.body = rest.decode("utf-8", "replace")
        self.is_utf8 = self.body.encode() == rest

    def unchunk(self, rest):
        body, at = [], 0
        while True:
            end = rest.find(b"\r\n", at)
            size = int(rest[at:end], 16) if end > at else -1
            body.append(rest[end + 2:end + 2 + max(size, 0)])
            if size <= 0 or len(body[-1]) < size:
                self.whole = size == 0
                return b"".join(body)
            at = end + 2 + size + 2

    def told(self):
        """What `;st=` of a redirection says."""
        assert self.status == 303, self.status
        return re.search(r";st=([A-Z]+)", self.fields["location"]).group(1)

    def rows(self):
        """The rows of a CSV by proxy and name."""
        lines = self.body.splitlines()
        names = lines[0][2:].split(",")
        found = [dict(zip(names, line.split(","))) for line in lines[1:] if line]
        return {(row["pxname"], row["svname"]): row for row in found}

    def tokens(self):
        """The tokens of the page's forms by backend."""
        return dict(re.findall(r'name="b" value="([^"]*)"><input type="hidden" name="token" value="([0-9a-f]*)"', self.body))


def dial(address):
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(kind)
    connection.settimeout(20)
    connection.connect(address)
    return connection


def get(address, path, *fields, method="GET"):
    """An answer of the service at a path of a unix socket or an (address, port)."""
    with dial(address) as connection:
        head = "\r\n".join(["%s %s HTTP/1.1" % (method, path), "Host: a", "Connection: close", *fields])
        connection.sendall(head.encode() + b"\r\n\r\n")
        return Answer(connection)


def post(address, path, body, *fields):
    body = body if isinstance(body, bytes) else body.encode()
    with dial(address) as connection:
        head = "\r\n".join(["POST %s HTTP/1.1" % path, "Host: a", "Connection: close", "Content-Length: %d" % len(body),
                            *fields])
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        return Answer(connection)
