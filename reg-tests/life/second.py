#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second instance takes over by hand under 4,000 connects a second, keep-alive and TLS load: with -x its sockets, with -sf
alone its addresses. No connect is refused, reset or hangs, no request fails. An instance that cannot start does no harm, and
whoever may not have the sockets does not get them."""

import os
import subprocess
import time

import life
import lib

TURNS = 6


def text(directory, workers, ports, certs, words="level admin expose-fd listeners", abns=True, more=""):
    return """\
global
    nbthread %d
    maxconn 8000
    stats socket %s/admin %s
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
frontend load
    bind 127.0.0.1:%d
    bind *:%d
    bind [::1]:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem
    bind %s/front mode 666
%s%s
    http-request return status 200 content-type text/plain string hello
""" % (workers, directory, words, *ports[:4], certs, directory,
       "    bind abns@second-%d" % os.getpid() if abns else "", more)


def take_over(box, directory, ports, certs, with_x):
    """Instances follow each other under load; each is told to leave by the next."""
    addresses = ["127.0.0.1:%d" % ports[0], "127.0.0.1:%d" % ports[1], "[::1]:%d" % ports[2], directory + "/front"]
    addresses += ["@second-%d" % os.getpid()] if with_x else []
    current = box.balancer(text(directory, 4, ports, certs, abns=with_x), ports[0])
    life.ask(directory + "/admin", "show info")
    connects = box.keep(life.Connects(*addresses, rate=4000, seconds=120))
    keep = box.load(ports[0], conns=4, milliseconds=120000, timeout=10000)
    tls = box.load(ports[3], conns=4, milliseconds=120000, timeout=10000, tls="1.3", think=20)
    hands = box.load(ports[3], mode="close", conns=1, milliseconds=120000, timeout=10000, tls="1.3")
    time.sleep(0.5)
    took = []
    for turn in range(TURNS):
        args = (["-x", directory + "/admin"] if with_x else []) + ["-sf", str(current.pid)]
        start = time.monotonic()
        new = box.balancer(text(directory, (4, 8, 2)[turn % 3], ports, certs, abns=with_x), ports[0], args=args)
        lib.wait_for(lambda: "is ready:" in new.log(), 30, "the second instance serves")
        took.append(time.monotonic() - start)
        lib.check(current.wait_exit(20) == 0, "the first one ends")
        current = new
        time.sleep(0.5)
        # What was taken over is as good as what was opened.
        life.reload(current)
        current.write(text(directory, 3, ports, certs, abns=with_x))
        life.reload(current)
        time.sleep(1.6)
    how = "-x and -sf" if with_x else "-sf alone"
    lib.note("%s: %d instances, each serves within %.0f ms" % (how, TURNS, max(took) * 1000))
    life.check_connects(how, connects)
    life.check_clean({"keep-alive": keep.finish(), "TLS keep-alive": tls.finish(), "TLS handshakes": hands.finish()})
    return current


def starts(box, directory, arguments, content):
    """How a second instance that must not start ends: (status, what it says)."""
    path = directory + "/second.cfg"
    with open(path, "w") as file:
        file.write(content)
    ended = subprocess.run([lib.binary(), "-db", "-f", path, *arguments], capture_output=True, text=True, timeout=20)
    return ended.returncode, ended.stderr


def refused(box, directory, ports, certs, current):
    """Instances that cannot start, or may not have the sockets; the running one never notices."""
    taken = directory + "/taken"
    open(taken, "w").close()
    connects = box.keep(life.Connects("127.0.0.1:%d" % ports[0], directory + "/front", rate=2000, seconds=60))
    own = text(directory, 4, ports, certs)
    admin = directory + "/admin"
    for arguments, content, want in (
            (["-x", directory + "/nobody", "-sf", str(current.pid)], own, "cannot connect to the old process socket"),
            (["-x", directory + "/front", "-sf", str(current.pid)], own, "the old process answers"),
            (["-x", admin, "-sf", str(current.pid)], own + "    no-such-word\n", "no-such-word"),
            (["-x", admin, "-sf", str(current.pid)], text(directory, 4, ports, certs, more="\n    bind %s" % taken),
             "no socket"),
            (["-sf", str(current.pid)], text(directory, 4, ports, certs, abns=False, more="\n    bind %s" % taken),
             "no socket"),
            ([], own, "Address already in use")):
        status, said = starts(box, directory, arguments, content)
        lib.check(status == 1 and want in said, "%s: status %d:\n%s" % (arguments, status, said))
    for words, want in (("level admin", "expose-fd listeners"), ("level operator expose-fd listeners", "denied")):
        current.write(text(directory, 4, ports, certs, words))
        life.reload(current)
        status, said = starts(box, directory, ["-x", admin, "-sf", str(current.pid)], own)
        lib.check(status == 1 and want in said, "%s: status %d:\n%s" % (words, status, said))
    life.check_connects("others that cannot start", connects)
    current.write(own)
    life.reload(current)


def hard(box, directory, ports, certs, current):
    """-st ends the first at once: what it serves breaks, but nobody is refused."""
    connects = box.keep(life.Connects("127.0.0.1:%d" % ports[0], directory + "/front", rate=2000, seconds=60))
    new = box.balancer(text(directory, 4, ports, certs), ports[0],
                       args=["-x", directory + "/admin", "-st", str(current.pid)])
    lib.wait_for(lambda: "is ready:" in new.log(), 30, "the second instance serves")
    current.wait_exit(20)
    time.sleep(1)
    report = connects.finish()
    life.tell_connects("-x and -st", report)
    lib.check(report["refused"] == 0 and report["slow_connects"] == 0, "no connect is refused or hangs")
    # Pids that are no more, and no socket to ask.
    last = box.balancer(text(directory, 2, ports, certs, abns=False), ports[0],
                        args=["-x", "/dev/null", "-sf", "999999", str(new.pid)])
    lib.wait_for(lambda: "is ready:" in last.log(), 30, "the last instance serves")
    lib.check(new.wait_exit(20) == 0, "the one before ends")
    return last


def test(box):
    certs = lib.certificates()
    directory = box.keep(lib.Directory("/tmp/second-%d" % os.getpid())).path
    ports = [lib.free_port() for _ in range(4)]
    current = take_over(box, directory, ports, certs, False)
    current.signal(15)
    current.wait_exit(20)
    current = take_over(box, directory, ports, certs, True)
    refused(box, directory, ports, certs, current)
    current = hard(box, directory, ports, certs, current)
    current.signal(15)
    current.wait_exit(20)
    left = [name for name in os.listdir(directory) if name not in ("second.cfg", "taken")]
    lib.check(not left, "no socket is left behind: %s" % left)


if __name__ == "__main__":
    lib.run(test, 150)
