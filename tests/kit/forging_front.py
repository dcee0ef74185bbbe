"""A front that was taken over: asked for `forge.example`, it sends the resolver a frame that only a resolver may send."""

import socket
from typing import Any

from anchorhold.cells import front
from anchorhold.cells.peer import Peer
from anchorhold.ipc import MessageType, build_message
from resolver.edge.flights import Flight


def run(link: socket.socket) -> None:
    """As of the cell that it stands for."""
    query = Peer.query

    def forge(peer: Peer, flight: Flight, *rest: Any) -> None:
        if b"\x05forge" in flight.key.question:
            peer._out += build_message(MessageType.ANCHORS, 1, b"a key that nobody ever saw")
        query(peer, flight, *rest)

    Peer.query = forge  # type: ignore[method-assign]
    front.run(link)
