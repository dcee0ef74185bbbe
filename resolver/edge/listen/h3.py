"""DoH over HTTP/3 (RFC 9114, RFC 8484): requests of streams go to the handlers that HTTP/2 has too."""

from net.h3_server import EXCESSIVE_LOAD, NO_ERROR, Body, Headers, HttpServer
from net.quic_server import Octets, Reset, Stopped
from resolver.doh import MAX_BODY
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.quic_guest import QuicGuest
from resolver.edge.listen.requests import TOO_LARGE, Exchanges
from resolver.http import HttpResponse, read_fields, read_request, response_headers
from wire.units import Instant

_CONTROL = 2
"""The bit of a stream's id that says unidirectional (RFC 9000 §2.1): those carry settings and headers' tables."""
_NEXT = 4
"""From one stream of the client's to the next of the same kind."""


class _Coming:
    """A request that is not whole yet; `octets` of its stream are not given back to the connection's window."""

    __slots__ = ("body", "fields", "octets")

    def __init__(self) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.octets = 0


class H3Session:
    """HTTP/3 on one connection."""

    __slots__ = ("_coming", "_exchanges", "_guest", "_house", "_http", "_next")
    no_error = NO_ERROR
    excessive_load = EXCESSIVE_LOAD

    def __init__(self, guest: QuicGuest, house: SecureHouse) -> None:
        self._guest = guest
        self._house = house
        self._http = HttpServer(guest.conversation)
        self._exchanges = Exchanges(house, self._respond)
        self._coming: dict[int, _Coming] = {}
        self._next = 0
        """The lowest stream that no request came on."""

    @property
    def owing(self) -> bool:
        """Whether a response is still to be made."""
        return self._exchanges.open > 0

    def received(self, event: Octets, now: Instant) -> None:
        """Octets of a request or of a control stream."""
        parts = self._http.heard(event)
        if event.stream & _CONTROL:
            self._guest.conversation.took(len(event.data))
        else:
            self._collect(event, parts, now)
        # The codec may have something to say of its own: its settings, or why this is the end.
        self._guest.mark()

    def _collect(self, event: Octets, parts: list[Headers | Body], now: Instant) -> None:
        self._next = max(self._next, event.stream + _NEXT)
        coming = self._coming.setdefault(event.stream, _Coming())
        coming.octets += len(event.data)
        for part in parts:
            if isinstance(part, Body):
                coming.body += part.data
            elif not coming.fields:
                # A second block is a trailer, which says nothing to us.
                coming.fields = read_fields(part.fields)
            if len(coming.body) > MAX_BODY:
                self._forget(event.stream)
                self._respond(event.stream, TOO_LARGE)
                self._guest.conversation.stop(event.stream, NO_ERROR)
                return
            if part.ended:
                self._start(event.stream, coming, now)
                return
        if event.ended:
            self._forget(event.stream)

    def _start(self, stream: int, coming: _Coming, now: Instant) -> None:
        self._forget(stream)
        self._guest.active = now
        request = read_request(coming.fields, bytes(coming.body), self._guest.peer_name)
        if isinstance(request, HttpResponse):
            self._respond(stream, request)
            return
        self._exchanges.start(stream, request, self._guest.client, now)

    def _respond(self, stream: int, response: HttpResponse) -> None:
        self._guest.conversation.answered()
        self._http.respond(stream, list(response_headers(response)), response.body)
        self._guest.mark()

    def cancelled(self, event: Reset | Stopped) -> None:
        """The client wants no response, or will not finish its request."""
        self._http.heard(event)
        before = self._exchanges.open
        self._exchanges.cancel(event.stream)
        if self._exchanges.open < before or event.stream in self._coming:
            self._guest.conversation.cancelled()
            self._http.forget(event.stream)
        self._forget(event.stream)
        self._guest.mark()

    def _forget(self, stream: int) -> None:
        """Nothing more of this request is kept."""
        coming = self._coming.pop(stream, None)
        if coming is not None:
            self._guest.conversation.took(coming.octets)

    def leave(self) -> None:
        """Say which requests were not looked at and may be asked elsewhere."""
        self._http.goodbye(self._next)

    def ended(self) -> None:
        """Nobody waits any more."""
        self._exchanges.end()
        self._coming.clear()
        # These held this session, which held them: a circle that Python finds late.
        self._exchanges = Exchanges(self._house, _drop)


def _drop(_stream: int, _response: HttpResponse) -> None:
    """Where nobody is."""
