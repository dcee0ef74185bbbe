"""Signals as octets on a socket, for a loop that waits for many things at once."""

import signal
import socket

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def catch_signals() -> socket.socket:
    """From now on each of SIGNALS only becomes readable here: its number, one octet."""
    wake, waker = socket.socketpair()
    wake.setblocking(False)
    waker.setblocking(False)
    for number in SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker.detach(), warn_on_full_buffer=False)
    return wake
