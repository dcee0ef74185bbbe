"""Octets out, octets back: each exchange one stream of QUIC that both sides finish. Knows nothing of what they mean."""

from functools import partial

from net.h2 import StreamFailed, StreamFailure
from net.quic_codecs import Octets
from net.quic_requests import Ended, RequestLink, outcome

CLIENT_BIDIRECTIONAL = 0
"""The two low bits of the id of a stream that we open for both directions (RFC 9000 §2.1)."""


class Partly:
    """What came of an answer that may have `most` octets."""

    __slots__ = ("most", "octets")

    def __init__(self, most: int) -> None:
        self.most = most
        self.octets = b""


class MessageLink(RequestLink[bytes, Partly]):
    """One connection. `violated` is the application's code for what its protocol does not allow."""

    violated = 0

    async def exchange(self, octets: bytes, due: float, most: int) -> bytes:
        """What comes back until the stream ends, at most `most` octets; only if there is `room`. Raises StreamFailed."""
        return await outcome(self, partial(self.ask, octets, due, most))

    def ask(self, octets: bytes, due: float, most: int, ended: Ended[bytes]) -> int:
        """The same; gives the stream, and `ended` is told later."""
        stream_id = self.begin(due, Partly(most), ended)
        self.core.send(stream_id, octets, ended=True)
        return stream_id

    def violate(self) -> None:
        """The peer broke the protocol: end the connection, and count nothing it said as an answer."""
        self.answered = False
        self.fail_all(StreamFailed(StreamFailure.LOST, "the connection ended"), self.violated)

    def heard(self, event: Octets) -> None:
        """Octets of an answer. The server opens no stream of its own."""
        self.note_heard()
        stream_id, data, ended = event
        if stream_id & 3 != CLIENT_BIDIRECTIONAL:
            self.answered = False
            self.fail_all(StreamFailed(StreamFailure.PROTOCOL, "the server opened a stream"), self.violated)
            return
        partly = self.partly(stream_id)
        if partly is None:
            return
        octets = partly.octets + data if partly.octets else data
        if len(octets) > partly.most:
            self.give_up(stream_id, StreamFailed(StreamFailure.TOO_LARGE, "answer"))
        elif ended:
            self.finish(stream_id, octets)
        else:
            partly.octets = octets
