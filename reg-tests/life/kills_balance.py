#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processes are killed at random points, in the middle of locks too, for DURATION seconds (15, by hand 600) while stick
tables, queues, leastconn, warm connections, health checks and commands are busy, between reloads that change servers and
upgrades of the program. Meanwhile no counter decreases, no key leaves a server that lives, and what a command set stays
set; in the end board_check finds every invariant intact, and nobody holds anything."""

import asyncio
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
import time

import kills
import life
import lib
import tools

DURATION = float(os.environ.get("DURATION", "15"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
PACE_S = float(os.environ.get("PACE", "0.4"))
RELOAD_S = 3
CLIENTS = 4
KEYS = 30  # of each
WARM = 4   # connections kept to each of two servers
AGENT_AT_REST = 37


def text(directory, ports, origin, stage, turn):
    full, sticky, warm, flap, commanded, tunnels = ports
    return """\
global
    nbthread %d
    maxconn 4000
    stats socket %s/admin level admin
defaults
    mode http
    timeout connect 3s
    timeout client 20s
    timeout server 20s
    timeout queue 3s
    timeout tunnel 60s
    timeout http-keep-alive 5s
    timeout check 3s
    default-server pool-purge-delay 1s
frontend full
    bind 127.0.0.1:%d
    http-request track-sc0 src table conns
    http-request track-sc1 rand(1000000) table churn
    http-request track-sc2 rand(1000000) table crowd
    http-request sc-inc-gpc(0,1)
    default_backend full
backend full
    balance leastconn
    option redispatch
    server same 127.0.0.1:%d maxconn 2
    server s%d 127.0.0.1:%d maxconn 2
    server s%d 127.0.0.1:%d maxconn 2
frontend sticky
    bind 127.0.0.1:%d
    tcp-request connection track-sc0 src table conns
    default_backend sticky
backend sticky
    stick-table type string len 32 size 2k
    stick on req.hdr(x)
    http-response set-header srv %%s
    server k1 127.0.0.1:%d maxconn 8 weight 10
    server k2 127.0.0.1:%d maxconn 8 weight 10
    server k3 127.0.0.1:%d maxconn 8 weight 10
frontend warm
    bind 127.0.0.1:%d
    http-request track-sc0 src table conns
    default_backend warm
backend warm
    stick-table type string len 32 size 50k
    stick match req.cook(SID)
    stick store-response res.cook(SID)
    http-response set-header srv %%s
    server w1 127.0.0.1:%d ssl verify none maxconn 8 pool-min-conn %d
    server w2 127.0.0.1:%d ssl verify none maxconn 8 pool-min-conn %d
frontend flap
    bind 127.0.0.1:%d
    default_backend flap
backend flap
    balance leastconn
    option httpchk GET /health
    option redispatch
    default-server inter 200ms fastinter 100ms rise 2 fall 2
    server h1 127.0.0.1:%d check port %d maxconn 10
    server h2 127.0.0.1:%d check port %d maxconn 10
    server h3 127.0.0.1:%d check port %d slowstart 2s
    server a1 127.0.0.1:%d weight 100 agent-check agent-port %d agent-inter 200ms
frontend commanded
    bind 127.0.0.1:%d
    default_backend commanded
backend commanded
    server c1 127.0.0.1:%d weight 50
    server c2 127.0.0.1:%d weight 50
    server c3 127.0.0.1:%d weight 50 maxconn 20
    server never 127.0.0.1:%d weight 50
frontend tunnels
    bind 127.0.0.1:%d
    http-request track-sc0 src table conns
    default_backend tunnels
backend tunnels
    balance leastconn
    server t1 127.0.0.1:%d
    server t2 127.0.0.1:%d
    server t3 127.0.0.1:%d
backend conns
    stick-table type ip size %d store conn_cur,conn_cnt,http_req_cnt,http_req_rate(10s),bytes_out_rate(10s)
backend crowd
    stick-table type integer size 3000 store conn_cur,conn_cnt
backend churn
    stick-table type integer size %d expire 2s store conn_cur,gpc(2),http_req_rate(1s)
