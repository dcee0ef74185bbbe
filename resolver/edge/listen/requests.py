"""HTTP requests of one connection, whatever carries them: each finds its handler by path, and its response the way back.

Shared by HTTP/2 and HTTP/3. A response comes now or later; for a request that was called off it goes nowhere.
"""

from collections.abc import Callable, Sequence
from functools import partial

from resolver.admission import Client
from resolver.cache.packets import ENCRYPTED
from resolver.doh import MAX_BODY, build_answer, check_query, label_below, read_ordinary, take_query
from resolver.edge.listen.house import Asked, Cancel, SecureHouse
from resolver.http import HttpRequest, HttpResponse, refused, response_headers
from wire.units import Instant

TOO_LARGE = refused(413, f"a request has {MAX_BODY} octets at most")
OVER_RATE = refused(429, "too many questions", ("retry-after", "1"))

Respond = Callable[[HttpResponse], None]
Fields = Sequence[tuple[bytes, bytes]]


class DohRoad:
    """The way back to one request."""

    __slots__ = ("_respond",)
    stream = True
    encrypted = True

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def send(self, response: bytes) -> None:
        """Answer it."""
        self._respond(build_answer(response))


class DohHandler:
    """Answers DNS queries over HTTPS (RFC 8484) from the desk of the house."""

    def __init__(self, house: SecureHouse) -> None:
        self._house = house

    def __call__(self, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
        """Answer, now or later; what it returns forgets the question."""
        message = take_query(request)
        if isinstance(message, HttpResponse):
            self._refuse(message, respond)
            return None
        road = DohRoad(respond)
        refusal = None if self._house.desk.knows(message, client, road) else check_query(message)
        if refusal is not None:
            self._refuse(refusal, respond)
            return None
        if self._house.ask(message, client, road, now) is not Asked.TAKEN:
            respond(OVER_RATE)
            return None
        return partial(self._house.desk.forget, road)

    def _refuse(self, refusal: HttpResponse, respond: Respond) -> None:
        self._house.count("doh-refused")
        respond(refusal)


def serve_doh(house: SecureHouse) -> None:
    """Answer DNS queries at the path of the settings, and no more at the one before."""
    for path in [path for path, handler in house.handlers.items() if isinstance(handler, DohHandler)]:
        del house.handlers[path]
    house.handlers[house.settings.path] = DohHandler(house)
    house.doh_target = house.settings.path.encode("latin-1") + b"?dns="


def answer_at_once(
    house: SecureHouse, headers: Fields, peer_name: str, client: Client, now: Instant
) -> tuple[Fields, bytes, bool] | None:
    """The header fields and the body that answer a request, and whether it was worth it, where it is a DNS query as it was
    answered before, octet for octet. None for any other: nothing was done about it, and `Exchanges.start` is to be asked, which
    would come to the same for this one."""
    if house.doh_target is None:
        return None
    message = read_ordinary(headers, house.doh_target)
    if message is None:
        return None
    member = house.named(client, peer_name)
    entry = house.desk.recall(message, member, ENCRYPTED, now)
    if entry is None:
        return None
    if not house.pays(member, now):
        return response_headers(OVER_RATE), OVER_RATE.body, False
    house.desk.counters["hits"] += 1
    body = message[:2] + entry.body
    heading = entry.heading
    if heading is None:
        heading = entry.heading = response_headers(build_answer(body))
    return heading, body, True


def dispatch(house: SecureHouse, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
    """Hand a request to who answers its path; a label behind the path of DoH says in which group its client is.

    A path that nobody answers is 404, and so is a label that nobody has.
    """
    settings = house.settings
    handler = house.handlers.get(request.path)
    member = client
    if handler is None:
        label = (label_below(request.path, settings.path) or "").lower()
        if any(label == known for known, _ in settings.identities):
            handler = house.handlers.get(settings.path)
            member = house.identified(client, label)
    elif request.path == settings.path:
        member = house.named(client, request.peer_name)
    if handler is None:
        house.count("http-not-found")
        respond(refused(404, "nothing is here"))
        return None
    return handler(request, respond, member, now)


def _nobody(_stream: int, _response: HttpResponse) -> None:
    """Who waited is gone."""


class Exchanges:
    """The requests of one connection that wait for their responses. `write` is given each response, with its stream."""

    __slots__ = ("_cancels", "_house", "_write")

    def __init__(self, house: SecureHouse, write: Callable[[int, HttpResponse], None]) -> None:
        self._house = house
        self._write = write
        self._cancels: dict[int, Cancel | None] = {}

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._cancels)

    def start(self, stream: int, request: HttpRequest, client: Client, now: Instant) -> None:
        """One more; `stream` is its number on this connection."""
        self._cancels[stream] = None
        cancel = dispatch(self._house, request, partial(self._answer, stream, request.method), client, now)
        if stream in self._cancels:
            self._cancels[stream] = cancel

    def _answer(self, stream: int, method: str, response: HttpResponse) -> None:
        if stream in self._cancels:
            del self._cancels[stream]
            # > The server MUST NOT send content in the response (RFC 9110 §9.3.2)
            self._write(stream, response._replace(body=b"") if method == "HEAD" else response)

    def cancel(self, stream: int) -> None:
        """The client called it off."""
        cancel = self._cancels.pop(stream, None)
        if cancel is not None:
            cancel()

    def end(self) -> None:
        """The connection is gone."""
        while self._cancels:
            self.cancel(next(iter(self._cancels)))
        self._write = _nobody
