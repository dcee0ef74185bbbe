"""A network namespace of the benchmark's own, in which all of 10.0.0.0/8 is this machine; and a cable into another one."""

import os
import subprocess
import sys

from kit import Helper, find

INSIDE = "ANCHORHOLD_BENCH_INSIDE"


def enter() -> None:
    """Start this program again inside, unless it already is there. Needs root or unprivileged user namespaces."""
    if os.environ.get(INSIDE):
        ip("link set lo up", "route add local 10.0.0.0/8 dev lo src 127.0.0.1")
        return
    unshare = find("unshare") or sys.exit("unshare is missing: apt-get install util-linux")
    options = ["-n"] if os.geteuid() == 0 else ["-n", "-r"]
    command = [unshare, *options, sys.executable, *sys.argv]
    os.execve(command[0], command, os.environ | {INSIDE: "yes"})


def ip(*commands: str, within: tuple[str, ...] = ()) -> None:
    """What `ip` is to do; `within`: this command line first."""
    program = find("ip") or sys.exit("ip is missing: apt-get install iproute2")
    for arguments in commands:
        subprocess.run([*within, program, *arguments.split()], check=True)


def lay_cable(address: str) -> None:
    """Ends `s0`, which has this address (ADDRESS/LENGTH), and `c0`."""
    ip("link add s0 type veth peer name c0", f"address add {address} dev s0", "link set s0 up")


def hand_over(helper: Helper, address: str) -> None:
    """`c0`, with this address, to a program that was started by `unshare -n`: it says when it is there, and when it uses `c0`."""
    helper.line()
    pid = str(helper.process.pid)
    ip(f"link set c0 netns {pid}")
    ip(f"address add {address} dev c0", "link set c0 up", within=("nsenter", "-t", pid, "-n"))
    helper.ask({})
