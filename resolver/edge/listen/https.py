"""HTTP/2 above a TLS connection (RFC 9113): each request its own road to the desk, or to who else answers its path."""

from net.h2_codecs import ServerLimits
from net.h2_guard import BROKEN, Abusive
from net.h2_server import MAX_HELD, Asked, Http2Server, TooLarge
from resolver.doh import MAX_BODY
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.requests import TOO_LARGE, Exchanges, Fields, answer_at_once
from resolver.edge.listen.tls import TlsConnection
from resolver.http import HttpResponse, read_fields, read_request, response_headers
from wire.units import Instant

PATIENCE = 10.0
"""Seconds for a request to become whole and its response to be taken, beside those an answer may take."""

LINGER = 3.0
"""Seconds for a request that was answered before it was whole to end."""

MAX_UPLOADS = 8 * 1024 * 1024
"""Octets of bodies that all connections together may have kept here; past it those that keep any are ended."""


class HttpsSession:
    """One client over HTTP/2."""

    __slots__ = ("_active", "_codec", "_connection", "_exchanges", "_house")

    def __init__(self, connection: TlsConnection, house: SecureHouse) -> None:
        self._connection = connection
        self._house = house
        self._codec: Http2Server | None = None
        """Made when the first octets are there: who only connects costs none of it."""
        self._exchanges = Exchanges(house, self._respond)
        self._active = connection.active

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made or written."""
        return self._codec is not None and self._codec.owing

    def received(self, data: bytes, now: Instant) -> None:
        """Frames came."""
        codec, house = self._codec, self._house
        if codec is None:
            codec = self._codec = Http2Server(ServerLimits(MAX_BODY, house.settings.streams), self._at_once)
        before = codec.held
        try:
            events = codec.receive(data, now)
        except Abusive as error:
            self._expel(error.what, now)
            return
        finally:
            if codec.held != before:
                house.uploads += codec.held - before
        for event in events:
            if event.__class__ is Asked:
                self._active = now
                self._take(event, now)
            elif event.__class__ is TooLarge:
                self._respond(event.stream, TOO_LARGE)
            else:
                self._exchanges.cancel(event.stream)
        self._flush()
        if codec.ended:
            self._connection.close()
        elif codec.held > 0 and house.uploads > MAX_UPLOADS:
            self._expel("uploads", now)

    def sent(self, now: Instant) -> None:
        """Nothing waits for room here: what may be sent is with the connection already."""

    def expired(self, now: Instant) -> bool:
        """Idle for how full the house is, or one of its requests takes for ever."""
        codec = self._codec
        if codec is not None:
            codec.tidy(now - LINGER)
            self._flush()
        if codec is None or not codec.open:
            return now - self._active > self._house.patience and self._part("idle")
        patience = PATIENCE + self._house.settings.front.deadline
        return (now - codec.oldest > patience or codec.held > MAX_HELD) and self._part("stuck")

    def leave(self) -> None:
        """Say that no request is taken any more."""
        if self._codec is not None:
            self._codec.goodbye()
            self._flush()

    def ended(self) -> None:
        """Nobody waits any more."""
        self._exchanges.end()
        if self._codec is not None:
            self._house.uploads -= self._codec.held
            self._codec.let_go()
            self._codec = None

    def _at_once(self, headers: Fields, now: float) -> tuple[Fields, bytes, bool] | None:
        """Nearly always: a request that is answered from memory, octet for octet. It is not even told of."""
        connection, self._active = self._connection, Instant(now)
        # The response before this one leaves in a record of its own.
        self._flush()
        return answer_at_once(self._house, headers, connection.peer_name, connection.client, self._active)

    def _take(self, asked: Asked, now: Instant) -> None:
        stream, headers, body = asked
        connection = self._connection
        request = read_request(read_fields(headers), body, connection.peer_name)
        if isinstance(request, HttpResponse):
            self._respond(stream, request)
        else:
            self._exchanges.start(stream, request, connection.client, now)

    def _respond(self, stream: int, response: HttpResponse) -> None:
        codec = self._codec
        if codec is None:
            return
        before = codec.held
        codec.respond(stream, response_headers(response), response.body, good=response.status < 400)
        if codec.held != before:
            self._house.uploads += codec.held - before
        self._connection.write_apart(codec.outgoing())

    def _flush(self) -> None:
        if self._codec is not None:
            data = self._codec.outgoing()
            if data:
                self._connection.write_apart(data)

    def _part(self, why: str) -> bool:
        self._house.count(f"https-{why}")
        self.leave()
        return True

    def _expel(self, what: str, now: Instant) -> None:
        """End an abusive connection, and let nobody in from there for a while; a broken one may try again."""
        self._house.count(f"https-ended-{what}")
        if what != BROKEN:
            self._house.bar(self._connection.client, now)
        self.leave()
        self._flush()
        self._connection.close()
