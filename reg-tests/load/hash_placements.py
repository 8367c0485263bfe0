#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each hash leads to the server that HAProxy gives: thousands of keys through both programs with the same configuration,
for all functions, maps and rings, unequal weights, given ids, servers that are down, and everything that can be a key. A
fleet that mixes both must agree on every one. Skipped where there is no HAProxy."""

import ipaddress
import os
import random
import shutil
import socket

import lib

HAPROXY = os.environ.get("HAPROXY", "/usr/sbin/haproxy")
BATCH = 100
draw = random.Random(11)

TYPES = ["hash-type %s %s%s" % (method, function, modifier) for method in ("map-based", "consistent")
         for function in ("sdbm", "djb2", "wt6", "crc32") for modifier in ("", " avalanche")]
TYPES += ["hash-type consistent", "hash-type map-based"]
EQUAL = ["server s%d ADDR" % i for i in range(211)]
FEW = ["server s1 ADDR weight 3", "server s2 ADDR weight 1", "server s3 ADDR weight 2 id 77", "server s4 ADDR disabled weight 5",
       "server s5 ADDR backup", "server s6 ADDR weight 0", "server s7 ADDR"]
MANY = ["server s%d ADDR weight %d%s%s%s" % (i, draw.randrange(257),
                                            " id %d" % draw.randrange(1000, 1 << 20) if draw.random() < 0.5 else "",
                                            " disabled" if draw.random() < 0.2 else "",
                                            " backup" if draw.random() < 0.1 else "") for i in range(60)]


def field(value, name="x"):
    return "GET", "/", {name: value}, ""


def post(body, path="/", method="POST"):
    return method, path, {}, body


VALUES = [field("v%d" % draw.randrange(1 << draw.randrange(1, 40))) for _ in range(200)]
VALUES += [field(value) for value in ("a,b", '"a,b",c', " a ", ",b", "a b", "", ",", "a;b", "A", '"a', 'a"b,c"d')]
NAMES = [field(value) for value in
         ("a", "www.example.com:80", "1.2.3.4:80", "[::1]:80", "localhost:80", ".", "..", "..a", ".a", ".a.b", "a..b", "...",
          "....", "a...", "a.b.", "..b.c", "x.y:z.w", "[1::2.3]:4", ".com", ".aa.bb.cc", "www.x.org, q.r.s")]
SOURCES = [field(str(ipaddress.ip_address(draw.randrange(1 << 24, 1 << 32))), "from-ip") for _ in range(150)]
SOURCES += [field(str(ipaddress.ip_address(draw.randrange(1 << 100, 1 << 128))), "from-ip") for _ in range(150)]
TARGETS = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c?x=1", "/?q", "/a?b=c", "/aaaa/bbbb/cccc", "//a//b", "/a/b?c/d/e",
           "/aaaaaaaaa?b", "http://h/", "http://h/a/b/c?d", "http://h", "http://host:80/p?q", "/abc;d=e", "/a?b?c", "/?", "/a/?x/y"]
TARGETS += ["/%x/%d/%x?k=%d" % (draw.randrange(1 << 30), draw.randrange(99), draw.randrange(1 << 20), draw.randrange(99))
            for _ in range(120)]
TARGETS = [("GET", target, {"host": target.split("/")[2].split("?")[0]} if "//h" in target else {}, "") for target in TARGETS]
TARGETS.append(("OPTIONS", "*", {}, ""))
QUERIES = ["/?a=1", "/?a=12&b=3", "/?b=3&a=xyz", "/?a=", "/?a", "/?aa=4&a=5", "/?A=5", "/;a=5", "/?b&a=1", "/?a=1&a=2",
           "/?x=1;a=7", "/?x?a=3", "/a=3", "/?a=%41", "/?a=1;2", "/?a=b=c", "/?xa=1", "/?&a=9", "/?x=1?a=2", "/b?a=q/r?s",
           "/?a=&a=4", "/?b=a=4"] + ["/?k=%d&a=%d" % (i, draw.randrange(1 << 32)) for i in range(80)]
QUERIES = [("GET", query, {}, "") for query in QUERIES]
BODIES = [post(body) for body in ("a=5", "b=1&a=6", "b=1;a=6", "a=", "x", "a=5\r\n", "b=1\r\na=5", "a=55 b", "a=5?b", "?a=5",
                                  " a=5", "A=5", "aa=5&a=3", "x" * 9000 + "&a=5")]
BODIES += [post("a=5", "/?a=7"), post("a=5", "/?a="), post("a=5", method="PUT"), post("a=5", method="GET")]
BODIES += [post("u=%d&a=%d" % (i, draw.randrange(1 << 31))) for i in range(40)]


def cases():
    """Lines of a backend, and what is asked of it."""
    for kind in TYPES:
        yield ["balance hdr(x)", kind] + EQUAL, VALUES
        yield ["balance hash req.hdr(x)", kind] + FEW, VALUES
        yield ["balance hdr(x)", kind] + MANY, VALUES
        yield ["balance source", kind] + EQUAL, SOURCES
        yield ["balance hash src", kind] + FEW, SOURCES
        yield ["balance uri", kind] + EQUAL, TARGETS
        yield ["balance url_param a", kind] + EQUAL, QUERIES
        yield ["balance hash req.hdr(x),length", kind] + EQUAL, VALUES
    for option in ("whole", "len 5", "depth 2", "len 9 depth 3", "path-only whole", "whole depth 2", "path-only len 4", "depth 1",
                   "path-only depth 1 whole len 11", "path-only"):
        yield ["balance uri " + option] + EQUAL, TARGETS
    yield ["balance hdr(x) use_domain_only"] + EQUAL, NAMES
    yield ["balance url_param a check_post"] + EQUAL, BODIES
    yield ["balance url_param a check_post 10", "hash-type consistent djb2 avalanche"] + EQUAL, BODIES
    yield ["balance hash req.hdr_ip(x)"] + EQUAL, [field(one[2]["from-ip"]) for one in SOURCES]
    yield ["balance hash req.hdr(x),sha1"] + EQUAL, VALUES
    yield ["balance hash method"] + EQUAL, [post("", method=method) for method in ("GET", "POST", "FOO")]


def config(port, origin, backends):
    text = lib.config(port, origin, workers=1, defaults="    option http-keep-alive")
    text = text[:text.index("listen")]
    text += """
