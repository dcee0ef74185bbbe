"""Frames of a packet socket, read without asking who sent them.

Python makes a tuple of every sender's address, and for that of a packet socket it asks the kernel for the interface's name
(ioctl(2), SIOCGIFNAME). The cell's filter of system calls has no ioctl: the first ARP reply on the link would end it. So
recvmsg(2) is called here without room for an address.
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


_recvmsg = ctypes.CDLL(None, use_errno=True).recvmsg
_recvmsg.argtypes = (ctypes.c_int, ctypes.POINTER(_Header), ctypes.c_int)
_recvmsg.restype = ctypes.c_ssize_t


def receive_frames(endpoint: socket.socket, size: int) -> Iterator[bytes]:
    """What waits at a packet socket, as much as is read at once; what is longer than `size` octets is cut off."""
    buffer = ctypes.create_string_buffer(size)
    piece = _Piece(ctypes.addressof(buffer), size)
    header = _Header(pieces=ctypes.pointer(piece), count=1)

    def read(descriptor: int) -> bytes:
        length = _recvmsg(descriptor, header, NOW)
        if length < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return buffer.raw[:length]

    return drain(read, endpoint.fileno())
