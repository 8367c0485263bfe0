#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGUSR1: what is on its way is finished, nothing new is taken, a connection that was idle carries one more request, and
all processes leave with status 0."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import lib


def test(box):
    origin = box.origin()
    port = lib.free_port()
    balancer = box.balancer(lib.config(port, origin.port), port)
    idle = socket.create_connection(("127.0.0.1", port), 5)
    stream = idle.makefile("rb")
    idle.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
    lib.check(lib.read_answer(stream).status == 200, "the connection which is to be idle works")
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(lib.get, port, "/slow/1500") for _ in range(4)]
        time.sleep(0.4)
        start = time.monotonic()
        balancer.signal(signal.SIGUSR1)
        lib.wait_for(lambda: not lib.connects(port), 20, "new connections are refused")
        statuses = [future.result()[0] for future in slow]
    lib.check(statuses == [200] * 4, "requests on their way are finished: %s" % statuses)
    lib.check(balancer.process.poll() is None, "the idle connection is waited for")
    idle.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\n\r\n")
    answer = lib.read_answer(stream)
    lib.check(answer is not None and answer.status == 200, "the idle connection carries one more request")
    lib.check(answer.headers.get("connection") == "close", "whose answer says close")
    lib.check(stream.read() == b"", "and then ends")
    idle.close()
    status = balancer.wait_exit(20)
    lib.note("all gone after %.0f ms, status %d" % ((time.monotonic() - start) * 1000, status))
    lib.check(status == 0, "status 0")


lib.run(test)
