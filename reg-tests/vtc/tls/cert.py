# SPDX-License-Identifier: Apache-2.0
#
# What the scenarios of certificates' files share: files made by the shell in a directory, and what a listener that is
# given them presents.

import os
import pathlib
import subprocess
import sys

from conf import OURS
from serve import CERTS, DEFAULTS, balancer, connect, crt_list, get, listener, re, s_client, shake, socket, ssl, time
import serve


def shell(directory, script):
    """Runs `script` in `directory`, with $C naming the tests' certificates, leaf() and key() picking one part."""
    head = f"set -e; C={CERTS}; leaf() {{ openssl x509 -in $C/$1; }}; key() {{ openssl pkey -in $C/$1; }}\n"
    pathlib.Path(directory).mkdir(exist_ok=True)
    subprocess.run(["bash", "-c", head + script], cwd=directory, check=True, timeout=20, stderr=subprocess.DEVNULL)


def file_of(bind, head="", sections=""):
    return "global\n" + head + DEFAULTS + sections + f"""
frontend fe
    bind fd@{{0}} {bind}
    http-request return status 200
"""


def check(directory, bind, says=None, head="", sections=""):
    """Whether -c accepts it, which is so where `says` is None; ours says `says`."""
    text = file_of(bind, head, sections).replace("fd@{0}", "127.0.0.1:8443")
    status, out = serve.refused(directory, text)
    if (status == 0) != (says is None) or (OURS and says and says not in out):
        sys.exit(f"{bind}: {'accepted' if status == 0 else 'refused'}, but '{says}' was expected:\n{out}")
    return out


def warns(directory, bind, says, head=""):
    out = check(directory, bind, None, head)
    if OURS and says not in out:
        sys.exit(f"{bind}: '{says}' is not in:\n{out}")


def subjects(front, *args, sni="a.test"):
    """The chain that is presented: the CN of each certificate, the leaf first."""
    said = s_client(front, "-showcerts", *args, sni=sni)
    return re.findall(r"^ *\d+ s:.*?CN ?= ?([^,\n]+)", said, re.M)
