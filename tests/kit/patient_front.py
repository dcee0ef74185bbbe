"""A front whose loop looks around by itself once an hour: what it does sooner, an event or something due has woken it for."""

import socket

from anchorhold.cells import clients, front


def run(link: socket.socket) -> int | None:
    """Instead of the cell."""
    clients.IDLE_TURN = 3_600.0
    return front.run(link)
