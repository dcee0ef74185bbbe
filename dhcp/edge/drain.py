"""Reading what waits at a socket, a bounded number of messages at a time."""

import errno
import socket
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from net.messages import Message, receive_all

T = TypeVar("T")

AT_ONCE = 64
"""Messages read from one socket before others have their turn."""

TOGETHER = 16
"""Of these, in one call."""

GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
"""The interface is down or no more."""


def drain(read: Callable[..., T], *arguments: object) -> Iterator[T]:
    """What `read` of a socket, which must not wait, gives till nothing is there, at most AT_ONCE times. A socket without an
    interface is empty."""
    for _ in range(AT_ONCE):
        try:
            received = read(*arguments)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in GONE:
                return
            raise
        yield received


def drain_many(endpoint: socket.socket, size: int, ancillary: int) -> Iterator[list[Message]]:
    """The same of a socket's messages, TOGETHER at a time."""
    return islice(drain(receive_all, endpoint, TOGETHER, size, ancillary), AT_ONCE // TOGETHER)
