"""How a process is ended by who forked it, whatever it does meanwhile: by one message, without kill(2).

A socket pair that nobody reads. The kernel is told, once, to end the process (SIGKILL) when something comes in at its end
(F_SETSIG, F_SETOWN and O_ASYNC of fcntl(2)). Whether the process hangs, waits or is stopped, and what has become of its user,
namespaces and filter, does not matter; and no other process can be hit, as one could that has got its number since. The process
holds both ends, so it does not end with who forked it.
"""

import fcntl
import os
import signal
import socket

from anchorhold.link import open_link

_SET_SIGNAL: int = getattr(fcntl, "F_SETSIG", -1)
"""Linux alone has it."""
_TRIAL = signal.SIGURG
"""A signal that does nothing."""

_worn: list[int] = []
"""Of this process: its end, and the other one."""


class Leash:
    """Made before a fork; the copy calls `put_on`, who forked it `hold`."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._ours, self._theirs = open_link()
        self._pulled = False

    @property
    def descriptors(self) -> tuple[int, int]:
        """What the copy must not close."""
        return self._ours.fileno(), self._theirs.fileno()

    def put_on(self) -> None:
        """From now on `pull` ends this process; at once, if it was called already. Where the kernel does not do that, this end is
        closed, which `pull` notices."""
        _worn[:] = self._theirs.fileno(), self._ours.fileno()
        if not self._works():
            _worn.clear()
            self._theirs.close()
            self._ours.close()
            return
        fcntl.fcntl(self._theirs, _SET_SIGNAL, signal.SIGKILL)
        try:
            self._theirs.recv(1)
        except BlockingIOError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
        # Open for as long as it lives.
        self._theirs.detach()
        self._ours.detach()

    def _works(self) -> bool:
        """Try it out with a signal that does nothing."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {_TRIAL})
        try:
            fcntl.fcntl(self._theirs, _SET_SIGNAL, _TRIAL)
            own()
            fcntl.fcntl(self._theirs, fcntl.F_SETFL, fcntl.fcntl(self._theirs, fcntl.F_GETFL) | os.O_ASYNC)
            _send(self._ours)
            if _TRIAL not in signal.sigpending():
                return False
            signal.sigwait({_TRIAL})
            self._theirs.recv(1)
            return True
        except OSError:
            return False
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def hold(self) -> None:
        """Their end is the copy's."""
        self._theirs.close()

    def pull(self) -> bool:
        """End the process, of which nobody has seen the end yet. False where that has to be done otherwise."""
        if not self._pulled:
            try:
                _send(self._ours)
            except OSError:
                return False
            self._pulled = True
        return True

    def close(self) -> None:
        """It has ended."""
        self._ours.close()


def _send(end: socket.socket) -> None:
    # As messages go to cells: by the system call that those take.
    socket.send_fds(end, [b"\0"], [])


def own() -> None:
    """Once more after this process has become another user: then it is that user who ends it. Raises OSError."""
    for descriptor in _worn[:1]:
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())


def worn() -> tuple[int, ...]:
    """Descriptors that this process must not close, so that it can be ended so."""
    return tuple(_worn)


def can_be_had() -> bool:
    """Whether this system knows what it takes."""
    return _SET_SIGNAL >= 0
