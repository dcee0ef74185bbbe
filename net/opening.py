"""Sockets that do not wait and that no program inherits, with one call where the system can (Linux), and with two elsewhere."""

import socket
from typing import Final

AT_ONCE: Final[int] = getattr(socket, "SOCK_NONBLOCK", 0)
"""In the type of a socket: calls on it do not wait. 0: the system does not take it there."""

_FLAGS: Final[int] = AT_ONCE | getattr(socket, "SOCK_CLOEXEC", 0)


def open_socket(family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A new one. Raises OSError."""
    opened = socket.socket(family, kind | _FLAGS, protocol)
    if not AT_ONCE:
        opened.setblocking(False)
    return opened
