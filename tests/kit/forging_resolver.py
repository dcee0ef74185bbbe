"""A resolver that was taken over: asked for `forge.example`, it sends who asks a frame that only a dhcp cell may send. One that
comes after it does not: it is asked the same again, for the client still waits."""

import socket

from anchorhold.cells import resolver
from anchorhold.cells.desk import FrontLine
from anchorhold.ipc import Message, MessageType, build_message


def run(link: socket.socket) -> None:
    """As of the cell that it stands for."""
    take = FrontLine._take

    def forge(line: FrontLine, message: Message) -> None:
        if not line._restarts and b"\x05forge" in message.body:
            line._post(build_message(MessageType.HOSTS, 1, b"a name that nobody leased"))
        take(line, message)

    FrontLine._take = forge  # type: ignore[method-assign]
    resolver.run(link)
