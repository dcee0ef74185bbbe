"""Oblivious DoH as it is served (RFC 9230): a target that opens queries for the desk, and a relay that passes on what it cannot
read."""

import urllib.parse
from collections.abc import Callable
from functools import partial
from typing import Protocol

from privacy.keyring import KeyRing
from privacy.odoh import MEDIA_TYPE, REPLY_NONCE, WELL_KNOWN, Opened, UnknownKey, open_query, seal_answer
from resolver.admission import Client, Places
from resolver.carried import ERRORS, MAX_QUERY, Carried, Outcome
from resolver.doh import check_query
from resolver.edge.listen.house import Asked, Cancel, Handler, SecureHouse
from resolver.http import NO_STORE, HttpRequest, HttpResponse, media_type, refused
from wire.errors import Malformed
from wire.units import Instant

MAX_SHOWN = 3_600
"""Seconds for which the keys may be kept by who fetched them, at most."""

MAX_CARRIED = 512
"""Requests that are being carried at the same time, for all clients together."""

MAX_OF_ONE = 128
"""The same for one household: a target that is slow must not let one take all places."""

Respond = Callable[[HttpResponse], None]
Entropy = Callable[[int], bytes]

_OVER_RATE = refused(429, "too many questions", ("retry-after", "1"))
_CONFIGS_TYPE = "application/octet-stream"


class CarryPort(Protocol):
    """The way to the cell that connects out."""

    def carry(self, place: int, sealed: bytes, seconds: float, then: Callable[[Carried], None]) -> None:
        """Hand over a body for the target at `place` (empty: its keys are wanted); `then` is called once, within `seconds` or
        when the way is lost."""


class ObliviousRoad:
    """The way back to somebody nobody here knows."""

    __slots__ = ("_entropy", "_opened", "_respond")
    stream = True
    encrypted = True

    def __init__(self, opened: Opened, respond: Respond, entropy: Entropy) -> None:
        self._opened = opened
        self._respond = respond
        self._entropy = entropy

    def send(self, response: bytes) -> None:
        """Seal it and answer."""
        body = seal_answer(self._opened, response, self._entropy(REPLY_NONCE))
        self._respond(HttpResponse(200, MEDIA_TYPE, body, NO_STORE))


