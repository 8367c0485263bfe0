#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""curl as users have it: HTTP/1.0 and 1.1, HEAD, uploads with and without a length, Expect, reuse of a connection."""

import os
import subprocess
import tempfile

import lib

SIZE = 3000000


def curl(*arguments, data=None):
    done = subprocess.run([lib.need("curl"), "-sS", "--max-time", "10", *arguments], input=data, timeout=15,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lib.check(done.returncode == 0, "curl %s: %s" % (" ".join(arguments), done.stderr.decode(errors="replace")))
    return done.stdout


def downloads(url, body):
    for flags in (["--http1.0"], ["--http1.1"], ["--http1.0", "-H", "Connection: keep-alive"]):
        lib.check(curl(*flags, url + "/bytes/%d" % SIZE) == body, "a body with " + " ".join(flags))
    head = curl("-I", url + "/16k").decode().lower()
    lib.check("200" in head.splitlines()[0] and "content-length: 16384" in head, "HEAD keeps the length: " + head)
    lib.check(curl("-o", "/dev/null", "-w", "%{http_code}", url + "/none") == b"404", "404 comes through")
    told = curl("-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", url + "/128",
                url + "/1m", url + "/16k")
    lib.check(told == b"1 0 0 ", "three requests share a connection: %r" % told)


def uploads(url, body, path):
    expected = b"%d same\n" % SIZE
    cases = {
        "Content-Length": ["-T", path],
        "chunked": ["-H", "Transfer-Encoding: chunked", "-T", "-"],
        "Expect": ["-H", "Expect: 100-continue", "--expect100-timeout", "8", "-T", path],
        "Expect and chunked": ["-H", "Expect: 100-continue", "--expect100-timeout", "8", "-T", "-"],
        "no Expect": ["-H", "Expect:", "-T", path],
        "HTTP/1.0": ["--http1.0", "-T", path],
        "POST": ["--data-binary", "@" + path],
    }
    for name, flags in cases.items():
        told = curl(*flags, url + "/sink", data=body)
        lib.check(told == expected, "upload with %s: %r" % (name, told))
    timed = curl("-H", "Expect: 100-continue", "--expect100-timeout", "8", "-T", path, "-o", "/dev/null", "-w",
                 "%{time_total}", url + "/sink")
    lib.note("upload with Expect: %s s" % timed.decode())
    lib.check(float(timed) < 5, "100 Continue reaches the client")
    lib.check(curl("-T", "-", url + "/sink", data=b"") == b"0 same\n", "an empty upload")


def test(box):
    lib.need("curl")
    origin = box.origin()
    port = lib.free_port()
    box.balancer(lib.config(port, origin.port), port)
    body = curl("http://127.0.0.1:%d/bytes/%d" % (origin.port, SIZE))
    url = "http://127.0.0.1:%d" % port
    downloads(url, body)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        uploads(url, body, os.path.realpath(file.name))


lib.run(test)
