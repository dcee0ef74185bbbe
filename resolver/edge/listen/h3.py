"""DoH over HTTP/3 (RFC 9114, RFC 8484): requests of streams go to the handlers that HTTP/2 has too."""

from net.h3_server import EXCESSIVE_LOAD, NO_ERROR, Body, Fields, Headers, HttpServer
from net.quic_server import Octets, Reset, Stopped
from resolver.doh import MAX_BODY
from resolver.edge.listen.house import SecureHouse
from resolver.edge.listen.quic_guest import QuicGuest
from resolver.http import HttpRequest, HttpResponse, refused
from wire.units import Instant

_DIRECTION = 2


class H3Request:
    """One stream's request as it comes; also the way back."""

    __slots__ = ("_session", "body", "cancel", "done", "fields", "octets", "stream")

    def __init__(self, session: "H3Session", stream: int, fields: Fields) -> None:
        self._session = session
        self.stream = stream
        self.fields = fields
        self.body = bytearray()
        self.octets = 0
        """Of the stream, not yet given back to the connection's window."""
        self.done = False
        """A response is out, or wanted no more."""

    def respond(self, response: HttpResponse) -> None:
        """Queue the response; the second one and one that comes too late are dropped."""
        self._session.respond(self, response)

    def built(self, peer_name: str) -> HttpRequest:
        """The request as handlers know it."""
        path, _, query = self._field(b":path").partition("?")
        accept = ",".join(_text(value) for name, value in self.fields if name == b"accept")
        method, kind = self._field(b":method"), self._field(b"content-type")
        return HttpRequest(method, path, query, kind, accept, bytes(self.body), peer_name)

    def _field(self, wanted: bytes) -> str:
        return next((_text(value) for name, value in self.fields if name == wanted), "")


class H3Session:
    """HTTP/3 on one connection."""

    __slots__ = ("_guest", "_house", "_http", "_open", "_requests")
    no_error = NO_ERROR
    excessive_load = EXCESSIVE_LOAD

    def __init__(self, guest: QuicGuest, house: SecureHouse) -> None:
        self._guest = guest
        self._house = house
        self._http = HttpServer(guest.conversation)
        self._requests: dict[int, H3Request] = {}
        self._open = 0

    @property
    def owing(self) -> bool:
        """Whether an answer is still to be made."""
        return self._open > 0

    def received(self, event: Octets, now: Instant) -> None:
        """Octets of a request or of a control stream."""
        parts = self._http.heard(event)
        request = self._requests.get(event.stream)
        if event.stream & _DIRECTION or (request is not None and request.done):
            # Nothing of these is kept.
            self._guest.conversation.took(len(event.data))
        for part in parts:
            if isinstance(part, Headers):
                request = self._begin(part)
            elif request is not None and not request.done:
                request.body += part.data
            if request is not None and not request.done:
                self._go_on(request, part, now)
        if request is not None and not request.done:
            request.octets += len(event.data)
        self._guest.mark()

    def _begin(self, head: Headers) -> H3Request:
        known = self._requests.get(head.stream)
        if known is not None:
            # Trailers; they say nothing to us.
            return known
        request = self._requests[head.stream] = H3Request(self, head.stream, head.fields)
        return request

    def _go_on(self, request: H3Request, part: Headers | Body, now: Instant) -> None:
        if len(request.body) > MAX_BODY:
            self._open += 1
            request.respond(refused(413, "a DNS message has 65535 octets at most"))
            self._guest.conversation.stop(request.stream, NO_ERROR)
        elif part.ended:
            self._ask(request, now)

    def _ask(self, request: H3Request, now: Instant) -> None:
        guest = self._guest
        guest.active = now
        self._open += 1
        asked = request.built(guest.peer_name)
        request.body.clear()
        handler = self._house.handler(asked.path)
        if handler is None:
            request.respond(refused(404, "nothing is served here"))
        else:
            handler(asked, request.respond, self._house.named(guest.client, guest.peer_name), now)

    def respond(self, request: H3Request, response: HttpResponse) -> None:
        """The response to the request of one stream."""
        if request.done:
            return
        self._let_go(request)
        self._guest.conversation.answered()
        self._http.respond(request.stream, _fields(response), response.body)
        self._guest.mark()

    def cancelled(self, event: Reset | Stopped) -> None:
        """The client wants no response, or will not finish its request."""
        self._http.heard(event)
        request = self._requests.get(event.stream)
        if request is not None and not request.done:
            self._guest.conversation.cancelled()
            self._let_go(request)
            self._http.forget(event.stream)
        self._guest.mark()

    def _let_go(self, request: H3Request) -> None:
        request.done = True
        del self._requests[request.stream]
        self._guest.conversation.took(request.octets)
        self._open -= 1

    def ended(self) -> None:
        """Nobody waits any more."""
        for request in self._requests.values():
            request.done = True
        self._requests.clear()
        self._open = 0


def _fields(response: HttpResponse) -> Fields:
    fields = [(":status", str(response.status)), ("content-length", str(len(response.body)))]
    if response.content_type:
        fields.append(("content-type", response.content_type))
    if response.cache_control:
        fields.append(("cache-control", response.cache_control))
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in (*fields, *response.headers)]


def _text(value: bytes) -> str:
    return value.decode("latin-1")