frontend origin
    bind 127.0.0.1:%d
    http-request return status 200
frontend fe
    bind 127.0.0.1:%d
    http-request set-src hdr(from-ip) if { hdr(from-ip) -m found }
    use_backend %%[req.hdr(backend)]
""" % (origin, port)
    for i, (lines, _) in enumerate(backends):
        text += "backend b%d\n    http-response set-header server %%s\n" % i
        text += "".join("    %s\n" % line.replace("ADDR", "127.0.0.1:%d" % origin) for line in lines)
    return text


def encode(backend, request):
    method, path, fields, body = request
    head = "%s %s HTTP/1.1\r\n" % (method, path)
    for name, value in {"host": "a", **fields, "backend": "b%d" % backend}.items():
        head += "%s: %s\r\n" % (name, value)
    if body:
        head += "content-length: %d\r\n" % len(body)
    return (head + "\r\n" + body).encode()


def ask(port, backend, requests):
    """The server of each request."""
    servers = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, client.makefile("rb") as stream:
        for start in range(0, len(requests), BATCH):
            batch = requests[start:start + BATCH]
            client.sendall(b"".join(encode(backend, one) for one in batch))
            for _ in batch:
                answer = lib.read_answer(stream)
                servers.append(answer.headers.get("server", answer.status))
    return servers


def place(box, program, backends):
    port, origin = lib.free_port(), lib.free_port()
    kept = os.environ.get("FAIRLEAD")
    if program:
        os.environ["FAIRLEAD"] = program
    try:
        balancer = box.balancer(config(port, origin, backends), port)
    finally:
        if program:
            os.environ.pop("FAIRLEAD")
            os.environ.update({"FAIRLEAD": kept} if kept else {})
    answers = [ask(port, i, requests) for i, (_, requests) in enumerate(backends)]
    balancer.stop()
    return answers


def test(box):
    if not shutil.which(HAPROXY):
        raise lib.Skip("there is no %s" % HAPROXY)
    backends = list(cases())
    theirs, ours = place(box, HAPROXY, backends), place(box, None, backends)
    number = 0
    for (lines, requests), their, our in zip(backends, theirs, ours):
        number += len(requests)
        differ = [one for one in zip(requests, their, our) if one[1] != one[2]]
        lib.check(not differ, "%s, %s: %d of %d differ, such as %s" % (lines[0], lines[1], len(differ), len(requests), differ[:3]))
    lib.note("%d placements in %d backends, all the same" % (number, len(backends)))


lib.run(test, seconds=150)
