"""Literal addresses; nothing here or below ever looks a name up."""

import errno
import ipaddress
import socket
from functools import lru_cache


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
