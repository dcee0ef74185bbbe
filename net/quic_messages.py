"""Octets out, octets back: each exchange one stream of QUIC that both sides finish. Knows nothing of what they mean."""

from collections.abc import Callable

from net.h2 import StreamFailed, StreamFailure
from net.quic_client import QuicClient
from net.quic_codecs import Octets
from net.quic_requests import RequestLimits, RequestLink

CLIENT_BIDIRECTIONAL = 0
"""The two low bits of the id of a stream that we open for both directions (RFC 9000 §2.1)."""


class MessageLink(RequestLink[bytes]):
    """One connection. `violated` is the application's code for what its protocol does not allow."""

    violated = 0

    def __init__(self, client: QuicClient, limits: RequestLimits, freed: Callable[[], None]) -> None:
        super().__init__(client, limits, freed)
        self._incoming: dict[int, tuple[bytearray, int]] = {}

    async def exchange(self, octets: bytes, due: float, most: int) -> bytes:
        """What comes back until the stream ends, at most `most` octets; only if there is `room`. Raises StreamFailed."""
        stream_id = self.begin(due)
        self._incoming[stream_id] = bytearray(), most
        self.core.send(stream_id, octets, ended=True)
        try:
            return await self.outcome(stream_id)
        finally:
            self._incoming.pop(stream_id, None)

    def violate(self) -> None:
        """The peer broke the protocol: end the connection, and count nothing it said as an answer."""
        self.answered = False
        self.fail_all(StreamFailed(StreamFailure.LOST, "the connection ended"), self.violated)

    def heard(self, event: Octets) -> None:
        """Octets of an answer. The server opens no stream of its own."""
        self.note_heard()
        stream_id = event.stream
        if stream_id & 3 != CLIENT_BIDIRECTIONAL:
            self.answered = False
            self.fail_all(StreamFailed(StreamFailure.PROTOCOL, "the server opened a stream"), self.violated)
            return
        incoming = self._incoming.get(stream_id)
        if incoming is None or not self.is_open(stream_id):
            return
        octets, most = incoming
        octets += event.data
        if len(octets) > most:
            self.give_up(stream_id, StreamFailed(StreamFailure.TOO_LARGE, "answer"))
        elif event.ended:
            self.finish(stream_id, bytes(octets))
