"""What a process may do once it serves: data, a table beside each cell, entered by `anchorhold.sandbox.enter`."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Test:
    """One argument of a system call: allowed where `argument & mask == value`. `place` counts from 0; 64 bits, unsigned."""

    place: int
    mask: int
    value: int


def exactly(place: int, value: int) -> Test:
    """The argument, an int of C, is `value`: 0 to 2³² - 1, as negative numbers of C are."""
    return Test(place, 0xFFFF_FFFF, value)


@dataclass(frozen=True, slots=True)
class Rule:
    """A system call by its Linux name, and what its arguments have to be: all `tests` together. Several rules of one name are
    alternatives."""

    call: str
    tests: tuple[Test, ...] = ()


class Enforcement(Enum):
    """What becomes of a cell that cannot be shut in as its profile wants."""

    REQUIRED = "required"
    """It does not start without a filter of system calls. What else this kernel or this user cannot have is told."""
    BEST_EFFORT = "best-effort"
    """It serves with what there is, and that is told."""


class Network(Enum):
    """Which network a process is in."""

    NONE = "none"
    """One of its own, without a link; sockets that it was handed keep theirs."""
    OUTSIDE = "outside"
    """That of the machine."""


@dataclass(frozen=True, slots=True)
class SandboxProfile:
    """What a process may keep."""

    name: str
    user: str = ""
    """Whom it becomes if it is root; empty: who stands for cells of this name (`configured_user`)."""
    calls: tuple[Rule, ...] = ()
    """The system calls it may make in service, the most frequent first; any other ends the process. Empty: no filter, for what
    is short-lived and was not measured."""
    network: Network = Network.OUTSIDE
    connect: tuple[int, ...] | None = None
    """TCP ports it may connect to, where the kernel's Landlock knows ports; None: any."""
    folder: bool = False
    """Whether it may read and write the one folder that it was handed; of all other files it may open none."""
    descriptors: int = 0
    """RLIMIT_NOFILE; 0: as many as the service may have."""
    memory: int = 0
    """Octets of data it may have (RLIMIT_DATA); 0: no ceiling."""
    threads: bool = False
    """Whether it may start threads after it was sealed."""
    apart: bool = True
    """Whether it leaves the machine's files and namespaces, and Landlock holds it there. False for what executes programs or asks
    the system for names: it needs what its user has."""


def calls(*names: str) -> tuple[Rule, ...]:
    """Rules without tests."""
    return tuple(Rule(name) for name in names)
