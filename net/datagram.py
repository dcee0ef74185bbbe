"""UDP sockets for one question each: connected, from a source port that nobody can guess (RFC 5452 §9.2)."""

import errno
import socket
from collections.abc import Callable

from net.addresses import endpoint_of, family_of
from net.opening import open_socket

FIRST_PORT, PORTS = 1024, 65536 - 1024
"""All ports but the privileged ones; the kernel's own choice comes from 28,232 (14.8 bits)."""

TRIES = 8
"""Ports to try before the kernel may choose."""

_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_OMIT = 5
"""Linux: ignore path MTU news, so nobody can make our fragments small (include/uapi/linux/in.h)."""


def open_datagram(address: str, port: int, entropy: Callable[[int], bytes]) -> tuple[socket.socket, bool]:
    """A non-blocking socket connected to a literal address, and whether the source port is of our own choosing.

    Raises OSError.
    """
    family = family_of(address)
    opened = open_socket(family, socket.SOCK_DGRAM)
    try:
        omit_path_mtu(opened)
        chosen = _bind_randomly(opened, "::" if family == socket.AF_INET6 else "0.0.0.0", entropy)  # noqa: S104
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


def _bind_randomly(opened: socket.socket, anywhere: str, entropy: Callable[[int], bytes]) -> bool:
    for _ in range(TRIES):
        # 32 random bits: a remainder of 64,512 is uneven by 1 in 66,000 only
        port = FIRST_PORT + int.from_bytes(entropy(4), "big") % PORTS
        try:
            opened.bind((anywhere, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        return True
    opened.bind((anywhere, 0))
    return False
