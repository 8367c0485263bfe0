# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of TLS words share: configurations that are checked with -c, and handshakes that show what a
# configuration came to. varnishtest runs them with PYTHONPATH=${testdir}, HAPROXY_PROGRAM and FL_CERTS set.

import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile

from wire import CERTS, balancer, listener

PROGRAM = os.environ["HAPROXY_PROGRAM"]
# Messages are each program's own; acceptance is compared.
OURS = "fairlead" in subprocess.run([PROGRAM, "-v"], capture_output=True, text=True, timeout=20).stdout
CRT = f"ssl crt {CERTS}/a.pem"


def file_of(bind="", server="", head="", mode="http"):
    """A configuration around one bind line's options, one server line's, and lines of the global section."""
    lines = "\n".join(f"    {line.strip()}" for line in head.splitlines() if line.strip())
    server = f"    server s1 127.0.0.1:80 {server}" if server is not None else ""
    return f"""
global
{lines}
defaults
    mode {mode}
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen fe
    bind 127.0.0.1:8443 {bind}
{server}
"""


def check(text, *flags):
    """The exit status of -c and what it said, with line ends and what differs from run to run left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "test.cfg")
        path.write_text(text)
        done = subprocess.run([PROGRAM, "-c", "-V", *flags, "-f", str(path)], capture_output=True, text=True,
                              timeout=20, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def judge(text, accepted, says, flags):
    status, out = check(text, *flags)
    if (status == 0) != accepted:
        sys.exit(f"{text}\nis {'refused' if accepted else 'accepted'}: {out}")
    if accepted and "Configuration file is valid" not in out:
        sys.exit(f"{text}\ndoes not say that it is valid: {out}")
    for what in says if OURS else ():
        if what not in out:
            sys.exit(f"{text}\ndoes not say '{what}': {out}")
    return out


def accepted(bind="", server="", head="", *says, flags=(), mode="http"):
    """It is accepted; ours says all of `says`, and warns of nothing where that is empty."""
    out = judge(file_of(bind, server, head, mode), True, says, flags)
    if OURS and not says and re.search(r"\[(WARNING|ALERT)\]", out):
        sys.exit(f"bind '{bind}' server '{server}' global '{head}': {out}")
    return out


def refused(bind="", server="", head="", *says, flags=(), mode="http"):
    return judge(file_of(bind, server, head, mode), False, says, flags)


def client(ciphers="ALL:@SECLEVEL=0", low=ssl.TLSVersion.TLSv1, high=ssl.TLSVersion.TLSv1_3, alpn=None):
    """A client that speaks all there is, and believes anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = low, high
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def shake(address, name="a.test", **options):
    """(version, suite, protocol) of a handshake, or None where it fails."""
    with socket.create_connection(address, timeout=10) as raw:
        raw.settimeout(10)
        try:
            with client(**options).wrap_socket(raw, server_hostname=name) as conn:
                return conn.version(), conn.cipher()[0], conn.selected_alpn_protocol()
        except (ssl.SSLError, ConnectionError):
            return None


def versions(address, **options):
    """The versions that are spoken, lowest first."""
    found = []
    for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        if shake(address, low=version, high=version, **options):
            found.append(version.name)
    return found


def suites(address, names, version=ssl.TLSVersion.TLSv1_2):
    """Those of `names` that are spoken."""
    return [name for name in names
            if shake(address, ciphers=f"{name}:@SECLEVEL=0", low=ssl.TLSVersion.TLSv1, high=version)]


def serve(folder, bind, head="", mode="http"):
    """A balancer whose one listener has these options; gives (context manager, address)."""
    front = listener()
    text = file_of(bind, None, head, mode).replace("127.0.0.1:8443", "fd@{0}")
    if mode == "http":
        text += "    http-request return status 200\n"
    return balancer(folder, text, front), front.getsockname()
