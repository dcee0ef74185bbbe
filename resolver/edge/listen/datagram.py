"""UDP: a drain loop over a non-blocking socket. A hit costs one look-up of the client, one of the packet, one send."""

import socket
import struct
from typing import Protocol

from net import sockets
from net.messages import Address
from resolver.admission import Admission, Client
from resolver.cache.packets import ROADS
from resolver.edge.flights import Road
from resolver.edge.serve import Desk
from resolver.pressure import Pressure
from wire.units import Instant

BATCH = 64
"""Packets taken in one wake-up, so that TCP and the resolver are not kept waiting."""

MAX_PACKET = 4_096
"""Octets of a query we read; longer ones are cut off and then malformed."""

IP_PKTINFO = 8
"""Linux's number; the socket module of Python 3.11 lacks the name."""

TIMESTAMP = 35
"""SO_TIMESTAMPNS and SCM_TIMESTAMPNS, as most architectures number them (asm-generic/socket.h): the socket has it set where the
system knows it, and then tells when each packet came."""

ANCILLARY = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(16)
"""Room for the address that was asked, and for the time."""

_PKTINFO4 = struct.Struct("=I4s4s")
_PKTINFO6 = struct.Struct("=16sI")
_TIMESPEC = struct.Struct("@ll")


class Way(Road, Protocol):
    """A road over UDP."""

    @property
    def port(self) -> int:
        """The sender's."""


class DatagramRoad:
    """The way back to one sender; with `source`, from the address it asked."""

    __slots__ = ("_address", "_listener", "_source")
    stream = False
    encrypted = False

    def __init__(self, listener: "DatagramListener", address: Address, source: list[tuple[int, int, bytes]]) -> None:
        self._listener = listener
        self._address = address
        self._source = source

    @property
    def port(self) -> int:
        """The sender's."""
        return self._address[1]

    def send(self, response: bytes) -> None:
        """Send now or drop: a client that gets no answer asks again."""
        self._listener.send(response, self._address, self._source)


