"""Literal addresses; nothing here or below ever looks a name up."""

import errno
import ipaddress
import socket
from collections.abc import Callable
from functools import lru_cache

_interface: Callable[[str], int] = socket.if_nametoindex


@lru_cache(maxsize=256)
def family_of(address: str) -> socket.AddressFamily:
    """The family of a literal address. Raises OSError for anything else: a name would leave in clear text."""
    try:
        if ":" not in address:
            socket.inet_pton(socket.AF_INET, address)
            return socket.AF_INET
        version = ipaddress.ip_address(address).version
    except (OSError, ValueError):
        raise OSError(errno.EADDRNOTAVAIL, "not a literal address") from None
    return socket.AF_INET6 if version == 6 else socket.AF_INET


def endpoint_of(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What connect(2) takes for a literal address. The interface of one that has it (`fe80::1%eth0`, or its number; RFC 4007 §11)
    goes as a number: Python would ask getaddrinfo(3) for it, which opens sockets. Raises OSError if there is no such interface.
    """
    if "%" not in address:
        return address, port
    host, _, zone = address.partition("%")
    return host, port, 0, int(zone) if zone.isdecimal() else _interface(zone)


def refuse_itself(opened: socket.socket, address: str, port: int) -> None:
    """Raise ConnectionRefusedError if a connected socket is its own far end: a server of this machine that is gone frees its
    port, and the kernel may choose it for who asks there. Such a socket hears itself, and keeps the server from coming back."""
    here = opened.getsockname()
    if here[1] == port and ipaddress.ip_address(here[0]) == ipaddress.ip_address(address):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "the far end is gone")


def number_interfaces_by(interface: Callable[[str], int]) -> None:
    """From now on `interface` gives the number of an interface by its name, and raises OSError if there is none: for a process
    whose C library cannot ask for it."""
    global _interface  # there is one kernel
    _interface = interface
