#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""testssl on the quickstart's TLS: nothing to complain of in protocols, ciphers, forward secrecy and vulnerabilities."""

import json
import os
import subprocess

import lib


def test(box):
    program = lib.need("testssl")
    certs = lib.certificates()
    text, ports = lib.quickstart(certs)
    os.environ["FAIRLEAD_CERTS"] = certs
    balancer = box.balancer(text, ports["8080"])
    findings = os.path.join(balancer.directory, "findings")
    # What it asks is written down by itself; it needs a place for that, and no terminal.
    done = subprocess.run([program, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--openssl-timeout",
                           "5", "--ip", "127.0.0.1", "-p", "-s", "-f", "-U", "--jsonfile", findings,
                           "https://localhost:%s/" % ports["8443"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=150, cwd=balancer.directory)
    with open(findings) as file:
        found = json.load(file)
    bad = ["%s: %s %s" % (one["id"], one["severity"], one["finding"]) for one in found
           if one["severity"] not in ("OK", "INFO")]
    good = sum(one["severity"] == "OK" for one in found)
    lib.note("%d findings, %d of them praise" % (len(found), good))
    lib.check(not bad, "no complaint:\n" + lib.indent("\n".join(bad)))
    lib.check(good >= 20 and any(one["id"] == "TLS1_3" for one in found), "it looked:\n" + done.stdout[-2000:])


lib.run(test, seconds=170)