class TargetHandler:
    """Opens queries for the desk. Limits and group are those of the relay that brought them: of the client nothing is known."""

    def __init__(self, house: SecureHouse, ring: KeyRing, entropy: Entropy) -> None:
        self._house = house
        self._ring = ring
        self._entropy = entropy

    def __call__(self, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
        """Answer, now or later; what it returns forgets the question."""
        opened = self._opened(request, client, now)
        if isinstance(opened, HttpResponse):
            self._house.count("odoh-refused")
            respond(opened)
            return None
        road = ObliviousRoad(opened, respond, self._entropy)
        if self._house.put(opened.message, client, road, now) is not Asked.TAKEN:
            respond(refused(400, "this is no DNS query"))
            return None
        self._house.count("odoh-opened")
        return partial(self._house.desk.forget, road)

    def _opened(self, request: HttpRequest, client: Client, now: Instant) -> Opened | HttpResponse:
        refusal = _unsuitable(request)
        if refusal is not None:
            return refusal
        if not self._house.pays(client, now):
            return _OVER_RATE
        try:
            opened = open_query(self._ring.known(now), request.body)
        except UnknownKey:
            # > it MUST return a 401 (Unauthorized) response to the Proxy (RFC 9230 §8)
            return refused(401, "sealed for a key that is not in use; fetch the keys again")
        except Malformed:
            return refused(400, "this does not open")
        return check_query(opened.message) or opened


class ConfigsHandler:
    """Shows keys at the well-known place: our own target's, or with `?targethost=` those of a target that the relay serves."""

    def __init__(self, ring: KeyRing | None, relay: "RelayHandler | None") -> None:
        self._ring = ring
        self._relay = relay

    def __call__(self, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
        """Answer, now or later."""
        if request.method != "GET":
            respond(refused(405, "keys are shown by GET only", ("allow", "GET")))
        elif "targethost=" in request.query and self._relay is not None:
            return self._relay.show_keys(request, respond, client, now)
        elif self._ring is None or request.query:
            respond(refused(404, "there are no keys here"))
        else:
            seconds = int(min(self._ring.left(now), MAX_SHOWN))
            respond(HttpResponse(200, _CONFIGS_TYPE, self._ring.configs(now), f"max-age={seconds}"))
        return None


class RelayHandler:
    """Passes sealed bodies on to targets of the configuration. No header of the client's goes along, and no DNS is read."""

    def __init__(self, house: SecureHouse, port: Callable[[], CarryPort | None]) -> None:
        self._house = house
        self._port = port
        self._places = Places()

    def __call__(self, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
        """Carry it there, and what comes back to the client."""
        refusal = _unsuitable(request)
        if refusal is None and not request.body:
            refusal = refused(400, "nothing to carry")
        return self._carry(request, request.body, respond, client, now, refusal)

    def show_keys(self, request: HttpRequest, respond: Respond, client: Client, now: Instant) -> Cancel | None:
        """Fetch the keys of a target for somebody who must not ask it himself."""
        return self._carry(request, b"", respond, client, now, None)

    def _carry(
        self,
        request: HttpRequest,
        sealed: bytes,
        respond: Respond,
        client: Client,
        now: Instant,
        refusal: HttpResponse | None,
    ) -> Cancel | None:
        place = self._place(request.query)
        if refusal is None and isinstance(place, HttpResponse):
            refusal = place
        if refusal is None and not self._house.pays(client, now):
            refusal = _OVER_RATE
        port = self._port()
        if refusal is None and (port is None or not self._has_room(client)):
            refusal = _failed(Outcome.TOO_MUCH)
        if refusal is not None or isinstance(place, HttpResponse) or port is None:
            self._house.count("relay-refused")
            respond(refusal or _failed(Outcome.UNAVAILABLE))
            return None
        self._places.take(client.household)
        self._house.count("relay-carried")
        then = partial(self._back, respond, client.household, not sealed)
        port.carry(place, sealed, self._house.settings.front.deadline, then)
        return None

    def _has_room(self, client: Client) -> bool:
        return self._places.held_by(client.household) < MAX_OF_ONE and self._places.taken < MAX_CARRIED

    def _back(self, respond: Respond, household: bytes, keys: bool, carried: Carried) -> None:
        self._places.give_back(household)
        respond(_response_for(carried, keys))

    def _place(self, query: str) -> int | HttpResponse:
        """Which target of the configuration is meant."""
        wanted = _target_in(query)
        if wanted is None:
            return refused(400, "targethost= and targetpath= are needed, once each")
        try:
            return self._house.settings.odoh_targets.index(wanted)
        except ValueError:
            denied = ("proxy-status", "relay; error=http_request_denied")
            return refused(403, "nothing is carried to this target", denied)


class Oblivious:
    """Target and relay of a house, by its settings. The keys outlive a reload."""

    def __init__(
        self, house: SecureHouse, port: Callable[[], CarryPort | None], entropy: Entropy, now: Instant
    ) -> None:
        self._house = house
        self._entropy = entropy
        self._ring = KeyRing(entropy, now)
        self._relay = RelayHandler(house, port)
        self._ours: dict[str, Handler] = {}
        self.use()

    def use(self) -> None:
        """Answer where the settings of the house say so, and nowhere else."""
        handlers, settings = self._house.handlers, self._house.settings
        for path, handler in self._ours.items():
            # It may be the path of DoH by now.
            if handlers.get(path) is handler:
                del handlers[path]
        ours: dict[str, Handler] = {}
        if settings.odoh_target:
            ours[settings.odoh_path] = TargetHandler(self._house, self._ring, self._entropy)
        if settings.odoh_relay:
            ours[settings.odoh_relay_path] = self._relay
        if ours:
            ring, relay = self._ring, self._relay
            ours[WELL_KNOWN] = ConfigsHandler(
                ring if settings.odoh_target else None, relay if settings.odoh_relay else None
            )
        handlers.update(ours)
        self._ours = ours


def _unsuitable(request: HttpRequest) -> HttpResponse | None:
    """Why a request carries no oblivious query (RFC 9230 §4.1), or None."""
    if request.method != "POST":
        return refused(405, "sealed queries are posted", ("allow", "POST"))
    if media_type(request.content_type) != MEDIA_TYPE:
        return refused(415, f"the content must be {MEDIA_TYPE}")
    if len(request.body) > MAX_QUERY:
        return refused(413, f"a sealed query has {MAX_QUERY} octets at most")
    return None


def _target_in(query: str) -> tuple[str, str] | None:
    """`targethost` (folded) and `targetpath` (RFC 9230 §4.1)."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name in ("targethost", "targetpath"):
            if name in found:
                return None
            found[name] = urllib.parse.unquote(value, errors="replace")
    host, path = found.get("targethost", "").lower().removesuffix(":443"), found.get("targetpath", "")
    # RFC 6570 lets a path come with or without its first slash.
    return (host, path if path.startswith("/") else f"/{path}") if host and path else None


def _response_for(carried: Carried, keys: bool) -> HttpResponse:
    """What the client gets: the target's status and body (RFC 9230 §4.3), or that there is none and why (RFC 9209)."""
    if carried.outcome is not Outcome.ANSWERED:
        return _failed(carried.outcome)
    status = ("proxy-status", f"relay; received-status={carried.status}")
    if keys:
        good = carried.status == 200
        return HttpResponse(carried.status, _CONFIGS_TYPE, carried.body if good else b"", NO_STORE, (status,))
    kind = MEDIA_TYPE if carried.oblivious else "application/octet-stream"
    return HttpResponse(carried.status, kind, carried.body, NO_STORE, (status,))


def _failed(outcome: Outcome) -> HttpResponse:
    status, error = ERRORS[outcome]
    return refused(status, "the target gave no answer", ("proxy-status", f"relay; error={error}"))
