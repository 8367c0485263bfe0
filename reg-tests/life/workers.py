#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The number of workers and the bind lines change under 5,000 connects a second: none is refused, none is reset, none hangs.
Whoever connects to a bind that is removed is served or refused, never reset."""

import os
import time

import life
import lib


def text(directory, workers, binds):
    return """\
global
    nbthread %d
    maxconn 8000
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
frontend load
%s
    http-request return status 200 content-type text/plain string hello
""" % (workers, directory, "\n".join("    bind " + bind for bind in binds))


class Place:
    """A bind line that comes and goes, and where clients find it."""

    def __init__(self, bind, address):
        self.bind, self.address = bind, address


class Scene:
    def __init__(self, box):
        self.box = box
        self.directory = box.keep(lib.Directory("/tmp/life-%d" % os.getpid())).path
        self.ports = [lib.free_port() for _ in range(5)]
        self.base = ["127.0.0.1:%d" % self.ports[0], "*:%d" % self.ports[1], self.directory + "/kept",
                     "abns@life-%d" % os.getpid()]
        self.workers = 8
        self.balancer = box.balancer(self.text([]), self.ports[0])
        life.ask(self.directory + "/admin", "show info")

    def text(self, more):
        return text(self.directory, self.workers, self.base + more)

    def reload(self, more=(), workers=None):
        self.workers = workers or self.workers
        self.balancer.write(self.text(list(more)))
        life.reload(self.balancer)

    def connects(self, *addresses, rate, seconds=120):
        return self.box.keep(life.Connects(*addresses, rate=rate, seconds=seconds))


def change_workers(scene):
    """8 -> 4 -> 8 -> 1 -> 8, with time for old sockets to end between, and without."""
    for workers in (4, 8, 1, 8, 4, 8):
        scene.reload(workers=workers)
        time.sleep(1.6)
    for workers in (4, 8, 1, 8, 2, 4, 8):
        scene.reload(workers=workers)
        time.sleep(0.4)
    for workers in (4, 8, 4, 8):
        scene.reload(workers=workers)


def change_options(scene):
    """Lines that change what they say of one place, and places that lie within each other."""
    kept = list(scene.base)
    one, many = scene.ports[0], scene.ports[1]
    for binds in ([kept[0] + " defer-accept backlog 500", kept[1] + " tfo", kept[2] + " mode 600", kept[3]],
                  [kept[0], kept[1] + " mss 1400", kept[2] + " mode 666 backlog 900", kept[3]],
                  [kept[0], "127.0.0.1:%d" % many, kept[1], kept[2], kept[3]],
                  [kept[0], "*:%d" % one, kept[1], kept[2], kept[3]],
                  ["*:%d" % one, "127.0.0.1:%d" % many, kept[2], kept[3]],
                  kept):
        scene.base = binds
        scene.reload()
        time.sleep(1.6)


def remove(scene, place):
    """Clients come all the time while the line goes, and when it is back. Those before it and after it are served."""
    scene.reload([place.bind])
    clients = scene.connects(place.address, rate=500)
    time.sleep(0.5)
    scene.reload()
    time.sleep(3)
    report = clients.finish()
    life.tell_connects("%s goes" % place.bind, report)
    lib.check(report["reset"] + report["short"] + report["timeout"] + report["other"] == 0,
              "%s: clients of a bind that goes are served or refused:\n%s" % (place.bind, clients.errors))
    lib.check(report["ok"] > 250 and report["refused"] > 250, "%s: first they are served, then refused" % place.bind)
    # It comes back while what it was still ends, too.
    scene.reload([place.bind])
    scene.reload()
    time.sleep(1.1)
    scene.reload([place.bind])
    clients = scene.connects(place.address, rate=500)
    time.sleep(0.5)
    life.check_connects("%s is back" % place.bind, clients)


def fail(scene):
    """A configuration that cannot be served in the end: what it opened first does no harm."""
    taken = scene.directory + "/taken"
    with open(taken, "w"):
        pass
    new = scene.directory + "/new"
    for _ in range(5):
        said = scene.balancer.log().count("could not start")
        scene.balancer.write(scene.text([new, "127.0.0.1:%d" % scene.ports[1], "127.0.0.1:%d" % scene.ports[4], taken]))
        scene.balancer.signal(12)
        lib.wait_for(lambda: scene.balancer.log().count("could not start") > said, 30, "a bad configuration is told")
        lib.check(not lib.connects(scene.ports[4]), "nobody listens for a generation that failed")
        lib.check(not os.path.exists(new), "it leaves no socket")


def test(box):
    scene = Scene(box)
    directory = scene.directory
    addresses = ["127.0.0.1:%d" % scene.ports[0], "127.0.0.1:%d" % scene.ports[1], directory + "/kept",
                 "@life-%d" % os.getpid()]
    load = scene.connects(*addresses, rate=5000)
    change_workers(scene)
    life.check_connects("workers 8 -> 4 -> 8 -> 1 -> 8", load)
    load = scene.connects(*addresses, rate=5000)
    change_options(scene)
    fail(scene)
    life.check_connects("other options, other lines", load)
    load = scene.connects(*addresses, rate=2000)
    for place in (Place("127.0.0.1:%d" % scene.ports[2], "127.0.0.1:%d" % scene.ports[2]),
                  Place("[::1]:%d" % scene.ports[3], "[::1]:%d" % scene.ports[3]),
                  Place(directory + "/goes", directory + "/goes"),
                  Place("abns@goes-%d" % os.getpid(), "@goes-%d" % os.getpid())):
        remove(scene, place)
    life.check_connects("while binds go and come", load)
    scene.balancer.signal(15)
    lib.check(scene.balancer.wait_exit(20) in (0, -15), "it ends")
    left = [name for name in os.listdir(directory) if name != "taken"]
    lib.check(not left, "no socket is left behind: %s" % left)


if __name__ == "__main__":
    lib.run(test, 150)
