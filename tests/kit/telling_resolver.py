"""A resolver that answers nothing and tells all that `front` sends. A line on standard error for each read: `crossed HEX`."""

import os
import socket
import threading

from anchorhold.ipc import CREDITS, MessageType, build_message
from anchorhold.link import LinkType, receive_message, send_message


def tell(peer: socket.socket) -> None:
    with peer:
        peer.sendall(build_message(MessageType.CREDIT, 0, CREDITS.to_bytes(4, "little")))
        while data := peer.recv(65_536):
            os.write(2, b"crossed " + data.hex().encode() + b"\n")


def run(link: socket.socket) -> None:
    generation = b""
    while (message := receive_message(link)) and message.type is not LinkType.END:
        match message.type:
            case LinkType.SETTINGS:
                generation = message.body
            case LinkType.PEER:
                threading.Thread(target=tell, args=(socket.socket(fileno=message.descriptors[0]),), daemon=True).start()
            case LinkType.START:
                send_message(link, LinkType.READY, generation)
            case LinkType.PING:
                send_message(link, LinkType.PING)
            case _:
                continue
