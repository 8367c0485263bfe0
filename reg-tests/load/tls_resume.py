#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client that comes back again and again over four workers resumes its session: with TLS 1.3 tickets, TLS 1.2 tickets
and TLS 1.2 session ids, while ticket keys rotate every second, through three reloads, and when a worker and the
controller are killed. At least 999 of 1,000 connections resume."""

import os
import signal
import socket
import ssl
import time

import lib

WORKERS = 4
ROUNDS = 1000
ROTATION_S = 1


class Client:
    """Connects, asks for something and comes back with the session it got."""

    def __init__(self, name, port, version, tickets=True):
        self.name, self.port = name, port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.minimum_version = self.context.maximum_version = version
        if not tickets:
            self.context.options |= ssl.OP_NO_TICKET
        self.session = None
        self.num = self.resumed = self.broken = 0

    def connect(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(plain, server_hostname="a.test", session=self.session) as conn:
                reused = conn.session_reused
                conn.sendall(b"GET /128 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                data = b""
                while part := conn.recv(4096):
                    data += part
                lib.check(data.startswith(b"HTTP/1.1 200 "), "an answer, not %r" % data[:60])
                return reused, conn.session

    def come_back(self):
        """One connection; one that breaks, as its worker was killed, is made again."""
        for _ in range(3):
            try:
                reused, self.session = self.connect()
                break
            except OSError:
                self.broken += 1
        else:
            raise lib.Failure("%s: three connections broke" % self.name)
        self.num += 1
        self.resumed += reused


def controller(balancer):
    return next(pid for pid in lib.tools.tree(balancer.pid) if lib.process_title(pid).startswith("fairlead: controller"))


def disturb(balancer, step):
    """What happens to the balancer, in ten steps of a hundred rounds."""
    if step in (2, 5, 8):
        balancer.reload()
    elif step in (3, 7):
        os.kill(balancer.workers()[step % WORKERS], signal.SIGKILL)
    elif step == 4:
        os.kill(controller(balancer), signal.SIGKILL)
    elif step == 6:
        os.kill(controller(balancer), signal.SIGSTOP)


def test(box):
    origin = box.origin()
    port, stateless = lib.free_port(), lib.free_port()
    crt = "ssl crt %s/a.pem" % lib.certificates()
    text = lib.config(port, origin.port, workers=WORKERS, glob="tune.ssl.ticket-rotation %ds" % ROTATION_S, bind=crt,
                      listen="bind 127.0.0.1:%d %s no-tls-tickets" % (stateless, crt))
    balancer = box.balancer(text, port)
    clients = [Client("TLS 1.3 tickets", port, ssl.TLSVersion.TLSv1_3),
               Client("TLS 1.2 tickets", port, ssl.TLSVersion.TLSv1_2),
               Client("TLS 1.2 session ids", port, ssl.TLSVersion.TLSv1_2, tickets=False)]
    start = time.monotonic()
    for client in clients:  # the first connection of all has nothing to resume
        _, client.session = client.connect()
    # A session of each kind that is kept and used again at the end, when its key has retired.
    kept = [client.session for client in clients]
    for turn in range(ROUNDS):
        if turn % (ROUNDS // 10) == 0:
            # However fast the machine is: keys are to rotate some six times.
            time.sleep(max(0.0, start + turn * 6 * ROTATION_S / ROUNDS - time.monotonic()))
            disturb(balancer, turn * 10 // ROUNDS)
        for client in clients:
            client.come_back()
    seconds = time.monotonic() - start
    for client, session in zip(clients, kept):
        lib.note("%s: %d of %d resumed; %d broken connections" % (client.name, client.resumed, client.num, client.broken))
        lib.check(client.resumed * 1000 >= client.num * 999, client.name + ": 99.9 % resume")
        client.session = session
        lib.check(client.connect()[0], client.name + ": a session from the beginning resumes")
    lib.note("%.1f s, about %d rotations" % (seconds, seconds // ROTATION_S))
    lib.check(seconds > 3 * ROTATION_S, "keys rotated meanwhile")
    # TLS 1.3 has no sessions but tickets; session ids do without.
    client = Client("no-tls-tickets", stateless, ssl.TLSVersion.TLSv1_3)
    for _ in range(20):
        client.come_back()
    lib.check(client.resumed == 0, "with no-tls-tickets TLS 1.3 does not resume")
    client = Client("no-tls-tickets, TLS 1.2", stateless, ssl.TLSVersion.TLSv1_2)
    for _ in range(20):
        client.come_back()
    lib.check(client.resumed == 19, "with no-tls-tickets TLS 1.2 resumes by id: %d of 19" % client.resumed)


lib.run(test, 150)
