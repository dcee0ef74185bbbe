"""A command under the limits of our systemd unit, put on by ourselves: there is no systemd where tests run.

Of the unit's directives those that the kernel holds a process to: capabilities, system calls, families of sockets, namespaces,
memory that may be written and executed, no new privileges. What systemd would refuse with an error ends the process here.
"""

import ctypes
import json
import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from kit.lan import Place
from kit.unit_file import UNITS, call_names, read_unit

from anchorhold.sandbox import Rule, seccomp
from anchorhold.sandbox.numbers import CALLS
from anchorhold.sandbox.profile import Test
from anchorhold.sandbox.rights import CAPABILITIES, bits_of

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 24, 38, 65
NAMESPACES = {"mnt": 0x2_0000, "cgroup": 0x200_0000, "uts": 0x400_0000, "ipc": 0x800_0000}
NAMESPACES |= {"user": 0x1000_0000, "pid": 0x2000_0000, "net": 0x4000_0000}
WORD = 0xFFFF_FFFF


@dataclass(frozen=True)
class Limits:
    capabilities: list[str]
    calls: list[str]
    families: list[str]
    namespaces: list[str]

    @classmethod
    def of(cls, *dropins: str) -> "Limits":
        """Those of the unit."""
        service = read_unit(UNITS / "anchorhold.service", *(UNITS / name for name in dropins))["Service"]
        words = {name: " ".join(values).split() for name, values in service.items()}
        return cls(
            [name.removeprefix("CAP_").lower() for name in words["CapabilityBoundingSet"]],
            sorted(call_names(service["SystemCallFilter"])),
            words["RestrictAddressFamilies"],
            words["RestrictNamespaces"],
        )


@dataclass(frozen=True)
class Confined:
    """A place in which every command is held to `limits`."""

    place: Place
    limits: Limits

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in here."""
        return self.place.inside(sys.executable, "-m", "kit.confined", json.dumps(vars(self.limits)), *command)


def rules(limits: Limits) -> tuple[Rule, ...]:
    """What is allowed. Calls that our table does not have are of other architectures."""
    rest = sum(flag for name, flag in NAMESPACES.items() if name not in limits.namespaces)
    found = [Rule(name) for name in limits.calls if name in CALLS and name not in ("socket", "unshare", "clone")]
    found += [Rule("socket", (Test(0, WORD, getattr(socket, name)),)) for name in limits.families]
    found += [Rule(name, (Test(0, rest, 0),)) for name in ("unshare", "clone")]
    return tuple(found)


def confine(limits: Limits) -> None:
    """Put it on this process, for good."""
    library = ctypes.CDLL(None, use_errno=True)
    kept = bits_of(*limits.capabilities)
    for number in range(len(CAPABILITIES)):
        if not kept >> number & 1:
            library.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    low, high = kept & WORD, kept >> 32
    header = struct.pack("=Ii", 0x20080522, 0)
    assert library.capset(header, struct.pack("=6I", low, low, 0, high, high, 0)) == 0
    assert library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    # Kernels before 6.3 do not know it; systemd does it there by a filter.
    library.prctl(PR_SET_MDWE, 1, 0, 0, 0)
    architecture = seccomp.here()
    there = tuple(
        rule for rule in rules(limits) if CALLS[rule.call][0 if os.uname().machine == "x86_64" else 1] is not None
    )
    seccomp.install(seccomp.pack(seccomp.assemble(there, architecture)))


if __name__ == "__main__":
    confine(Limits(**json.loads(sys.argv[1])))
    program = Path(sys.argv[2])
    os.execv(program, sys.argv[2:])
