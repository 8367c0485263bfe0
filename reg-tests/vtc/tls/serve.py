# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of listeners share beyond wire.py: one handshake and one request by Python's library or by
# openssl s_client, and what came of both in a few words. Nothing here waits for ever.

import os
import pathlib
import re
import ssl
import subprocess
import types
import warnings

from wire import CERTS, DEFAULTS, Log, Origin, balancer, connect, get, listener, socket, threading, time, wait_for

VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1, "TLSv1.2": ssl.TLSVersion.TLSv1_2,
            "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def client(version=None, ciphers=None, curve=None, alpn=None, cert=None, trust="ca.pem"):
    """A client's context. `version` is one ("TLSv1.2") or the lowest and the highest; without, all there are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if trust else ssl.CERT_NONE
    if trust:
        context.load_verify_locations(f"{CERTS}/{trust}")
    lowest, highest = version if isinstance(version, tuple) else (version or "TLSv1", version or "TLSv1.3")
    # OpenSSL speaks the old versions at this level alone, and warns of them.
    context.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version, context.maximum_version = VERSIONS[lowest], VERSIONS[highest]
    if curve:
        context.set_ecdh_curve(curve)
    if alpn:
        context.set_alpn_protocols(alpn)
    if cert:
        context.load_cert_chain(f"{CERTS}/{cert}")
    return context


def shake(front, sni="a.test", context=None, session=None, **how):
    """One connection and one request. `error` is OpenSSL's reason, None where all is well; in TLS 1.3 a refused
    certificate shows only when the answer is read."""
    context = context or client(**how)
    out = types.SimpleNamespace(error=None, version=None, cipher=None, alpn=None, names=None, body=None, session=None,
                                reused=None)
    address = front if isinstance(front, tuple) else front.getsockname()
    raw = socket.create_connection(address[:2], 10)
    try:
        with context.wrap_socket(raw, server_hostname=sni, session=session) as conn:
            out.version, out.cipher, out.alpn = conn.version(), conn.cipher()[0], conn.selected_alpn_protocol()
            out.names = [name for _, name in (conn.getpeercert() or {}).get("subjectAltName", ())]
            status, body = get(conn, "/")
            out.body, out.session, out.reused = body.decode(), conn.session, conn.session_reused
            if status != 200:
                out.error = status
    except ssl.SSLError as error:
        out.error = error.reason or type(error).__name__
    except ConnectionResetError:
        out.error = "reset"
    finally:
        raw.close()
    return out


def s_client(front, *args, sni="a.test", request="GET / HTTP/1.0\r\n\r\n"):
    """What openssl s_client has to say of one connection and one request."""
    host, port = front.getsockname()[:2]
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", f"{CERTS}/ca.pem", "-ign_eof",
         *(["-servername", sni] if sni else ["-noservername"]), *args],
        input=request.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=15).stdout.decode(errors="replace")


def crt_list(directory, text):
    """A crt-list in a file; its path."""
    path = pathlib.Path(directory) / "list"
    path.write_text("".join(line.strip() + "\n" for line in text.strip().splitlines()))
    return str(path)


def refused(directory, text):
    """What a check of a configuration says, whether it is refused or not."""
    cfg = pathlib.Path(directory) / "checked"
    cfg.write_text(text)
    done = subprocess.run([os.environ["HAPROXY_PROGRAM"], "-c", "-f", str(cfg)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=15)
    return done.returncode, done.stdout.decode(errors="replace")


def alert(front, data):
    """Level and number of the alert that is the answer to raw bytes, None for anything else."""
    with socket.create_connection(front.getsockname(), 5) as sock:
        sock.sendall(data)
        answer = b""
        try:
            while len(answer) < 7 and (part := sock.recv(100)):
                answer += part
        except ConnectionResetError:
            pass
    return (answer[5], answer[6]) if answer[:1] == b"\x15" and len(answer) >= 7 else None


__all__ = ["CERTS", "DEFAULTS", "Log", "Origin", "VERSIONS", "alert", "balancer", "client", "connect", "crt_list", "get",
           "listener", "re", "refused", "s_client", "shake", "socket", "ssl", "subprocess", "threading", "time",
           "wait_for"]
