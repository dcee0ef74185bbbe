"""Listening sockets that a service manager opened for us (sd_listen_fds(3)): matched to what the configuration wants.

They outlive us: what clients ask while the service is started anew waits in them. Which socket is for what is told by its
address and kind, not by its name: a unit has one name for all of its sockets. Nothing is ever read here.
"""

import ipaddress
import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

from anchorhold.facts import log

NAME = "supervisor"
FIRST = 3
"""The first descriptor that is handed over (SD_LISTEN_FDS_START)."""
MOST = 256

FAMILIES = (socket.AF_INET, socket.AF_INET6)
KINDS: dict[int, str] = {socket.SOCK_DGRAM: "UDP", socket.SOCK_STREAM: "TCP"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a socket is bound. `scope` is the number of an interface, for IPv6 addresses of one link; otherwise 0."""

    kind: int
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    scope: int = 0

    def text(self) -> str:
        """127.0.0.1:53 (UDP)."""
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port} ({KINDS.get(self.kind, '?')})"


def place_of(kind: int, bound: tuple[object, ...]) -> Place:
    """The place that `bound` means, as `getsockname` and `getaddrinfo` write it."""
    host, port, *rest = bound
    address = ipaddress.ip_address(str(host).partition("%")[0])
    scope = rest[1] if len(rest) > 1 else 0
    return Place(kind, address, int(str(port)), int(str(scope)))


class Handover:
    """The sockets, which stay open here for as long as the service runs: an address that a configuration lets go of may come
    back with the next. What cannot be used is logged."""

    def __init__(self) -> None:
        self._sockets: dict[Place, socket.socket] = {}
        self._used: set[Place] = set()

    def add(self, descriptor: int, name: str) -> None:
        """Take over one descriptor; what can be no listener is closed, and remarked on."""
        os.set_inheritable(descriptor, False)
        try:
            handed = socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)
            log(NAME, f"descriptor {descriptor} ({name}) of the service manager is no socket; it is not used")
            return
        handed.setblocking(False)
        place = None if (why := _unfit(handed)) else place_of(handed.type, handed.getsockname())
        if place in self._sockets:
            why = "it has that place twice"
        if why or place is None:
            handed.close()
            log(NAME, f"socket {descriptor} ({name}) of the service manager is not used: {why}")
            return
        self._sockets[place] = handed

    def take(self, kind: int, wanted: tuple[object, ...]) -> socket.socket | None:
        """A copy of the socket that is bound to `wanted` (as `getaddrinfo` has it); None: the caller opens one."""
        if not self._sockets:
            return None
        place = place_of(kind, wanted)
        handed = self._sockets.get(place)
        if handed is None:
            log(NAME, f"{place.text()} is not among the service manager's sockets; it is opened by ourselves")
            return None
        self._used.add(place)
        return handed.dup()

    def has(self, opened: socket.socket) -> bool:
        """Whether `opened` is a copy of one of them."""
        return place_of(opened.type, opened.getsockname()) in self._sockets

    def say(self) -> None:
        """Log, once all that is wanted is open, how many of them are used and which nobody wants."""
        if self._sockets:
            log(NAME, f"{len(self._used)} of the service manager's {len(self._sockets)} sockets are used")
        for place in self._sockets:
            if place not in self._used:
                log(NAME, f"the service manager has a socket at {place.text()}, {_UNWANTED}")

    def close(self) -> None:
        """The service ends; the service manager has its own copies."""
        for handed in self._sockets.values():
            handed.close()


_UNWANTED = (
    "where the configuration does not listen: who asks there gets no answer. Name the address in [listen] or [secure], "
    "or take it out of the socket unit"
)


def _unfit(handed: socket.socket) -> str:
    if handed.family not in FAMILIES or handed.type not in KINDS:
        return "it is neither UDP nor TCP"
    if handed.type == socket.SOCK_STREAM and not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "it does not listen; a socket unit needs Accept=no"
    anywhere = ipaddress.ip_address(handed.getsockname()[0].partition("%")[0]).is_unspecified
    if handed.family == socket.AF_INET6 and anywhere and not handed.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return "it hears IPv4 too; a socket unit needs BindIPv6Only=ipv6-only"
    return ""


def take_handed(environment: MutableMapping[str, str]) -> Handover:
    """What we were started with, by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which are taken out: they are for us alone."""
    found = Handover()
    pid, count, names = (environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if not pid and not count:
        return found
    if pid != str(os.getpid()):
        log(
            NAME,
            f"LISTEN_PID is {pid!r} and this is process {os.getpid()}: its sockets are for another one. Let the service "
            "manager start anchorhold itself, or `exec` it",
        )
    elif not count.isdecimal() or not 0 < int(count) <= MOST:
        log(NAME, f"LISTEN_FDS is {count!r}, no number from 1 to {MOST}; no socket of it is used")
    else:
        called = names.split(":")
        for number in range(int(count)):
            found.add(FIRST + number, called[number] if number < len(called) else "unknown")
    return found
