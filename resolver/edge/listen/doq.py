"""DNS over QUIC (RFC 9250): one question a stream, its length before it, its id 0."""

from enum import IntEnum

from net.quic_server import Octets, Reset, Stopped
from resolver.edge.listen.house import Asked, SecureHouse
from resolver.edge.listen.quic_guest import QuicGuest
from wire.dns.codes import EdnsOption
from wire.dns.framing import frame
from wire.dns.peek import peek
from wire.errors import Malformed
from wire.units import Instant

_LENGTH = 2
_KEEPALIVE = int(EdnsOption.KEEPALIVE).to_bytes(2, "big")
_DIRECTION = 2
"""The bit of a stream's id that says unidirectional (RFC 9000 §2.1); clients' have an even one."""


class DoqError(IntEnum):
    """RFC 9250 §4.3."""

    NO_ERROR = 0x0
    INTERNAL_ERROR = 0x1
    PROTOCOL_ERROR = 0x2
    REQUEST_CANCELLED = 0x3
    EXCESSIVE_LOAD = 0x4
    UNSPECIFIED_ERROR = 0x5


class DoqRoad:
    """One stream: what came of its question, and the way back. `asked`: it is whole, and on the desk; `done`: an answer is out or
    wanted no more; `heard_end`: the client says no more. After the last two it is forgotten."""

    __slots__ = ("_session", "asked", "done", "heard_end", "number", "pieces")
    stream = True
    encrypted = True

    def __init__(self, session: "DoqSession", number: int) -> None:
        self._session = session
        self.number = number
        self.pieces = bytearray()
        self.asked = self.done = self.heard_end = False

    def send(self, response: bytes) -> None:
        """Queue the response, and the stream's end."""
        self._session.answer(self, response)


class DoqSession:
    """DoQ on one connection."""

    __slots__ = ("_guest", "_house", "_open", "_roads")
    no_error = int(DoqError.NO_ERROR)
    excessive_load = int(DoqError.EXCESSIVE_LOAD)

    def __init__(self, guest: QuicGuest, house: SecureHouse) -> None:
        self._guest = guest
        self._house = house
        self._roads: dict[int, DoqRoad] = {}
        self._open = 0

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made."""
        return self._open > 0

    def received(self, event: Octets, now: Instant) -> None:
        """A piece of a question, mostly all of it."""
        if event.stream & _DIRECTION:
            # > a peer … attempts to open unidirectional QUIC stream (RFC 9250 §4.3.3)
            self._fail(DoqError.PROTOCOL_ERROR)
            return
        road = self._roads.get(event.stream)
        if road is None:
            road = self._roads[event.stream] = DoqRoad(self, event.stream)
        road.heard_end = event.ended
        if road.done and not road.asked:
            # Given up before it was whole.
            self._guest.conversation.took(len(event.data))
        elif not road.asked:
            road.pieces += event.data
            self._read(road, now)
        elif event.data:
            # > receiving … data on a stream that … exceeds [the one query] (RFC 9250 §4.3.3)
            self._fail(DoqError.PROTOCOL_ERROR)
        self._forget_done(road)

    def _read(self, road: DoqRoad, now: Instant) -> None:
        pieces = road.pieces
        wanted = _LENGTH + int.from_bytes(pieces[:_LENGTH], "big") if len(pieces) >= _LENGTH else _LENGTH + 1
        if len(pieces) < wanted:
            if road.heard_end:
                # > a STREAM FIN before receiving all the bytes … indicated in the 2-octet length field (RFC 9250 §4.3.3)
                self._fail(DoqError.PROTOCOL_ERROR)
            return
        message = bytes(pieces[_LENGTH:])
        if len(pieces) > wanted or is_forbidden(message):
            self._fail(DoqError.PROTOCOL_ERROR)
            return
        self._ask(road, message, now)

    def _ask(self, road: DoqRoad, message: bytes, now: Instant) -> None:
        self._guest.asked(len(road.pieces), now)
        road.pieces.clear()
        road.asked = True
        self._open += 1
        client = self._house.named(self._guest.client, self._guest.peer_name)
        match self._house.ask(message, client, road, now):
            case Asked.NO_QUERY:
                self._fail(DoqError.PROTOCOL_ERROR)
            case Asked.OVER_RATE:
                self._fail(DoqError.EXCESSIVE_LOAD)
            case Asked.TAKEN:
                pass

    def answer(self, road: DoqRoad, response: bytes) -> None:
        """The answer to the question of one stream."""
        if road.done:
            return
        road.done = True
        self._open -= 1
        self._guest.conversation.answered()
        self._guest.write(road.number, frame(response))
        self._forget_done(road)

    def cancelled(self, event: Reset | Stopped) -> None:
        """The client wants no answer, or will not finish its question; both end the stream (RFC 9250 §4.3.1)."""
        road = self._roads.pop(event.stream, None) if isinstance(event, Reset) else self._roads.get(event.stream)
        if road is None or road.done:
            return
        road.done = True
        self._guest.conversation.cancelled()
        self._guest.conversation.took(len(road.pieces))
        road.pieces.clear()
        if road.asked:
            self._open -= 1
            self._house.desk.forget(road)
        if isinstance(event, Reset):
            self._guest.reset(event.stream, DoqError.REQUEST_CANCELLED)
        self._forget_done(road)

    def leave(self) -> None:
        """DoQ has no word for it but the code of the connection's end (RFC 9250 §4.3)."""

    def ended(self) -> None:
        """Nobody waits any more."""
        for road in self._roads.values():
            if road.asked and not road.done:
                road.done = True
                self._house.desk.forget(road)
        self._roads.clear()
        self._open = 0

    def _forget_done(self, road: DoqRoad) -> None:
        if road.done and road.heard_end:
            self._roads.pop(road.number, None)

    def _fail(self, code: DoqError) -> None:
        self._house.count(f"doq-{code.name.lower().replace('_', '-')}")
        self._guest.close(code)


def is_forbidden(message: bytes) -> bool:
    """Whether a message may not come over QUIC: its id is not 0, or it has the EDNS option of TCP's keepalive.

    > When sending queries over a QUIC connection, the DNS Message ID MUST be set to 0. (RFC 9250 §4.2.1)
    > Clients and servers MUST NOT send the edns-tcp-keepalive EDNS(0) Option (RFC 9250 §5.5.2)
    """
    if message[:2] != b"\0\0":
        return True
    if _KEEPALIVE not in message:
        return False
    try:
        edns = peek(message).edns
    except Malformed:
        return False
    return edns is not None and any(code == EdnsOption.KEEPALIVE for code, _ in edns.options)
