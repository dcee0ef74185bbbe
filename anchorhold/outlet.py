"""Standard error of the supervisor, and standard output: it must neither wait for them nor end because of them. A pipe that
nobody reads, a terminal that is gone, a full disk: a line that is not taken at once is lost, and counted; the next one that is
taken says how many were.
"""

import contextlib
import os
import select


class Outlet:
    """Of one descriptor. `lost`: lines since the start that nobody took."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room: select.epoll | select.poll | None = None
        self._untold = 0
        self._torn = False
        """What was written last ends within a line."""
        self.lost = 0

    def open(self) -> "Outlet":
        """From now on it is looked whether there is room; until then, lines are written as if there were."""
        self._descriptor = _opened_anew(self._descriptor)
        self._room = _room_of(self._descriptor)
        return self

    def write(self, line: bytes) -> None:
        """One line, without its end, at once or not at all."""
        told = b"supervisor: lines of the log that were lost here: %d\n" % self._untold if self._untold else b""
        data = (b"\n" if self._torn else b"") + told + line + b"\n"
        written = self._write(data)
        if written == len(data):
            self._untold, self._torn = 0, False
            return
        self._torn = self._torn if written == 0 else data[written - 1 : written] != b"\n"
        self.lost += 1
        self._untold += 1

    def _write(self, data: bytes) -> int:
        """How many octets were taken. Where there is room at all, a pipe has room for as much as a line (pipe(7): PIPE_BUF), as
        has a socket, and a terminal takes what it has room for; a file, and the end of somebody who is gone, never wait."""
        try:
            return os.write(self._descriptor, data) if self._room is None or self._room.poll(0) else 0
        except OSError:
            return 0


def _opened_anew(descriptor: int) -> int:
    """A terminal, of which somebody may have stopped reading, with an opening of our own, which does not wait; if it may not be
    opened, and all else, as it is: not to wait would be said to everybody who has this opening."""
    with contextlib.suppress(OSError):
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    return descriptor


def _room_of(descriptor: int) -> "select.epoll | select.poll | None":
    """Tells whether writing there would not wait, also where it would fail; None where it never does. By epoll where there is
    one: its calls are made anyway."""
    if not hasattr(select, "epoll"):
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        return ready
    room = select.epoll()
    try:
        room.register(descriptor, select.EPOLLOUT)
    except OSError:
        # A file (EPERM, epoll_ctl(2)), or nothing at all.
        room.close()
        return None
    return room


TOLD, LOG = Outlet(1), Outlet(2)
"""The supervisor's."""
