#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Want: of descriptors in workers, in the controller and in the master, of memory, and of processes. Those who are served
stay served, the admin socket answers, it is said what is missing, nothing spins, no process dies, and once there is
enough again all is as before."""

import os
import resource
import select
import signal
import socket
import subprocess
import time

import life
import lib
import tools

SECONDS = 2  # that CPU time is looked at


def text(directory, port, origin, more=""):
    return lib.config(port, origin, glob="stats socket %s/admin level admin\n%s" % (directory, more)).replace(
        "    maxconn 4000\n", "")


def rest(balancer, what):
    """Nothing spins: what the processes use of the CPU while nothing can be done."""
    before = tools.cpu(balancer.pid)
    time.sleep(SECONDS)
    used, _ = tools.cpu_between(before, tools.cpu(balancer.pid))
    lib.note("%s: %.0f ms of CPU in %d s" % (what, used / 1000, SECONDS))
    lib.check(used < SECONDS * 500000, "nothing spins for want of " + what)


def clean_load(box, port, what):
    """Load afterwards, without a failure."""
    report = box.load(port, conns=10, milliseconds=700).report()
    life.tell({what: report})
    lib.check(report["failed"] == 0, "all is well again after want of " + what)


def set_files(pid, soft):
    """Sets the soft limit of descriptors of a process and returns what it was."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, before[1]))
    return before[0]


def end(box, balancer):
    balancer.stop()
    box.things.remove(balancer)


def workers_descriptors(box, directory, origin):
    """A crowd of three times as many as there are descriptors, beside load that was there first."""
    port = lib.free_port()
    balancer = box.balancer(text(directory, port, origin.port, "no strict-limits\nmaxconn 3000"), port, nofile=256)
    workers = balancer.workers()
    early = box.load(port, conns=8, milliseconds=20000, timeout=10000)
    time.sleep(0.3)
    crowd = []
    for _ in range(700):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        crowd.append(connection)
    time.sleep(0.5)
    info = life.ask(directory + "/admin", "show info")
    lib.check("Ulimit-n: 256" in info, "the admin socket answers")
    early.process.send_signal(signal.SIGSTOP)
    rest(balancer, "descriptors")
    early.process.send_signal(signal.SIGCONT)
    lib.check("reached process FD limit" in balancer.log(), "it is said")
    for connection in crowd:
        connection.close()
    report = early.finish()
    life.tell({"served meanwhile": report})
    lib.check(report["failed"] == 0 and report["requests"] > 100, "who came first is served throughout")
    lib.wait_for(lambda: lib.answers(port), 30, "new connections are served after the crowd has left")
    clean_load(box, port, "descriptors")
    lib.check(set(balancer.workers()) == set(workers), "no worker died")
    end(box, balancer)


def controllers_descriptors(box, directory, origin):
    """A controller without any descriptor left answers one at the admin socket, and then the next."""
    port = lib.free_port()
    balancer = box.balancer(text(directory, port, origin.port), port)
    controller, = life.processes(balancer, "controller")
    life.ask(directory + "/admin", "show info")
    before = set_files(controller, life.descriptors(controller))
    for _ in range(5):
        lib.check("Name: fairlead" in life.admin(directory + "/admin", "show info"), "the reserve answers")
    held = socket.socket(socket.AF_UNIX)
    held.connect(directory + "/admin")
    held.sendall(b"prompt\n")
    lib.check(b">" in held.recv(100), "a session has the reserve")
    late = socket.socket(socket.AF_UNIX)
    late.connect(directory + "/admin")
    late.sendall(b"show info\n")
    rest(balancer, "the controller's descriptors")
    held.close()
    lib.check(select.select([late], [], [], 10)[0] and b"Name:" in late.recv(4096), "the next one is answered after it")
    late.close()
    set_files(controller, before)
    clean_load(box, port, "the controller's descriptors")
    lib.check(life.processes(balancer, "controller") == [controller], "it did not die")
    end(box, balancer)


def masters_descriptors(box, directory, origin):
    """A master without a descriptor left: a worker that dies, and a reload, wait or fail; the service goes on."""
    port = lib.free_port()
    balancer = box.balancer(text(directory, port, origin.port), port)
    early = box.load(port, conns=4, mode="close", milliseconds=30000, timeout=10000)
    # Numbers below are all taken.
    before = set_files(balancer.pid, 16)
    balancer.signal(signal.SIGUSR2)
    lib.wait_for(lambda: "cannot fork a keeper" in balancer.log(), 30, "a reload fails and says so")
    info = life.ask(directory + "/admin", "show info")
    lib.check("Name: fairlead" in info, "the admin socket answers")
    early.process.send_signal(signal.SIGSTOP)
    rest(balancer, "the master's descriptors")
    early.process.send_signal(signal.SIGCONT)
    set_files(balancer.pid, before)
    life.reload(balancer)
    time.sleep(0.5)
    report = early.finish()
    life.tell({"served meanwhile": report})
    lib.check(report["failed"] == 0 and report["requests"] > 0, "it serves throughout")
    set_files(balancer.pid, 16)
    os.kill(life.processes(balancer, "worker 1 ")[0], signal.SIGKILL)
    lib.wait_for(lambda: "no line to a new process" in balancer.log(), 30, "what is missing is said")
    set_files(balancer.pid, before)
    lib.wait_for(lambda: len(life.processes(balancer, "worker")) == 2, 30, "the worker is there again")
    time.sleep(0.3)
    clean_load(box, port, "the master's descriptors")
    end(box, balancer)


