"""One end of a pair between two cells, for a loop that waits for many sockets: messages in, and out once a wake-up."""

import socket
from collections.abc import Iterable

from anchorhold.ipc import READ_SIZE, Inbox, Message
from net import sockets


class Gone(Exception):
    """The other end is of no more use; the text is what it did."""


class PairEnd:
    """What is to go is added to `_out`. `most` octets of it may wait for one who does not read; past that it counts as gone."""

    def __init__(self, endpoint: socket.socket, most: int) -> None:
        self.socket = endpoint
        self._most = most
        self._inbox = Inbox()
        self._out = bytearray()

    def _receive(self) -> Iterable[Message]:
        """What has come, if anything has. Raises Gone, and Malformed as the messages are taken."""
        try:
            data = self._pull()
        except BlockingIOError:
            return ()
        except OSError:
            data = b""
        if not data:
            raise Gone("hung up")
        return self._inbox.feed(data)

    def _write(self) -> bool:
        """Write what was collected, as far as it goes; True if something is left. Raises Gone."""
        try:
            sent = self._push()
            del self._out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            raise Gone("does not read") from None
        if len(self._out) > self._most:
            raise Gone("does not keep up")
        return bool(self._out)

    def _pull(self) -> bytes:
        """What has come, at most READ_SIZE; empty: nothing will any more. Raises OSError."""
        return self.socket.recv(READ_SIZE, sockets.NOW)

    def _push(self) -> int:
        """How many octets of what is to go the other end takes now. Raises OSError."""
        return self.socket.send(self._out, sockets.NOW)
