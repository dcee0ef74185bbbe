"""A cell that closes its link and does not end."""

import signal
import socket


def run(link: socket.socket) -> None:
    link.close()
    signal.pause()
