"""Frames of a packet socket, read without asking who sent them.

Python makes a tuple of every sender's address, and for that of a packet socket it asks the kernel for the interface's name
(ioctl(2), SIOCGIFNAME). The cell's filter of system calls has no ioctl: the first ARP reply on the link would end it. So
recvmmsg(2) is called here without room for an address, as for the other sockets of the cell; recvmsg(2) where the C library has
no other.
"""

import ctypes
import os
import socket
from collections.abc import Iterator

from dhcp.edge.drain import drain
from net.sockets import NOW


class _Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _One(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


_library = ctypes.CDLL(None, use_errno=True)
_recvmsg = _library.recvmsg
_recvmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_recvmsg.restype = ctypes.c_ssize_t
_recvmmsg = getattr(_library, "recvmmsg", None)
if _recvmmsg is not None:
    _recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)


def _receive(descriptor: int, one: _One) -> int:
    """Octets that came, -1 for an error."""
    if _recvmmsg is None:
        return int(_recvmsg(descriptor, ctypes.addressof(one.header), NOW))
    count: int = _recvmmsg(descriptor, ctypes.addressof(one), 1, NOW, None)
    return one.length if count > 0 else -1


def receive_frames(endpoint: socket.socket, size: int) -> Iterator[bytes]:
    """What waits at a packet socket, as much as is read at once; what is longer than `size` octets is cut off."""
    buffer = ctypes.create_string_buffer(size)
    piece = _Piece(ctypes.addressof(buffer), size)
    one = _One(_Header(pieces=ctypes.pointer(piece), count=1))

    def read(descriptor: int) -> bytes:
        length = _receive(descriptor, one)
        if length < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return buffer.raw[:length]

    return drain(read, endpoint.fileno())
