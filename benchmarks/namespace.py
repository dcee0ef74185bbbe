"""A network namespace of the benchmark's own, in which all of 10.0.0.0/8 is this machine."""

import os
import subprocess
import sys

from kit import find

INSIDE = "ANCHORHOLD_BENCH_INSIDE"


def enter() -> None:
    """Start this program again inside, unless it already is there. Needs root or unprivileged user namespaces."""
    if os.environ.get(INSIDE):
        set_up()
        return
    unshare = find("unshare") or sys.exit("unshare is missing: apt-get install util-linux")
    options = ["-n"] if os.geteuid() == 0 else ["-n", "-r"]
    command = [unshare, *options, sys.executable, *sys.argv]
    os.execve(command[0], command, os.environ | {INSIDE: "yes"})


def set_up() -> None:
    ip = find("ip") or sys.exit("ip is missing: apt-get install iproute2")
    for arguments in ("link set lo up", "route add local 10.0.0.0/8 dev lo src 127.0.0.1"):
        subprocess.run([ip, *arguments.split()], check=True)
