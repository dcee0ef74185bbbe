"""What `batch.pyx` does, without a compiler: the same two system calls, by way of ctypes, and the loop over packets in Python.

For Linux. The kernel is told of memory that is made here, once, and stays: where it lies and how long each piece is stands in
the headers of a `Room`, which no packet reaches; what packets say is looked at through views, whose bounds Python checks.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from net.messages import Message, pack, unpack
from resolver.admission import Admission, Client
from resolver.cache.packets import ROADS
from resolver.edge.listen.datagram import BATCH, MAX_PACKET, Way, source_of, waited_for
from resolver.edge.serve import Desk
from resolver.pressure import Pressure
from wire.units import Instant

if TYPE_CHECKING:
    from resolver.edge.listen.batched import BatchedListener

FEW, OTHER, LOOKED, MANY = 16, 4, 1_024, 2
"""As in batch.pyx."""
STRIDE = MAX_PACKET + 192
"""Octets from one packet's room to the next; as in batch.pyx."""
NAME = 28
"""Octets of a sockaddr_in6 (ip6(7)); a sockaddr_in is shorter."""
CONTROL = 128
LARGEST = 65_536
"""Octets of one message that is sent by itself, at most."""

_FOUR = struct.pack("@H", socket.AF_INET)
"""How a sockaddr_in begins."""


