# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of TLS facts share, beside wire.py: rules that answer with the values of fetches, and clients that
# read them.

import os
import re
import subprocess
import struct
import wire
from wire import *

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def told(*fetches):
    """A rule that answers with the values of `fetches`."""
    text = "".join(f"{at}=<%[{fetch}]>\\n" for at, fetch in enumerate(fetches))
    return f'    http-request return status 200 content-type text/plain lf-string "{text}"\n'


def read(conn, *fetches):
    """The values that such a rule told, by their fetches."""
    status, body = get(conn, "/", "Connection: close\r\n")
    assert status == 200, (status, body)
    lines = body.decode().splitlines()
    assert len(lines) == len(fetches), body
    return {fetch: line.partition("=<")[2][:-1] for fetch, line in zip(fetches, lines)}


def same(got, wanted):
    for name, value in wanted.items():
        assert got[name] == value, f"{name}: {got[name]!r} where {value!r} was expected"


def connect_with(address, context, session=None, sni="a.test"):
    sock = socket.create_connection(address, 10)
    return context.wrap_socket(sock, server_hostname=sni, session=session)


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, timeout=20, check=True).stdout.decode()


def vector(data, length=2):
    return len(data).to_bytes(length, "big") + data


def extension(number, data):
    return struct.pack(">H", number) + vector(data)


# A ClientHello that nobody sends, GREASE (RFC 8701) and unknown ciphers in it.
def hello(name=b"a.test"):
    ciphers = bytes.fromhex("0a0a130113020a1ac02bc0305600c0ff009c003500ff1a1a0005fefe")
    extensions = extension(0x0A0A, b"") + extension(0, vector(b"\0" + vector(name)))
    extensions += extension(10, vector(bytes.fromhex("2a2a001d0017"))) + extension(11, b"\x01\0")
    extensions += extension(13, vector(bytes.fromhex("040308040401"))) + extension(16, vector(vector(b"http/1.1", 1)))
    extensions += extension(43, vector(bytes.fromhex("3a3a0303"), 1)) + extension(0x4A4A, b"\0")
    body = b"\3\3" + b"r" * 32 + b"\0" + vector(ciphers) + b"\1\0" + vector(extensions)
    return b"\x16\3\1" + vector(b"\1" + vector(body, 3))


__all__ = [*wire.__all__, "VERSIONS", "connect_with", "hello", "openssl", "os", "re", "read", "same", "subprocess", "told"]
