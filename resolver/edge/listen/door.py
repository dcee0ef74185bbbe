"""A listening socket while this process, or the machine, can have no more descriptors: nobody may enter, and nobody wakes us.

Whoever waits in the queue of a socket that is watched wakes the loop again and again. So the socket is not watched for a while.
"""

import errno
import selectors
import socket
from collections.abc import Callable
from math import inf

from wire.units import Instant

PAUSE = 0.05
"""Seconds until it is tried again, if nothing was closed before."""

OF_ONE = frozenset(
    {
        *(errno.ECONNABORTED, errno.EPROTO, errno.EINTR, errno.EPERM, errno.ENETDOWN, errno.ENOPROTOOPT),
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH, errno.ETIMEDOUT),
    }
)
"""Errors of the one who waited first, who is gone, or whom a firewall forbids: the next may be well (accept(2), "Error
handling")."""

BEHIND = max(selectors.EVENT_READ, selectors.EVENT_WRITE) << 1
"""Among the events that a socket is watched for: of all those that are watched so, a few are told of at a time, so that others
wait for these few and not for the whole crowd (`anchorhold/cells/readiness.py`)."""

Watch = Callable[[socket.socket, int, object], None]
"""A socket, which of its events matter, whose it is."""


class Door:
    """Of one listening socket; `owner` is called when somebody waits there."""

    __slots__ = ("_owner", "_socket", "_watch", "ended", "reopens")

    def __init__(self, endpoint: socket.socket, watch: Watch, owner: object) -> None:
        self._socket = endpoint
        self._watch = watch
        self._owner = owner
        self.reopens = Instant(inf)
        """When it is to be tended; infinite while it stands open."""
        self.ended = False
        """Whether the socket is closed: nothing is done with it any more."""

    def close(self, now: Instant, seconds: float = PAUSE) -> None:
        """Nobody is listened to until `tend` finds that it is time, or `open`."""
        self.reopens = Instant(now + seconds)
        self._watch(self._socket, 0, self._owner)

    def open(self) -> None:
        """Something was closed: there is room, perhaps. Nothing if it stands open."""
        if self.reopens < inf:
            self.reopens = Instant(inf)
            if not self.ended:
                self._watch(self._socket, selectors.EVENT_READ, self._owner)

    def tend(self, now: Instant) -> None:
        """With every wake-up."""
        if now >= self.reopens:
            self.open()
