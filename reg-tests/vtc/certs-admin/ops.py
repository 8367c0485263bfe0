# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of certificates that change share: a balancer with an admin socket, commands with payloads, and
# clients that tell which certificate they were shown. varnishtest runs them with
# PYTHONPATH=${testdir}:${testdir}/../tls:${testdir}/../admin and HAPROXY_PROGRAM and FL_CERTS set. Every wait ends.

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import talk
from wire import CERTS, DEFAULTS, balancer, connect, listener, read_answer

OURS = not talk.IS_HAPROXY


class Ops:
    """The admin socket of a balancer whose files are copies in `directory`."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.path = str(self.dir / "admin.sock")

    def ask(self, command, payload=None):
        return talk.ask(self.path, talk.command(command, payload))

    def wait(self):
        def answers():
            try:
                return "Name: " in self.ask("show info")
            except OSError:
                return False
        talk.wait_for(answers, 15)

    def says(self, command, expected, payload=None):
        """The answer matches `expected`, a regular expression for its beginning."""
        answer = self.ask(command, payload)
        if not re.match(expected, answer):
            sys.exit(f"{command}: '{expected}' was expected:\n{answer}")
        return answer

    def commit(self, name, payload, kind="cert"):
        self.says(f"set ssl {kind} {name}", r"(?i)transaction created", payload)
        return self.says(f"commit ssl {kind} {name}", r"Committing .*\nSuccess!\n")

    def file(self, name):
        return str(self.dir / name)


def pem(name, *parts):
    """A file of the tests without empty lines; of `parts` ("leaf", "key", "chain") only those."""
    text = re.sub(r"\n\n+", "\n", pathlib.Path(CERTS, name).read_text())
    if not parts:
        return text
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----\n.*?-----END \1-----\n", text, re.S)
    whole = [m.group(0) for m in re.finditer(r"-----BEGIN ([A-Z ]+)-----\n.*?-----END \1-----\n", text, re.S)]
    certs = [b for kind, b in zip(blocks, whole) if kind == "CERTIFICATE"]
    keys = [b for kind, b in zip(blocks, whole) if "KEY" in kind]
    return "".join({"leaf": certs[0], "chain": "".join(certs[1:]), "key": keys[0]}[part] for part in parts)


def leaf(name):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem(name, "leaf"))).hexdigest()


def client(version=ssl.TLSVersion.TLSv1_3, cert=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if cert:
        context.load_cert_chain(f"{CERTS}/{cert}")
    return context


def shown(front, sni="a.test", context=None):
    """The SHA-256 of the certificate that a client is shown."""
    with connect(front.getsockname(), context or client(), sni) as conn:
        return hashlib.sha256(conn.getpeercert(True)).hexdigest()


def expect(front, sni, name, times=1):
    for _ in range(times):
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            got = shown(front, sni, client(version))
            if got != leaf(name):
                names = {leaf(file.name): file.name for file in pathlib.Path(CERTS).glob("*.pem*")
                         if "-BEGIN CERT" in file.read_text()}
                sys.exit(f"{sni}: {name} was expected, {names.get(got, got)} was shown")


def get(front, sni="a.test", context=None, path="/"):
    """The status a request is answered with; None where the handshake, or what comes in its place, fails."""
    try:
        with connect(front.getsockname(), context or client(), sni) as conn:
            conn.sendall(f"GET {path} HTTP/1.1\r\nHost: {sni}\r\nConnection: close\r\n\r\n".encode())
            return read_answer(conn)[0]
    except (ssl.SSLError, ConnectionError):
        return None


@contextlib.contextmanager
def running(directory, text, *fronts, files=("a.pem", "server.pem", "rsa.pem"), head="", args=("-db",)):
    """The balancer with `text`, where "{dir}" is the directory that `files` are copied to."""
    ops = Ops(directory)
    for name in files:
        shutil.copy(pathlib.Path(CERTS, name), ops.dir)
    whole = f"global\n    stats socket {ops.path} level admin\n{head}" + DEFAULTS + text
    with balancer(directory, whole.replace("{dir}", str(ops.dir)), *fronts, args=args) as process:
        ops.wait()
        yield ops, process
