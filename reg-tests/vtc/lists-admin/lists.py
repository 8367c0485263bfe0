# SPDX-License-Identifier: Apache-2.0
#
# What scenarios of maps and ACLs that change share: a program with its lists in files, commands, and requests. varnishtest
# runs them with PYTHONPATH=${testdir}:${testdir}/../admin and HAPROXY_PROGRAM set. Every wait ends.

import contextlib
import os
import pathlib
import re
import signal
import socket
import sys

import talk

OURS = not talk.IS_HAPROXY


class Lists:
    """The admin socket, the master's, and the frontend of a program whose lists are files in `dir`."""

    def __init__(self, directory, path, master, said):
        self.dir, self.path, self.master, self.said = directory, path, master, said

    def ask(self, *commands, payload=None):
        return self.raw("; ".join(commands), payload).strip("\n")

    def raw(self, command, payload=None):
        return talk.ask(self.path, talk.command(command.replace("{D}", self.dir), payload)).replace(self.dir, "{D}")

    def says(self, *rows):
        """Each row is a command and its answer: a text, or a pattern for its beginning."""
        for command, answer in rows:
            got = self.ask(command)
            if not (answer.match(got) if isinstance(answer, re.Pattern) else got == answer):
                sys.exit(f"{command}:\n{got!r}\nnot\n{answer!r}")

    def shown(self, what):
        """The entries of a list, or of a version of it, without their references."""
        return [re.sub("^0x[0-9a-f]+ ?", "", line) for line in self.ask("show " + what).split("\n") if line]

    def refs(self, what):
        return [line.split()[0] for line in self.ask("show " + what).split("\n") if line]

    def pids(self, kind):
        return [int(line.split()[0]) for line in self.ask("show proc").split("\n") if line.split()[1:2] == [kind]]

    def kill(self, kind):
        """Ends a process, and waits for its successor."""
        before = self.pids(kind)
        os.kill(before[0], signal.SIGKILL)

        def is_there():
            try:
                after = self.pids(kind)
                return before[0] not in after and len(after) == len(before) and "Name: " in self.ask("show info")
            except OSError:
                return False
        talk.wait_for(is_there, 15)

    def reload(self):
        talk.holds("Success=1" in talk.ask(self.master, "reload\n"), "the reload failed", self.said())

    def get(self, target="/", **fields):
        """The status and the fields that a request is answered with, on a connection of its own."""
        conn = talk.dial(self.path + ".fe")
        lines = ["GET %s HTTP/1.1" % target, "Host: a", "Connection: close"]
        lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in fields.items()]
        with contextlib.closing(conn):
            conn.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            head = talk.until_end(conn).split("\r\n\r\n")[0].split("\r\n")
        return int(head[0].split()[1]), dict(line.split(": ", 1) for line in head[1:])


@contextlib.contextmanager
def running(directory, rules, files=(), head=""):
    """The program with `rules` in its frontend; `files` are (name, text)."""
    for name, text in files:
        pathlib.Path(directory, name).write_text(text)
    conf = f"""
global
    stats socket {{D}}/admin level admin
{head}
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind unix@{{D}}/admin.fe
{rules.replace("{D}", directory)}
"""
    with talk.program(directory, conf) as (path, master, said):
        yield Lists(directory, path, master, said)
