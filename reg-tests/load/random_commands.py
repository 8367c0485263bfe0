#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands at random, at all levels and over many connections at once, while requests, TLS and tunnels are served: real
words with right and wrong names, payloads, chains, escapes, prompts, half lines and closes in the middle. In the end no
process has died, no request has failed, all processes agree and the board is as it must be. SEED repeats a run, COMMANDS
says how many; FULL=1: 10,000."""

import collections
import os
import random
import re
import socket
import subprocess
import threading
import time

import lib
import tools

SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
COMMANDS = int(os.environ.get("COMMANDS", 10000 if lib.FULL else 1500))
WORKERS = 3
CLIENTS = 6

# What carries the load is only looked at: what is changed, disabled and shut stands beside it.
TEXT = """\
global
    nbthread %(workers)d
    stats socket %(dir)s/admin level admin
    stats socket %(dir)s/operator level operator
    stats socket %(dir)s/user level user
    stats maxconn 60
    stats timeout 20s
ring own
    size 16384
    format timed
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout tunnel 60s
frontend load
    bind 127.0.0.1:%(port)d
    bind 127.0.0.1:%(tls)d ssl crt %(certs)s/a.pem
    http-request track-sc0 src table t
    http-request set-header x-map %%[path,map(%(dir)s/m.map)]
    http-request set-header x-acl acl if { path -f %(dir)s/l.acl }
    default_backend app
backend app
    server a0 127.0.0.1:%(origin)d
    server a1 127.0.0.1:%(origin)d
frontend spare
    bind 127.0.0.1:%(spare)d
    default_backend other
backend other
    cookie C insert dynamic
    dynamic-cookie-key key
    server o0 127.0.0.1:%(origin)d check inter 1s
    server o1 127.0.0.1:%(origin)d maxconn 3 weight 20
    server o2 127.0.0.1:%(origin)d agent-check agent-port %(origin)d agent-inter 1s
backend t
    stick-table type ip size 1k expire 1m store http_req_cnt,conn_cur,gpc0,server_id
backend s
    stick-table type string len 16 size 1k store gpc(2),http_req_rate(10s)
