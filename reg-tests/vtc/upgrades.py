# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of upgrades share: a balancer that runs from a copy of the
# program, which other files then take the place of.

import os
import pathlib
import shutil
import signal
import socket
import subprocess

import balancer as base
from balancer import DEFAULTS, answers, free_ports, get, wait_for


def start(connection, path="/"):
    """Sends the head of a request without its end."""
    connection.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n" % path.encode())


def finish(connection):
    """Ends it; the status line of the answer."""
    connection.sendall(b"\r\n")
    data = b""
    while b"\r\n" not in data:
        part = connection.recv(4096)
        if not part:
            break
        data += part
    return data.partition(b"\r\n")[0].decode()


class Upgradable(base.Balancer):
    """Runs from `target`; `socket_path` is its master's admin socket."""

    def __init__(self, directory, text, port, args=("-W", "-db"), target=None):
        self.directory = pathlib.Path(directory)
        self.original = os.path.abspath(os.environ["HAPROXY_PROGRAM"])
        self.target = pathlib.Path(target or self.directory / "fairlead")
        self.socket_path = str(self.directory / "master")
        self.install(self.original)
        os.environ["HAPROXY_PROGRAM"] = str(self.target)
        super().__init__(directory, text, port, (*args, "-S", self.socket_path))

    def put(self, data, mode=0o755):
        """Makes these bytes the file at `target`, in one step."""
        new = self.target.with_name("new")
        new.write_bytes(data)
        new.chmod(mode)
        os.rename(new, self.target)

    def install(self, path, mark=b""):
        """A copy of `path`; another `mark` makes it another file for sure."""
        self.put(pathlib.Path(path).read_bytes() + mark)

    def compile(self, code, *flags):
        """A program of this C code."""
        source, program = self.directory / "program.c", self.directory / "program"
        source.write_text(code)
        subprocess.run(["cc", "-o", str(program), str(source), *flags], check=True, timeout=60)
        self.install(program)

    def wrap(self, code):
        """The original program behind `code`, which sees what it is executed for in `order`, and its descriptors."""
        self.compile("""
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(int argc, char **argv)
            {
                char order[16] = "";
                int pid, state, other;
                const char *text = getenv("FAIRLEAD_IMAGE");
                if (text && sscanf(text, "%%15s %%d %%d %%d", order, &pid, &state, &other) != 4)
                    return 99;
                %s
                execv("%s", argv);
                return 98;
            }
            """ % (code, self.original))

    def ask(self, command, seconds=20.0):
        """The answer at the master's admin socket, "" where it cannot be reached."""
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(seconds)
                connection.connect(self.socket_path)
                connection.sendall(command.encode() + b"\n")
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    answer += part
        except OSError:
            pass
        return answer.decode()

    def said(self, text, seconds=10.0):
        """Whether the log says that, or comes to say it."""
        return wait_for(lambda: text in self.log.read_text(), seconds)

    def upgrade(self, seconds=10.0):
        """Reloads by signal, and whether another generation is ready then, in another image."""
        log = self.log.read_text()
        ready, images = log.count("is ready:"), log.count("Upgraded: ")
        self.signal(signal.SIGUSR2)
        return wait_for(lambda: self.log.read_text().count("is ready:") > ready, seconds) and \
            self.log.read_text().count("Upgraded: ") == images + 1


def title(pid):
    try:
        return pathlib.Path("/proc/%d/cmdline" % pid).read_bytes().partition(b"\0")[0].decode()
    except OSError:
        return ""


__all__ = ["DEFAULTS", "Upgradable", "answers", "finish", "free_ports", "get", "os", "pathlib", "shutil", "signal",
           "socket", "start", "subprocess", "title", "wait_for"]
