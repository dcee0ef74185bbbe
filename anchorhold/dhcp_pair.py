"""The `dhcp` cell's end of its pair to `front`: names go there, operators' questions come from there."""

import selectors
import socket
from collections.abc import Callable, Sequence

from anchorhold.ipc import Inbox, Message, MessageType, build_message
from anchorhold.leases.messages import build_hosts
from resolver.local import Host
from wire.errors import Malformed

READ_SIZE = 262_144
MAX_UNSENT = 32 * 1024 * 1024
"""Octets that may wait for a `front` that does not read; past that it counts as gone."""
PIECE = 65_000
"""Octets of an answer in one message."""
MORE = 1
"""Flag of FACT; of PING it means the answer."""

Answer = Callable[[int, bytes], str]
"""Takes a verb and its argument; gives lines of text."""


class FrontPair:
    """Messages are collected and written once a wake-up. When the other end is gone, nothing is written any more."""

    def __init__(
        self, endpoint: socket.socket, selector: selectors.BaseSelector, answer: Answer, accuse: Callable[[], None]
    ) -> None:
        endpoint.setblocking(False)
        self._socket = endpoint
        self._selector = selector
        self._answer = answer
        self._accuse = accuse
        self._inbox = Inbox()
        self._out = bytearray()
        self._open = True
        selector.register(endpoint, selectors.EVENT_READ, self._ready)

    def tell(self, hosts: Sequence[Host], *, everything: bool = False) -> None:
        """Names that come, last longer or go; with `everything` they replace what was told before."""
        if self._open:
            for message in build_hosts(hosts, everything=everything):
                self._out += message

    def flush(self) -> None:
        """Write what was collected, as far as it goes."""
        if not self._open or not self._out:
            return
        try:
            sent = self._socket.send(self._out)
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._out) > MAX_UNSENT:
            self.close()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        if self._selector.get_key(self._socket).events != wanted:
            self._selector.modify(self._socket, wanted, self._ready)

    def close(self) -> None:
        """Let go of it; the supervisor makes the next pair."""
        if self._open:
            self._open = False
            self._out.clear()
            self._selector.unregister(self._socket)
            self._socket.close()

    def _ready(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            # Only to be written to; that is done at the end of the wake-up.
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for message in self._inbox.feed(data):
                self._take(message)
        except Malformed:
            self._accuse()
            self.close()

    def _take(self, message: Message) -> None:
        match message.type:
            case MessageType.FACT if message.body:
                self._reply(message.handle, self._answer(message.body[0], message.body[1:]).encode())
            case MessageType.PING if message.flags & MORE:
                pass
            case MessageType.PING:
                self._out += build_message(MessageType.PING, message.handle, flags=MORE)
            case _:
                raise Malformed(f"{message.type.name} is not for dhcp")

    def _reply(self, handle: int, text: bytes) -> None:
        pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)] or [b""]
        for piece in pieces[:-1]:
            self._out += build_message(MessageType.FACT, handle, piece, flags=MORE)
        self._out += build_message(MessageType.FACT, handle, pieces[-1])