def memory(box, directory, origin):
    """Uploads that are read faster than they can be sent on want more buffers than -m allows."""
    port, sink = lib.free_port(), socket.create_server(("127.0.0.1", 0), backlog=1000)
    os.environ["FAIRLEAD_ARGS"] = "-m 8"
    balancer = box.balancer("global\n    nbthread 2\n    maxconn 2000\n    stats socket %s/admin level admin\n"
                            "defaults\n    mode http\n    timeout connect 5s\n    timeout client 20s\n"
                            "    timeout server 20s\nfrontend want\n    bind 127.0.0.1:%d\n"
                            "    http-request return status 200 if { method GET }\n    default_backend hole\n"
                            "backend hole\n    server hole 127.0.0.1:%d\n" % (directory, port, sink.getsockname()[1]), port)
    del os.environ["FAIRLEAD_ARGS"]
    workers = balancer.workers()
    crowd = []
    for _ in range(900):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.setblocking(False)
        crowd.append(connection)
    head = b"POST / HTTP/1.1\r\nHost: want\r\nContent-Length: 100000000\r\n\r\n"
    body = b"x" * 65536
    for connection in crowd:
        connection.send(head)
    last = time.monotonic() + 10
    while time.monotonic() < last and "out of memory" not in balancer.log():
        for connection in select.select([], crowd, [], 0.1)[1]:
            try:
                connection.send(body)
            except OSError:
                crowd.remove(connection)
    lib.check("out of memory" in balancer.log(), "it is said")
    lib.check("Name: fairlead" in life.ask(directory + "/admin", "show info"), "the admin socket answers")
    rest(balancer, "memory")
    lib.note("%d of 900 uploads ended for it" % (900 - len(crowd) + len(select.select(crowd, [], [], 0)[0])))
    for connection in crowd:
        connection.close()
    lib.wait_for(lambda: lib.answers(port), 30, "new connections are served after the crowd has left")
    clean_load(box, port, "memory")
    lib.check(set(balancer.workers()) == set(workers), "no worker died:\n" + balancer.log()[-2000:])
    end(box, balancer)
    sink.close()


class Crowd:
    """Processes of a user that do nothing."""

    def __init__(self, number, identity):
        self.processes = [subprocess.Popen(["sleep", "60"], user=identity, group=identity) for _ in range(number)]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


def processes(box, directory, origin):
    """A keeper that may not fork goes on trying."""
    port = lib.free_port()
    # An id of its own: the limit counts all processes of a user.
    identity = 20000 + os.getpid() % 20000
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (6, hard))
    balancer = box.balancer(text(directory, port, origin.port, "uid %d\ngid %d" % (identity, identity)), port)
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    crowd = box.keep(Crowd(8, identity))
    load = box.load(port, conns=4, mode="close", milliseconds=20000, timeout=10000)
    os.kill(life.processes(balancer, "worker 1 ")[0], signal.SIGKILL)
    lib.wait_for(lambda: "cannot fork" in balancer.log(), 30, "the failure is said")
    load.process.send_signal(signal.SIGSTOP)
    rest(balancer, "processes")
    load.process.send_signal(signal.SIGCONT)
    crowd.stop()
    lib.wait_for(lambda: len(life.processes(balancer, "worker")) == 2, 20, "the worker is there again")
    report = load.finish()
    life.tell({"served meanwhile": report})
    lib.check(report["requests"] > 0 and report["failed"] <= 4, "the other worker serves, but what the killed one had")
    clean_load(box, port, "processes")
    end(box, balancer)


def test(box):
    origin = box.origin()
    directory = box.keep(lib.Directory("/tmp/life-want-%d" % os.getpid())).path
    workers_descriptors(box, directory, origin)
    controllers_descriptors(box, directory, origin)
    masters_descriptors(box, directory, origin)
    if lib.is_sanitized():
        lib.note("memory: not with AddressSanitizer, which starts by taking more than any -m")
    else:
        memory(box, directory, origin)
    if os.geteuid() == 0:
        processes(box, directory, origin)


lib.run(test, 120)