class DatagramListener:
    """One bound UDP socket, non-blocking. `wildcard`: it is bound to every address, so each packet tells which one was asked."""

    def __init__(self, endpoint: socket.socket, wildcard: bool, desk: Desk, admission: Admission) -> None:
        self.socket = endpoint
        self.closed = False
        self.wildcard = wildcard
        self._desk = desk
        self.admission = admission
        self.pressure = Pressure()
        self._stirred = False
        """Something that was no hit came with this wake-up."""

    def ready(self, _events: int, now: Instant) -> bool:
        """Take what has arrived, up to BATCH packets. Whether all of it was answered at once and is over."""
        self._stirred = False
        if self.closed:
            return False
        if self.wildcard:
            self._drain_wildcard(now)
        else:
            self._drain(now)
        return not self._stirred

    def close(self) -> None:
        """Take and answer nothing any more."""
        if not self.closed:
            self.closed = True
            sockets.close(self.socket)

    def _drain(self, now: Instant) -> None:
        """The hot loop: everything it needs is a local variable."""
        receive, send = self.socket.recvfrom, self.socket.sendto
        desk, admission, pressure = self._desk, self.admission, self.pressure
        clients, shelves, hits, on = admission.clients, desk.cache.rendered, 0, True
        try:
            for place in range(BATCH):
                if place:
                    data, address = receive(MAX_PACKET)
                else:
                    data, ancillary, _, address = self.socket.recvmsg(MAX_PACKET, ANCILLARY)
                    pressure.waited(waited_for(ancillary, desk.date()), now)
                    on = pressure.on
                client = clients.get(address[0]) or admission.client(address[0], now)
                if on and not pressure.admits(client.household, now):
                    desk.counters["dropped-pressure"] += 1
                    continue
                bucket = client.bucket
                if bucket is not None:
                    bucket.tokens -= 1.0
                    if bucket.tokens < 0.0 and self.is_over(data, client, DatagramRoad(self, address, []), now):
                        continue
                elif not client.allowed:
                    desk.counters["dropped-access"] += 1
                    continue
                entry = shelves[ROADS * client.group].get(data[2:])
                if entry is not None and entry.until > now and address[1]:
                    entry.used = True
                elif entry is None or not address[1] or not desk.cache.renew(entry, now):
                    self.other(data, client, DatagramRoad(self, address, []), now)
                    continue
                hits += 1
                try:
                    send(data[:2] + entry.body, address)
                except OSError as error:
                    desk.counters[f"udp-send-{error.errno}"] += 1
        except BlockingIOError:
            pass
        except OSError as error:
            desk.counters[f"udp-{error.errno}"] += 1
        desk.counters["hits"] += hits

    def _drain_wildcard(self, now: Instant) -> None:
        desk, admission, pressure = self._desk, self.admission, self.pressure
        try:
            for place in range(BATCH):
                data, ancillary, _, address = self.socket.recvmsg(MAX_PACKET, ANCILLARY)
                if not place:
                    pressure.waited(waited_for(ancillary, desk.date()), now)
                client = admission.client(address[0], now)
                if pressure.on and not pressure.admits(client.household, now):
                    desk.counters["dropped-pressure"] += 1
                    continue
                if not client.allowed:
                    desk.counters["dropped-access"] += 1
                    continue
                source = source_of(ancillary)
                road = DatagramRoad(self, address, source)
                if client.bucket is not None:
                    client.bucket.tokens -= 1.0
                    if client.bucket.tokens < 0.0 and self.is_over(data, client, road, now):
                        continue
                response = desk.quick(data, client, road, now) if address[1] else None
                if response is None:
                    self.other(data, client, road, now)
                else:
                    self.send(response, address, source)
        except BlockingIOError:
            pass
        except OSError as error:
            desk.counters[f"udp-{error.errno}"] += 1

    def other(self, data: bytes, client: Client, road: Way, now: Instant) -> None:
        """A packet of an admitted client that is no hit."""
        self._stirred = True
        if not road.port:
            # A response to port 0 goes nowhere; such packets are reflections or noise.
            self._desk.counters["dropped-port-0"] += 1
            return
        self._desk.receive(data, client, road, now)

    def is_over(self, data: bytes, client: Client, road: Way, now: Instant) -> bool:
        """The bucket ran dry: refill it; if it stays dry, drop, or ask the client to use TCP every second time."""
        bucket = client.bucket
        if bucket is None or bucket.refill(self.admission.rate, self.admission.burst, now):
            return False
        self._desk.counters["dropped-rate"] += 1
        client.slipped = not client.slipped
        if client.slipped and road.port:
            self._desk.slip(data, road)
        return True

    def send(self, response: bytes, address: Address, source: list[tuple[int, int, bytes]]) -> None:
        """Send now; what the kernel does not take is counted and dropped."""
        if self.closed:
            # A question of before a reload.
            self._desk.counters["udp-closed"] += 1
            return
        try:
            if source:
                self.socket.sendmsg([response], source, 0, address)
            else:
                self.socket.sendto(response, address)
        except OSError as error:
            self._desk.counters[f"udp-send-{error.errno}"] += 1


def waited_for(ancillary: list[tuple[int, int, bytes]], date: float) -> float:
    """Seconds from when the packet came until `date`; 0 if the socket does not tell."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == TIMESTAMP and len(content) >= _TIMESPEC.size:
            seconds: int
            nanoseconds: int
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            return date - seconds - nanoseconds / 1e9
    return 0.0


def source_of(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """The control message that makes the reply leave from the address that was asked."""
    for level, kind, content in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(content) >= _PKTINFO4.size:
            _, _, asked = _PKTINFO4.unpack_from(content)
            return [(level, kind, _PKTINFO4.pack(0, asked, bytes(4)))]
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO and len(content) >= _PKTINFO6.size:
            return [(level, kind, content[: _PKTINFO6.size])]
    return []
