"""The usual question over UDP: one packet there, and what comes back first is a good answer. Whatever else comes, or does not, is
gone on with by the exchange that decides of it (`resolver/edge/upstream/packets.py`), from where it stands."""

from collections.abc import Callable
from typing import Protocol

from net.datagram import Datagram, Datagrams
from resolver.edge.upstream.cookies import CLIENT_LENGTH, CookieJar, cookie_of
from resolver.edge.upstream.packets import HEADER, MAX_PACKET, QR, TC
from resolver.edge.upstream.port import Ended, UpstreamFailed
from resolver.edge.upstream.questions import echoes_question, spelled_question
from wire.dns.codes import Rcode
from wire.dns.message import Message, parse_received, read_plain
from wire.errors import Malformed
from wire.units import Instant

_BADCOOKIE = int(Rcode.BADCOOKIE)


def _nobody(_outcome: bytes | UpstreamFailed) -> None:
    """Told by who has told already."""


class Owner(Protocol):
    """Who sends it."""

    jar: CookieJar

    def over(self, usual: "UsualPacket") -> None:
        """It is not under way any more."""

    def go_on(self, usual: "UsualPacket", came: bytes | OSError | None) -> Callable[[], object]:
        """It is not the usual: a packet came, or an error of the socket, or nothing in time. Gives what ends it early."""


class UsualPacket:
    """One that is under way from `started` on. `packet` is `query` with an id of its own; both hold `cookie`, that of `address`,
    if it is not empty. `ended` is let go of once it is told, for it may lead back here."""

    __slots__ = (
        "_give_up",
        "_owner",
        "address",
        "cookie",
        "datagram",
        "deadline",
        "ended",
        "packet",
        "pool",
        "query",
        "started",
    )

    def __init__(self, owner: Owner, query: bytes, started: Instant, deadline: Instant, ended: Ended) -> None:
        self._owner = owner
        self.query = query
        self.started = started
        self.deadline = deadline
        self.ended: Ended = ended
        self._give_up: Callable[[], object] | None = None
        self.address, self.cookie, self.packet = "", b"", b""
        self.pool: Datagrams
        self.datagram: Datagram

    def send(self, address: str, cookie: bytes, pool: Datagrams, packet: bytes) -> None:
        """Raises OSError; then nothing is open."""
        datagram = pool.take()
        try:
            datagram.send(packet)
        except OSError:
            datagram.close()
            raise
        datagram.happened = self._on_readable
        self.address, self.cookie, self.pool, self.packet, self.datagram = address, cookie, pool, packet, datagram

    def late(self) -> None:
        """Nothing came until it would be sent again."""
        self._hand_over(None)

    def fail(self, failure: UpstreamFailed) -> None:
        """End it without an answer."""
        self.give_up()
        self._tell(failure)

    def give_up(self) -> None:
        """Nobody cares for what comes any more. Once it has ended that does nothing."""
        if self._give_up is not None:
            self._give_up()
        elif self.datagram.happened == self._on_readable:
            self._owner.over(self)
            self.datagram.close()

    def _hand_over(self, came: bytes | OSError | None) -> None:
        self._owner.over(self)
        self._give_up = self._owner.go_on(self, came)
        self.ended = _nobody

    def _tell(self, outcome: bytes | UpstreamFailed) -> None:
        ended, self.ended = self.ended, _nobody
        ended(outcome)

    def _on_readable(self) -> None:
        try:
            packet = self.datagram.receive(MAX_PACKET)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._hand_over(error)
            return
        question = spelled_question(self.query)
        if not self._is_good(packet, question):
            self._hand_over(packet)
            return
        self._owner.over(self)
        self.datagram.former = packet[: HEADER + len(question)]
        self.pool.give_back(self.datagram)
        self._tell(packet)

    def _is_good(self, packet: bytes, question: bytes) -> bool:
        """Whether nothing in it is to be counted, doubted or answered."""
        if len(packet) < HEADER or packet[:2] != self.packet[:2] or packet[2] & (QR | TC) != QR:
            return False
        if not echoes_question(packet, question):
            return False
        try:
            plain = read_plain(packet)
            message = parse_received(packet) if plain is None or plain.options else None
        except Malformed:
            return False
        return not self.cookie or self._may_be_taken(message)

    def _may_be_taken(self, message: Message | None) -> bool:
        """As far as cookies tell (RFC 7873 §5.3); None: it has no option."""
        jar, content = self._owner.jar, None if message is None else cookie_of(message)
        if content is None:
            return not jar.expects(self.address)
        if content[:CLIENT_LENGTH] != self.cookie[:CLIENT_LENGTH] or (message and message.rcode == _BADCOOKIE):
            return False
        jar.learn(self.address, content)
        return True
