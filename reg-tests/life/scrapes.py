#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred scrapes a second, of every kind there is, while the service is reloaded under load: no answer is cut, no
counter ever decreases, and at the end all of them tell what the load generators told. FULL=1: 200 reloads, and how long
requests take with and without."""

import csv
import http.client
import io
import json
import os
import threading
import time

import life
import lib

RELOADS = 200 if lib.FULL else 40
WORKERS = 4
RATE = 25  # of each of the four kinds

# What of the CSV may go down: these are gauges, limits, rates, averages, times and words; everything else counts.
GAUGES = set("""pxname svname qcur qmax scur smax slim status weight act bck lastchg pid iid sid throttle tracked type rate
    rate_lim rate_max check_status check_code check_duration req_rate req_rate_max lastsess last_chk last_agt qtime ctime
    rtime ttime agent_status agent_code agent_duration check_desc agent_desc check_rise check_fall check_health agent_rise
    agent_fall agent_health addr cookie mode algo conn_rate conn_rate_max srv_icur src_ilim qtime_max ctime_max rtime_max
    ttime_max idle_conn_cur safe_conn_cur used_conn_cur need_conn_est uweight agg_server_status agg_server_check_status
    agg_check_status proto qlimit srid tunnels_cur tunnels_max h1_open_connections h1_open_streams -""".split())


def text(directory, port, tls_port, metrics, origin, turn):
    return """\
global
    nbthread %d
    stats socket %s/admin level admin
    stats maxconn 20
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server %ds
    timeout http-keep-alive 3s
frontend load
    bind 127.0.0.1:%d
    bind 127.0.0.1:%d ssl crt %s/a.pem
    default_backend app
frontend metrics
    bind 127.0.0.1:%d
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats uri /stats
backend app
    server s0 127.0.0.1:%d
    server s1 127.0.0.1:%d
