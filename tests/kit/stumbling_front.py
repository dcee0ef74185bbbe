"""A front that makes mistakes of three kinds when it is asked for certain names, for tests of what is told of them."""

import socket
import warnings
from typing import Any

from anchorhold.cells import front
from resolver.edge.serve import Desk

SECRET = "annas-phone"


class Restless:
    """Its finaliser raises, and Python has nobody to tell."""

    def __del__(self) -> None:
        raise KeyError(SECRET)


def run(link: socket.socket) -> None:
    """As of the cell that it stands for."""
    receive = Desk.receive

    def stumble(desk: Desk, message: bytes, *rest: Any) -> bool:
        if b"\x04fall" in message:
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise ValueError(f"{SECRET} at 192.0.2.7") from error
        if b"\x04drop" in message:
            Restless()
        if b"\x04warn" in message:
            warnings.warn(SECRET, RuntimeWarning, stacklevel=1)
        return receive(desk, message, *rest)

    Desk.receive = stumble  # type: ignore[assignment]
    front.run(link)