"""


def escapes(rng):
    return rng.choice(["\\", "\\;", "\\ ", "\\\\", "'", "\"", "\t", "\x01", "\xff", "a\\ b", "<<", "@", "#", "*", "%"])


class Grammar:
    """Lines of a session. `words`: the commands, as the help has them."""

    def __init__(self, rng, directory, certs):
        self.rng, self.directory = rng, directory
        with open(certs + "/a.pem") as file:
            self.pem = file.read()
        cert = certs + "/a.pem"
        self.cert = cert
        self.names = ["other", "other/o0", "other/o1", "other/o2", "other/new0", "other/new1", "spare", "t", "s", "nobody",
                      "other/", "/o0", "other/nobody", "#2", directory + "/m.map", directory + "/l.acl", "proc.x", "buf0",
                      "own", cert, "127.0.0.1", "0x1", "on", "off", "all", "help", "@1", "@2", "stream", "-1", "0", "1"]

    def number(self):
        return self.rng.choice(["0", "1", "-1", "7", "50%", "256", "65536", "4294967296", "99999999999999999999", "1.5", "", "x",
                                "10ms", "3d", str(self.rng.randrange(1000))])

    def file(self):
        return self.rng.choice(["acl " + self.directory + "/l.acl", "map " + self.directory + "/m.map", "map #0", "acl #1",
                                "map nobody"])

    def key(self):
        return "k%d" % self.rng.randrange(50)

    def version(self):
        return self.rng.choice(["", "", "@1 ", "@2 ", "@%d " % self.rng.randrange(9), "@x "])

    def payload(self):
        """`<<` and lines; now and then it never ends."""
        rng = self.rng
        end = rng.choice(["", "", "EOF", "%E%", "longer-than-7"])
        lines = [rng.choice(["%s %d" % (self.key(), rng.randrange(99)), self.key(), "", "# no", "x" * rng.randrange(3000),
                             escapes(rng), self.cert + " [verify none] a.test"]) for _ in range(rng.randrange(8))]
        if end == "":
            lines = [line for line in lines if line]
        return "<<%s\n%s%s" % (end, "".join(line + "\n" for line in lines),
                               end[:7] + "\n" if rng.random() < 0.9 else "")

    def server(self):
        rng = self.rng
        what = rng.choice(["addr 127.0.0.%d" % rng.randrange(1, 9), "addr 127.0.0.1 port " + self.number(), "addr x",
                           "state " + rng.choice(["ready", "drain", "maint", "x"]), "weight " + self.number(),
                           "health " + rng.choice(["up", "stopping", "down", "x"]), "agent " + rng.choice(["up", "down"]),
                           "check-port " + self.number(), "check-addr 127.0.0.1", "agent-addr 127.0.0.1",
                           "agent-port " + self.number(), "agent-send up\\n", "fqdn localhost", "ssl on", "ssl off", "x y"])
        return "set server other/%s %s" % (rng.choice(["o0", "o1", "o2", "new0", "nobody"]), what)

    def list(self):
        rng, file, key = self.rng, self.file(), self.key()
        verb = rng.choice(["show", "add", "add", "del", "set", "get", "clear", "prepare", "commit"])
        kind, name = file.split(" ", 1)
        if verb == "add" and rng.random() < 0.4:
            return "add %s %s%s %s" % (kind, self.version(), name, self.payload())
        return "%s %s %s%s %s %s" % (verb, kind, self.version() if verb != "del" else "", name, key if verb != "commit" else "",
                                     rng.randrange(99) if verb in ("add", "set") else "")

    def certificate(self):
        rng = self.rng
        kind, name = rng.choice([("cert", self.cert), ("cert", "new.pem"), ("ca-file", "ca.pem"), ("crl-file", "crl.pem")])
        verb = rng.choice(["set", "set", "commit", "abort", "new", "del", "show"])
        if verb == "set":
            pem = rng.choice([self.pem, self.pem, self.pem[:500], "-----BEGIN CERTIFICATE-----\nx\n"])
            pem = "".join(line + "\n" for line in pem.splitlines() if line)
            return "set ssl %s %s <<\n%s\n" % (kind, name, pem)
        return "%s ssl %s %s" % (verb, kind, name)

    def change(self):
        rng = self.rng
        return rng.choice([
            "add server other/new%d 127.0.0.%d:%d %s" % (rng.randrange(2), rng.randrange(1, 4), rng.randrange(65540), rng.choice([
                "", "weight 5", "check", "maxconn 3", "nonsense", "ssl verify none"])),
            "del server other/new%d" % rng.randrange(2), "%s server other/%s" % (rng.choice(["enable", "disable"]), rng.choice([
                "o0", "new0", "new1", "o9"])),
            "%s %s other/o%d" % (rng.choice(["enable", "disable"]), rng.choice(["health", "agent"]), rng.randrange(4)),
            "%s frontend spare" % rng.choice(["enable", "disable"]),
            "%s dynamic-cookie backend other" % rng.choice(["enable", "disable"]),
            "set dynamic-cookie-key backend other " + self.key(), "set weight other/o1 " + self.number(),
            "set maxconn server other/o1 " + self.number(), "set maxconn frontend spare " + self.number(),
            "set maxconn global " + rng.choice(["0", "2000", "x", "-1"]),
            "set rate-limit %s global %s" % (rng.choice(["connections", "sessions", "ssl-sessions", "http-compression", "x"]),
                                              rng.choice(["0", "1000000", "x"])),
            "set var proc.x " + rng.choice(["str(a)", "int(3)", "fmt %[date]", "expr rand(3)", "nonsense(", ""]), "get var proc.x",
            "set table t key 127.0.0.%d data.gpc0 %s" % (rng.randrange(9), self.number()),
            "set table s key %s data.gpc(1) %s" % (self.key(), self.number()), "clear table t", "clear table s key " + self.key(),
            "clear counters", "clear counters all", "shutdown session 0x%x" % rng.randrange(1 << 48),
            "shutdown sessions server other/o0", "trace stream %s" % rng.choice(["start now", "stop now", "sink own", "verbosity x"]),
            "set profiling tasks " + rng.choice(["on", "off", "x"]), "set timeout cli " + rng.choice(["5", "x", "20s"]),
            "wait %s" % rng.choice(["1ms", "30ms", "x", "-h"]), "wait 5ms srv-removable other/new0",
            "set severity-output " + rng.choice(["none", "number", "string", "x"])])

    def any(self, words):
        """A command of the help with anything behind it."""
        rng = self.rng
        command = rng.choice(words)
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 9])):
            command += " " + rng.choice([rng.choice(self.names), self.number(), self.key(), escapes(rng)])
        if rng.random() < 0.1:
            command = command[:rng.randrange(len(command) + 1)]
        return command

    def line(self, words):
        rng, commands = self.rng, []
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            make = rng.choice([self.server, self.list, self.certificate, self.change, lambda: self.any(words)])
            commands.append(make())
            if "<<" in commands[-1]:
                return ";".join(commands), len(commands)
        line = rng.choice([";", "; ", " ;; "]).join(commands)
        return line + "\n", len(commands)


# Those that end things, wait for what never comes, or change what carries the load.
EXCLUDED = ("quit", "help", "prompt", "shutdown", "disable", "set maxconn", "set rate-limit", "reload", "hard-reload", "wait",
            "set server", "set weight", "set timeout", "del server", "show ring", "clear map", "clear acl", "add ssl", "del ssl")


def help_words(path):
    """Every command that the help tells of."""
    said = ask(path, "expert-mode on;experimental-mode on;help")
    found = re.findall(r"^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)", said, re.M)
    words = [word for word in found if not word.startswith(EXCLUDED)]
    lib.check(len(words) > 50, "the help lists the commands, not %d" % len(words))
    return words


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")


class Client(threading.Thread):
    """Gives commands until `num` of them are given; `wrong` is what did not go well."""

    def __init__(self, seed, num, directory, words):
        super().__init__(daemon=True)
        self.rng = random.Random(seed)
        self.grammar = Grammar(self.rng, directory, lib.certificates())
        self.num, self.directory, self.words = num, directory, words
        self.done, self.wrong, self.ends = 0, None, collections.Counter()
        self.last = ""
        self.start()

    def send(self, connection, data):
        """Whole or in pieces."""
        if self.rng.random() < 0.7:
            connection.sendall(data)
            return
        while data:
            size = self.rng.randrange(1, len(data) + 1)
            connection.sendall(data[:size])
            data = data[size:]
            time.sleep(self.rng.random() * 0.002)

    def script(self):
        """What one session says, and whether it has to end by itself then."""
        rng = self.rng
        name = rng.choice(["admin"] * 8 + ["operator", "user", "master", "master"])
        many = name == "master" or rng.random() < 0.5
        text = ""
        if many and name != "master":
            text = rng.choice(["prompt\n", "prompt i\n", "prompt n\n", "prompt timed\n", "prompt i n p\n"])
        for _ in range(rng.randrange(1, 12) if many else 1):
            line, num = self.grammar.line(self.words[name == "master"])
            if name == "master":
                line = rng.choice(["@1 ", "@2 ", "@!1 ", "@9 ", "@@1 ", "@@3 ", "@", "", "@1\n", "@!x ", "@master "]) + line
            text += line
            self.done += num
        return name, text, rng.choice(["half", "quit", "quit", "quit", "shut", "shut", "close", "part", "reset"])

    def session(self):
        name, text, end = self.script()
        self.last, data = "%s, %s: %r" % (name, end, text), text.encode("latin-1")
        if end == "half":
            data = data[:self.rng.randrange(len(data)) + 1]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(15)
            connection.connect(self.directory + "/" + name)
            try:
                self.send(connection, data)
                if end == "quit":
                    # Ends a payload that was left open, whatever its end is, and then the session.
                    connection.sendall(b"\n\nEOF\n%E%\nlonger-\n\nquit\n")
                if end in ("quit", "shut", "half"):
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        continue
                elif end == "part":
                    connection.recv(self.rng.randrange(1, 500))
            except (BrokenPipeError, ConnectionResetError):
                end = "ended"  # a session that said quit, or all it may say
            except socket.timeout:
                if end not in ("close", "part"):
                    raise
            self.ends[end] += 1

    def run(self):
        try:
            while self.done < self.num:
                self.session()
        except OSError as wrong:
            self.wrong = "%s: %s" % (wrong, self.last[:2000])


def look(balancer):
    """{pid: (title, descriptors, KiB)}"""
    found = {}
    for pid in tools.tree(balancer.pid):
        try:
            with open("/proc/%d/statm" % pid) as file:
                pages = file.read().split()
            found[pid] = (lib.process_title(pid), len(os.listdir("/proc/%d/fd" % pid)), (int(pages[1]) - int(pages[2])) * 4)
        except OSError:  # it ended
            continue
    return found


def entries(text):
    """Entries of a list without what stands before them: their place in the memory of who tells."""
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith("0x")]


def check_agree(directory):
    """All workers hold the same."""
    for command in ("show map " + directory + "/m.map", "show acl " + directory + "/l.acl", "show servers state other",
                    "show ssl cert", "get var proc.x"):
        told = [ask(directory + "/master", "@%d %s" % (number + 1, command)) for number in range(WORKERS)]
        whole = ask(directory + "/admin", command)
        if command.startswith(("show map", "show acl")):
            told, whole = [entries(text) for text in told], entries(whole)
        lib.check(all(text == told[0] for text in told), "all agree on %s: %s" % (command, told))
        lib.check(told[0] == whole or not command.startswith(("show map", "show acl")),
                  "the whole agrees with workers on %s: %s, %s" % (command, told[0], whole))


def check_board(balancer):
    def sound():
        nonlocal said
        result = subprocess.run([tools.tool("board_check"), str(balancer.pid)], capture_output=True, text=True, timeout=30)
        said = result.stdout + result.stderr
        return result.returncode == 0
    said = ""
    end = time.monotonic() + 10
    while not sound():
        lib.check(time.monotonic() < end, "the board:\n" + said)
        time.sleep(0.1)


def test(box):
    lib.note("SEED=%d COMMANDS=%d" % (SEED, COMMANDS))
    origin = box.origin()
    port, tls_port, spare = lib.free_port(), lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/commands-%d" % os.getpid())).path
    for name in ("m.map", "l.acl"):
        with open(directory + "/" + name, "w") as file:
            file.write("k0 0\n" if name == "m.map" else "k0\n")
    balancer = box.balancer(TEXT % {
        "workers": WORKERS, "dir": directory, "port": port, "tls": tls_port, "spare": spare, "origin": origin.port,
        "certs": lib.certificates()}, port, args=("-W", "-S", directory + "/master"))
    words = (help_words(directory + "/admin"), help_words(directory + "/admin") + ["show proc", "show loadstatus"])
    loads = [box.load(port, conns=3, milliseconds=400000, timeout=10000, think=3),
             box.load(port, mode="close", conns=1, milliseconds=400000, timeout=10000, think=3),
             box.load(tls_port, conns=2, milliseconds=400000, timeout=10000, tls="1.3", think=5),
             box.load(spare, conns=1, milliseconds=400000, timeout=10000, think=10),
             box.load(port, mode="tunnel", conns=4, milliseconds=400000)]
    lib.check(loads[4].report()["requests"] == 4, "tunnels open")
    before = look(balancer)
    start = time.monotonic()
    clients = [Client("%d/%d" % (SEED, number), COMMANDS // CLIENTS, directory, words) for number in range(CLIENTS)]
    for client in clients:
        client.join()
    seconds = time.monotonic() - start
    wrong = [client.wrong for client in clients if client.wrong]
    lib.check(not wrong, "sessions end as they should: %s" % wrong)
    ends = sum((client.ends for client in clients), collections.Counter())
    done = sum(client.done for client in clients)
    lib.note("%d commands in %.1f s, %.0f a second; sessions: %s" % (done, seconds, done / seconds, dict(ends)))
    lib.check(sorted(look(balancer)) == sorted(before), "no process died: %s, %s" % (sorted(look(balancer)), sorted(before)))
    # What goes by way of `spare` was disabled and shut down on the way.
    loads[3].finish()
    reports = [load.finish() for load in loads[:3]]
    loads[4].process.stdin.close()
    reports.append(loads[4].report())
    loads[4].process.stdin = open(os.devnull, "w")
    lib.check(all(report["failed"] == 0 for report in reports), "no request fails: %s" % reports)
    lib.check(all(report["requests"] for report in reports), "requests are served: %s" % reports)
    denied = [line for line in balancer.log().splitlines() if "was denied system call" in line]
    lib.check(not denied, "no process does what it may not: %s" % denied)
    lib.check("Uptime_sec: " in ask(directory + "/admin", "show info"), "show info answers")
    lib.check("\nload,FRONTEND," in ask(directory + "/admin", "show stat"), "show stat answers")
    lib.check(lib.answers(port), "requests are served")
    check_agree(directory)
    after = lib.wait_for(lambda: (lambda now: now if all(now[pid][1] <= before[pid][1] + 16 for pid in now) else None)(
        look(balancer)), 10, "descriptors are given back: %s after %s" % (look(balancer), before))
    for pid, (title, descriptors, kib) in after.items():
        lib.note("%-24s %3d descriptors after %3d, %6d KiB after %6d" % (title, descriptors, before[pid][1], kib, before[pid][2]))
        lib.check(lib.is_sanitized() or kib < before[pid][2] + 24 * 1024, "memory is given back")
    check_board(balancer)


lib.run(test, 150)
