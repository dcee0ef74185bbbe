"""An end of a pair to a cell that knows clients: names of leases go there (from `dhcp`), operators' questions come from there."""

import selectors
import socket
from collections.abc import Callable, Sequence

from anchorhold.cells.pair import Gone, PairEnd
from anchorhold.cells.readiness import Readiness
from anchorhold.ipc import READ_SIZE, Message, MessageType, build_facts, build_pong
from anchorhold.leases.messages import build_hosts
from net import sockets
from resolver.local import Host
from wire.errors import Malformed

MAX_UNSENT = 32 * 1024 * 1024
"""Octets that may wait for a `front` that does not read; past that it counts as gone."""

Answer = Callable[[int, bytes], str]
"""Takes a verb and its argument; gives lines of text."""

MOST = 65_536
"""Octets that are sent at once."""


class FrontPair(PairEnd):
    """When the other end is gone, nothing is written any more."""

    def __init__(
        self, endpoint: socket.socket, selector: Readiness, answer: Answer, accuse: Callable[[], None]
    ) -> None:
        super().__init__(endpoint, MAX_UNSENT)
        self._selector = selector
        self._answer = answer
        self._accuse = accuse
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
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._write() else 0)
        except Gone:
            self.close()
            return
        if self._selector.get_key(self.socket).events != wanted:
            self._selector.modify(self.socket, wanted, self._ready)

    def close(self) -> None:
        """Let go of it; the supervisor makes the next pair."""
        if self._open:
            self._open = False
            self._out.clear()
            self._selector.unregister(self.socket)
            sockets.close(self.socket)

    def _ready(self, *_event: object) -> None:
        if not self._open:
            return
        # If it is only to be written to, that is done at the end of the wake-up.
        try:
            for message in self._receive():
                self._take(message)
        except Gone:
            self.close()
        except Malformed:
            self._accuse()
            self.close()

    def _take(self, message: Message) -> None:
        match message.type:
            case MessageType.FACT if message.body:
                text = self._answer(message.body[0], message.body[1:])
                self._out += b"".join(build_facts(message.handle, text.encode()))
            case MessageType.PING:
                self._out += build_pong(message)
            case _:
                raise Malformed(f"{message.type.name} is not for us")


class DhcpPair(FrontPair):
    """The same by the calls that the dhcp cell needs anyway."""

    def _pull(self) -> bytes:
        return self.socket.recvmsg(READ_SIZE, 0, sockets.NOW)[0]

    def _push(self) -> int:
        return self.socket.sendmsg((self._out[:MOST],), (), sockets.NOW)
