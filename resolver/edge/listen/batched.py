"""UDP in batches: a hit costs its share of two system calls and, where the compiled modules are loaded, no object of Python's."""

import socket
from collections.abc import Iterable
from typing import Any

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


class OneByOne(socket.socket):
    """A socket whose messages come and go by the calls of batches, one at a time: a process that has those needs no others."""

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, _flags: int = 0, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        """As that of a socket that does not wait. Raises OSError."""
        return *batch.receive(self.fileno(), bufsize, ancbufsize), None

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[tuple[int, int, Any]] = (),
        _flags: int = 0,
        _address: object = None,
        /,
    ) -> int:
        """As that of a connected socket that does not wait, without descriptors. Raises OSError."""
        if any(memoryview(content).nbytes for _, _, content in ancdata):
            raise ValueError("descriptors are not sent from here")
        data = b"".join(buffers)
        batch.send(self.fileno(), data)
        return len(data)


def open_datagrams(endpoint: socket.socket, wildcard: bool, desk: Desk, admission: Admission) -> DatagramListener:
    """The listener of a bound UDP socket, in batches where that may be."""
    return (BatchedListener if BATCHED else DatagramListener)(endpoint, wildcard, desk, admission)


def one_by_one(endpoint: socket.socket) -> socket.socket:
    """The same connected socket as `OneByOne` where there are batches; elsewhere as it is."""
    return OneByOne(fileno=endpoint.detach()) if BATCHED else endpoint