class _Vector(ctypes.Structure):
    """An iovec (readv(2))."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """A msghdr (recvmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """A mmsghdr (recvmmsg(2))."""

    _fields_ = (("message", _Message), ("length", ctypes.c_uint))


_library = ctypes.CDLL(None, use_errno=True)
_recvmmsg, _sendmmsg = _library.recvmmsg, _library.sendmmsg
_recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
_sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

_SIZE, _VECTOR = ctypes.sizeof(_Header), ctypes.sizeof(_Vector)
_INT, _LONG = ctypes.sizeof(ctypes.c_uint), ctypes.sizeof(ctypes.c_ulong)
# Places of fields, counted in numbers of their own size from the start of the headers, and from one header to the next.
_INTS, _LONGS = _SIZE // _INT, _SIZE // _LONG
_LENGTH_AT = _Header.length.offset // _INT
_NAME_LENGTH_AT = _Message.name_length.offset // _INT
_CONTROL_LENGTH_AT = _Message.control_length.offset // _LONG
_FLAGS_AT = _Message.flags.offset // _INT


class Room:
    """Memory for `count` messages of `stride` octets, and the headers that tell the kernel of it."""

    def __init__(self, count: int, stride: int, control: int) -> None:
        self._packets = (ctypes.c_char * (count * stride))()
        self._names = (ctypes.c_char * (count * NAME))()
        self._controls = (ctypes.c_char * (count * control))()
        self._vectors = (_Vector * count)()
        self._headers = (_Header * count)()
        for i in range(count):
            vector, message = self._vectors[i], self._headers[i].message
            vector.base, vector.length = ctypes.addressof(self._packets) + i * stride, stride
            message.name, message.name_length = ctypes.addressof(self._names) + i * NAME, NAME
            message.vectors, message.vector_count = ctypes.addressof(vector), 1
            message.control, message.control_length = ctypes.addressof(self._controls) + i * control, control
        self.address = ctypes.addressof(self._headers)
        self.packets, self.names = _octets(self._packets), _octets(self._names)
        self.controls, self.headers = _octets(self._controls), _octets(self._headers)
        self.ints, self.longs = self.headers.cast("I"), self.headers.cast("L")
        self.vectors = _octets(self._vectors)
        self.sizes = self.vectors.cast("L")
        """Each second one is the length of a message."""


def _octets(memory: ctypes.Array[ctypes.c_char] | ctypes.Array[_Vector] | ctypes.Array[_Header]) -> memoryview:
    return memoryview(memory).cast("B")


class Batch:
    """The room for one batch, made once for all sockets: it holds nothing between two calls."""

    def __init__(self) -> None:
        self._room = room = Room(BATCH, STRIDE, CONTROL)
        for i in range(BATCH):
            room.sizes[2 * i + 1] = MAX_PACKET
        self._vectors, self._with_control = bytes(room.vectors), bytes(room.headers)
        for i in range(BATCH):
            room.longs[i * _LONGS + _CONTROL_LENGTH_AT] = 0
        self._without = bytes(room.headers)
        self._written = BATCH
        """In so many headers somebody may have written since they were put right."""
        self._had_control = False
        names = room.names
        self._four = [names[at + 4 : at + 8] for at in range(0, BATCH * NAME, NAME)]
        self._six = [names[at + 8 : at + 24] for at in range(0, BATCH * NAME, NAME)]
        """The address in each sockaddr."""
        self._descriptor, self._wildcard = -1, False
        self._dropped = self._spent = 0

    def drain(
        self,
        descriptor: int,
        wildcard: bool,
        listener: "BatchedListener",
        desk: Desk,
        admission: Admission,
        now: Instant,
    ) -> None:
        """As that of batch.pyx."""
        self._descriptor, self._wildcard = descriptor, wildcard
        self._dropped = self._spent = looked = 0
        pressure, most = listener.pressure, BATCH
        # Who is dropped costs little, and who asks little comes behind them.
        while self._spent < BATCH and looked < LOOKED:
            count = self._receive(most, wildcard, desk, timed=not looked)
            if count > 0:
                if not looked:
                    pressure.waited(self._waited(desk), now)
                self._answer_all(count, listener, desk, admission, pressure if pressure.on else None, now)
            if count < MANY:
                break
            looked += count
            most = FEW if pressure.on and not pressure.sole else min(most, BATCH - self._spent)
        if self._dropped:
            desk.counters["dropped-pressure"] += self._dropped

    def _receive(self, most: int, wildcard: bool, desk: Desk, *, timed: bool) -> int:
        """How many came, -1 for none. `timed`: the first with the time when it came."""
        room, written = self._room, BATCH if wildcard != self._had_control else self._written
        # What the kernel and the answers have written there is put right in one go.
        end = written * _SIZE
        room.headers[:end] = (self._with_control if wildcard else self._without)[:end]
        end = written * _VECTOR
        room.vectors[:end] = self._vectors[:end]
        if timed:
            room.longs[_CONTROL_LENGTH_AT] = CONTROL
        count: int = _recvmmsg(self._descriptor, room.address, most, socket.MSG_DONTWAIT, None)
        if count < 0 and (error := ctypes.get_errno()) != errno.EAGAIN:
            desk.counters[f"udp-{error}"] += 1
        self._written, self._had_control = max(count, 1), wildcard
        return count

    def _waited(self, desk: Desk) -> float:
        """Seconds that the first packet waited in the socket; 0 if that does not tell. Of its control messages only those stay
        that `_turn_round` needs."""
        room = self._room
        seconds = waited_for(unpack(room.controls[: room.longs[_CONTROL_LENGTH_AT]]), desk.date())
        if not self._wildcard:
            room.longs[_CONTROL_LENGTH_AT] = 0
        return seconds

    def _answer_all(
        self,
        count: int,
        listener: "BatchedListener",
        desk: Desk,
        admission: Admission,
        pressure: Pressure | None,
        now: Instant,
    ) -> None:
        """Answer the hits among the first `count` packets of the room, and hand on the rest: the hot loop. `pressure`: None if it
        is off."""
        room, wildcard = self._room, self._wildcard
        packets, names, ints, sizes = room.packets, room.names, room.ints, room.sizes
        cache, known, shelves = desk.cache, admission.by_octets, desk.cache.rendered
        addresses = self._four if names[:2] == _FOUR else self._six
        hits: list[int] = []
        later: list[tuple[bytes, Client, int]] = []
        for i in range(count):
            start = STRIDE * i
            end = start + ints[_INTS * i + _LENGTH_AT]
            octets = bytes(addresses[i])
            client = known.get(octets) or admission.client_at(octets, now)
            if pressure is not None and not pressure.admits(client.household, now):
                self._dropped += 1
                continue
            if wildcard:
                self._turn_round(i)
            bucket = client.bucket
            if bucket is not None:
                bucket.tokens -= 1.0
                if bucket.tokens < 0.0:
                    # It may answer, and what came before goes before.
                    self._settle(hits, later, listener, desk, now)
                    if listener.is_over(bytes(packets[start:end]), client, self._road(listener, i), now):
                        self._spent += OTHER
                        continue
            elif not client.allowed:
                desk.counters["dropped-access"] += 1
                continue
            entry = shelves[ROADS * client.group].get(bytes(packets[start + 2 : end]))
            if entry is not None and (names[NAME * i + 2] or names[NAME * i + 3]):
                if entry.until > now:
                    entry.used = True
                elif not cache.renew(entry, now):
                    entry = None
            else:
                entry = None
            if entry is not None:
                body = entry.body
                length = 2 + len(body)
                if length <= MAX_PACKET:
                    # In place: the id stands before it already.
                    packets[start + 2 : start + length] = body
                    sizes[2 * i + 1] = length
                    hits.append(i)
                else:
                    self._send_apart(bytes(packets[start : start + 2]) + body, i, listener, desk)
                continue
            later.append((bytes(packets[start:end]), client, i))
        self._settle(hits, later, listener, desk, now)

    def _settle(
        self,
        hits: list[int],
        later: list[tuple[bytes, Client, int]],
        listener: "BatchedListener",
        desk: Desk,
        now: Instant,
    ) -> None:
        """Send the answers that are made, then see to what is no hit."""
        if hits:
            self._spent += len(hits)
            desk.counters["hits"] += len(hits)
            self._send(hits, desk)
            hits.clear()
        self._spent += OTHER * len(later)
        for data, client, i in later:
            listener.other(data, client, self._road(listener, i), now)
        later.clear()

    def _send(self, hits: Sequence[int], desk: Desk) -> None:
        """The answers of these places, as many in one call as stand beside each other. What the kernel does not take is counted
        and dropped, and the others go."""
        at, count = 0, len(hits)
        while at < count:
            place = hits[at]
            run = count - at
            if hits[-1] - place != run - 1:
                run = 1
                while at + run < count and hits[at + run] == place + run:
                    run += 1
            sent = _sendmmsg(self._descriptor, self._room.address + place * _SIZE, run, socket.MSG_DONTWAIT)
            if sent < 0:
                desk.counters[f"udp-send-{ctypes.get_errno()}"] += 1
                sent = 1
            at += sent

    def _send_apart(self, response: bytes, i: int, listener: "BatchedListener", desk: Desk) -> None:
        """One that has no room in that of its packet."""
        self._spent += 1
        desk.counters["hits"] += 1
        self._road(listener, i).send(response)

    def _turn_round(self, i: int) -> None:
        """Make of the control messages that came the one that makes the reply leave from the address that was asked; or none."""
        controls, longs = self._room.controls, self._room.longs
        at, place = i * CONTROL, i * _LONGS + _CONTROL_LENGTH_AT
        source = b"".join(pack(*one) for one in source_of(unpack(controls[at : at + longs[place]])))
        controls[at : at + len(source)] = source
        longs[place] = len(source)

    def _road(self, listener: "BatchedListener", i: int) -> Way:
        room = self._room
        name, control = i * NAME, i * CONTROL
        return listener.road(
            bytes(room.names[name : name + room.ints[i * _INTS + _NAME_LENGTH_AT]]),
            bytes(room.controls[control : control + room.longs[i * _LONGS + _CONTROL_LENGTH_AT]]),
        )


_room = Room(1, LARGEST, CONTROL)


def send(descriptor: int, data: bytes, name: bytes = b"", control: bytes = b"") -> int:
    """As that of batch.pyx, of at most LARGEST octets. Raises OSError."""
    if len(data) > LARGEST or len(name) > NAME or len(control) > CONTROL:
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    _room.packets[: len(data)], _room.names[: len(name)], _room.controls[: len(control)] = data, name, control
    _room.sizes[1] = len(data)
    _room.ints[_NAME_LENGTH_AT], _room.longs[_CONTROL_LENGTH_AT] = len(name), len(control)
    _check(_sendmmsg(descriptor, _room.address, 1, socket.MSG_DONTWAIT))
    return _room.ints[_LENGTH_AT]


_rooms: dict[tuple[int, int], Room] = {}
"""By octets of a message and of what is beside it: few, for who receives says the same each time."""


def receive(descriptor: int, size: int, ancillary: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, bytes]:
    """As that of batch.pyx. Raises OSError."""
    room = _rooms.get((size, ancillary))
    if room is None:
        room = _rooms[size, ancillary] = Room(1, size, ancillary)
    room.ints[_NAME_LENGTH_AT], room.longs[_CONTROL_LENGTH_AT] = NAME, ancillary
    _check(_recvmmsg(descriptor, room.address, 1, socket.MSG_DONTWAIT, None))
    beside = unpack(room.controls[: room.longs[_CONTROL_LENGTH_AT]])
    name = bytes(room.names[: min(room.ints[_NAME_LENGTH_AT], NAME)])
    return bytes(room.packets[: room.ints[_LENGTH_AT]]), beside, room.ints[_FLAGS_AT], name


_many: dict[tuple[int, int], tuple[Room, bytes]] = {}
"""Room for BATCH of them, and its headers as they were made; by octets, as above."""


def receive_all(descriptor: int, most: int, size: int, ancillary: int) -> list[Message]:
    """As that of batch.pyx. Raises OSError."""
    if most > BATCH or size > MAX_PACKET or ancillary > CONTROL:
        raise ValueError("more than there is room for")
    if (size, ancillary) not in _many:
        made = Room(BATCH, size, ancillary)
        _many[size, ancillary] = made, bytes(made.headers)
    room, headers = _many[size, ancillary]
    end = most * _SIZE
    room.headers[:end] = headers[:end]
    count: int = _recvmmsg(descriptor, room.address, most, socket.MSG_DONTWAIT, None)
    _check(count)
    return [
        (
            bytes(room.packets[i * size : i * size + room.ints[i * _INTS + _LENGTH_AT]]),
            bytes(room.names[i * NAME : i * NAME + min(room.ints[i * _INTS + _NAME_LENGTH_AT], NAME)]),
            bytes(room.controls[i * ancillary : i * ancillary + room.longs[i * _LONGS + _CONTROL_LENGTH_AT]]),
        )
        for i in range(count)
    ]


def send_all(descriptor: int, messages: Sequence[Message]) -> int:
    """As that of batch.pyx, but each by a call of its own: it would have to be copied beside the others."""
    went = 0
    for data, name, control in messages:
        with suppress(OSError):
            send(descriptor, data, name, control)
            went += 1
    return went


def _check(result: int) -> None:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
