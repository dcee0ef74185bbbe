"""One client over QUIC: its connection, what is spoken on it, its place in the house."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Protocol

from net.messages import Address
from net.quic_server import Began, Conversation, Heard, Octets, Reset, Stopped
from resolver.admission import Client
from resolver.edge.listen.house import SecureHouse
from wire.errors import Malformed
from wire.tls_hello import HEADER, parse_hello
from wire.units import Instant

if TYPE_CHECKING:
    from resolver.edge.listen.quic import QuicListener


class Talk(Protocol):
    """What is spoken on one connection: DoQ, or HTTP/3."""

    no_error: int
    """The code of the protocol for an end that is nobody's fault."""
    excessive_load: int
    """The one for a client that costs too much."""

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made."""

    def received(self, event: Octets, now: Instant) -> None:
        """Octets of a stream."""

    def cancelled(self, event: Reset | Stopped) -> None:
        """The client gave a stream up, in one direction."""

    def leave(self) -> None:
        """It ends, politely: say so, if the protocol has a word for it. The connection is closed next."""

    def ended(self) -> None:
        """The connection is gone; nobody waits for an answer any more."""


Speak = Callable[["QuicGuest", SecureHouse], Talk]
"""Makes what speaks on a connection, when its handshake is done."""


class QuicGuest:
    """One connection. `peer_name` is the name the client asked for (SNI, lower case, "" if none), `protocol` what was agreed on
    (ALPN); both are there before a talk is made."""

    __slots__ = (
        "_dirty",
        "_gone",
        "_listener",
        "_source",
        "active",
        "address",
        "client",
        "conversation",
        "labels",
        "noted",
        "number",
        "peer_name",
        "protocol",
        "talk",
    )

    def __init__(
        self,
        listener: "QuicListener",
        client: Client,
        address: Address,
        source: list[tuple[int, int, bytes]],
        original: bytes,
        retried: bytes | None,
        now: Instant,
        number: int,
    ) -> None:
        self.number = number
        """Among all of its listener."""
        self._listener = listener
        self._source = source
        self.client = client
        self.address = address
        self.active = now
        self.conversation = Conversation(listener.terms, original, retried, now)
        self.labels: set[bytes] = set()
        self.noted = inf
        """When the listener's heap looks at this one next."""
        self.peer_name = self.protocol = ""
        self.talk: Talk | None = None
        self._dirty = self._gone = False

    # for the talk

    def write(self, stream: int, data: bytes, *, ended: bool = True) -> None:
        """Queue octets; they leave at the end of this wake-up."""
        self.conversation.send(stream, data, ended=ended)
        self.mark()

    def reset(self, stream: int, code: int) -> None:
        """Send nothing more on a stream."""
        self.conversation.reset(stream, code)
        self.mark()

    def asked(self, octets: int, now: Instant) -> None:
        """A whole question came, of so many octets; pieces of one are no sign of life."""
        self.active = now
        self.conversation.took(octets)

    def close(self, code: int) -> None:
        """End the connection with a code of the talk."""
        self.conversation.close(code)
        self.mark()

    def mark(self) -> None:
        """There is something to send."""
        if not self._dirty and not self._gone:
            self._dirty = True
            self._listener.dirty.append(self)

    # for the house

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made."""
        return self.talk is not None and self.talk.owing

    @property
    def proved(self) -> bool:
        """Whether the handshake is done."""
        return self.talk is not None

    def shed(self, now: Instant | None = None) -> None:
        """End it at once, and leave the house."""
        now = self.active if now is None else now
        if self.talk is not None:
            self.talk.leave()
            self._say(now)
            self.conversation.close(self.talk.no_error)
        else:
            self.conversation.refuse()
        self._say(now)
        self.vanish()

    # for the listener

    @property
    def timer(self) -> float | None:
        """When `expire` is due."""
        return None if self._gone else self.conversation.timer

    def receive(self, datagram: bytes, now: Instant) -> None:
        """Take one datagram of its own address."""
        self._hear(self.conversation.receive(datagram, now), now)
        if self.conversation.overstrained:
            self._expel(now)
        self.mark()

    def _expel(self, now: Instant) -> None:
        """End an abusive connection, and let nobody in from there for a while, unless the address may be forged."""
        house = self._listener.house
        house.count("quic-excessive-load")
        if self.talk is None:
            self.conversation.refuse()
            return
        house.bar(self.client, now)
        self.conversation.close(self.talk.excessive_load)

    def expire(self, now: Instant) -> None:
        """Its timer came up."""
        self._hear(self.conversation.expire(now), now)
        self.mark()

    def flush(self, now: Instant) -> None:
        """Send what there is to send; one that is at its end leaves."""
        self._dirty = False
        if self._gone:
            return
        self._say(now)
        if self.conversation.broken:
            self._listener.house.count(f"quic-broken-{self.conversation.broken}")
        if self.conversation.ended:
            self.vanish()

    def vanish(self) -> None:
        """Leave without a word."""
        if self._gone:
            return
        self._gone = True
        self._listener.gone(self)
        if self.talk is not None:
            self.talk.ended()
        self.talk = None
        self.conversation.let_go()

    def _say(self, now: Instant) -> None:
        if self._gone:
            return
        for datagram in self.conversation.outgoing(now):
            self._listener.send(datagram, self.address, self._source)

    def _hear(self, heard: list[Heard], now: Instant) -> None:
        conversation = self.conversation
        if conversation.validated:
            self._listener.proved(self)
        while heard:
            self._listener.heard += len(heard)
            for event in heard:
                if conversation.overstrained or conversation.closing:
                    break
                self._take(event, now)
            heard = conversation.more()
        for label in conversation.fresh:
            self._listener.know(label, self)
        for label in conversation.stale:
            self._listener.unknow(label, self)
        conversation.fresh.clear()
        conversation.stale.clear()

    def _take(self, event: Heard, now: Instant) -> None:
        match event:
            case Began():
                self.active = now
                self._listener.house.count("quic-resumed" if event.resumed else "quic-handshakes")
                self.peer_name = _asked_name(event.hello)
                self.protocol = event.protocol
                self.talk = self._listener.speak(self, self._listener.house)
                self.mark()
            case Octets() if self.talk is not None:
                self.talk.received(event, now)
            case Reset() | Stopped() if self.talk is not None:
                self.talk.cancelled(event)
            case _:
                # Streams before the handshake's end: the core takes none.
                pass


def _asked_name(hello: bytes) -> str:
    """The name in a ClientHello that the core has accepted."""
    try:
        return parse_hello(bytes(HEADER) + hello).server_name
    except Malformed:
        return ""
