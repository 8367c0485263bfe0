# SPDX-License-Identifier: Apache-2.0
"""What the load tests share: a balancer with a configuration, an origin, load, small HTTP calls and a frame which bounds
each test in time and leaves no process behind.

A test is a program: `lib.run(test)` calls `test(box)` and exits 0, 1, or 77 when the machine lacks what it needs. The
balancer is $FAIRLEAD, or the one at the top of the tree; $FAIRLEAD_ARGS are put before -db. With FULL=1 tests take longer
and look closer. Times are reported, and asserted only where they bound a hang."""

import ctypes
import json
import os
import random
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import tools  # noqa: E402

FULL = os.environ.get("FULL") == "1"
PR_SET_CHILD_SUBREAPER = 36


class Skip(Exception):
    """Raised by a test which cannot run here, with the reason."""


class Failure(Exception):
    """Raised by check() with what was expected."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def note(text):
    """Prints a measured figure."""
    print("    " + text)
    sys.stdout.flush()


def wait_for(condition, seconds, message):
    """Calls `condition` until it returns something true, which is returned, or fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("not within %g s: %s" % (seconds, message))
        time.sleep(0.01)


def free_port():
    """A port nobody uses now, below those that the kernel gives to connections where it leaves room there: no client's
    connection takes it before the balancer listens."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = int(file.read().split()[0])
    while True:
        port = random.randrange(10000, end if end > 12000 else 60000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def config(port, origin, workers=2, glob="", defaults="", listen="", server="", bind=""):
    """A configuration with one listener on `port` before the origin on port `origin`; `bind`: its options."""
    return """\
global
    nbthread %d
    maxconn 4000
%s
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout tunnel 60s
%s
listen load
    bind 127.0.0.1:%d %s
%s
    server origin 127.0.0.1:%d %s
""" % (workers, indent(glob), indent(defaults), port, bind, indent(listen), origin, server)


def certificates():
    """The directory of the tests' certificates (reg-tests/certs), made if need be."""
    directory = os.environ.get("FL_CERTS") or os.path.join(tools.ROOT, "build", "certs")
    status = subprocess.run([os.path.join(tools.ROOT, "reg-tests", "certs"), directory], timeout=60).returncode
    if status == 77:
        raise Skip("no openssl command")
    check(status == 0, "certificates are made")
    return directory


def quickstart(certs):
    """The quickstart on free ports, {port in the file: port}; with certificates from `certs`, None: as it finds them."""
    with open(os.path.join(tools.ROOT, "examples", "quickstart.cfg")) as file:
        text = file.read()
    ports = {}
    for port in sorted(set(re.findall(r"(?:127\.0\.0\.1|localhost):(\d+)", text))):
        fresh = str(free_port())
        while fresh in ports.values() or fresh in text:
            fresh = str(free_port())
        ports[port] = fresh
        text = re.sub(r"(127\.0\.0\.1|localhost):%s\b" % port, r"\g<1>:" + fresh, text)
    return text.replace("${FAIRLEAD_CERTS}", certs) if certs else text, ports


class Directory:
    """A directory that is made now and removed at the end."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def stop(self):
        shutil.rmtree(self.path, ignore_errors=True)


def indent(text):
    return "\n".join("    " + line.strip() for line in text.splitlines() if line.strip())


class Answer:
    """One answer: status, headers (lower-case names), body; `ended` when the peer closed after it."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def read_answer(stream, head_only=False):
    """Reads one answer with Content-Length, or to the end, from a buffered reader. None when there was only an end."""
    line = stream.readline()
    if not line:
        return None
    status = int(line.split()[1])
    headers = {}
    for line in iter(stream.readline, b"\r\n"):
        check(line, "the head of an answer is cut off")
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if status < 200:
        return read_answer(stream, head_only) if status != 101 else Answer(status, headers, b"")
    if head_only:
        return Answer(status, headers, b"")
    if "content-length" in headers:
        length = int(headers["content-length"])
        body = stream.read(length)
        check(len(body) == length, "an answer has %d bytes of %d" % (len(body), length))
        return Answer(status, headers, body)
    return Answer(status, headers, stream.read())


