#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand certificates in a directory: all are loaded, each is found by its name, and a reload brings no other."""

import os
import random
import socket
import ssl
import subprocess
import time

import lib
import tools

NUMBER = 10000


def presented(port, name):
    """The certificate (DER) that is shown to who asks for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        with context.wrap_socket(connection, server_hostname=name) as stream:
            return stream.getpeercert(binary_form=True)


def test(box):
    origin = box.origin()
    port = lib.free_port()
    directory = os.path.join(os.environ.get("TMPDIR", "/tmp"), "many-certificates-%d" % os.getpid())
    box.keep(lib.Directory(directory))
    subprocess.run([tools.tool("certificates"), "-k", "rsa", str(NUMBER), directory], check=True, timeout=60)
    start = time.monotonic()
    text = lib.config(port, origin.port, bind="ssl strict-sni crt " + directory)
    balancer = box.balancer(text, port, wait=60)
    lib.note("%d RSA certificates, from the start to the first worker: %.1f s; Pss of all processes %d MiB" % (
        NUMBER, time.monotonic() - start, tools.pss_kib(balancer.pid) // 1024))

    asked = [0, NUMBER - 1, *(random.randrange(NUMBER) for _ in range(48))]

    def check():
        for number in asked:
            name = "host-%d.many.test" % number
            with open(os.path.join(directory, "%05d.pem" % number)) as file:
                pem = file.read()
            lib.check(ssl.DER_cert_to_PEM_cert(presented(port, name)).strip() in pem, name + " has its own certificate")

    check()
    balancer.reload(seconds=60)
    check()
    try:
        presented(port, "stranger.test")
        lib.check(False, "with strict-sni a stranger's name has no certificate")
    except ssl.SSLError:
        pass


lib.run(test, seconds=120)
