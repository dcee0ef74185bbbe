"""A cell that ends as soon as it is started, for tests of the supervisor's back-off."""

import socket


def run(_link: socket.socket) -> int:
    return 7
