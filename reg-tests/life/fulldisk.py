#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A full disk: below the pid file, below standard output and error with all logs, and below the path of a new unix
socket. Traffic does not notice, nothing spins, lost log lines are counted, a reload that cannot be done leaves the old
service alone, and with room again all goes on."""

import ctypes
import os
import signal
import subprocess
import time

import life
import lib
import tools

CLONE_NEWNS = 0x00020000


def mount(directory):
    """A file system of half a megabyte that this test alone sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        raise lib.Skip("no mount namespace of its own")
    for command in (["mount", "--make-rprivate", "/"],
                    ["mount", "-t", "tmpfs", "-o", "size=512k,nr_inodes=16", "none", directory]):
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10).returncode:
            raise lib.Skip("cannot mount a file system")


def fill(directory):
    """Takes all bytes, then all inodes."""
    with open(directory + "/filler", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    for number in range(100):
        try:
            open("%s/inode%d" % (directory, number), "w").close()
        except OSError:
            return


def make_room(directory):
    for name in os.listdir(directory):
        if name == "filler" or name.startswith("inode"):
            os.unlink(directory + "/" + name)


def text(port, origin, admin, more=""):
    return lib.config(port, origin, glob="stats socket %s level admin\nlog stdout format raw local0\n%s" % (admin, more),
                      defaults="log global\noption httplog")


class Balancer:
    """Started by hand: its output and its pid file stand on the disk in question."""

    def __init__(self, directory, config, port, *arguments):
        self.directory = directory
        self.config_path = directory + ".cfg"
        self.log_path = directory + "/log"
        self.write(config)
        # What was opened before the disk was full is what a service has.
        self.output = open(self.log_path, "ab")
        fill(directory)
        self.process = subprocess.Popen([lib.binary(), *arguments, "-db", "-f", self.config_path],
                                        stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        start_new_session=True)
        self.pid = self.process.pid

    def write(self, config):
        with open(self.config_path, "w") as file:
            file.write(config)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()
        os.path.exists(self.config_path) and os.unlink(self.config_path)


def dropped(admin):
    for line in life.ask(admin, "show info").splitlines():
        if line.startswith("DroppedLogs:"):
            return int(line.split()[1])
    raise lib.Failure("no DroppedLogs")


def test(box):
    origin = box.origin()
    home = box.keep(lib.Directory("/tmp/life-disk-%d" % os.getpid())).path
    disk, admin = home + "/disk", home + "/admin"
    os.mkdir(disk)
    mount(disk)
    port = lib.free_port()
    open(disk + "/pid", "w").close()
    balancer = box.keep(Balancer(disk, text(port, origin.port, admin), port, "-W", "-p", disk + "/pid", "-S", home + "/master"))
    lib.wait_for(lambda: lib.answers(port), 30, "it starts on a full disk")
    lib.check(os.path.getsize(disk + "/pid") == 0, "the pid did not fit")
    load = box.load(port, conns=10, milliseconds=20000)
    lib.wait_for(lambda: dropped(admin) > 100, 30, "lost lines are counted")
    load.process.send_signal(signal.SIGSTOP)
    before = tools.cpu(balancer.pid)
    time.sleep(2)
    used, _ = tools.cpu_between(before, tools.cpu(balancer.pid))
    lib.note("%.0f ms of CPU in 2 s on a full disk" % (used / 1000))
    lib.check(used < 1000000, "nothing spins")
    load.process.send_signal(signal.SIGCONT)

    # A new unix socket has no place to stand: the reload fails, and says why where it can be read.
    balancer.write(text(port, origin.port, admin, "stats socket %s/second level admin" % disk))
    answer = life.ask(home + "/master", "reload")
    lib.check("Success=0" in answer and "No space left" in answer, "the reload says why it failed: " + answer)
    lib.check(lib.answers(port), "the old service goes on")

    make_room(disk)
    size = os.path.getsize(balancer.log_path)
    lib.wait_for(lambda: os.path.getsize(balancer.log_path) > size and "GET /" in balancer.log(), 30, "logs go on")
    answer = life.ask(home + "/master", "reload")
    lib.check("Success=1" in answer, "a reload is possible: " + answer)
    life.ask(disk + "/second", "show info")
    report = load.finish()
    life.tell({"keep-alive": report})
    lib.check(report["failed"] == 0 and report["requests"] > 100, "no request failed")


lib.run(test, 150)
