"""UDP in batches: a hit costs its share of two system calls and, where the compiled modules are loaded, no object of Python's."""

import socket
from collections.abc import Iterable, Sequence
from typing import Any

from net.messages import Address, Many, Message, address_in, name_of, pack
from net.opening import AT_ONCE
from resolver.admission import Admission
from resolver.edge.listen.datagram import DatagramListener
from resolver.edge.serve import Desk
from wire.units import Instant

try:
    from resolver.edge.listen import batch
except ImportError:  # plain Python
    try:
        from resolver.edge.listen import plain_batch as batch  # type: ignore[no-redef]
    except (ImportError, AttributeError):  # no ctypes, or a C library without these calls
        batch = None  # type: ignore[assignment]

BATCHED = batch is not None
"""Whether UDP goes in batches, by recvmmsg(2) and sendmmsg(2)."""

if BATCHED:
    _room = batch.Batch()

_PORT = slice(2, 4)
"""Of a sockaddr_in and a sockaddr_in6 (ip(7), ipv6(7))."""


class BatchedRoad:
    """The way back to one sender: its sockaddr, and the control message that makes the reply leave from the address it asked."""

    __slots__ = ("_control", "_listener", "_name")
    stream = False
    encrypted = False

    def __init__(self, listener: "BatchedListener", name: bytes, control: bytes) -> None:
        self._listener = listener
        self._name = name
        self._control = control

    @property
    def port(self) -> int:
        """The sender's."""
        return int.from_bytes(self._name[_PORT], "big")

    def send(self, response: bytes) -> None:
        """Send now or drop: a client that gets no answer asks again."""
        self._listener.send_back(response, self._name, self._control)


class BatchedListener(DatagramListener):
    """The same socket, and the same answers and counters."""

    def ready(self, _events: int, now: Instant) -> bool:
        """Take what has arrived, up to BATCH packets. Whether all of it was answered at once and is over."""
        self._stirred = False
        if self.closed:
            return False
        _room.drain(self.socket.fileno(), self.wildcard, self, self._desk, self.admission, now)
        return not self._stirred

    def road(self, name: bytes, control: bytes) -> BatchedRoad:
        """The way back to there."""
        return BatchedRoad(self, name, control)

    def send_back(self, response: bytes, name: bytes, control: bytes) -> None:
        """Send now; what the kernel does not take is counted and dropped."""
        if self.closed:
            # A question of before a reload.
            self._desk.counters["udp-closed"] += 1
            return
        try:
            batch.send(self.socket.fileno(), response, name, control)
        except OSError as error:
            self._desk.counters[f"udp-send-{error.errno}"] += 1


class OneByOne(Many):
    """A socket whose messages come and go by the calls of batches, one at a time: where one cell makes those, nobody who hears
    strangers needs others."""

    __slots__ = ()

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, _flags: int = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, Address | None]:
        """As that of a socket that does not wait; of addresses those of IP, for others cost further calls. Raises OSError."""
        data, beside, flags, name = batch.receive(self.fileno(), bufsize, ancbufsize)
        return data, beside, flags, address_in(name)

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[tuple[int, int, Any]] = (),
        _flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        """As that of a socket that does not wait. `address` is one of IP, as Python writes it. Raises OSError."""
        control = b"".join(pack(*one) for one in ancdata)
        return batch.send(self.fileno(), b"".join(buffers), b"" if address is None else name_of(*address), control)

    def receive_all(self, most: int, size: int, ancillary: int) -> list[Message]:
        """In one call; not more of any of them than a batch has room for."""
        return batch.receive_all(self.fileno(), most, size, ancillary)

    def send_all(self, messages: Sequence[Message]) -> int:
        """As many as may be in one call."""
        return batch.send_all(self.fileno(), messages)


def open_datagrams(endpoint: socket.socket, wildcard: bool, desk: Desk, admission: Admission) -> DatagramListener:
    """The listener of a bound UDP socket, in batches where that may be."""
    return (BatchedListener if BATCHED else DatagramListener)(endpoint, wildcard, desk, admission)


RECEIVE, SEND = ("recvmmsg", "sendmmsg") if BATCHED else ("recvmsg", "sendmsg")
"""By which system calls messages come and go that have more than octets."""
SOCKET = OneByOne if BATCHED else socket.socket
"""What makes those."""


def one_by_one(endpoint: socket.socket) -> socket.socket:
    """The same socket, which must not wait, as `OneByOne` where there are batches; elsewhere as it is."""
    if not BATCHED:
        return endpoint
    return OneByOne(endpoint.family, endpoint.type | AT_ONCE, endpoint.proto, fileno=endpoint.detach())