""" % (WORKERS, directory, 20 + turn % 3, port, tls_port, lib.certificates(), metrics, origin, origin)


def read_csv(answer):
    """{(proxy, server, column): number} of all counters."""
    lib.check(answer.endswith("\n"), "the CSV ends with a line feed: ...%r" % answer[-80:])
    rows = [row for row in csv.reader(io.StringIO(answer.lstrip("# "))) if row]
    names = rows[0]
    lib.check(len(rows) >= 6, "six rows, not %d" % len(rows))
    counters = {}
    for row in rows[1:]:
        lib.check(len(row) == len(names), "a whole row: %r" % row)
        for name, value in zip(names, row):
            if name and name not in GAUGES and value.isdigit():
                counters[row[0], row[1], name] = int(value)
    return counters


def read_info(answer):
    lib.check("Uptime_sec: " in answer and answer.endswith("\n"), "the whole of show info: ...%r" % answer[-80:])
    pairs = (line.split(": ", 1) for line in answer.splitlines() if ": " in line)
    return {name: int(value) for name, value in pairs if name in ("CumConns", "CumReq", "CumSslConns", "TotalBytesOut")}


def read_metrics(answer):
    """All samples of the families of type counter and histogram."""
    kinds, counters = {}, {}
    for line in answer.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
        elif line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            family = name.partition("{")[0]
            base = family.rsplit("_", 1)[0]
            if "counter" in (kinds.get(family), kinds.get(base)) or kinds.get(base) == "histogram":
                counters[name] = float(value)
    lib.check(len(counters) > 20, "counters in the metrics: %d" % len(counters))
    return counters


class Scraper(threading.Thread):
    """Asks RATE times a second and remembers every counter: `wrong` tells the first answer that was."""

    def __init__(self, name, ask, read):
        super().__init__(daemon=True)
        self.title, self.ask, self.read = name, ask, read
        self.ending, self.wrong, self.seen = False, None, {}
        self.done, self.slowest = 0, 0.0
        self.start()

    def once(self):
        start = time.monotonic()
        counters = self.read(self.ask())
        self.slowest = max(self.slowest, time.monotonic() - start)
        for key, value in counters.items():
            if value < self.seen.get(key, 0):
                raise lib.Failure("%s decreases: %s after %s" % (key, value, self.seen[key]))
        gone = [key for key in self.seen if key not in counters]
        lib.check(not gone, "counters are there in each answer: %s" % gone[:3])
        self.seen = counters
        self.done += 1

    def run(self):
        due = time.monotonic()
        while not self.ending and not self.wrong:
            try:
                self.once()
            except (OSError, http.client.HTTPException, lib.Failure, ValueError) as wrong:
                self.wrong = "%s: %s: %s" % (self.title, type(wrong).__name__, wrong)
            due = max(due + 1 / RATE, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        lib.check(answer.status == 200, "%s: status %d" % (path, answer.status))
        return body.decode()
    finally:
        connection.close()


def loads(box, port, tls_port):
    return [box.load(port, conns=4, milliseconds=200000, timeout=10000, think=2),
            box.load(port, mode="close", conns=2, milliseconds=200000, timeout=10000),
            box.load(tls_port, conns=4, milliseconds=200000, timeout=10000, tls="1.3", think=5)]


def quiet(box, port, tls_port):
    """How long requests take where nobody scrapes and nothing is reloaded."""
    running = loads(box, port, tls_port)
    time.sleep(5)
    return [load.finish() for load in running]


def test(box):
    origin = box.origin()
    port, tls_port, metrics = lib.free_port(), lib.free_port(), lib.free_port()
    directory = box.keep(lib.Directory("/tmp/life-%d" % os.getpid())).path
    path = directory + "/admin"
    balancer = box.balancer(text(directory, port, tls_port, metrics, origin.port, 0), port)
    life.ask(path, "show info")
    before = quiet(box, port, tls_port) if lib.FULL else []
    scrapers = [Scraper("show stat", lambda: life.admin(path, "show stat"), read_csv),
                Scraper("show info", lambda: life.admin(path, "show info"), read_info),
                Scraper("/metrics", lambda: get(metrics, "/metrics"), read_metrics),
                Scraper("/stats;csv", lambda: get(metrics, "/stats;csv"), read_csv)]
    running = loads(box, port, tls_port)
    start = time.monotonic()
    for turn in range(1, RELOADS + 1):
        balancer.write(text(directory, port, tls_port, metrics, origin.port, turn))
        life.reload(balancer)
        wrong = [scraper.wrong for scraper in scrapers if scraper.wrong]
        lib.check(not wrong, "%d reloads: %s" % (turn, wrong))
    seconds = time.monotonic() - start
    for scraper in scrapers:
        scraper.ending = True
        scraper.join(20)
    reports = [load.finish() for load in running]
    for scraper in scrapers:
        lib.note("%-10s %5d answers, %.0f a second, slowest %.0f ms" % (
            scraper.title, scraper.done, scraper.done / seconds, scraper.slowest * 1000))
        lib.check(not scraper.wrong, scraper.wrong)
        lib.check(scraper.done > 0, scraper.title + " answers")
    lib.check(sum(report["failed"] for report in reports) == 0, "no request fails: %s" % reports)
    for report in before + reports:
        lib.note("load: " + json.dumps({key: value for key, value in report.items() if value}))
    wanted = sum(report["requests"] for report in before + reports)

    def told():
        now = read_csv(life.ask(path, "show stat"))
        return all(now[proxy, name, "hrsp_2xx"] == wanted for proxy, name in (("load", "FRONTEND"), ("app", "BACKEND"))) \
            and sum(now["app", name, "hrsp_2xx"] for name in ("s0", "s1")) == wanted
    lib.wait_for(told, 30, "frontend, backend and servers count %d answers: %s" % (wanted, {
        key: value for key, value in read_csv(life.ask(path, "show stat")).items() if key[2] == "hrsp_2xx"}))
    name = 'haproxy_frontend_http_responses_total{proxy="load",code="2xx"}'
    lib.check(read_metrics(get(metrics, "/metrics"))[name] == wanted, "the metrics tell the same")


lib.run(test, 150)
