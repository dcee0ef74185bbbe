"""A cell that only tells what it is given, for tests of the supervisor.

Every message of the link becomes a line on standard error: `fake PID KIND BODY-IN-HEX DESCRIPTORS`, of a SECRET what
is sealed. It says READY
after START and after each further SETTINGS, answers PING, and ends with END, or when the link does.
"""

import os
import socket

from anchorhold.link import LinkType, receive_message, send_message
from anchorhold.snapshot import read_sealed


def run(link: socket.socket) -> None:
    generation, started = b"", False
    while (message := receive_message(link)) and message.type is not LinkType.END:
        body = read_sealed(message.descriptors[0]) if message.type is LinkType.SECRET else message.body
        fields = ("fake", os.getpid(), message.type.name, body.hex() or "-", len(message.descriptors))
        os.write(2, " ".join(map(str, fields)).encode() + b"\n")
        if message.type is LinkType.SETTINGS:
            generation = message.body
        started = started or message.type is LinkType.START
        if message.type is LinkType.START or (message.type is LinkType.SETTINGS and started):
            send_message(link, LinkType.READY, generation)
        if message.type is LinkType.PING:
            send_message(link, LinkType.PING)
