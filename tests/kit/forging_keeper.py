"""A keeper that was taken over: at the first reload it asks the resolver a question, as only `front` may. Else all it says is
that it knows of nothing."""

import socket

from anchorhold.ipc import MessageType, build_message
from anchorhold.keeper.messages import NONE
from anchorhold.link import LinkType, receive_message, send_message


def run(link: socket.socket) -> None:
    """Instead of the cell."""
    pair, generation, serves = socket.socket(), b"", False
    while (message := receive_message(link)) is not None and message.type is not LinkType.END:
        match message.type:
            case LinkType.KEEPER:
                pair = socket.socket(fileno=message.descriptors[0])
            case LinkType.SETTINGS if serves:
                pair.sendall(build_message(MessageType.QUERY, 1, b"\0\0\1\0\1"))
            case LinkType.SETTINGS:
                generation = message.body
            case LinkType.START:
                serves = True
                pair.sendall(build_message(MessageType.ANCHORS, 0, flags=NONE))
                send_message(link, LinkType.READY, generation)
            case LinkType.PING:
                send_message(link, LinkType.PING)
            case _:
                continue