def get(port, path="/128", timeout=10):
    """One request on a connection of its own: (status, seconds). An OSError tells what went wrong instead."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(("GET %s HTTP/1.1\r\nHost: load\r\nConnection: close\r\n\r\n" % path).encode())
        answer = read_answer(connection.makefile("rb"))
    if answer is None:
        raise ConnectionResetError("closed without an answer")
    return answer.status, time.monotonic() - start


def answers(port, path="/128"):
    """True when a request is answered with 200."""
    try:
        return get(port, path)[0] == 200
    except OSError:
        return False


class Balancer:
    """A running balancer. `port` is what has to accept before the constructor returns."""

    def __init__(self, text, port, nofile=None, wait=30, args=()):
        self.binary = binary()
        self.titled = os.path.basename(self.binary).startswith("fairlead")
        self.port = port
        self.directory = tempfile.mkdtemp(prefix="load-")
        self.config_path = os.path.join(self.directory, "config")
        self.log_path = os.path.join(self.directory, "stderr")
        self.write(text)
        command = [self.binary, *shlex.split(os.environ.get("FAIRLEAD_ARGS", "")), *args, "-db", "-f",
                   self.config_path]
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=lambda: tools.raise_nofile(nofile))
        self.pid = self.process.pid
        try:
            wait_for(lambda: self.process.poll() is not None or connects(port), wait, "the balancer accepts")
            check(self.process.poll() is None, "the balancer does not start")
            # The kernel accepts as soon as there is a listener, before those who will serve it are there.
            if self.titled:
                want = int(re.search(r"nbthread (\d+)", text).group(1))
                wait_for(lambda: len(self.workers()) >= want, wait, "%d workers run" % want)
        except Failure as failure:
            said = self.log()
            self.stop()
            raise Failure("%s:\n%s" % (failure, indent(said))) from None

    def write(self, text):
        """Replaces the configuration file; takes effect at the next reload."""
        with open(self.config_path, "w") as file:
            file.write(text)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def signal(self, number):
        self.process.send_signal(number)

    def workers(self):
        """Pids of the workers, of all generations. Of another balancer, which has no such titles: all children."""
        members = tools.tree(self.pid)
        if not self.titled:
            return members[1:]
        return [pid for pid in members if re.match(r"fairlead: worker\b", process_title(pid))]

    def reload(self, seconds=20):
        """Reloads and returns the workers of the new generation, once there are as many new ones as old ones."""
        before = set(self.workers())
        want = len(self.fresh) if hasattr(self, "fresh") else len(before)
        self.signal(signal.SIGUSR2)
        self.fresh = wait_for(lambda: (lambda new: new if len(new) >= want else None)(set(self.workers()) - before), seconds,
                              "a reload brings %d new workers" % want)
        return self.fresh

    def wait_exit(self, seconds):
        """Waits until the first process ends and returns its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the balancer still runs after %g s" % seconds) from None

    def stop(self):
        """Stops it for good, whatever state it is in."""
        for pid in tools.tree(self.pid):
            kill(pid, signal.SIGCONT)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Load:
    """A run of the client beside this file's neighbour, in the background."""

    def __init__(self, port, mode="keep", conns=20, path="/128", milliseconds=20000, timeout=5000, tls=None,
                 resume=None, think=0):
        more = (["-s", tls] if tls else []) + (["-r", resume] if resume else []) + (["-w", str(think)] if think else [])
        self.process = subprocess.Popen([tools.tool("client"), "-m", mode, "-c", str(conns), "-d", str(milliseconds),
                                         "-t", str(timeout), *more, str(port), path], stdout=subprocess.PIPE,
                                        stdin=subprocess.PIPE, text=True)
        self.stdout = self.process.stdout

    def finish(self):
        """Ends the load and returns its report."""
        self.process.terminate()
        return self.report()

    def report(self):
        """The next line of the report, waited for."""
        check(select.select([self.stdout], [], [], 20)[0], "the client does not come to an end")
        return json.loads(self.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.stdout.close()
        self.process.stdin.close()


def failures(report):
    """The failures of a report in words, empty when there was none."""
    names = ("refused", "reset", "closed", "short", "status", "bad", "timeout", "lost", "tls")
    text = ", ".join("%d %s" % (report[name], name) for name in names if report[name])
    if report["status"]:
        text += " (last %d)" % report["last_status"]
    return text


def process_title(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def connections_of(pid, port):
    """How many established connections to local `port` a process holds."""
    inodes = set()
    with open("/proc/net/tcp") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
                inodes.add("socket:[%s]" % fields[9])
    return sockets_of(pid, inodes)


def sockets_of(pid, inodes):
    """How many of `inodes` ("socket:[1]") a process holds."""
    held = 0
    try:
        entries = os.listdir("/proc/%d/fd" % pid)
    except OSError:
        return 0
    for entry in entries:
        try:
            held += os.readlink("/proc/%d/fd/%s" % (pid, entry)) in inodes
        except OSError:
            continue
    return held


def binary():
    path = os.environ.get("FAIRLEAD") or os.path.join(tools.ROOT, "fairlead")
    if not os.access(path, os.X_OK):
        raise Skip("no balancer at " + path)
    return os.path.abspath(path)


def is_sanitized():
    """Whether the balancer was built with AddressSanitizer."""
    with open(binary(), "rb") as file:
        return b"__asan_init" in file.read()


def need(program):
    path = shutil.which(program)
    if path is None:
        raise Skip(program + " is not installed")
    return path


class Box:
    """What a test has started. Everything ends with it."""

    def __init__(self):
        self.things = []

    def keep(self, thing):
        """Remembers something with a stop() and returns it."""
        self.things.append(thing)
        return thing

    def origin(self, port=None):
        return self.keep(tools.Server("origin", *([port] if port else [])))

    def balancer(self, text, port, nofile=None, wait=30, args=()):
        return self.keep(Balancer(text, port, nofile, wait, args))

    def load(self, port, **options):
        return self.keep(Load(port, **options))

    def logs(self):
        return [thing.log() for thing in self.things if isinstance(thing, Balancer)]

    def stop(self):
        for thing in reversed(self.things):
            thing.stop()
        left = [pid for pid in tools.tree(os.getpid()) if pid != os.getpid()]
        for pid in left:
            print("    left behind: %d %s" % (pid, process_title(pid)))
            kill(pid, signal.SIGKILL)
        return not left


def expired(number, frame):
    raise Failure("the test took too long")


def run(test, seconds=100):
    """Runs `test(box)` and exits with its verdict, after at most `seconds` (four times that with FULL=1)."""
    # Orphans of the balancer become children of this process, where they are seen.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds * 4 if FULL else seconds)
    status = 0
    box = Box()
    try:
        binary()
        tools.build()
        tools.raise_nofile()
        test(box)
    except Skip as reason:
        print("    skipped: %s" % reason)
        status = 77
    except BaseException as failure:  # whatever happened, what was started has to end
        said = "    failed: %s" % (failure if isinstance(failure, Failure) else traceback.format_exc())
        print(said)
        for log in box.logs():
            print("    balancer's last lines:\n" + indent(log[-3000:]))
        # Again where those who show but the end show it.
        print(said)
        status = 1
    signal.alarm(0)
    if not box.stop() and status == 0:
        status = 1
    sys.exit(status)
