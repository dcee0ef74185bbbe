"""Messages of sockets as octets: what they hold, the sockaddr they come from or go to (ip(7), ipv6(7)), and the control messages
beside them (cmsg(3)). So many of them come and go in one call, and what is the same for many is read once."""

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from net.sockets import NOW

Message = tuple[bytes, bytes, bytes]
"""Octets, sockaddr, control messages."""

Address = tuple[str, int] | tuple[str, int, int, int]
"""Of IP, as Python writes it."""

Beside = tuple[int, int, bytes]
"""A control message: level, type, content."""

_FAMILY = struct.Struct("@H")
_FOUR = struct.Struct("!2xH4s8x")
_SIX = struct.Struct("!2xHI16s4x")
_SCOPE = struct.Struct("@24xI")
_HEAD = struct.Struct("@Nii")
"""A cmsghdr: its length with what follows, level, type."""
_LONG = struct.calcsize("@L")
_START = socket.CMSG_LEN(0)


def name_of(host: str, port: int, flow: int = 0, scope: int = 0) -> bytes:
    """A sockaddr."""
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host)
        return _FAMILY.pack(socket.AF_INET6) + _SIX.pack(port, flow, packed)[2:24] + _SCOPE.pack(scope)[24:]
    return _FAMILY.pack(socket.AF_INET) + _FOUR.pack(port, socket.inet_pton(socket.AF_INET, host))[2:]


def address_in(name: bytes) -> Address | None:
    """Of a sockaddr; None if it is none of IP."""
    family = _FAMILY.unpack_from(name)[0] if len(name) >= _FAMILY.size else socket.AF_UNSPEC
    if family == socket.AF_INET and len(name) == _FOUR.size:
        port, packed = _FOUR.unpack(name)
        return socket.inet_ntop(socket.AF_INET, packed), port
    if family == socket.AF_INET6 and len(name) == _SIX.size:
        port, flow, packed = _SIX.unpack(name)
        return socket.inet_ntop(socket.AF_INET6, packed), port, flow, _SCOPE.unpack(name)[0]
    return None


def pack(level: int, kind: int, content: Any) -> bytes:
    """A control message, as the kernel takes it; nothing if it is empty."""
    octets = bytes(memoryview(content))
    if not octets:
        return b""
    head = _HEAD.pack(socket.CMSG_LEN(len(octets)), level, kind).ljust(_START, b"\0")
    return (head + octets).ljust(socket.CMSG_SPACE(len(octets)), b"\0")


def unpack(control: bytes | memoryview) -> list[Beside]:
    """Control messages, as the kernel gives them."""
    found, at = [], 0
    while at + _START <= len(control):
        length, level, kind = _HEAD.unpack_from(control, at)
        if length < _START:
            break
        found.append((level, kind, bytes(control[at + _START : at + length])))
        at += -(-length // _LONG) * _LONG
    return found


class Many(socket.socket):
    """A socket that does not wait, and takes and gives many messages in one call (`resolver/edge/listen/batched.py`)."""

    __slots__ = ()

    def receive_all(self, most: int, size: int, ancillary: int) -> list[Message]:
        """See `receive_all`."""
        raise NotImplementedError

    def send_all(self, messages: Sequence[Message]) -> int:
        """See `send_all`."""
        raise NotImplementedError


def receive_all(endpoint: socket.socket, most: int, size: int, ancillary: int) -> list[Message]:
    """What waits at a socket, at most `most` messages, each of at most `size` octets with at most `ancillary` octets of control
    messages. Raises OSError: BlockingIOError if nothing waits."""
    if isinstance(endpoint, Many):
        return endpoint.receive_all(most, size, ancillary)
    came: list[Message] = []
    while len(came) < most:
        try:
            data, beside, _, address = endpoint.recvmsg(size, ancillary, NOW)
        except OSError:
            if came:
                break
            raise
        came.append((data, name_of(*address) if address else b"", b"".join(pack(*one) for one in beside)))
    return came


def send_all(endpoint: socket.socket, messages: Sequence[Message]) -> int:
    """Send each to its place. How many went: what the kernel does not take is left out, and the others go."""
    if isinstance(endpoint, Many):
        return endpoint.send_all(messages)
    went = 0
    for data, name, control in messages:
        with suppress(OSError):
            endpoint.sendmsg((data,), unpack(control), NOW, address_in(name))
            went += 1
    return went
