"""UDP sockets for one question at a time: connected, from a source port that nobody can guess (RFC 5452 §9.2).

To make one costs a good part of what a question does, so one whose question was answered as it should be may serve again: a few
times, within a second, for the same far end (docs/decisions/0035-what-a-miss-costs.md).
"""

import asyncio
import errno
import socket
from collections.abc import Callable

from net.addresses import endpoint_of, family_of
from net.opening import open_socket
from net.readiness import READ, readiness

FIRST_PORT, PORTS = 1024, 65536 - 1024
"""All ports but the privileged ones; the kernel's own choice comes from 28,232 (14.8 bits)."""

TRIES = 8
"""Ports to try before the kernel may choose."""

_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5
"""Linux: ignore path MTU news, so nobody can make our fragments small (include/uapi/linux/in.h)."""


USES, LIFE = 16, 1.0
"""Questions that one socket serves at most, one after the other, and for how many seconds since it was made."""

MOST_IDLE = 128
"""Sockets of one far end that are kept for the next question."""


class Datagram:
    """One socket, which the loop watches. `happened` is called when there is something to read; None: nobody asks by it, and
    whatever comes is a reason to close it."""

    __slots__ = ("_fileno", "_readiness", "chosen", "endpoint", "former", "happened", "made", "receive", "send", "uses")

    def __init__(self, address: str, port: int, entropy: Callable[[int], bytes]) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        self.endpoint, self.chosen = open_datagram(address, port, entropy)
        self.send, self.receive = self.endpoint.send, self.endpoint.recv
        self.happened: Callable[[], None] | None = None
        self.made, self.uses = loop.time(), 0
        self.former = b""
        """How the answer before began, its question with it."""
        self._fileno = self.endpoint.fileno()
        self._readiness = readiness(loop)
        try:
            self._readiness.watch(self._fileno, READ, self._look)
        except OSError:
            self.endpoint.close()
            raise

    def _look(self, _events: int) -> None:
        if self.happened is None:
            self.close()
        else:
            self.happened()

    def repeats(self, packet: bytes) -> bool:
        """Whether it is the answer before that comes once more, as networks do it."""
        return bool(self.former) and packet.startswith(self.former)

    @property
    def closed(self) -> bool:
        """Whether it is of no more use."""
        return self._fileno < 0

    def close(self) -> None:
        """Let go of it; once is enough."""
        if self._fileno >= 0:
            self._readiness.forget(self._fileno)
            self._fileno = -1
            self.endpoint.close()


class Datagrams:
    """The sockets to one far end, of the running loop: to ask which one that is takes a system call (CPython 3.11)."""

    def __init__(self, address: str, port: int, entropy: Callable[[int], bytes]) -> None:
        self._far = address, port
        self._entropy = entropy
        self._loop = asyncio.get_running_loop()
        self._idle: list[Datagram] = []
        self._closed = self._armed = False

    def take(self) -> Datagram:
        """One that nobody uses. Raises OSError."""
        idle, now = self._idle, self._loop.time()
        while idle:
            at = int.from_bytes(self._entropy(2), "big") % len(idle)
            idle[at], idle[-1] = idle[-1], idle[at]
            found = idle.pop()
            if not found.closed and now - found.made < LIFE:
                found.uses += 1
                return found
            found.close()
        made = Datagram(*self._far, self._entropy)
        made.uses = 1
        return made

    def give_back(self, used: Datagram) -> None:
        """Its one packet was answered by one, and that was a good one."""
        used.happened = None
        if self._closed or used.uses >= USES or len(self._idle) >= MOST_IDLE or self._loop.time() - used.made >= LIFE:
            used.close()
            return
        self._idle.append(used)
        if not self._armed:
            self._armed = True
            readiness(self._loop).after(LIFE, self._sweep)

    def close(self) -> None:
        """Close those that nobody uses, and the others when they are given back."""
        self._closed = True
        self._sweep()

    def _sweep(self) -> None:
        """Nothing is open for long that nobody needs."""
        self._armed = False
        now = self._loop.time()
        idle, self._idle = self._idle, []
        for one in idle:
            if self._closed or one.closed or now - one.made >= LIFE:
                one.close()
            else:
                self._idle.append(one)
        if self._idle:
            self._armed = True
            readiness(self._loop).after(LIFE, self._sweep)


def open_datagram(address: str, port: int, entropy: Callable[[int], bytes]) -> tuple[socket.socket, bool]:
    """A non-blocking socket connected to a literal address, and whether the source port is of our own choosing, which is never
    that of the far end: a server of this machine that is gone would leave the socket talking to itself.

    Raises OSError.
    """
    family = family_of(address)
    opened = open_socket(family, socket.SOCK_DGRAM)
    try:
        omit_path_mtu(opened)
        chosen = _bind_randomly(opened, "::" if family == socket.AF_INET6 else "0.0.0.0", port, entropy)  # noqa: S104
        opened.connect(endpoint_of(address, port))
    except BaseException:
        opened.close()
        raise
    return opened, chosen


def omit_path_mtu(opened: socket.socket) -> bool:
    """Switch path MTU discovery to OMIT; False where the kernel lacks it."""
    try:
        if opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_OMIT)
        else:
            opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_OMIT)
    except OSError:
        return False
    return True


def _bind_randomly(opened: socket.socket, anywhere: str, far_port: int, entropy: Callable[[int], bytes]) -> bool:
    for _ in range(TRIES):
        # 32 random bits: a remainder of 64,512 is uneven by 1 in 66,000 only
        port = FIRST_PORT + int.from_bytes(entropy(4), "big") % PORTS
        if port == far_port:
            continue
        try:
            opened.bind((anywhere, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        return True
    opened.bind((anywhere, 0))
    return False