""" % (kills.WORKERS, directory, full, origin, turn % 5, origin, turn % 5 + 1, origin,
       sticky, origin, origin, origin,
       warm, stage.tls[0], WARM, stage.tls[1], WARM,
       flap, origin, stage.health[0], origin, stage.health[1], origin, stage.health[2], origin, stage.agent,
       commanded, origin, origin, origin, origin,
       tunnels, origin, origin, origin, 2000 + turn % 5, 500 + turn % 3)


class Stage:
    """Servers that need no speed, in a thread of their own: TLS origins that hand out sessions, health that comes and
    goes, and an agent."""

    def __init__(self):
        self.well = [True] * 3
        self.percent = 100
        self.num_sessions = 0
        self.open = [0, 0]
        self.most = [0, 0]
        self.flipping = True
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        lib.check(self.ready.wait(10), "the stage is built")

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.build())
        self.ready.set()
        self.loop.create_task(self.flip())
        self.loop.run_forever()

    async def listen(self, serve, **more):
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=500, **more)
        return server.sockets[0].getsockname()[1]

    async def build(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(lib.certificates() + "/a.pem")
        self.tls = [await self.listen(self.session_of(number), ssl=context) for number in range(2)]
        self.health = [await self.listen(self.health_of(number)) for number in range(3)]
        self.agent = await self.listen(self.say_weight)

    async def flip(self):
        while self.flipping:
            self.well[random.randrange(3)] = random.random() < 0.6
            self.percent = random.choice((1, 20, 50, 100))
            await asyncio.sleep(random.random() * 1.5)

    def session_of(self, number):
        async def serve(reader, writer):
            self.open[number] += 1
            self.most[number] = max(self.most[number], self.open[number])
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    more = ""
                    if b"SID=" not in head:
                        self.num_sessions += 1
                        more = "set-cookie: SID=n%d\r\n" % self.num_sessions
                    writer.write(("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n%s\r\nok" % more).encode())
            except (OSError, EOFError, asyncio.IncompleteReadError):
                pass
            finally:
                self.open[number] -= 1
                writer.close()
        return serve

    def health_of(self, number):
        async def serve(reader, writer):
            try:
                await reader.readuntil(b"\r\n\r\n")
                status = b"200 OK" if self.well[number] else b"503 Ill"
                writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            except (OSError, EOFError, asyncio.IncompleteReadError):
                pass
            writer.close()
        return serve

    async def say_weight(self, _, writer):
        writer.write(b"%d%%\n" % self.percent)
        writer.close()

    def rest(self):
        self.flipping = False
        time.sleep(2)
        self.well[:] = [True, True, False]
        self.percent = AGENT_AT_REST

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Tunnels(threading.Thread):
    """Opens tunnels one after the other, uses and holds each for a while."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.done = self.lost = 0
        self.ending = False
        self.start()

    def tunnel(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"GET /128 HTTP/1.1\r\nHost: load\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            stream = connection.makefile("rb")
            answer = lib.read_answer(stream)
            if answer is None or answer.status != 101:
                raise OSError("no tunnel")
            end = time.monotonic() + random.random() * 3
            while time.monotonic() < end and not self.ending:
                connection.sendall(b"something")
                if stream.read(9) != b"something":
                    raise OSError("not what was sent")
                time.sleep(random.random() * 0.3)

    def run(self):
        while not self.ending:
            try:
                self.tunnel()
                self.done += 1
            except (OSError, ValueError, lib.Failure):
                self.lost += 1
                time.sleep(0.02)


class Commander(threading.Thread):
    """Sets weights and states of servers, and looks again and again whether they are what was set last."""

    # srv_admin_state of each: HAProxy's management guide, "show servers state".
    STATES = {"ready": 0, "maint": 1, "drain": 8}

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.want = {name: [50, 0] for name in ("c1", "c2", "c3", "never")}
        self.wrong = []
        self.num = self.unsure = self.looks = 0
        self.ending = False
        self.start()

    def states(self):
        """{server: [weight, admin state]} of the backend, None where nobody answers."""
        try:
            lines = life.admin(self.path, "show servers state commanded", 2).splitlines()
        except OSError:
            return None
        if len(lines) < 2 or not lines[1].startswith("# "):
            return None
        columns = lines[1][2:].split()
        rows = [dict(zip(columns, line.split())) for line in lines[2:] if line]
        found = {row["srv_name"]: [int(row["srv_uweight"]), int(row["srv_admin_state"])] for row in rows
                 if "srv_admin_state" in row}
        return found if len(found) == len(self.want) else None

    def look(self):
        found = self.states()
        if found is None:
            return
        self.looks += 1
        for name, want in self.want.items():
            if found[name] != want:
                self.wrong.append("%s has %s, not %s" % (name, found[name], want))
                self.want[name] = found[name]

    def order(self):
        name = random.choice(("c1", "c2", "c3"))
        new = list(self.want[name])
        if random.random() < 0.5:
            new[0] = random.randrange(1, 257)
            command = "set server commanded/%s weight %d" % (name, new[0])
        else:
            state = random.choice(list(self.STATES))
            new[1] = self.STATES[state]
            command = "set server commanded/%s state %s" % (name, state)
        try:
            said = life.admin(self.path, command, 2).strip()
            if said:
                self.wrong.append("'%s' is answered with %s" % (command, said))
        except OSError:
            pass
        self.num += 1
        # A controller that is killed before it answers ends the connection, too: was it done?
        found = None
        while found is None and not self.ending:
            found = self.states()
            time.sleep(0.02)
        if found is None:
            return
        if found[name] not in (new, self.want[name]):
            self.wrong.append("%s has %s after '%s', and had %s" % (name, found[name], command, self.want[name]))
        self.unsure += found[name] != new
        self.want[name] = found[name]

    def run(self):
        while not self.ending:
            for _ in range(4):
                self.look()
                time.sleep(random.random() * 0.2)
            self.order()


def strike(balancer, pid):
    """Kills a process: just so, after it stood still, or while it has a lock. What it was."""
    how = random.choices(("just so", "stopped", "in a lock"), (4, 2, 4))[0]
    if how == "in a lock":
        done = subprocess.run([tools.tool("lock_kill"), str(balancer.pid), str(pid), "500",
                               str(random.randrange(1 << 30))], capture_output=True, text=True, timeout=10)
        if done.returncode == 0:
            # The last number is that of locks in sections of the board's users: see board/layout.h.
            return "in a table's lock" if int(done.stdout.split()[0]) > 65536 + 2 else "in a queue's lock"
        how = "stopped"
    if how == "stopped":
        lib.kill(pid, signal.SIGSTOP)
        time.sleep(random.random() * 0.05)
    lib.kill(pid, signal.SIGKILL)
    return how


def kill_for(seconds, balancer, rewrite, upgrade):
    """{role: kills}, {way: kills}, reloads, upgrades."""
    done = {"keeper": 0, "controller": 0, "worker": 0}
    ways = {"just so": 0, "stopped": 0, "in a queue's lock": 0, "in a table's lock": 0}
    turn = upgrades = 0
    end, reload_at = time.monotonic() + seconds, time.monotonic() + RELOAD_S
    while time.monotonic() < end:
        time.sleep(random.random() * PACE_S)
        if time.monotonic() > reload_at:
            turn += 1
            rewrite(turn)
            if turn % 3 == 0:
                upgrades += 1
                upgrade(upgrades)
            balancer.signal(signal.SIGUSR2)
            reload_at += RELOAD_S
        found = kills.roles(balancer)
        role = random.choices(("worker", "controller", "keeper"), (85, 10, 5))[0]
        if not found[role] or len(found["worker"]) < 2:
            continue
        ways[strike(balancer, random.choice(found[role]))] += 1
        done[role] += 1
    return done, ways, turn, upgrades


def operational(path, backend):
    """{server: (operational state, weight)}"""
    lines = life.ask(path, "show servers state " + backend).splitlines()
    columns = lines[1][2:].split()
    rows = [dict(zip(columns, line.split())) for line in lines[2:] if line]
    return {row["srv_name"]: (int(row["srv_op_state"]), int(row["srv_uweight"])) for row in rows}


def at_rest(balancer, ports):
    """Waits until the board is as it must be when nothing is to do. Choices put right what loads a killed worker left."""
    lib.wait_for(lambda: kills.settled(balancer), 90, "one whole generation is left")
    summary, faults, end = None, "", time.monotonic() + 60
    while time.monotonic() < end:
        summary, faults = kills.board_check(balancer)
        if summary and summary["places"] == 2 * WARM:
            break
        if "the load of" in faults:
            for port in (ports[0], ports[3], ports[5]):
                for _ in range(40):
                    lib.answers(port)
        time.sleep(0.5)
    lib.check(summary, "the board:\n" + faults)
    lib.check(sorted(summary["pids"]) == kills.on_board(balancer), "the board knows who lives")
    lib.check(summary["places"] == 2 * WARM, "%d connections are open, not %d" % (summary["places"], 2 * WARM))
    return summary


def test(box):
    random.seed(SEED)
    lib.note("SEED=%d DURATION=%g" % (SEED, DURATION))
    origin, stage = box.origin(), box.keep(Stage())
    ports = [lib.free_port() for _ in range(6)]
    directory = box.keep(lib.Directory("/tmp/balance-%d" % os.getpid())).path
    both = life.builds(directory)
    life.install(both[0][0], directory + "/fairlead")
    os.environ["FAIRLEAD"] = directory + "/fairlead"

    def rewrite(turn):
        balancer.write(text(directory, ports, origin.port, stage, turn))

    balancer = box.balancer(text(directory, ports, origin.port, stage, 0), ports[0], wait=30)
    path = directory + "/admin"
    life.ask(path, "show info")
    scraper = kills.Scraper(path)
    commander = Commander(path)
    milliseconds = int(DURATION * 1000) + 10000
    clients = [life.KeyClient(number, ports[1], KEYS) for number in range(CLIENTS)]
    clients += [life.KeyClient(number, ports[2], KEYS, True) for number in range(CLIENTS)]
    tunnels = [Tunnels(ports[5]) for _ in range(6)]
    loads = [box.load(ports[0], conns=40, milliseconds=milliseconds, path="/slow/10"),
             box.load(ports[0], mode="close", conns=6, milliseconds=milliseconds),
             box.load(ports[3], conns=12, milliseconds=milliseconds, path="/slow/20"),
             box.load(ports[4], conns=8, milliseconds=milliseconds, path="/slow/20")]
    done, ways, reloads, upgrades = kill_for(DURATION, balancer, rewrite,
                                             lambda turn: life.install(both[turn % 2][0], directory + "/fairlead"))
    for thread in clients + tunnels:
        thread.ending = True
    stage.rest()
    reports = [load.finish() for load in loads]
    for thread in clients + tunnels:
        thread.join(10)
    lib.note("%d workers, %d controllers, %d keepers killed; %s; %d reloads, %d upgrades" % (
        done["worker"], done["controller"], done["keeper"],
        ", ".join("%d %s" % (num, how) for how, num in ways.items()), reloads, upgrades))
    lib.note("%d requests done, %d failed; %d with keys, %d lost; %d tunnels, %d lost; %d commands, %d lost, %d looks" % (
        sum(report["requests"] for report in reports), sum(report["failed"] for report in reports),
        sum(client.done for client in clients), sum(client.lost for client in clients),
        sum(thread.done for thread in tunnels), sum(thread.lost for thread in tunnels),
        commander.num, commander.unsure, commander.looks))
    summary = at_rest(balancer, ports)
    lib.note("%d servers, %d down, %d tables with %d entries, %d objects; at most %s TLS connections to a server" % (
        summary["servers"], summary["down"], summary["tables"], summary["keys"], summary["objects"], stage.most))
    before = commander.looks
    lib.wait_for(lambda: commander.looks > before + 1, 30, "states are looked at")
    commander.ending = scraper.ending = True
    commander.join(10)
    scraper.join(5)
    check(path, stage, scraper, commander, clients, tunnels, summary)
    wrong = [line for line in balancer.log().splitlines() if any(word in line for word in (
        "died by signal", "Sanitizer", "runtime error", "must("))]
    lib.check(not wrong, "nobody dies of something else: " + "; ".join(wrong[:10]))
    lib.check(balancer.process.poll() is None and "afresh" not in balancer.log(), "nothing starts afresh")
    lib.check(balancer.log().count("Upgraded: ") == upgrades, "%d upgrades" % upgrades)


def check(path, stage, scraper, commander, clients, tunnels, summary):
    moved = [line for client in clients for line in client.moved]
    lib.check(not scraper.decreased, "counters decrease: " + "; ".join(scraper.decreased[:10]))
    lib.check(not moved, "%d keys moved: %s" % (len(moved), "; ".join(moved[:10])))
    wrong, used = commander.wrong, [client.done for client in clients]
    lib.check(not wrong, "%d times not as commanded: %s" % (len(wrong), "; ".join(wrong[:10])))
    lib.check(all(num > DURATION for num in used), "keys were used: %s" % used)
    lib.check(sum(thread.done for thread in tunnels) > 0 and commander.num > 0, "tunnels and commands were busy")
    lib.check(summary["tables"] == 5 and summary["keys"] > 0, "tables were busy")

    def found():
        states = operational(path, "flap")
        ops = [states[name][0] for name in ("h1", "h2", "h3")]
        return states["a1"][1] == AGENT_AT_REST and ops == [2, 2, 0]
    lib.wait_for(found, 20, "health and weights are what servers say: %s" % operational(path, "flap"))
    lib.check(max(stage.most) > 0, "warm servers were used")


if __name__ == "__main__":
    lib.run(test, int(DURATION * 1.5 + 200))
