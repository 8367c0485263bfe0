# SPDX-License-Identifier: Apache-2.0
"""Ground under the benchmark and the load tests: builds and starts the C programs beside this file, and reads from
/proc what a whole tree of processes costs. Standard library only."""

import fcntl
import os
import resource
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.abspath(os.environ.get("BENCH_OUT", os.path.join(ROOT, "build", "bench")))


def build():
    """Builds origin, relay and client unless they are newer than their sources; several callers at once are fine."""
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
        subprocess.run(["make", "-s", "-f", os.path.join(HERE, "bench.mk"), "BENCH_OUT=" + OUT], check=True,
                       env=environment)


def tool(name):
    """The path of one of the built programs."""
    return os.path.join(OUT, name)


def raise_nofile(limit=None):
    """Raises the soft limit of descriptors to the hard one (children inherit it), or sets both to `limit`."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit or hard, limit or hard))


class Server:
    """A program which prints `port N` first: the origin or the relay. Killed and reaped by stop()."""

    def __init__(self, name, *arguments, core=None):
        self.process = subprocess.Popen([tool(name), *map(str, arguments)], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}))
        self.pid = self.process.pid
        line = self.process.stdout.readline().split()
        if len(line) != 2 or line[0] != "port":
            self.stop()
            raise RuntimeError(name + " did not start")
        self.port = int(line[1])

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def tree(root):
    """Pids of `root` and all its living descendants, parents first, zombies left out."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/" + entry + "/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] not in "ZX":
                parents.setdefault(int(fields[1]), []).append(int(entry))
                if int(entry) == root:
                    parents.setdefault(None, []).append(root)
    found = list(parents.get(None, []))
    for pid in found:
        found.extend(parents.get(pid, []))
    return found


def _ticks(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def _run_ns(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task)) as file:
            total += int(file.read().split()[0])
    return total


def cpu(root):
    """What each process of a tree has used: {pid: (nanoseconds on a core, user ticks, system ticks)}. The nanoseconds
    are the scheduler's and exact; the ticks only tell how they divide."""
    used = {}
    for pid in tree(root):
        try:
            used[pid] = (_run_ns(pid), *_ticks(pid))
        except OSError:
            continue
    return used


def cpu_between(before, after):
    """(total microseconds, share of user time) of a tree between two readings. A process which ended in between is
    lost: the caller keeps the tree steady while it measures."""
    total = user = system = 0
    for pid, (run_ns, user_ticks, system_ticks) in after.items():
        start = before.get(pid, (0, 0, 0))
        total += run_ns - start[0]
        user += user_ticks - start[1]
        system += system_ticks - start[2]
    return total / 1000, user / (user + system) if user + system else 0.0


def pss_kib(root):
    """Proportional memory of a tree in KiB: what pages it shares with itself count once."""
    total = 0
    for pid in tree(root):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as file:
                for line in file:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            continue
    return total
