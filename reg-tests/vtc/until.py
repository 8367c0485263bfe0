# SPDX-License-Identifier: Apache-2.0
#
# until.py SOCKET COMMAND PATTERN...: asks the admin socket again and again until its answer has all of these regular
# expressions, in which ^ and $ match at lines. For what a scenario must have seen before it goes on and no client can
# tell it: a request that waits in a queue, a connection that was counted. The wait ends.

import re
import socket
import sys
import time


def ask(path, command):
    try:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            admin.connect(path)
            admin.sendall(command.encode() + b"\n")
            return admin.makefile("rb").read().decode()
    except OSError as error:
        return str(error)


def main():
    path, command, *patterns = sys.argv[1:]
    end = time.monotonic() + 20
    while True:
        answer = ask(path, command)
        missing = [pattern for pattern in patterns if not re.search(pattern, answer, re.M)]
        if not missing:
            return
        if time.monotonic() > end:
            sys.exit(f"{missing} did not come to stand in:\n{answer}")
        time.sleep(0.01)


main()
