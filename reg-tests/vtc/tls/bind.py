# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of the TLS server share: a balancer that serves one or more binds and tells in header X of its
# answers what it knows, and clients that say what became of a handshake: python's own, and the openssl command for
# what that cannot do. varnishtest runs them with PYTHONPATH=${testdir}. Every wait ends.

import contextlib
import pathlib
import re
import socket
import ssl
import subprocess
import warnings

from wire import CERTS, DEFAULTS, balancer, listener, wait_for

warnings.simplefilter("ignore", DeprecationWarning)

FACTS = "%[ssl_fc_protocol] %[ssl_fc_is_resumed] %[ssl_c_used] %[ssl_fc_has_crt] %[ssl_c_verify] %[ssl_c_err]" \
        " %[ssl_c_ca_err] %[ssl_c_ca_err_depth] %[ssl_fc_has_early]"


@contextlib.contextmanager
def server(directory, *binds, lists=(), more="", glob=""):
    """A balancer with a frontend for each of `binds` (what stands behind `ssl`). Their addresses; {D} stands for the
    directory in which `lists` (texts of crt-lists) are written as list0, list1, and so on."""
    here = pathlib.Path(directory)
    for number, text in enumerate(lists):
        (here / f"list{number}").write_text(text.format(C=CERTS, D=directory))
    fronts = [listener() for _ in binds]
    text = f"global\n    {glob}\n" + DEFAULTS
    for number, bind in enumerate(binds):
        text += f"""
frontend fe{number}
    bind fd@{{{number}}} ssl {bind.format(C=CERTS, D=directory)}
    {more}
    http-request return status 200 hdr X "{FACTS}"
"""
    with balancer(directory, text, *fronts) as process:
        try:
            yield [front.getsockname() for front in fronts]
        finally:
            if process.poll() is not None:
                print(pathlib.Path(process.log).read_text())


def client(low=None, high=None, cert=None, ciphers=None, alpn=None):
    """A context that believes everybody, and may speak what is long out of date."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
    context.minimum_version = low or ssl.TLSVersion.TLSv1
    context.maximum_version = high or ssl.TLSVersion.MAXIMUM_SUPPORTED
    if cert:
        context.load_cert_chain(cert if cert.startswith("/") else f"{CERTS}/{cert}")
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class Result:
    """What became of a connection: `facts` by name, or `alert` in OpenSSL's name for it, in lower case."""

    def __init__(self):
        self.alert = None
        self.alpn = self.cipher = self.version = self.subject = self.session = None
        self.facts = {}

    def __repr__(self):
        return repr(vars(self))


def ask(address, sni="a.test", context=None, session=None):
    """One connection, one request."""
    result = Result()
    context = context or client()
    with socket.create_connection(address, 10) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=sni, session=session) as conn:
                conn.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
                head = b""
                while b"\r\n\r\n" not in head:
                    part = conn.recv(65536)
                    if not part:
                        raise EOFError("no answer")
                    head += part
                result.alpn, result.version = conn.selected_alpn_protocol(), conn.version()
                result.cipher, result.session = conn.cipher()[0], conn.session
                result.der = conn.getpeercert(True)
                result.subject = name_of(result.der)
                text = re.search(rb"(?i)\r\nx: *([^\r]*)", head)[1].decode()
                names = "protocol resumed used has_crt verify err ca_err ca_depth early".split()
                result.facts = dict(zip(names, text.split()))
        except ssl.SSLError as error:
            found = re.search(r"ALERT_(\w+)", error.reason or "")
            special = {"TLSV1_UNRECOGNIZED_NAME": "unrecognized_name",
                       "TLSV13_ALERT_CERTIFICATE_REQUIRED": "certificate_required"}
            result.alert = special.get(error.reason) or (found[1].lower() if found else str(error))
    return result


def name_of(der):
    """The first DNS name of a certificate of the tests, which says which one it is."""
    run = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"], input=der,
                         capture_output=True, timeout=10)
    found = re.search(rb"DNS:([^,\s]+)", run.stdout)
    return found[1].decode() if found else None


def s_client(address, *args, sni="a.test", say=b""):
    """The output of openssl s_client. What is said goes in at once, and its end with it."""
    run = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % address, "-servername", sni, "-CAfile", CERTS + "/ca.pem", *args],
        input=say, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=15)
    return run.stdout.decode(errors="replace")


def expect(what, **wanted):
    """A result's members or facts are what is wanted."""
    for name, value in wanted.items():
        found = getattr(what, name) if hasattr(what, name) else what.facts.get(name)
        if found != value:
            raise AssertionError(f"{name} is {found}, not {value}, in {what}")


TLS10, TLS11, TLS12, TLS13 = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2,
                              ssl.TLSVersion.TLSv1_3)

__all__ = ["CERTS", "TLS10", "TLS11", "TLS12", "TLS13", "ask", "client", "expect", "pathlib", "re", "s_client", "server",
           "socket", "ssl", "subprocess", "wait_for"]
