"""Signals as something to be read, for a loop that waits for many things at once (signalfd(2))."""

import ctypes
import os
import signal
import socket
import sys
from typing import Protocol

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

_SIZE = 128
"""Octets of one `struct signalfd_siginfo`; it begins with the signal's number, u32."""
_SET = 128
"""Octets of glibc's sigset_t; those of others are not longer."""


class Signals(Protocol):
    """What a loop waits for."""

    def fileno(self) -> int:
        """To wait for."""

    def take(self) -> set[int]:
        """The numbers of those that came."""


def open_signals() -> Signals:
    """The best there is. Raises OSError."""
    return SignalFile() if hasattr(ctypes.CDLL(None), "signalfd") else WakeUp()


class SignalFile:
    """From now on each of SIGNALS only becomes readable here. They are blocked, so that a copy of this process takes none for its
    own before it has settled; it unblocks them (`anchorhold/forking.py`)."""

    def __init__(self) -> None:
        """Raises OSError."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        library = ctypes.CDLL(None, use_errno=True)
        wanted = ctypes.create_string_buffer(_SET)
        library.sigemptyset(wanted)
        for number in SIGNALS:
            library.sigaddset(wanted, int(number))
        self._descriptor: int = library.signalfd(-1, wanted, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "signalfd")

    def fileno(self) -> int:
        """To wait for."""
        return self._descriptor

    def take(self) -> set[int]:
        """The numbers of those that came."""
        try:
            data = os.read(self._descriptor, 32 * _SIZE)
        except BlockingIOError:
            return set()
        return {int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data), _SIZE)}


class WakeUp:
    """The same where there is no signalfd (macOS): Python writes their numbers into a socket. They are not blocked: one that
    comes to a copy of this process before it has settled is taken for ours."""

    def __init__(self) -> None:
        """Raises OSError."""
        self._heard, waker = socket.socketpair()
        self._heard.setblocking(False)
        waker.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: None)
        signal.set_wakeup_fd(waker.detach(), warn_on_full_buffer=False)

    def fileno(self) -> int:
        """To wait for."""
        return self._heard.fileno()

    def take(self) -> set[int]:
        """The numbers of those that came."""
        try:
            return set(self._heard.recv(4_096))
        except BlockingIOError:
            return set()
