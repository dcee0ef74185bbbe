"""Socket objects of descriptors that come from elsewhere: connections that are accepted, and what another process hands over.

CPython looks at a descriptor (getsockname(2)) whenever it makes a socket object of it, and nothing keeps it from that. A process
that may not do so makes them before (`prepare`): two for each number that a descriptor may have, one of each family, for such an
object is not much more than the number. There it is never closed, only the number is, and the next descriptor of the same number
gets the same object. So sockets from here are closed by `close` and by nothing else, and who has closed one must not use it any
more: it may be somebody else's by then.

No call on them waits. What is handed over is non-blocking already; for what is accepted the flag NOW says it with each call, for
Python's accept4(2) does not.
"""

import errno
import os
import socket
from typing import Final

from net.opening import AT_ONCE

NOW: Final = socket.MSG_DONTWAIT
SPARE = 32
"""Numbers that connections leave free in a process that prepared: for what it is handed while they are there."""

_KIND = socket.SOCK_STREAM | AT_ONCE
"""Only the second half means something: calls on the object do not wait. Of which type the descriptor is, nobody asks."""

_four: list[socket.socket | None] = []
_six: list[socket.socket | None] = []


def prepare(most: int, kind: type[socket.socket] = socket.socket) -> None:
    """Make the objects, of this class, for all descriptors below `most`, which must be the limit (RLIMIT_NOFILE). What is no
    socket stays what it is for good: it must not be closed later."""
    blank = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(most):
        free = not _is_open(number)
        if free:
            os.dup2(blank.fileno(), number, inheritable=False)
        for kept, family in ((_four, socket.AF_INET), (_six, socket.AF_INET6)):
            kept.append(_object(number, family, kind))
        if free:
            os.close(number)
    # Its number has objects too, that are kept.
    os.close(blank.detach())


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _object(number: int, family: int, kind: type[socket.socket]) -> socket.socket | None:
    try:
        made = kind(family, _KIND, 0, fileno=number)
    except OSError:
        return None
    if not AT_ONCE:
        made.setblocking(False)
    return made


def adopt(descriptor: int, family: int = -1, kind: type[socket.socket] = socket.socket) -> socket.socket:
    """The object of a socket. `family` is that of addresses that are written (sendto(2)), and there must be room for those that
    are read: AF_INET6 has it for all. Without one it is asked for where that may be done. `kind`: its class, if it is not made
    yet."""
    if not _six:
        return kind(family, _KIND, 0, fileno=descriptor)
    kept = (_four if family == socket.AF_INET else _six)[descriptor]
    if kept is None:
        raise ValueError(f"descriptor {descriptor} was no socket")
    return kept


def accept(listening: socket.socket) -> tuple[socket.socket, str]:
    """A connection and the address of the client ("" of a Unix socket). Raises BlockingIOError if nobody waits, and OSError: also
    where there would be no object for it, and it was hung up on."""
    descriptor, address = listening._accept()  # type: ignore[attr-defined] # accept() would make an object at once
    if _six and descriptor >= len(_six) - SPARE:
        os.close(descriptor)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return adopt(descriptor, listening.family), address[0] if address else ""


def close(endpoint: socket.socket) -> None:
    """Close it, once."""
    if _six:
        os.close(endpoint.fileno())
    else:
        endpoint.close()
